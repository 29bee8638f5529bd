// Samples in memory.
#pragma once
#include <string>
#include <vector>

#include "dataset.hpp"

namespace sinter::inline SINTER_ABI::data {

/// Samples with features and a target each, whose tensor types these are: `Samples<Tensor<float, 13>, Tensor<float,
/// 1>>` for a regression. `Stored` is the type of features in memory: their own, or unsigned bytes 0 … 255 that are
/// read as 0 … 1 (PyTorch: transforms.ToTensor), a quarter of the size. PyTorch: torch.utils.data.TensorDataset.
template <class InputTensor, class TargetTensor, class Stored = typename InputTensor::element> class Samples {
  using InputElement = typename InputTensor::element;
  using TargetElement = typename TargetTensor::element;
  static constexpr bool as_is = std::is_same_v<Stored, InputElement>;
  static_assert(as_is || (std::is_same_v<Stored, std::uint8_t> && std::is_floating_point_v<InputElement>),
                "features are stored as they are, or as bytes that read as 0 ... 1");
  static_assert(TargetTensor::size() > 0, "a target has at least one element");
  static constexpr bool one_target = TargetTensor::rank == 0;

 public:
  using Input = InputTensor;
  using Target = TargetTensor;
  static constexpr std::size_t sample_size = Input::size();
  static constexpr std::size_t target_size = Target::size();

  Samples() = default;
  /// Takes the elements of all samples, one after another. Throws `Error` if the two do not hold equally many samples.
  Samples(std::vector<Stored> features, std::vector<TargetElement> targets)
      : features_(std::move(features)), targets_(std::move(targets)) {
    const std::size_t n = targets_.size() / target_size;
    if (n * target_size != targets_.size() || features_.size() != n * sample_size)
      throw_error(ErrorCode::argument, "Samples, elements",
                  "expected " + std::to_string(sample_size) + " of features for every " + std::to_string(target_size) +
                      " of targets, found " + std::to_string(features_.size()) + " and " +
                      std::to_string(targets_.size()));
  }

  void reserve(std::size_t n) {
    features_.reserve(n * sample_size);
    targets_.reserve(n * target_size);
  }
  /// Appends one sample: sample_size features and its target, one number if targets are scalars, otherwise target_size
  /// numbers.
  void add(const Stored* features, TargetElement target) requires one_target { append(features, &target); }
  void add(const Stored* features, const TargetElement* target) requires(!one_target) { append(features, target); }

  std::size_t size() const { return targets_.size() / target_size; }
  const Stored* features(std::size_t i) const { return features_.data() + i * sample_size; }
  const TargetElement* target(std::size_t i) const { return targets_.data() + i * target_size; }
  /// The class of a sample.
  int label(std::size_t i) const requires(one_target && std::is_same_v<TargetElement, int>) { return targets_[i]; }

  void read(Visit v, InputElement* x, TargetElement* y) const {
    const Stored* from = features(v.index);
    if constexpr (as_is) std::copy(from, from + sample_size, x);
    else std::transform(from, from + sample_size, x, [](std::uint8_t byte) { return InputElement(byte) / 255; });
    std::copy(target(v.index), target(v.index) + target_size, y);
  }

  /// Copies of the samples with these numbers, in this order.
  Samples select(const std::vector<std::size_t>& numbers) const {
    Samples some;
    some.reserve(numbers.size());
    for (const std::size_t i : numbers) some.append(features(i), target(i));
    return some;
  }

 private:
  void append(const Stored* features, const TargetElement* target) {
    features_.insert(features_.end(), features, features + sample_size);
    targets_.insert(targets_.end(), target, target + target_size);
  }

  std::vector<Stored> features_;
  std::vector<TargetElement> targets_;
};

/// Samples of extents E… with a class each: `Labelled<64>`.
template <int... E> using Labelled = Samples<Tensor<float, E...>, Tensor<int>>;
/// The same with one byte per pixel: `Images<1, 28, 28>`; a loader returns them as 0 … 1.
template <int... E> using Images = Samples<Tensor<float, E...>, Tensor<int>, std::uint8_t>;

}  // namespace sinter::data
