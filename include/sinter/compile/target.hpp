// What the passes must know of the hardware that a program is for. A backend has a constant of it: `Backend::target`.
//
// Numbers that no target sets mean that there is nothing to gain: a plain backend leaves them as they are.
#pragma once
#include <algorithm>
#include <limits>

#include "plan_data.hpp"
#include "step_view.hpp"
#include "winograd.hpp"

namespace sinter::internals::compile {

/// The sizes of a contraction; extents at capacity.
struct ContractSizes {
  Dtype dtype = Dtype::float32;
  std::int64_t rows = 1, columns = 1, inner = 1;
  SquareConvolution convolution;
  SquareWeightGradient gradient;
  bool bounded = false;    ///< some run shorter
  bool in_panels = false;  ///< its weights were packed in advance
  bool windows = false;    ///< its columns are several loops
};

constexpr ContractSizes contract_sizes(const StepView& s, const ScratchFacts& f) {
  ContractSizes sizes;
  sizes.dtype = f.dtype;
  const ContractLoops at = s.contract_loops();
  const int n = s.loops();
  for (int l = at.rows; l < n; ++l)
    (l >= at.inner ? sizes.inner : l < at.columns ? sizes.rows : sizes.columns) *= s.extent(l);
  for (int l = 0; l < n; ++l) sizes.bounded = sizes.bounded || s.varies(l);
  for (int l = at.columns; l < at.inner; ++l) sizes.in_panels = sizes.in_panels || s.stride(1, l) >= Panels::tag;
  sizes.windows = at.inner - at.columns > 1;
  if (f.fills) return sizes;
  const auto extent = [&](int l) { return s.extent(l); };
  const auto left = [&](int l) { return s.stride(0, l); };
  const auto right = [&](int l) { return s.stride(1, l); };
  sizes.convolution = SquareConvolution::of(at.rows, at.columns, at.inner, n, extent, left, right);
  sizes.gradient = SquareWeightGradient::of(at.rows, at.columns, at.inner, n, extent, left, right);
  return sizes;
}

/// A contraction whose rows, columns and contracted axis are each one loop of an extent that is known: its extents, and
/// strides of its operands.
struct MatrixProduct {
  bool simple = false;  ///< it is of that form
  Dtype dtype = Dtype::float32;
  std::int64_t rows = 1, columns = 1, inner = 1;
  std::int64_t left_inner = 0, right_column = 0, right_inner = 0;

  /// From its arguments in the table (compile/plan_data.hpp).
  static constexpr MatrixProduct of(const ContractLoops& l, int loops, Dtype dtype, const std::int64_t* table) {
    MatrixProduct s;
    if (l.columns - l.rows != 1 || l.inner - l.columns != 1 || loops - l.inner != 1) return s;
    for (int i = 0; i < loops; ++i)
      if (table[i] >> 56 != 0) return s;
    const std::int64_t *left = table + loops + 2, *right = left + 2 + loops;
    return {true,           dtype,         table[l.rows],    table[l.columns],
            table[l.inner], left[l.inner], right[l.columns], right[l.inner]};
  }
};

/// An operand of a contraction as it lies in memory: lines along its rows or columns. Strides in elements.
struct OperandLines {
  bool is_left = false;          ///< its lines are rows of the kernel's result, else columns
  bool has_lines = false, has_inner = false;  ///< some axis of several elements is not contracted, is contracted
  int bytes = 4;                 ///< of an element
  bool from_narrower = false;    ///< it is computed from a tensor of narrower elements
  std::int64_t lines = 1, line_stride = 0;    ///< along the last axis that is not contracted
  std::int64_t inner_stride = 0; ///< along the last contracted axis
  std::int64_t depth = 1;        ///< elements of a line
  std::int64_t opposite = 1;     ///< lines of the other operand
};

/// What an operand must be for a contraction to compute it while it packs it (prologue.hpp).
struct PrologueBudget {
  std::int64_t smallest = std::numeric_limits<std::int64_t>::max();  ///< elements; smaller ones are computed by themselves
  std::int64_t packed_once = 0;  ///< elements of the other operand beyond which an operand may be packed again, and
  double cheap = 0;              ///< operations an element that are then too many
  int most_reads = 0;            ///< values from memory for each element
};

/// Steps that run tile by tile (chains.hpp): bytes, and rows of a contraction.
struct TileBudget {
  std::int64_t cache = 0;  ///< what the tensors of a tile should stay within: a core's own cache. 0: no such tiles
  std::int64_t last_level = 1;  ///< such caches in a core's share of the last one
  std::int64_t rows = 0;  ///< of a contraction whose weights are in panels that a tile has at least
  /// How many times as many rows a tile needs, so that what weights cost each time is a hundredth at most: where they are
  /// packed or come transformed in advance, and where they are transformed.
  std::int64_t to_pack = 1, to_transform = 1;
  std::int64_t fewest = 1, most = 1;  ///< tiles that are worked on at a time
  std::int64_t large = 0;  ///< bytes of tensors whose tiles may take a quarter of them instead of half
};

struct Target {
  /// Columns of float of the tiles of a contraction that reads weights packed in advance (panels.hpp); 0: it reads none.
  int panel = 0;
  int shortest_row = 1;          ///< elements along which vectors run, else across rows
  std::int64_t skinny_rows = 0;  ///< so few that a contraction computes the other operand on its way from memory
  std::int64_t row_buffer = 0;   ///< bytes for the values of a row that several passes want (schedule.hpp)
  /// Programs of up to so many steps and operations are straight-line code. Small products do not count: their code
  /// does not grow with their number.
  int straight_line_steps = 0;
  double straight_line_flops = 0;
  PrologueBudget prologue;
  TileBudget tiles;

  /// Scratch bytes of a step; and of a primitive with a kernel of its own.
  std::int64_t (*scratch)(const StepView&, const ScratchFacts&) = nullptr;
  std::int64_t (*own_scratch)(const graph::Primitive&, const Signature&) = nullptr;
  /// Whether a contraction of a straight-line program packs nothing.
  bool (*packs_nothing)(const MatrixProduct&) = nullptr;
  /// Whether a contraction would rather read an operand where it lies than compute or copy it while packing.
  bool (*reads_in_place)(const OperandLines&) = nullptr;
  /// Whether weights [n, taps…, channels] of so many elements a row are worth packing in advance.
  bool (*packs_weights)(std::int64_t n, std::int64_t depth, std::int64_t taps) = nullptr;
  /// For how many results a tile along one axis it transforms the weights of a convolution, 0 where it does not: by
  /// itself, from weights that are as they are, or where `in_advance` from those of filters.hpp. Sizes are set, strides
  /// are not.
  int (*filters)(const SquareConvolution&, bool in_advance) = nullptr;
};

constexpr bool is_straight_line(const Plan& p, const Target& target) {
  return p.steps <= target.straight_line_steps && p.flops - p.small_flops <= target.straight_line_flops;
}

}  // namespace sinter::internals::compile
