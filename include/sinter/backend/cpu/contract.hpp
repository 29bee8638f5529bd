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

namespace sinter::inline SINTER_ABI::cpu {

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

/// How the steps of a kernel sum. Those that decide it by their lengths may do so in any way.
template <class K, class Step> constexpr SumsSet methods_of() {
  SumsSet set = any_sums;
  if constexpr (ConstantStep<Step>) set = set_of(ContractMethod::of(Fixed<K, Step>::method()).sums);
  else if constexpr (!std::is_void_v<Step>) set = SumsSet(Step::classes);
  return (set & set_of(ContractMethod::Sums::by_length)) != 0 ? any_sums : set;
}

/// The methods for which a kernel needs code: transforms are for convolutions whose operands are in memory as they are.
template <class K> constexpr SumsSet possible_sums() {
  using By = ContractMethod::Sums;
  const bool transforms = dtype_of_result<K>() == Dtype::float32 && !computes_operands<K> && !widens_operands<K> &&
                          K::body.loops - contract_loops<K>.rows >= 6;
  return transforms ? any_sums : any_sums & ~(set_of(By::winograd) | set_of(By::winograd_gradient));
}

/// What fills the panels of operand `Side`: a conversion, a prologue, or nothing where it is in memory as it is.
template <class K, class T, int Side, int P>
auto filler_of(const Arguments<K::body.loops, P>& a, const Context& c, const Cursor<P>& w, const Contraction<T>& m) {
  if constexpr (widens_operands<K>) {
    using S = element_type<dtype_of_operands<K>()>;
    return WidenedOperand<T, S>{reinterpret_cast<const S*>(w.address[Side]), Side == 0 ? m.rows : m.columns,
                                Side == 0 ? m.left_inner : m.right_inner};
  } else if constexpr (computed_operand<K, Side>() >= 0) {
    return Prologue<K, T, Side>{a, c, w};
  } else {
    return InMemory<T>{};
  }
}

template <class K, SumsSet Methods = any_sums> inline void contract(const std::int64_t* table, const Context& c) {
  using By = ContractMethod::Sums;
  constexpr int L = K::body.loops, P = K::body.pointers;
  using T = element_type<dtype_of_result<K>()>;
  const Arguments<L, P> a(table, c);
  static_assert(Methods == any_sums || (Methods & set_of(By::streamed)) == 0 || Streamed<K, T>::possible);
  Contraction<T> m{.at = contract_loops<K>,
                   .loops = {&a.extent[0], &a.stride[0][0], L},
                   .operands = {{computed_operand<K, 0>() >= 0, computed_operand<K, 1>() >= 0},
                                widens_operands<K>,
                                compile::TablePointer::of(table, L, 1).form()},
                   .scratch = c.scratch,
                   .threads = c.threads,
                   .finish = &Epilogue<K, T>::finish};
  read_loops<T>(m, ContractMethod::of(compile::TablePointer::of(table, L, 0).method()));
  for_each_point<K, 0, contract_loops<K>.rows>(
      a, Cursor<P>{a.address, a.origin}, 0, points(a, 0, contract_loops<K>.rows), [&](const Cursor<P>& w) {
        const Epilogue<K, T> epilogue{a, c, w};
        if constexpr (Streamed<K, T>::possible)
          if (sums_by<Methods, By::streamed>(m.method.sums))
            return Streamed<K, T>{a, c, w, &Epilogue<K, T>::finish, &epilogue}.run(
                reinterpret_cast<const T*>(w.address[0]), m.rows, m.left_inner);
        const auto left = filler_of<K, T, 0>(a, c, w, m);
        const auto right = filler_of<K, T, 1>(a, c, w, m);
        ContractionPoint<T> point{{w.address[0], w.address[1]}, {left.fill, right.fill}, {&left, &right}, &epilogue};
        if constexpr (constexpr int store = plain_store<K>();
                      store >= 0 && contract_loops<K>.columns - contract_loops<K>.rows == 1) {
          constexpr auto to = std::size_t(micro<K, store>.b);
          if (are_one_loop(a, to, contract_loops<K>.columns, contract_loops<K>.inner))
            point.result = {reinterpret_cast<T*>(w.address[to]), a.stride[to][contract_loops<K>.rows]};
        }
        sum_contraction<T, linked_methods<Methods & possible_sums<K>()>>(m, point);
      });
}

}  // namespace sinter::cpu
