// The first primitives against PyTorch: values and gradients, in float and double.
#include "../support/against_pytorch.hpp"

using namespace sinter;
using support::check;

namespace {

template <auto... E> using F = Tensor<float, E...>;

}  // namespace

TEST_CASE("arithmetic broadcasts as in PyTorch, and its gradients sum over what was repeated") {
  check<F<3, 5>, F<5>>("add_row", [](auto x, auto y) { return x + y; });
  check<F<3, 1>, F<3, 5>>("sub_column", [](auto x, auto y) { return x - y; });
  check<F<4, 1>, F<3>>("mul_outer", [](auto x, auto y) { return x * y; });
  check<F<3, 5>, F<3, 5>>("div", [](auto x, auto y) { return x / y; });
  check<F<3, 5>>("neg", [](auto x) { return -x; });
  check<F<3, 5>, F<3, 5>>("maximum", [](auto x, auto y) { return maximum(x, y); });
  check<F<3, 5>, F<3, 5>>("where", [](auto x, auto y) { return select(x > y, x * y, y); });
}

TEST_CASE("elementary functions and activations") {
  check<F<3, 5>>("exp", [](auto x) { return exp(x); });
  check<F<3, 5>>("log", [](auto x) { return log(x); });
  check<F<3, 5>>("tanh", [](auto x) { return tanh(x); });
  check<F<3, 5>>("sqrt", [](auto x) { return sqrt(x); });
  check<F<4, 5>>("relu", [](auto x) { return relu(x); });
  check<F<3, 5>>("sigmoid", [](auto x) { return sigmoid(x); });
  check<F<3, 5>>("softmax_last", [](auto x) { return softmax(x); });
  check<F<3, 5>>("softmax_first", [](auto x) { return softmax<0>(x); });
  check<F<3, 5>>("log_softmax", [](auto x) { return log_softmax(x); });
}

TEST_CASE("reductions over any axes") {
  check<F<3, 5>>("sum_all", [](auto x) { return sum(x); });
  check<F<2, 3, 4>>("sum_middle", [](auto x) { return sum<1>(x); });
  check<F<2, 3, 4>>("sum_keep", [](auto x) { return sum<0, 2>(x, keepdims); });
  check<F<2, 3, 4>>("mean_last", [](auto x) { return mean<-1>(x); });
  check<F<2, 6>>("amax", [](auto x) { return amax<1>(x); });
}

TEST_CASE("matrix products of vectors, matrices and batches") {
  check<F<4, 7>, F<7, 5>>("matmul", [](auto x, auto y) { return matmul(x, y); });
  check<F<4, 7>, F<7>>("matmul_vector", [](auto x, auto y) { return matmul(x, y); });
  check<F<7>, F<7, 5>>("matmul_row", [](auto x, auto y) { return matmul(x, y); });
  check<F<7>, F<7>>("matmul_dot", [](auto x, auto y) { return matmul(x, y); });
  check<F<2, 3, 4, 5>, F<3, 5, 6>>("matmul_batch", [](auto x, auto y) { return matmul(x, y); });
  check<F<4, 6>, F<3, 6>, F<3>>("linear", [](auto x, auto w, auto b) { return matmul(x, transpose(w)) + b; });
}

TEST_CASE("views") {
  check<F<2, 3, 4>>("transpose", [](auto x) { return transpose(x); });
  check<F<2, 3, 4>>("permute", [](auto x) { return permute<2, 0, 1>(x); });
  check<F<2, 3, 4>>("reshape", [](auto x) { return reshape<4, -1>(x); });
  check<F<3, 1>>("broadcast_to", [](auto x) { return broadcast_to<4, 3, 5>(x); });
  check<F<2, 3>, F<2, 1>, F<2, 4>>("concatenate", [](auto x, auto y, auto z) { return concatenate<1>(x, y, z); });
  check<F<3, 9>>("slice_step", [](auto x) { return slice<1, 1, 8, 3>(x); });
  check<F<5, 2>>("slice_end", [](auto x) { return slice<0, -2>(x); });
}

TEST_CASE("losses") {
  check<F<6, 5>, Tensor<int, 6>>("cross_entropy", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check<F<4, 3>, F<4, 3>>("mse", [](auto x, auto y) { return nn::mse_loss(x, y); });
}
