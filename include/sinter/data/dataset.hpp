// Samples with labels, in memory.
#pragma once
#include <algorithm>
#include <numeric>
#include <vector>

#include "../tensor/random.hpp"
#include "../tensor/tensor.hpp"

namespace sinter::data {

/// Samples of extents E… with a class each: `Labelled<1, 28, 28>`. What a loader asks of a data set is `size()`, `features`,
/// `label`, `sample_size`, and the types `Batches` and `Labels` of a batch.
template <int... E> class Labelled {
 public:
  static constexpr std::size_t sample_size = std::size_t((1 * ... * E));
  /// The type of a batch of samples with this first extent.
  template <auto Batch> using Batches = Tensor<float, Batch, E...>;
  template <auto Batch> using Labels = Tensor<int, Batch>;

  void reserve(std::size_t n) {
    features_.reserve(n * sample_size);
    labels_.reserve(n);
  }
  /// Appends one sample; `features` points to sample_size values.
  void add(const float* features, int label) {
    features_.insert(features_.end(), features, features + sample_size);
    labels_.push_back(label);
  }

  std::size_t size() const { return labels_.size(); }
  const float* features(std::size_t i) const { return features_.data() + i * sample_size; }
  int label(std::size_t i) const { return labels_[i]; }

 private:
  std::vector<float> features_;
  std::vector<int> labels_;
};

/// 0 … n − 1 in an order that depends on seed and stream alone (Fisher-Yates).
inline std::vector<std::size_t> shuffled(std::size_t n, Seed seed, std::uint64_t stream = 0) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t(0));
  const Philox random(seed, stream);
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(i, std::uint32_t(i))]);
  return order;
}

template <class Data> struct Split {
  Data train, test;
};
/// Holds out a share of every class: `auto [train, test] = stratified_split(digits, 0.2, Seed{1});`. Of a class with n
/// samples, round(share · n) go to the test set. scikit-learn: train_test_split(…, stratify=labels).
template <class Data> Split<Data> stratified_split(const Data& all, double share, Seed seed) {
  if (!(share >= 0 && share <= 1)) throw Error(ErrorCode::argument, "stratified_split, share", "expected 0 … 1, found " + std::to_string(share));
  std::vector<int> classes;
  for (std::size_t i = 0; i < all.size(); ++i) classes.push_back(all.label(i));
  std::sort(classes.begin(), classes.end());
  std::vector<std::size_t> count(classes.size() + 1, 0), taken(classes.size() + 1, 0);
  const auto index = [&](int label) { return std::size_t(std::lower_bound(classes.begin(), classes.end(), label) - classes.begin()); };
  for (std::size_t i = 0; i < all.size(); ++i) ++count[index(all.label(i))];
  Split<Data> s;
  for (const std::size_t i : shuffled(all.size(), seed)) {
    const std::size_t c = index(all.label(i));
    const bool test = taken[c] < std::size_t(share * double(count[c]) + 0.5);
    if (test) ++taken[c];
    (test ? s.test : s.train).add(all.features(i), all.label(i));
  }
  return s;
}

}  // namespace sinter::data
