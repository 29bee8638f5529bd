// One step of a recurrent network. Gates and names are PyTorch's: weights are [gates · Hidden, …] in the order input,
// forget, cell, output of an LSTM and reset, update, new of a GRU.
//
// The products with the state and with the input are separate: the first does not wait for the input, so the latency
// from input to output is short. All gates of a product are one contraction, everything after them is one kernel.
#pragma once
#include "../ops/ops.hpp"
#include "init.hpp"

namespace sinter::inline SINTER_ABI {

/// The activation of a simple recurrent layer. PyTorch: nonlinearity="tanh" or "relu".
enum class Nonlinearity : unsigned char { tanh, relu };
/// The options of recurrent layers: `nn::LSTM<8, 16, NumLayers<2>, BatchFirst>`. PyTorch: the arguments of
/// torch.nn.LSTM.
struct RecurrentOptions {
  int num_layers = 1;
  bool bias = true;
  bool batch_first = false;    ///< sequences are [batch, time, features] instead of [time, batch, features]
  double dropout = 0;  ///< in training, of the outputs of each layer but the last
  bool bidirectional = false;
  int unroll = 8;  ///< sequences of up to so many steps are unrolled in the program; longer ones are one kernel
  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< of nn::RNN

  constexpr void set(Nonlinearity f) { nonlinearity = f; }
};

// undefined: the names are the errors
template <class X, int In> struct recurrent_cell_needs_an_input_that_ends_with_its_input_size;
template <class H, int Hidden> struct recurrent_cell_needs_a_state_that_ends_with_its_hidden_size;

namespace nn::recurrent {

using Kind = ops::Cell;
using ops::gates;
constexpr Kind kind_of(Nonlinearity n) { return n == Nonlinearity::relu ? Kind::rnn_relu : Kind::rnn_tanh; }

/// Gate G of [..., gates · Hidden].
template <int G, int Hidden> constexpr auto gate(const auto& all) {
  return slice<-1, G * Hidden, (G + 1) * Hidden>(all);
}

/// h' from the input's part of gate G, `input(gate)`, and the state's part, `state(gate)`, each with its biases.
///   LSTM: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c').  GRU: h' = (1 − z) n + z h with n = tanh(input + r · state).
template <Kind K, class Input, class State, class H, class C>
constexpr auto step(const Input& input, const State& state, const H& h, const C& c) {
  const auto both = [&]<int G>() { return input.template operator()<G>() + state.template operator()<G>(); };
  [[maybe_unused]] const auto opened = [&]<int G>() {
    return sigmoid(both.template operator()<G>(), tanh_approximation);
  };
  if constexpr (K == Kind::lstm) {
    const auto next =
        opened.template operator()<1>() * c + opened.template operator()<0>() * tanh(both.template operator()<2>());
    return std::tuple{opened.template operator()<3>() * tanh(next), next};
  } else if constexpr (K == Kind::gru) {
    const auto reset = opened.template operator()<0>(), update = opened.template operator()<1>();
    const auto fresh = tanh(input.template operator()<2>() + reset * state.template operator()<2>());
    return std::tuple{fresh + update * (h - fresh)};
  } else if constexpr (K == Kind::rnn_relu) {
    return std::tuple{relu(both.template operator()<0>())};
  } else {
    return std::tuple{tanh(both.template operator()<0>())};
  }
}

/// Gate G of the input's part plus bias; a GRU's last state bias goes to the state's part, all others are added here.
template <Kind K, int Hidden, int G, class P>
constexpr auto with_input_bias(const auto& x, const P& bias_ih, const P& bias_hh) {
  if constexpr (std::is_same_v<P, NoParam>) return x;
  else if constexpr (K == Kind::gru && G == 2) return x + gate<G, Hidden>(bias_ih);
  else return x + gate<G, Hidden>(bias_ih + bias_hh);
}
template <Kind K, int Hidden, int G, class P> constexpr auto with_state_bias(const auto& x, const P& bias_hh) {
  if constexpr (K == Kind::gru && G == 2 && !std::is_same_v<P, NoParam>) return x + gate<G, Hidden>(bias_hh);
  else return x;
}

/// A cell's number of units, and of tensors in its state.
template <class Cell> inline constexpr int hidden = decltype(Cell::weight_hh)::shape[1];
template <class Cell> inline constexpr int states = decltype(Cell::weight_hh)::shape[0] == 4 * hidden<Cell> ? 2 : 1;

/// U(−1/√Hidden, 1/√Hidden), as PyTorch initialises all of them.
template <int Hidden> inline constexpr Initializer start = nn::init::fan_in_uniform(Hidden);

/// Whether an input or state ends with n features.
template <class X, int N> consteval bool ends_with() {
  constexpr Shape shape = symbol_of<X>::shape;
  return shape.rank > 0 && shape[shape.rank - 1] == N;
}

/// One step of a cell from h and, of an LSTM, c: h' or, of an LSTM, (h', c').
template <Kind K, class Cell, class X, class H, class C>
constexpr auto cell(const Cell& net, const X& x, const H& h, const C& c) {
  constexpr int features = decltype(net.weight_ih)::shape[1], units = hidden<Cell>;
  if constexpr (!ends_with<X, features>()) {
    return recurrent_cell_needs_an_input_that_ends_with_its_input_size<symbol_of<X>, features>{};
  } else if constexpr (!ends_with<H, units>()) {
    return recurrent_cell_needs_a_state_that_ends_with_its_hidden_size<symbol_of<H>, units>{};
  } else if constexpr (!ends_with<C, units>()) {
    return recurrent_cell_needs_a_state_that_ends_with_its_hidden_size<symbol_of<C>, units>{};
  } else {
    const auto state = matmul(h, transpose(net.weight_hh));
    const auto input = [&] {
      // a product with one number needs no contraction: it fuses with what follows
      if constexpr (features == 1) return x;
      else return matmul(x, transpose(net.weight_ih));
    }();
    const auto next = step<K>(
        [&]<int G>() {
          if constexpr (features == 1)
            return with_input_bias<K, units, G>(input * gate<G, units>(flatten<0>(net.weight_ih)), net.bias_ih,
                                                net.bias_hh);
          else return with_input_bias<K, units, G>(gate<G, units>(input), net.bias_ih, net.bias_hh);
        },
        [&]<int G>() { return with_state_bias<K, units, G>(gate<G, units>(state), net.bias_hh); }, h, c);
    if constexpr (K == Kind::lstm) return next;
    else return std::get<0>(next);
  }
}

}  // namespace nn::recurrent

namespace nn {

/// (x [B, In], h [B, Hidden]) → h': tanh(W_ih x + b_ih + W_hh h + b_hh), or relu. PyTorch: torch.nn.RNNCell.
template <int In, int Hidden, Nonlinearity F = Nonlinearity::tanh, bool Bias = true> struct RNNCell {
  using Biases = ParamIf<Bias, float, Hidden>;
  Param<float, Hidden, In> weight_ih{recurrent::start<Hidden>};
  Param<float, Hidden, Hidden> weight_hh{recurrent::start<Hidden>};
  Biases bias_ih{recurrent::start<Hidden>}, bias_hh{recurrent::start<Hidden>};

  template <Operand X, Operand H> constexpr auto operator()(const X& x, const H& h) const {
    return recurrent::cell<recurrent::kind_of(F)>(*this, x, h, h);
  }
};

/// (x [B, In], h [B, Hidden]) → h'. PyTorch: torch.nn.GRUCell.
template <int In, int Hidden, bool Bias = true> struct GRUCell {
  using Biases = ParamIf<Bias, float, 3 * Hidden>;
  Param<float, 3 * Hidden, In> weight_ih{recurrent::start<Hidden>};
  Param<float, 3 * Hidden, Hidden> weight_hh{recurrent::start<Hidden>};
  Biases bias_ih{recurrent::start<Hidden>}, bias_hh{recurrent::start<Hidden>};

  template <Operand X, Operand H> constexpr auto operator()(const X& x, const H& h) const {
    return recurrent::cell<recurrent::Kind::gru>(*this, x, h, h);
  }
};

/// (x [B, In], h [B, Hidden], c [B, Hidden]) → (h', c'): `const auto [h1, c1] =
/// cell(x, h, c);`. PyTorch: torch.nn.LSTMCell.
template <int In, int Hidden, bool Bias = true> struct LSTMCell {
  using Biases = ParamIf<Bias, float, 4 * Hidden>;
  Param<float, 4 * Hidden, In> weight_ih{recurrent::start<Hidden>};
  Param<float, 4 * Hidden, Hidden> weight_hh{recurrent::start<Hidden>};
  Biases bias_ih{recurrent::start<Hidden>}, bias_hh{recurrent::start<Hidden>};

  template <Operand X, Operand H, Operand C> constexpr auto operator()(const X& x, const H& h, const C& c) const {
    return recurrent::cell<recurrent::Kind::lstm>(*this, x, h, c);
  }
};

/// A stateful cell: x [B, In] → h'; the program keeps the state from call to call, as for audio. Parameters have the
/// cell's names. For layers see recurrent.hpp.
///
///   struct Amp {
///     nn::Streaming<nn::LSTMCell<1, 16>> lstm;
///     nn::Linear<16, 1> dense;
///     constexpr auto operator()(auto x) const { return dense(lstm(x)); }
///   };
///   auto step = inference<Tensor<float, 1, 1>>(net);   // has a state of its own
///   step.reset();                                      // starts it again
template <class Cell, int Batch = 1> struct Streaming {
  static constexpr int hidden = recurrent::hidden<Cell>, states = recurrent::states<Cell>;
  Cell cell;
  std::array<State<float, Batch, hidden>, std::size_t(states)> state;

  static constexpr std::string_view sinter_field_names = ", state";  // the cell gets this struct's name
  constexpr auto sinter_fields() { return std::tie(cell, state); }
  constexpr auto sinter_fields() const { return std::tie(cell, state); }

  template <Symbolic X> constexpr auto operator()(const X& x) const {
    if constexpr (states == 2) {
      const auto [h, c] = cell(x, state[0], state[1]);
      state[0].update(h);
      state[1].update(c);
      return h;
    } else {
      const auto h = cell(x, state[0]);
      state[0].update(h);
      return h;
    }
  }
};

}  // namespace nn
}  // namespace sinter
