// The contraction kernel, [batch…, M…, K…] × [batch…, N…, K…] → [batch…, M…, N…]: chooses how the products are summed,
// and adds prologue and epilogue.
//
// Nest order: batch loops, rows (M), columns (N), contracted axis (K); each of the last three may be several loops.
#pragma once
#include "contract_sizes.hpp"
#include "epilogue.hpp"
#include "fixed.hpp"
#include "kernels.hpp"
#include "prologue.hpp"
#include "sizes.hpp"
#include "streamed.hpp"
#include "widened.hpp"

namespace sinter::cpu {

template <class K> constexpr Dtype dtype_of_result() {
  for (const Micro& m : K::body.micros)
    if (m.what == Micro::What::result) return m.dtype;
  return Dtype::float32;
}

template <class K> constexpr Dtype dtype_of_operands() {
  for (const Micro& m : K::body.micros)
    if (m.what == Micro::What::result) return compile::operands_of(m);
  return Dtype::float32;
}
/// Whether a kernel sums in a wider type than that of its operands in memory.
template <class K> inline constexpr bool widens_operands = dtype_of_operands<K>() != dtype_of_result<K>();

/// The store of a kernel without any other epilogue, with contiguous columns; else −1.
template <class K> constexpr int plain_store() {
  int result = -1, store = -1;
  for (int j = 0; j < micros<K>; ++j) {
    const Micro& m = K::body.micros[j];
    if (m.side != 0) continue;
    if (m.what == Micro::What::result) result = j;
    else if (m.what == Micro::What::store && store < 0 && m.a == result && m.unit == 1 &&
             m.dtype == dtype_of_result<K>())
      store = j;
    else return -1;
  }
  return store;
}

// nvcc reads no constant of a function inside a lambda
template <class K> inline constexpr compile::ContractLoops contract_loops = compile::ContractLoops::of(K::body);

/// The loops of a step as `method_of` reads them.
template <int L, int P> struct ArgumentLoops {
  const Arguments<L, P>& of;
  std::int64_t extent(int l) const { return of.extent[l]; }
  std::int64_t stride(int p, int l) const { return of.stride[p][l]; }
};

/// The same for all numbers of loops and pointers: the method of a step that decides it by the lengths of its run.
struct AnyLoops {
  const std::int64_t *extents, *strides;  ///< strides: those of a pointer together
  int loops;
  std::int64_t extent(int l) const { return extents[l]; }
  std::int64_t stride(int p, int l) const { return strides[p * loops + l]; }
};
template <class T>
SINTER_COLD ContractMethod method_by_length(ContractMethod::Form form, const compile::ContractLoops& at,
                                            const AnyLoops& loops, const ContractOperands& operands) {
  return method_of<T>(form, at, loops.loops, loops, operands);
}

/// How the steps of a kernel sum. Those that decide it by their lengths may do so in any way.
template <class K, class Step> constexpr SumsSet methods_of() {
  SumsSet set = any_sums;
  if constexpr (ConstantStep<Step>) set = set_of(ContractMethod::of(Fixed<K, Step>::method()).sums);
  else if constexpr (!std::is_void_v<Step>) set = SumsSet(Step::classes);
  return (set & set_of(ContractMethod::Sums::by_length)) != 0 ? any_sums : set;
}

template <class K, SumsSet Methods = any_sums> inline void contract(const std::int64_t* table, const Context& c) {
  using By = ContractMethod::Sums;
  constexpr int L = K::body.loops, P = K::body.pointers;
  using T = element_type<dtype_of_result<K>()>;
  const Arguments<L, P> a(table, c);
  const ArgumentLoops<L, P> loops{a};
  constexpr compile::ContractLoops at = contract_loops<K>;
  static_assert(Methods == any_sums || (Methods & set_of(By::streamed)) == 0 || Streamed<K, T>::possible);
  const ContractOperands operands{{computed_operand<K, 0>() >= 0, computed_operand<K, 1>() >= 0},
                                  widens_operands<K>,
                                  compile::TablePointer::of(table, L, 1).form()};
  ContractMethod method = ContractMethod::of(compile::TablePointer::of(table, L, 0).method());
  if (sums_by<Methods, By::by_length>(method.sums))
    method = method_by_length<T>(method.form, at, {&a.extent[0], &a.stride[0][0], L}, operands);
  const Nest rows = nest_of(loops, 0, at.rows, at.columns), columns = nest_of(loops, 1, at.columns, at.inner),
             left_inner = nest_of(loops, 0, at.inner, L), right_inner = nest_of(loops, 1, at.inner, L);
  for_each_point<K, 0, contract_loops<K>.rows>(
      a, Cursor<P>{a.address, a.origin}, 0, points(a, 0, contract_loops<K>.rows), [&](const Cursor<P>& w) {
        const Epilogue<K, T> epilogue{a, c, w};
        if constexpr (std::is_same_v<T, float> && L - contract_loops<K>.rows >= 6 && !computes_operands<K> &&
                      !widens_operands<K>) {
          if (sums_by<Methods, By::winograd>(method.sums)) {
            const auto conv = SquareConvolution::of(contract_loops<K>, L, loops, operands.right_form);
            return convolve<>({WinogradPlan::of(conv, method.results_a_tile), conv,
                               reinterpret_cast<const float*>(w.address[0]),
                               reinterpret_cast<const float*>(w.address[1]), c.scratch, c.threads,
                               &Epilogue<K, T>::finish, &epilogue});
          }
          if (sums_by<Methods, By::winograd_gradient>(method.sums)) {
            const auto gradient = SquareWeightGradient::of(contract_loops<K>, L, loops);
            return sum_gradient<>({WinogradGradientPlan::of(gradient), gradient,
                                   reinterpret_cast<const float*>(w.address[0]),
                                   reinterpret_cast<const float*>(w.address[1]), c.scratch, c.threads,
                                   &Epilogue<K, T>::finish, &epilogue});
          }
        }
        if constexpr (Streamed<K, T>::possible)
          if (sums_by<Methods, By::streamed>(method.sums))
            return Streamed<K, T>{a, c, w, &Epilogue<K, T>::finish, &epilogue}.run(
                reinterpret_cast<const T*>(w.address[0]), rows, left_inner);
        ProductResult<T> result;
        if constexpr (constexpr int store = plain_store<K>();
                      store >= 0 && contract_loops<K>.columns - contract_loops<K>.rows == 1) {
          constexpr auto to = std::size_t(micro<K, store>.b);
          if (are_one_loop(a, to, contract_loops<K>.columns, contract_loops<K>.inner))
            result = {reinterpret_cast<T*>(w.address[to]), a.stride[to][contract_loops<K>.rows]};
        }
        const auto run = [&](const typename ProductOperand<T>::Fill left, const void* by_left,
                             const typename ProductOperand<T>::Fill right, const void* by_right) {
          sum_products<T, linked_methods<Methods>>(
              {{reinterpret_cast<const T*>(w.address[0]), rows, left_inner, left, by_left},
               {reinterpret_cast<const T*>(w.address[1]), columns, right_inner, right, by_right,
                operands.right_form == WeightForm::panels},
               method,
               c.scratch,
               c.threads,
               &Epilogue<K, T>::finish,
               &epilogue,
               result});
        };
        if constexpr (widens_operands<K>) {
          using S = element_type<dtype_of_operands<K>()>;
          const WidenedOperand<T, S> left{reinterpret_cast<const S*>(w.address[0]), rows, left_inner},
              right{reinterpret_cast<const S*>(w.address[1]), columns, right_inner};
          return run(&left.fill, &left, &right.fill, &right);
        }
        const auto run_left = [&](const typename ProductOperand<T>::Fill left, const void* by_left) {
          if constexpr (computed_operand<K, 1>() >= 0) {
            const Prologue<K, T, 1> right{a, c, w};
            run(left, by_left, &Prologue<K, T, 1>::fill, &right);
          } else {
            run(left, by_left, nullptr, nullptr);
          }
        };
        if constexpr (computed_operand<K, 0>() >= 0) {
          const Prologue<K, T, 0> left{a, c, w};
          run_left(&Prologue<K, T, 0>::fill, &left);
        } else {
          run_left(nullptr, nullptr);
        }
      });
}

}  // namespace sinter::cpu
