// Which form of a kernel runs a step, and why: for profiles.
#pragma once
#include <string>

#include "../../compile/steps.hpp"
#include "contract.hpp"

namespace sinter::inline SINTER_ABI::cpu {

namespace variant_detail {

inline std::string by(std::int64_t a, std::int64_t b) { return std::to_string(a) + "x" + std::to_string(b); }

/// The loops of a step as `method_of` reads them.
struct ReportLoops {
  const compile::StepReport& of;
  std::int64_t extent(int l) const { return of.extent[std::size_t(l)]; }
  std::int64_t stride(int p, int l) const { return of.access[std::size_t(p)].stride[std::size_t(l)]; }
};

/// The Winograd algorithm that replaces the products, "" for none.
inline std::string winograd(const ContractMethod& method, const ReportLoops& s, const compile::ContractLoops& at,
                            int loops, unsigned char form) {
  const auto named = [](int m, std::int64_t taps) {
    return ", Winograd's F(" + by(m, m) + ", " + by(taps, taps) + ")";
  };
  if (method.sums == ContractMethod::Sums::winograd) {
    const auto conv = SquareConvolution::of(at, loops, s, form);
    return named(method.results_a_tile, conv.taps) +
           (conv.transformed_for > 0 ? " of weights transformed in advance" : "");
  }
  if (method.sums == ContractMethod::Sums::winograd_gradient) {
    const auto gradient = SquareWeightGradient::of(at, loops, s);
    return named(WinogradGradientPlan::tile_of(gradient), gradient.taps) + " transposed" +
           (WinogradGradientPlan::of(gradient).parts > 1 ? ", the sum in chunks" : "");
  }
  return {};
}

/// How a product differs from tile by tile over the whole contracted axis.
template <class T> const char* form_of(const ProductPlan<T>& p) {
  using Sums = ContractMethod::Sums;
  return p.sums == Sums::dots      ? ", dot products"
         : p.sums == Sums::streams ? ", streamed"
         : p.chunks > 1            ? (p.swapped ? ", operands swapped, the sum in chunks" : ", the sum in chunks")
         : p.swapped               ? ", operands swapped"
                                   : "";
}

template <class T> std::string contraction(const compile::StepReport& s, const compile::RunTimeBody& b) {
  const auto at = compile::ContractLoops::of(b);
  const ReportLoops loops{s};
  ContractOperands operands{.right_form = s.access[1].form};
  for (const compile::Micro& m : b.micros) {
    if (m.what == compile::Micro::What::operand) operands.computed[m.b] = true;
    if (m.what == compile::Micro::What::result) operands.widened = compile::operands_of(m) != m.dtype;
  }
  const bool* const computed = operands.computed;
  ContractMethod method = ContractMethod::of(s.access[0].method);
  if (method.sums == ContractMethod::Sums::by_length) method = method_of<T>(method.form, at, b.loops, loops, operands);
  const Nest rows = nest_of(loops, 0, at.rows, at.columns), columns = nest_of(loops, 1, at.columns, at.inner),
             left = nest_of(loops, 0, at.inner, b.loops), right = nest_of(loops, 1, at.inner, b.loops);
  const ProductPlan<T> p(method, {rows, left, computed[0]},
                         {columns, right, computed[1], s.access[1].form == WeightForm::panels});
  std::int64_t batch = 1;
  for (int l = 0; l < at.rows; ++l) batch *= loops.extent(l);
  const std::string size = (batch > 1 ? std::to_string(batch) + " of " : std::string()) +
                           by(rows.count(), columns.count()) + "x" + std::to_string(left.count());
  if (operands.widened) return size + ", operands packed with cast";
  if (const std::string form = winograd(method, loops, at, b.loops, s.access[1].form); !form.empty())
    return size + form;
  const auto way = [&](int side, const char* read) {
    return !computed[side] ? std::string(read)
                           : (method.sums == ContractMethod::Sums::streamed ? "streamed with " : "packed with ") +
                                 (s.computed[side].empty() ? "copy" : s.computed[side]);
  };
  const char* const form = computed[0] || computed[1] ? "" : form_of(p);
  const char* const first = p.is_skinny() || p.left_in_place ? "in place" : "packed";
  const char* const second = p.in_panels ? "in panels" : p.is_skinny() || p.right_in_place ? "in place" : "packed";
  return size + ", left " + way(0, p.swapped ? second : first) + ", right " + way(1, p.swapped ? first : second) +
         form +
         (form[0] == 0 && p.block.inner < left.count() ? ", cut into depths of " + std::to_string(p.block.inner)
                                                       : std::string());
}

/// How many of a step's tensors have a stride other than 0 or 1 along a loop.
inline int strided(const compile::StepReport& s, std::size_t loop) {
  int n = 0;
  for (const compile::Access& a : s.access) n += a.base >= 0 && a.stride[loop] != 0 && a.stride[loop] != 1 ? 1 : 0;
  return n;
}

}  // namespace variant_detail

/// "14 of 128x32x128, left packed, right in place", "64x1024, 16 lanes along the row, 3 passes".
inline std::string variant(const compile::StepReport& s, const compile::RunTimeBody& b) {
  using namespace variant_detail;
  if (s.extent.empty()) return "one element";
  if (is_own_kernel(b.kind)) {
    std::string all;
    for (const std::int64_t n : s.extent) all += (all.empty() ? "" : "x") + std::to_string(n);
    return all;
  }
  std::int64_t outer = 1;
  for (std::size_t l = 0; l + 1 < s.extent.size(); ++l) outer *= s.extent[l];
  const std::string extents = by(outer, s.extent.back());
  const int separate = strided(s, s.extent.size() - 1);
  const std::string gathered = separate > 0 ? ", " + std::to_string(separate) + " strided" : std::string();
  switch (b.kind) {
    case compile::KernelKind::contract:
      return with_sum_type(s.dtype, [&]<class T>(T) { return contraction<T>(s, b); });
    case compile::KernelKind::row: {
      std::int64_t kept = 1, folded = 1;
      for (int l = 0; l < b.loops; ++l) ((b.folded >> l & 1) != 0 ? folded : kept) *= s.extent[std::size_t(l)];
      const bool along = (b.folded >> (b.loops - 1) & 1) != 0;
      return by(kept, folded) + ", " + std::to_string(lanes) + " lanes " + (along ? "along the row" : "across rows") +
             gathered + ", " + std::to_string(b.passes) + (b.passes == 1 ? " pass" : " passes");
    }
    case compile::KernelKind::scatter: return extents + ", in order";
    case compile::KernelKind::map: return extents + ", " + std::to_string(lanes) + " lanes" + gathered;
    default: return extents;
  }
}

}  // namespace sinter::cpu
