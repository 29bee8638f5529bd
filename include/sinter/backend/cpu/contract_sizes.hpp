// The sizes of a contraction that its scratch memory depends on.
#pragma once
#include "../../compile/target.hpp"
#include "lowering/square_convolution.hpp"

namespace sinter::cpu {

namespace compile = internals::compile;

/// Extents are at capacity.
struct ContractSizes {
  Dtype dtype = Dtype::float32;
  std::int64_t rows = 1, columns = 1, inner = 1;
  SquareConvolution convolution;
  SquareWeightGradient gradient;
  bool bounded = false;    ///< some may be shorter at run time
  bool in_panels = false;  ///< its weights were packed in advance
  bool windows = false;    ///< its columns are several loops

  static constexpr ContractSizes of(const compile::StepView& s, const compile::ScratchFacts& f) {
    ContractSizes sizes;
    sizes.dtype = f.dtype;
    const compile::ContractLoops at = s.contract_loops();
    const int n = s.loops();
    for (int l = at.rows; l < n; ++l)
      (l >= at.inner ? sizes.inner : l < at.columns ? sizes.rows : sizes.columns) *= s.extent(l);
    for (int l = 0; l < n; ++l) sizes.bounded = sizes.bounded || s.varies(l);
    sizes.in_panels = s.form(1) != WeightForm::strided;
    sizes.windows = at.inner - at.columns > 1;
    if (f.fills) return sizes;
    const auto extent = [&](int l) { return s.extent(l); };
    const auto left = [&](int l) { return s.stride(0, l); };
    const auto right = [&](int l) { return s.stride(1, l); };
    sizes.convolution = SquareConvolution::of(at.rows, at.columns, at.inner, n, extent, left, right, s.form(1));
    sizes.gradient = SquareWeightGradient::of(at.rows, at.columns, at.inner, n, extent, left, right);
    return sizes;
  }
};

}  // namespace sinter::cpu
