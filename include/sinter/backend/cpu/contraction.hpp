// What the kernels of contractions have in common: loops as numbers, matrices as nests of loops, and the way to the
// code that sums their products. Kernels add prologue and epilogue (contract.hpp).
#pragma once
#include "choose.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Loops and strides of a step, for all numbers of loops and pointers.
struct AnyLoops {
  const std::int64_t *extents, *strides;  ///< strides: those of a pointer together
  int loops;
  std::int64_t extent(int l) const { return extents[l]; }
  std::int64_t stride(int p, int l) const { return strides[p * loops + l]; }
};

/// The matrices of a step: [M, K] × [N, K] → [M, N] at every point of its batch loops. `T`: of the sums.
template <class T> struct Contraction {
  compile::ContractLoops at;
  AnyLoops loops;
  ContractOperands operands;
  std::byte* scratch;
  int threads;
  FinishTile<T> finish;

  ContractMethod method{};
  Nest rows{}, columns{}, left_inner{}, right_inner{};
};
/// At one point of the batch loops.
template <class T> struct ContractionPoint {
  const void* address[2];
  typename ProductOperand<T>::Fill fill[2];  ///< of operands that are computed while they are packed
  const void* filler[2];
  const void* context;  ///< of the epilogue
  ProductResult<T> result{};
};

/// Sets the method, which may depend on the lengths of the run, and the nests.
template <class T, class = Instance> SINTER_OUTLINE void read_loops(Contraction<T>& contraction, ContractMethod stored);
/// Sums the products. `Methods`: how; code for others is not compiled.
template <class T, SumsSet Methods = any_sums, class = Instance>
SINTER_OUTLINE void sum_contraction(const Contraction<T>& contraction, const ContractionPoint<T>& point);

}  // namespace sinter::cpu
