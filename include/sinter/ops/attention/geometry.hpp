// The meaning of each tensor's axes, for both attention primitives.
#pragma once
#include "../result.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// Queries [batch…, G, Tq, D], keys [batch…, Tk, D], values [batch…, Tk, Dv], mask [batch…, G, Tq, Tk]: G query heads
/// share one head of keys and values. Loops in the order batch…, G, Tq, Tk, D, Dv.
///
/// In results axis `time` is the time, or the last but one if there are fewer axes before it: [batch…, G, Tq, Dv] or,
/// say, [B, Tq, heads, G, Dv], which a layer flattens to [B, Tq, features].
struct AttentionGeometry {
  static constexpr int numbers = 3;
  static constexpr int widest = 256;  ///< the most features of a head that the kernel supports

  int batch = 0;  ///< axes
  int time = 0;
  bool causal = false;
  double scale = 1;

  static constexpr AttentionGeometry of(int rank_of_keys, const std::int64_t* a) {
    return {rank_of_keys - 2, int(a[0]), a[1] != 0, std::bit_cast<double>(a[2])};
  }
  constexpr internals::Array<std::int64_t, numbers> attributes() const {
    return {time, causal ? 1 : 0, std::bit_cast<std::int64_t>(scale)};
  }

  constexpr int shared() const { return batch; }
  constexpr int queries() const { return batch + 1; }
  constexpr int keys() const { return batch + 2; }
  constexpr int features() const { return batch + 3; }
  constexpr int value_features() const { return batch + 4; }

  /// The loop of axis `axis` of a tensor whose time axis is moved to `time`.
  constexpr int moved(int axis, int before, int time_loop, int last_loop) const {
    const int at = time < before ? time : before;
    return axis == before + 1 ? last_loop : axis == at ? time_loop : axis < at ? axis : axis - 1;
  }
  constexpr int query_loop(int axis) const { return axis <= batch + 1 ? axis : features(); }
  constexpr int key_loop(int axis, int last) const { return axis < batch ? axis : axis == batch ? keys() : last; }
  constexpr int mask_loop(int axis) const { return axis; }
  constexpr int output_loop(int axis) const { return moved(axis, batch + 1, queries(), value_features()); }

  /// The shape whose axes have these loops, with extents from queries, keys and values.
  template <class Loop> constexpr Shape shape(const Signature& s, int rank, Loop loop) const {
    Shape to;
    for (int i = 0; i < rank; ++i) {
      const int l = loop(i);
      const Shape& from = s.shape(l <= queries() || l == features() ? 0 : l == keys() ? 1 : 2);
      const int axis = l <= queries() ? l : l == keys() ? batch : from.rank - 1;
      to.push(from[axis], from.symbol(axis));
    }
    return to;
  }
  constexpr Shape output(const Signature& s) const {
    return shape(s, batch + 3, [this](int i) { return output_loop(i); });
  }

  /// Whether queries, keys, values and a mask fit together.
  static constexpr bool fits(const Signature& s) {
    const Shape &q = s.shape(0), &k = s.shape(1), &v = s.shape(2);
    const Dtype d = s.dtype(0);
    if ((d != Dtype::float32 && d != Dtype::float64) || s.dtype(1) != d || s.dtype(2) != d) return false;
    if (k.rank < 2 || q.rank != k.rank + 1 || v.rank != k.rank || s.attribute_count != numbers ||
        k[k.rank - 1] > widest || v[v.rank - 1] > widest)
      return false;
    for (int i = 0; i + 2 < k.rank; ++i)
      if (q[i] != k[i] || v[i] != k[i] || q.symbol(i) != k.symbol(i) || v.symbol(i) != k.symbol(i)) return false;
    const int t = k.rank - 2;
    return k[t] == v[t] && k.symbol(t) == v.symbol(t) && q[q.rank - 1] == k[k.rank - 1] && q.symbol(q.rank - 1) == 0 &&
           k.symbol(k.rank - 1) == 0 && v.symbol(v.rank - 1) == 0;
  }
  constexpr bool mask_fits(const Signature& s, int mask) const {
    return (s.dtype(mask) == Dtype::boolean || s.dtype(mask) == s.dtype(0)) &&
           s.shape(mask) == shape(s, batch + 3, [this](int i) { return mask_loop(i); });
  }
};

}  // namespace sinter::ops
