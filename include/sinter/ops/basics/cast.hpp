// Conversion between element types.
#pragma once
#include "elementwise.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// One primitive a target type. Its gradient is the cotangent cast back; no gradient flows through an integer or a
/// bool.
template <Dtype To> struct CastTypes {
  static constexpr int first = 0;
  static constexpr Dtype operand(int, Dtype promoted) { return promoted; }
  static constexpr Dtype result(Dtype) { return To; }
};
/// A number as kernels convert it: an integer is truncated and wraps. None, which leaves it to them, where no double
/// holds it.
constexpr Value converted_number(Value x, Dtype to) {
  double value = x.graph->constant_value(x.id);
  bool is_held = true;
  if (to == Dtype::boolean) {
    value = value != 0 ? 1 : 0;
  } else if (!is_floating(to)) {
    const auto wrap = [&]<class T>(T) {
      if constexpr (std::is_integral_v<T>) {
        const T exact = converted<T>(value);
        value = double(exact);
        is_held = converted<T>(value) == exact;
      }
    };
    if (is_integer(x.dtype())) with_element_type(x.dtype(), wrap);
    with_element_type(to, wrap);
  }
  return is_held ? Value{x.graph, x.graph->constant(value, to)} : Value{};
}

template <Dtype To> struct Cast : Elementwise<Cast<To>, 1, CastTypes<To>> {
  static constexpr const char* name = "cast";
  static constexpr bool converts = true;
  static constexpr auto eval(auto x) { return convert<element_type<To>>(x); }
  static constexpr Value derivative(int, Value x, Value, Value t) {
    return is_floating(To) && is_floating(x.dtype()) ? graph::cast_to(t, x.dtype()) : Value{};
  }
  static constexpr Value simplify(Value x) {
    if (x.dtype() == To) return x;
    return x.graph->is_constant(x.id) ? converted_number(x, To) : Value{};
  }
  template <Dtype From, std::size_t> static constexpr void evaluate(const void* const* in, void* out, int n) {
    for (int k = 0; k < n; ++k)
      static_cast<element_type<To>*>(out)[k] =
          converted<element_type<To>>(static_cast<const element_type<From>*>(in[0])[k]);
  }
};

}  // namespace ops

namespace graph {

constexpr Value cast_to(Value v, Dtype d) {
  if (!v.exists() || v.dtype() == d) return v;
  return apply_elementwise(
      v.graph, *with_element_type(d, []<class T>(T) { return &primitive<ops::Cast<dtype_of<T>>>; }), &v.id);
}
/// The 16-bit float that a value of float32 was converted from, without loss; else the value.
constexpr Value before_widening(Value v) {
  const Node& n = (*v.graph)[v.id];
  if (n.op != &primitive<ops::Cast<Dtype::float32>>) return v;
  const Value from{v.graph, v.graph->operands(v.id)[0]};
  return is_half(from.dtype()) ? from : v;
}

}  // namespace graph

}  // namespace sinter
