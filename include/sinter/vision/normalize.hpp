// Images with each channel shifted and scaled, as nets expect them.
#pragma once
#include <array>

#include "../ops/ops.hpp"
#include "../tensor/option.hpp"

namespace sinter::inline SINTER_ABI::vision {

// Undefined on purpose: the names are the errors.
template <class X> struct normalize_needs_images_of_floating_numbers_with_axes_channel_height_and_width;
template <class X, class Numbers> struct normalize_needs_one_mean_and_one_deviation_for_each_channel;

namespace normalize_detail {

template <class X> consteval bool are_images() {
  return symbol_of<X>::shape.rank >= 3 && is_floating(symbol_of<X>::dtype);
}
/// The number of channels of images [..., C, H, W]; 1 where they are none.
template <class X> inline constexpr int channels =
    are_images<X>() ? symbol_of<X>::shape[symbol_of<X>::shape.rank - 3] : 1;
/// One number for each channel.
template <class X> using Numbers = std::array<double, channels<X>>;

/// The numbers as [C, 1, 1].
template <class T, std::size_t... C>
constexpr auto column(const std::array<double, sizeof...(C)>& numbers, std::index_sequence<C...>) {
  return reshape<int(sizeof...(C)), 1, 1>(stack<0>(number<T>(T(numbers[C]))...));
}

}  // namespace normalize_detail

/// (image − mean) / deviation for each channel of images [..., C, H, W] of floating numbers. One mean and one
/// deviation a channel, fixed with the program: `vision::normalize(x, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225})`. A
/// deviation of 0 is an `Error`, and does not compile in a traced function. torchvision:
/// transforms.functional.normalize.
template <Operand X> constexpr auto normalize(const X& image, const normalize_detail::Numbers<X>& mean,
                                              const normalize_detail::Numbers<X>& deviation) {
  if constexpr (!normalize_detail::are_images<X>()) {
    return normalize_needs_images_of_floating_numbers_with_axes_channel_height_and_width<symbol_of<X>>{};
  } else {
    for (const double s : deviation) check_option(s != 0, "vision::normalize", "deviation", "numbers other than 0", s);
    using T = typename symbol_of<X>::element;
    constexpr auto channels = std::make_index_sequence<normalize_detail::channels<X>>{};
    return (image - normalize_detail::column<T>(mean, channels)) / normalize_detail::column<T>(deviation, channels);
  }
}
/// The same with tensors [C], such as buffers of a net. A deviation of 0 gives infinities.
template <Operand X, Operand M, Operand S> constexpr auto normalize(const X& image, const M& mean, const S& deviation) {
  if constexpr (!normalize_detail::are_images<X>()) {
    return normalize_needs_images_of_floating_numbers_with_axes_channel_height_and_width<symbol_of<X>>{};
  } else {
    constexpr int channels = normalize_detail::channels<X>;
    if constexpr (symbol_of<M>::shape.rank != 1 || symbol_of<M>::shape[0] != channels)
      return normalize_needs_one_mean_and_one_deviation_for_each_channel<symbol_of<X>, symbol_of<M>>{};
    else if constexpr (symbol_of<S>::shape.rank != 1 || symbol_of<S>::shape[0] != channels)
      return normalize_needs_one_mean_and_one_deviation_for_each_channel<symbol_of<X>, symbol_of<S>>{};
    else return (image - reshape<channels, 1, 1>(mean)) / reshape<channels, 1, 1>(deviation);
  }
}

}  // namespace sinter::vision
