// The gradients of a convolution: contractions of the same kind.
#pragma once
#include "../../../ops/interleave.hpp"
#include "convolution.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// ct, borders included, convolved with the weight in reverse, whose inputs and outputs are swapped.
constexpr Value convolve_back(Value ct, Value weight, const Geometry& g) {
  const Shape w = weight.extents();
  std::int64_t reversed = 0;
  for (int i = 0; i < g.axes; ++i) reversed |= std::int64_t(1) << (2 + i);
  weight = graph::flip(weight, reversed);
  internals::Array<std::int64_t, Shape::max_rank> order{1, 0};
  if (g.groups == 1) {
    for (int i = 2; i < w.rank; ++i) order[i] = i;
    return convolution_sums(ct, ops::permuted(weight, order), g, ct.dtype());
  }
  Shape split_shape, joined;  // they are within each group
  split_shape.push(g.groups);
  split_shape.push(w[0] / g.groups);
  joined.push(g.groups * w[1]);
  joined.push(w[0] / g.groups);
  order = {0, 2, 1};
  for (int i = 1; i < w.rank; ++i) {
    split_shape.push(w[i]);
    if (i > 1) joined.push(w[i]), order[i + 1] = i + 1;
  }
  const Value groups = ops::permuted(graph::reshape_to(weight, split_shape), order);
  return convolution_sums(ct, graph::reshape_to(groups, joined), g, ct.dtype());
}

/// Every stride-th element of the image along one axis, from `start` on, is multiplied by the same taps of all windows
/// over it: a convolution of the cotangent with these taps alone, with a stride of `step`.
struct Phase {
  int first = 0, step = 1, taps = 0;  ///< none where windows leave these elements out
  int dilation = 1, before = 0, after = 0;  ///< of the convolution of the cotangent

  static constexpr Phase of(int start, int elements, int windows, int kernel, int stride, int dilation, int border) {
    Phase p;
    while (stride % p.step != 0 || p.step * dilation % stride != 0) ++p.step;
    const int rest = (start + border) % stride;
    while (p.first < kernel && p.first * dilation % stride != rest) ++p.first;
    if (p.first == kernel) return p;
    p.taps = (kernel - p.first + p.step - 1) / p.step;
    p.dilation = p.step * dilation / stride;
    p.before = p.reach() - (start + border - p.first * dilation) / stride;
    p.after = elements + p.reach() - windows - p.before;
    return p;
  }
  constexpr int reach() const { return dilation * (taps - 1); }
};
inline constexpr int most_phases = 9;

/// The cotangent of the image, phase by phase; all of them read one cotangent with borders.
constexpr Value image_gradient_in_phases(Value ct, Value weight, const Geometry& g, Shape image, int count) {
  const Shape w = weight.extents(), windows = ct.extents();
  internals::Array<int, 3> elements{}, before{}, after{};
  const auto phase = [&](int i, int start) {
    return Phase::of(start, elements[i], windows[2 + i], w[2 + i], g.stride[i], g.dilation[i], g.before[i]);
  };
  Shape part = image;
  for (int i = 0; i < g.axes; ++i) {
    elements[i] = (image[2 + i] + g.stride[i] - 1) / g.stride[i];
    part.set(2 + i, elements[i]);
    for (int start = 0; start < g.stride[i]; ++start) {
      const Phase p = phase(i, start);
      if (p.taps > 0 && p.before > before[i]) before[i] = p.before;
      if (p.taps > 0 && p.after > after[i]) after[i] = p.after;
    }
    ct = graph::surround(ct, 2 + i, before[i], after[i]);
  }
  graph::List<int> parts;
  for (int n = 0; n < count; ++n) {
    Value from = ct, taps = weight;
    Geometry back{.axes = g.axes, .groups = g.groups};
    bool reached = true;
    for (int i = g.axes - 1, rest = n; i >= 0 && reached; --i) {
      const Phase p = phase(i, rest % g.stride[i]);
      rest /= g.stride[i];
      reached = p.taps > 0;
      if (!reached) break;
      back.dilation[i] = p.dilation;
      from = graph::slice(from, 2 + i, before[i] - p.before, elements[i] + p.reach());
      taps = graph::slice(taps, 2 + i, p.first, p.taps, p.step);
    }
    parts.push((reached ? convolve_back(from, taps, back)
                        : graph::broadcast_to({ct.graph, ct.graph->constant(0, ct.dtype())}, part))
                   .id);
  }
  return graph::interleaved(ct.graph, parts, 2, g.axes, g.stride, image);
}

/// The same with all phases as filters of one convolution, each of whose weights are every stride-th tap, zeros after
/// the last; the phases of the result are interleaved: a depth-to-space shuffle. Where windows lie side by side this is
/// a product of matrices. Dilations are 1 where windows are strided.
constexpr Value image_gradient_by_shuffle(Value ct, Value weight, const Geometry& g, Shape image) {
  const Shape w = weight.extents();
  const int grouped = g.groups > 1 ? 1 : 0, outputs = w[0] / g.groups;
  Geometry back{.axes = g.axes, .groups = g.groups, .dilation = g.dilation};
  // of weights, of those of the convolution, and of its result, before and after
  Shape split_shape, filters, phases, whole = image;
  internals::Array<std::int64_t, Shape::max_rank> order{}, back_order{0, 1};
  internals::Array<int, 3> cut{};
  if (grouped != 0) split_shape.push(g.groups);
  split_shape.push(outputs);
  split_shape.push(w[1]);
  int all = image[1];
  phases.push(image[0], image.symbol(0));
  phases.push(image[1]);
  std::int64_t reversed = 0;
  for (int i = 0; i < g.axes; ++i) {
    const int stride = g.stride[i], taps = (w[2 + i] + stride - 1) / stride, first = g.before[i] / stride,
              elements = (image[2 + i] + g.before[i] - 1) / stride - first + 1;
    weight = graph::surround(weight, 2 + i, 0, taps * stride - w[2 + i]);
    reversed |= std::int64_t(1) << split_shape.rank;
    split_shape.push(taps);
    split_shape.push(stride);
    phases.push(stride);
    all *= stride;
    back.before[i] = g.dilation[i] * (taps - 1) - first;
    back.after[i] = elements + g.dilation[i] * (taps - 1) - ct.extents()[2 + i] - back.before[i];
    cut[i] = g.before[i] - first * stride;
    whole.set(2 + i, elements * stride);
  }
  filters.push(all);
  filters.push(outputs);
  int n = 0;
  for (int i = 0; i < grouped; ++i) order[n++] = 0;
  order[n++] = grouped + 1;
  for (int i = 0; i < g.axes; ++i) order[n++] = grouped + 3 + 2 * i;
  order[n++] = grouped;
  for (int i = 0; i < g.axes; ++i)
    order[n++] = grouped + 2 + 2 * i, filters.push(split_shape[grouped + 2 + 2 * i]);
  const Value taps = ops::permuted(graph::flip(graph::reshape_to(weight, split_shape), reversed), order);
  const Value sums = convolution_sums(ct, graph::reshape_to(taps, filters), back, ct.dtype());
  for (int i = 0; i < g.axes; ++i) {
    back_order[2 + 2 * i] = 2 + g.axes + i;
    back_order[3 + 2 * i] = 2 + i;
    phases.push(sums.extents()[2 + i]);
  }
  Value gradient = graph::reshape_to(ops::permuted(graph::reshape_to(sums, phases), back_order), whole);
  for (int i = 0; i < g.axes; ++i) gradient = graph::slice(gradient, 2 + i, cut[i], image[2 + i]);
  return gradient;
}

/// The cotangent of the image: that of the sums, convolved with the weight in reverse. Where windows are several
/// elements from each other, the image's phases do so one by one, or, where these are many, as filters of one
/// convolution; with dilations, and with one filter a channel, the cotangent of many phases is spread among zeros.
constexpr Value convolution_image_gradient(Value ct, Value weight, const Geometry& g, Shape image) {
  const Shape w = weight.extents();
  int phases = 1;
  bool shuffles = !is_depthwise(w, g);
  for (int i = 0; i < g.axes; ++i) {
    phases *= g.stride[i];
    shuffles = shuffles && (g.stride[i] == 1 || g.dilation[i] == 1);
  }
  if (phases > 1 && phases <= most_phases) return image_gradient_in_phases(ct, weight, g, image, phases);
  if (phases > 1 && shuffles) return image_gradient_by_shuffle(ct, weight, g, image);
  Geometry back{.axes = g.axes, .groups = g.groups, .dilation = g.dilation};
  for (int i = 0; i < g.axes; ++i) {
    ct = graph::spread(ct, 2 + i, g.stride[i]);
    const int reach = g.dilation[i] * (w[2 + i] - 1);
    back.before[i] = reach - g.before[i];
    back.after[i] = image[2 + i] + reach - ct.extents()[2 + i] - back.before[i];
  }
  return convolve_back(ct, weight, back);
}

constexpr Value depthwise_weight_gradient(Value ct, Value image, const Geometry& g, Shape w) {
  image = with_borders(image, g);
  std::int64_t all_but_channels = 1;
  for (int i = 0; i < g.axes; ++i) all_but_channels |= std::int64_t(1) << (2 + i);
  Shape column;
  column.push(w[0]);
  column.push(1);
  graph::List<int> columns;
  for (int k = 0; k < taps_of(w); ++k)
    columns.push(graph::reshape_to(ops::reduced<ops::Sum>(ct * tap_of(image, w, g, k), all_but_channels), column).id);
  return graph::reshape_to(graph::concatenate(ct.graph, columns.data(), columns.size(), 1), w);
}

/// The cotangent of the weight: that of the sums contracted with the windows over all samples and positions.
constexpr Value convolution_weight_gradient(Value ct, Value image, const Geometry& g, Shape w) {
  if (is_depthwise(w, g)) return depthwise_weight_gradient(ct, image, g, w);
  Value windows = windows_of(image, w, g);
  const int grouped = g.groups > 1 ? 1 : 0;
  internals::Array<std::int64_t, Shape::max_rank> order{}, ct_order{};
  int n = 0, m = 0;
  ct = in_groups(ct, g.groups);
  if (grouped != 0) order[n++] = ct_order[m++] = 1;
  order[n++] = ct_order[m++] = 1 + grouped;
  for (int i = 0; i < g.axes; ++i) order[n++] = 2 + grouped + g.axes + i;
  order[n++] = ct_order[m++] = 0;
  for (int i = 0; i < g.axes; ++i) order[n++] = ct_order[m++] = 2 + grouped + i;
  ct = ops::permuted(ct, ct_order);
  windows = ops::permuted(windows, order);
  const auto tag = ContractTag::of(ContractMethod::Form::weight_gradient, w, g);
  return graph::reshape_to(
      ops::Contract::apply(ct.graph, ct.id, windows.id, grouped, 1 + g.axes, ct.dtype(), tag.packed()), w);
}

}  // namespace sinter::cpu
