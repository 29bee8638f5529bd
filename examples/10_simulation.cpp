// Simulation: sixteen pendulums in hundreds of steps, of which one is compiled, and their constants found from what
// they did. Like jax.lax.scan; gradients, tangents and vmap work through it.
#include <sinter/sinter.hpp>

#include <cstdio>

using namespace sinter;

/// The angles after every step [400, 16], for the first angles and speeds [16].
constexpr auto swing = [](auto angle, auto speed, auto pull, auto friction) {
  constexpr float dt = .01f;
  const auto step = [&](auto now) {
    const auto [a, v] = now;
    const auto faster = v - dt * (pull * sin(a) + friction * v);
    const auto moved = a + dt * faster;
    return std::pair{std::tuple{moved, faster}, moved};  // what is carried, and what is stacked
  };
  const auto [last, angles] = scan<400>(step, std::tuple{angle, speed});
  return angles;
};
using Angles = Tensor<float, 400, 16>;

int main() {
  Tensor<float, 16> angle, speed, none;
  for (int i = 0; i < 16; ++i) angle.data()[i] = .1f * float(i + 1), speed.data()[i] = 0;
  none.fill(0);
  const Angles measured = jit(swing)(angle, speed, 9.81f, .3f);

  // Gauss and Newton's method: the derivatives of all angles with respect to each constant, in forward mode.
  float pull = 7, friction = 0;
  for (int i = 0; i < 8; ++i) {
    const auto [angles, p] = jvp(swing)(angle, speed, pull, friction, none, none, 1.f, 0.f);
    const auto [again, q] = jvp(swing)(angle, speed, pull, friction, none, none, 0.f, 1.f);
    const Angles rest = measured - angles;
    const float pp = sum(p * p), pq = sum(p * q), qq = sum(q * q), pr = sum(p * rest), qr = sum(q * rest),
                error = mean(rest * rest);
    std::printf("pull %.4f  friction %.4f  mean squared error %.2e\n", double(pull), double(friction), double(error));
    const float determinant = pp * qq - pq * pq;
    pull += (pr * qq - qr * pq) / determinant;
    friction += (qr * pp - pr * pq) / determinant;
  }
}
