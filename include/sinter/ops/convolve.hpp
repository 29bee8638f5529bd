// Convolution over one, two or three spatial axes: a contraction of weights with a view of sliding windows.
//
// No window is ever copied out: the contraction's kernel packs its panels straight from the padded image, which is what
// an implicit-GEMM convolution does. The gradients are contractions of the same kind, so they have a rule of their own
// here; through the views, each window would be written back by itself.
#pragma once
#include "contract.hpp"
#include "derivative.hpp"
#include "flip.hpp"
#include "geometry.hpp"
#include "interleave.hpp"
#include "pad.hpp"
#include "windows.hpp"

namespace sinter {

// Undefined on purpose: the names are the errors.
template <class Image, class Weight> struct convolution_needs_an_image_of_batch_channels_and_spatial_axes;
template <class Image, class Weight> struct convolution_channels_of_image_and_weight_differ;
template <class Image, class Weight> struct convolution_kernel_is_larger_than_the_padded_image;
template <class Image, class Weight> struct convolution_needs_fixed_extents_of_all_but_the_batch;

namespace ops {

/// Operands: the sums of products, image, weight. It is the first; what it adds are the gradients of the others.
struct Convolution : Identity<Convolution> {
  static constexpr const char* name = "convolution";
  static constexpr int innermost = 1;  ///< the channels
  static constexpr bool formula_is_differentiable = true;
  static constexpr Value pull(const Site& s, int i, Value ct);
  static constexpr Value batch(const graph::Batching& b);
};

/// image [N, C, spatial…] * weight [O, C / groups, kernel…] → [N, O, windows…].
constexpr Value convolve(Value image, Value weight, const Geometry& g);

/// [N, C, spatial…] as [N, groups, C / groups, spatial…]; unchanged where there is one group.
constexpr Value in_groups(Value v, int groups) {
  if (groups == 1) return v;
  const Shape s = v.extents();
  Shape apart;
  apart.push(s[0], s.letter(0));
  apart.push(groups);
  apart.push(s[1] / groups);
  for (int i = 2; i < s.rank; ++i) apart.push(s[i]);
  return graph::reshape_to(v, apart);
}

constexpr Value with_borders(Value image, const Geometry& g) {
  for (int i = 0; i < g.axes; ++i)
    image = graph::surround(image, 2 + i, g.before[std::size_t(i)], g.after[std::size_t(i)]);
  return image;
}

/// [N, C, spatial…] with borders as [N, (groups,) C / groups, windows…, kernel…].
constexpr Value windows_of(Value image, Shape weight, const Geometry& g) {
  image = in_groups(with_borders(image, g), g.groups);
  const int first = g.groups > 1 ? 3 : 2;
  for (int i = 0; i < g.axes; ++i)
    image = graph::windows(image, first + i, weight[2 + i], g.stride[std::size_t(i)], g.dilation[std::size_t(i)]);
  return image;
}

// ---- one filter a channel: no products are shared between channels, so every
// place of the window is element-wise work ----
inline constexpr int most_taps = 25;
constexpr int taps_of(Shape w) {
  int taps = 1;
  for (int i = 2; i < w.rank; ++i) taps *= w[i];
  return taps;
}
constexpr bool is_depthwise(Shape w, const Geometry& g) {
  return g.groups > 1 && w[0] == g.groups && w[1] == 1 && taps_of(w) <= most_taps;
}
/// Place `tap` of all windows of an image that has its borders.
constexpr Value tap_of(Value image, Shape w, const Geometry& g, int tap) {
  for (int i = g.axes - 1; i >= 0; --i) {
    const int size = w[2 + i], at = tap % size, extent = image.extents()[2 + i];
    const auto k = std::size_t(i);
    tap /= size;
    image = graph::slice(image, 2 + i, at * g.dilation[k], (extent - g.dilation[k] * (size - 1) - 1) / g.stride[k] + 1,
                         g.stride[k]);
  }
  return image;
}
/// v in a buffer of its own, row-major.
constexpr Value in_memory(Value v) {
  const std::int64_t axis = 0;
  return {v.graph, v.graph->add(graph::primitive<Concatenate>, &v.id, 1, &axis, 1)};
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
  weight = in_memory(permuted(graph::reshape_to(weight, matrix), {1, 0}));
  Value sum;
  for (int k = 0; k < taps; ++k) {
    const Value product = tap_of(image, w, g, k) * graph::reshape_to(graph::slice(weight, 0, k, 1), channel);
    sum = sum.exists() ? sum + product : product;
  }
  return sum;
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
    columns.push(graph::reshape_to(reduced<Sum>(ct * tap_of(image, w, g, k), all_but_channels), column).id);
  return graph::reshape_to(graph::concatenate(ct.graph, columns.data(), columns.size(), 1), w);
}

constexpr Value convolve(Value image, Value weight, const Geometry& g) {
  const Shape w = weight.extents();
  if (is_depthwise(w, g)) {
    const std::array<int, 3> operands{depthwise_sums(image, weight, g).id, image.id, weight.id};
    const auto attributes = g.attributes();
    return {image.graph,
            image.graph->add(graph::primitive<Convolution>, operands.data(), 3, attributes.data(), Geometry::numbers)};
  }
  const Value windows = windows_of(image, w, g);
  const Shape s = windows.extents();
  const int grouped = g.groups > 1 ? 1 : 0;
  // Windows as [N, (groups,) windows…, C, kernel…]; weights, repeated for every
  // sample, as [N, (groups,) O, C, kernel…].
  std::array<std::int64_t, Shape::max_rank> order{};
  int n = 0;
  order[std::size_t(n++)] = 0;
  if (grouped != 0) order[std::size_t(n++)] = 1;
  for (int i = 0; i < g.axes; ++i) order[std::size_t(n++)] = 2 + grouped + i;
  order[std::size_t(n++)] = 1 + grouped;
  for (int i = 0; i < g.axes; ++i) order[std::size_t(n++)] = 2 + grouped + g.axes + i;
  Shape repeated, apart;
  repeated.push(s[0], s.letter(0));
  if (grouped != 0) repeated.push(g.groups), apart.push(g.groups);
  apart.push(w[0] / g.groups);
  for (int i = 1; i < w.rank; ++i) apart.push(w[i]);
  for (int i = grouped; i < apart.rank; ++i) repeated.push(apart[i]);
  const Value weights = graph::broadcast_to(graph::reshape_to(weight, apart), repeated);
  Value sums = Contract::apply(image.graph, weights.id, permuted(windows, order).id, 1 + grouped, 1 + g.axes);
  if (grouped != 0) {
    Shape joined;
    joined.push(s[0], s.letter(0));
    joined.push(w[0]);
    for (int i = 0; i < g.axes; ++i) joined.push(s[3 + i]);
    sums = graph::reshape_to(sums, joined);
  }
  const std::array<int, 3> operands{sums.id, image.id, weight.id};
  const auto attributes = g.attributes();
  return {image.graph,
          image.graph->add(graph::primitive<Convolution>, operands.data(), 3, attributes.data(), Geometry::numbers)};
}

/// ct, borders included, convolved with the weight in reverse, whose inputs and outputs change places.
constexpr Value convolve_back(Value ct, Value weight, const Geometry& g) {
  const Shape w = weight.extents();
  std::int64_t reversed = 0;
  for (int i = 0; i < g.axes; ++i) reversed |= std::int64_t(1) << (2 + i);
  weight = graph::flip(weight, reversed);
  std::array<std::int64_t, Shape::max_rank> order{1, 0};
  if (g.groups == 1) {
    for (int i = 2; i < w.rank; ++i) order[std::size_t(i)] = i;
    return convolve(ct, permuted(weight, order), g);
  }
  Shape apart, joined;  // they do within each group
  apart.push(g.groups);
  apart.push(w[0] / g.groups);
  joined.push(g.groups * w[1]);
  joined.push(w[0] / g.groups);
  order = {0, 2, 1};
  for (int i = 1; i < w.rank; ++i) {
    apart.push(w[i]);
    if (i > 1) joined.push(w[i]), order[std::size_t(i + 1)] = i + 1;
  }
  return convolve(ct, graph::reshape_to(permuted(graph::reshape_to(weight, apart), order), joined), g);
}

/// Every stride-th element of the image along one axis, from `start` on, meets the same taps of all windows over it: a
/// convolution of the cotangent with these taps alone, which are `step` apart.
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
  std::array<int, 3> elements{}, before{}, after{};
  const auto phase = [&](int i, int start) {
    const auto k = std::size_t(i);
    return Phase::of(start, elements[k], windows[2 + i], w[2 + i], g.stride[k], g.dilation[k], g.before[k]);
  };
  Shape part = image;
  for (int i = 0; i < g.axes; ++i) {
    const auto k = std::size_t(i);
    elements[k] = (image[2 + i] + g.stride[k] - 1) / g.stride[k];
    part.set(2 + i, elements[k]);
    for (int start = 0; start < g.stride[k]; ++start) {
      const Phase p = phase(i, start);
      if (p.taps > 0 && p.before > before[k]) before[k] = p.before;
      if (p.taps > 0 && p.after > after[k]) after[k] = p.after;
    }
    ct = graph::surround(ct, 2 + i, before[k], after[k]);
  }
  graph::List<int> parts;
  for (int n = 0; n < count; ++n) {
    Value from = ct, taps = weight;
    Geometry back{.axes = g.axes, .groups = g.groups};
    bool met = true;
    for (int i = g.axes - 1, rest = n; i >= 0 && met; --i) {
      const auto k = std::size_t(i);
      const Phase p = phase(i, rest % g.stride[k]);
      rest /= g.stride[k];
      met = p.taps > 0;
      if (!met) break;
      back.dilation[k] = p.dilation;
      from = graph::slice(from, 2 + i, before[k] - p.before, elements[k] + p.reach());
      taps = graph::slice(taps, 2 + i, p.first, p.taps, p.step);
    }
    parts.push((met ? convolve_back(from, taps, back)
                    : graph::broadcast_to({ct.graph, ct.graph->constant(0, ct.dtype())}, part))
                   .id);
  }
  return graph::interleaved(ct.graph, parts, 2, g.axes, g.stride, image);
}

/// The same with all phases as filters of one convolution, each of whose weights are every stride-th tap, zeros behind
/// the last; phases of the result then become places between each other. Where windows lie side by side this is a
/// product of matrices. Dilations are 1 where windows are several elements apart.
constexpr Value image_gradient_by_shuffle(Value ct, Value weight, const Geometry& g, Shape image) {
  const Shape w = weight.extents();
  const int grouped = g.groups > 1 ? 1 : 0, outputs = w[0] / g.groups;
  Geometry back{.axes = g.axes, .groups = g.groups, .dilation = g.dilation};
  // of weights, of those of the convolution, and of its result, before and after
  Shape apart, filters, phases, whole = image;
  std::array<std::int64_t, Shape::max_rank> order{}, back_order{0, 1};
  std::array<int, 3> cut{};
  if (grouped != 0) apart.push(g.groups);
  apart.push(outputs);
  apart.push(w[1]);
  int all = image[1];
  phases.push(image[0], image.letter(0));
  phases.push(image[1]);
  std::int64_t reversed = 0;
  for (int i = 0; i < g.axes; ++i) {
    const auto k = std::size_t(i);
    const int stride = g.stride[k], taps = (w[2 + i] + stride - 1) / stride, first = g.before[k] / stride,
              elements = (image[2 + i] + g.before[k] - 1) / stride - first + 1;
    weight = graph::surround(weight, 2 + i, 0, taps * stride - w[2 + i]);
    reversed |= std::int64_t(1) << apart.rank;
    apart.push(taps);
    apart.push(stride);
    phases.push(stride);
    all *= stride;
    back.before[k] = g.dilation[k] * (taps - 1) - first;
    back.after[k] = elements + g.dilation[k] * (taps - 1) - ct.extents()[2 + i] - back.before[k];
    cut[k] = g.before[k] - first * stride;
    whole.set(2 + i, elements * stride);
  }
  filters.push(all);
  filters.push(outputs);
  int n = 0;
  for (int i = 0; i < grouped; ++i) order[std::size_t(n++)] = 0;
  order[std::size_t(n++)] = grouped + 1;
  for (int i = 0; i < g.axes; ++i) order[std::size_t(n++)] = grouped + 3 + 2 * i;
  order[std::size_t(n++)] = grouped;
  for (int i = 0; i < g.axes; ++i)
    order[std::size_t(n++)] = grouped + 2 + 2 * i, filters.push(apart[grouped + 2 + 2 * i]);
  const Value sums = convolve(
      ct, graph::reshape_to(permuted(graph::flip(graph::reshape_to(weight, apart), reversed), order), filters), back);
  for (int i = 0; i < g.axes; ++i) {
    back_order[std::size_t(2 + 2 * i)] = 2 + g.axes + i;
    back_order[std::size_t(3 + 2 * i)] = 2 + i;
    phases.push(sums.extents()[2 + i]);
  }
  Value gradient = graph::reshape_to(permuted(graph::reshape_to(sums, phases), back_order), whole);
  for (int i = 0; i < g.axes; ++i) gradient = graph::slice(gradient, 2 + i, cut[std::size_t(i)], image[2 + i]);
  return gradient;
}

/// The cotangent of the image: that of the sums, convolved with the weight in reverse. Where windows are several
/// elements apart, the image's phases do so one by one, or, where these are many, as filters of one convolution; with
/// dilations, and with one filter a channel, the cotangent of many phases is spread among zeros.
constexpr Value convolution_image_gradient(Value ct, Value weight, const Geometry& g, Shape image) {
  const Shape w = weight.extents();
  int phases = 1;
  bool shuffles = !is_depthwise(w, g);
  for (std::size_t i = 0; i < std::size_t(g.axes); ++i) {
    phases *= g.stride[i];
    shuffles = shuffles && (g.stride[i] == 1 || g.dilation[i] == 1);
  }
  if (phases > 1 && phases <= most_phases) return image_gradient_in_phases(ct, weight, g, image, phases);
  if (phases > 1 && shuffles) return image_gradient_by_shuffle(ct, weight, g, image);
  Geometry back{.axes = g.axes, .groups = g.groups, .dilation = g.dilation};
  for (int i = 0; i < g.axes; ++i) {
    const auto k = std::size_t(i);
    ct = graph::spread(ct, 2 + i, g.stride[k]);
    const int reach = g.dilation[k] * (w[2 + i] - 1);
    back.before[k] = reach - g.before[k];
    back.after[k] = image[2 + i] + reach - ct.extents()[2 + i] - back.before[k];
  }
  return convolve_back(ct, weight, back);
}

/// The cotangent of the weight: that of the sums contracted with the windows over all samples and places.
constexpr Value convolution_weight_gradient(Value ct, Value image, const Geometry& g, Shape w) {
  if (is_depthwise(w, g)) return depthwise_weight_gradient(ct, image, g, w);
  Value windows = windows_of(image, w, g);
  const int grouped = g.groups > 1 ? 1 : 0;
  std::array<std::int64_t, Shape::max_rank> order{}, ct_order{};
  int n = 0, m = 0;
  ct = in_groups(ct, g.groups);
  if (grouped != 0) order[std::size_t(n++)] = ct_order[std::size_t(m++)] = 1;
  order[std::size_t(n++)] = ct_order[std::size_t(m++)] = 1 + grouped;
  for (int i = 0; i < g.axes; ++i) order[std::size_t(n++)] = 2 + grouped + g.axes + i;
  order[std::size_t(n++)] = ct_order[std::size_t(m++)] = 0;
  for (int i = 0; i < g.axes; ++i) order[std::size_t(n++)] = ct_order[std::size_t(m++)] = 2 + grouped + i;
  ct = permuted(ct, ct_order);
  windows = permuted(windows, order);
  return graph::reshape_to(Contract::apply(ct.graph, ct.id, windows.id, grouped, 1 + g.axes), w);
}

constexpr Value Convolution::pull(const Site& s, int i, Value ct) {
  if (i == 0) return {};
  const Geometry g = Geometry::of(s);
  return i == 1 ? convolution_image_gradient(ct, s.operand(2), g, s.operand(1).extents())
                : convolution_weight_gradient(ct, s.operand(1), g, s.operand(2).extents());
}

/// Images of all samples, with weights that they share, are one batch of images. Where lengths or weights of their own
/// forbid that, the formula, which has the derivatives of the rule, goes on alone.
constexpr Value Convolution::batch(const graph::Batching& b) {
  const Value sums = b.operand(0), images = b.operand(1);
  const Shape s = images.extents();
  if (b.mapped[1] == 0 || b.mapped[2] != 0 || s.letter(0) != 0 || s.letter(1) != 0) return sums;
  std::array<std::int64_t, Geometry::numbers> attributes{};
  for (std::size_t i = 0; i < attributes.size(); ++i) attributes[i] = b.attributes[i];
  Shape joined;
  joined.push(s[0] * s[1]);
  for (int i = 2; i < s.rank; ++i) joined.push(s[i], s.letter(i));
  return graph::reshape_to(convolve(graph::reshape_to(images, joined), b.operand(2), Geometry::of(attributes)),
                           sums.extents());
}

template <int D, ConvOptions<D> Options> struct Convolve {
  static_assert(Options.are_sound(),
                "a convolution needs a stride, a dilation and groups of 1 or more, and a padding of 0 or more");
  static constexpr Geometry geometry = Geometry::of(Options);

  template <class X, class W> constexpr auto operator()(X image, W weight) const {
    if constexpr (is_sym_v<X> && is_sym_v<W>) {
      if constexpr (X::shape.rank != 2 + D || W::shape.rank != 2 + D)
        return convolution_needs_an_image_of_batch_channels_and_spatial_axes<X, W>{};
      else if constexpr (has_lengths<X>(1) || has_lengths<W>(0))
        return convolution_needs_fixed_extents_of_all_but_the_batch<X, W>{};
      else if constexpr (X::shape[1] != W::shape[1] * Options.groups || W::shape[0] % Options.groups != 0)
        return convolution_channels_of_image_and_weight_differ<X, W>{};
      else if constexpr (Sums<X, W>::type.shape.size() == 0 && X::shape.size() > 0)
        return convolution_kernel_is_larger_than_the_padded_image<X, W>{};
      else return graph::SymOf<Sums<X, W>>(nodes(image, weight));
    } else {
      return nodes(image, weight);
    }
  }

 private:
  template <class S> static constexpr bool has_lengths(int from) {
    for (int i = from; i < S::shape.rank; ++i)
      if (S::shape.letter(i) != 0) return true;
    return false;
  }
  template <class X, class W> struct Sums {
    static constexpr Type type = [] {
      Shape to;
      to.push(X::shape[0], X::shape.letter(0));
      to.push(W::shape[0]);
      for (int i = 0; i < D; ++i) to.push(geometry.windows(i, X::shape[2 + i], W::shape[2 + i]));
      const Dtype d = promote(X::dtype, W::dtype);
      return Type{is_half(d) ? d : computed_as(d), to};
    }();
  };
  static constexpr Value nodes(Value image, Value weight) {
    const Dtype d = promote(image.dtype(), weight.dtype()), wide = computed_as(d);
    const Value y = convolve(graph::cast_to(image, wide), graph::cast_to(weight, wide), geometry);
    return is_half(d) ? graph::cast_to(y, d) : y;
  }
};

}  // namespace ops

/// Cross-correlation of images [N, C, L] with weights [O, C / groups, K] → [N,
/// O, windows]. PyTorch: torch.nn.functional.conv1d.
template <Conv1dOptions Options = Conv1dOptions{}, class X, class W> requires Operands<X, W>
constexpr auto conv1d(X&& image, W&& weight) {
  return call<ops::Convolve<1, Options>>(std::forward<X>(image), std::forward<W>(weight));
}
/// The same of [N, C, H, W] with [O, C / groups, KH, KW]: `conv2d<Conv2dOptions{.stride = 2, .padding = 1}>(image,
/// weight)`. PyTorch: torch.nn.functional.conv2d.
template <Conv2dOptions Options = Conv2dOptions{}, class X, class W> requires Operands<X, W>
constexpr auto conv2d(X&& image, W&& weight) {
  return call<ops::Convolve<2, Options>>(std::forward<X>(image), std::forward<W>(weight));
}
/// The same of [N, C, D, H, W] with [O, C, KD, KH, KW]; groups are 1. PyTorch: torch.nn.functional.conv3d.
template <Conv3dOptions Options = Conv3dOptions{}, class X, class W>
requires(Operands<X, W>&& Options.groups == 1) constexpr auto conv3d(X&& image, W&& weight) {
  return call<ops::Convolve<3, Options>>(std::forward<X>(image), std::forward<W>(weight));
}

}  // namespace sinter
