// Ranges: parts of an axis, known at compile time.
#pragma once
#include <cstdint>
#include <type_traits>

#include "extents.hpp"

namespace sinter::inline SINTER_ABI {
namespace tensor_detail {

/// Elements Start, Start + Step, … below Stop of an axis; negative numbers count from its end. NumPy: Start:Stop:Step.
template <int Start, int Stop, int Step> struct Range {
  static_assert(Step > 0, "the step of a range is positive; flip<axis>(x) reverses an axis");
  static constexpr int step = Step;
  static constexpr int first(int n) { return clamped(Start < 0 ? Start + n : Start, n); }
  static constexpr int count(int n) {
    const int stop = clamped(Stop == end ? n : Stop < 0 ? Stop + n : Stop, n);
    return stop > first(n) ? (stop - first(n) + Step - 1) / Step : 0;
  }
  static constexpr int end = 0x7fffffff;

 private:
  static constexpr int clamped(int i, int n) { return i < 0 ? 0 : i > n ? n : i; }
};

}  // namespace tensor_detail

/// `x(range<1, 3>, 0)`, `x(range<0, -1, 2>)`; `range<>` is a whole axis.
template <int Start = 0, int Stop = tensor_detail::Range<0, 0, 1>::end, int Step = 1>
inline constexpr tensor_detail::Range<Start, Stop, Step> range{};

namespace tensor_detail {

template <class> inline constexpr bool is_range_v = false;
template <int A, int B, int C> inline constexpr bool is_range_v<Range<A, B, C>> = true;
template <class Index> inline constexpr bool is_index_v =
    std::is_convertible_v<Index, std::int64_t> || is_range_v<std::remove_cvref_t<Index>>;
template <class... Index> inline constexpr bool any_range_v = (is_range_v<std::remove_cvref_t<Index>> || ...);

/// Whether every range on a bounded axis is the whole of it.
template <auto... E, class... Index> consteval bool ranges_fit(void (*)(Index...)) {
  [[maybe_unused]] constexpr Shape shape = shape_of<E...>;
  [[maybe_unused]] int axis = 0;
  bool fit = true;
  (
      [&] {
        if (shape.symbol(axis) != 0 && is_range_v<Index>)
          fit = fit && std::is_same_v<Index, Range<0, Range<0, 0, 1>::end, 1>>;
        ++axis;
      }(),
      ...);
  return fit;
}
template <class Place, class T, auto... E, class X, class Strides, class Lengths, class... Index>
auto part(const X& whole, T* data, const Strides& strides, const Lengths& lengths, const Index&... index);

}  // namespace tensor_detail
}  // namespace sinter
