// Convolutions and their gradients by plain loops in double precision: what a backend without forms of its own runs.
#pragma once
#include "../geometry.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// The tensors of a convolution: image [N, C, spatial…], weight [O, C / groups, kernel…], sums [N, O, windows…].
/// Each is computed from the two others: Σ image · weight · sums is linear in all three, and its derivatives are the
/// convolution and its gradients.
enum class ConvolutionTensor : unsigned char { image, weight, sums };

/// Operand i of what computes `result`.
constexpr ConvolutionTensor convolution_operand(ConvolutionTensor result, int i) {
  using enum ConvolutionTensor;
  return i == 0 ? (result == sums ? image : sums) : result == weight ? image : weight;
}

class PlainConvolution {
  using enum ConvolutionTensor;

 public:
  PlainConvolution(const graph::Elements& e, ConvolutionTensor result)
      : e_(e), g_(Geometry::of(e.attributes)), result_(result) {
    for (int i = 0; i < 2; ++i) number_[int(convolution_operand(result, i))] = i;
    number_[int(result)] = 2;
    images_ = length(result == weight ? sums : convolution_operand(result, 0), 0);
    filters_ = length(result == sums ? weight : sums, result == sums ? 0 : 1);
    channels_ = result == weight ? length(image, 1) / g_.groups : length(weight, 1);
    for (int i = 0; i < g_.axes; ++i) {
      spatial_[i] = length(image, 2 + i);
      kernel_[i] = length(weight, 2 + i);
      windows_[i] = length(sums, 2 + i);
    }
  }

  void run() { over_lead(0); }

 private:
  std::int64_t length(ConvolutionTensor t, int axis) const { return e_.length(number_[int(t)], g_.lead + axis); }

  void over_lead(int axis) {
    if (axis == g_.lead) return compute();
    for (lead_[axis] = 0; lead_[axis] < e_.length(0, axis); ++lead_[axis]) over_lead(axis + 1);
  }
  /// Calls f() for each index within the extents.
  template <class F> void over(std::int64_t* index, const std::int64_t* extent, const F& f, int axis = 0) {
    if (axis == g_.axes) return f();
    for (index[axis] = 0; index[axis] < extent[axis]; ++index[axis]) over(index, extent, f, axis + 1);
  }
  template <class F> static void over(std::int64_t& index, std::int64_t end, const F& f) {
    for (index = 0; index < end; ++index) f();
  }

  void compute() {
    const std::int64_t filters_a_group = filters_ / g_.groups;
    if (result_ == sums) {
      over(n_, images_, [&] { over(o_, filters_, [&] { over(at_, windows_, [&] {
        double sum = 0;
        over(c_, channels_, [&] { over(k_, kernel_, [&] {
          sum += (find_position() ? get(image) : 0) * get(weight);
        }); });
        set(sum);
      }); }); });
    } else if (result_ == weight) {
      over(o_, filters_, [&] { over(c_, channels_, [&] { over(k_, kernel_, [&] {
        double sum = 0;
        over(n_, images_, [&] { over(at_, windows_, [&] {
          sum += (find_position() ? get(image) : 0) * get(sums);
        }); });
        set(sum);
      }); }); });
    } else {
      for (std::int64_t group = 0; group < g_.groups; ++group)
        over(n_, images_, [&] { over(c_, channels_, [&] { over(position_, spatial_, [&] {
          double sum = 0;
          o_ = group * filters_a_group;
          const std::int64_t end = o_ + filters_a_group;
          for (; o_ < end; ++o_)
            over(k_, kernel_, [&] {
              if (find_window()) sum += get(sums) * get(weight);
            });
          o_ = group * filters_a_group;  // says which group
          set(sum);
        }); }); });
    }
  }
  /// The position in the image that element k of a window is at; false in its borders, which are zeros that take part:
  /// with a weight that is infinite they give NaN.
  bool find_position() {
    for (int i = 0; i < g_.axes; ++i) {
      position_[i] = at_[i] * g_.stride[i] - g_.before[i] + k_[i] * g_.dilation[i];
      if (position_[i] < 0 || position_[i] >= spatial_[i]) return false;
    }
    return true;
  }
  /// The window whose element k is at a position of the image, if there is one.
  bool find_window() {
    for (int i = 0; i < g_.axes; ++i) {
      const std::int64_t first = position_[i] + g_.before[i] - k_[i] * g_.dilation[i];
      at_[i] = first / g_.stride[i];
      if (first < 0 || first % g_.stride[i] != 0 || at_[i] >= windows_[i]) return false;
    }
    return true;
  }
  const std::int64_t* index(ConvolutionTensor t) {
    std::int64_t* to = index_;
    for (int i = 0; i < g_.lead; ++i) *to++ = lead_[i];
    *to++ = t == weight ? o_ : n_;
    *to++ = t == weight ? c_ : t == sums ? o_ : o_ / (filters_ / g_.groups) * channels_ + c_;
    for (int i = 0; i < g_.axes; ++i) *to++ = t == weight ? k_[i] : t == sums ? at_[i] : position_[i];
    return index_;
  }
  double get(ConvolutionTensor t) { return e_.get(number_[int(t)], index(t)); }
  void set(double x) { e_.set(index(result_), x); }

  const graph::Elements& e_;
  Geometry g_;
  ConvolutionTensor result_;
  int number_[3]{};
  std::int64_t images_ = 0, filters_ = 0, channels_ = 0;  ///< channels of one group
  std::int64_t spatial_[3]{}, kernel_[3]{}, windows_[3]{};
  std::int64_t n_ = 0, o_ = 0, c_ = 0, position_[3]{}, k_[3]{}, at_[3]{}, lead_[Shape::max_rank]{};
  std::int64_t index_[Shape::max_rank]{};
};

}  // namespace sinter::ops
