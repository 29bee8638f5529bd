// A kernel as a value: loops, pointers and micro-operations, and the list of integers that is its identity.
//
// Two steps with equal kernels share one instantiation. The identity contains the kind, which loops fold, the
// operations, and for each pointer whether its stride along the innermost loop is 0, 1 or another. It does not contain
// arguments: extents, lengths, strides, addresses and numbers, such as how many elements a mean has. The same layer at
// several sizes is one kernel.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "../../graph/list.hpp"
#include "../../graph/primitive.hpp"
#include "../../tensor/array.hpp"
#include "../../tensor/error.hpp"
#include "../../tensor/registry.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

using graph::List;

/// What a kernel does, which determines its loop nest.
enum class KernelKind : unsigned char {
  map,       ///< the same for every iteration of its loops
  row,       ///< folds some loops, in passes over what they span
  contract,  ///< sums of products, and an elementwise epilogue
  scatter,   ///< a map that adds at positions which other iterations may share
  custom,    ///< a function that a primitive provides
  loop,      ///< a program of its own, for one step after another (program/loop.hpp)
  convolve,  ///< custom, of a convolution, or of the gradient of its image or its weight
  pool,      ///< custom, of a pool or a derivative of one
};
constexpr const char* name_of(KernelKind k) {
  constexpr const char* names[]{"map", "row", "contract", "scatter", "custom", "loop", "convolve", "pool"};
  return names[int(k)];
}
constexpr KernelKind kind_of(graph::OwnKernel k) {
  return k == graph::OwnKernel::convolve ? KernelKind::convolve
         : k == graph::OwnKernel::pool   ? KernelKind::pool
                                         : KernelKind::custom;
}
/// Whether a primitive provides the function, and numbers the loops.
constexpr bool is_own_kernel(KernelKind k) {
  return k == KernelKind::custom || k == KernelKind::convolve || k == KernelKind::pool;
}

/// One loop of a nest. It runs `extent` times, times the run-time length of the symbolic dimension `symbol`, if any.
struct Loop {
  std::int64_t extent = 1;
  std::int64_t capacity = 1;  ///< the most iterations
  int symbol = 0;
  bool folded = false;        ///< a reduction runs along it
  /// Of a contraction: which axis of its rows, its columns, or the contracted ones it runs along, counted from the last
  /// one, which is 1. 0: a batch axis, or several axes as one loop.
  unsigned char axis = 0;

  static constexpr Loop along(const Shape& s, int axis, bool folded) {
    return {s.symbol(axis) != 0 ? 1 : s[axis], s[axis], s.symbol(axis), folded};
  }
};

/// a contraction of two operands of rank 8 has at most eight axes in addition to its result's
inline constexpr int max_loops = 16;

/// A tensor that a kernel reads, writes or counts along; strides in elements, one per loop.
struct Pointer {
  int node = -1;  ///< whose buffer; −1: no memory, the "address" itself is the value (iota, a scalar)
  std::int64_t offset = 0;
  std::int64_t stride[max_loops]{};
  unsigned char form = 0;  ///< Layout::form
};

/// The axis that a gather or scatter indexes: its pointer without memory holds this as the offset.
struct IndexedAxis {
  std::int64_t stride = 0, extent = 0;  ///< in elements
  static constexpr int bits = 31;
  constexpr std::int64_t packed() const { return stride * (std::int64_t(1) << bits) + extent; }
  static constexpr IndexedAxis of(std::int64_t packed) {
    return {packed >> bits, packed & ((std::int64_t(1) << bits) - 1)};
  }
};

struct Micro {
  enum class What : unsigned char {
    load,      ///< a: pointer
    constant,  ///< a: pointer without memory and with strides of 0; its offset is the number as a double, bit by bit
    attribute, ///< of a custom kernel or a loop. bits: its value
    count,     ///< a: pointer without memory; the offset that its strides give
    length,    ///< a: index of the symbolic dimension among the program's lengths
    operand,   ///< a: register with the operand of a contraction, b: which operand
    result,    ///< the sum of products of a contraction for this element
    apply,     ///< a, b, c: registers; code: primitive
    fold,      ///< a: register; code: reduction
    scan,      ///< a: register; code: reduction; the fold so far, this element included
    gather,    ///< a: pointer, b: register with positions along the axis that the next pointer gives
    store,     ///< a: register, b: pointer
    scatter,   ///< adds. a: register, b: pointer, c: register with positions along the axis that the next pointer gives
  };
  What what = What::constant;
  Dtype dtype = Dtype::float32;   ///< of the register; of memory for a store
  unsigned char level = 0;        ///< 0: once per kernel, 1: once per row, 2: every element
  unsigned char stage = 0;        ///< level 1: after how many passes over the row its value is known
  unsigned short passes = 0;      ///< level 2: the passes that evaluate it, one bit each
  short a = -1, b = -1, c = -1;
  short kept = -1;                ///< level 2: the row buffer that carries it from its first pass to the later ones
  /// level 2: the pointer through which its first pass stores it, and from which later ones load it
  short stored = -1;
  /// load, count, store: stride along the innermost loop: 0, 1, or 2 for any other; operand: whether lanes run along
  /// the contracted axis; result: 1 + the dtype of the operands in memory, 0 where it is that of the sums
  unsigned char unit = 0;
  /// of a contraction: 1 and 2 compute its operands (compile/prologue.hpp), 0 follows the sums
  unsigned char side = 0;
  std::uint64_t code = 0, bits = 0;
};

/// The dtype of a contraction's operands in memory; that of the micro-operation, a `result`, is the one in which their
/// products are summed.
constexpr Dtype operands_of(const Micro& result) { return result.unit == 0 ? result.dtype : Dtype(result.unit - 1); }

/// A kernel while it is made; `Body` (below) is the same, frozen.
struct Kernel {
  KernelKind kind = KernelKind::map;
  List<Loop> loops;
  List<Pointer> pointers;
  List<Micro> micros;
  int passes = 0;  ///< over each row; 0 where nothing folds
  int kept = 0;    ///< row buffers
  int row_loops = 0, column_loops = 0;  ///< of a contraction: after the batch loops, before the contracted ones
  std::int64_t tag = 0;      ///< of a contraction, in numbers of the target's own (ops/contract.hpp)
  std::int64_t scratch = 0;  ///< bytes, of a custom kernel or a loop
};

constexpr bool is_folded(const Micro& m) { return m.what == Micro::What::fold || m.what == Micro::What::scan; }

[[noreturn]] SINTER_COLD inline void kernel_is_too_large() {
  throw_error(ErrorCode::unsupported, "kernel", "it has more operations than an identity has room for",
              "store an intermediate result");
}

// The identity, word by word:
//   header: kind | loops << 8 | pointers << 16 | micros << 24 | passes << 40 | kept << 48 (of a contraction: row loops
//           << 40 | column loops << 48), then the mask of folded loops
//   each micro: what | dtype << 4 | level << 8 | stage << 12 | unit << 16 |
//   passes << 20 | kept+1 << 36 | side << 52 | stored+1 << 54, then
//               a+1 | b+1 << 16 | c+1 << 32, then code or bits where `what` has one.
constexpr bool has_payload(Micro::What w) {
  return w == Micro::What::attribute || w == Micro::What::apply || w == Micro::What::fold || w == Micro::What::scan;
}

constexpr List<std::uint64_t> encode(const Kernel& k) {
  int count = 2;
  for (const Micro& m : k.micros) count += has_payload(m.what) ? 3 : 2;
  if (k.loops.size() > 255 || k.pointers.size() > 255 || k.micros.size() > 0xffff || k.passes > 15 || k.kept > 255)
    kernel_is_too_large();
  List<std::uint64_t> words;
  std::uint64_t* w = words.extend(count);
  std::uint64_t folded = 0, bit = 1;
  for (const Loop& l : k.loops) {
    if (l.folded) folded |= bit;
    bit <<= 1;
  }
  *w++ = std::uint64_t(k.kind) | std::uint64_t(k.loops.size()) << 8 | std::uint64_t(k.pointers.size()) << 16 |
         std::uint64_t(k.micros.size()) << 24 | std::uint64_t(k.passes + k.row_loops) << 40 |
         std::uint64_t(k.kept + k.column_loops) << 48;
  *w++ = folded;
  for (const Micro& m : k.micros) {
    *w++ = std::uint64_t(m.what) | std::uint64_t(m.dtype) << 4 | std::uint64_t(m.level) << 8 |
           std::uint64_t(m.stage) << 12 | std::uint64_t(m.unit) << 16 | std::uint64_t(m.passes) << 20 |
           std::uint64_t(m.kept + 1) << 36 | std::uint64_t(m.side) << 52 | std::uint64_t(m.stored + 1) << 54;
    *w++ = std::uint64_t(m.a + 1) | std::uint64_t(m.b + 1) << 16 | std::uint64_t(m.c + 1) << 32;
    if (has_payload(m.what)) *w++ = m.what == Micro::What::attribute ? m.bits : m.code;
  }
  return words;
}

/// A kernel's identity, decoded, of exact size.
template <int Micros> struct Body {
  KernelKind kind = KernelKind::map;
  int loops = 0, pointers = 0, passes = 0, kept = 0;
  std::uint64_t folded = 0;
  Array<Micro, Micros> micros{};
};

/// The loops of a contraction by group: batch [0, rows), rows [rows, columns), columns [columns, inner), contracted
/// [inner, loops).
struct ContractLoops {
  int rows, columns, inner;
  template <class B> static constexpr ContractLoops of(const B& body) {
    const int inner = body.loops - std::popcount(body.folded);
    return {inner - body.kept - body.passes, inner - body.kept, inner};
  }
};

/// The number of micro-operations of the kernel whose identity begins at w.
constexpr int count_micros(const std::uint64_t* w) { return int(w[0] >> 24 & 0xffff); }

// Parts of the micro-operation whose words begin at w, and where the next one's begin.
constexpr Micro::What what_of(const std::uint64_t* w) { return Micro::What(w[0] & 15); }
constexpr int operand_a(const std::uint64_t* w) { return int(w[1] & 0xffff) - 1; }
constexpr int operand_b(const std::uint64_t* w) { return int(w[1] >> 16 & 0xffff) - 1; }
constexpr const std::uint64_t* after_micro(const std::uint64_t* w) { return w + (has_payload(what_of(w)) ? 3 : 2); }

/// Reads one micro-operation of an identity; returns where the next begins.
constexpr const std::uint64_t* decode_into(const std::uint64_t* w, Micro& m) {
  m.what = what_of(w);
  m.dtype = Dtype(w[0] >> 4 & 15);
  m.level = static_cast<unsigned char>(w[0] >> 8 & 15);
  m.stage = static_cast<unsigned char>(w[0] >> 12 & 15);
  m.unit = static_cast<unsigned char>(w[0] >> 16 & 15);
  m.passes = static_cast<unsigned short>(w[0] >> 20 & 0xffff);
  m.kept = static_cast<short>(int(w[0] >> 36 & 0xffff) - 1);
  m.side = static_cast<unsigned char>(w[0] >> 52 & 3);
  m.stored = static_cast<short>(int(w[0] >> 54 & 511) - 1);
  m.a = static_cast<short>(operand_a(w));
  m.b = static_cast<short>(operand_b(w));
  m.c = static_cast<short>(int(w[1] >> 32 & 0xffff) - 1);
  w += 2;
  if (has_payload(m.what)) (m.what == Micro::What::attribute ? m.bits : m.code) = *w++;
  return w;
}
/// Decodes an identity into a body with room for its micro-operations (a `Body`, or its run-time counterpart).
template <class B> constexpr void decode_into(const std::uint64_t* w, B& b) {
  b.kind = KernelKind(w[0] & 255);
  b.loops = int(w[0] >> 8 & 255);
  b.pointers = int(w[0] >> 16 & 255);
  b.passes = int(w[0] >> 40 & 255);
  b.kept = int(w[0] >> 48 & 255);
  b.folded = w[1];
  w += 2;
  for (Micro& m : b.micros) w = decode_into(w, m);
}
template <int Micros> constexpr Body<Micros> decode(const std::uint64_t* w) {
  Body<Micros> b;
  decode_into(w, b);
  return b;
}

/// Words to one; each word is mixed into all bits.
constexpr std::uint64_t key_of(const std::uint64_t* words, int count) {
  std::uint64_t h = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < count; ++i) {
    h = (h ^ words[i]) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 29) * 0xc4ceb9fe1a85ec53u;
    h ^= h >> 32;
  }
  return h;
}

template <std::uint64_t... Words> struct KernelWords {
  static constexpr std::array<std::uint64_t, sizeof...(Words)> words{Words...};
  static constexpr std::uint64_t key = key_of(words.data(), int(sizeof...(Words)));
};

/// A kernel's identity as a type.
template <std::uint64_t Key> struct KernelCode {
  static constexpr auto& words = Entered<Kernel, Key>::words;
  static constexpr auto body = decode<count_micros(words.data())>(words.data());
};

/// Enters a kernel under a number made of its words.
template <std::uint64_t... Words>
struct RegisteredKernel : Entry<Kernel, KernelWords<Words...>::key, KernelWords<Words...>> {
  using Code = KernelCode<KernelWords<Words...>::key>;
};

}  // namespace sinter::internals::compile
