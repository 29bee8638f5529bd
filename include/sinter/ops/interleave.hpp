// Interleaved tensors (a depth-to-space shuffle): the gradients of strided windows.
#pragma once
#include "concatenate.hpp"

namespace sinter::inline SINTER_ABI::graph {

/// A tensor of this shape: every stride[i]-th element along axis first + i is one of the parts, which are in row-major
/// order of their first elements. Parts are of one shape; missing elements at the ends are 0, extra ones are cropped.
/// Two axes are interleaved at once: if each part is computed in place (compile/layout.hpp), nothing is copied.
constexpr Value interleaved(Builder* b, List<int> parts, int first, int axes, const internals::Array<int, 3>& stride,
                            Shape shape) {
  constexpr int at_once = 2;  // leaves ranks for the axes in between
  for (int last = axes; last > 0; last -= at_once) {
    const int begin = last > at_once ? last - at_once : 0;
    Shape spaced, joined = b->shape(parts[0]);
    internals::Array<int, 3> between{};
    for (int k = 0; k < joined.rank; ++k) {
      spaced.push(joined[k], joined.symbol(k));
      if (k < first + begin || k >= first + last || stride[k - first] == 1) continue;
      between[k - first] = spaced.rank;
      spaced.push(1);
    }
    for (int k = 0; k < parts.size(); ++k) parts[k] = reshape_to({b, parts[k]}, spaced).id;
    // parts that are neighbours along the last axis are adjacent in the list
    for (int i = last - 1; i >= begin; --i) {
      const int n = stride[i];
      if (n == 1) continue;
      List<int> fewer;
      for (int k = 0; k < parts.size(); k += n)
        fewer.push(concatenate(b, parts.data() + k, n, between[i]).id);
      parts = fewer;
      joined.set(first + i, joined[first + i] * n);
    }
    for (int k = 0; k < parts.size(); ++k) {
      Value whole = reshape_to({b, parts[k]}, joined);
      for (int i = begin; i < last; ++i) whole = surround(whole, first + i, 0, shape[first + i] - joined[first + i]);
      parts[k] = whole.id;
    }
  }
  return {b, parts[0]};
}

}  // namespace sinter::graph
