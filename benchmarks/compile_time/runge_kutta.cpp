// The gradient of traced steps of Runge and Kutta's method, straight-line: 30 unless -DSTEPS says otherwise. Predators
// and their prey; the derivatives of the last state by the four constants.
#include <sinter/sinter.hpp>
#ifndef STEPS
#define STEPS 30
#endif
using namespace sinter;

constexpr auto distance = [](auto prey, auto predators, auto a, auto b, auto c, auto d) {
  const auto change = [&](auto x, auto y) { return std::pair{a * x - b * x * y, d * x * y - c * y}; };
  constexpr float h = .01f;
  auto x = prey, y = predators;
  for (int i = 0; i < STEPS; ++i) {
    const auto [x1, y1] = change(x, y);
    const auto [x2, y2] = change(x + h / 2 * x1, y + h / 2 * y1);
    const auto [x3, y3] = change(x + h / 2 * x2, y + h / 2 * y2);
    const auto [x4, y4] = change(x + h * x3, y + h * y3);
    x = x + h / 6 * (x1 + 2.f * x2 + 2.f * x3 + x4);
    y = y + h / 6 * (y1 + 2.f * y2 + 2.f * y3 + y4);
  }
  return sum(x * x + y * y);
};

int main() {
  Tensor<float, 8> prey, predators, a, b, c, d;
  for (Tensor<float, 8>* t : {&prey, &predators, &a, &b, &c, &d}) t->fill(1);
  const auto [by_a, by_b, by_c, by_d] = grad(distance, wrt<2, 3, 4, 5>)(prey, predators, a, b, c, d);
  std::printf("%g\n", double(by_a(0)));
}
