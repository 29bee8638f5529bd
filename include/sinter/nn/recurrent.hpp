// Recurrent layers over sequences, with PyTorch's results and names:
// weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, and _reverse.
//
// The products with the inputs of all steps are one contraction, (T B, In) × (In, gates · Hidden). The steps of a short
// sequence are unrolled in the program, where they fuse with their neighbours; those of a long one are one kernel
// (ops/recurrence.hpp), whatever its length.
#pragma once
#include "recurrent_cell.hpp"

namespace sinter::inline SINTER_ABI {

// undefined: the name is the error
template <class X, int In> struct recurrent_layer_needs_a_sequence_that_ends_with_its_input_size;

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
  static_assert(O.dropout >= 0 && O.dropout <= 1, "dropout of a recurrent layer must be 0 … 1");
  static constexpr int directions = O.bidirectional ? 2 : 1, states = K == Kind::lstm ? 2 : 1;
  static constexpr double dropped = O.dropout;  // named: clang reads the option as 0 if a layer is made at run time
  template <int L> using One =
      std::array<Direction<K, L == 0 ? In : Hidden * directions, Hidden, O.bias>, std::size_t(directions)>;
  template <class> struct All;
  template <std::size_t... L> struct All<std::index_sequence<L...>> { using type = std::tuple<One<int(L)>...>; };

  typename All<std::make_index_sequence<std::size_t(O.num_layers)>>::type layers{};

  static constexpr Names<O.num_layers, O.bias, O.bidirectional> names{};
  static constexpr std::string_view sinter_field_names{names.text.data(), names.size};
  constexpr auto sinter_fields() { return list(layers); }
  constexpr auto sinter_fields() const { return list(layers); }

  /// A sequence [T, B, In], [B, T, In] with batch_first, or [T, In], of bounded T as many steps as its length says (all
  /// samples have that one: PyTorch's packed sequences of equal lengths); initial h and (of an LSTM) c [num_layers ·
  /// directions, B, Hidden], zeros by default. Results: the last layer's h of every step, both directions concatenated;
  /// then the last h and c of every layer and direction, shaped as the initial ones. Dropout is between layers, in
  /// training: zeros follow from the step's seed and number, as nn::Dropout's.
  template <TypedSymbol X, Operand... S>
  requires(sizeof...(S) == 0 || sizeof...(S) == states) constexpr auto operator()(const X& x,
                                                                                  const S&... initial) const {
    return of(at_least_float32(x), at_least_float32(initial)...);
  }

 private:
  template <class X, class... S> constexpr auto of(const X& x, const S&... initial) const {
    constexpr int rank = X::shape.rank, time = rank == 3 && O.batch_first ? 1 : 0;
    if constexpr ((rank != 2 && rank != 3) || X::shape[rank - 1] != In || X::shape.symbol(rank - 1) != 0) {
      return recurrent_layer_needs_a_sequence_that_ends_with_its_input_size<X, In>{};
    } else if constexpr (rank == 2) {
      constexpr int ends = O.num_layers * directions;
      const auto all = of_batch(reshape<extent_of<X, 0>, 1, In>(x), reshape<ends, 1, Hidden>(initial)...);
      return std::apply([](const auto& y, const auto&... last) {
        return std::tuple{reshape<extent_of<X, 0>, Hidden * directions>(y), reshape<ends, Hidden>(last)...};
      }, all);
    } else if constexpr (time == 1) {
      return std::apply([](const auto& y, const auto&... last) {
        return std::tuple{permute<1, 0, 2>(y), last...};
      }, of_batch(permute<1, 0, 2>(x), initial...));
    } else {
      return of_batch(x, initial...);
    }
  }
  /// x [T, B, In], states [num_layers · directions, B, Hidden].
  template <class X, class... S> constexpr auto of_batch(const X& x, const S&... first) const {
    using End = Sym<typename X::element, 1, extent_of<X, 1>, Hidden>;
    std::array<std::array<End, std::size_t(O.num_layers * directions)>, std::size_t(states)> ends;
    return from_layer<0>(x, ends, first...);
  }
  template <int L, class X, class... S>
  constexpr auto from_layer(const X& x, auto& ends, const S&... first) const {
    const auto all = [&]<std::size_t... Side>(std::index_sequence<Side...>) {
      return std::array{direction<L, int(Side)>(x, ends, first...)...};
    }(std::make_index_sequence<std::size_t(directions)>{});
    const auto y = concatenate<2>(all);
    if constexpr (L + 1 < O.num_layers) return from_layer<L + 1>(dropout(y, dropped), ends, first...);
    else return std::apply([&](const auto&... end) { return std::tuple{y, concatenate<0>(end)...}; }, ends);
  }

  /// A layer in one direction: [T, B, features] → [T, B, Hidden]. `ends` gets its last states.
  template <int L, int Side, class X, class... S>
  constexpr auto direction(const X& x, auto& ends, const S&... first) const {
    constexpr int steps = X::shape[0], number = L * directions + Side;
    const auto& d = std::get<std::size_t(L)>(layers)[std::size_t(Side)];
    const auto products = matmul(x, transpose(d.weight_ih));
    if constexpr (steps > O.unroll || X::shape.symbol(0) != 0) {
      const auto begin = first_states<extent_of<X, 1>>(first(number)...);
      const auto all = sequence<Side>(d, products, begin);
      const auto end = call<ops::LastStates<Side != 0>>(all, begin);
      ends[0][number] = slice<2, 0, Hidden>(end);
      if constexpr (states == 2) ends[1][number] = slice<2, Hidden, 2 * Hidden>(end);
      return slice<2, 0, Hidden>(all);
    } else {
      using Row = Sym<typename X::element, extent_of<X, 1>, Hidden>;
      std::array<Row, std::size_t(steps)> y;
      std::array<Row, std::size_t(states)> state;
      for (int k = 0; k < steps; ++k) {
        const int t = Side == 0 ? k : steps - 1 - k;
        const auto next = k == 0 ? after(d, products(t), first(number)...)
                                 : std::apply([&](const auto&... s) { return after(d, products(t), s...); }, state);
        state[0] = std::get<0>(next);
        if constexpr (states == 2) state[1] = std::get<1>(next);
        y[std::size_t(t)] = state[0];
      }
      for (std::size_t i = 0; i < state.size(); ++i) ends[i][number] = unsqueeze<0>(state[i]);
      return stack<0>(y);
    }
  }
  /// The states after a step; without states before it they are 0, and so is the product.
  template <class D, class X> static constexpr auto after(const D& d, const X& input, const auto&... state) {
    constexpr auto rows = extent_of<X, 0>;
    const auto one = [&](const auto& product, const auto& h, const auto& c) {
      return step<K>(
          [&]<int G>() { return with_input_bias<K, Hidden, G>(gate<G, Hidden>(input), d.bias_ih, d.bias_hh); },
          [&]<int G>() { return with_state_bias<K, Hidden, G>(gate<G, Hidden>(product), d.bias_hh); }, h, c);
    };
    if constexpr (sizeof...(state) == 0) {
      const auto nothing = broadcast_to<rows, Hidden>(number(0.f));
      return one(broadcast_to<rows, gates(K) * Hidden>(number(0.f)), nothing, nothing);
    } else {
      const auto all = std::tie(state...);
      const auto& h = std::get<0>(all);
      return one(matmul(h, transpose(d.weight_hh)), h, std::get<std::size_t(states - 1)>(all));
    }
  }

  template <auto Rows, class... S> static constexpr auto first_states(const S&... first) {
    if constexpr (sizeof...(S) == 0) return broadcast_to<Rows, states * Hidden>(number(0.f));
    else if constexpr (states == 2) return concatenate<1>(first...);
    else return (first, ...);
  }
  /// All steps of a direction as one kernel.
  template <int Side, class X, class Begin>
  static constexpr auto sequence(const auto& d, const X& products, const Begin& begin) {
    constexpr bool gru = K == Kind::gru, backwards = Side != 0;
    if constexpr (gru && O.bias) {  // the last bias is added to the product with the state only
      const auto shared = concatenate<0>(slice<0, 0, 2 * Hidden>(d.bias_hh), broadcast_to<Hidden>(number(0.f)));
      return recurrence<K, backwards>(products + (shared + d.bias_ih), d.weight_hh, begin,
                                      slice<0, 2 * Hidden, 3 * Hidden>(d.bias_hh));
    } else if constexpr (gru) {
      return recurrence<K, backwards>(products, d.weight_hh, begin, broadcast_to<Hidden>(number(0.f)));
    } else if constexpr (O.bias) {
      return recurrence<K, backwards>(products + (d.bias_ih + d.bias_hh), d.weight_hh, begin);
    } else {
      return recurrence<K, backwards>(products, d.weight_hh, begin);
    }
  }

  static constexpr auto list(auto& layers) {
    return std::apply([](auto&... layer) { return std::tuple_cat(of_layer(layer)...); }, layers);
  }
  static constexpr auto of_layer(auto& layer) {
    return std::apply([](auto&... d) { return std::tuple_cat(d.fields()...); }, layer);
  }
};

template <int In, int Hidden, RecurrentOptions First, auto... More> struct LayersOf {
  static constexpr RecurrentOptions options = ops::options<RecurrentOptions, First, More...>;
  using RNN = Layers<kind_of(options.nonlinearity), In, Hidden, options>;
  using GRU = Layers<Kind::gru, In, Hidden, options>;
  using LSTM = Layers<Kind::lstm, In, Hidden, options>;
};

}  // namespace nn::recurrent

namespace nn {

/// `const auto [y, h] = rnn(x);` of a sequence x [T, B, In]: see recurrent::Layers. The activation may be a further
/// option, `nn::RNN<8, 16, BatchFirst, Nonlinearity::relu>`. PyTorch: torch.nn.RNN.
template <int In, int Hidden, RecurrentOptions First = RecurrentOptions{}, auto... More> using RNN =
    typename recurrent::LayersOf<In, Hidden, First, More...>::RNN;
/// `const auto [y, h] = gru(x);`. PyTorch: torch.nn.GRU.
template <int In, int Hidden, RecurrentOptions First = RecurrentOptions{}, auto... More> using GRU =
    typename recurrent::LayersOf<In, Hidden, First, More...>::GRU;
/// `const auto [y, h, c] = lstm(x);`. PyTorch: torch.nn.LSTM, whose result is (y, (h, c)).
template <int In, int Hidden, RecurrentOptions First = RecurrentOptions{}, auto... More> using LSTM =
    typename recurrent::LayersOf<In, Hidden, First, More...>::LSTM;

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
    const auto all = std::apply([&](const auto&... s) { return layers(x, s...); }, state);
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      (state[Index].update(reshape<O.num_layers, Batch, Hidden>(std::get<Index + 1>(all))), ...);
    }(std::make_index_sequence<std::size_t(Layers::states)>{});
    return std::get<0>(all);
  }
};

}  // namespace nn
}  // namespace sinter
