// Data augmentation: more samples from existing ones.
#pragma once
#include "samples.hpp"

namespace sinter::inline SINTER_ABI::data {

/// Appends every image of `from`, shifted down and right by whole pixels (negative: up and left); vacated pixels are 0.
/// Both are sets in memory, `Labelled` or `Images`, of Rows × Columns pixels a sample. PyTorch:
/// torchvision.transforms.functional.affine(image, translate=[right, down], …).
template <int Rows, int Columns, Classified Set> void append_shifted(Set& to, const Set& from, int down, int right) {
  static_assert(int(Set::sample_size) == Rows * Columns, "a sample is one image of Rows x Columns pixels");
  std::vector<std::remove_cvref_t<decltype(*from.features(0))>> image(Set::sample_size);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::fill(image.begin(), image.end(), 0);
    for (int r = std::max(0, down); r < std::min(Rows, Rows + down); ++r)
      for (int c = std::max(0, right); c < std::min(Columns, Columns + right); ++c)
        image[std::size_t(r * Columns + c)] = from.features(i)[(r - down) * Columns + c - right];
    to.add(image.data(), from.label(i));
  }
}

/// Every image and four copies of it shifted by one pixel, so that a net depends less on a digit's position.
template <int Rows, int Columns, Classified Set> Set with_shifted_copies(const Set& images) {
  Set all = images;
  all.reserve(5 * images.size());
  append_shifted<Rows, Columns>(all, images, 1, 0);
  append_shifted<Rows, Columns>(all, images, -1, 0);
  append_shifted<Rows, Columns>(all, images, 0, 1);
  append_shifted<Rows, Columns>(all, images, 0, -1);
  return all;
}

}  // namespace sinter::data
