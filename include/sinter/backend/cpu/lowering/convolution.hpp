// Convolutions as a CPU runs them: a contraction of weights with a view of sliding windows, or one filter a channel tap
// by tap.
//
// No window is ever copied out: the contraction's kernel packs its panels straight from the padded image, which is what
// an implicit-GEMM convolution does.
#pragma once
#include "../../../ops/ops.hpp"
#include "contract_tag.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using graph::Value;
using ops::Geometry;

/// Operands: the sums of products, image, weight. It is the first, and says of what geometry; for passes after it.
struct ConvolutionSums : ops::Identity<ConvolutionSums> {
  static constexpr const char* name = "convolution_sums";
  static constexpr int innermost = 1;  ///< the channels
  static constexpr Value batch(const graph::Batching& b) { return b.operand(0); }
  static constexpr Value of(Value sums, Value image, Value weight, const Geometry& g) {
    const std::array<int, 3> operands{sums.id, image.id, weight.id};
    const auto attributes = g.attributes();
    return {sums.graph, sums.graph->add(graph::primitive<ConvolutionSums>, operands.data(), 3, attributes.data(),
                                        Geometry::numbers)};
  }
};

/// [N, C, spatial…] as [N, groups, C / groups, spatial…]; unchanged where there is one group.
constexpr Value in_groups(Value v, int groups) {
  if (groups == 1) return v;
  const Shape s = v.extents();
  Shape split_shape;
  split_shape.push(s[0], s.symbol(0));
  split_shape.push(groups);
  split_shape.push(s[1] / groups);
  for (int i = 2; i < s.rank; ++i) split_shape.push(s[i]);
  return graph::reshape_to(v, split_shape);
}

constexpr Value with_borders(Value image, const Geometry& g) {
  for (int i = 0; i < g.axes; ++i)
    image = graph::surround(image, 2 + i, g.before[i], g.after[i]);
  return image;
}

/// [N, C, spatial…] with borders as [N, (groups,) C / groups, windows…, kernel…].
constexpr Value windows_of(Value image, Shape weight, const Geometry& g) {
  image = in_groups(with_borders(image, g), g.groups);
  const int first = g.groups > 1 ? 3 : 2;
  for (int i = 0; i < g.axes; ++i)
    image = graph::windows(image, first + i, weight[2 + i], g.stride[i], g.dilation[i]);
  return image;
}

// ---- one filter a channel: no products are shared between channels, so every
// position of the window is elementwise work ----
inline constexpr int most_taps = 25;
constexpr int taps_of(Shape w) {
  int taps = 1;
  for (int i = 2; i < w.rank; ++i) taps *= w[i];
  return taps;
}
constexpr bool is_depthwise(Shape w, const Geometry& g) {
  return g.groups > 1 && w[0] == g.groups && w[1] == 1 && taps_of(w) <= most_taps;
}
/// Position `tap` of all windows of an image that has its borders.
constexpr Value tap_of(Value image, Shape w, const Geometry& g, int tap) {
  for (int i = g.axes - 1; i >= 0; --i) {
    const int size = w[2 + i], at = tap % size, extent = image.extents()[2 + i];
    tap /= size;
    image = graph::slice(image, 2 + i, at * g.dilation[i], (extent - g.dilation[i] * (size - 1) - 1) / g.stride[i] + 1,
                         g.stride[i]);
  }
  return image;
}
/// v in a buffer of its own, row-major.
constexpr Value in_memory(Value v) {
  const std::int64_t axis = 0;
  return {v.graph, v.graph->add(graph::primitive<ops::Concatenate>, &v.id, 1, &axis, 1)};
}
constexpr Value depthwise_sums(Value image, Value weight, const Geometry& g) {
  const Shape w = weight.extents();
  image = with_borders(image, g);
  const int taps = taps_of(w);
  Shape matrix, channel;
  matrix.push(w[0]);
  matrix.push(taps);
  channel.push(w[0]);
  for (int i = 0; i < g.axes; ++i) channel.push(1);
  // the channels of a tap side by side, as lanes may read them
  weight = in_memory(ops::permuted(graph::reshape_to(weight, matrix), {1, 0}));
  Value sum;
  for (int k = 0; k < taps; ++k) {
    const Value product = tap_of(image, w, g, k) * graph::reshape_to(graph::slice(weight, 0, k, 1), channel);
    sum = sum.exists() ? sum + product : product;
  }
  return sum;
}
/// image [N, C, spatial…] * weight [O, C / groups, kernel…] → [N, O, windows…], summed in a dtype.
constexpr Value convolution_sums(Value image, Value weight, const Geometry& g, Dtype type) {
  const Shape w = weight.extents();
  if (is_depthwise(w, g)) {
    const Value sums = depthwise_sums(graph::cast_to(image, type), graph::cast_to(weight, type), g);
    return ConvolutionSums::of(sums, image, weight, g);
  }
  const Value windows = windows_of(image, w, g);
  const Shape s = windows.extents();
  const int grouped = g.groups > 1 ? 1 : 0;
  // Windows as [N, (groups,) windows…, C, kernel…]; weights, repeated for every
  // sample, as [N, (groups,) O, C, kernel…].
  internals::Array<std::int64_t, Shape::max_rank> order{};
  int n = 0;
  order[n++] = 0;
  if (grouped != 0) order[n++] = 1;
  for (int i = 0; i < g.axes; ++i) order[n++] = 2 + grouped + i;
  order[n++] = 1 + grouped;
  for (int i = 0; i < g.axes; ++i) order[n++] = 2 + grouped + g.axes + i;
  Shape repeated, split_shape;
  repeated.push(s[0], s.symbol(0));
  if (grouped != 0) repeated.push(g.groups), split_shape.push(g.groups);
  split_shape.push(w[0] / g.groups);
  for (int i = 1; i < w.rank; ++i) split_shape.push(w[i]);
  for (int i = grouped; i < split_shape.rank; ++i) repeated.push(split_shape[i]);
  const Value weights = graph::broadcast_to(graph::reshape_to(weight, split_shape), repeated);
  const auto tag = ContractTag::of(ContractMethod::Form::convolution, w, g);
  Value sums = ops::Contract::apply(image.graph, weights.id, ops::permuted(windows, order).id, 1 + grouped, 1 + g.axes,
                                    type, tag.packed());
  if (grouped != 0) {
    Shape joined;
    joined.push(s[0], s.symbol(0));
    joined.push(w[0]);
    for (int i = 0; i < g.axes; ++i) joined.push(s[3 + i]);
    sums = graph::reshape_to(sums, joined);
  }
  return ConvolutionSums::of(sums, image, weight, g);
}

}  // namespace sinter::cpu
