// Recurrent layers over sequences, with PyTorch's results and names:
// weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, and _reverse.
//
// The products with the inputs of all steps are one contraction, (T B, In) × (In, gates · Hidden). The steps of a short
// sequence are unrolled in the program, where they fuse with their neighbours; those of a long one are one kernel
// (ops/recurrence.hpp), whatever its length.
#pragma once
#include "recurrent_cell.hpp"

namespace sinter {

// undefined: the name is the error
template <class X, int In> struct recurrent_layer_needs_a_sequence_of_fixed_length_that_ends_with_its_input_size;

namespace nn::recurrent {

/// One layer in one direction.
template <Kind K, int In, int Hidden, bool Bias> struct Direction {
  static constexpr int rows = gates(K) * Hidden;
  using Biases = ParamIf<Bias, float, rows>;
  Param<float, rows, In> weight_ih{start<Hidden>};
  Param<float, rows, Hidden> weight_hh{start<Hidden>};
  Biases bias_ih{start<Hidden>}, bias_hh{start<Hidden>};

  constexpr auto fields() { return list(*this); }
  constexpr auto fields() const { return list(*this); }

 private:
  static constexpr auto list(auto& d) {
    if constexpr (Bias) return std::tie(d.weight_ih, d.weight_hh, d.bias_ih, d.bias_hh);
    else return std::tie(d.weight_ih, d.weight_hh);
  }
};

/// The names that PyTorch gives to the parameters, as SINTER_FIELDS would list them.
template <int Layers, bool Bias, bool Both> struct Names {
  static constexpr int room = Layers * (Both ? 2 : 1) * (Bias ? 4 : 2) * 32;
  std::array<char, std::size_t(room)> text{};
  std::size_t size = 0;

  consteval Names() {
    const auto add = [this](std::string_view s) {
      for (const char c : s) text[size++] = c;
    };
    for (int l = 0; l < Layers; ++l)
      for (int reverse = 0; reverse < (Both ? 2 : 1); ++reverse)
        for (int k = 0; k < (Bias ? 4 : 2); ++k) {
          constexpr std::array<std::string_view, 4> kind{"weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"};
          if (size > 0) add(", ");
          add(kind[std::size_t(k)]);
          if (l >= 10) text[size++] = char('0' + l / 10);
          text[size++] = char('0' + l % 10);
          if (reverse != 0) add("_reverse");
        }
  }
};

template <Kind K, int In, int Hidden, RecurrentOptions O> struct Layers {
  static_assert(O.num_layers >= 1 && O.num_layers < 100, "num_layers of a recurrent layer must be 1 … 99");
  static constexpr int directions = O.bidirectional ? 2 : 1, states = K == Kind::lstm ? 2 : 1;
  template <int L> using One =
      std::array<Direction<K, L == 0 ? In : Hidden * directions, Hidden, O.bias>, std::size_t(directions)>;
  template <class> struct All;
  template <std::size_t... L> struct All<std::index_sequence<L...>> { using type = std::tuple<One<int(L)>...>; };

  typename All<std::make_index_sequence<std::size_t(O.num_layers)>>::type layers{};

  static constexpr Names<O.num_layers, O.bias, O.bidirectional> names{};
  static constexpr std::string_view sinter_field_names{names.text.data(), names.size};
  constexpr auto sinter_fields() { return list(layers); }
  constexpr auto sinter_fields() const { return list(layers); }

  /// A sequence [T, B, In], [B, T, In] with batch_first, or [T, In]; initial h and (of an LSTM) c [num_layers ·
  /// directions, B, Hidden], zeros by default. Results: the last layer's h of every step, both directions concatenated;
  /// then the last h and c of every layer and direction, shaped as the initial ones.
  template <TypedSymbol X, TypedSymbol... S>
  requires(sizeof...(S) == 0 || sizeof...(S) == states) constexpr auto operator()(const X& x,
                                                                                  const S&... initial) const {
    return of(at_least_float32(x), at_least_float32(initial)...);
  }

 private:
  template <class X, class... S> constexpr auto of(const X& x, const S&... initial) const {
    constexpr int rank = X::shape.rank, time = rank == 3 && O.batch_first ? 1 : 0;
    if constexpr ((rank != 2 && rank != 3) || X::shape[rank - 1] != In || X::shape.symbol(time) != 0) {
      return recurrent_layer_needs_a_sequence_of_fixed_length_that_ends_with_its_input_size<X, In>{};
    } else {
      using Rows = Batch<X, time>;
      graph::Builder& g = *x.graph;
      const std::array<graph::Value, std::size_t(states)> from{initial...};
      std::array<graph::List<int>, std::size_t(states)> last;
      const graph::Value first = time == 1 ? graph::Value(permute<1, 0, 2>(graph::Value(x))) : graph::Value(x);
      graph::Value y = graph::reshape_to(first, Rows::sequence(X::shape[time], In));
      [&]<std::size_t... L>(std::index_sequence<L...>) {
        ((y = layer<int(L), Rows, X::shape[time]>(g, y, from, last)), ...);
      }
      (std::make_index_sequence<std::size_t(O.num_layers)>{});
      const auto ends = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return std::tuple{Typed<Rows, typename X::element, rank == 3, O.num_layers * directions, Hidden>(
            graph::reshape_to(graph::concatenate(&g, last[Index].data(), last[Index].size(), 0),
                              Rows::shaped(rank == 3, O.num_layers * directions, Hidden)))...};
      }(std::make_index_sequence<std::size_t(states)>{});
      if constexpr (time == 1) {
        using Y = Turned<Rows, typename X::element, X::shape[time], Hidden * directions>;
        return std::tuple_cat(std::tuple{Y(permute<1, 0, 2>(y))}, ends);
      } else {
        return std::tuple_cat(
            std::tuple{Typed<Rows, typename X::element, rank == 3, X::shape[time], Hidden * directions>(
                graph::reshape_to(y, Rows::shaped(rank == 3, X::shape[time], Hidden * directions)))},
            ends);
      }
    }
  }

  /// The axis of the batch, of extent 1 if there is none.
  template <class X, int Time> struct Batch {
    static constexpr int axis = X::shape.rank == 3 ? 1 - Time : -1;
    static constexpr int extent = axis >= 0 ? X::shape[axis < 0 ? 0 : axis] : 1;
    static constexpr char symbol = axis >= 0 ? X::shape.symbol(axis < 0 ? 0 : axis) : char(0);
    static constexpr Shape shaped(bool batched, int before, int behind) {
      Shape s;
      s.push(before);
      if (batched) s.push(extent, symbol);
      s.push(behind);
      return s;
    }
    static constexpr Shape sequence(int steps, int features) { return shaped(true, steps, features); }
    static constexpr Shape rows(int features) {
      Shape s;
      s.push(extent, symbol);
      s.push(features);
      return s;
    }
  };
  template <class Rows, class T, int Features> struct RowsOf {
    static constexpr graph::Type type{dtype_of<T>, Rows::rows(Features)};
  };
  template <class Rows, class T, bool Batched, int Before, int After> struct SequenceOf {
    static constexpr graph::Type type{dtype_of<T>, Rows::shaped(Batched, Before, After)};
  };
  template <class Rows, class T, int Steps, int Features> struct TimeMajorOf {
    static constexpr graph::Type type = [] {
      Shape s;
      s.push(Rows::extent, Rows::symbol);
      s.push(Steps);
      s.push(Features);
      return graph::Type{dtype_of<T>, s};
    }();
  };
  template <class Rows, class T, bool Batched, int Before, int After> using Typed =
      graph::SymOf<SequenceOf<Rows, T, Batched, Before, After>>;
  template <class Rows, class T, int Steps, int Features> using Turned =
      graph::SymOf<TimeMajorOf<Rows, T, Steps, Features>>;
  template <class Rows, int Features> using Step = graph::SymOf<RowsOf<Rows, float, Features>>;

  /// Layer L in all directions: [T, B, features] → [T, B, Hidden · directions].
  template <int L, class Rows, int Steps>
  constexpr graph::Value layer(graph::Builder& g, graph::Value x, const auto& from, auto& last) const {
    constexpr int features = L == 0 ? In : Hidden * directions;
    graph::List<int> sides;
    for (int side = 0; side < directions; ++side) {
      const auto& d = std::get<std::size_t(L)>(layers)[std::size_t(side)];
      using Gates = Step<Rows, gates(K) * Hidden>;
      using H = Step<Rows, Hidden>;
      const graph::Value products = matmul(Typed<Rows, float, true, Steps, features>(x), transpose(d.weight_ih));
      std::array<graph::Value, std::size_t(states)> state = from;
      for (graph::Value& s : state)
        if (s.graph != nullptr) s = graph::reshape_to(graph::slice(s, 0, L * directions + side, 1), H::shape);
      if constexpr (Steps > O.unroll) {
        sides.push(sequence<L, Rows, Steps>(g, d, products, state, side, last));
        continue;
      }
      graph::List<int> y(Steps, -1);
      for (int k = 0; k < Steps; ++k) {
        const int t = side == 0 ? k : Steps - 1 - k;
        const Gates input(graph::reshape_to(graph::slice(products, 0, t, 1), Gates::shape));
        const bool begins = state[0].graph == nullptr;  // the state is 0, so the product is 0
        const auto zeros = [&](const Shape& s) { return graph::broadcast_to(graph::number_value(&g, 0.f), s); };
        if (begins)
          for (graph::Value& s : state) s = zeros(H::shape);
        const H h(state[0]);
        const Gates product(begins ? zeros(Gates::shape) : graph::Value(matmul(h, transpose(d.weight_hh))));
        const auto next = step<K>(
            [&]<int G>() { return with_input_bias<K, Hidden, G>(gate<G, Hidden>(input), d.bias_ih, d.bias_hh); },
            [&]<int G>() { return with_state_bias<K, Hidden, G>(gate<G, Hidden>(product), d.bias_hh); }, h,
            H(state[std::size_t(states - 1)]));
        state[0] = std::get<0>(next);
        if constexpr (states == 2) state[1] = std::get<1>(next);
        y[t] = graph::reshape_to(state[0], Rows::sequence(1, Hidden)).id;
      }
      sides.push(graph::concatenate(&g, y.data(), Steps, 0).id);
      for (std::size_t i = 0; i < std::size_t(states); ++i)
        last[i].push(graph::reshape_to(state[i], Rows::sequence(1, Hidden)).id);
    }
    return graph::concatenate(&g, sides.data(), directions, 2);
  }

  /// All steps of a direction as one kernel.
  template <int L, class Rows, int Steps> static constexpr int sequence(graph::Builder& g, const auto& d,
                                                                        graph::Value products, const auto& state,
                                                                        int side, auto& last) {
    using Gates = Typed<Rows, float, true, Steps, gates(K) * Hidden>;
    const auto joined = [&](graph::Value a, graph::Value b, int axis) {
      const int both[]{a.id, b.id};
      return graph::concatenate(&g, both, 2, axis);
    };
    const auto zeros = [&](const Shape& s) { return graph::broadcast_to(graph::number_value(&g, 0.f), s); };
    graph::Value input = products, own;  // the bias that is added to the product with the state only
    constexpr bool gru = K == Kind::gru;
    if constexpr (O.bias && gru) {
      const Sym<float, 2 * Hidden> shared(slice<0, 0, 2 * Hidden>(d.bias_hh.symbolic(&g)));
      const Sym<float, Hidden> none(zeros(Sym<float, Hidden>::shape));
      input = Gates(products) + (concatenate<0>(shared, none) + d.bias_ih);
      own = slice<0, 2 * Hidden, 3 * Hidden>(d.bias_hh.symbolic(&g));
    } else if constexpr (O.bias) {
      input = Gates(products) + (d.bias_ih + d.bias_hh);
    } else if constexpr (gru) {
      own = zeros(Sym<float, Hidden>::shape);
    }
    graph::Value first = state[0].graph == nullptr ? zeros(Step<Rows, states * Hidden>::shape) : state[0];
    if constexpr (states == 2)
      if (state[0].graph != nullptr) first = joined(state[0], state[1], 1);
    const auto wide = [&](const graph::Value& v) { return v.exists() ? graph::cast_to(v, input.dtype()).id : -1; };
    const std::array<int, 4> operands{input.id, wide(d.weight_hh.symbolic(&g)), wide(first), wide(own)};
    const graph::Value all = ops::Recurrence::apply(&g, operands.data(), gru ? 4 : 3, K, side != 0);
    const graph::Value end = graph::slice(all, 0, side == 0 ? Steps - 1 : 0, 1);
    for (std::size_t i = 0; i < std::size_t(states); ++i)
      last[i].push(graph::slice(end, 2, int(i) * Hidden, Hidden).id);
    return graph::slice(all, 2, 0, Hidden).id;
  }

  static constexpr auto list(auto& layers) {
    return std::apply([](auto&... layer) { return std::tuple_cat(of_layer(layer)...); }, layers);
  }
  static constexpr auto of_layer(auto& layer) {
    return std::apply([](auto&... d) { return std::tuple_cat(d.fields()...); }, layer);
  }
};

}  // namespace nn::recurrent

namespace nn {

/// `const auto [y, h] = rnn(x);` of a sequence x [T, B, In]: see recurrent::Layers. PyTorch: torch.nn.RNN.
template <int In, int Hidden, RecurrentOptions Options = RecurrentOptions{}, Nonlinearity F = Nonlinearity::tanh>
using RNN = recurrent::Layers<recurrent::kind_of(F), In, Hidden, Options>;
/// `const auto [y, h] = gru(x);`. PyTorch: torch.nn.GRU.
template <int In, int Hidden, RecurrentOptions Options = RecurrentOptions{}> using GRU =
    recurrent::Layers<recurrent::Kind::gru, In, Hidden, Options>;
/// `const auto [y, h, c] = lstm(x);`. PyTorch: torch.nn.LSTM, whose result is (y, (h, c)).
template <int In, int Hidden, RecurrentOptions Options = RecurrentOptions{}> using LSTM =
    recurrent::Layers<recurrent::Kind::lstm, In, Hidden, Options>;

/// A stateful layer: chunks [T, Batch, In] or [T, In] of an endless sequence → h of every step; the program keeps the
/// state from chunk to chunk. Parameters have the layer's names, so weights that PyTorch trained on whole sequences
/// load as they are: `nn::Streaming<nn::LSTM<1, 16>> lstm;`.
template <recurrent::Kind K, int In, int Hidden, RecurrentOptions O, int Batch>
struct Streaming<recurrent::Layers<K, In, Hidden, O>, Batch> {
  static_assert(!O.bidirectional, "what comes later is not known yet");
  using Layers = recurrent::Layers<K, In, Hidden, O>;
  Layers layers;
  std::array<State<float, O.num_layers, Batch, Hidden>, std::size_t(Layers::states)> state;

  static constexpr std::string_view sinter_field_names = ", state";
  constexpr auto sinter_fields() { return std::tie(layers, state); }
  constexpr auto sinter_fields() const { return std::tie(layers, state); }

  template <TypedSymbol X> constexpr auto operator()(const X& x) const {
    const auto all = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      return layers(x, state[Index].symbolic(x.graph)...);
    }(std::make_index_sequence<std::size_t(Layers::states)>{});
    using H = Sym<float, O.num_layers, Batch, Hidden>;
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      (state[Index].update(H(graph::reshape_to(std::get<Index + 1>(all), H::shape))), ...);
    }(std::make_index_sequence<std::size_t(Layers::states)>{});
    return std::get<0>(all);
  }
};

}  // namespace nn
}  // namespace sinter
