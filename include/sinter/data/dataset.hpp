// Data sets: samples by index.
#pragma once
#include <concepts>
#include <cstdint>

#include "../tensor/tensor.hpp"

namespace sinter::inline SINTER_ABI::data {

/// The index of a sample, and the epoch: random changes of a sample are a function of both.
struct Visit {
  std::size_t index = 0;
  std::uint64_t epoch = 0;
};

/// What a loader needs: the tensor types of one sample's features and target, the number of samples, and a function
/// that writes the elements of one. A custom set:
///
///   struct Parabola {
///     using Input = Tensor<float, 1>;
///     using Target = Tensor<float, 1>;   // Tensor<int> for classes
///     std::size_t size() const { return 1000; }
///     void read(data::Visit v, float* x, float* y) const { x[0] = 0.002f * float(v.index) - 1; y[0] = x[0] * x[0]; }
///   };
///
/// `read` writes all elements, the same ones for the same visit, and may be called from another thread. Sets with
/// classes also have `int label(i)`. PyTorch: torch.utils.data.Dataset.
template <class D>
concept DataSet = requires(const D& set, Visit v, typename D::Input::element* input,
                           typename D::Target::element* target) {
  { set.size() } -> std::same_as<std::size_t>;
  set.read(v, input, target);
};

/// A data set whose samples have classes.
template <class D>
concept Classified = DataSet<D> && requires(const D& set, std::size_t i) {
  { set.label(i) } -> std::same_as<int>;
};

/// How a set made from another stores it: a temporary by value, any other by reference.
template <class Given> using Kept = std::conditional_t<std::is_lvalue_reference_v<Given>,
                                                       const std::remove_reference_t<Given>&, std::remove_cv_t<Given>>;

}  // namespace sinter::data
