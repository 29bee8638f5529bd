// The contraction kernel, [batch…, M…, K…] × [batch…, N…, K…] → [batch…, M…, N…]: chooses how the products are summed,
// and adds prologue and epilogue.
//
// Nest order: batch loops, rows (M), columns (N), contracted axis (K); each of the last three may be several loops.
#pragma once
#include "contract_sizes.hpp"
#include "epilogue.hpp"
#include "products.hpp"
#include "prologue.hpp"
#include "sizes.hpp"
#include "streamed.hpp"
#include "widened.hpp"
#include "winograd.hpp"
#include "winograd_gradient.hpp"

namespace sinter::cpu {

/// Calls f(T()) with a type in which sums of products of a dtype are made. Integers with and without a sign have the
/// same: the bits are equal.
template <class F> constexpr decltype(auto) with_sum_type(Dtype d, F&& f) {
  return with_computed_type(d, [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>) return f(std::make_signed_t<T>());
    else return f(T());
  });
}

/// Scratch bytes of a contraction, whichever algorithm it uses.
constexpr std::int64_t pack_bytes(const ContractSizes& s) {
  // a shorter batch may use the products
  const std::int64_t products = with_sum_type(
      s.dtype, [&]<class T>(T) { return pack_bytes_of<T>(s.rows, s.columns, s.inner, s.in_panels, s.windows); });
  if (s.dtype != Dtype::float32) return products;
  if (s.convolution)
    return std::max(products, s.bounded ? WinogradPlan::most_bytes(s.convolution)
                                        : WinogradPlan::of(s.convolution).bytes(s.convolution.channels));
  if (s.gradient)
    return std::max(products, s.bounded ? WinogradGradientPlan::most_bytes(s.gradient)
                                        : WinogradGradientPlan::of(s.gradient).bytes(s.gradient));
  return products;
}

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

/// Whether a kernel that computes its right operand, but not its left one, runs row by row (streamed.hpp): there are
/// few rows, and they fit the scratch memory.
template <class T> constexpr bool is_streamed(std::int64_t rows, std::int64_t inner) {
  return rows <= skinny_rows && rows * inner <= Tile<T>::columns * std::min(inner, deepest_in_place);
}

template <class K> inline void contract(const std::int64_t* table, const Context& c) {
  constexpr int L = K::body.loops, P = K::body.pointers;
  using T = element_type<dtype_of_result<K>()>;
  const Arguments<L, P> a(table, c);
  const unsigned char right_form = compile::PointerBase::of(table[L + 2 + L]).form;
  const auto nest = [&](int p, int first, int last) {
    Nest n;
    for (int l = first; l < last; ++l) n.add(a.extent[l], a.stride[p][l]);
    return n;
  };
  const Nest rows = nest(0, contract_loops<K>.rows, contract_loops<K>.columns),
             columns = nest(1, contract_loops<K>.columns, contract_loops<K>.inner),
             left_inner = nest(0, contract_loops<K>.inner, L), right_inner = nest(1, contract_loops<K>.inner, L);
  for_each_point<K, 0, contract_loops<K>.rows>(
      a, Cursor<P>{a.address, a.origin}, 0, points(a, 0, contract_loops<K>.rows), [&](const Cursor<P>& w) {
        const Epilogue<K, T> epilogue{a, c, w};
        if constexpr (std::is_same_v<T, float> && L - contract_loops<K>.rows >= 6 && !computes_operands<K> &&
                      !widens_operands<K>) {
          const auto extent = [&](int l) { return a.extent[l]; };
          const auto left = [&](int l) { return a.stride[0][l]; };
          const auto right = [&](int l) { return a.stride[1][l]; };
          const auto conv = SquareConvolution::of(contract_loops<K>.rows, contract_loops<K>.columns,
                                                           contract_loops<K>.inner, L, extent, left, right, right_form);
          if (const WinogradPlan plan = conv ? WinogradPlan::of(conv) : WinogradPlan{}; plan.m > 0)
            return Winograd(plan, conv, reinterpret_cast<const float*>(w.address[0]),
                            reinterpret_cast<const float*>(w.address[1]), c.scratch, c.threads, &Epilogue<K, T>::finish,
                            &epilogue)
                .run();
          const auto gradient = SquareWeightGradient::of(contract_loops<K>.rows, contract_loops<K>.columns,
                                                                  contract_loops<K>.inner, L, extent, left, right);
          if (const WinogradGradientPlan plan = gradient ? WinogradGradientPlan::of(gradient) : WinogradGradientPlan{};
              plan.tiles > 0)
            return WinogradGradient(plan, gradient, reinterpret_cast<const float*>(w.address[0]),
                                    reinterpret_cast<const float*>(w.address[1]), c.scratch, c.threads,
                                    &Epilogue<K, T>::finish, &epilogue)
                .run();
        }
        if constexpr (Streamed<K, T>::possible)
          if (is_streamed<T>(rows.count(), left_inner.count()))
            return Streamed<K, T>{a, c, w, &Epilogue<K, T>::finish, &epilogue}.run(
                reinterpret_cast<const T*>(w.address[0]), rows, left_inner);
        typename Products<T>::Result result;
        if constexpr (constexpr int store = plain_store<K>();
                      store >= 0 && contract_loops<K>.columns - contract_loops<K>.rows == 1) {
          constexpr auto to = std::size_t(micro<K, store>.b);
          if (are_one_loop(a, to, contract_loops<K>.columns, contract_loops<K>.inner))
            result = {reinterpret_cast<T*>(w.address[to]), a.stride[to][contract_loops<K>.rows]};
        }
        const auto run = [&](const typename ProductOperand<T>::Fill left, const void* by_left,
                             const typename ProductOperand<T>::Fill right, const void* by_right) {
          Products<T>({reinterpret_cast<const T*>(w.address[0]), rows, left_inner, left, by_left},
                      {reinterpret_cast<const T*>(w.address[1]), columns, right_inner, right, by_right,
                       right_form == WeightForm::panels},
                      c.scratch, c.threads, &Epilogue<K, T>::finish, &epilogue, result)
              .run();
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
