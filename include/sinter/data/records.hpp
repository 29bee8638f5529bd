// Records in memory.
#pragma once
#include <array>
#include <cstring>
#include <vector>

#include "dataset.hpp"

namespace sinter::inline SINTER_ABI::data {

/// Samples with named fields, in memory: `data::Records<Scene<Tensor<float, 3, 32, 32>, Tensor<float, 8, 4>>>`.
/// PyTorch: a Dataset of dictionaries.
template <TensorTree R> class Records {
 public:
  using Record = R;

  Records() = default;
  explicit Records(std::vector<Record> all) : all_(std::move(all)) {}

  void reserve(std::size_t n) { all_.reserve(n); }
  void add(Record one) { all_.push_back(std::move(one)); }

  std::size_t size() const { return all_.size(); }
  const Record& operator[](std::size_t i) const { return all_[i]; }

  void read(Visit v, const RecordViews<Record>& to) const { copy(all_[v.index], to); }

  /// Copies of the samples with these numbers, in this order.
  Records select(const std::vector<std::size_t>& numbers) const {
    Records some;
    some.reserve(numbers.size());
    for (const std::size_t i : numbers) some.add(all_[i]);
    return some;
  }

 private:
  static void copy(const Record& from, const RecordViews<Record>& to) {
    std::array<std::byte*, leaves> targets;
    std::size_t k = 0;
    for_each_leaf(to, [&](const auto& view) { targets[k++] = reinterpret_cast<std::byte*>(view.data()); });
    k = 0;
    for_each_leaf(from, [&](const auto& leaf) {
      if constexpr (requires { leaf.data(); })
        std::memcpy(targets[k++], leaf.data(), sizeof(*leaf.data()) * std::size_t(leaf.size()));
      else std::memcpy(targets[k++], &leaf, sizeof leaf);
    });
  }
  static constexpr std::size_t leaves = leaves_in<R>;

  std::vector<Record> all_;
};

}  // namespace sinter::data
