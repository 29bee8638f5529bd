// Data sets: samples by index.
#pragma once
#include <concepts>
#include <cstdint>

#include "../transform/trees.hpp"
#include "../tensor/tensor.hpp"

namespace sinter::inline SINTER_ABI::data {

/// The index of a sample, and the epoch: random changes of a sample are a function of both.
struct Visit {
  std::size_t index = 0;
  std::uint64_t epoch = 0;
};

namespace dataset_detail {
template <class T> struct ViewOf { using type = TensorView<T>; };  // of a number
template <class T, auto... E> struct ViewOf<Tensor<T, E...>> { using type = TensorView<T, E...>; };
struct ToView { template <class X> using of = typename ViewOf<X>::type; };
}  // namespace dataset_detail

/// The views to which a data set writes a sample: `Scene<TensorView<float, 3, 32, 32>, TensorView<int>>` of
/// `Scene<Tensor<float, 3, 32, 32>, int>`.
template <TensorTree Record> using RecordViews = tree_as<Record, dataset_detail::ToView>;

/// A set whose samples are pairs: the tensor types of one sample's features and target, the number of samples, and a
/// function that writes the elements of one:
///
///   struct Parabola {
///     using Input = Tensor<float, 1>;
///     using Target = Tensor<float, 1>;   // Tensor<int> for classes
///     std::size_t size() const { return 1000; }
///     void read(data::Visit v, float* x, float* y) const { x[0] = 0.002f * float(v.index) - 1; y[0] = x[0] * x[0]; }
///   };
template <class D>
concept PairSet = requires(const D& set, Visit v, typename D::Input::element* input,
                           typename D::Target::element* target) {
  { set.size() } -> std::same_as<std::size_t>;
  set.read(v, input, target);
};

/// A set whose samples are records: a plain struct template over its fields' types, with tensors and numbers for
/// fields, the number of samples, and a function that writes the fields of one through views of them:
///
///   template <class Image, class Boxes, class Labels> struct Scene { Image image; Boxes boxes; Labels labels; };
///
///   struct Scenes {
///     using Record = Scene<Tensor<float, 3, 32, 32>, Tensor<float, 8, 4>, Tensor<int, 8>>;
///     std::size_t size() const;
///     void read(data::Visit v, const data::RecordViews<Record>& to) const { to.image = …; to.labels(0) = 3; … }
///   };
template <class D>
concept RecordSet = requires(const D& set, Visit v, const RecordViews<typename D::Record>& to) {
  { set.size() } -> std::same_as<std::size_t>;
  set.read(v, to);
};

/// What a loader needs. `read` writes all elements, the same ones for the same visit, and may be called from another
/// thread. Sets with classes also have `int label(i)`. PyTorch: torch.utils.data.Dataset.
template <class D> concept DataSet = PairSet<D> || RecordSet<D>;

/// A data set whose samples have classes.
template <class D>
concept Classified = DataSet<D> && requires(const D& set, std::size_t i) {
  { set.label(i) } -> std::same_as<int>;
};

/// How a set made from another stores it: a temporary by value, any other by reference.
template <class Given> using Kept = std::conditional_t<std::is_lvalue_reference_v<Given>,
                                                       const std::remove_reference_t<Given>&, std::remove_cv_t<Given>>;

/// A sample or a batch of a set of pairs.
template <class Input, class Target> struct Pair {
  Input input;
  Target target;
};

/// The names of a set's sample types, for sets made from it; `Whole` is a sample of it as one struct.
template <class Set> struct SampleTypes {};
template <PairSet Set> struct SampleTypes<Set> {
  using Input = typename Set::Input;
  using Target = typename Set::Target;
  using Whole = Pair<Input, Target>;
};
template <RecordSet Set> struct SampleTypes<Set> {
  using Record = typename Set::Record;
  using Whole = Record;
};

}  // namespace sinter::data
