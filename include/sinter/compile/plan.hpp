// From a graph to a plan: the steps as data, the distinct kernels, and one arena with an offset for every buffer.
#pragma once
#include "arena.hpp"
#include "chains.hpp"
#include "in_place.hpp"
#include "lower.hpp"
#include "verify_plan.hpp"

namespace sinter::internals::compile {

namespace plan_detail {

[[noreturn]] SINTER_COLD inline void no_input_has_this_length(char letter) {
  throw Error(ErrorCode::length, std::string("length '") + letter + "'", "expected an input that has it, found none",
              "a program takes its lengths from its inputs");
}

[[noreturn]] SINTER_COLD inline void overwritten_while_needed(int output) {
  throw Error(ErrorCode::unsupported, "output " + std::to_string(output),
              "expected that it can take over the memory of an input, found one that is read afterwards");
}

class Pass {
 public:
  constexpr Pass(Simplified& s, PackSizes pack, bool name_buffers)
      : s_(s), g_(s.graph), pack_(pack), name_buffers_(name_buffers) {}

  /// False, with `apart` extended, when an output would overwrite an input that is still to be read.
  constexpr bool run(List<char>& apart) {
    collect_letters();
    const Fusion f = fuse(s_);
    if constexpr (verifying) verify(s_, f);
    const Order o = order(s_, f);
    if constexpr (verifying) verify(s_, f, o);
    lower_detail::Pass lower(s_, f, o, r_.letters);
    for (const int group : o.groups) write(lower.run(group));
    r_.kernel.push(r_.words.size());
    find_buffers();
    if (overwrites_too_early(apart)) return false;
    count_flops();
    find_bases();
    find_chains();
    allocate();
    address();
    keep_rules();
    r_.nodes = s_.order.size();
    r_.inputs = g_.inputs.size();
    for (const int output : s_.outputs) r_.output_bytes.push(bytes(output));
    for (int k = 0; k < g_.outputs.size(); ++k) r_.takes_over.push(k < g_.overwrites.size() ? g_.overwrites[k] : -1);
    if constexpr (verifying) {
      PlanVerifier verifier(r_, g_, s_.outputs, capacity_.data());
      verifier.run();
    }
    return true;
  }
  constexpr Plan result() { return static_cast<Plan&&>(r_); }

 private:
  constexpr void collect_letters() {
    for (const int i : g_.inputs) {
      const Shape& s = g_.shape(i);
      for (int a = 0; a < s.rank; ++a) {
        bool known = s.letter(a) == 0;
        for (const char c : r_.letters) known = known || c == s.letter(a);
        if (known) continue;
        r_.letters.push(s.letter(a));
        capacity_.push(s[a]);
      }
    }
  }
  constexpr void keep_rules() {
    r_.expectations = g_.expectations.size();
    for (const Builder::LengthRule& rule : g_.length_rules) {
      std::int64_t set = 0;
      for (const char letter : rule.letters)
        if (letter != 0) set |= std::int64_t(1) << letter_index(letter);
      r_.refused.push(rule.what);
      r_.refused_letters.push(set);
    }
  }
  constexpr std::int64_t letter_index(char letter) const {
    for (int i = 0; i < r_.letters.size(); ++i)
      if (r_.letters[i] == letter) return i;
    no_input_has_this_length(letter);
  }

  /// Appends a step; equal kernels share their identity.
  constexpr void write(const Kernel& k) {
    const List<std::uint64_t> words = encode(k);
    std::uint64_t h = 0;
    for (const std::uint64_t w : words) h = (h ^ w) * 1099511628211ull;
    int id = 0;
    while (id < r_.kernel.size() && !(hash_[id] == h && same(id, words))) ++id;
    if (id == r_.kernel.size()) {
      r_.kernel.push(r_.words.size());
      hash_.push(h);
      std::uint64_t* to = r_.words.extend(words.size());
      for (const std::uint64_t w : words) *to++ = w;
    }
    const int loops = k.loops.size();
    step_.push(r_.table.size());
    loops_.push(loops);
    kind_.push(k.kind);
    std::int64_t* t = r_.table.extend(1 + loops + k.pointers.size() * (2 + loops));
    *t++ = id;
    for (const Loop& l : k.loops) *t++ = l.extent | (l.letter != 0 ? letter_index(l.letter) + 1 : 0) << 56;
    for (const Pointer& p : k.pointers) {
      *t++ = p.node;
      *t++ = p.offset;
      double touched = 1;
      for (int i = 0; i < loops; ++i) {
        *t++ = p.stride[i];
        if (p.stride[i] != 0) touched *= double(k.loops[i].capacity);
      }
      if (p.node >= 0) r_.bytes_moved += touched * bytes_of(g_[p.node].dtype);
    }
    note_uses(k);
    const ScratchFacts facts = ScratchFacts::of(k);
    facts_.push(facts);
    const StepView view{r_.words.data() + r_.kernel[id], r_.table.data() + step_.back() + 1, capacity_.data()};
    std::int64_t scratch = std::max(aligned(fold_scratch_bytes(view, facts.folds)), aligned(facts.own));
    if (k.kind != Kind::contract) {
      r_.straight_line_scratch_bytes = std::max(r_.straight_line_scratch_bytes, scratch);
    } else {
      const ContractSizes sizes = contract_sizes(view, facts);
      const ContractLoops at = view.contract_loops();
      scratch = aligned(pack_.bytes(sizes));
      const bool in_place = !facts.fills && pack_.in_place != nullptr &&
                            pack_.in_place(matrix_product(at, loops, sizes.dtype, view.table));
      if (!in_place) r_.straight_line_scratch_bytes = std::max(r_.straight_line_scratch_bytes, scratch);
      double flops = 2.0 * double(sizes.rows) * double(sizes.columns) * double(sizes.inner);
      if (in_place && at.rows > 0 && flops <= straight_line_flops) {
        for (int i = 0; i < at.rows; ++i) flops *= double(k.loops[i].capacity);
        r_.small_flops += flops;
      }
    }
    scratch_.push(scratch);
    ++r_.steps;
  }
  /// How the kernel that was emitted last uses its pointers.
  constexpr void note_uses(const Kernel& k) {
    first_use_.push(uses_.size());
    const int count = k.pointers.size();
    PointerUse* const to = uses_.extend(count);
    for (int p = 0; p < count; ++p) to[p] = {};
    for (const Micro& m : k.micros) {
      const auto size = static_cast<unsigned char>(bytes_of(m.dtype));
      if (m.what == Micro::What::load || m.what == Micro::What::gather) {
        to[m.a].bytes = size;
        to[m.a].anywhere = to[m.a].anywhere || m.what == Micro::What::gather;
      } else if (m.what == Micro::What::store || m.what == Micro::What::scatter) {
        to[m.b] = {size, true, m.what == Micro::What::scatter};
        writes_.push({r_.steps, m.b});
      } else if (m.what == Micro::What::result) {
        to[0].bytes = to[1].bytes = size;
      }
    }
    for (int p = 0; p < count; ++p)
      if (k.pointers[p].node < 0) to[p].bytes = 0;
  }
  constexpr bool same(int id, const List<std::uint64_t>& words) const {
    const int from = r_.kernel[id], to = id + 1 < r_.kernel.size() ? r_.kernel[id + 1] : r_.words.size(),
              n = words.size();
    if (to - from != n) return false;
    const std::uint64_t *a = r_.words.data() + from, *b = words.data();
    for (int i = 0; i < n; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }
  /// Where pointer p of a step stands in the table.
  constexpr int pointer(int step, int p) const { return step_[step] + 1 + loops_[step] + p * (2 + loops_[step]); }
  constexpr int pointers(int step) const {
    const int end = step + 1 < step_.size() ? step_[step + 1] : r_.table.size();
    return (end - step_[step] - 1 - loops_[step]) / (2 + loops_[step]);
  }

  /// Whether a step may store node `to` in the memory of node `from`, once buffers have been found.
  constexpr bool in_place(int step, int from, int to) const {
    const std::int64_t* const t = r_.table.data() + step_[step];
    return may_take_over(r_.words.data() + r_.kernel[int(*t)], t + 1, from, to);
  }
  /// An output takes over the memory of an input only if nobody reads the input
  /// afterwards, and its own kernel no element that it has written.
  constexpr bool overwrites_too_early(List<char>& apart) const {
    const int n = g_.size();
    // the last step that writes an output, and the last that touches a node at all
    List<int> written(n, -1), read(n, -1);
    for (const Write& w : writes_) written[int(r_.table[pointer(w.step, w.pointer)])] = w.step;
    for (int step = 0; step < r_.steps; ++step) {
      const int count = pointers(step), stride = 2 + loops_[step];
      const std::int64_t* p = r_.table.data() + pointer(step, 0);
      for (int i = 0; i < count; ++i, p += stride)
        if (*p >= 0) read[int(*p)] = step;
    }
    bool found = false;
    for (int k = 0; k < g_.overwrites.size(); ++k) {
      if (g_.overwrites[k] < 0) continue;
      const int input = g_.inputs[g_.overwrites[k]], output = s_.outputs[k], writer = written[output],
                last = read[input];
      const bool early = writer >= 0 && (last > writer || (last == writer && !in_place(writer, input, output)));
      if (!early) continue;
      found = true;
      apart.resize(g_.outputs.size(), 0);
      if (apart[k] == 0) {
        apart[k] = 1;
        continue;
      }
      bool all = true;  // another output that takes over memory still reads it: all of them go apart
      for (int i = 0; i < g_.overwrites.size(); ++i) {
        all = all && (g_.overwrites[i] < 0 || apart[i] != 0);
        if (g_.overwrites[i] >= 0) apart[i] = 1;
      }
      if (all) overwritten_while_needed(k);
    }
    return found;
  }

  /// The node that owns the memory: parts of assembled tensors lie inside their whole.
  constexpr int root(int node) const {
    const int part = s_.part_of[node];
    return part >= 0 && s_.parts[part].one_piece ? s_.parts[part].whole : s_.buffer(node);
  }

  /// Replaces nodes by those that own their memory, and offsets by bytes in it.
  constexpr void find_buffers() {
    for (int step = 0; step < r_.steps; ++step)
      for (int p = 0; p < pointers(step); ++p) {
        const int q = pointer(step, p);
        const auto node = int(r_.table[q]);
        if (name_buffers_ || verifying) r_.buffer.push(node < 0 ? -1 : root(node));
        if (node < 0) continue;
        const int b = root(node);
        r_.table[q + 1] =
            (r_.table[q + 1] + (b != node && s_.owner[node] < 0 ? s_.parts[s_.part_of[node]].offset : 0)) *
            bytes_of(g_[node].dtype);
        r_.table[q] = b;
      }
  }

  constexpr void find_bases() {
    base_.resize(g_.size(), 0);
    for (int i = 0; i < g_.inputs.size(); ++i) base_[g_.inputs[i]] = 1 + i;
    for (int k = 0; k < s_.outputs.size(); ++k) base_[s_.outputs[k]] = 1 + g_.inputs.size() + k;
  }

  /// Programs that run as straight-line code have none.
  constexpr void find_chains() {
    if (pack_.cache == 0 || is_straight_line(r_)) return;
    const int n = g_.size();
    List<char> overwrites(n, 0);
    List<std::int64_t> buffer_bytes(n, 0);
    for (int k = 0; k < g_.overwrites.size(); ++k)
      if (g_.overwrites[k] >= 0) overwrites[s_.outputs[k]] = 1;
    for (int i = 0; i < n; ++i) buffer_bytes[i] = g_.shape(i).size() * bytes_of(g_[i].dtype);
    chains_ = chains({r_.table.data(), r_.words.data(), r_.kernel.data(), step_.data(), uses_.data(), first_use_.data(),
                      facts_.data(), capacity_.data(), r_.steps, overwrites.data(), buffer_bytes.data()},
                     pack_);
  }
  /// The chain beside which nothing touches a buffer that lives so long, and in whose pieces it can be; −1 for none.
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
      for (int p = 0; p < pointers(step); ++p) {
        const auto b = int(r_.table[pointer(step, p)]);
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
      if (chains_.of(step) < 0) r_.scratch_bytes = std::max(r_.scratch_bytes, scratch_[step]);
  }

  /// What lives in the steps of one chain alone exists in pieces, in a room of as many as are worked on at a time; all
  /// else that a chain touches lives as long as it.
  constexpr void allocate_with_chains(List<int>& owners, List<Lifetime>& lives, const List<int>& of) {
    in_pieces_.resize(g_.size(), 0);
    List<int> others, home_of;
    for (int k = 0; k < owners.size(); ++k) home_of.push(home(owners[k], lives[k]));
    List<Lifetime> merged = lives;
    const int tensors = owners.size();
    for (int c = 0; c < chains_.list.size(); ++c) {
      Chain& chain = chains_.list[c];
      List<int> inside;
      for (int k = 0; k < tensors; ++k)
        if (home_of[k] == c) inside.push(k), in_pieces_[owners[k]] = 1;
      const std::int64_t whole = allocate(inside, owners, lives, lives, of);
      for (const int k : inside) lives[k].bytes = aligned(chains_.unit(c, owners[k]) * chain.grain);
      chain.local = allocate(inside, owners, lives, lives, of);
      chain.scratch = aligned(chain.scratch);
      // As many pieces at a time as leave half of the memory or, where it is large, three quarters.
      constexpr std::int64_t fewest = 2, most = 16, large = std::int64_t(1) << 23;
      const std::int64_t room = std::min(whole / 2, std::max(whole / 4, large));
      chain.workers =
          chain.in_order
              ? 1
              : std::min((chain.capacity + chain.grain - 1) / chain.grain,
                         std::clamp(room / std::max<std::int64_t>(1, chain.local + chain.scratch), fewest, most));
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
  constexpr bool is_in_pieces(int node) const { return !in_pieces_.empty() && in_pieces_[node] != 0; }

  /// Places some of the owners, by index, in the order of their first steps; returns the bytes that they take. `real`:
  /// lifetimes before those of a chain became one.
  constexpr std::int64_t allocate(const List<int>& some, const List<int>& owners, const List<Lifetime>& lives,
                                  const List<Lifetime>& real, const List<int>& of) {
    // A buffer whose first step is the last of another of its size may take
    // over its place, and with it the place of whatever that one took over.
    List<int> place_of(owners.size(), -1);  // of each owner, its index among the lifetimes
    List<char> taken(owners.size(), 0);
    List<Lifetime> lifetimes;
    for (const int k : some) {
      const Lifetime& life = lives[k];
      int from = owners[k] >= 0 ? before(owners[k], life, lives, of, taken) : -1;
      if (from < 0 && owners[k] >= 0) from = before_in_chain(k, some, owners, real, taken, place_of);
      if (from < 0 || place_of[from] < 0) {
        place_of[k] = lifetimes.size();
        lifetimes.push(life);
        continue;
      }
      taken[from] = 1;
      place_of[k] = place_of[from];
      lifetimes[place_of[from]].last = std::max(lifetimes[place_of[from]].last, life.last);
    }
    const Places places = place(lifetimes, r_.steps);
    for (const int k : some) (owners[k] >= 0 ? at_[owners[k]] : rooms_[-1 - owners[k]]) = places.at[place_of[k]];
    return aligned(places.end);
  }
  /// The buffer whose place `node` may take over in its first step, by index among `lives`; −1 for none.
  constexpr int before(int node, const Lifetime& life, const List<Lifetime>& lives, const List<int>& of,
                       const List<char>& taken) const {
    const int step = life.first;
    if (kind_[step] == Kind::scatter || kind_[step] == Kind::kernel) return -1;
    for (int p = kind_[step] == Kind::contract ? 2 : 0; p < pointers(step); ++p) {
      const auto other = int(r_.table[pointer(step, p)]);
      if (other < 0 || base_[other] != 0) continue;
      const int k = of[other];
      if (lives[k].last == step && lives[k].first < step && lives[k].bytes == life.bytes && taken[k] == 0 &&
          in_place(step, other, node))
        return k;
    }
    return -1;
  }
  /// The same within a chain, where one tensor ends before the other begins:
  /// piece by piece, if pieces of both are the same bytes.
  constexpr int before_in_chain(int k, const List<int>& some, const List<int>& owners, const List<Lifetime>& real,
                                const List<char>& taken, const List<int>& place_of) const {
    const int c = chains_.of(real[k].first);
    if (c < 0 || is_in_pieces(owners[k])) return -1;
    const std::int64_t unit = chains_.unit(c, owners[k]);
    if (unit == 0) return -1;
    for (const int other : some)
      if (place_of[other] >= 0 && taken[other] == 0 && owners[other] >= 0 && chains_.of(real[other].last) == c &&
          real[other].last < real[k].first && real[other].bytes == real[k].bytes &&
          chains_.unit(c, owners[other]) == unit)
        return other;
    return -1;
  }
  constexpr std::int64_t bytes(int node) const { return aligned(g_.shape(node).size() * bytes_of(g_[node].dtype)); }

  /// Replaces nodes by addresses, and says of chains how these move.
  constexpr void address() {
    for (int step = 0; step < r_.steps; ++step) {
      const int c = chains_.of(step);
      const Member m = c >= 0 ? chains_.member[step] : Member{};
      if (c >= 0) {
        const Chain& chain = chains_.list[c];
        if (step == chain.first)
          for (const std::int64_t number :
               {std::int64_t(chain.first), std::int64_t(chain.steps), chain.units | std::int64_t(chain.letter) << 56,
                chain.grain, chain.workers, chain.scratch})
            r_.chains.push(number);
        for (const std::int64_t number :
             {std::int64_t(loops_[step]), std::int64_t(pointers(step)), std::int64_t(m.loop), m.factor, m.lag})
          r_.chains.push(number);
      }
      for (int p = 0; p < pointers(step); ++p) {
        const int q = pointer(step, p);
        const auto b = int(r_.table[q]);
        if (c >= 0) {
          const bool in_pieces = b >= 0 && is_in_pieces(b);
          const std::int64_t element = std::max<std::int64_t>(1, uses_[first_use_[step] + p].bytes);
          r_.chains.push(in_pieces || m.loop < 0 ? 0 : r_.table[q + 2 + m.loop] * m.factor * element);
          r_.chains.push(in_pieces ? chains_.list[c].local : 0);
        }
        if (b < 0) continue;
        if (is_in_pieces(b)) r_.bytes_moved -= touched(step, p);
        r_.table[q] = base_[b];
        if (base_[b] == 0) r_.table[q + 1] += at_[b];
      }
    }
  }
  /// Bytes, every element as often as loops meet it.
  constexpr double touched(int step, int p) const {
    const StepView v{r_.words.data() + r_.kernel[int(r_.table[step_[step]])], r_.table.data() + step_[step] + 1,
                     capacity_.data()};
    double bytes = uses_[first_use_[step] + p].bytes;
    for (int l = 0; l < v.loops(); ++l)
      if (v.stride(p, l) != 0) bytes *= double(v.extent(l));
    return bytes;
  }
  constexpr void count_flops() {
    for (const int v : s_.order) {
      Signature::Operand room[graph::most_operands];
      if (is_computed(s_.kind[v])) r_.flops += g_[v].op->flops(g_.signature(v, room), g_.shape(v));
    }
  }

  struct Write {
    int step = 0, pointer = 0;
  };

  Simplified& s_;
  Builder& g_;
  PackSizes pack_;
  bool name_buffers_;
  Plan r_;
  List<std::uint64_t> hash_;
  List<Kind> kind_;
  List<int> step_, loops_, base_;
  List<Write> writes_;
  List<std::int64_t> scratch_;  ///< bytes of each step
  List<PointerUse> uses_;
  List<int> first_use_;
  List<ScratchFacts> facts_;
  List<std::int64_t> capacity_;  ///< of each letter
  Chains chains_;
  List<char> in_pieces_;         ///< of each node: only pieces of it exist; empty where there are no chains
  List<std::int64_t> at_, rooms_;
};

}  // namespace plan_detail

/// `name_buffers`: the plan also tells which nodes own the memory that its steps touch (`Plan::buffer`).
constexpr Plan compile(const Builder& g, PackSizes pack, bool name_buffers = false) {
  List<char> apart;
  if constexpr (verifying) verify(g);
  for (;;) {
    Simplified s = simplify(g, apart);
    if constexpr (verifying) verify(s);
    plan_detail::Pass pass(s, pack, name_buffers);
    if (pass.run(apart)) return pass.result();
  }
}

}  // namespace sinter::internals::compile
