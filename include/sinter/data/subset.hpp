// Some samples of a data set, and splits into two such sets.
#pragma once
#include "order.hpp"
#include "samples.hpp"

namespace sinter::inline SINTER_ABI::data {

/// Some samples of a set, by their numbers; made by `subset`.
template <class Whole> class Subset : public SampleTypes<std::remove_cvref_t<Whole>> {
  using Set = std::remove_cvref_t<Whole>;

 public:
  template <class Given> Subset(Given&& set, std::vector<std::size_t> numbers)
      : set_(std::forward<Given>(set)), numbers_(std::move(numbers)) {}

  std::size_t size() const { return numbers_.size(); }
  template <class... To> requires requires(const Set& set, Visit v, const To&... to) { set.read(v, to...); }
  void read(Visit v, const To&... to) const {
    set_.read({numbers_[v.index], v.epoch}, to...);
  }
  int label(std::size_t i) const requires Classified<Set> { return set_.label(numbers_[i]); }

 private:
  Whole set_;
  std::vector<std::size_t> numbers_;
};

/// A set that can copy some of its samples to a set of its own type: those in memory can.
template <class D>
concept Selectable = DataSet<D> && requires(const D& set, const std::vector<std::size_t>& numbers) {
  { set.select(numbers) } -> std::same_as<D>;
};

/// The samples with these numbers, in this order; a number may occur twice. For a set in memory these are copies, in a
/// set of the same type; any other set is read on access, and must outlive the subset unless it is a temporary. Throws
/// `Error` for a number outside the set. PyTorch: torch.utils.data.Subset.
template <class Given>
requires DataSet<std::remove_cvref_t<Given>>
auto subset(Given&& set, std::vector<std::size_t> numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] >= set.size())
      throw_error(ErrorCode::argument, "subset, number " + std::to_string(i),
                  "expected one below " + std::to_string(set.size()) + ", found " + std::to_string(numbers[i]));
  if constexpr (Selectable<std::remove_cvref_t<Given>>) return set.select(numbers);
  else return Subset<Kept<Given>>(std::forward<Given>(set), std::move(numbers));
}

/// The two parts of a data set that `random_split` and `stratified_split` make: `auto [train, test] = …`.
template <class Data> struct Split {
  Data train, test;
};
template <class Data> Split(Data, Data) -> Split<Data>;

namespace split_detail {
SINTER_COLD inline void check(const char* function, double share) {
  if (!(share >= 0 && share <= 1))
    throw_error(ErrorCode::argument, std::string(function) + ", share",
                "expected 0 … 1, found " + std::to_string(share));
}
}  // namespace split_detail

/// Holds out a share of all samples, drawn at random: `auto [train, test] = random_split(houses, 0.2, Seed{1});`. Of n
/// samples, round(share · n) go to the test set. PyTorch: torch.utils.data.random_split(set, [1 − share, share]).
template <DataSet Data> auto random_split(const Data& all, double share, Seed seed) {
  split_detail::check("random_split", share);
  const std::vector<std::size_t> order = shuffled(all.size(), seed);
  const auto middle = order.begin() + std::ptrdiff_t(share * double(order.size()) + 0.5);
  return Split{subset(all, {middle, order.end()}), subset(all, {order.begin(), middle})};
}

/// Holds out a share of every class: `auto [train, test] = stratified_split(digits, 0.2, Seed{1});`. Of a class with n
/// samples, round(share · n) go to the test set. scikit-learn: train_test_split(…, stratify=labels).
template <Classified Data> auto stratified_split(const Data& all, double share, Seed seed) {
  split_detail::check("stratified_split", share);
  std::vector<int> classes;
  for (std::size_t i = 0; i < all.size(); ++i) classes.push_back(all.label(i));
  std::sort(classes.begin(), classes.end());
  std::vector<std::size_t> count(classes.size() + 1, 0), taken(classes.size() + 1, 0);
  const auto index = [&](int label) {
    return std::size_t(std::lower_bound(classes.begin(), classes.end(), label) - classes.begin());
  };
  for (std::size_t i = 0; i < all.size(); ++i) ++count[index(all.label(i))];
  std::vector<std::size_t> train, test;
  for (const std::size_t i : shuffled(all.size(), seed)) {
    const auto c = index(all.label(i));
    const bool out = taken[c] < std::size_t(share * double(count[c]) + 0.5);
    if (out) ++taken[c];
    (out ? test : train).push_back(i);
  }
  return Split{subset(all, std::move(train)), subset(all, std::move(test))};
}

// The parts of a set that is not in memory would outlive it.
template <DataSet Data>
requires(!Selectable<Data>) void random_split(const Data&& all, double share, Seed seed) = delete;
template <Classified Data>
requires(!Selectable<Data>) void stratified_split(const Data&& all, double share, Seed seed) = delete;

}  // namespace sinter::data
