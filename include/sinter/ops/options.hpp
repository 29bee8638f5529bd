// Options as keywords, in any order: `nn::Conv2d<3, 64, 7, Stride<2>, Padding<3>, NoBias>`. Their names are PyTorch's.
//
// What takes options has one struct of them, with PyTorch's defaults, and a pack of keywords after it. The struct may
// be written out, and keywords may follow it: `Conv2dOptions{.stride = 2}, NoBias`. The first keyword converts to the
// struct and the others are merged into it, so the type of a layer is the same however its options are written.
#pragma once
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Options, class... Keyword> struct there_is_no_such_option;
template <class Options, class... Keyword> struct an_option_needs_one_number_or_one_for_each_spatial_axis;
template <class Options, class... Keyword> struct an_option_is_given_twice;

namespace ops::keyword {

// The options, by their names in the structs.
#define SINTER_OPTION(name)                                                                    \
  struct name {                                                                                \
    template <class O> static constexpr auto in(O& o) -> decltype((o.name)) { return o.name; } \
  };
SINTER_OPTION(stride)
SINTER_OPTION(padding)
SINTER_OPTION(dilation)
SINTER_OPTION(groups)
SINTER_OPTION(bias)
SINTER_OPTION(count_include_pad)
SINTER_OPTION(num_layers)
SINTER_OPTION(batch_first)
SINTER_OPTION(bidirectional)
SINTER_OPTION(unroll)
SINTER_OPTION(is_causal)
SINTER_OPTION(enable_gqa)
SINTER_OPTION(norm_first)
#undef SINTER_OPTION
/// `dropout_p` of an attention, `dropout` of other layers.
struct dropout {
  template <class O> static constexpr auto in(O& o) -> decltype((o.dropout)) { return o.dropout; }
  template <class O> static constexpr auto in(O& o) -> decltype((o.dropout_p)) { return o.dropout_p; }
};

/// One number, or one for each spatial axis.
template <int N> struct Numbers {
  int each[std::size_t(N)];
};

template <class O, class Name> concept Named = requires(O& o) { Name::in(o); };

template <class T, class V> inline constexpr bool takes = std::is_constructible_v<T, const V&>;
template <class T, int N> requires requires(T& t) { t.at; }
inline constexpr bool takes<T, Numbers<N>> = N == 1 || std::size_t(N) == std::tuple_size_v<decltype(T::at)>;

template <class T, class V> constexpr T converted(const V& value) { return T(value); }
template <class T, int N> constexpr T converted(const Numbers<N>& value) {
  T t(value.each[0]);
  if constexpr (N > 1)
    for (int i = 0; i < N; ++i) t.at[std::size_t(i)] = value.each[i];
  return t;
}

/// A keyword with its value.
template <class Name, class Value> struct Keyword {
  using name = Name;
  Value value;

  /// A flag that depends on a condition: `IsCausal(Decoder)`.
  constexpr Keyword operator()(bool holds) const requires std::is_same_v<Value, bool> { return {holds == value}; }
  /// The options in which it alone is set.
  template <class O> constexpr operator O() const { return only<O>(); }

  template <class O> static constexpr bool fits() {
    return takes<std::remove_cvref_t<decltype(Name::in(std::declval<O&>()))>, Value>;
  }
  template <class O> constexpr void set(O& o) const {
    auto& to = Name::in(o);
    to = converted<std::remove_reference_t<decltype(to)>>(value);
  }
  /// Whether the options have another value already, which is not the default.
  template <class O> constexpr bool differs(const O& before, const O& after) const {
    const O defaults{};
    return !(Name::in(before) == Name::in(defaults)) && !(Name::in(before) == Name::in(after));
  }

 private:
  template <class O> constexpr auto only() const {
    if constexpr (std::is_same_v<O, bool>) {  // the layer's one option
      if constexpr (std::is_same_v<Name, bias>) return value;
      else return there_is_no_such_option<O, Name>{};
    } else if constexpr (!Named<O, Name>) {
      return there_is_no_such_option<O, Name>{};
    } else if constexpr (!fits<O>()) {
      return an_option_needs_one_number_or_one_for_each_spatial_axis<O, Name, Value>{};
    } else {
      O o{};
      set(o);
      return o;
    }
  }
};

template <class O, class K> consteval bool known() {
  if constexpr (requires { typename K::name; }) return Named<O, typename K::name>;
  else return requires(O & o, const K& k) { o.set(k); };
}

/// Options that are given, and keywords after them. An alias of a layer names them within a struct, as
/// nn::Conv2d's: g++ 12 crashes on a keyword of a template's parameter, `Stride<S>`, that it has to convert twice
/// within an alias.
template <class O, O Given> consteval O merged() { return Given; }
template <class O, O Given, auto First, auto... More> consteval auto merged() {
  using K = std::remove_cvref_t<decltype(First)>;
  if constexpr (!known<O, K>()) {
    if constexpr (requires { typename K::name; }) return there_is_no_such_option<O, typename K::name>{};
    else return there_is_no_such_option<O, K>{};
  } else if constexpr (!requires { typename K::name; }) {
    constexpr O next = [] {
      O o = Given;
      o.set(First);
      return o;
    }();
    return merged<O, next, More...>();
  } else if constexpr (!K::template fits<O>()) {
    return an_option_needs_one_number_or_one_for_each_spatial_axis<O, K>{};
  } else {
    constexpr O next = [] {
      O o = Given;
      First.set(o);
      return o;
    }();
    if constexpr (First.differs(Given, next)) return an_option_is_given_twice<O, typename K::name>{};
    else return merged<O, next, More...>();
  }
}
template <class Name, int... Each> using Spatial = Keyword<Name, Numbers<int(sizeof...(Each))>>;
template <class Name> using Integer = Keyword<Name, int>;
template <class Name> using Flag = Keyword<Name, bool>;

}  // namespace ops::keyword

namespace ops {
template <class O, O Given, auto... More> inline constexpr auto options = keyword::merged<O, Given, More...>();
}  // namespace ops

/// The distance between windows of a convolution or pool: one number, or one for each spatial axis, `Stride<2, 1>`.
/// PyTorch: stride.
template <int... Each> inline constexpr ops::keyword::Spatial<ops::keyword::stride, Each...> Stride{{{Each...}}};
/// Zeros around the image (a maximum never takes them): one number, or one for each spatial axis. PyTorch: padding.
template <int... Each> inline constexpr ops::keyword::Spatial<ops::keyword::padding, Each...> Padding{{{Each...}}};
/// The distance between elements of a window: one number, or one for each spatial axis. PyTorch: dilation.
template <int... Each> inline constexpr ops::keyword::Spatial<ops::keyword::dilation, Each...> Dilation{{{Each...}}};
/// Channels are convolved in groups. PyTorch: groups.
template <int Count> inline constexpr ops::keyword::Integer<ops::keyword::groups> Groups{Count};
/// The layer has no bias. PyTorch: bias=False.
inline constexpr ops::keyword::Flag<ops::keyword::bias> NoBias{false};
/// Means of a pool count the border's zeros, as they do by default: `CountIncludePad(false)`. PyTorch:
/// count_include_pad.
inline constexpr ops::keyword::Flag<ops::keyword::count_include_pad> CountIncludePad{true};
/// Recurrent layers one after another. PyTorch: num_layers.
template <int Count> inline constexpr ops::keyword::Integer<ops::keyword::num_layers> NumLayers{Count};
/// Sequences are [batch, time, features]. PyTorch: batch_first=True.
inline constexpr ops::keyword::Flag<ops::keyword::batch_first> BatchFirst{true};
/// Recurrent layers in both directions. PyTorch: bidirectional=True.
inline constexpr ops::keyword::Flag<ops::keyword::bidirectional> Bidirectional{true};
/// Sequences of up to so many steps are unrolled in the program; longer ones are one kernel.
template <int Steps> inline constexpr ops::keyword::Integer<ops::keyword::unroll> Unroll{Steps};
/// Query i of an attention sees keys 0 … i. PyTorch: is_causal=True.
inline constexpr ops::keyword::Flag<ops::keyword::is_causal> IsCausal{true};
/// Fewer heads of keys and values than of queries. PyTorch: enable_gqa=True.
inline constexpr ops::keyword::Flag<ops::keyword::enable_gqa> EnableGqa{true};
/// A transformer block normalises the input of each part. PyTorch: norm_first=True.
inline constexpr ops::keyword::Flag<ops::keyword::norm_first> NormFirst{true};
/// The probability of zeros in training: `DropoutP(.1)`. PyTorch: dropout_p of an attention, dropout of recurrent and
/// transformer layers.
constexpr ops::keyword::Keyword<ops::keyword::dropout, double> DropoutP(double p) { return {p}; }

}  // namespace sinter
