// The gradient of a recurrent cell over 10 steps; scan_1000.cpp is the same over more.
#include <sinter/sinter.hpp>
using namespace sinter;

#ifndef STEPS
#define STEPS 10
#endif

int main() {
  constexpr auto loss = [](auto first, auto w, auto xs) {
    const auto [last, ys] = scan([&](auto h, auto x) {
      const auto next = tanh(matmul(h, w) + x);
      return std::pair{next, next};
    }, first, xs);
    return mean(last * last) + mean(ys);
  };
  static Tensor<float, 8, 32> first;
  static Tensor<float, 32, 32> w;
  static Tensor<float, STEPS, 8, 32> xs;
  const auto [a, b, c] = grad(loss, wrt<0, 1, 2>)(first, w, xs);
  std::printf("%g\n", double(a(1, 1) + b(1, 1) + c(1, 1, 1)));
}
