// Nets for one sample at a time, a call of which takes tens of nanoseconds: each input depends on the output before it,
// and states are kept between calls.
#include "../models.hpp"
#include "../scoreboard.hpp"

namespace scoreboard {
namespace {

using TinyMlp = nn::Sequential<nn::Linear<8, 16>, nn::Tanh, nn::Linear<16, 16>, nn::Tanh, nn::Linear<16, 1>>;

/// A stateful cell and a dense layer of its state, as in models of guitar amplifiers.
template <class Cell, int Hidden> struct Recurrent {
  nn::Streaming<Cell> cell;
  nn::Linear<Hidden, 1> dense;
  constexpr auto operator()(auto x) const { return dense(cell(x)); }
};

/// Compares with the peers' values: the outputs for a sequence of 100 inputs.
template <class Net, int In> void chained(Source& source, const std::string& name) {
  if (!source.wanted(name)) return;
  Model<Net> net(Seed{1});
  source.load(name, net);
  auto step = inference<Tensor<float, 1, In>>(net);
  const auto inputs = source.tensor<Tensor<float, 100, In>>(name + ".x");
  Tensor<float, 1, In> x;
  std::copy_n(inputs.data(), In, x.data());
  Tensor<float, 100> y;
  float last = 0;
  row(source, name, [&] {
    if (source.has_values()) {
      for (int t = 0; t < 100; ++t) {
        std::copy_n(inputs.data() + t * In, In, x.data());
        y(t) = *step(x).data();
      }
    } else {
      x(0, 0) += 1e-3f * last;
      last = *step(x).data();
      consume(last);
    }
  }, [&]() -> const auto& { return y; });
}

}  // namespace

void small_nets(Source& source) {
  inference_row<nets::Mlp, Tensor<float, 1, 784>>(source, "mlp_infer_b1");
  chained<TinyMlp, 8>(source, "tiny_mlp_infer_b1");
  chained<Recurrent<nn::LSTMCell<1, 16>, 16>, 1>(source, "lstm16_infer_step");
  chained<Recurrent<nn::GRUCell<1, 24>, 24>, 1>(source, "gru24_infer_step");
}

}  // namespace scoreboard
