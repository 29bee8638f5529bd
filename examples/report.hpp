// A text report on an image classifier: its confusion matrix and pictures of misclassified images.
#pragma once
#include <sinter/sinter.hpp>

#include <cstdio>
#include <utility>
#include <vector>

/// A misclassified sample, and the predicted class.
using Misread = std::pair<std::size_t, int>;

inline void print(const sinter::ConfusionMatrix<10>& matrix) {
  std::printf("\nconfusion matrix (rows: true class, columns: read as)\n    ");
  for (int c = 0; c < 10; ++c) std::printf("%5d", c);
  for (int r = 0; r < 10; ++r) {
    std::printf("\n%4d", r);
    for (int c = 0; c < 10; ++c)
      matrix(r, c) == 0 ? std::printf("    ·") : std::printf("%5lld", static_cast<long long>(matrix(r, c)));
  }
  std::printf("\n");
}

/// Up to `most` misclassified images of Rows × Columns pixels in a row, every Step-th pixel, drawn in shades.
template <int Rows, int Columns, int Step, class Set>
void draw_misread(const Set& samples, const std::vector<Misread>& misread, std::size_t most,
                  const char* const (&name)[10]) {
  const char* shade[]{"  ", "░░", "▒▒", "▓▓", "██"};
  const std::size_t shown = std::min(misread.size(), most);
  if (shown == 0) return;
  std::printf("\n%zu of %zu misread:\n", shown, misread.size());
  std::vector<std::vector<float>> pixels(shown, std::vector<float>(std::size_t(Rows * Columns)));
  constexpr int width = 2 * ((Columns + Step - 1) / Step);
  for (std::size_t k = 0; k < shown; ++k) {
    int label = 0;
    samples.read({misread[k].first, 0}, pixels[k].data(), &label);
    std::printf("%-*s", width + 4, (std::string(name[label]) + " read as " + name[misread[k].second]).c_str());
  }
  std::printf("\n");
  for (int row = 0; row < Rows; row += Step) {
    for (std::size_t k = 0; k < shown; ++k) {
      for (int column = 0; column < Columns; column += Step)
        std::printf("%s", shade[int(pixels[k][std::size_t(row * Columns + column)] * 4 + 0.5f)]);
      std::printf("    ");
    }
    std::printf("\n");
  }
}

/// Classifies every sample of a set and compares.
template <class Infer, class Loader>
sinter::ConfusionMatrix<10> examine(Infer& infer, Loader& samples, std::vector<Misread>& misread) {
  sinter::ConfusionMatrix<10> matrix;
  std::size_t first = 0;
  for (auto [x, label] : samples) {
    const auto& scores = infer(x);
    const auto n = label.template length<'B'>();
    for (std::int64_t i = 0; i < n; ++i)
      if (const int read = sinter::predicted_class(scores, i); read != label(i))
        misread.emplace_back(first + std::size_t(i), read);
    matrix.add(scores, label);
    first += std::size_t(n);
  }
  return matrix;
}
