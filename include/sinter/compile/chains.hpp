// Which steps run piece by piece, one behind the other: a pool, a softmax or the next convolution behind a contraction, while what it made is in cache.
//
// A chain is consecutive steps that are cut along one axis, mostly the batch: every step runs on one piece of it, then every step on the next. Each
// step has a loop that walks the axis; a unit is what the coarsest of these loops does at once (an image, a row). That is allowed where each unit of
// a step reads of what other steps of the chain write its own unit alone, and costs no kernel: a piece is the same step with a shorter loop and other addresses.
// What nobody outside reads never exists as a whole. Chains are made
//
//  - around a contraction whose result no longer fits the cache, from steps that lie beside it, share a tensor with it and can be cut like that;
//  - in pieces that stay in cache, and are large enough that what every piece repeats, packing or transforming weights, does not count;
//  - where at least a cache's worth of tensors goes from one step to another.
#pragma once
#include <algorithm>

#include "step_view.hpp"

namespace sinter::compile {

/// How a step uses one of its pointers.
struct PointerUse {
  unsigned char bytes = 0;  ///< of an element; 0 without memory
  bool written = false;
  bool anywhere = false;    ///< along an axis whose place another value says
};

/// Consecutive steps that run piece by piece.
struct Chain {
  int first = 0, steps = 0;
  std::int64_t units = 0;    ///< times the length of `letter` where there is one
  int letter = 0;            ///< its index + 1
  std::int64_t capacity = 0; ///< the most units
  std::int64_t grain = 1;    ///< units of a piece
  std::int64_t workers = 1;  ///< threads that may work on pieces of their own
  std::int64_t scratch = 0, local = 0;  ///< bytes that each takes: of its kernels, and of tensors that only pieces of exist
};

/// The table's head of a chain; behind it, for each step: its loops, its pointers, the loop that is cut, how many times that runs a unit; and for each
/// of its pointers how far it moves for a unit, and for a worker.
struct ChainHead {
  static constexpr int numbers = 6;
  std::int64_t first, steps, units, grain, workers, scratch;  ///< units: as extents in the table

  static constexpr int member_numbers = 4;  ///< before those of the pointers

  static constexpr ChainHead of(const std::int64_t* t) { return {t[0], t[1], t[2], t[3], t[4], t[5]}; }
  /// Units at these lengths.
  constexpr std::int64_t length(const std::int64_t* lengths) const {
    const std::int64_t letter = units >> 56, fixed = units & ((std::int64_t(1) << 56) - 1);
    return letter == 0 ? fixed : fixed * lengths[letter - 1];
  }
  /// Where the next chain begins.
  static constexpr const std::int64_t* behind(const std::int64_t* t) {
    const std::int64_t* m = t + numbers;
    for (std::int64_t s = 0; s < t[1]; ++s) m += member_numbers + 2 * m[1];
    return m;
  }
};

/// Calls f(kernel, arguments) for each step of a chain on units [from, from + n), in the memory of one worker. `table`: where its first step stands; `room`: for
/// the arguments of the largest of them.
template <class F> constexpr void for_each_step_of_piece(const std::int64_t* chain, const std::int64_t* table, std::int64_t* room, std::int64_t from, std::int64_t n, std::int64_t worker, F&& f) {
  const auto head = ChainHead::of(chain);
  const std::int64_t* member = chain + ChainHead::numbers;
  for (std::int64_t s = 0; s < head.steps; ++s) {
    const std::int64_t kernel = *table, loops = member[0], pointers = member[1], size = loops + pointers * (2 + loops);
    std::copy_n(table + 1, size, room);
    room[member[2]] = n * member[3];
    member += ChainHead::member_numbers;
    for (std::int64_t p = 0; p < pointers; ++p, member += 2) room[loops + p * (2 + loops) + 1] += from * member[0] + worker * member[1];
    f(kernel, room);
    table += 1 + size;
  }
}

/// The steps of a plan while their pointers name the nodes that own the memory.
struct PlannedSteps {
  const std::int64_t* table;
  const std::uint64_t* words;
  const int *kernel, *step;       ///< where each kernel, each step begins
  const PointerUse* uses;
  const int* first_use;           ///< of each step
  const ScratchFacts* facts;      ///< of each step
  const std::int64_t* capacity;   ///< of each letter
  int steps;
  const char* overwrites;         ///< of each node: whether it takes over the memory of an input
  const std::int64_t* bytes;      ///< of each node's buffer, not aligned

  constexpr StepView view(int s) const { return {words + kernel[table[step[s]]], table + step[s] + 1, capacity}; }
};

struct Chains {
  List<Chain> list;
  // Of each step: its chain or −1, the loop that is cut, and how many times it runs a unit.
  List<int> of_step, loop;
  List<std::int64_t> factor;
  /// A tensor of which every step of a chain touches its own unit alone, and which units fill.
  struct Confined {
    int chain, node;
    std::int64_t unit;  ///< bytes
  };
  List<Confined> confined;

  constexpr int of(int step) const { return list.empty() ? -1 : of_step[step]; }
  /// Bytes of a unit of a node in a chain; 0 where it is not confined.
  constexpr std::int64_t unit(int chain, int node) const {
    for (const Confined& c : confined)
      if (c.chain == chain && c.node == node) return c.unit;
    return 0;
  }
};

namespace chains_detail {

/// A tensor that steps of a chain touch.
struct Shared {
  int node = -1;
  std::int64_t unit = 0;  ///< bytes that lie side by side in its memory and belong to one unit; 0: steps read more of it than their own unit
  bool written = false;   ///< in the chain
  int steps = 0;          ///< that touch it
};
struct Member {
  int step = 0, loop = 0;
  std::int64_t factor = 1;  ///< iterations of the loop that make a unit
};

/// A chain as far as it is known.
struct Draft {
  List<Shared> tensors;
  List<Member> members;
  std::int64_t units = 0, capacity = 0;  ///< without and with the letter's length
  int letter = 0;
  std::int64_t least = 1;  ///< units of a piece
  std::int64_t bytes = 1;  ///< that a step touches for a unit, at most

  constexpr int find(int node) const {
    for (int i = 0; i < tensors.size(); ++i)
      if (tensors[i].node == node) return i;
    return -1;
  }
  /// Makes of so many units one.
  constexpr void coarsen(std::int64_t by) {
    units /= by;
    capacity /= by;
    least = (least + by - 1) / by;
    bytes *= by;
    for (Shared& t : tensors) t.unit *= by;
    for (Member& m : members) m.factor *= by;
  }
};

class Pass {
 public:
  constexpr Pass(const PlannedSteps& s, const PackSizes& pack) : s_(s), pack_(pack) {}

  constexpr Chains run() {
    for (int s = 0; s < s_.steps; ++s)
      if (s_.view(s).kind() == Kind::contract && r_.of(s) < 0) grow_around(s);
    return static_cast<Chains&&>(r_);
  }

 private:
  static constexpr int most_steps = 32;
  /// How many times as many rows a piece of a contraction needs, so that what its weights cost each time is a hundredth at most, as where these are read from
  /// panels: where they are packed or come transformed in advance, and where they are transformed.
  static constexpr std::int64_t to_pack = 8, to_transform = 128;
  static constexpr std::int64_t last_level = 8;  ///< caches of a core in its share of the last one

  constexpr const PointerUse& use(int s, int p) const { return s_.uses[s_.first_use[s] + p]; }
  static constexpr int node(const StepView& v, int p) { return int(v.pointer(p)[0]); }

  constexpr void grow_around(int seed) {
    const StepView v = s_.view(seed);
    int result = 0;
    while (!use(seed, result).written) ++result;
    if (s_.bytes[node(v, result)] < pack_.cache) return;
    const int loop = outermost(v, result);
    if (loop < 0) return;
    d_ = Draft{};
    d_.units = v.fixed_extent(loop);
    d_.capacity = v.extent(loop);
    d_.letter = v.letter(loop);
    if (!enter(d_, seed, loop, 1)) return;
    int first = seed, last = seed;
    while (first > 0 && join(first - 1)) --first;
    while (last + 1 < s_.steps && join(last + 1)) ++last;
    settle(first, last + 1 - first);
  }

  /// The loop along which a pointer walks furthest; −1 for none.
  static constexpr int outermost(const StepView& v, int p) {
    int best = -1;
    for (int l = 0; l < v.loops(); ++l)
      if (!v.folded(l) && (v.letter(l) != 0 || v.extent(l) > 1) && v.stride(p, l) > 0 && v.stride(p, l) < Panels::tag && (best < 0 || v.stride(p, l) > v.stride(p, best))) best = l;
    return best;
  }

  /// Takes a step in if it shares a tensor with the chain that either writes, and walks it as the others do.
  constexpr bool join(int s) {
    if (r_.of(s) >= 0 || d_.members.size() == most_steps) return false;
    const StepView v = s_.view(s);
    for (int p = 0; p < v.pointers(); ++p) {
      const int t = use(s, p).bytes > 0 ? d_.find(node(v, p)) : -1;
      if (t < 0 || d_.tensors[t].unit == 0 || !(use(s, p).written || d_.tensors[t].written)) continue;
      const int loop = outermost(v, p);
      if (loop < 0 || v.letter(loop) != d_.letter) return false;
      const std::int64_t unit = d_.tensors[t].unit, by = v.stride(p, loop) * use(s, p).bytes;
      const std::int64_t coarser = by > unit ? by / unit : 1, factor = unit * coarser / by;
      if (factor * by != unit * coarser || v.fixed_extent(loop) * coarser != d_.units * factor) return false;
      Draft next = d_;
      if (coarser > 1) next.coarsen(coarser);
      if (!enter(next, s, loop, factor)) return false;
      d_ = static_cast<Draft&&>(next);
      return true;
    }
    return false;
  }

  constexpr bool enter(Draft& d, int s, int loop, std::int64_t factor) const {
    const StepView v = s_.view(s);
    if (v.kind() != Kind::elementwise && v.kind() != Kind::reduce && v.kind() != Kind::contract) return false;
    std::int64_t bytes = 0;
    for (int p = 0; p < v.pointers(); ++p) {
      const PointerUse& u = use(s, p);
      if (u.bytes == 0) continue;
      const int b = node(v, p);
      const std::int64_t unit = unit_of(v, p, u, loop, factor);
      if (u.written && (unit == 0 || s_.overwrites[b] != 0)) return false;
      int t = d.find(b);
      if (t < 0) {
        t = d.tensors.size();
        d.tensors.push({.node = b, .unit = unit});
      }
      Shared& tensor = d.tensors[t];
      tensor.written = tensor.written || u.written;
      if (tensor.unit != unit) {
        if (tensor.written) return false;
        tensor.unit = 0;
      }
      bool again = false;  // another pointer into the same
      for (int q = 0; q < p; ++q) again = again || (use(s, q).bytes > 0 && node(v, q) == b);
      if (again) continue;
      bytes += unit;
      ++tensor.steps;
    }
    d.members.push({s, loop, factor});
    d.bytes = std::max(d.bytes, bytes);
    if (v.kind() == Kind::contract) d.least = std::max(d.least, least_units(v, s_.facts[s], d.capacity, loop));
    return d.least * 2 <= d.capacity && d.least * d.bytes <= last_level * pack_.cache;
  }
  /// The bytes of a unit of what a pointer touches, where they lie side by side, one unit behind the other; else 0.
  static constexpr std::int64_t unit_of(const StepView& v, int p, const PointerUse& u, int loop, std::int64_t factor) {
    const std::int64_t unit = v.stride(p, loop) * factor;
    if (unit <= 0 || unit >= Panels::tag || u.anywhere) return 0;
    std::int64_t first = v.pointer(p)[1] / u.bytes, last = first;
    for (int l = 0; l < v.loops(); ++l) {
      const std::int64_t reach = ((l == loop ? factor : v.extent(l)) - 1) * v.stride(p, l);
      (reach < 0 ? first : last) += reach;
    }
    return first >= 0 && last < unit ? unit * u.bytes : 0;
  }
  /// Of a contraction in one piece.
  constexpr std::int64_t least_units(const StepView& v, const ScratchFacts& f, std::int64_t capacity, int loop) const {
    const ContractLoops at = v.contract_loops();
    if (loop < at.rows) return 1;  // a matrix a unit
    const bool is_row = loop < at.columns;
    const ContractSizes sizes = contract_sizes(v, f);
    bool prepared = false;
    for (int l = 0; l < v.loops(); ++l) prepared = prepared || v.stride(is_row ? 1 : 0, l) >= Panels::tag;
    const bool transforms = sizes.convolution && pack_.filters != nullptr && pack_.filters(sizes.convolution, prepared) > 0;
    const std::int64_t rows = pack_.rows * (prepared && !transforms ? 1 : prepared || !transforms ? to_pack : to_transform);
    const std::int64_t of_unit = std::max<std::int64_t>(1, (is_row ? sizes.rows : sizes.columns) / capacity);
    return std::max<std::int64_t>(1, (rows + of_unit - 1) / of_unit);
  }

  /// Keeps the chain where it pays: cuts it into pieces that threads can share evenly.
  constexpr void settle(int first, int steps) {
    std::int64_t handed_on = 0;
    for (const Shared& t : d_.tensors)
      if (t.written && t.steps > 1) handed_on += t.unit * d_.capacity;
    if (steps < 2 || handed_on < pack_.cache) return;
    const std::int64_t wish = std::max({std::int64_t(1), d_.least, pack_.cache / 2 / d_.bytes});
    std::int64_t pieces = d_.capacity / wish;
    for (const std::int64_t even : {8, 4, 2})
      if (pieces >= even) {
        pieces = pieces / even * even;
        break;
      }
    if (pieces < 2) return;
    if (r_.list.empty()) {
      r_.of_step.resize(s_.steps, -1);
      r_.loop.resize(s_.steps, -1);
      r_.factor.resize(s_.steps, 1);
    }
    const std::int64_t grain = (d_.capacity + pieces - 1) / pieces;
    std::int64_t scratch = 0;
    for (const Member& m : d_.members) {
      r_.of_step[m.step] = r_.list.size();
      r_.loop[m.step] = m.loop;
      r_.factor[m.step] = m.factor;
      StepView v = s_.view(m.step);
      v.cut = m.loop;
      v.piece = grain * m.factor;
      scratch = std::max(scratch, v.kind() == Kind::contract ? pack_.bytes(contract_sizes(v, s_.facts[m.step])) : fold_scratch_bytes(v, s_.facts[m.step].folds));
    }
    for (const Shared& t : d_.tensors)
      if (t.unit * d_.capacity == s_.bytes[t.node]) r_.confined.push({r_.list.size(), t.node, t.unit});
    r_.list.push({.first = first, .steps = steps, .units = d_.units, .letter = d_.letter, .capacity = d_.capacity, .grain = grain, .scratch = scratch});
  }

  const PlannedSteps& s_;
  const PackSizes& pack_;
  Chains r_;
  Draft d_;
};

}  // namespace chains_detail

constexpr Chains chains(const PlannedSteps& s, const PackSizes& pack) {
  chains_detail::Pass pass(s, pack);
  return pass.run();
}

}  // namespace sinter::compile
