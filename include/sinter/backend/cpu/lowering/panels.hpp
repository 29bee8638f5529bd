// Weights packed in the order in which a contraction reads them.
//
// A contraction multiplies `width` columns at a time along its contracted axes. Weights that rarely change are packed
// like that once: [n, k…] → [n / width, k…, width], zeros after the last. `packed` is how the graph computes that;
// `Panels` is the view of the result that has the weight's own shape again, for contractions only.
#pragma once
#include "../../../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using graph::Layout;
using graph::Signature;
using graph::Value;

/// The layout of weights in memory: strided; in panels; or transformed, for this many results per tile along one axis.
struct WeightForm {
  static constexpr unsigned char strided = 0, panels = 1;
  static constexpr unsigned char transformed(int m) { return static_cast<unsigned char>(16 + m); }
  static constexpr int results_a_tile(unsigned char form) { return form > 16 ? form - 16 : 0; }
};

/// A view of panels. The stride of columns is then the distance of panels.
struct Panels : ops::View<Panels> {
  static constexpr const char* name = "panels";

  /// attributes = {width, the shape [n, k…]}; the first of several contracted axes is innermost.
  static constexpr ops::Type type(const Signature& s) {
    return {s.dtype(0), ops::unpacked(s.attributes + 1, s.attribute_count - 1)};
  }
  static constexpr bool view(Layout& l, const Signature& s, const Shape& to) {
    std::int64_t stride = s.attributes[0];
    const auto append = [&](int axis) {
      l.stride[axis] = stride;
      stride *= to[axis];
    };
    if (to.rank > 2) append(1);
    for (int i = to.rank - 1; i > (to.rank > 2 ? 1 : 0); --i) append(i);
    l.stride[0] = stride;
    l.gapless = false;
    l.form = WeightForm::panels;
    return true;
  }
  // It is inserted after differentiation and vmap.
  static constexpr Value pull(const graph::Site&, Value) { return {}; }
  static constexpr Value batch(const graph::Batching&) { return {}; }
};

/// w, of shape [n, k…], as panels [n / width, k…, width].
constexpr Value packed(Value w, int width) {
  const Shape from = w.extents();
  const int panels = (from[0] + width - 1) / width;
  w = graph::surround(w, 0, 0, panels * width - from[0]);
  Shape blocks;
  blocks.push(panels);
  blocks.push(width);
  for (int i = 1; i < from.rank; ++i) blocks.push(from[i]);
  w = graph::reshape_to(w, blocks);
  internals::Array<std::int64_t, Shape::max_rank> order{};
  int n = 0;
  order[n++] = 0;
  for (int i = from.rank > 2 ? 3 : 2; i < blocks.rank; ++i) order[n++] = i;
  if (from.rank > 2) order[n++] = 2;
  order[n++] = 1;
  return ops::permuted(w, order);
}
/// A view by the primitive `View` that has the shape of the weights again from which `from` was made; `number` says
/// how.
template <class View> constexpr Value as_weights(Value from, const Shape& shape, std::int64_t number) {
  const ops::PackedShape a(shape);
  internals::Array<std::int64_t, Shape::max_rank + 1> attributes{number};
  for (int i = 0; i < a.rank; ++i) attributes[i + 1] = a.value[i];
  return {from.graph, from.graph->add(graph::primitive<View>, &from.id, 1, attributes.data(), a.rank + 1)};
}
/// The same weights, in their own shape, from what `packed` has made of them.
constexpr Value panels(Value from, const Shape& shape, int width) { return as_weights<Panels>(from, shape, width); }

}  // namespace sinter::cpu
