// Training and inference on an instruction set that the other tests are not built for; see check.cmake.
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<64, 37> fc1;
  nn::Linear<37, 10> fc2;
  constexpr auto operator()(auto x) const { return fc2(tanh(fc1(x))); }
};

int main() {
  Model<Mlp> net(Seed{1});
  Tensor<float, 9, 64> x;
  Tensor<int, 9> y;
  for (int i = 0; i < 9 * 64; ++i) x.data()[i] = Philox(Seed{1}).normal(std::uint64_t(i));
  for (int i = 0; i < 9; ++i) y(i) = i;
  auto step = training<Tensor<float, 9, 64>, Tensor<int, 9>>(net, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  const float before = step(x, y).loss;
  for (int i = 0; i < 30; ++i) step(x, y);
  const float after = step(x, y).loss;
  const Tensor<float, 9, 64> p = softmax(x * 2.f);
  const float total = eval(sum(p));
  float attention_differs = 0;
  double e = 0, sum_e = 0;  // one element by the C library
  for (int i = 0; i < 64; ++i) sum_e += std::exp(2 * double(x(3, i)));
  e = std::exp(2 * double(x(3, 5))) / sum_e;
  // The kernel of attention and its gradient against softmax and products.
  constexpr auto kernel = [](auto q, auto k) { return sum(square(scaled_dot_product_attention(q, k, k))); };
  constexpr auto by_value = [](auto q, auto k) {
    return sum(square(scaled_dot_product_attention<AttentionOptions{.composed = true}>(q, k, k)));
  };
  const Tensor<float, 2, 37, 20> q = random::normal<2, 37, 20>(Seed{2}, 0), k = random::normal<2, 37, 20>(Seed{2}, 1);
  const auto [one, dq] = value_and_grad(kernel)(q, k);
  const auto [other, expected] = value_and_grad(by_value)(q, k);
  for (int i = 0; i < dq.size(); ++i)
    attention_differs = std::max(attention_differs, std::abs(dq.data()[i] - expected.data()[i]));
  // Vectors of doubles, of which fewer fit a register: attention and a recurrence, with their gradients.
  const Tensor<double, 2, 37, 20> wide_q = cast<double>(q), wide_k = cast<double>(k);
  const auto [wide, wide_dq] = value_and_grad(kernel)(wide_q, wide_k);
  double differs = std::abs(wide - double(one)) / double(one);
  for (int i = 0; i < dq.size(); ++i) differs = std::max(differs, std::abs(wide_dq.data()[i] - double(dq.data()[i])));
  constexpr auto recur = [](auto gates, auto weight, auto state) {
    return sum(square(ops::Recur<ops::Cell::rnn_relu, false>{}(gates, weight, state)));
  };
  const Tensor<float, 4, 3, 5> gates = random::normal<4, 3, 5>(Seed{2}, 2);
  const Tensor<float, 5, 5> weight = random::normal<5, 5>(Seed{2}, 3) * 0.3f;
  const Tensor<float, 3, 5> state = random::normal<3, 5>(Seed{2}, 4);
  const Tensor<double, 4, 3, 5> wide_gates = cast<double>(gates);
  const Tensor<double, 5, 5> wide_weight = cast<double>(weight);
  const Tensor<double, 3, 5> wide_state = cast<double>(state);
  const auto [last, dgates] = value_and_grad(recur)(gates, weight, state);
  const auto [wide_last, wide_dgates] = value_and_grad(recur)(wide_gates, wide_weight, wide_state);
  differs = std::max(differs, std::abs(wide_last - double(last)) / double(last));
  for (int i = 0; i < dgates.size(); ++i)
    differs = std::max(differs, std::abs(wide_dgates.data()[i] - double(dgates.data()[i])));
  std::printf("%d lanes, loss %.4f to %.4f, sum of probabilities %.5f\n", cpu::lanes, double(before), double(after),
              double(total));
  return after < 0.02f && std::abs(total - 9) < 1e-4f && std::abs(double(p(3, 5)) - e) < 1e-6 &&
                 attention_differs < 1e-5f && std::abs(one - other) < 1e-3f && differs < 1e-4
             ? 0
             : 1;
}
