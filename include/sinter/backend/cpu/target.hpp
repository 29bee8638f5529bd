// What the compiler's passes ask of a CPU (compile/target.hpp).
#pragma once
#include "contract.hpp"
#include "kernels.hpp"
#include "lowering/expansion.hpp"
#include "lowering/weights.hpp"
#include "small.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Primitives of the library that have custom kernels here; a user's says itself what it needs.
template <class... Ops> struct CustomKernels {
  static constexpr std::int64_t scratch(const graph::Primitive& op, const graph::Signature& s) {
    std::int64_t bytes = op.kernel.scratch != nullptr ? op.kernel.scratch(s) : 0;
    ((op.code == graph::code_of<Ops> ? void(bytes = CustomKernel<Ops>::scratch(s)) : void()), ...);
    return bytes;
  }
};
using CpuCustomKernels = CustomKernels<ops::Attention, ops::AttentionGradient, ops::Recurrence, ops::RecurrenceGradient,
                                  TransformedFilters>;

/// The most bytes that the tables of a row kernel take.
constexpr std::int64_t fold_scratch_bytes(const compile::StepView& s, int folds) {
  const int last = s.loops() - 1;
  if (s.kind() != compile::KernelKind::row || s.folded(last)) return 0;
  std::int64_t outer = 1, row = 1;
  for (int l = 0; l < last; ++l) {
    if (s.folded(l)) row *= s.extent(l);
    else if (!s.varies(l)) outer *= s.extent(l);  // others may run once
  }
  const std::int64_t columns =
      s.varies(last) ? std::min<std::int64_t>(s.extent(last), 7 * fold_columns) : s.extent(last);
  const std::int64_t chunks = chunks_of(outer, row, columns);
  return chunks > 1 ? chunks * columns * folds * fold_bytes : 0;
}
constexpr std::int64_t scratch_bytes(const compile::StepView& s, const compile::KernelFacts& f) {
  return s.kind() == compile::KernelKind::contract ? pack_bytes(ContractSizes::of(s, f))
                                                   : fold_scratch_bytes(s, f.folds);
}

/// Rows along the contracted axis, [M, K], are read in place, unless they would evict each other from the cache; and
/// contiguous columns, [K, N], multiplied by few rows, unless they are computed from a narrower type.
constexpr bool reads_in_place(const compile::OperandLines& o) {
  return with_sum_type(o.sums, [&]<class T>(T) {
    if (o.has_lines && !o.is_left)
      return !o.from_narrower && o.opposite > skinny_rows && o.line_stride == 1 &&
             right_stays_in_place<T>(o.lines, o.opposite);
    return !o.has_inner ||
           (o.inner_stride == 1 && left_stays_in_place<T>(o.lines, o.line_stride * o.bytes, o.depth));
  });
}
/// The fewest rows of a tile for which the repeated cost of weights is at most a hundredth: as they are read from
/// panels; eight times as many if they are packed or were transformed in advance; and sixteen times that if they are
/// transformed.
template <int Rows = 128>
constexpr std::int64_t least_of_tile(const compile::StepView& v, const compile::KernelFacts& f, bool along_rows,
                                     std::int64_t units) {
  constexpr std::int64_t to_pack = 8, to_transform = 128;
  const ContractSizes sizes = ContractSizes::of(v, f);
  const bool prepared = along_rows ? v.form(1) != 0 : v.form(0) != 0;
  const bool transforms = sizes.method.sums == ContractMethod::Sums::winograd;
  const std::int64_t rows = Rows * (prepared && !transforms   ? 1
                                    : prepared || !transforms ? to_pack
                                                              : to_transform);
  const std::int64_t of_unit = std::max<std::int64_t>(1, (along_rows ? sizes.rows : sizes.columns) / units);
  return std::max<std::int64_t>(1, (rows + of_unit - 1) / of_unit);
}

/// How a step's contraction is computed, as the step stores it.
template <bool Transforms>
constexpr std::uint16_t method_number(const compile::StepView& s, const compile::KernelFacts& f) {
  ContractMethod m = choose<Transforms>(s, f);
  if (!f.fills()) m.in_line = small_method(s, f.dtype);
  return m.packed();
}

/// For programs that are made at run time: they run steps one by one, without Winograd.
inline constexpr compile::Target run_time_target{
    .shortest_row = 8,
    .skinny_rows = skinny_rows,
    .row_buffer = row_buffer_bytes,
    .straight_line_steps = 8,
    .straight_line_flops = 600'000,
    .prologue = {.smallest = 4096, .packed_once = std::int64_t(1) << 20, .cheap = 8, .most_reads = 6},
    .tiles = {.cache = 0,
              .last_level = 8,
              .least = &least_of_tile<>,
              .fewest = 2,
              .most = 16,
              .large = std::int64_t(1) << 23},
    .expansion = &expansion,
    .scratch = &scratch_bytes,
    .custom_scratch = &CpuCustomKernels::scratch,
    .method = &method_number<false>,
    .method_class = [](std::uint16_t m) { return int(ContractMethod::of(m).sums); },
    .reads_in_place = &reads_in_place,
    .weight_forms = &weight_forms<false>,
    .pack = &pack_weight,
    .packed_view = &packed_weight};

/// For programs that are compiled in advance.
inline constexpr compile::Target target = [] {
  compile::Target t = run_time_target;
  t.method = &method_number<true>;
  t.packs_nothing = [](std::uint16_t m) { return ContractMethod::of(m).in_line != ContractMethod::Small::none; };
  t.weight_forms = &weight_forms<true>;
  t.tiles.cache = own_cache;
  return t;
}();

}  // namespace sinter::cpu
