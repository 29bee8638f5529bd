// Two data sets as one.
#pragma once
#include "dataset.hpp"

namespace sinter::inline SINTER_ABI::data {

// undefined: the name is the error
template <class First, class Second> struct concatenated_sets_need_samples_of_one_type;

/// The samples of one set, then those of another; made by `concatenated`.
template <class A, class B> class Concatenation : public SampleTypes<std::remove_cvref_t<A>> {
  using First = std::remove_cvref_t<A>;
  using Second = std::remove_cvref_t<B>;

 public:
  template <class X, class Y> Concatenation(X&& first, Y&& second)
      : first_(std::forward<X>(first)), second_(std::forward<Y>(second)) {}

  std::size_t size() const { return first_.size() + second_.size(); }
  template <class... To> requires requires(const First& set, Visit v, const To&... to) { set.read(v, to...); }
  void read(Visit v, const To&... to) const {
    const std::size_t n = first_.size();
    if (v.index < n) first_.read(v, to...);
    else second_.read({v.index - n, v.epoch}, to...);
  }
  int label(std::size_t i) const requires(Classified<First>&& Classified<Second>) {
    return i < first_.size() ? first_.label(i) : second_.label(i - first_.size());
  }

 private:
  A first_;
  B second_;
};

/// The samples of `a`, then those of `b`; sets that are not temporaries must outlive the result. Their samples have the
/// same tensor types. PyTorch: torch.utils.data.ConcatDataset.
template <class A, class B>
requires(DataSet<std::remove_cvref_t<A>>&& DataSet<std::remove_cvref_t<B>>) auto concatenated(A&& a, B&& b) {
  using First = typename SampleTypes<std::remove_cvref_t<A>>::Whole;
  using Second = typename SampleTypes<std::remove_cvref_t<B>>::Whole;
  if constexpr (std::is_same_v<First, Second>)
    return Concatenation<Kept<A>, Kept<B>>(std::forward<A>(a), std::forward<B>(b));
  else return concatenated_sets_need_samples_of_one_type<First, Second>{};
}

}  // namespace sinter::data
