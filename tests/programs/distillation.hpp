// A small net that learns from a large one.
#pragma once
#include "data.hpp"

namespace programs {

// program
struct Pair {
  nn::Sequential<nn::Linear<6, 32>, nn::ReLU, nn::Linear<32, 4>> teacher;
  nn::Sequential<nn::Linear<6, 8>, nn::ReLU, nn::Linear<8, 4>> student;
};
inline Losses distillation(const auto& x, const auto& label) {
  auto net = load<Pair>(weights("distillation"));
  const auto adam = optim::only<&Pair::student>(optim::AdamW{.lr = 1e-2f});
  auto step = training(net, std::tie(x, label), adam, [](auto& net, auto x, auto label) {
    constexpr float T = 2;
    const auto y = net.student(x);
    const auto soft = nn::KullbackLeibler<nn::Reduction::sum>{}(log_softmax(y / T), softmax(net.teacher(x) / T));
    return .3f * nn::cross_entropy(y, label) + .7f * T * T / 8 * soft;
  });
  Losses losses;
  for (int i = 0; i < 6; ++i) losses.push_back(step(x, label).loss);
  return losses;
}
// end

}  // namespace programs
