// Sums the products of contractions by the method of their step.
#pragma once
#include "contraction.hpp"
#include "products.hpp"
#include "winograd.hpp"
#include "winograd_gradient.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T, class> void read_loops(Contraction<T>& c, ContractMethod stored) {
  const int loops = c.loops.loops;
  c.method = stored.sums == ContractMethod::Sums::by_length
                 ? method_of<T>(stored.form, c.at, loops, c.loops, c.operands)
                 : stored;
  c.rows = nest_of(c.loops, 0, c.at.rows, c.at.columns), c.columns = nest_of(c.loops, 1, c.at.columns, c.at.inner);
  c.left_inner = nest_of(c.loops, 0, c.at.inner, loops), c.right_inner = nest_of(c.loops, 1, c.at.inner, loops);
}

template <class T, SumsSet Methods, class>
void sum_contraction(const Contraction<T>& c, const ContractionPoint<T>& p) {
  using By = ContractMethod::Sums;
  const auto* const left = static_cast<const T*>(p.address[0]);
  const auto* const right = static_cast<const T*>(p.address[1]);
  if constexpr (std::is_same_v<T, float>) {
    if (sums_by<Methods, By::winograd>(c.method.sums)) {
      const auto conv = SquareConvolution::of(c.at, c.loops.loops, c.loops, c.operands.right_form);
      return convolve<>({WinogradPlan::of(conv, c.method.results_a_tile), conv, left, right, c.scratch, c.threads,
                         c.finish, p.context});
    }
    if (sums_by<Methods, By::winograd_gradient>(c.method.sums)) {
      const auto gradient = SquareWeightGradient::of(c.at, c.loops.loops, c.loops);
      return sum_gradient<>({WinogradGradientPlan::of(gradient), gradient, left, right, c.scratch, c.threads, c.finish,
                             p.context});
    }
  }
  sum_products<T, Methods>({{left, c.rows, c.left_inner, p.fill[0], p.filler[0]},
                            {right, c.columns, c.right_inner, p.fill[1], p.filler[1],
                             c.operands.right_form == WeightForm::panels},
                            c.method,
                            c.scratch,
                            c.threads,
                            c.finish,
                            p.context,
                            p.result});
}

}  // namespace sinter::cpu
