// The table of a plan, step by step: how its integers are written and read.
//
//   kernel; for each loop: TableExtent; for each pointer: PointerBase, byte offset, a stride for each loop.
//
// Every reader of a step, at compile time or at run time, decodes it here.
#pragma once
#include "kernel.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// The first of a pointer's integers in the table: what it points into, the form of that memory (Layout::form), and
/// with the first pointer of a contraction how the target computes it (Target::method).
///
///   base | form << 32 | method << 40; without memory the complement of form << 32 | method << 40, which is negative
struct PointerBase {
  int base = -1;  ///< −1: no memory
  unsigned char form = 0;
  std::uint16_t method = 0;

  constexpr std::int64_t packed() const {
    const std::int64_t fields = std::int64_t(form) << 32 | std::int64_t(method) << 40;
    return base < 0 ? ~fields : base | fields;
  }
  static constexpr PointerBase of(std::int64_t packed) {
    const std::int64_t fields = packed < 0 ? ~packed : packed;
    return {base_of(packed), form_of(packed), static_cast<std::uint16_t>(fields >> 40)};
  }
  /// One field, for passes that ask nothing else.
  static constexpr int base_of(std::int64_t packed) { return packed < 0 ? -1 : int(packed & 0xffffffff); }
  static constexpr unsigned char form_of(std::int64_t packed) {
    return static_cast<unsigned char>((packed < 0 ? ~packed : packed) >> 32);
  }
  /// The same of another base.
  constexpr PointerBase into(int other) const { return {other, form, method}; }
};

/// The iterations of a loop: a fixed number, times the run-time length of a symbolic dimension, if any.
struct TableExtent {
  std::int64_t fixed = 1;
  int symbol = 0;  ///< its index + 1

  static constexpr int bits = 56;
  constexpr std::int64_t packed() const { return fixed | std::int64_t(symbol) << bits; }
  static constexpr TableExtent of(std::int64_t packed) {
    return {packed & ((std::int64_t(1) << bits) - 1), int(packed >> bits)};
  }
  /// At these lengths, or capacities, of the symbolic dimensions.
  constexpr std::int64_t at(const std::int64_t* lengths) const {
    return symbol == 0 ? fixed : fixed * lengths[symbol - 1];
  }
};

/// One pointer of a step: its integers in the table.
struct TablePointer {
  const std::int64_t* at;

  static constexpr int offset_at = 1, strides_at = 2;  ///< among its integers
  static constexpr int integers(int loops) { return strides_at + loops; }
  /// Where those of pointer p begin among the integers of a step after its kernel's number.
  static constexpr int position(int loops, int p) { return loops + p * integers(loops); }
  static constexpr TablePointer of(const std::int64_t* arguments, int loops, int p) {
    return {arguments + position(loops, p)};
  }

  constexpr bool has_memory() const { return at[0] >= 0; }
  constexpr int base() const { return PointerBase::base_of(at[0]); }
  constexpr unsigned char form() const { return PointerBase::form_of(at[0]); }
  constexpr std::uint16_t method() const { return PointerBase::of(at[0]).method; }
  constexpr std::int64_t offset() const { return at[offset_at]; }
  constexpr const std::int64_t* strides() const { return at + strides_at; }
  constexpr std::int64_t stride(int l) const { return at[strides_at + l]; }
};

/// What a kernel's identity says about its steps.
struct KernelView {
  const std::uint64_t* words = nullptr;

  constexpr KernelKind kind() const { return KernelKind(words[0] & 255); }
  constexpr int loops() const { return int(words[0] >> 8 & 255); }
  constexpr int pointers() const { return int(words[0] >> 16 & 255); }
  constexpr bool folded(int l) const { return (words[1] >> l & 1) != 0; }
  constexpr ContractLoops contract_loops() const {
    const int inner = loops() - std::popcount(words[1]), columns = int(words[0] >> 48 & 255),
              rows = int(words[0] >> 40 & 255);
    return {inner - columns - rows, inner - columns, inner};
  }
  /// Integers of a step in the table, including the kernel's number.
  constexpr int integers() const { return 1 + TablePointer::position(loops(), pointers()); }
  /// Where pointer p begins among the integers after the kernel's.
  constexpr int pointer_at(int p) const {
    const int l = loops();
    return l + p * (TablePointer::strides_at + l);
  }
};

/// A step's kernel and arguments; one of its loops may be viewed as if it ran in tiles.
struct StepView : KernelView {
  const std::int64_t* table = nullptr;     ///< after the kernel's number
  const std::int64_t* capacity = nullptr;  ///< of each symbolic dimension
  int cut = -1;                            ///< the loop that runs in tiles
  std::int64_t tile = 0;                   ///< of at most this many iterations

  constexpr StepView() = default;
  constexpr StepView(const std::uint64_t* kernel, const std::int64_t* arguments, const std::int64_t* capacities)
      : KernelView{kernel}, table(arguments), capacity(capacities) {}

  constexpr TableExtent table_extent(int l) const { return TableExtent::of(table[l]); }
  constexpr int symbol(int l) const { return table_extent(l).symbol; }  ///< its index + 1
  constexpr std::int64_t fixed_extent(int l) const { return table_extent(l).fixed; }
  /// The most iterations of a loop.
  constexpr std::int64_t extent(int l) const { return l == cut ? tile : table_extent(l).at(capacity); }
  constexpr bool varies(int l) const { return l == cut || symbol(l) != 0; }
  constexpr const std::int64_t* pointer(int p) const { return table + pointer_at(p); }
  // As TablePointer has them; constant evaluation pays for each call and object.
  constexpr std::int64_t stride(int p, int l) const { return table[pointer_at(p) + TablePointer::strides_at + l]; }
  constexpr int base(int p) const { return PointerBase::base_of(table[pointer_at(p)]); }
  constexpr unsigned char form(int p) const { return PointerBase::form_of(table[pointer_at(p)]); }
  constexpr std::int64_t offset(int p) const { return table[pointer_at(p) + TablePointer::offset_at]; }
  /// Of a contraction: how its target computes it.
  constexpr std::uint16_t method() const { return PointerBase::of(table[pointer_at(0)]).method; }
  /// Whether a stride is not a distance between elements: that of the columns of an operand in a packed form.
  constexpr bool is_packed(int p, int l) const {
    return form(p) != 0 && l >= contract_loops().columns && l < contract_loops().inner;
  }
};

/// What a kernel says of a step, in addition to loops and strides, on which its method and its scratch memory depend.
struct KernelFacts {
  Dtype dtype = Dtype::float32;  ///< of the products that a contraction sums
  bool widens = false;           ///< it sums in a wider type than that of its operands in memory
  bool computed[2]{};            ///< of the left and the right operand: a prologue computes it
  int folds = 0;                 ///< sums of rows, running ones too
  std::int64_t own = 0;          ///< bytes, of a custom kernel
  std::int64_t tag = 0;          ///< of a contraction: what the target's lowering has said of it (ops/contract.hpp)
  std::uint64_t axes = 0;        ///< of one with a tag: `Loop::axis` of each loop, four bits each

  /// It writes an operand anew while it packs it.
  constexpr bool fills() const { return widens || computed[0] || computed[1]; }
  constexpr int axis(int loop) const { return int(axes >> 4 * loop & 15); }
  /// Whether a kernel with the same identity has these facts too: the others follow from the identity.
  constexpr bool are_those_of(const Kernel& k) const { return tag == k.tag && (tag == 0 || axes == axes_of(k)); }

  static constexpr std::uint64_t axes_of(const Kernel& k) {
    std::uint64_t axes = 0;
    for (int l = 0; l < k.loops.size(); ++l) axes |= std::uint64_t(k.loops[l].axis) << 4 * l;
    return axes;
  }
  static constexpr KernelFacts of(const Kernel& k) {
    KernelFacts f{.own = k.scratch, .tag = k.tag, .axes = k.tag != 0 ? axes_of(k) : 0};
    for (const Micro& m : k.micros) {
      if (m.what == Micro::What::result) f.dtype = m.dtype, f.widens = operands_of(m) != m.dtype;
      if (m.what == Micro::What::operand) f.computed[m.b] = true;
      f.folds += is_folded(m) ? 1 : 0;
    }
    return f;
  }
};

/// A list of chains, steps that run tile by tile (chains.hpp). Of each this is the head; after it, for each step: its
/// loops, its pointers, the loop that is tiled (−1: all of it runs with the first tile), its iterations per unit, by
/// how many units it lags; and for each of its pointers how far it advances per unit, and per worker.
struct ChainHead {
  static constexpr int numbers = 6;
  std::int64_t first, steps, units, grain, workers, scratch;  ///< units: as extents in the table

  static constexpr int member_numbers = 5;  ///< before those of the pointers

  static constexpr ChainHead of(const std::int64_t* t) { return {t[0], t[1], t[2], t[3], t[4], t[5]}; }
  /// Units at these lengths.
  constexpr std::int64_t length(const std::int64_t* lengths) const {
    return TableExtent::of(units).at(lengths);
  }
  /// Where the next chain begins.
  static constexpr const std::int64_t* after(const std::int64_t* t) {
    const std::int64_t* m = t + numbers;
    for (std::int64_t s = 0; s < t[1]; ++s) m += member_numbers + 2 * m[1];
    return m;
  }
};

/// Calls f(kernel, arguments) for each step of a chain on its k-th tile, of `units` units in all, in the memory of one
/// worker. `table`: where its first step begins; `room`: for the arguments of the largest of them.
template <class F> constexpr void for_each_step_of_tile(const std::int64_t* chain, const std::int64_t* table,
                                                         std::int64_t* room, std::int64_t units, std::int64_t k,
                                                         std::int64_t worker, F&& f) {
  const auto head = ChainHead::of(chain);
  const std::int64_t* member = chain + ChainHead::numbers;
  for (std::int64_t s = 0; s < head.steps; ++s) {
    const int loops = int(member[0]), pointers = int(member[1]), size = TablePointer::position(loops, pointers);
    const std::int64_t kernel = *table, loop = member[2], lag = member[4];
    const std::int64_t from = std::max<std::int64_t>(0, k * head.grain - lag),
                       to = (k + 1) * head.grain < units ? (k + 1) * head.grain - lag : units;
    if (loop < 0) {
      if (k == 0) f(kernel, table + 1);
    } else if (from < to) {
      std::copy_n(table + 1, size, room);
      room[loop] = (to - from) * member[3];
      for (int p = 0; p < pointers; ++p) {
        const std::int64_t* const moves = member + ChainHead::member_numbers + 2 * p;
        room[TablePointer::position(loops, p) + TablePointer::offset_at] += from * moves[0] + worker * moves[1];
      }
      f(kernel, static_cast<const std::int64_t*>(room));
    }
    member += ChainHead::member_numbers + 2 * pointers;
    table += 1 + size;
  }
}

}  // namespace sinter::internals::compile
