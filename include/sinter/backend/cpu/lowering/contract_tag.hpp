// What a CPU's lowering says of a contraction that it writes for a convolution or for the gradient of its weights: the
// contraction's tag (ops/contract.hpp). choose.hpp asks it; nothing looks for windows among strides.
#pragma once
#include "../../../compile/program/table.hpp"
#include "../../../ops/geometry.hpp"
#include "../method.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Windows that slide by as much as their elements are apart, stride = dilation: a step from one position to the next
/// and one from an element of the window to the next are the same in the image. Others are a product like any, without
/// a tag.
struct ContractTag {
  ContractMethod::Form form = ContractMethod::Form::product;
  int axes = 0;  ///< along which windows slide: the last axes of their positions, and those of their elements

  constexpr std::int64_t packed() const { return int(form) | axes << 2; }
  static constexpr ContractTag of(std::int64_t packed) {
    return {ContractMethod::Form(packed & 3), int(packed >> 2)};
  }
  /// Of a contraction with these windows; `weight`: [O, C, kernel…].
  static constexpr ContractTag of(ContractMethod::Form form, const Shape& weight, const ops::Geometry& g) {
    for (int i = 0; i < g.axes; ++i)
      if (weight[2 + i] > 1 && g.stride[i] != g.dilation[i]) return {};
    return {form, g.axes};
  }
};

/// Whether one loop of a tagged contraction runs over the positions of windows, and the other over the elements of a
/// window, along the same axis.
constexpr bool slides_along(const internals::compile::KernelFacts& f, int positions, int elements) {
  const int axis = f.axis(positions);
  return axis > 0 && axis <= ContractTag::of(f.tag).axes && axis == f.axis(elements);
}

}  // namespace sinter::cpu
