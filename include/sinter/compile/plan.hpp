// From a graph to a plan: the steps as data, the distinct kernels, and one arena with an offset for every buffer.
#pragma once
#include "arena.hpp"
#include "in_place.hpp"
#include "lower.hpp"

namespace sinter::compile {

/// A compiled graph. Its table is a sequence of steps, each of these integers:
///   kernel; for each loop: extent | (index of its letter + 1) << 56; for each pointer: base, byte offset, strides.
/// Base 0 is the arena, 1 … the inputs, then the outputs; −1 a pointer without memory.
struct Plan {
  List<std::int64_t> table;
  List<std::uint64_t> words;  ///< the identities of the distinct kernels, one after another
  List<int> kernel;           ///< where each begins in words; one more at the end
  List<char> letters;         ///< the lengths that the program takes, in order
  List<std::int64_t> output_bytes;  ///< of each output, aligned
  List<int> takes_over;       ///< for each output the input whose memory it takes over, or −1
  List<int> buffer;           ///< where asked for: the node that owns the memory of each pointer of each step, −1 for none
  int steps = 0, nodes = 0, inputs = 0;
  std::int64_t arena_bytes = 0, scratch_bytes = 0;  ///< scratch lies behind the arena
  std::int64_t straight_line_scratch_bytes = 0;     ///< the same, of a straight-line program
  double flops = 0, bytes_moved = 0;
  double small_flops = 0;  ///< of small products, however many, that a straight-line program computes in place
};

inline constexpr std::int64_t alignment = 64;
constexpr std::int64_t aligned(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// Programs of up to this many steps and operations are straight-line code. Products of small matrices do not count: their code does not
/// grow with their number.
inline constexpr int straight_line_steps = 8;
inline constexpr double straight_line_flops = 600'000;
constexpr bool is_straight_line(const Plan& p) { return p.steps <= straight_line_steps && p.flops - p.small_flops <= straight_line_flops; }

namespace plan_detail {

[[noreturn]] SINTER_COLD inline void no_input_has_this_length(char letter) {
  throw Error(ErrorCode::length, std::string("length '") + letter + "'", "expected an input that has it, found none", "a program takes its lengths from its inputs");
}

[[noreturn]] SINTER_COLD inline void overwritten_while_needed(int output) {
  throw Error(ErrorCode::unsupported, "output " + std::to_string(output), "expected that it can take over the memory of an input, found one that is read afterwards");
}

class Pass {
 public:
  constexpr Pass(Simplified& s, PackSizes pack, bool name_buffers) : s_(s), g_(s.graph), pack_(pack), name_buffers_(name_buffers) {}

  /// False, with `apart` extended, when an output would overwrite an input that is still to be read.
  constexpr bool run(List<char>& apart) {
    collect_letters();
    const Fusion f = fuse(s_);
    const Order o = order(s_, f);
    lower_detail::Pass lower(s_, f, o, r_.letters);
    for (const int group : o.groups) emit(lower.run(group));
    r_.kernel.push(r_.words.size());
    find_buffers();
    if (overwrites_too_early(apart)) return false;
    allocate();
    address();
    r_.nodes = s_.order.size();
    r_.inputs = g_.inputs.size();
    for (const int o : s_.outputs) r_.output_bytes.push(bytes(o));
    for (int k = 0; k < g_.outputs.size(); ++k) r_.takes_over.push(k < g_.overwrites.size() ? g_.overwrites[k] : -1);
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
        if (!known) r_.letters.push(s.letter(a));
      }
    }
  }
  constexpr std::int64_t letter_index(char letter) const {
    for (int i = 0; i < r_.letters.size(); ++i)
      if (r_.letters[i] == letter) return i;
    no_input_has_this_length(letter);
  }

  /// Appends a step; equal kernels share their identity.
  constexpr void emit(const Kernel& k) {
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
    for (const Micro& m : k.micros)
      if (m.what == Micro::What::store || m.what == Micro::What::scatter) writes_.push({r_.steps, m.b});
    if (k.kind == Kind::contract) {
      ContractSizes sizes;
      bool fills = false;  // an operand is computed while it is packed
      for (const Micro& m : k.micros) {
        if (m.what == Micro::What::result) sizes.dtype = m.dtype;
        fills = fills || m.what == Micro::What::operand;
      }
      const int n = k.loops.size();
      int column = n;  // one past the last of them
      for (const Loop& l : k.loops) column -= l.folded ? 1 : 0;
      const int first_row = column - k.column_loops - k.row_loops, first_column = column - k.column_loops;
      for (int i = first_row; i < n; ++i) (k.loops[i].folded ? sizes.inner : i < first_column ? sizes.rows : sizes.columns) *= k.loops[i].capacity;
      for (const Loop& l : k.loops) sizes.bounded = sizes.bounded || l.letter != 0;
      const auto extent = [&](int l) { return k.loops[l].capacity; };
      const auto left = [&](int l) { return k.pointers[0].stride[l]; };
      const auto right = [&](int l) { return k.pointers[1].stride[l]; };
      if (!fills) sizes.convolution = SquareConvolution::of(first_row, first_column, column, n, extent, left, right);
      if (!fills) sizes.gradient = SquareWeightGradient::of(first_row, first_column, column, n, extent, left, right);
      const std::int64_t scratch = aligned(pack_.bytes(sizes));
      r_.scratch_bytes = std::max(r_.scratch_bytes, scratch);
      const bool in_place = !fills && pack_.in_place != nullptr && pack_.in_place(matrix_product({first_row, first_column, column}, n, sizes.dtype, r_.table.data() + step_.back() + 1));
      if (!in_place) r_.straight_line_scratch_bytes = std::max(r_.straight_line_scratch_bytes, scratch);
      double flops = 2.0 * double(sizes.rows) * double(sizes.columns) * double(sizes.inner);
      if (in_place && first_row > 0 && flops <= straight_line_flops) {
        for (int i = 0; i < first_row; ++i) flops *= double(k.loops[i].capacity);
        r_.small_flops += flops;
      }
    }
    const std::int64_t others = std::max(aligned(fold_scratch_bytes(k)), aligned(k.scratch));
    r_.scratch_bytes = std::max(r_.scratch_bytes, others);
    r_.straight_line_scratch_bytes = std::max(r_.straight_line_scratch_bytes, others);
    ++r_.steps;
  }
  constexpr bool same(int id, const List<std::uint64_t>& words) const {
    const int from = r_.kernel[id], to = id + 1 < r_.kernel.size() ? r_.kernel[id + 1] : r_.words.size(), n = words.size();
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
  /// An output takes over the memory of an input only if nobody reads the input afterwards, and its own kernel no element that it has written.
  constexpr bool overwrites_too_early(List<char>& apart) const {
    const int n = g_.size();
    List<int> written(n, -1), read(n, -1);  // the last step that writes an output, and the last that touches a node at all
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
      const int input = g_.inputs[g_.overwrites[k]], output = s_.outputs[k], writer = written[output], last = read[input];
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
        if (name_buffers_) r_.buffer.push(node < 0 ? -1 : root(node));
        if (node < 0) continue;
        const int b = root(node);
        r_.table[q + 1] = (r_.table[q + 1] + (b != node && s_.owner[node] < 0 ? s_.parts[s_.part_of[node]].offset : 0)) * bytes_of(g_[node].dtype);
        r_.table[q] = b;
      }
  }

  constexpr void allocate() {
    const int n = g_.size();
    at_.resize(n, -1);
    base_.resize(n, 0);
    for (int i = 0; i < g_.inputs.size(); ++i) base_[g_.inputs[i]] = 1 + i;
    for (int k = 0; k < s_.outputs.size(); ++k) base_[s_.outputs[k]] = 1 + g_.inputs.size() + k;
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
    // A buffer whose first step is the last of another of its size may take over its place, and with it the place of whatever that one took over.
    List<int> place_of;  // of each owner, its index among the lifetimes
    List<char> taken(owners.size(), 0);
    List<Lifetime> lifetimes;
    for (int k = 0; k < owners.size(); ++k) {
      const Lifetime& life = lives[k];
      const int from = before(owners[k], life, lives, of, taken);
      if (from < 0) {
        place_of.push(lifetimes.size());
        lifetimes.push(life);
        continue;
      }
      taken[from] = 1;
      place_of.push(place_of[from]);
      lifetimes[place_of[from]].last = life.last;
    }
    const Places places = place(lifetimes, r_.steps);
    for (int i = 0; i < owners.size(); ++i) at_[owners[i]] = places.at[place_of[i]];
    r_.arena_bytes = aligned(places.end);
  }
  /// The buffer whose place `node` may take over in its first step, by index among `lives`; −1 for none.
  constexpr int before(int node, const Lifetime& life, const List<Lifetime>& lives, const List<int>& of, const List<char>& taken) const {
    const int step = life.first;
    if (kind_[step] == Kind::scatter || kind_[step] == Kind::kernel) return -1;
    for (int p = kind_[step] == Kind::contract ? 2 : 0; p < pointers(step); ++p) {
      const auto other = int(r_.table[pointer(step, p)]);
      if (other < 0 || base_[other] != 0) continue;
      const int k = of[other];
      if (lives[k].last == step && lives[k].first < step && lives[k].bytes == life.bytes && taken[k] == 0 && in_place(step, other, node)) return k;
    }
    return -1;
  }
  constexpr std::int64_t bytes(int node) const { return aligned(g_.shape(node).size() * bytes_of(g_[node].dtype)); }

  /// Replaces nodes by addresses.
  constexpr void address() {
    for (int step = 0; step < r_.steps; ++step)
      for (int p = 0; p < pointers(step); ++p) {
        const int q = pointer(step, p);
        const auto b = int(r_.table[q]);
        if (b < 0) continue;
        r_.table[q] = base_[b];
        if (base_[b] == 0) r_.table[q + 1] += at_[b];
      }
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
  List<std::int64_t> at_;
};

}  // namespace plan_detail

/// `name_buffers`: the plan also tells which nodes own the memory that its steps touch (`Plan::buffer`).
constexpr Plan compile(const Builder& g, PackSizes pack, bool name_buffers = false) {
  List<char> apart;
  for (;;) {
    Simplified s = simplify(g, apart);
    plan_detail::Pass pass(s, pack, name_buffers);
    if (pass.run(apart)) return pass.result();
  }
}

}  // namespace sinter::compile
