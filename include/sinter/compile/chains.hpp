// Which steps run tile by tile, one after another: a pool, a softmax or the next convolution after a contraction, while
// the contraction's result is in cache.
//
// A chain is a run of consecutive steps that are tiled along one axis, mostly the batch: every step runs on one tile of
// it, then every step on the next. Each step has a loop along that axis; a unit is one iteration of the coarsest of
// these loops (an image, a row). This adds no kernel: a tile is the same step with a shorter loop and other addresses.
// There are two kinds:
//
//  - independent: what other steps of the chain write, a step reads only of its own unit. Each thread takes tiles of
//    its own, and what nobody outside reads never exists as a whole;
//  - in order: a step may read what earlier tiles have written, such as the rows above in one image, and lags by as
//    many units as it reads ahead. Threads share each tile. The borders of such an image are written as a whole before
//    the first tile.
//
// A chain is made
//
//  - around a contraction whose result no longer fits the cache, from adjacent steps that share a tensor with it and
//    can be tiled like that;
//  - with tiles that stay in cache, and are large enough that what every tile repeats, packing or transforming weights,
//    does not count;
//  - where at least a cache's worth of tensors is passed from one step to another.
#pragma once
#include <algorithm>

#include "emit.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// Consecutive steps that run tile by tile.
struct Chain {
  int first = 0, steps = 0;
  std::int64_t units = 0;    ///< times the length of the symbolic dimension `symbol`, if any
  int symbol = 0;            ///< its index + 1
  std::int64_t capacity = 0; ///< the most units
  std::int64_t grain = 1;    ///< units of a tile
  bool in_order = false;     ///< steps read what earlier tiles have written too
  std::int64_t workers = 1;  ///< threads that may work on tiles of their own
  std::int64_t scratch = 0,
               local = 0;  ///< bytes that each takes: of its kernels, and of tensors that exist in tiles only
};

/// How a step takes part in a chain.
struct Member {
  int chain = -1, step = 0;
  int loop = -1;            ///< the one that is tiled; −1: the step runs as a whole, with the first tile
  std::int64_t factor = 0;  ///< iterations of it that make a unit
  std::int64_t lag = 0;     ///< units by which it lags after the first steps, so that what it reads ahead is written
};

struct Chains {
  List<Chain> list;
  List<Member> member;  ///< of each step
  /// A tensor of which every step of a chain accesses only its own unit, and which the units cover.
  struct Confined {
    int chain, node;
    std::int64_t unit;  ///< bytes
  };
  List<Confined> confined;

  constexpr int of(int step) const { return list.empty() ? -1 : member[step].chain; }
  /// Bytes of a unit of a node in a chain; 0 where it is not confined.
  constexpr std::int64_t unit(int chain, int node) const {
    for (const Confined& c : confined)
      if (c.chain == chain && c.node == node) return c.unit;
    return 0;
  }
};

/// A tensor that steps of a chain access.
struct Shared {
  int node = -1;
  std::int64_t unit = 0;   ///< bytes from what a step accesses for one unit to that of the next; 0: the same for all
  bool confined = false;   ///< units are contiguous from its beginning, and every step accesses only its own
  bool written = false;    ///< in the chain
  std::int64_t begin = 0;  ///< the first byte of what is written for the first unit
  std::int64_t lag = 0;    ///< of whoever writes it
  int steps = 0;           ///< that access it
  bool closed = false;     ///< units of what is written are interleaved: no other step of the chain may access it
};
/// What a step accesses through a pointer for the first unit, in bytes from the beginning of the memory, and how far
/// that advances per unit (0: it does not, or is indexed).
struct Reach {
  std::int64_t unit = 0, first = 0, last = 0;

  static constexpr Reach of(const StepView& v, int p, const PointerUse& u, int loop, std::int64_t factor) {
    const std::int64_t unit = v.stride(p, loop) * factor;
    if (unit <= 0 || v.is_packed(p, loop) || u.anywhere) return {};
    std::int64_t first = v.offset(p) / u.bytes, last = first;
    for (int l = 0; l < v.loops(); ++l) {
      const std::int64_t way = ((l == loop ? factor : v.extent(l)) - 1) * v.stride(p, l);
      (way < 0 ? first : last) += way;
    }
    return {unit * u.bytes, first * u.bytes, (last + 1) * u.bytes};
  }
  constexpr bool confined() const { return unit > 0 && first >= 0 && last <= unit; }
  constexpr bool disjoint() const { return unit > 0 && last - first <= unit; }  ///< from those of other units
};

/// A chain under construction.
struct ChainDraft {
  List<Shared> tensors;
  List<Member> members;
  bool in_order = false;                 ///< tiles may read what earlier ones have written
  std::int64_t units = 0, capacity = 0;  ///< without and with the length of the symbolic dimension
  int symbol = 0;
  std::int64_t least = 1;  ///< units of a tile
  std::int64_t bytes = 1;  ///< that a step accesses per unit, at most

  constexpr int find(int node) const {
    for (int i = 0; i < tensors.size(); ++i)
      if (tensors[i].node == node) return i;
    return -1;
  }
  /// Merges this many units into one.
  constexpr void coarsen(std::int64_t by) {
    units /= by;
    capacity /= by;
    least = (least + by - 1) / by;
    bytes *= by;
    for (Shared& t : tensors) {
      t.unit *= by;
      t.lag = (t.lag + by - 1) / by;
    }
    for (Member& m : members) {
      m.factor *= by;
      m.lag = (m.lag + by - 1) / by;
    }
  }
};

class ChainFinder {
 public:
  constexpr ChainFinder(const PlanDraft& d, const Simplified& s, const Target& target)
      : s_(d), g_(s.graph), target_(target), tiles_(target.tiles), overwrites_(s.graph.size(), 0) {
    for (int k = 0; k < g_.overwrites.size(); ++k)
      if (g_.overwrites[k] >= 0) overwrites_[s.outputs[k]] = 1;
  }

  constexpr Chains run() {
    for (int s = 0; s < s_.plan.steps; ++s)
      if (s_.view(s).kind() == KernelKind::contract && r_.of(s) < 0 && !grow_around(s, false)) grow_around(s, true);
    return static_cast<Chains&&>(r_);
  }

 private:
  static constexpr int most_steps = 32;

  constexpr const PointerUse& use(int s, int p) const { return s_.use(s, p); }
  static constexpr int node(const StepView& v, int p) { return v.base(p); }

  /// Whether that made a chain, or none is possible.
  constexpr bool grow_around(int seed, bool in_order) {
    const StepView v = s_.view(seed);
    int result = 0;
    while (!use(seed, result).written) ++result;
    const int loop = outermost(v, result);
    if (buffer_bytes(g_, node(v, result)) < tiles_.cache || loop < 0) return true;
    d_ = ChainDraft{};
    d_.in_order = in_order;
    d_.units = v.fixed_extent(loop);
    d_.capacity = v.extent(loop);
    d_.symbol = v.symbol(loop);
    if (!enter(d_, seed, loop, 1)) return false;
    int first = seed, last = seed;
    while (first > 0 && join(first - 1)) --first;
    while (last + 1 < s_.plan.steps && join(last + 1)) ++last;
    return settle(first, last + 1 - first);
  }

  /// The loop with the largest stride of a pointer; −1 for none.
  static constexpr int outermost(const StepView& v, int p) {
    int best = -1;
    for (int l = 0; l < v.loops(); ++l)
      if (!v.folded(l) && (v.symbol(l) != 0 || v.extent(l) > 1) && v.stride(p, l) > 0 && !v.is_packed(p, l) &&
          (best < 0 || v.stride(p, l) > v.stride(p, best)))
        best = l;
    return best;
  }

  /// Adds a step if it shares a tensor with the chain that either writes, and strides over it as the others do.
  constexpr bool join(int s) {
    if (r_.of(s) >= 0 || d_.members.size() == most_steps) return false;
    const StepView v = s_.view(s);
    for (int p = 0; p < v.pointers(); ++p) {
      const int t = use(s, p).bytes > 0 ? d_.find(node(v, p)) : -1;
      if (t < 0 || d_.tensors[t].unit == 0 || !(use(s, p).written || d_.tensors[t].written)) continue;
      ChainDraft next = d_;
      if (!enter_in_step(next, s, v, p, d_.tensors[t].unit)) {
        if (!d_.in_order || !use(s, p).written) return false;
        next = d_;
        if (!enter_as_a_whole(next, s)) return false;
      }
      // tiles would no longer stay there
      if (next.least * next.bytes > 2 * tiles_.cache && d_.least * d_.bytes <= 2 * tiles_.cache) return false;
      d_ = static_cast<ChainDraft&&>(next);
      return true;
    }
    return false;
  }
  /// Adds a step that strides over a tensor of the chain through a pointer as others do, by this many bytes per unit.
  constexpr bool enter_in_step(ChainDraft& d, int s, const StepView& v, int p, std::int64_t unit) const {
    const int loop = outermost(v, p);
    if (loop < 0 || v.symbol(loop) != d.symbol) return false;
    const std::int64_t by = v.stride(p, loop) * use(s, p).bytes, coarser = by > unit ? by / unit : 1,
                       factor = unit * coarser / by;
    if (factor * by != unit * coarser || v.fixed_extent(loop) * coarser != d.units * factor) return false;
    if (coarser > 1) d.coarsen(coarser);
    return enter(d, s, loop, factor);
  }

  constexpr bool enter(ChainDraft& d, int s, int loop, std::int64_t factor) const {
    const StepView v = s_.view(s);
    if (v.kind() != KernelKind::map && v.kind() != KernelKind::row && v.kind() != KernelKind::contract) return false;
    std::int64_t bytes = 0, lag = 0;
    for (int p = 0; p < v.pointers(); ++p) {
      const PointerUse& u = use(s, p);
      if (u.bytes == 0) continue;
      if (v.is_packed(p, loop)) return false;  // a stride does not give the distance between panels
      const int b = node(v, p);
      const Reach r = Reach::of(v, p, u, loop, factor);
      if (u.written && overwrites_[b] != 0) return false;
      int t = d.find(b);
      if (t < 0) {
        t = d.tensors.size();
        d.tensors.push({.node = b,
                        .unit = r.unit,
                        .confined = r.confined(),
                        .begin = r.first,
                        .closed = u.written && !r.confined() && !(d.in_order && r.disjoint())});
        if (d.tensors[t].closed) d.tensors[t].unit = 0;
      } else if (d.tensors[t].closed || (u.written && !r.confined() && !(d.in_order && r.disjoint()))) {
        return false;
      }
      Shared& tensor = d.tensors[t];
      const bool alike = tensor.confined && r.confined() && tensor.unit == r.unit;
      if (!alike && !tensor.closed) {
        if (u.written ? tensor.steps > 0 && (!tensor.written || !d.in_order || tensor.unit != r.unit)
                      : tensor.written && (!d.in_order || tensor.unit != r.unit))
          return false;
        if (!tensor.written) tensor.unit = tensor.unit == r.unit ? r.unit : 0;
        tensor.confined = false;
      }
      if (u.written) {
        tensor.begin = tensor.written ? std::min(tensor.begin, r.first) : r.first;
        tensor.written = true;
      } else if (tensor.written) {
        const std::int64_t ahead = r.last - 1 - tensor.begin;
        lag = std::max(lag, tensor.lag + (ahead > 0 ? ahead / tensor.unit : 0));
      }
      bool again = false;  // another pointer to the same tensor
      for (int q = 0; q < p; ++q) again = again || (use(s, q).bytes > 0 && node(v, q) == b);
      if (again) continue;
      bytes += r.unit;
      ++tensor.steps;
    }
    for (int p = 0; p < v.pointers(); ++p)
      if (use(s, p).written) {
        Shared& tensor = d.tensors[d.find(node(v, p))];
        tensor.lag = std::max(tensor.lag, lag);
      }
    d.members.push({.step = s, .loop = loop, .factor = factor, .lag = lag});
    d.bytes = std::max(d.bytes, bytes);
    if (v.kind() == KernelKind::contract) d.least = std::max(d.least, least_units(v, s_.facts[s], d.capacity, loop));
    return (d.least + lag) * (d.in_order ? 4 : 2) <= d.capacity &&
           d.least * d.bytes <= tiles_.last_level * tiles_.cache;
  }
  /// Adds a step that runs as a whole before other tiles: the border above an image.
  constexpr bool enter_as_a_whole(ChainDraft& d, int s) const {
    const StepView v = s_.view(s);
    if (v.kind() != KernelKind::map) return false;
    for (int p = 0; p < v.pointers(); ++p) {
      if (use(s, p).bytes == 0) continue;
      const int b = node(v, p), t = d.find(b);
      if (t >= 0 && d.tensors[t].closed) return false;
      if (use(s, p).written ? t < 0 || !d.tensors[t].written || overwrites_[b] != 0 : t >= 0 && d.tensors[t].written)
        return false;
      if (t >= 0) d.tensors[t].confined = false;
      else d.tensors.push({.node = b, .steps = 1});  // nobody may write it in tiles
    }
    d.members.push({.step = s});
    return true;
  }
  /// Of a contraction in one tile.
  constexpr std::int64_t least_units(const StepView& v, const KernelFacts& f, std::int64_t capacity, int loop) const {
    const ContractLoops at = v.contract_loops();
    if (loop < at.rows) return 1;  // one matrix per unit
    return target_.tiles.least != nullptr ? target_.tiles.least(v, f, loop < at.columns, capacity) : 1;
  }

  /// Keeps the chain if it pays: cuts it into tiles that threads can share evenly.
  constexpr bool settle(int first, int steps) {
    std::int64_t handed_on = 0;
    for (const Shared& t : d_.tensors)
      if (t.written && t.steps > 1) handed_on += t.unit * d_.capacity;
    if (steps < 2 || handed_on < tiles_.cache) return false;
    const std::int64_t wish = std::max({std::int64_t(1), d_.least, tiles_.cache / 2 / d_.bytes});
    std::int64_t tiles = d_.capacity / wish;
    if (!d_.in_order)
      for (const std::int64_t even : {8, 4, 2})
        if (tiles >= even) {
          tiles = tiles / even * even;
          break;
        }
    if (tiles < 2) return false;
    const std::int64_t grain = (d_.capacity + tiles - 1) / tiles;
    if (r_.list.empty()) r_.member.resize(s_.plan.steps, {});
    std::int64_t scratch = 0;
    for (Member m : d_.members) {
      m.chain = r_.list.size();
      r_.member[m.step] = m;
      if (m.loop < 0) continue;
      StepView v = s_.view(m.step);
      v.cut = m.loop;
      v.tile = (grain + m.lag) * m.factor;
      if (target_.scratch != nullptr) scratch = std::max(scratch, target_.scratch(v, s_.facts[m.step]));
    }
    for (const Shared& t : d_.tensors)
      if (!d_.in_order && t.confined && t.unit * d_.capacity == buffer_bytes(g_, t.node))
        r_.confined.push({r_.list.size(), t.node, t.unit});
    r_.list.push({.first = first,
                  .steps = steps,
                  .units = d_.units,
                  .symbol = d_.symbol,
                  .capacity = d_.capacity,
                  .grain = grain,
                  .in_order = d_.in_order,
                  .scratch = scratch});
    return true;
  }

  const PlanDraft& s_;
  const Builder& g_;
  const Target& target_;
  const TileBudget& tiles_;
  List<char> overwrites_;  ///< of each node: whether it takes over the memory of an input
  Chains r_;
  ChainDraft d_;
};


/// The chains of a program; straight-line code has none.
constexpr Chains find_chains(const PlanDraft& d, const Simplified& s, const Target& target) {
  if (target.tiles.cache == 0 || is_straight_line(d.plan, target)) return {};
  ChainFinder pass(d, s, target);
  return pass.run();
}

}  // namespace sinter::internals::compile
