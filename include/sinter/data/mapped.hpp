// A data set whose samples are changed as they are read: augmentation, normalisation.
#pragma once
#include <span>

#include "../tensor/random.hpp"
#include "dataset.hpp"

namespace sinter::inline SINTER_ABI::data {

/// A set with a function applied to its features or records; made by `mapped`.
template <class Source, class F> class Mapped : public SampleTypes<std::remove_cvref_t<Source>> {
  using Set = std::remove_cvref_t<Source>;

 public:
  template <class Given> Mapped(Given&& set, F f, Seed seed)
      : set_(std::forward<Given>(set)), f_(std::move(f)), seed_(seed) {}

  std::size_t size() const { return set_.size(); }
  template <class X, class Y> requires PairSet<Set> void read(Visit v, X* x, Y* y) const {
    set_.read(v, x, y);
    apply(v, std::span<X>(x, std::size_t(Set::Input::size())));
  }
  template <class Views> requires RecordSet<Set> void read(Visit v, const Views& to) const {
    set_.read(v, to);
    apply(v, to);
  }
  int label(std::size_t i) const requires Classified<Set> { return set_.label(i); }

 private:
  template <class Sample> void apply(Visit v, const Sample& sample) const {
    if constexpr (std::is_invocable_v<const F&, const Sample&, const Philox&>)
      f_(sample, Philox(seed_, v.epoch << 32 ^ v.index));
    else f_(sample);
  }

  Source set_;
  F f_;
  Seed seed_;
};

/// The set with f applied to the features of each sample, as they are read. f takes them as a span to change in place
/// and, optionally, random numbers, which follow from the seed, the epoch and the sample's index: a sample differs in
/// every epoch, and is the same in every run and with any loader.
///
///   const auto noisy = data::mapped(train, [](std::span<float> x, const Philox& random) {
///     for (std::size_t i = 0; i < x.size(); ++i) x[i] += 0.1f * random.normal(i);
///   }, Seed{3});
///
/// Of a set of records f takes the views of its fields:
///
///   const auto flipped = data::mapped(scenes, [](const auto& scene, const Philox& random) {
///     if (random.uniform(0) < .5f) …  // changes scene.image and scene.boxes alike
///   }, Seed{3});
///
/// A set that is not a temporary must outlive the result. A loader that prefetches calls f on its own thread. PyTorch:
/// a Dataset's `transform`.
template <class Given, class F>
requires DataSet<std::remove_cvref_t<Given>>
auto mapped(Given&& set, F f, Seed seed = {}) {
  return Mapped<Kept<Given>, F>(std::forward<Given>(set), std::move(f), seed);
}

}  // namespace sinter::data
