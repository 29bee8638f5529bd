// Activations against PyTorch: values and gradients at their kinks and where exponentials overflow, in float and
// double.
#include "../support/against_pytorch.hpp"

using namespace sinter;
using support::check;

namespace {

template <auto... E> using F = Tensor<float, E...>;

struct Leaky {
  nn::LeakyReLU first{.negative_slope = 0.2f};
  nn::Softplus second;
  constexpr auto operator()(auto x) const { return second(first(x)); }
};

}  // namespace

TEST_CASE("piecewise linear activations") {
  check<F<20>>("leaky_relu", [](auto x) { return leaky_relu(x); });
  check<F<20>>("leaky_relu_02", [](auto x) { return leaky_relu(x, 0.2); });
  check<F<20>>("hardtanh", [](auto x) { return hardtanh(x); });
  check<F<20>>("hardtanh_2", [](auto x) { return hardtanh(x, -0.5, 3.0); });
  check<F<20>>("relu6", [](auto x) { return relu6(x); });
  check<F<20>>("hardswish", [](auto x) { return hardswish(x); });
  check<F<20>>("hardsigmoid", [](auto x) { return hardsigmoid(x); });
  check<F<20>>("softshrink", [](auto x) { return softshrink(x); });
  check<F<20>>("hardshrink", [](auto x) { return hardshrink(x); });
  check<F<20>>("threshold", [](auto x) { return threshold(x, 0.5, -2.0); });
  check<F<3, 4>, F<1>>("prelu_one", [](auto x, auto w) { return prelu(x, w); });
  check<F<2, 3, 4>, F<3>>("prelu", [](auto x, auto w) { return prelu(x, w); });
}

TEST_CASE("smooth activations") {
  check<F<20>>("elu", [](auto x) { return elu(x); });
  check<F<20>>("elu_2", [](auto x) { return elu(x, 2.0); });
  check<F<20>>("selu", [](auto x) { return selu(x); });
  check<F<20>>("celu", [](auto x) { return celu(x); });
  check<F<20>>("celu_2", [](auto x) { return celu(x, 2.0); });
  check<F<20>>("gelu", [](auto x) { return gelu(x); });
  check<F<20>>("gelu_tanh", [](auto x) { return gelu(x, tanh_approximation); }, 2e-6);  // as far as the fast tanh goes
  check<F<20>>("silu", [](auto x) { return silu(x); });
  check<F<20>>("mish", [](auto x) { return mish(x); });
  check<F<20>>("softplus", [](auto x) { return softplus(x); });
  check<F<20>>("softplus_2", [](auto x) { return softplus(x, 2.0, 3.0); });
  check<F<20>>("softsign", [](auto x) { return softsign(x); });
  check<F<20>>("log_sigmoid", [](auto x) { return log_sigmoid(x); });
  check<F<20>>("tanhshrink", [](auto x) { return tanhshrink(x); });
  check<F<3, 4>>("softmin", [](auto x) { return softmin<1>(x); });
  check<F<3, 6>>("glu", [](auto x) { return glu(x); });
  check<F<4, 3>>("glu_first", [](auto x) { return glu<0>(x); });
}

TEST_CASE("modules are the functions with PyTorch's defaults, or with other numbers") {
  const F<2, 3> x{{-2, 0, 1}, {3, -4, 0.5f}};
  const F<2, 3> expected = softplus(leaky_relu(x, 0.2f));
  Model<Leaky> net(Seed{1});
  auto run = inference<F<2, 3>>(net);
  const F<2, 3> y = run(x);
  for (int i = 0; i < 6; ++i) CHECK(y.data()[i] == doctest::Approx(expected.data()[i]));

  Model<nn::Sequential<nn::Linear<3, 3>, nn::PReLU<3>, nn::Identity, nn::Softmax<1>>> trained(Seed{1});
  auto step = training<F<2, 3>, F<2, 3>>(trained, nn::mse_loss, optim::Adam{.lr = 0.1f});
  step(x, expected);
  bool found = false;
  trained.for_each_parameter([&](const std::string& name, const auto& p) {
    if (name != "1.weight") return;
    found = true;
    // Adam's first step
    for (int i = 0; i < 3; ++i) CHECK((p.data()[i] == 0.25f || std::abs(p.data()[i] - 0.25f) == doctest::Approx(0.1)));
  });
  CHECK(found);
}
