// Addresses of all buffers: one arena for tensors between steps, inputs and outputs in the caller's memory.
//
// A result takes over the memory of an operand that ends with its step where every element is read before it is
// overwritten (in_place.hpp). A tensor that exists in tiles only (chains.hpp) has memory for as many tiles as are
// worked on at a time.
#pragma once
#include "arena.hpp"
#include "chains.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class Allocator {
 public:
  constexpr Allocator(PlanDraft& d, const Simplified& s, Chains& chains, const Target& target)
      : d_(d), r_(d.plan), s_(s), g_(s.graph), chains_(chains), target_(target), tiles_(target.tiles) {}

  constexpr void run() {
    base_.resize(g_.size(), 0);
    for (int i = 0; i < g_.inputs.size(); ++i) base_[g_.inputs[i]] = 1 + i;
    for (int k = 0; k < s_.outputs.size(); ++k) base_[s_.outputs[k]] = 1 + g_.inputs.size() + k;
    allocate();
    address();
  }

 private:
  /// The chain outside of which nothing accesses a buffer of this lifetime, and in whose tiles it can be; −1 for none.
  constexpr int home(int node, const Lifetime& life) const {
    const int c = chains_.of(life.first);
    return c >= 0 && chains_.of(life.last) == c && chains_.unit(c, node) > 0 ? c : -1;
  }

  constexpr void allocate() {
    const int n = g_.size();
    at_.resize(n, -1);
    List<Lifetime> lives;
    List<int> owners, of(n, -1);  // of: a node's index among these
    for (int step = 0; step < r_.steps; ++step)
      for (int p = 0; p < d_.pointers(step); ++p) {
        const int b = d_.node(step, p);
        if (b < 0 || base_[b] != 0) continue;
        if (of[b] < 0) {
          of[b] = lives.size();
          owners.push(b);
          lives.push({bytes(b), step, step});
        }
        lives[of[b]].last = step;
      }
    if (chains_.list.empty()) {
      List<int> all;
      for (int k = 0; k < owners.size(); ++k) all.push(k);
      r_.arena_bytes = allocate(all, owners, lives, lives, of);
    } else {
      allocate_with_chains(owners, lives, of);
    }
    for (int step = 0; step < r_.steps; ++step)
      if (chains_.of(step) < 0) r_.scratch_bytes = std::max(r_.scratch_bytes, d_.scratch[step]);
  }

  /// A tensor used only inside one chain is stored one tile at a time, in memory for as many tiles as are worked on at
  /// a time; every other tensor that a chain accesses lives as long as the chain.
  constexpr void allocate_with_chains(List<int>& owners, List<Lifetime>& lives, const List<int>& of) {
    in_tiles_.resize(g_.size(), 0);
    List<int> others, home_of;
    for (int k = 0; k < owners.size(); ++k) home_of.push(home(owners[k], lives[k]));
    List<Lifetime> merged = lives;
    const int tensors = owners.size();
    for (int c = 0; c < chains_.list.size(); ++c) {
      Chain& chain = chains_.list[c];
      List<int> inside;
      for (int k = 0; k < tensors; ++k)
        if (home_of[k] == c) inside.push(k), in_tiles_[owners[k]] = 1;
      const std::int64_t whole = allocate(inside, owners, lives, lives, of);
      for (const int k : inside) lives[k].bytes = aligned(chains_.unit(c, owners[k]) * chain.grain);
      chain.local = allocate(inside, owners, lives, lives, of);
      chain.scratch = aligned(chain.scratch);
      // As many tiles at a time as save half of the memory or, where it is large, three quarters.
      const std::int64_t room = std::min(whole / 2, std::max(whole / 4, tiles_.large));
      chain.workers =
          chain.in_order
              ? 1
              : std::min((chain.capacity + chain.grain - 1) / chain.grain,
                         std::clamp(room / std::max<std::int64_t>(1, chain.local + chain.scratch), tiles_.fewest,
                                    tiles_.most));
      r_.scratch_bytes = std::max(r_.scratch_bytes, chain.workers * chain.scratch);
      others.push(owners.size());
      owners.push(-1 - c);
      home_of.push(-1);
      rooms_.push(0);
      merged.push({chain.workers * chain.local, chain.first, chain.first + chain.steps - 1});
    }
    for (int k = 0; k < tensors; ++k) {
      if (home_of[k] >= 0) continue;
      others.push(k);
      if (const int c = chains_.of(lives[k].first); c >= 0) merged[k].first = chains_.list[c].first;
      if (const int c = chains_.of(lives[k].last); c >= 0)
        merged[k].last = chains_.list[c].first + chains_.list[c].steps - 1;
    }
    std::sort(others.begin(), others.end(), [&](int a, int b) {
      return merged[a].first != merged[b].first ? merged[a].first < merged[b].first : a < b;
    });
    r_.arena_bytes = allocate(others, owners, merged, lives, of);
    for (int k = 0; k < tensors; ++k)
      if (home_of[k] >= 0) at_[owners[k]] += rooms_[home_of[k]];
  }
  constexpr bool is_in_tiles(int node) const { return !in_tiles_.empty() && in_tiles_[node] != 0; }

  /// Allocates some of the owners, by index, in the order of their first steps; returns the bytes that they take.
  /// `real`: lifetimes before those of a chain were merged.
  constexpr std::int64_t allocate(const List<int>& some, const List<int>& owners, const List<Lifetime>& lives,
                                  const List<Lifetime>& real, const List<int>& of) {
    // A buffer whose first step is the last of another of its size may take over its address, and with it the address
    // of whatever that one took over.
    List<int> lifetime_of(owners.size(), -1);  // of each owner, its index among the lifetimes
    List<char> taken(owners.size(), 0);
    List<Lifetime> lifetimes;
    for (const int k : some) {
      const Lifetime& life = lives[k];
      int from = owners[k] >= 0 ? before(owners[k], life, lives, of, taken) : -1;
      if (from < 0 && owners[k] >= 0) from = before_in_chain(k, some, owners, real, taken, lifetime_of);
      if (from < 0 || lifetime_of[from] < 0) {
        lifetime_of[k] = lifetimes.size();
        lifetimes.push(life);
        continue;
      }
      taken[from] = 1;
      lifetime_of[k] = lifetime_of[from];
      lifetimes[lifetime_of[from]].last = std::max(lifetimes[lifetime_of[from]].last, life.last);
    }
    const Offsets offsets = assign_offsets(lifetimes, r_.steps);
    for (const int k : some) (owners[k] >= 0 ? at_[owners[k]] : rooms_[-1 - owners[k]]) = offsets.at[lifetime_of[k]];
    return aligned(offsets.end);
  }
  /// The buffer whose address `node` may take over in its first step, by index among `lives`; −1 for none.
  constexpr int before(int node, const Lifetime& life, const List<Lifetime>& lives, const List<int>& of,
                       const List<char>& taken) const {
    const int step = life.first;
    const KernelKind kind = d_.kind[step];
    if (kind == KernelKind::scatter || is_own_kernel(kind) || kind == KernelKind::loop) return -1;
    for (int p = kind == KernelKind::contract ? 2 : 0; p < d_.pointers(step); ++p) {
      const int other = d_.node(step, p);
      if (other < 0 || base_[other] != 0) continue;
      const int k = of[other];
      if (lives[k].last == step && lives[k].first < step && lives[k].bytes == life.bytes && taken[k] == 0 &&
          d_.may_share(step, other, node))
        return k;
    }
    return -1;
  }
  /// The same within a chain, where one tensor ends before the other begins: tile by tile, if tiles of both are of
  /// equal size.
  constexpr int before_in_chain(int k, const List<int>& some, const List<int>& owners, const List<Lifetime>& real,
                                const List<char>& taken, const List<int>& lifetime_of) const {
    const int c = chains_.of(real[k].first);
    if (c < 0 || is_in_tiles(owners[k])) return -1;
    const std::int64_t unit = chains_.unit(c, owners[k]);
    if (unit == 0) return -1;
    for (const int other : some)
      if (lifetime_of[other] >= 0 && taken[other] == 0 && owners[other] >= 0 && chains_.of(real[other].last) == c &&
          real[other].last < real[k].first && real[other].bytes == real[k].bytes &&
          chains_.unit(c, owners[other]) == unit)
        return other;
    return -1;
  }
  constexpr std::int64_t bytes(int node) const { return aligned(buffer_bytes(g_, node)); }

  /// Replaces nodes by addresses, and records how those of chains advance.
  constexpr void address() {
    for (int step = 0; step < r_.steps; ++step) {
      const int c = chains_.of(step);
      const Member m = c >= 0 ? chains_.member[step] : Member{};
      if (c >= 0) {
        const Chain& chain = chains_.list[c];
        if (step == chain.first)
          for (const std::int64_t number :
               {std::int64_t(chain.first), std::int64_t(chain.steps), TableExtent{chain.units, chain.symbol}.packed(),
                chain.grain, chain.workers, chain.scratch})
            r_.chains.push(number);
        for (const std::int64_t number :
             {std::int64_t(d_.loops[step]), std::int64_t(d_.pointers(step)), std::int64_t(m.loop), m.factor, m.lag})
          r_.chains.push(number);
        if (m.loop >= 0) decide_for_tiles(step, m.loop, chain.grain * m.factor);
      }
      for (int p = 0; p < d_.pointers(step); ++p) {
        const int q = d_.pointer(step, p);
        const PointerBase to = PointerBase::of(r_.table[q]);
        const int b = to.base;
        if (c >= 0) {
          const bool in_tiles = b >= 0 && is_in_tiles(b);
          const std::int64_t element = std::max<std::int64_t>(1, d_.use(step, p).bytes);
          const bool stays = in_tiles || m.loop < 0;
          r_.chains.push(stays ? 0 : r_.table[q + TablePointer::strides_at + m.loop] * m.factor * element);
          r_.chains.push(in_tiles ? chains_.list[c].local : 0);
        }
        if (b < 0) continue;
        if (is_in_tiles(b)) r_.bytes_moved -= touched(step, p);
        r_.table[q] = to.into(base_[b]).packed();
        if (base_[b] == 0) r_.table[q + TablePointer::offset_at] += at_[b];
      }
    }
  }
  /// How a contraction is computed may depend on the length of a tile.
  constexpr void decide_for_tiles(int step, int loop, std::int64_t tile) {
    StepView v = d_.view(step);
    v.cut = loop;
    v.tile = std::min(tile, v.extent(loop));
    store_method(d_, step, v, d_.facts[step], target_);
  }
  /// Bytes, every element as often as loops visit it.
  constexpr double touched(int step, int p) const {
    const StepView v = d_.view(step);
    double bytes = d_.use(step, p).bytes;
    for (int l = 0; l < v.loops(); ++l)
      if (v.stride(p, l) != 0) bytes *= double(v.extent(l));
    return bytes;
  }
  PlanDraft& d_;
  Plan& r_;
  const Simplified& s_;
  const Builder& g_;
  Chains& chains_;
  const Target& target_;
  const TileBudget& tiles_;
  List<int> base_;                 ///< of each node: 0 the arena, then inputs, then outputs
  List<char> in_tiles_;            ///< of each node: only tiles of it exist; empty where there are no chains
  List<std::int64_t> at_, rooms_;  ///< in the arena: of each node, and of the tiles of each chain
};

/// Gives every buffer its address, and replaces the nodes in the table by addresses.
constexpr void allocate(PlanDraft& d, const Simplified& s, Chains& chains, const Target& target) {
  Allocator pass(d, s, chains, target);
  pass.run();
}

}  // namespace sinter::internals::compile
