// How good predictions are.
#pragma once
#include <array>
#include <string>
#include <cstdint>

#include "../tensor/tensor.hpp"

namespace sinter {

/// The class with the largest score of row `i`; the first of equals. PyTorch: scores[i].argmax().
template <class Scores> int predicted_class(const Scores& scores, std::int64_t i) {
  static_assert(Scores::shape.rank == 2, "scores are [batch, classes]");
  const int classes = Scores::shape[1];
  const auto* row = scores.data() + i * classes;
  int best = 0;
  for (int c = 1; c < classes; ++c)
    if (row[c] > row[best]) best = c;
  return best;
}

/// The number of rows whose largest score is at the label; rows behind a run-time length do not count.
template <class Scores, class Labels> std::int64_t count_correct(const Scores& scores, const Labels& labels) {
  static_assert(Labels::shape.rank == 1 && Labels::shape[0] == Scores::shape[0], "there is one label for each row of scores");
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < labels.length_of_axis(0); ++i) n += predicted_class(scores, i) == labels.data()[i];
  return n;
}

/// Counts by true class (rows) and predicted class (columns).
template <int Classes> class ConfusionMatrix {
 public:
  template <class Scores, class Labels> void add(const Scores& scores, const Labels& labels) {
    static_assert(Scores::shape.rank == 2 && Scores::shape[1] == Classes, "scores are [batch, classes], with the classes of the matrix");
    static_assert(Labels::shape.rank == 1 && Labels::shape[0] == Scores::shape[0], "there is one label for each row of scores");
    for (std::int64_t i = 0; i < labels.length_of_axis(0); ++i) {
      const int label = labels.data()[i];
      if (label < 0 || label >= Classes) throw Error(ErrorCode::argument, "ConfusionMatrix, label", "expected 0 … " + std::to_string(Classes - 1) + ", found " + std::to_string(label));
      ++count_[std::size_t(label)][std::size_t(predicted_class(scores, i))];
    }
  }
  std::int64_t operator()(int truth, int prediction) const { return count_[std::size_t(truth)][std::size_t(prediction)]; }
  std::int64_t total() const {
    std::int64_t n = 0;
    for (const auto& row : count_)
      for (const std::int64_t c : row) n += c;
    return n;
  }
  std::int64_t correct() const {
    std::int64_t n = 0;
    for (std::size_t i = 0; i < std::size_t(Classes); ++i) n += count_[i][i];
    return n;
  }
  /// Share of correct predictions, 0 … 1; 0 of nothing.
  double accuracy() const { return total() > 0 ? double(correct()) / double(total()) : 0; }

 private:
  std::array<std::array<std::int64_t, std::size_t(Classes)>, std::size_t(Classes)> count_{};
};

}  // namespace sinter
