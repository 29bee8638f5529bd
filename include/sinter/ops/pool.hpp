// Pooling: reductions of sliding windows.
#pragma once
#include "convolve.hpp"
#include "extrema.hpp"

namespace sinter {

/// The options of pooling, with PyTorch's names and defaults: windows do not overlap unless a stride is given.
template <int D> struct PoolOptions {
  Spatial<D> stride = 0, padding = 0, dilation = 1;  ///< a stride of 0 is the size of the window
  bool count_include_pad = true;                     ///< of averages: borders count as zeros
};
using Pool1dOptions = PoolOptions<1>;
using Pool2dOptions = PoolOptions<2>;
using Pool3dOptions = PoolOptions<3>;

// Undefined on purpose: the names are the errors.
template <class Image> struct pooling_needs_an_image_of_batch_channels_and_spatial_axes;
template <class Image> struct pooling_window_is_larger_than_the_padded_image;
template <class Image> struct pooling_padding_must_be_at_most_half_the_window;
template <class Image> struct pooling_needs_fixed_spatial_extents;

namespace ops {

/// Operands: the maxima, with folded axes kept, and what they are the maxima of. attributes = {axes}. The gradient goes
/// to the first of equal maxima in row-major order, as in torch.max and torch.max_pool2d; amax shares it.
struct FirstMaximum : Identity<FirstMaximum> {
  static constexpr const char* name = "first_maximum";
  static constexpr Value pull(const Site& s, int i, Value ct) {
    return i == 0 ? Value{} : select(hit(s.operand(1), s.operand(0), s.attribute(0)), ct, 0.0);
  }
  static constexpr Value push(const Site& s, int i, Value tangent) {
    return i == 0 ? Value{}
                  : reduced<Sum>(select(hit(s.operand(1), s.operand(0), s.attribute(0)), tangent, 0.0), s.attribute(0));
  }
  static constexpr Value batch(const graph::Batching& b) {
    const std::int64_t axes = b.attributes[0] << 1;
    return {b.graph, b.graph->add(graph::primitive<FirstMaximum>, b.operands, 2, &axes, 1)};
  }

  /// True at the first element that is the maximum.
  static constexpr Value hit(Value x, Value maximum, std::int64_t axes) {
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
    return order == reduced<Amax>(order, axes);
  }
};
constexpr Value first_maximum(Value x, std::int64_t axes) {
  const Value y = reduced<Amax>(x, axes);
  const std::array<int, 2> operands{y.id, x.id};
  return {x.graph, x.graph->add(graph::primitive<FirstMaximum>, operands.data(), 2, &axes, 1)};
}

/// The windows of an image that is already padded, [N, C, spatial…] or with more leading axes, of vmaps.
struct PoolGeometry {
  int axes = 0;
  int front = 2;  ///< axes before the spatial ones
  std::array<int, 3> size{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1};

  static constexpr int numbers = 11;
  constexpr std::array<std::int64_t, numbers> attributes() const {
    std::array<std::int64_t, numbers> a{axes};
    for (std::size_t i = 0; i < 3; ++i) a[1 + i] = size[i], a[4 + i] = stride[i], a[7 + i] = dilation[i];
    a[10] = front;
    return a;
  }
  static constexpr PoolGeometry of(const Site& s) {
    PoolGeometry g{int(s.attribute(0)), int(s.attribute(10))};
    for (int i = 0; i < 3; ++i)
      g.size[std::size_t(i)] = int(s.attribute(1 + i)), g.stride[std::size_t(i)] = int(s.attribute(4 + i)),
      g.dilation[std::size_t(i)] = int(s.attribute(7 + i));
    return g;
  }
  constexpr int places() const { return size[0] * size[1] * size[2]; }
  /// The offset of element k of a window along spatial axis i.
  constexpr int offset(int k, int i) const {
    for (int j = axes - 1; j > i; --j) k /= size[std::size_t(j)];
    return k % size[std::size_t(i)] * dilation[std::size_t(i)];
  }
  constexpr bool side_by_side() const { return size == stride && dilation == std::array<int, 3>{1, 1, 1}; }
};
/// Element k of all windows.
constexpr Value place_of(Value image, const PoolGeometry& g, int k, Shape windows) {
  for (int i = 0; i < g.axes; ++i)
    image = graph::slice(image, g.front + i, g.offset(k, i), windows[g.front + i], g.stride[std::size_t(i)]);
  return image;
}

/// Maxima of small windows, as elementwise maxima over the window's elements. Operands: the maxima, the padded image.
/// The gradient goes to the first of equal maxima, and of a window with NaN to the first NaN.
struct MaxPool : Identity<MaxPool> {
  static constexpr const char* name = "max_pool";
  static constexpr Value pull(const Site& s, int i, Value ct) {
    if (i == 0) return {};
    const PoolGeometry g = PoolGeometry::of(s);
    const Value y = s.operand(0), image = s.operand(1);
    const Shape shape = image.extents();
    if (!g.side_by_side())
      return graph::interleaved(s.graph, phases(winners(y, image, g), ct, g, shape), g.front, g.axes, g.stride, shape);
    graph::List<int> share;
    for (int k = 0; k < g.places(); ++k) {
      const Value below = loses(image, y, g, k);
      share.push(select(below, 0.0, ct).id);
      if (k + 1 < g.places()) ct = select(below, ct, 0.0);  // what is left for later elements
    }
    return graph::interleaved(s.graph, share, g.front, g.axes, g.stride, shape);
  }
  static constexpr Value push(const Site& s, int i, Value tangent) {
    if (i == 0) return {};
    const PoolGeometry g = PoolGeometry::of(s);
    const Value y = s.operand(0), image = s.operand(1);
    Value first = place_of(tangent, g, g.places() - 1, y.extents());
    for (int k = g.places() - 2; k >= 0; --k)
      first = select(loses(image, y, g, k), first, place_of(tangent, g, k, y.extents()));
    return first;
  }
  static constexpr Value batch(const graph::Batching& b) {
    std::array<std::int64_t, PoolGeometry::numbers> attributes{};
    for (std::size_t i = 0; i < attributes.size(); ++i) attributes[i] = b.attributes[i];
    ++attributes[10];
    return {b.graph, b.graph->add(graph::primitive<MaxPool>, b.operands, 2, attributes.data(), PoolGeometry::numbers)};
  }

 private:
  /// True where element k is not the maximum of its window.
  static constexpr Value loses(Value image, Value y, const PoolGeometry& g, int k) {
    const Value x = place_of(image, g, k, y.extents());
    return logical_and(x != y, !isnan(x));
  }
  /// The index of the maximum in each window; none if windows have one element.
  static constexpr Value winners(Value y, Value image, const PoolGeometry& g) {
    Value winner;
    for (int k = g.places() - 2; k >= 0; --k) {
      const Value below = loses(image, y, g, k);
      // the last element is k + 1
      winner = winner.exists() ? select(below, winner, double(k)) : graph::cast_to(below, y.dtype()) + double(k);
    }
    return winner;
  }
  /// The cotangents of the image's elements, grouped by their index modulo the stride, groups in row-major order: each
  /// element gathers from the windows that contain it, so that nothing is accumulated in memory.
  static constexpr graph::List<int> phases(Value winner, Value ct, const PoolGeometry& g, Shape shape) {
    std::array<int, 3> reach{};
    Shape to = ct.extents();
    int count = 1;
    for (int i = 0; i < g.axes; ++i) {
      const int stride = g.stride[std::size_t(i)], windows = to[g.front + i],
                elements = (shape[g.front + i] + stride - 1) / stride;
      reach[std::size_t(i)] = g.offset(g.places() - 1, i) / stride;
      const int after = elements > windows ? elements - windows : 0;
      ct = graph::surround(ct, g.front + i, reach[std::size_t(i)], after);
      if (winner.exists()) winner = graph::surround(winner, g.front + i, reach[std::size_t(i)], after);
      to.set(g.front + i, elements);
      count *= stride;
    }
    graph::List<int> parts;
    for (int phase = 0; phase < count; ++phase) {
      Value sum;
      for (int k = 0; k < g.places(); ++k) {
        Value from = ct, won = winner;
        bool here = true;
        for (int i = g.axes - 1, rest = phase; i >= 0; --i) {
          const int stride = g.stride[std::size_t(i)], offset = g.offset(k, i),
                    start = reach[std::size_t(i)] - offset / stride;
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
};

enum class Pooling : unsigned char { maximum, mean };
template <int D> constexpr bool at_least(const Spatial<D>& each, int n) {
  for (int i = 0; i < D; ++i)
    if (each[i] < n) return false;
  return true;
}
inline constexpr int most_places = 9;  ///< in windows whose maxima are elementwise; larger ones are reductions

template <int D, Pooling How, Spatial<D> Size, PoolOptions<D> Options> struct Pool {
  static_assert(at_least<D>(Size, 1) && at_least<D>(Options.dilation, 1) && at_least<D>(Options.stride, 0) &&
                    at_least<D>(Options.padding, 0),
                "pooling needs windows and a dilation of 1 or more, and a stride and a padding of 0 or more");
  static constexpr Geometry geometry = [] {
    Geometry g{.axes = D};
    for (std::size_t i = 0; i < std::size_t(D); ++i) {
      g.stride[i] = Options.stride.at[i] > 0 ? Options.stride.at[i] : Size.at[i];
      g.before[i] = g.after[i] = Options.padding.at[i];
      g.dilation[i] = Options.dilation.at[i];
    }
    return g;
  }();

  template <class X> constexpr auto operator()(X image) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (X::shape.rank != 2 + D) return pooling_needs_an_image_of_batch_channels_and_spatial_axes<X>{};
      else if constexpr (has_lengths(X::shape)) return pooling_needs_fixed_spatial_extents<X>{};
      else if constexpr (!padding_fits()) return pooling_padding_must_be_at_most_half_the_window<X>{};
      else if constexpr (Pooled<X>::type.shape.size() == 0 && X::shape.size() > 0)
        return pooling_window_is_larger_than_the_padded_image<X>{};
      else return graph::SymOf<Pooled<X>>(nodes(image));
    } else {
      return nodes(image);
    }
  }

 private:
  static constexpr bool has_lengths(const Shape& s) {
    for (int i = 2; i < s.rank; ++i)
      if (s.letter(i) != 0) return true;
    return false;
  }
  static constexpr bool padding_fits() {
    for (int i = 0; i < D; ++i)
      if (2 * Options.padding[i] > Size[i]) return false;
    return true;
  }
  template <class X> struct Pooled {
    static constexpr Type type = [] {
      Shape to;
      for (int i = 0; i < 2; ++i) to.push(X::shape[i], X::shape.letter(i));
      for (int i = 0; i < D; ++i) to.push(geometry.windows(i, X::shape[2 + i], Size[i]));
      return Type{X::dtype, to};
    }();
  };
  static constexpr Value bordered(Value image, double border) {
    for (int i = 0; i < D; ++i) {
      const int p = geometry.before[std::size_t(i)];
      image = graph::surround_with(image, 2 + i, p, p, {image.graph, image.graph->constant(border, image.dtype())});
    }
    return image;
  }
  /// The padded image as [N, C, windows…, size…].
  static constexpr Value windows(Value image) {
    for (int i = 0; i < D; ++i)
      image = graph::windows(image, 2 + i, Size[i], geometry.stride[std::size_t(i)], geometry.dilation[std::size_t(i)]);
    return image;
  }
  static constexpr Value nodes(Value image) {
    constexpr std::int64_t folded = ((std::int64_t(1) << D) - 1) << (2 + D);
    const Value whole = bordered(image, How == Pooling::maximum ? -infinity<double> : 0), w = windows(whole);
    Shape to;
    for (int i = 0; i < 2 + D; ++i) to.push(w.extents()[i], w.extents().letter(i));
    if constexpr (How == Pooling::maximum) {
      PoolGeometry g{.axes = D, .stride = geometry.stride, .dilation = geometry.dilation};
      for (std::size_t i = 0; i < std::size_t(D); ++i) g.size[i] = Size.at[i];
      if (g.places() > most_places) return graph::reshape_to(first_maximum(w, folded), to);
      Value y = place_of(whole, g, 0, to);
      for (int k = 1; k < g.places(); ++k) y = maximum(y, place_of(whole, g, k, to));
      const std::array<int, 2> operands{y.id, whole.id};
      const auto attributes = g.attributes();
      return {image.graph, image.graph->add(graph::primitive<MaxPool>, operands.data(), 2, attributes.data(),
                                            PoolGeometry::numbers)};
    } else {
      const Value sum = graph::reshape_to(reduced<Sum>(w, folded), to);
      double size = 1;
      for (int i = 0; i < D; ++i) size *= Size[i];
      if constexpr (Options.count_include_pad || Options.padding == Spatial<D>(0)) return sum * (1 / size);
      Shape one;
      for (int i = 0; i < 2 + D; ++i) one.push(i < 2 ? 1 : image.extents()[i]);
      const Value ones = graph::broadcast_to({image.graph, image.graph->constant(1, image.dtype())}, one),
                  counts = reduced<Sum>(windows(bordered(ones, 0)), folded);
      for (int i = 0; i < 2; ++i) one.set(i, 1);
      for (int i = 2; i < 2 + D; ++i) one.set(i, to[i]);
      return sum / graph::reshape_to(counts, one);
    }
  }
};

/// Mean over all spatial axes, kept with extent 1, if Out is 1; otherwise over equal parts of them.
template <int D, Spatial<D> Out> struct AdaptiveMean {
  static_assert(at_least<D>(Out, 1), "adaptive pooling needs an output extent of 1 or more");
  template <class X> constexpr auto operator()(X image) const {
    if constexpr (X::shape.rank != 2 + D) return pooling_needs_an_image_of_batch_channels_and_spatial_axes<X>{};
    else {
      constexpr Spatial<D> size = [] {
        Spatial<D> s = 1;
        for (int i = 0; i < D; ++i) s.at[std::size_t(i)] = X::shape[2 + i] / (Out[i] > 0 ? Out[i] : 1);
        return s;
      }();
      constexpr bool even = [] {
        for (int i = 0; i < D; ++i)
          if (Out[i] < 1 || X::shape[2 + i] % Out[i] != 0) return false;
        return true;
      }();
      static_assert(even, "adaptive pooling needs an output extent that divides the image's");
      return Pool<D, Pooling::mean, size, PoolOptions<D>{}>{}(image);
    }
  }
};

}  // namespace ops

/// The largest element of each window; the gradient goes to the first of equal ones. Padding is never the maximum.
/// `max_pool2d<2>(x)`, `max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(x)`. PyTorch:
/// torch.nn.functional.max_pool1d, 2d, 3d.
template <Spatial<1> Size, Pool1dOptions Options = Pool1dOptions{}, Operand X> constexpr auto max_pool1d(X&& image) {
  return call<ops::FoldedWide<ops::Pool<1, ops::Pooling::maximum, Size, Options>>>(std::forward<X>(image));
}
template <Spatial<2> Size, Pool2dOptions Options = Pool2dOptions{}, Operand X> constexpr auto max_pool2d(X&& image) {
  return call<ops::FoldedWide<ops::Pool<2, ops::Pooling::maximum, Size, Options>>>(std::forward<X>(image));
}
template <Spatial<3> Size, Pool3dOptions Options = Pool3dOptions{}, Operand X> constexpr auto max_pool3d(X&& image) {
  return call<ops::FoldedWide<ops::Pool<3, ops::Pooling::maximum, Size, Options>>>(std::forward<X>(image));
}

/// The mean of each window. PyTorch: torch.nn.functional.avg_pool1d, 2d, 3d.
template <Spatial<1> Size, Pool1dOptions Options = Pool1dOptions{}, Operand X> constexpr auto avg_pool1d(X&& image) {
  return call<ops::Composed<ops::Pool<1, ops::Pooling::mean, Size, Options>>>(std::forward<X>(image));
}
template <Spatial<2> Size, Pool2dOptions Options = Pool2dOptions{}, Operand X> constexpr auto avg_pool2d(X&& image) {
  return call<ops::Composed<ops::Pool<2, ops::Pooling::mean, Size, Options>>>(std::forward<X>(image));
}
template <Spatial<3> Size, Pool3dOptions Options = Pool3dOptions{}, Operand X> constexpr auto avg_pool3d(X&& image) {
  return call<ops::Composed<ops::Pool<3, ops::Pooling::mean, Size, Options>>>(std::forward<X>(image));
}

/// Means of equal parts, Out of them along each axis; Out must divide the image. PyTorch:
/// torch.nn.functional.adaptive_avg_pool2d.
template <Spatial<1> Out, Operand X> constexpr auto adaptive_avg_pool1d(X&& image) {
  return call<ops::Composed<ops::AdaptiveMean<1, Out>>>(std::forward<X>(image));
}
template <Spatial<2> Out, Operand X> constexpr auto adaptive_avg_pool2d(X&& image) {
  return call<ops::Composed<ops::AdaptiveMean<2, Out>>>(std::forward<X>(image));
}

}  // namespace sinter
