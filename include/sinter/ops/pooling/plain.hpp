// Pools and their derivatives by plain loops in double precision: what a backend without forms of its own runs.
#pragma once
#include <limits>

#include "../geometry.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// Windows of an image [front…, spatial…], which gives [front…, windows…].
struct PoolGeometry {
  int axes = 0;
  int front = 2;  ///< axes before the spatial ones
  internals::Array<int, 3> size{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, padding{};
  bool counts_padding = true;    ///< of means: borders count as zeros
  internals::Array<int, 3> extent{};   ///< of a mean's gradient: the image's spatial extents

  static constexpr int numbers = 18;
  constexpr internals::Array<std::int64_t, numbers> attributes() const {
    internals::Array<std::int64_t, numbers> a{axes, front, counts_padding ? 1 : 0};
    for (int i = 0; i < 3; ++i)
      a[3 + i] = size[i], a[6 + i] = stride[i], a[9 + i] = dilation[i], a[12 + i] = padding[i], a[15 + i] = extent[i];
    return a;
  }
  static constexpr PoolGeometry of(const std::int64_t* a) {
    PoolGeometry g{int(a[0]), int(a[1])};
    g.counts_padding = a[2] != 0;
    for (int i = 0; i < 3; ++i) {
      g.size[i] = int(a[3 + i]);
      g.stride[i] = int(a[6 + i]);
      g.dilation[i] = int(a[9 + i]);
      g.padding[i] = int(a[12 + i]);
      g.extent[i] = int(a[15 + i]);
    }
    return g;
  }
  static constexpr PoolGeometry of(const Site& s) { return of(s.graph->attributes(s.id)); }

  constexpr int window_size() const { return size[0] * size[1] * size[2]; }
  /// The offset of element k of a window along spatial axis i.
  constexpr int offset(int k, int i) const {
    for (int j = axes - 1; j > i; --j) k /= size[j];
    return k % size[i] * dilation[i];
  }
  constexpr bool side_by_side() const { return size == stride && dilation == internals::Array<int, 3>{1, 1, 1}; }
  /// The number of windows along spatial axis i, which has this extent; 0 if one does not fit.
  constexpr int windows(int i, int extent_of_image) const {
    const int room = extent_of_image + 2 * padding[i] - (dilation[i] * (size[i] - 1) + 1);
    return room < 0 ? 0 : room / stride[i] + 1;
  }
  /// Their symbolic dimensions, −1 where one has none.
  constexpr internals::Array<int, 3> symbols_of_windows(const Shape& image) const {
    internals::Array<int, 3> symbols{};
    for (int i = 0; i < axes; ++i)
      symbols[i] =
          symbol_of_windows(image.symbol(front + i), 2 * padding[i] - dilation[i] * (size[i] - 1), stride[i]);
    return symbols;
  }
  constexpr Shape pooled(const Shape& image) const {
    Shape to = image;
    const auto symbols = symbols_of_windows(image);
    for (int i = 0; i < axes; ++i) to.set(front + i, windows(i, image[front + i]), symbols[i]);
    return to;
  }
};

class PlainPool {
 public:
  explicit PlainPool(const graph::Elements& e) : e_(e), g_(PoolGeometry::of(e.attributes)) {}

  /// Operand 0: the image.
  void maximum() {
    take_extents(0, 1);
    over(front_, front_extent_, g_.front, [&] { over(at_, windows_, g_.axes, [&] {
      const int k = first(0);
      const double x = k >= 0 ? e_.get(0, element(k)) : least();  // before `index`, which shares its place
      e_.set(index(at_), x);
    }); });
  }
  /// Operands: the cotangent of the maxima, the image.
  void maximum_gradient() {
    take_extents(1, 0);
    over(front_, front_extent_, g_.front, [&] { over(position_, spatial_, g_.axes, [&] {
      double sum = 0;
      for (int k = 0; k < g_.window_size(); ++k)
        if (find_window(k) && first(1) == k) sum += e_.get(0, index(at_));
      e_.set(index(position_), sum);
    }); });
  }
  /// Operands: the tangent of the image, the image.
  void maximum_tangent() {
    take_extents(1, 2 + 1);
    over(front_, front_extent_, g_.front, [&] { over(at_, windows_, g_.axes, [&] {
      const int k = first(1);
      const double x = k >= 0 ? e_.get(0, element(k)) : 0;
      e_.set(index(at_), x);
    }); });
  }
  /// Operand 0: the image.
  void mean() {
    take_extents(0, 1);
    over(front_, front_extent_, g_.front, [&] { over(at_, windows_, g_.axes, [&] {
      double sum = 0;
      for (int k = 0; k < g_.window_size(); ++k)
        if (const std::int64_t* at = element(k); at != nullptr) sum += e_.get(0, at);
      e_.set(index(at_), sum / count());
    }); });
  }
  /// Operand 0: the cotangent of the means.
  void mean_gradient() {
    take_extents(1, 0);
    over(front_, front_extent_, g_.front, [&] { over(position_, spatial_, g_.axes, [&] {
      double sum = 0;
      for (int k = 0; k < g_.window_size(); ++k)
        if (find_window(k)) sum += e_.get(0, index(at_)) / count();
      e_.set(index(position_), sum);
    }); });
  }

 private:
  /// From the tensor that has the shape of the image, and the one that has that of the windows.
  void take_extents(int image, int pooled) {
    for (int i = 0; i < g_.front; ++i) front_extent_[i] = e_.length(image, i);
    for (int i = 0; i < g_.axes; ++i) {
      spatial_[i] = e_.length(image, g_.front + i);
      windows_[i] = e_.length(pooled, g_.front + i);
    }
  }
  template <class F> void over(std::int64_t* at, const std::int64_t* extent, int axes, const F& f, int axis = 0) {
    if (axis == axes) return f();
    for (at[axis] = 0; at[axis] < extent[axis]; ++at[axis]) over(at, extent, axes, f, axis + 1);
  }
  const std::int64_t* index(const std::int64_t* spatial) {
    for (int i = 0; i < g_.front; ++i) index_[i] = front_[i];
    for (int i = 0; i < g_.axes; ++i) index_[g_.front + i] = spatial[i];
    return index_;
  }
  /// The index in the image of element k of the window; null in its borders.
  const std::int64_t* element(int k) {
    for (int i = 0; i < g_.front; ++i) index_[i] = front_[i];
    for (int i = 0; i < g_.axes; ++i) {
      const std::int64_t p = at_[i] * g_.stride[i] - g_.padding[i] + g_.offset(k, i);
      if (p < 0 || p >= spatial_[i]) return nullptr;
      index_[g_.front + i] = p;
    }
    return index_;
  }
  /// The window whose element k is at a position, if there is one.
  bool find_window(int k) {
    for (int i = 0; i < g_.axes; ++i) {
      const std::int64_t from = position_[i] + g_.padding[i] - g_.offset(k, i);
      at_[i] = from / g_.stride[i];
      if (from < 0 || from % g_.stride[i] != 0 || at_[i] >= windows_[i]) return false;
    }
    return true;
  }
  /// The first of the largest elements of the window, or its first NaN; −1 where it has borders alone.
  int first(int image) {
    int best = -1;
    double largest = 0;
    for (int k = 0; k < g_.window_size(); ++k) {
      const std::int64_t* const at = element(k);
      if (at == nullptr) continue;
      const double x = e_.get(image, at);
      if (best >= 0 && (largest != largest || (x <= largest && x == x))) continue;
      best = k;
      largest = x;
    }
    return best;
  }
  /// Of a window that has borders alone.
  double least() const {
    const Dtype d = e_.dtype_of(e_.self, 0);
    if (is_floating(d)) return -infinity<double>;
    return d == Dtype::int64 ? double(std::numeric_limits<std::int64_t>::min())
                             : double(std::numeric_limits<std::int32_t>::min());
  }
  double count() {
    int n = 0;
    for (int k = 0; k < g_.window_size(); ++k) n += g_.counts_padding || element(k) != nullptr ? 1 : 0;
    return n;
  }

  const graph::Elements& e_;
  PoolGeometry g_;
  std::int64_t front_extent_[Shape::max_rank]{}, spatial_[3]{}, windows_[3]{};
  std::int64_t front_[Shape::max_rank]{}, at_[3]{}, position_[3]{}, index_[Shape::max_rank]{};
};

}  // namespace sinter::ops
