// nn/loss.hpp: every loss and its options against PyTorch.
#include <doctest/doctest.h>

#include "../support/reference_case.hpp"

using namespace sinter;
using support::check_function;
using nn::Reduction;

namespace {
using Logits = Tensor<float, 6, 5>;
using Labels = Tensor<std::int64_t, 6>;
using P = Tensor<float, 4, 3>;
}  // namespace

TEST_CASE("cross entropy with smoothing, rows that do not count, and every reduction") {
  check_function<Logits, Labels>("cross_entropy_mean", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check_function<Logits, Labels>("cross_entropy_sum", [](auto x, auto y) { return nn::CrossEntropy<Reduction::sum>{}(x, y); });
  check_function<Logits, Labels>("cross_entropy_none", [](auto x, auto y) { return nn::CrossEntropy<Reduction::none>{}(x, y); });
  check_function<Logits, Labels>("cross_entropy_smooth", [](auto x, auto y) { return nn::cross_entropy(x, y, {.label_smoothing = .125}); });
  check_function<Logits, Labels>("cross_entropy_ignore", [](auto x, auto y) { return nn::cross_entropy(x, y, {.ignore_index = 2}); });
  check_function<Logits, Labels>("cross_entropy_both", [](auto x, auto y) { return nn::cross_entropy(x, y, {.label_smoothing = .25, .ignore_index = 2}); });
  check_function<Logits, Labels>("cross_entropy_both_sum", [](auto x, auto y) { return nn::CrossEntropy<Reduction::sum>{}(x, y, {.label_smoothing = .25, .ignore_index = 2}); });
  check_function<Logits, Labels>("cross_entropy_outside", [](auto x, auto y) { return nn::cross_entropy(x, y, {.ignore_index = -100}); });
  check_function<Logits, Labels>("nll", [](auto x, auto y) { return nn::nll_loss(x, y); });
}

TEST_CASE("losses of two tensors of one shape") {
  check_function<P, P>("mse_mean", [](auto x, auto y) { return nn::mse_loss(x, y); });
  check_function<P, P>("mse_sum", [](auto x, auto y) { return nn::MeanSquaredError<Reduction::sum>{}(x, y); });
  check_function<P, P>("mse_none", [](auto x, auto y) { return nn::MeanSquaredError<Reduction::none>{}(x, y); });
  check_function<P, P>("l1_mean", [](auto x, auto y) { return nn::l1_loss(x, y); });
  check_function<P, P>("l1_sum", [](auto x, auto y) { return nn::L1<Reduction::sum>{}(x, y); });
  check_function<P, P>("l1_none", [](auto x, auto y) { return nn::L1<Reduction::none>{}(x, y); });
  check_function<P, P>("huber", [](auto x, auto y) { return nn::huber_loss(x, y); });
  check_function<P, P>("huber_delta", [](auto x, auto y) { return nn::huber_loss(x, y, .5); });
  check_function<P, P>("smooth_l1", [](auto x, auto y) { return nn::smooth_l1_loss(x, y); });
  check_function<P, P>("smooth_l1_beta", [](auto x, auto y) { return nn::smooth_l1_loss(x, y, .5); });
}

TEST_CASE("losses of probabilities, at their borders too") {
  check_function<P, P>("bce_logits", [](auto x, auto y) { return nn::binary_cross_entropy_with_logits(x, y); });
  check_function<P, P>("bce_logits_far", [](auto x, auto y) { return nn::binary_cross_entropy_with_logits(x, y); });
  check_function<P, P>("bce_logits_weight", [](auto x, auto y) { return nn::binary_cross_entropy_with_logits(x, y, 2.5); });
  check_function<P, P>("bce", [](auto x, auto y) { return nn::binary_cross_entropy(x, y); });
  check_function<P, P>("bce_certain", [](auto x, auto y) { return nn::binary_cross_entropy(x, y); });
  check_function<P, P>("kl_div", [](auto x, auto y) { return nn::kl_div(x, y); });
  check_function<P, P>("kl_div_none", [](auto x, auto y) { return nn::KullbackLeibler<Reduction::none>{}(x, y); });
}
