// Functions of rows at their edges (reference/cells.txt): along rows, down columns, over nothing, one element, bounded
// axes of length 0, 1 and all, ties, infinities and NaN, 16-bit floats, integers and bools; derivatives of both orders.
#include <doctest/doctest.h>

#include "../support/cells.hpp"

using namespace sinter;
using support::check_cells;
using support::check_typed;

namespace {
/// A function of images [2, 2, E…] and perhaps weights of this shape, whatever the element type and the batch.
template <int... E, class F, auto... W> void check_images(const std::string& name, F f, Tensor<float, W...>*) {
  check_typed<Sym<float, 2, 2, E...>, Sym<float, W...>>(name, f);
  check_typed<Sym<float, 0, 2, E...>, Sym<float, W...>>(name + ".empty", f);
  check_typed<Sym<float, upto<2, 'B'>, 2, E...>, Sym<float, W...>>(name + ".bounded", f);
  const auto of_type = [&]<class T>(T) {
    check_typed<Sym<T, 2, 2, E...>, Sym<T, W...>>(name + "." + std::string(name_of(dtype_of<T>)), f);
  };
  of_type(float16()), of_type(bfloat16()), of_type(std::int64_t()), of_type(int());
  of_type(std::uint8_t()), of_type(std::int8_t()), of_type(bool());
}
template <int... E, class F> void check_images(const std::string& name, F f) {
  check_typed<Sym<float, 2, 2, E...>>(name, f);
  check_typed<Sym<float, 0, 2, E...>>(name + ".empty", f);
  check_typed<Sym<float, upto<2, 'B'>, 2, E...>>(name + ".bounded", f);
  const auto of_type = [&]<class T>(T) {
    check_typed<Sym<T, 2, 2, E...>>(name + "." + std::string(name_of(dtype_of<T>)), f);
  };
  of_type(float16()), of_type(bfloat16()), of_type(std::int64_t()), of_type(int());
  of_type(std::uint8_t()), of_type(std::int8_t()), of_type(bool());
}

constexpr double inf = std::numeric_limits<double>::infinity();
}  // namespace

TEST_CASE("cells of sums, extrema and statistics") {
  check_cells<1>("sum", [](auto x) { return sum<1>(x); });
  check_cells<1>("sum.columns", [](auto x) { return sum<0>(x); });
  check_cells<1>("prod", [](auto x) { return prod<1>(x); });
  check_cells<1>("prod.columns", [](auto x) { return prod<0>(x); });
  check_cells<1>("mean", [](auto x) { return mean<1>(x); });
  check_cells<1>("mean.columns", [](auto x) { return mean<0>(x); });
  check_cells<1>("amax", [](auto x) { return amax<1>(x); });
  check_cells<1>("amax.columns", [](auto x) { return amax<0>(x); });
  check_cells<1>("amin", [](auto x) { return amin<1>(x); });
  check_cells<1>("amin.columns", [](auto x) { return amin<0>(x); });
  check_cells<1>("argmax", [](auto x) { return argmax<1>(x); });
  check_cells<1>("argmax.columns", [](auto x) { return argmax<0>(x); });
  check_cells<1>("argmin", [](auto x) { return argmin<1>(x); });
  check_cells<1>("argmin.columns", [](auto x) { return argmin<0>(x); });
  check_cells<1>("any", [](auto x) { return any<1>(x); });
  check_cells<1>("any.columns", [](auto x) { return any<0>(x); });
  check_cells<1>("all", [](auto x) { return all<1>(x); });
  check_cells<1>("all.columns", [](auto x) { return all<0>(x); });
  check_cells<1>("var", [](auto x) { return var<1>(x); });
  check_cells<1>("var.columns", [](auto x) { return var<0>(x); });
  check_cells<1>("var.population", [](auto x) { return var<1>(x, correction<0>); });
  check_cells<1>("var.population.columns", [](auto x) { return var<0>(x, correction<0>); });
  check_cells<1>("std_dev", [](auto x) { return std_dev<1>(x); });
  check_cells<1>("std_dev.columns", [](auto x) { return std_dev<0>(x); });
  check_cells<1>("norm", [](auto x) { return norm<1>(x); });
  check_cells<1>("norm.columns", [](auto x) { return norm<0>(x); });
}

TEST_CASE("cells of the softmax family and running sums") {
  check_cells<1>("logsumexp", [](auto x) { return logsumexp<1>(x); });
  check_cells<1>("logsumexp.columns", [](auto x) { return logsumexp<0>(x); });
  check_cells<1>("softmax", [](auto x) { return softmax<1>(x); });
  check_cells<1>("softmax.columns", [](auto x) { return softmax<0>(x); });
  check_cells<1>("log_softmax", [](auto x) { return log_softmax<1>(x); });
  check_cells<1>("log_softmax.columns", [](auto x) { return log_softmax<0>(x); });
  check_cells<1>("softmin", [](auto x) { return softmin<1>(x); });
  check_cells<1>("softmin.columns", [](auto x) { return softmin<0>(x); });
  check_cells<1>("cumsum", [](auto x) { return cumsum<1>(x); });
  check_cells<1>("cumsum.columns", [](auto x) { return cumsum<0>(x); });
}

TEST_CASE("cells of views and assemblies") {
  check_cells<1>("transpose", [](auto x) { return transpose(x); });
  check_cells<1>("permute", [](auto x) { return permute<1, 0>(x); });
  check_cells<1>("reshape", [](auto x) { return reshape<3, 4>(x); });
  check_cells<1>("reshape.empty", [](auto x) { return reshape<3, 0, 2>(x); });
  check_cells<1>("reshape.one", [](auto x) { return reshape<1, 1, 1>(x); });
  check_cells<1>("reshape.rows", [](auto x) { return reshape<upto<4, 'B'>, 3, 1>(x); });
  check_cells<1>("flatten", [](auto x) { return flatten(x); });
  check_cells<1>("unsqueeze", [](auto x) { return unsqueeze<1>(x); });
  check_cells<1>("broadcast_to", [](auto x) { return broadcast_to<2, 4, 3>(x); });
  check_cells<1>("broadcast_to.empty", [](auto x) { return broadcast_to<0, 3>(x); });
  check_cells<1>("broadcast_to.one", [](auto x) { return broadcast_to<1, 1>(x); });
  check_cells<1>("slice", [](auto x) { return slice<1, 1>(x); });
  check_cells<1>("slice.one", [](auto x) { return slice<0, 0, 1>(x); });
  check_cells<1>("slice.nothing", [](auto x) { return slice<1, 2, 2>(x); });
  check_cells<1>("flip", [](auto x) { return flip<1>(x); });
  check_cells<1>("unfold", [](auto x) { return unfold<1, 2>(x); });
  check_cells<1>("unfold.one", [](auto x) { return unfold<0, 1>(x); });
  check_cells<2>("concatenate", [](auto x, auto y) { return concatenate<1>(x, y); });
  check_cells<2>("stack", [](auto x, auto y) { return stack<1>(x, y); });
  check_cells<1>("pad", [](auto x) { return pad<Border{0, 0}, Border{1, 2}>(x); });
  check_cells<1>("pad.infinite", [](auto x) { return pad<Border{0, 0}, Border{1, 0}>(x, -inf); });
  check_cells<1>("pad.cut", [](auto x) { return pad<Border{0, 0}, Border{-1, 1}>(x, NAN); });
  check_cells<1>("stop_gradient", [](auto x) { return stop_gradient(x); });
}

TEST_CASE("cells of elements at places") {
  check_cells<2>("gather", [](auto x, auto i) { return gather<1>(x, i); });
  check_cells<3>("scatter_add", [](auto x, auto i, auto u) { return scatter_add<1>(x, i, u); });
  check_cells<2>("take", [](auto x, auto i) { return take(x, i); });
  check_cells<2>("embedding", [](auto x, auto i) { return embedding(x, i); });
}

TEST_CASE("cells of products") {
  check_cells<2>("matmul", [](auto x, auto y) { return matmul(x, y); });
  check_cells<2>("matmul.vectors", [](auto x, auto y) { return matmul(x, y); });
  check_cells<2>("matmul.batches", [](auto x, auto y) { return matmul(x, y); });
  check_cells<2>("einsum", [](auto x, auto y) { return einsum<"ij,jk->ik">(x, y); });
  check_cells<2>("einsum.outer", [](auto x, auto y) { return einsum<"i,j->ij">(x, y); });
  check_cells<1>("einsum.sum", [](auto x) { return einsum<"ij->j">(x); });
}

TEST_CASE("cells of convolutions") {
  constexpr auto one = [](auto x, auto w) { return conv1d(x, w); };
  constexpr auto two = [](auto x, auto w) { return conv2d(x, w); };
  constexpr auto three = [](auto x, auto w) { return conv3d(x, w); };
  check_images<6>("conv1d", one, static_cast<Tensor<float, 2, 2, 3>*>(nullptr));
  check_images<4, 5>("conv2d", two, static_cast<Tensor<float, 2, 2, 2, 3>*>(nullptr));
  check_images<3, 4, 3>("conv3d", three, static_cast<Tensor<float, 2, 2, 2, 2, 2>*>(nullptr));
  check_typed<Sym<float, 1, 1, 1>, Sym<float, 1, 1, 1>>("conv1d.one", one);
  check_typed<Sym<float, 1, 1, 1, 1>, Sym<float, 1, 1, 1, 1>>("conv2d.one", two);
  check_typed<Sym<float, 1, 1, 1, 1, 1>, Sym<float, 1, 1, 1, 1, 1>>("conv3d.one", three);
  check_typed<Sym<float, 2, 2, 4, 5>, Sym<float, 2, 2, 2, 3>>(
      "conv2d.padded", [](auto x, auto w) { return conv2d<Conv2dOptions{.stride = 2, .padding = 2}>(x, w); });
  check_typed<Sym<float, 1, 1, 12, 12>, Sym<float, 1, 1, 3, 3>>(
      "conv2d.large", [](auto x, auto w) { return conv2d<Conv2dOptions{.padding = 1}>(x, w); });
}

TEST_CASE("cells of pooling") {
  check_images<6>("max_pool1d", [](auto x) { return max_pool1d<2, Pool1dOptions{.stride = 1}>(x); });
  check_images<4, 5>("max_pool2d", [](auto x) { return max_pool2d<2, Pool2dOptions{.stride = 1}>(x); });
  check_images<3, 4, 3>("max_pool3d", [](auto x) { return max_pool3d<2, Pool3dOptions{.stride = 1}>(x); });
  check_typed<Sym<float, 1, 1, 1>>("max_pool1d.one", [](auto x) { return max_pool1d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1>>("max_pool2d.one", [](auto x) { return max_pool2d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1, 1>>("max_pool3d.one", [](auto x) { return max_pool3d<1>(x); });
  check_typed<Sym<float, 2, 2, 6>>(
      "max_pool1d.padded", [](auto x) { return max_pool1d<3, Pool1dOptions{.stride = 2, .padding = 1}>(x); });
  check_typed<Sym<float, 2, 2, 4, 5>>(
      "max_pool2d.padded", [](auto x) { return max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(x); });
  check_typed<Sym<float, 2, 2, 3, 4, 3>>(
      "max_pool3d.padded", [](auto x) { return max_pool3d<3, Pool3dOptions{.stride = 2, .padding = 1}>(x); });
  check_typed<Sym<float, 1, 1, 24>>("max_pool1d.large",
                                    [](auto x) { return max_pool1d<11, Pool1dOptions{.stride = 6}>(x); });
  check_images<6>("avg_pool1d", [](auto x) { return avg_pool1d<2, Pool1dOptions{.stride = 1}>(x); });
  check_images<4, 5>("avg_pool2d", [](auto x) { return avg_pool2d<2, Pool2dOptions{.stride = 1}>(x); });
  check_images<3, 4, 3>("avg_pool3d", [](auto x) { return avg_pool3d<2, Pool3dOptions{.stride = 1}>(x); });
  check_typed<Sym<float, 1, 1, 1>>("avg_pool1d.one", [](auto x) { return avg_pool1d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1>>("avg_pool2d.one", [](auto x) { return avg_pool2d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1, 1>>("avg_pool3d.one", [](auto x) { return avg_pool3d<1>(x); });
  check_typed<Sym<float, 2, 2, 4, 5>>("avg_pool2d.padded", [](auto x) {
    return avg_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1, .count_include_pad = false}>(x);
  });
  check_images<6>("adaptive_avg_pool1d", [](auto x) { return adaptive_avg_pool1d<3>(x); });
  check_images<4, 5>("adaptive_avg_pool2d", [](auto x) { return adaptive_avg_pool2d<1>(x); });
  check_typed<Sym<float, 1, 1, 1>>("adaptive_avg_pool1d.one", [](auto x) { return adaptive_avg_pool1d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1>>("adaptive_avg_pool2d.one", [](auto x) { return adaptive_avg_pool2d<1>(x); });
  check_cells<1>("glu", [](auto x) { return glu<1>(x); });
}

TEST_CASE("cells of attention") {
  constexpr AttentionOptions composed{.composed = true};
  check_cells<3>("attention", [](auto q, auto k, auto v) { return scaled_dot_product_attention(q, k, v); });
  check_cells<4>("attention.masked",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention(q, k, v, m); });
  check_cells<4>("attention.added",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention(q, k, v, m); });
  check_cells<3>("attention.composed",
                 [](auto q, auto k, auto v) { return scaled_dot_product_attention<composed>(q, k, v); });
  check_cells<4>("attention.composed.masked",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention<composed>(q, k, v, m); });
  check_cells<4>("attention.composed.added",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention<composed>(q, k, v, m); });
  check_cells<3>("multi_head", [](auto q, auto k, auto v) { return multi_head_attention<2>(q, k, v); });
}
