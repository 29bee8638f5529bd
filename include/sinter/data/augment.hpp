// More samples from the ones there are.
#pragma once
#include "dataset.hpp"

namespace sinter::data {

/// Appends every image of `from`, moved down and right by whole pixels (negative: up and left); what moves in is 0. A sample is
/// one image of Rows × Columns. PyTorch: torchvision.transforms.functional.affine(image, translate=[right, down], …).
template <int Rows, int Columns, int... E> void append_shifted(Labelled<E...>& to, const Labelled<E...>& from, int down, int right) {
  static_assert(Labelled<E...>::sample_size == std::size_t(Rows * Columns), "a sample is one image of Rows x Columns pixels");
  std::vector<float> image(Labelled<E...>::sample_size);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::fill(image.begin(), image.end(), 0.f);
    for (int r = std::max(0, down); r < std::min(Rows, Rows + down); ++r)
      for (int c = std::max(0, right); c < std::min(Columns, Columns + right); ++c)
        image[std::size_t(r * Columns + c)] = from.features(i)[(r - down) * Columns + c - right];
    to.add(image.data(), from.label(i));
  }
}

/// Every image, and four copies of it moved by one pixel: a net trained on these minds less where a digit stands.
template <int Rows, int Columns, int... E> Labelled<E...> with_shifted_copies(const Labelled<E...>& images) {
  Labelled<E...> all = images;
  all.reserve(5 * images.size());
  append_shifted<Rows, Columns>(all, images, 1, 0);
  append_shifted<Rows, Columns>(all, images, -1, 0);
  append_shifted<Rows, Columns>(all, images, 0, 1);
  append_shifted<Rows, Columns>(all, images, 0, -1);
  return all;
}

}  // namespace sinter::data
