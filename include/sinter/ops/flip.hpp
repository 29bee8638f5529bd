// Axes in reverse order.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// attributes = {bit set of axes}: those axes in reverse.
struct Flip : View<Flip> {
  static constexpr const char* name = "flip";
  static constexpr Type type(const Signature& s) {
    const Shape& from = s.shape(0);
    if (s.attributes[0] >> from.rank != 0) return Type::mismatch();
    for (int i = 0; i < from.rank; ++i)
      if ((s.attributes[0] >> i & 1) != 0 && from.symbol(i) != 0) return Type::mismatch();
    return {s.dtype(0), from};
  }
  static constexpr Value batch(const graph::Batching& b) {
    const std::int64_t axes = b.attributes[0] << 1;
    return {b.graph, b.graph->add(graph::primitive<Flip>, b.operands, 1, &axes, 1)};
  }
  static constexpr bool view(graph::Layout& l, const Signature& s, const Shape& to) {
    for (int i = 0; i < to.rank; ++i)
      if ((s.attributes[0] >> i & 1) != 0 && to[i] > 0) {
        l.offset += (to[i] - 1) * l.stride[i];
        l.stride[i] = -l.stride[i];
      }
    l.gapless = false;
    return true;
  }
  static constexpr Value pull(const Site& s, Value ct) {
    const std::int64_t axes = s.attribute(0);
    return {s.graph, s.graph->add(graph::primitive<Flip>, &ct.id, 1, &axes, 1)};
  }
};

}  // namespace ops

namespace graph {

constexpr Value flip(Value v, std::int64_t axes) {
  return {v.graph, v.graph->add(primitive<ops::Flip>, &v.id, 1, &axes, 1)};
}

}  // namespace graph

namespace ops {

template <int... Axes> struct FlippedAxes {
  static constexpr std::array<std::int64_t, 1> of(const Shape& s) {
    return std::array<std::int64_t, 1>{((std::int64_t(1) << (Axes < 0 ? Axes + s.rank : Axes)) | ...)};
  }
};


}  // namespace ops

/// The axes named in reverse. PyTorch: torch.flip(x, dims).
template <int... Axes, Operand X>
constexpr graph::Result<ops::Apply<ops::Flip, ops::FlippedAxes<Axes...>>, X> flip(X&& x) {
  return call<ops::Apply<ops::Flip, ops::FlippedAxes<Axes...>>>(std::forward<X>(x));
}

}  // namespace sinter
