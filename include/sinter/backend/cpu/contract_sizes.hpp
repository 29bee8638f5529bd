// The sizes of a contraction that its scratch memory and its tiles depend on.
#pragma once
#include "choose.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Extents are at capacity.
struct ContractSizes {
  Dtype dtype = Dtype::float32;
  std::int64_t rows = 1, columns = 1, inner = 1;
  ContractMethod method;
  SquareConvolution convolution;  ///< where its method is by transforms
  SquareWeightGradient gradient;
  bool bounded = false;    ///< some may be shorter at run time
  bool in_panels = false;  ///< its weights were packed in advance
  bool windows = false;    ///< its columns are several loops

  static constexpr ContractSizes of(const compile::StepView& s, const compile::KernelFacts& f) {
    ContractSizes sizes;
    sizes.dtype = f.dtype;
    const compile::ContractLoops at = s.contract_loops();
    const int n = s.loops();
    for (int l = at.rows; l < n; ++l)
      (l >= at.inner ? sizes.inner : l < at.columns ? sizes.rows : sizes.columns) *= s.extent(l);
    for (int l = 0; l < n; ++l) sizes.bounded = sizes.bounded || s.varies(l);
    sizes.in_panels = s.form(1) != WeightForm::strided;
    sizes.windows = at.inner - at.columns > 1;
    sizes.method = ContractMethod::of(s.method());
    if (sizes.bounded) sizes.method = method_at_capacity(sizes.method.form, s, f);
    if (sizes.method.sums == ContractMethod::Sums::winograd)
      sizes.convolution = SquareConvolution::of(at, n, s, s.form(1));
    if (sizes.method.sums == ContractMethod::Sums::winograd_gradient)
      sizes.gradient = SquareWeightGradient::of(at, n, s);
    return sizes;
  }
};

/// Scratch bytes of a contraction, whichever algorithm it uses.
constexpr std::int64_t pack_bytes(const ContractSizes& s) {
  // a shorter batch may use the products
  const std::int64_t products = with_sum_type(
      s.dtype, [&]<class T>(T) { return pack_bytes_of<T>(s.rows, s.columns, s.inner, s.in_panels, s.windows); });
  const int m = s.method.results_a_tile;
  if (s.method.sums == ContractMethod::Sums::winograd)
    return std::max(products, s.bounded ? WinogradPlan::most_bytes(s.convolution, m)
                                        : WinogradPlan::of(s.convolution, m).bytes(s.convolution.channels));
  if (s.method.sums == ContractMethod::Sums::winograd_gradient)
    return std::max(products, s.bounded ? WinogradGradientPlan::most_bytes(s.gradient)
                                        : WinogradGradientPlan::of(s.gradient).bytes(s.gradient));
  return products;
}

}  // namespace sinter::cpu
