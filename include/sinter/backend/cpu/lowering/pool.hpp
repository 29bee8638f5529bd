// Pools as a CPU runs them: elementwise maxima over the elements of small windows, reductions of larger ones.
#pragma once
#include "../../../ops/interleave.hpp"
#include "../../../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using graph::Value;
using ops::PoolGeometry;

inline constexpr int most_elements = 9;  ///< in windows whose maxima are elementwise; larger ones are reductions

/// The image with its borders.
constexpr Value padded(Value image, const PoolGeometry& g, double border) {
  for (int i = 0; i < g.axes; ++i) {
    const int p = g.padding[i];
    image = graph::surround_with(image, g.front + i, p, p, {image.graph, image.graph->constant(border, image.dtype())});
  }
  return image;
}
/// Its cotangent, from that of the image with borders.
constexpr Value without_borders(Value ct, const PoolGeometry& g, Shape image) {
  for (int i = g.axes - 1; i >= 0; --i)
    ct = graph::slice(ct, g.front + i, g.padding[i], image[g.front + i]);
  return ct;
}

/// The windows of a padded image, [front…, windows…, size…].
class PoolWindows {
 public:
  constexpr PoolWindows(const PoolGeometry& g, Shape whole) : g_(g) {
    for (int i = 0; i < g.axes; ++i) {
      from_[i] = whole;
      PoolGeometry bare = g;
      bare.padding = {};
      whole.set(g.front + i, bare.windows(i, whole[g.front + i]));
      whole.push(g.size[i]);
    }
    all_ = whole;
  }
  constexpr const Shape& shape() const { return all_; }
  constexpr std::int64_t folded() const { return ((std::int64_t(1) << g_.axes) - 1) << (g_.front + g_.axes); }

  constexpr Value of(Value whole) const {
    for (int i = 0; i < g_.axes; ++i) {
      whole = graph::windows(whole, g_.front + i, g_.size[i], g_.stride[i], g_.dilation[i]);
    }
    return whole;
  }
  /// The cotangent of the padded image from that of its windows.
  constexpr Value pull(Value ct) const {
    for (int i = g_.axes - 1; i >= 0; --i) {
      ct = ops::Windows::pulled(ct, g_.front + i, g_.size[i], g_.stride[i], g_.dilation[i], from_[i]);
    }
    return ct;
  }
  /// A value per window with axes of extent 1 for its elements.
  constexpr Value kept(Value v) const {
    Shape to = v.extents();
    for (int i = 0; i < g_.axes; ++i) to.push(1);
    return graph::reshape_to(v, to);
  }

 private:
  const PoolGeometry& g_;
  internals::Array<Shape, 3> from_{};
  Shape all_;
};

/// Element k of all windows of a padded image.
constexpr Value element_of(Value image, const PoolGeometry& g, int k, Shape windows) {
  for (int i = 0; i < g.axes; ++i)
    image = graph::slice(image, g.front + i, g.offset(k, i), windows[g.front + i], g.stride[i]);
  return image;
}

// ---- maxima ----
constexpr Value max_pool(Value image, const PoolGeometry& g) {
  const Shape to = g.pooled(image.extents());
  const Value whole = padded(image, g, -ops::infinity<double>);
  if (g.window_size() > most_elements) {
    const PoolWindows windows(g, whole.extents());
    return graph::reshape_to(ops::reduced<ops::Amax>(windows.of(whole), windows.folded()), to);
  }
  Value y = element_of(whole, g, 0, to);
  for (int k = 1; k < g.window_size(); ++k) y = maximum(y, element_of(whole, g, k, to));
  return y;
}

/// True at the first element of x that is the maximum along these axes.
constexpr Value first_maximum(Value x, Value maximum, std::int64_t axes) {
  const Shape shape = x.extents();
  Shape folded;
  int count = 1;
  for (int i = 0; i < shape.rank; ++i) {
    const bool fold = (axes >> i & 1) != 0;
    folded.push(fold ? shape[i] : 1);
    count *= fold ? shape[i] : 1;
  }
  // −count, …, −1: the first is the least
  const Value rank = graph::reshape_to(graph::iota(x.graph, count), folded) - count;
  const Value order = select(logical_or(x == maximum, isnan(x)), -rank, 0);
  return order == ops::reduced<ops::Amax>(order, axes);
}
/// True where element k is not the maximum of its window.
constexpr Value loses(Value image, Value y, const PoolGeometry& g, int k) {
  const Value x = element_of(image, g, k, y.extents());
  return logical_and(x != y, !isnan(x));
}
/// The index of the maximum in each window; none if windows have one element.
constexpr Value winners(Value y, Value image, const PoolGeometry& g) {
  Value winner;
  for (int k = g.window_size() - 2; k >= 0; --k) {
    const Value below = loses(image, y, g, k);
    // the last element is k + 1
    winner = winner.exists() ? select(below, winner, double(k)) : graph::cast_to(below, y.dtype()) + double(k);
  }
  return winner;
}
/// The cotangents of the image's elements, grouped by their index modulo the stride, groups in row-major order: each
/// element gathers from the windows that contain it, so that nothing is accumulated in memory.
constexpr graph::List<int> phases(Value winner, Value ct, const PoolGeometry& g, Shape shape) {
  internals::Array<int, 3> reach{};
  Shape to = ct.extents();
  int count = 1;
  for (int i = 0; i < g.axes; ++i) {
    const int stride = g.stride[i], windows = to[g.front + i],
              elements = (shape[g.front + i] + stride - 1) / stride;
    reach[i] = g.offset(g.window_size() - 1, i) / stride;
    const int after = elements > windows ? elements - windows : 0;
    ct = graph::surround(ct, g.front + i, reach[i], after);
    if (winner.exists()) winner = graph::surround(winner, g.front + i, reach[i], after);
    to.set(g.front + i, elements);
    count *= stride;
  }
  graph::List<int> parts;
  for (int phase = 0; phase < count; ++phase) {
    Value sum;
    for (int k = 0; k < g.window_size(); ++k) {
      Value from = ct, won = winner;
      bool here = true;
      for (int i = g.axes - 1, rest = phase; i >= 0; --i) {
        const int stride = g.stride[i], offset = g.offset(k, i),
                  start = reach[i] - offset / stride;
        here = here && offset % stride == rest % stride;
        rest /= stride;
        if (!here) break;
        from = graph::slice(from, g.front + i, start, to[g.front + i]);
        if (won.exists()) won = graph::slice(won, g.front + i, start, to[g.front + i]);
      }
      if (!here) continue;
      const Value part = won.exists() ? select(won == double(k), from, 0.0) : from;
      sum = sum.exists() ? sum + part : part;
    }
    parts.push((sum.exists() ? sum : graph::broadcast_to({ct.graph, ct.graph->constant(0, ct.dtype())}, to)).id);
  }
  return parts;
}
/// The cotangent of the padded image; y: the maxima.
constexpr Value padded_gradient(Value ct, Value image, Value y, const PoolGeometry& g) {
  const Shape shape = image.extents();
  if (g.window_size() > most_elements) {
    const PoolWindows windows(g, shape);
    const Value x = windows.of(image), largest = windows.kept(y), each = windows.kept(ct);
    return windows.pull(select(first_maximum(x, largest, windows.folded()), each, 0.0));
  }
  if (!g.side_by_side()) {
    const Value winner = winners(y, image, g);
    return graph::interleaved(ct.graph, phases(winner, ct, g, shape), g.front, g.axes, g.stride, shape);
  }
  graph::List<int> share;
  for (int k = 0; k < g.window_size(); ++k) {
    const Value below = loses(image, y, g, k);
    share.push(select(below, 0.0, ct).id);
    if (k + 1 < g.window_size()) ct = select(below, ct, 0.0);  // what is left for later elements
  }
  return graph::interleaved(ct.graph, share, g.front, g.axes, g.stride, shape);
}
constexpr Value max_pool_gradient(Value ct, Value image, Value maxima, const PoolGeometry& g) {
  const Value whole = padded(image, g, -ops::infinity<double>), each = padded_gradient(ct, whole, maxima, g);
  return without_borders(each, g, image.extents());
}
constexpr Value max_pool_tangent(Value tangent, Value image, Value maxima, const PoolGeometry& g) {
  const Value whole = padded(image, g, -ops::infinity<double>), along = padded(tangent, g, 0);
  if (g.window_size() > most_elements) {
    const PoolWindows windows(g, whole.extents());
    const Value x = windows.of(whole), largest = windows.kept(maxima), each = windows.of(along);
    const Value first = select(first_maximum(x, largest, windows.folded()), each, 0.0);
    return graph::reshape_to(ops::reduced<ops::Sum>(first, windows.folded()), maxima.extents());
  }
  Value first = element_of(along, g, g.window_size() - 1, maxima.extents());
  for (int k = g.window_size() - 2; k >= 0; --k)
    first = select(loses(whole, maxima, g, k), first, element_of(along, g, k, maxima.extents()));
  return first;
}

// ---- means ----
/// One divided by the number of elements of a window; none where windows differ.
constexpr double same_share(const PoolGeometry& g) {
  return g.counts_padding || g.padding == internals::Array<int, 3>{} ? 1 / double(g.window_size()) : 0;
}
/// The number of elements that each window has in an image of that shape.
constexpr Value counts(Value like, const PoolGeometry& g, Shape image) {
  Shape one;
  for (int i = 0; i < image.rank; ++i) one.push(i < g.front ? 1 : image[i]);
  const Value ones = graph::broadcast_to({like.graph, like.graph->constant(1, like.dtype())}, one);
  const Value whole = padded(ones, g, 0);
  const PoolWindows windows(g, whole.extents());
  const Value sums = ops::reduced<ops::Sum>(windows.of(whole), windows.folded());
  for (int i = 0; i < g.axes; ++i) one.set(g.front + i, g.windows(i, image[g.front + i]));
  return graph::reshape_to(sums, one);
}
constexpr Value mean_pool(Value image, const PoolGeometry& g) {
  const Shape to = g.pooled(image.extents());
  const Value whole = padded(image, g, 0);
  const PoolWindows windows(g, whole.extents());
  const Value sum = graph::reshape_to(ops::reduced<ops::Sum>(windows.of(whole), windows.folded()), to);
  return same_share(g) > 0 ? sum * same_share(g) : sum / counts(image, g, image.extents());
}
constexpr Value mean_pool_gradient(Value ct, const PoolGeometry& g) {
  Shape image = ct.extents(), whole = image;
  for (int i = 0; i < g.axes; ++i) {
    image.set(g.front + i, g.extent[i]);
    whole.set(g.front + i, g.extent[i] + 2 * g.padding[i]);
  }
  ct = same_share(g) > 0 ? ct * same_share(g) : ct / counts(ct, g, image);
  const PoolWindows windows(g, whole);
  const Value each = graph::broadcast_to(windows.kept(ct), windows.shape());
  return without_borders(windows.pull(each), g, image);
}

}  // namespace sinter::cpu
