// How the elements of tensors in memory of another place than the host are kept and copied.
#pragma once
#include <array>
#include <cstddef>

#include "extents.hpp"

namespace sinter::inline SINTER_ABI {

/// Which way bytes are copied: into a place from the host, out of it, or within it.
enum class Transfer { in, out, within };

/// How a place keeps memory. A backend whose place it is specialises it (`MemoryOf<Cuda>`: backend/cuda/memory.hpp):
///   static std::byte* allocate(std::size_t bytes);                    // throws Error
///   static void release(std::byte* at) noexcept;
///   static void copy(std::byte* to, const std::byte* from, std::size_t bytes, Transfer way);
/// Undefined for places that no header included so far brings.
template <class Place> struct MemoryOf;

namespace tensor_detail {

template <class Place, class T> inline void copy_elements(T* to, const T* from, std::ptrdiff_t n, Transfer way) {
  if (n > 0)
    MemoryOf<Place>::copy(reinterpret_cast<std::byte*>(to), reinterpret_cast<const std::byte*>(from),
                          std::size_t(n) * sizeof(T), way);
}

/// Copies a tensor of some strides to one of others: one copy for each run of elements that is contiguous in both.
template <class Place, class T, std::size_t Rank>
inline void copy_strided(const Shape& shape, T* to, const std::array<std::ptrdiff_t, Rank>& to_strides, const T* from,
                         const std::array<std::ptrdiff_t, Rank>& from_strides, Transfer way) {
  if (shape.size() == 0) return;
  std::ptrdiff_t run = 1;
  int outer = int(Rank);  // axes before the run
  for (; outer > 0; --outer) {
    const auto last = std::size_t(outer - 1);
    if (shape[outer - 1] == 1) continue;
    if (to_strides[last] != run || from_strides[last] != run) break;
    run *= shape[outer - 1];
  }
  std::array<int, Rank> index{};
  for (;;) {
    copy_elements<Place>(to, from, run, way);
    int axis = outer - 1;
    for (; axis >= 0; --axis) {
      const auto i = std::size_t(axis);
      to += to_strides[i], from += from_strides[i];
      if (++index[i] < shape[axis]) break;
      to -= index[i] * to_strides[i], from -= index[i] * from_strides[i];
      index[i] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace tensor_detail
}  // namespace sinter
