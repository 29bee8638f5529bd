// The 8×8 handwritten digits that come with the library.
#pragma once
#include "../tensor/decimal.hpp"
#include "csv.hpp"
#include "samples.hpp"

namespace sinter::inline SINTER_ABI::data {

/// 1,797 scans of handwritten digits, 8×8 pixels scaled to 0 … 1: "Optical Recognition of Handwritten Digits", test
/// part, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0. The file (data/digits.csv in the
/// repository) has 64 pixels of 0 … 16 and the digit on each line. Throws `Error` when it is missing or damaged.
/// scikit-learn: sklearn.datasets.load_digits.
inline Labelled<1, 8, 8> digits(const std::string& path) {
  const Table t = read_csv(path);
  if (t.rows == 0) damaged(path, "at least one line", "none");
  if (t.columns != 65) damaged(path, "64 pixels and a digit on each line", std::to_string(t.columns) + " fields");
  Labelled<1, 8, 8> d;
  d.reserve(t.rows);
  for (std::size_t r = 0; r < t.rows; ++r) {
    float pixels[64];
    for (std::size_t c = 0; c < 64; ++c) {
      if (!(t(r, c) >= 0 && t(r, c) <= 16))
        damaged(path + ", sample " + std::to_string(r + 1) + ", pixel " + std::to_string(c + 1), "0 … 16",
                tensor_detail::general_text(double(t(r, c)), 9));
      pixels[c] = t(r, c) / 16;
    }
    const float label = t(r, 64);
    if (!(label >= 0 && label <= 9) || label != float(int(label)))
      damaged(path + ", sample " + std::to_string(r + 1) + ", digit", "a whole number 0 … 9",
              tensor_detail::general_text(double(label), 9));
    d.add(pixels, int(label));
  }
  return d;
}

}  // namespace sinter::data
