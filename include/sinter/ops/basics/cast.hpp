// Conversion between element types.
#pragma once
#include "elementwise.hpp"

namespace sinter {
namespace ops {

/// One primitive a target type. Its gradient is the cotangent cast back; no gradient flows through an integer or a
/// bool.
template <Dtype To> struct CastTypes {
  static constexpr int first = 0;
  static constexpr Dtype operand(int, Dtype promoted) { return promoted; }
  static constexpr Dtype result(Dtype) { return To; }
};
template <Dtype To> struct Cast : Elementwise<Cast<To>, 1, CastTypes<To>> {
  static constexpr const char* name = "cast";
  static constexpr bool converts = true;
  static constexpr auto eval(auto x) { return convert<element_type<To>>(x); }
  static constexpr Value derivative(int, auto x, auto, auto t) {
    return is_floating(To) && is_floating(x.dtype()) ? graph::cast_to(t, x.dtype()) : Value{};
  }
  static constexpr Value simplify(Value x) {
    if (x.dtype() == To) return x;
    if (x.graph->is_constant(x.id)) return number(x.graph, x.graph->constant_value(x.id), x.dtype());
    return {};
  }

 private:
  /// A number as kernels convert it: an integer is truncated and wraps. One that no double holds is left to them.
  static constexpr Value number(Builder* b, double value, Dtype from) {
    if constexpr (To == Dtype::boolean) {
      value = value != 0 ? 1 : 0;
    } else if constexpr (!is_floating(To)) {
      using T = element_type<To>;
      if (!is_floating(from) && from != Dtype::boolean)
        with_element_type(from, [&]<class S>(S) {
          if constexpr (std::is_integral_v<S>) value = double(converted<S>(value));
        });
      const T exact = converted<T>(value);
      if (converted<T>(double(exact)) != exact) return {};
      value = double(exact);
    }
    return {b, b->constant(value, To)};
  }
};

}  // namespace ops

namespace graph {

constexpr Value cast_to(Value v, Dtype d) {
  if (!v.exists() || v.dtype() == d) return v;
  int id = v.id;
  return with_element_type(
      d, [&]<class T>(T) { return apply_elementwise<ops::Cast<dtype_of<T>>>(v.graph, &id); });
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
