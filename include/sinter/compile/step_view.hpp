// One step of a plan as it stands in the table.
#pragma once
#include "kernel.hpp"

namespace sinter::internals::compile {

/// The first of a pointer's integers in the table: what it points into, and the form of what lies there (Layout::form).
struct PointerBase {
  int base = -1;  ///< −1: no memory
  unsigned char form = 0;

  constexpr std::int64_t packed() const { return base < 0 ? -1 : base | std::int64_t(form) << 32; }
  static constexpr PointerBase of(std::int64_t packed) {
    if (packed < 0) return {};
    return {int(packed & 0xffffffff), static_cast<unsigned char>(packed >> 32)};
  }
};

/// A step's kernel and arguments; one of its loops may be looked at as if it ran in pieces.
struct StepView {
  const std::uint64_t* words;    ///< of its kernel's identity
  const std::int64_t* table;     ///< behind the kernel's number
  const std::int64_t* capacity;  ///< of each letter
  int cut = -1;                  ///< the loop that runs in pieces
  std::int64_t piece = 0;        ///< of at most so many

  constexpr Kind kind() const { return Kind(words[0] & 255); }
  constexpr int loops() const { return int(words[0] >> 8 & 255); }
  constexpr int pointers() const { return int(words[0] >> 16 & 255); }
  constexpr bool folded(int l) const { return (words[1] >> l & 1) != 0; }
  constexpr ContractLoops contract_loops() const {
    const int inner = loops() - std::popcount(words[1]), columns = int(words[0] >> 48 & 255),
              rows = int(words[0] >> 40 & 255);
    return {inner - columns - rows, inner - columns, inner};
  }
  constexpr int letter(int l) const { return int(table[l] >> 56); }  ///< its index + 1
  constexpr std::int64_t fixed_extent(int l) const { return table[l] & ((std::int64_t(1) << 56) - 1); }
  /// The most that a loop runs.
  constexpr std::int64_t extent(int l) const {
    return l == cut ? piece : letter(l) == 0 ? fixed_extent(l) : fixed_extent(l) * capacity[letter(l) - 1];
  }
  constexpr bool varies(int l) const { return l == cut || letter(l) != 0; }
  constexpr const std::int64_t* pointer(int p) const { return table + loops() + p * (2 + loops()); }
  constexpr std::int64_t stride(int p, int l) const { return pointer(p)[2 + l]; }
  /// Whether a stride says no distance between elements: that of the columns of an operand with a form of its own.
  constexpr bool is_packed(int p, int l) const {
    return form(p) != 0 && l >= contract_loops().columns && l < contract_loops().inner;
  }
  constexpr int base(int p) const { return PointerBase::of(pointer(p)[0]).base; }
  constexpr unsigned char form(int p) const { return PointerBase::of(pointer(p)[0]).form; }
};

/// What scratch memory depends on beside loops and strides.
struct ScratchFacts {
  Dtype dtype = Dtype::float32;  ///< of the products that a contraction sums
  bool fills = false;            ///< it computes an operand while it packs it
  int folds = 0;                 ///< sums of rows, running ones too
  std::int64_t own = 0;          ///< bytes, of a primitive's own kernel

  static constexpr ScratchFacts of(const Kernel& k) {
    ScratchFacts f{.own = k.scratch};
    for (const Micro& m : k.micros) {
      if (m.what == Micro::What::result) f.dtype = m.dtype;
      f.fills = f.fills || m.what == Micro::What::operand;
      f.folds += is_folded(m) ? 1 : 0;
    }
    return f;
  }
};

}  // namespace sinter::internals::compile
