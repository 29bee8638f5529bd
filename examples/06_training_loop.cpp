// A training loop by hand: a function of data and weights, its gradients, and a custom update, as eager statements.
// Useful where `training` does not fit; each statement is still a compiled program.
#include <sinter/sinter.hpp>

#include <cstdio>

using namespace sinter;

// A small net as a function: weights are arguments like any other.
constexpr auto predict = [](auto x, auto w1, auto b1, auto w2, auto b2) {
  return matmul(tanh(matmul(x, w1) + b1), w2) + b2;
};
constexpr auto loss = [](auto x, auto y, auto w1, auto b1, auto w2, auto b2) {
  return nn::mse_loss(predict(x, w1, b1, w2, b2), y);
};

int main() {
  // y = sin x on 256 points, with some noise.
  constexpr int n = 256, hidden = 32;
  Tensor<float, n, 1> x;
  for (int i = 0; i < n; ++i) x(i, 0) = -3.f + 6.f * float(i) / float(n - 1);
  const Tensor<float, n, 1> y = sin(x) + random::normal<n, 1>(Seed{1}) * 0.02f;

  Tensor<float, 1, hidden> w1 = random::normal<1, hidden>(Seed{2});
  Tensor<float, hidden> b1 = random::normal<hidden>(Seed{3});
  Tensor<float, hidden, 1> w2 = random::normal<hidden, 1>(Seed{4}) * 0.2f;
  Tensor<float, 1> b2;

  float rate = 0.05f, best = 1e9f;
  int since_best = 0, iteration = 0;
  for (; iteration < 4000 && since_best < 200; ++iteration) {
    auto [value, d_w1, d_b1, d_w2, d_b2] = value_and_grad(loss, wrt<2, 3, 4, 5>)(x, y, w1, b1, w2, b2);

    // Clip by the norm of all gradients together.
    const float norm = std::sqrt(float(sum(square(d_w1))) + float(sum(square(d_b1))) + float(sum(square(d_w2))) +
                                 float(sum(square(d_b2))));
    const float scale = rate * std::min(1.f, 1.f / norm);
    w1 = w1 - scale * d_w1;
    b1 = b1 - scale * d_b1;
    w2 = w2 - scale * d_w2;
    b2 = b2 - scale * d_b2;

    // Stop when the loss no longer improves.
    const float now = value;
    since_best = now < 0.999f * best ? 0 : since_best + 1;
    best = std::min(best, now);
    if (iteration % 500 == 0) std::printf("iteration %4d: loss %.5f\n", iteration, double(now));
  }
  std::printf("stopped after %d iterations, best loss %.5f\n", iteration, double(best));
  return best < 0.01f ? 0 : 1;
}
