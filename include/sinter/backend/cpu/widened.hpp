// Operands of a contraction whose products are summed in a wider type: int8 · int8 → int32. They are widened while
// they are packed, so that no wide copy of them is in memory. Those of 16-bit floats are lowered (lowering/widen.hpp)
// before they come here, unless the target expands nothing.
#pragma once
#include "product.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Elements of type S in memory as panels of T, [K, width]. `fill` is a ProductOperand's.
template <class T, class S> struct WidenedOperand {
  const S* at;
  const Nest &lines, &inner;

  static void fill(const void* self, T* to, int width, std::int64_t line, int count, std::int64_t first,
                   std::int64_t depth) {
    const WidenedOperand& o = *static_cast<const WidenedOperand*>(self);
    const Lines<std::max(Tile<T>::rows, Tile<T>::columns)> offsets(o.lines, line, count);
    for (std::int64_t k = 0; k < depth;) {
      const S* p = o.at + o.inner.offset(first + k);
      for (std::int64_t end = std::min(depth, k + o.inner.run(first + k)); k < end; ++k, p += o.inner.inner_stride()) {
        T* const row = to + k * width;
        if (offsets.runs == 1)
          for (int i = 0; i < count; ++i) row[i] = ops::converted<T>(p[offsets.offset[0] + i]);
        else
          for (int i = 0; i < count; ++i) row[i] = ops::converted<T>(p[offsets.offset[i]]);
        for (int i = count; i < width; ++i) row[i] = T(0);
      }
    }
  }
};

/// The same of a type that is known when the program runs.
template <class T> struct AnyWidenedOperand {
  Dtype dtype;
  ProductOperand<T> narrow;  ///< its elements are of that type

  ProductOperand<T> widened() const { return {nullptr, narrow.lines, narrow.inner, &fill, this}; }

 private:
  static void fill(const void* self, T* to, int width, std::int64_t line, int count, std::int64_t first,
                   std::int64_t depth) {
    const AnyWidenedOperand& o = *static_cast<const AnyWidenedOperand*>(self);
    with_element_type(o.dtype, [&]<class S>(S) {
      const WidenedOperand<T, S> typed{reinterpret_cast<const S*>(o.narrow.at), o.narrow.lines, o.narrow.inner};
      WidenedOperand<T, S>::fill(&typed, to, width, line, count, first, depth);
    });
  }
};

}  // namespace sinter::cpu
