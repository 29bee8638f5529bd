// Decides how a contraction is computed, [batch…, M…, K…] × [batch…, N…, K…] → [batch…, M…, N…].
//
// The form, which no length changes, is always decided where the step is emitted. The rest is too where rows, columns
// and the contracted axis have fixed lengths; a step with run-time lengths, or one that runs tile by tile, stores that
// its kernel has to ask `method_of` with the lengths of the run or the tile, so that a batch of one takes dot products
// and one of 64 takes tiles.
#pragma once
#include "../../compile/target.hpp"
#include "product.hpp"
#include "winograd_plan.hpp"

namespace sinter::inline SINTER_ABI::cpu {

namespace compile = internals::compile;

/// What of a contraction's operands the method depends on, in addition to loops and strides.
struct ContractOperands {
  bool computed[2]{};  ///< the left, the right one: a prologue computes it while it is packed
  bool widened = false;  ///< both are, to the type of the sums
  unsigned char right_form = WeightForm::strided;

  static constexpr ContractOperands of(const compile::StepView& s, const compile::KernelFacts& f) {
    return {{f.computed[0], f.computed[1]}, f.widens, s.form(1)};
  }
};

/// Calls f(T()) with a type in which sums of products of a dtype are made. Integers with and without a sign have the
/// same: the bits are equal.
template <class F> constexpr decltype(auto) with_sum_type(Dtype d, F&& f) {
  return with_computed_type(d, [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>) return f(std::make_signed_t<T>());
    else return f(T());
  });
}

/// Loops [first, last) of pointer p. `Loops` has extent(l), and stride(p, l) in elements.
template <class Loops> constexpr Nest nest_of(const Loops& s, int p, int first, int last) {
  Nest n;
  for (int l = first; l < last; ++l) n.add(s.extent(l), s.stride(p, l));
  return n;
}

/// What a contraction's tag says that it is, where transforms can read its loops; else a product.
constexpr ContractMethod::Form form_of(const compile::StepView& s, const compile::KernelFacts& f) {
  using enum ContractMethod::Form;
  const ContractMethod::Form form = f.fills() ? product : ContractTag::of(f.tag).form;
  const bool fits = form == convolution       ? SquareConvolution::fits(s, f)
                    : form == weight_gradient ? SquareWeightGradient::fits(s, f)
                                              : false;
  return fits ? form : product;
}

/// Up to so many rows, a right operand that is computed is streamed row by row (streamed.hpp): they fit the scratch
/// memory.
template <class T> constexpr bool is_streamed(std::int64_t rows, std::int64_t inner) {
  return rows <= skinny_rows && rows * inner <= Tile<T>::columns * std::min(inner, deepest_in_place);
}

/// How a contraction of this form is computed at these lengths. `T`: of the sums.
template <class T, class Loops> constexpr ContractMethod method_of(ContractMethod::Form form,
                                                                   const compile::ContractLoops& at, int loops,
                                                                   const Loops& s, const ContractOperands& o) {
  using enum ContractMethod::Sums;
  const ProductLines left{nest_of(s, 0, at.rows, at.columns), nest_of(s, 0, at.inner, loops),
                          o.computed[0] || o.widened},
      right{nest_of(s, 1, at.columns, at.inner), nest_of(s, 1, at.inner, loops), o.computed[1] || o.widened,
            o.right_form == WeightForm::panels};
  ContractMethod m = ProductMethod<T>::of(left, right);
  m.form = form;
  if (form == ContractMethod::Form::convolution) {
    m.results_a_tile = results_a_tile(SquareConvolution::of(at, loops, s, o.right_form));
    if (m.results_a_tile > 0) m.sums = winograd;
  } else if (form == ContractMethod::Form::weight_gradient) {
    if (WinogradGradientPlan::pays(SquareWeightGradient::of(at, loops, s))) m.sums = winograd_gradient;
  } else if (o.computed[1] && !o.computed[0] && loops - at.inner == 1 && at.inner - at.columns == 1 &&
             is_streamed<T>(left.lines.count(), left.inner.count())) {
    m.sums = streamed;
  }
  return m;
}
/// The same of a step, at the capacity of its lengths.
constexpr ContractMethod method_at_capacity(ContractMethod::Form form, const compile::StepView& s,
                                            const compile::KernelFacts& f) {
  return with_sum_type(f.dtype, [&]<class T>(T) {
    return method_of<T>(form, s.contract_loops(), s.loops(), s, ContractOperands::of(s, f));
  });
}

/// How a step is computed. `Transforms`: convolutions may use Winograd's.
template <bool Transforms>
constexpr ContractMethod choose(const compile::StepView& s, const compile::KernelFacts& f) {
  ContractMethod m;
  if (Transforms && f.dtype == Dtype::float32) m.form = form_of(s, f);
  bool varies = false;
  for (int l = s.contract_loops().rows; l < s.loops(); ++l) varies = varies || s.varies(l);
  return varies ? m : method_at_capacity(m.form, s, f);
}

}  // namespace sinter::cpu
