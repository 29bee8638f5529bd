// 02: gradients of functions. A line is fitted to noisy points by gradient descent; no layer, no model.
#include <sinter/sinter.hpp>
using namespace sinter;

constexpr auto loss = [](auto slope, auto offset, auto x, auto y) {
  return mean((slope * x + offset - y) * (slope * x + offset - y));
};

int main() {
  Tensor<float, 100> x, y;
  const Philox random(Seed{1});
  for (int i = 0; i < 100; ++i) {
    x(i) = float(i) / 50 - 1;
    y(i) = 3 * x(i) - 0.5f + 0.1f * random.normal(std::uint64_t(i));
  }
  Tensor<float> slope, offset;
  for (int step = 0; step < 200; ++step) {
    const auto [value, by_slope, by_offset] = value_and_grad(loss, wrt<0, 1>)(slope, offset, x, y);
    slope = slope - 0.3f * by_slope;
    offset = offset - 0.3f * by_offset;
    if (step % 50 == 0) std::printf("step %3d  loss %.4f\n", step, double(float(value)));
  }
  std::printf("y = %.3f x + %.3f\n", double(float(slope)), double(float(offset)));
}
