// Functions made of several primitives, of 16-bit floats and of integers: they are computed in a wide type from their
// operands to their result, which is rounded once. A primitive does so by itself; between two of them a mean of 16-bit
// numbers would lose its last bits, and a sum of their squares would overflow.
#pragma once
#include "cast.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// The element type in which a function of floating-point numbers is computed, and that of its result: float32 for
/// 16-bit floats; integers are converted to float64, so that none is rounded before it is added, and give float32.
constexpr Dtype wide_type(Dtype d) { return is_floating(d) ? computed_as(d) : Dtype::float64; }
constexpr Dtype floating_result(Dtype d) { return is_floating(d) ? d : Dtype::float32; }

/// F of symbols, the first `Tensors` of which are floating-point operands; the others (labels, masks, numbers) are
/// passed unchanged. Adds nothing where the operands are float32 or float64.
template <class F, int Tensors = 1> struct Composed {
  using numbers = Sym<float>;  ///< the type of plain numbers: they are not rounded to 16 bits

  template <TypedSymbol... X> constexpr auto operator()(X... x) const {
    constexpr Dtype common = common_type(types_of<X...>()), wide = wide_type(common);
    if constexpr (!is_narrow(types_of<X...>())) {
      return F{}(x...);
    } else {
      const auto y = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return F{}(widened<int(Index) < Tensors, wide>(x)...);
      }(std::index_sequence_for<X...>{});
      using Y = std::remove_const_t<decltype(y)>;
      if constexpr (!is_sym_v<Y>) return y;  // an error type, which is its own message
      else if constexpr (Y::dtype == wide) return Apply<Cast<floating_result(common)>>{}(y);
      else return y;
    }
  }
  template <class... X> requires graph::Untyped<X...> constexpr Value operator()(X... x) const {
    const std::array<Dtype, sizeof...(X)> types{x.dtype()...};
    if (!is_narrow(types)) return F{}(x...);
    const Dtype common = common_type(types), wide = wide_type(common);
    const Value y = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      return F{}((int(Index) < Tensors && needs(x.dtype()) ? graph::cast_to(x, wide) : Value(x))...);
    }(std::index_sequence_for<X...>{});
    return y.dtype() == wide ? graph::cast_to(y, floating_result(common)) : y;
  }

 private:
  template <class... X> static constexpr std::array<Dtype, sizeof...(X)> types_of() { return {X::dtype...}; }
  static constexpr bool needs(Dtype d) { return is_half(d) || !is_floating(d); }
  template <std::size_t N> static constexpr bool is_narrow(const std::array<Dtype, N>& d) {
    for (std::size_t i = 0; i < N && int(i) < Tensors; ++i)
      if (needs(d[i])) return true;
    return false;
  }
  template <std::size_t N> static constexpr Dtype common_type(const std::array<Dtype, N>& d) {
    Dtype common = d[0];
    for (std::size_t i = 1; i < N && int(i) < Tensors; ++i) common = promote(common, d[i]);
    return common;
  }
  template <bool Tensor, Dtype Wide, class X> static constexpr auto widened(X x) {
    if constexpr (Tensor && needs(X::dtype)) return Apply<Cast<Wide>>{}(x);
    else return x;
  }
};

}  // namespace ops

/// 16-bit floats and integers as float32, all others unchanged: an operand of a layer that computes in the type of its
/// float32 parameters.
template <Operand X> constexpr auto at_least_float32(const X& x) {
  if constexpr (is_half(symbol_of<X>::dtype) || !is_floating(symbol_of<X>::dtype)) return cast<float>(x);
  else return x;
}

}  // namespace sinter
