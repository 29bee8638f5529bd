// Functions of images against torchvision.
#include <doctest/doctest.h>

#include <sinter/vision/vision.hpp>

#include "../support/reference_case.hpp"

using namespace sinter;
using support::check_function;

namespace {
template <auto... E> using F = Tensor<float, E...>;

struct Net {
  Buffer<float, 3> mean{nn::init::constant(0.5)}, deviation{nn::init::constant(0.25)};
  constexpr auto operator()(auto x) const {
    return vision::normalize(vision::center_crop<2>(x), mean, deviation) -
           vision::normalize(vision::center_crop<2>(x), {0.5, 0.5, 0.5}, {0.25, 0.25, 0.25});
  }
};
}  // namespace

TEST_CASE("images are normalised by channel") {
  const auto colour = [](auto x) { return vision::normalize(x, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}); };
  check_function<F<2, 3, 2, 3>>("normalize", colour);
  check_function<F<3, 2, 2>>("normalize_one", colour);
  check_function<F<2, 1, 2, 2>>("normalize_gray", [](auto x) { return vision::normalize(x, {0.1307}, {0.3081}); });
}

TEST_CASE("statements, programs and nets normalise alike") {
  Tensor<float, upto<4, 'B'>, 3, 1, 2> x;
  x.set_length<'B'>(1);
  x(0) = Tensor<float, 3, 1, 2>{{{0, 1}}, {{0.25f, 0.5f}}, {{1, 2}}};
  const Tensor<float, upto<4, 'B'>, 3, 1, 2> y = vision::normalize(x, {0.5, 0.25, 0}, {0.5, 0.25, 2});
  CHECK(to_string(y) == "[[[[-1, 1]],\n  [[0, 1]],\n  [[0.5, 1]]]]");
  const auto z = jit([](auto a) { return vision::normalize(a, {0.5, 0.25, 0}, {0.5, 0.25, 2}); })(x);
  CHECK(equal(y, z));
  const Tensor<float, 3> mean{0.5f, 0.25f, 0}, deviation{0.5f, 0.25f, 2};
  const Tensor<float, upto<4, 'B'>, 3, 1, 2> t = vision::normalize(x, mean, deviation);
  CHECK(equal(y, t));
  CHECK_THROWS_AS((void)vision::normalize(x, {0.5, 0.25, 0}, {0.5, 0, 2}), Error);
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 1, 3, 3, 3>>(net);
  Tensor<float, 1, 3, 3, 3> image;
  image.fill(0.75f);
  CHECK(equal(infer(image), Tensor<float, 1, 3, 2, 2>{}));
}

TEST_CASE("the middle of images, with a border where they are smaller") {
  check_function<F<2, 5, 6>>("center_crop_2_2", [](auto x) { return vision::center_crop<2>(x); });
  check_function<F<2, 5, 6>>("center_crop_5_4", [](auto x) { return vision::center_crop<{5, 4}>(x); });
  check_function<F<2, 5, 6>>("center_crop_4_7", [](auto x) { return vision::center_crop<{4, 7}>(x); });
  check_function<F<2, 5, 6>>("center_crop_1_3", [](auto x) { return vision::center_crop<{1, 3}>(x); });
  check_function<F<2, 5, 6>>("center_crop_8_9", [](auto x) { return vision::center_crop<{8, 9}>(x); });
  check_function<F<2, 5, 6>>("center_crop_9_2", [](auto x) { return vision::center_crop<{9, 2}>(x); });
  check_function<F<4, 7>>("center_crop_1", [](auto x) { return vision::center_crop<1>(x); });
  check_function<F<4, 7>>("center_crop_2", [](auto x) { return vision::center_crop<2>(x); });
  check_function<F<4, 7>>("center_crop_3", [](auto x) { return vision::center_crop<3>(x); });
  check_function<F<4, 7>>("center_crop_4", [](auto x) { return vision::center_crop<4>(x); });
}
