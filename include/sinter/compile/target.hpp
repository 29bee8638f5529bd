// What the passes must know of the hardware that a program is for. A backend has a constant of it: `Backend::target`.
//
// Numbers that no target sets mean that there is nothing to gain: a plain backend leaves them as they are.
#pragma once
#include <algorithm>
#include <limits>

#include "fixed.hpp"
#include "program/plan.hpp"
#include "program/table.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// An operand of a contraction in memory: its lines are its rows or columns. Strides in elements.
struct OperandLines {
  bool is_left = false;          ///< its lines are rows of the kernel's result, else columns
  bool has_lines = false, has_inner = false;  ///< some axis of several elements is not contracted, is contracted
  int bytes = 4;                 ///< of an element
  Dtype sums = Dtype::float32;   ///< of the contraction
  bool from_narrower = false;    ///< it is computed from a tensor of a narrower type
  std::int64_t lines = 1, line_stride = 0;    ///< along the last axis that is not contracted
  std::int64_t inner_stride = 0; ///< along the last contracted axis
  std::int64_t depth = 1;        ///< elements of a line
  std::int64_t opposite = 1;     ///< lines of the other operand
};

/// The operand of a contraction that is packed when it changes, and the form in which it is read (Layout::form); −1:
/// none.
struct PackedOperand {
  int operand = -1;
  unsigned char form = 0;
};

/// The conditions under which a contraction computes an operand while packing it (prologue.hpp).
struct PrologueBudget {
  std::int64_t smallest =
      std::numeric_limits<std::int64_t>::max();  ///< elements; smaller operands are computed by themselves
  std::int64_t packed_once = 0;  ///< elements of the other operand beyond which an operand may be packed again, and
  double cheap = 0;              ///< operations per element that are then too many
  int most_reads = 0;            ///< values from memory per element
};

/// Steps that run tile by tile (chains.hpp); in bytes.
struct TileBudget {
  std::int64_t cache = 0;  ///< what the tensors of a tile should stay within: a core's own cache. 0: no such tiles
  std::int64_t last_level = 1;  ///< such caches in a core's share of the last-level cache
  /// How many of `units`, along its rows or its columns, a tile of a contraction has at least, so that the repeated
  /// cost of its other operand does not count.
  std::int64_t (*least)(const StepView&, const KernelFacts&, bool rows, std::int64_t units) = nullptr;
  std::int64_t fewest = 1, most = 1;  ///< tiles that are worked on at a time
  std::int64_t large = 0;  ///< bytes of tensors whose tiles may take a quarter of them instead of half
};

/// Writes an application of a primitive with others (expand.hpp).
using Expansion = graph::Value (*)(const graph::Site&);

/// The steps that one kernel runs in a program that reads its table, where the target has classes of methods: of which
/// classes they are, as a set.
template <std::uint64_t Classes> struct StepsBy {
  static constexpr std::uint64_t classes = Classes;
};

struct Target {
  int shortest_row = 1;          ///< elements along which vectors run, else across rows
  std::int64_t skinny_rows = 0;  ///< up to this many, a contraction computes the other operand as it streams it
  std::int64_t row_buffer = 0;   ///< bytes for the values of a row that several passes need (schedule.hpp)
  /// Programs of up to this many steps and operations are straight-line code. Small products do not count: their code
  /// does not grow with their number.
  int straight_line_steps = 0;
  double straight_line_flops = 0;
  PrologueBudget prologue;
  TileBudget tiles;

  /// How this target writes a primitive with others; null for one that stays as it is. It is asked of kernels, and of
  /// contractions that sum in a wider dtype than their operands'.
  Expansion (*expansion)(const graph::Primitive&) = nullptr;
  /// Scratch bytes of a step; and of a primitive with a custom kernel.
  std::int64_t (*scratch)(const StepView&, const KernelFacts&) = nullptr;
  std::int64_t (*custom_scratch)(const graph::Primitive&, const Signature&) = nullptr;
  /// How a contraction is computed, in numbers of this target's own: the step stores it (PointerBase::method), and its
  /// kernel, `scratch` and `packs_nothing` read it. It is asked where the step is emitted, and again for steps that run
  /// tile by tile: then one loop varies, as those with a run-time length do. What `expansion` has written with the
  /// contraction, its tag says (KernelFacts::tag).
  std::uint16_t (*method)(const StepView&, const KernelFacts&) = nullptr;
  /// The class of a method, below 64. A kernel of contractions is told the classes of its steps (StepsBy), and has no
  /// code for others.
  int (*method_class)(std::uint16_t method) = nullptr;
  /// Whether a contraction of a straight-line program that is computed like that packs nothing.
  bool (*packs_nothing)(std::uint16_t method) = nullptr;
  /// Whether a contraction prefers to read an operand in place instead of computing or copying it while packing.
  bool (*reads_in_place)(const OperandLines&) = nullptr;
  /// Of each node of a graph that is a contraction: the operand that it prefers packed in advance. `pack` computes that
  /// form of a value [n, k…], `packed_view` shows the result with the shape of the value again.
  List<PackedOperand> (*weight_forms)(const Builder&, const List<Changes>&) = nullptr;
  graph::Value (*pack)(graph::Value, unsigned char form) = nullptr;
  graph::Value (*packed_view)(graph::Value made, const Shape&, unsigned char form) = nullptr;
};

constexpr bool is_straight_line(const Plan& p, const Target& target) {
  return p.steps <= target.straight_line_steps && p.flops - p.small_flops <= target.straight_line_flops;
}

}  // namespace sinter::internals::compile
