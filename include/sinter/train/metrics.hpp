// Metrics of predictions.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "../tensor/tensor.hpp"

namespace sinter::inline SINTER_ABI {

namespace metrics_detail {

/// The order of argmax: NaN is the largest.
template <class T> bool is_larger(const T& a, const T& b) { return a > b || (a != a && b == b); }

}  // namespace metrics_detail

/// The class with the largest score of row `i`; the first of equals, and NaN counts as the largest, as for
/// `argmax<1>(scores)`. PyTorch: scores[i].argmax().
template <class Scores> int predicted_class(const Scores& scores, std::int64_t i) {
  static_assert(Scores::shape.rank == 2, "scores are [batch, classes]");
  int best = 0;
  for (int c = 1; c < Scores::shape[1]; ++c)
    if (metrics_detail::is_larger(scores(i, c), scores(i, best))) best = c;
  return best;
}

/// The number of rows whose largest score is at the label; rows past a run-time length do not count.
template <class Scores, class Labels> std::int64_t count_correct(const Scores& scores, const Labels& labels) {
  static_assert(Labels::shape.rank == 1 && Labels::shape[0] == Scores::shape[0],
                "there is one label for each row of scores");
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < labels.length_of_axis(0); ++i) n += predicted_class(scores, i) == labels(i);
  return n;
}

namespace metrics_detail {
inline int checked_label(std::int64_t label, int classes, const char* where) {
  if (label < 0 || label >= classes)
    throw_error(ErrorCode::argument, std::string(where) + ", label",
                "expected 0 … " + std::to_string(classes - 1) + ", found " + std::to_string(label));
  return int(label);
}
}  // namespace metrics_detail

/// The number of rows whose label is among the K largest scores; of equal scores the first counts as larger, and NaN as
/// the largest. Divided by the number of rows it is the top-K accuracy. Throws `Error` for a label outside the classes.
/// PyTorch: (scores.topk(K).indices == labels[:, None]).any(1).sum().
template <int K, class Scores, class Labels> std::int64_t count_in_top(const Scores& scores, const Labels& labels) {
  static_assert(Scores::shape.rank == 2 && Labels::shape.rank == 1 && Labels::shape[0] == Scores::shape[0],
                "scores are [batch, classes], and there is one label for each row");
  constexpr int classes = Scores::shape[1];
  static_assert(K >= 1 && K <= classes, "K is one at least, and no more than there are classes");
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < labels.length_of_axis(0); ++i) {
    const int label = metrics_detail::checked_label(labels(i), classes, "count_in_top");
    const auto score = scores(i, label);
    int before = 0;
    for (int c = 0; c < classes; ++c)
      before += metrics_detail::is_larger(scores(i, c), score) ||
                (c < label && !metrics_detail::is_larger(score, scores(i, c)));
    n += before < K;
  }
  return n;
}

/// Counts by true class (rows) and predicted class (columns). scikit-learn: confusion_matrix.
template <int Classes> class ConfusionMatrix {
 public:
  /// Adds a batch. Throws `Error` for a label outside the classes, and then counts nothing.
  template <class Scores, class Labels> void add(const Scores& scores, const Labels& labels) {
    static_assert(Scores::shape.rank == 2 && Scores::shape[1] == Classes,
                  "scores are [batch, classes], with the classes of the matrix");
    static_assert(Labels::shape.rank == 1 && Labels::shape[0] == Scores::shape[0],
                  "there is one label for each row of scores");
    for (std::int64_t i = 0; i < labels.length_of_axis(0); ++i)
      metrics_detail::checked_label(labels(i), Classes, "ConfusionMatrix");
    for (std::int64_t i = 0; i < labels.length_of_axis(0); ++i) ++count_[labels(i)][predicted_class(scores, i)];
  }
  std::int64_t operator()(int truth, int prediction) const { return count_[truth][prediction]; }
  std::int64_t total() const {
    std::int64_t n = 0;
    for (const auto& row : count_)
      for (const std::int64_t c : row) n += c;
    return n;
  }
  std::int64_t correct() const {
    std::int64_t n = 0;
    for (int i = 0; i < Classes; ++i) n += count_[i][i];
    return n;
  }
  /// Share of correct predictions, 0 … 1; 0 if nothing was counted.
  double accuracy() const { return share(correct(), total()); }

  /// How often a class occurred, and how often it was predicted.
  std::int64_t occurred(int c) const {
    std::int64_t n = 0;
    for (const std::int64_t k : count_[c]) n += k;
    return n;
  }
  std::int64_t predicted(int c) const {
    std::int64_t n = 0;
    for (const auto& row : count_) n += row[c];
    return n;
  }
  /// The share of a class's predictions that is right, the share of its occurrences that was found, and their harmonic
  /// mean; 0 if undefined. scikit-learn: precision_score, recall_score, f1_score(…, average=None, zero_division=0).
  double precision(int c) const { return share((*this)(c, c), predicted(c)); }
  double recall(int c) const { return share((*this)(c, c), occurred(c)); }
  double f1(int c) const { return share(2 * (*this)(c, c), occurred(c) + predicted(c)); }
  /// Their means over the classes that occurred or were predicted, 0 if none. scikit-learn: average="macro",
  /// zero_division=0.
  double mean_precision() const { return mean([this](int c) { return precision(c); }); }
  double mean_recall() const { return mean([this](int c) { return recall(c); }); }
  double mean_f1() const { return mean([this](int c) { return f1(c); }); }

 private:
  static double share(std::int64_t part, std::int64_t whole) { return whole > 0 ? double(part) / double(whole) : 0; }
  template <class F> double mean(F f) const {
    double sum = 0;
    int classes = 0;
    for (int c = 0; c < Classes; ++c)
      if (occurred(c) + predicted(c) > 0) sum += f(c), ++classes;
    return classes > 0 ? sum / classes : 0;
  }

  internals::Array<internals::Array<std::int64_t, Classes>, Classes> count_{};
};

/// A running mean of values, each weighted by its number of samples: `loss.add(step(x, y).loss, y.length<'B'>());`.
class RunningMean {
 public:
  void add(double value, std::int64_t samples = 1) {
    if (samples == 0) return;  // the mean of an empty batch is NaN
    sum_ += value * double(samples);
    samples_ += samples;
  }
  /// 0 if nothing was added.
  double value() const { return samples_ > 0 ? sum_ / double(samples_) : 0; }
  std::int64_t samples() const { return samples_; }
  void reset() { *this = {}; }

 private:
  double sum_ = 0;
  std::int64_t samples_ = 0;
};

}  // namespace sinter
