// Values computed from indices alone: counting along an axis, and the run-time length of a bounded extent.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// 0, 1, 2, … as int32. attributes = {extent, packed with its symbolic dimension}.
struct Iota : graph::Registered<Iota> {
  static constexpr Primitive describe() {
    Primitive p{.name = "iota", .code = graph::code_of<Iota>, .kind = Kind::generate};
    p.type = [](const Signature& s) {
      Shape to;
      to.push(int(s.attributes[0] & 0x7fffffff), int(s.attributes[0] >> 32));
      return Type{Dtype::int32, to};
    };
    return p;
  }
};

/// The run-time length of a symbolic dimension, as int32 of rank 0. attributes = {its symbol}.
struct Length : graph::Registered<Length> {
  static constexpr Primitive describe() {
    Primitive p{.name = "length", .code = graph::code_of<Length>, .kind = Kind::generate};
    p.type = [](const Signature&) { return Type{Dtype::int32, {}}; };
    return p;
  }
};

}  // namespace ops

namespace graph {

constexpr Value iota(Builder* b, int extent, int symbol = 0) {
  const std::int64_t a = std::int64_t(extent) | std::int64_t(symbol) << 32;
  return {b, b->add(primitive<ops::Iota>, nullptr, 0, &a, 1)};
}
constexpr Value length(Builder* b, int symbol) {
  const std::int64_t a = symbol;
  return {b, b->add(primitive<ops::Length>, nullptr, 0, &a, 1)};
}

}  // namespace graph

}  // namespace sinter
