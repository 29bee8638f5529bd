// The planner against a checker that uses only its tables: which bytes of the
// arena each step touches, and for how long each buffer lives.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <algorithm>
#include <bit>
#include <map>
#include <vector>

#include "../../benchmarks/models.hpp"
#include "../support/halves.hpp"
#include "../support/residual.hpp"
#include "../support/random_graph.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace plans {

/// The net of examples/digits.cpp.
struct Digits {
  nn::Conv2d<1, 16, 3, Conv2dOptions{.padding = 1}> conv1;
  nn::Conv2d<16, 32, 3, Conv2dOptions{.padding = 1}> conv2;
  nn::Dropout drop{.p = .25f};
  nn::Linear<512, 64> fc1;
  nn::Linear<64, 10> fc2;
  constexpr auto operator()(auto image) const {
    return fc2(relu(fc1(drop(flatten(max_pool2d<2>(relu(conv2(relu(conv1(image))))))))));
  }
};
template <bool Again> using Residual = residual::Residual<Again, 784, 48>;

}  // namespace plans

namespace {

using compile::Micro;

/// One access of a step to a tensor of the arena: when within a row, and by which micro-operation.
struct Touch {
  int buffer = -1, element = 0, position = 0;  ///< element: bytes; position: of the micro-operation in its kernel
  bool written = false, anywhere = false;      ///< anywhere: also by other iterations, at any time
  int from = 0, to = 0;                        ///< even between passes, odd within them: 2 · pass + 1
  bool once_a_row = false;
  std::int64_t at = 0;
  std::vector<std::int64_t> stride;
};
struct StepOf {
  compile::KernelKind kind;
  std::uint64_t folded;
  std::vector<std::int64_t> extent;
  std::vector<Touch> touches;
  int chain = -1;
};
/// Steps that run tile by tile.
struct ChainOf {
  int first, last;
  std::int64_t units, grain, workers;
};
/// How a step is tiled.
struct Cut {
  int chain = -1;
  int loop = -1;                                 ///< −1: all of it runs with the first tile
  std::int64_t factor = 1;
  std::vector<std::int64_t> by_unit, by_worker;  ///< bytes, of each pointer
};

/// A buffer of the arena, as the steps use it.
struct Buffer {
  std::int64_t from = std::int64_t(1) << 60, to = 0;  ///< bytes
  int first = 1 << 30, last = -1;                     ///< steps
  bool written_first = false;
  int chain = -1;  ///< in which only tiles of it are stored; bytes and steps are one worker's
  std::int64_t copies = 1, stride = 0;                ///< one per worker, and their distance in bytes
  int born = 0, gone = 0;                             ///< first and last before the steps of a chain were merged
  std::int64_t bytes() const { return (to - from) * copies; }
  std::int64_t end() const { return to + (copies - 1) * stride; }
};

/// The graph that an inference program of a net runs at every call.
template <class Net, class X> graph::Builder rest_of() {
  return support::halves_of(train::InferenceTrace<false, Net, X>{}(), int(train::leading<Net>), cpu::target).rest;
}

class Checker {
 public:
  explicit Checker(const graph::Builder& g) : plan_(compile::compile(g, 0, cpu::target).run) {
    for (int i = 0; i < g.size(); ++i)
      for (int a = 0; a < g.shape(i).rank; ++a)
        if (g.shape(i).symbol(a) != 0) capacity_[g.shape(i).symbol(a)] = g.shape(i)[a];
    read_chains();
    const std::int64_t* t = plan_.table.data();
    const int* buffer = plan_.buffer.data();
    for (int s = 0; s < plan_.steps; ++s) read_step(s, t, buffer);
    for (auto& [id, b] : buffers_) {
      b.born = b.first;
      b.gone = b.last;
      if (b.chain >= 0) continue;
      // the steps of a chain count as one
      if (const int c = steps_[std::size_t(b.first)].chain; c >= 0) b.first = chains_[std::size_t(c)].first;
      if (const int c = steps_[std::size_t(b.last)].chain; c >= 0) b.last = chains_[std::size_t(c)].last;
    }
    REQUIRE(t == plan_.table.data() + plan_.table.size());
    REQUIRE(buffer == plan_.buffer.data() + plan_.buffer.size());
  }

  std::int64_t arena() const { return plan_.arena_bytes; }
  const std::map<int, Buffer>& buffers() const { return buffers_; }

  /// A lower bound for any assignment of addresses: the most bytes live during one step, where a result that could
  /// reuse the memory of an operand counts once.
  std::int64_t lower_bound() const {
    std::vector<std::int64_t> live(std::size_t(plan_.steps), 0);
    std::vector<int> steps;
    for (const auto& [id, b] : buffers_)
      for (int s = b.first; s <= b.last; ++s) live[std::size_t(s)] += b.bytes();
    for (int s = 0; s < plan_.steps; ++s) steps.push_back(s);
    std::sort(steps.begin(), steps.end(), [&](int a, int b) { return live[std::size_t(a)] > live[std::size_t(b)]; });
    std::int64_t most = 0;
    for (const int s : steps) {
      if (live[std::size_t(s)] <= most) break;
      most = std::max(most, live[std::size_t(s)] - saved(s));
    }
    return most;
  }
  /// Pairs of buffers that share bytes while both live. One whose last use is the step that first writes the other may
  /// share its memory, if that step reads every element before it is overwritten.
  int overlaps() const {
    int n = 0;
    for (auto a = buffers_.begin(); a != buffers_.end(); ++a)
      for (auto b = std::next(a); b != buffers_.end(); ++b) {
        const Buffer &x = a->second, &y = b->second;
        if (x.first > y.last || y.first > x.last) continue;
        const bool same_worker = x.chain >= 0 && x.chain == y.chain;
        if (same_worker ? x.from >= y.to || y.from >= x.to : x.from >= y.end() || y.from >= x.end()) continue;
        if (follow_in_a_chain(a->first, b->first)) continue;
        const bool lent = (x.last == y.first && reads_before_it_writes(x.last, a->first, 0, b->first, 0)) ||
                          (y.last == x.first && reads_before_it_writes(y.last, b->first, 0, a->first, 0));
        n += lent ? 0 : 1;
      }
    return n;
  }
  /// Buffers of which only tiles are stored.
  int stored_in_tiles() const {
    return int(std::count_if(buffers_.begin(), buffers_.end(), [](const auto& b) { return b.second.chain >= 0; }));
  }
  int chains() const { return int(chains_.size()); }
  /// Steps of `maxima` maxima that run by themselves: pools that were not fused.
  int pools(int maxima) const {
    int n = 0;
    const std::int64_t* t = plan_.table.data();
    for (int s = 0; s < plan_.steps; ++s) {
      const std::uint64_t* w = plan_.words.data() + plan_.kernel[int(*t)];
      const int loops = int(w[0] >> 8 & 255), pointers = int(w[0] >> 16 & 255);
      int found = 0;
      Micro m;
      const std::uint64_t* at = w + 2;
      for (int k = compile::count_micros(w); k > 0; --k) {
        at = compile::decode_into(at, m);
        found += m.what == Micro::What::apply && m.code == graph::code_of<ops::Maximum> ? 1 : 0;
      }
      n += compile::KernelKind(w[0] & 255) != compile::KernelKind::contract && found == maxima &&
                   steps_[std::size_t(s)].chain < 0
               ? 1
               : 0;
      t += 1 + loops + pointers * (2 + loops);
    }
    return n;
  }
  /// Buffers that reuse the memory of another.
  int taken_over() const {
    int n = 0;
    for (const auto& [a, x] : buffers_)
      for (const auto& [b, y] : buffers_)
        n += a != b && x.last == y.first && x.first < y.first && x.from < y.to && y.from < x.to ? 1 : 0;
    return n;
  }

 private:
  /// Whether two tensors of the same bytes, one dead before the other is live, can share memory tile by tile in a
  /// chain: each unit touches only its own bytes.
  bool follow_in_a_chain(int one, int other) const {
    const bool in_order = buffers_.at(one).gone < buffers_.at(other).born;
    const Buffer &a = buffers_.at(in_order ? one : other), &b = buffers_.at(in_order ? other : one);
    const int c = steps_[std::size_t(a.gone)].chain;
    const std::int64_t unit = own_unit(one, c);
    return a.gone < b.born && c >= 0 && steps_[std::size_t(b.born)].chain == c && a.from == b.from && a.to == b.to &&
           unit > 0 && own_unit(other, c) == unit;
  }
  /// The bytes of a buffer that only one unit of a chain touches; 0 if it touches others'.
  std::int64_t own_unit(int id, int chain) const {
    std::int64_t unit = 0;
    for (const Unit& u : units_) {
      if (u.buffer != id || u.chain != chain) continue;
      if (unit == 0) unit = u.unit;
      if (u.unit != unit || u.first < buffers_.at(id).from || u.last > buffers_.at(id).from + unit) return 0;
    }
    return unit;
  }
  void read_chains() {
    cuts_.resize(std::size_t(plan_.steps));
    const std::int64_t* c = plan_.chains.data();
    while (c != plan_.chains.data() + plan_.chains.size()) {
      const auto symbol = std::size_t(c[2] >> 56);
      const ChainOf chain{
          int(c[0]), int(c[0] + c[1]) - 1,
          (c[2] & ((std::int64_t(1) << 56) - 1)) * (symbol == 0 ? 1 : capacity_.at(plan_.symbols[int(symbol) - 1])),
          c[3], c[4]};
      REQUIRE(chain.last < plan_.steps);
      REQUIRE(chain.workers * c[5] <= plan_.scratch_bytes);
      c += compile::ChainHead::numbers;
      for (int s = chain.first; s <= chain.last; ++s) {
        Cut& cut = cuts_[std::size_t(s)];
        cut = {int(chains_.size()), int(c[2]), c[3], {}, {}};
        const std::int64_t pointers = c[1];
        c += compile::ChainHead::member_numbers;
        for (std::int64_t p = 0; p < pointers; ++p, c += 2) cut.by_unit.push_back(c[0]), cut.by_worker.push_back(c[1]);
      }
      chains_.push_back(chain);
    }
  }

  /// Calls f(address of an element, its row, its iteration) for each element of an access of a step; rows are the
  /// points of the loops that are not reduced.
  template <class F> static void for_each_element(const StepOf& step, const Touch& t, F f) {
    const std::size_t n = step.extent.size();
    std::vector<std::int64_t> index(n, 0);
    for (const std::int64_t e : step.extent)
      if (e == 0) return;
    for (;;) {
      std::int64_t at = t.at, row = 0, iteration = 0;
      for (std::size_t l = 0; l < n; ++l) {
        at += index[l] * t.stride[l] * t.element;
        iteration = iteration * step.extent[l] + index[l];
        if ((step.folded >> l & 1) == 0) row = row * step.extent[l] + index[l];
      }
      f(at, row, t.once_a_row ? -1 : iteration);
      std::size_t l = n;
      while (l > 0) {
        --l;
        const bool still = (step.folded >> l & 1) != 0 && (t.once_a_row || step.kind == compile::KernelKind::contract);
        if (!still && ++index[l] < step.extent[l]) break;
        index[l] = 0;
        if (l == 0) return;
      }
      if (n == 0) return;
    }
  }
  /// Whether in a step every read of buffer `from` happens before the write of `to` at the same address, in any order
  /// of rows. Addresses are shifted by `move_from` and `move_to`.
  bool reads_before_it_writes(int s, int from, std::int64_t move_from, int to, std::int64_t move_to) const {
    const StepOf& step = steps_[std::size_t(s)];
    if (step.kind == compile::KernelKind::scatter || is_own_kernel(step.kind)) return false;
    struct Written {
      std::int64_t row, iteration;
      const Touch* touch;
    };
    std::map<std::int64_t, Written> written;
    bool fine = true;
    for (const Touch& t : step.touches)
      if (t.buffer == to) {
        if (!t.written) return false;
        for_each_element(step, t, [&](std::int64_t at, std::int64_t row, std::int64_t iteration) {
          const auto [entry, fresh] = written.insert({at + move_to, {row, iteration, &t}});
          fine = fine && (fresh || (entry->second.row == row && entry->second.iteration == iteration &&
                                    entry->second.touch == &t));
        });
      }
    for (const Touch& t : step.touches) {
      if (t.buffer != from || !fine) continue;
      if (t.written) return false;
      for_each_element(step, t, [&](std::int64_t at, std::int64_t row, std::int64_t iteration) {
        at += move_from;
        auto w = written.lower_bound(at);
        if (w != written.begin() && (w == written.end() || w->first > at)) --w;
        for (; w != written.end() && w->first < at + t.element; ++w) {
          const Touch& by = *w->second.touch;
          if (w->first + by.element <= at) continue;
          fine =
              fine && w->first == at && by.element == t.element && !t.anywhere && w->second.row == row &&
              (t.to < by.from || (t.to == by.from && ((t.once_a_row && by.once_a_row) ||
                                                      (w->second.iteration == iteration && t.position < by.position))));
        }
      });
    }
    return fine;
  }
  /// The most bytes that results of a step can save by reusing buffers whose last use it is.
  std::int64_t saved(int step) const {
    // those last used here, and those first written here
    std::map<std::int64_t, std::pair<std::vector<int>, std::vector<int>>> of_size;
    for (const auto& [id, b] : buffers_) {
      const std::int64_t bytes = compile::aligned(b.bytes());
      if (b.first < step && b.last == step) of_size[bytes].first.push_back(id);
      if (b.first == step) of_size[bytes].second.push_back(id);
    }
    std::int64_t sum = 0;
    for (const auto& [bytes, ids] : of_size) {
      std::int64_t from = 0, to = 0;
      const auto may = [&](int r, int w) {
        return reads_before_it_writes(step, r, -buffers_.at(r).from, w, -buffers_.at(w).from);
      };
      for (const int r : ids.first)
        from += std::any_of(ids.second.begin(), ids.second.end(), [&](int w) { return may(r, w); }) ? 1 : 0;
      for (const int w : ids.second)
        to += std::any_of(ids.first.begin(), ids.first.end(), [&](int r) { return may(r, w); }) ? 1 : 0;
      sum += bytes * std::min(from, to);
    }
    return sum;
  }

  void read_step(int step, const std::int64_t*& t, const int*& buffer) {
    const std::uint64_t* w = plan_.words.data() + plan_.kernel[int(*t++)];
    const int loops = int(w[0] >> 8 & 255), pointers = int(w[0] >> 16 & 255);
    std::vector<Micro> micros(std::size_t(compile::count_micros(w)));
    struct Body {
      compile::KernelKind kind;
      int loops, pointers, passes, kept;
      std::uint64_t folded;
      std::vector<Micro>& micros;
    } body{{}, 0, 0, 0, 0, 0, micros};
    compile::decode_into(w, body);
    std::vector<std::int64_t> extent;
    for (int l = 0; l < loops; ++l, ++t) {
      const auto symbol = std::size_t(*t >> 56);
      extent.push_back((*t & ((std::int64_t(1) << 56) - 1)) *
                       (symbol == 0 ? 1 : capacity_.at(plan_.symbols[int(symbol) - 1])));
    }
    std::vector<const std::int64_t*> entry;
    for (int p = 0; p < pointers; ++p, t += 2 + loops) entry.push_back(t);
    const Cut& cut = cuts_[std::size_t(step)];
    StepOf here{body.kind, body.folded, extent, {}, cut.chain};
    if (cut.loop >= 0) CHECK(extent[std::size_t(cut.loop)] == chains_[std::size_t(cut.chain)].units * cut.factor);
    for (int p = 0; p < pointers; ++p) {
      if (compile::PointerBase::of(entry[std::size_t(p)][0]).base != 0) continue;  // no part of the arena
      Touch t;
      t.buffer = buffer[p];
      t.at = entry[std::size_t(p)][1];
      t.stride.assign(entry[std::size_t(p)] + 2, entry[std::size_t(p)] + 2 + loops);
      bool touched = body.kind == compile::KernelKind::contract && p < 2;
      t.anywhere = touched;
      bool indexed = false;
      for (std::size_t j = 0; j < micros.size(); ++j) {
        const Micro& m = micros[j];
        const bool reads = (m.what == Micro::What::load || m.what == Micro::What::gather) && m.a == p,
                   writes = (m.what == Micro::What::store || m.what == Micro::What::scatter) && m.b == p;
        if (m.what == Micro::What::result && t.anywhere) t.element = bytes_of(compile::operands_of(m));
        if (!reads && !writes) continue;
        touched = true;
        t.element = bytes_of(m.dtype);
        t.position = int(j);
        t.written = writes;
        indexed = m.what == Micro::What::gather || m.what == Micro::What::scatter;
        t.anywhere = t.anywhere || indexed;
        t.once_a_row = body.kind == compile::KernelKind::row && m.level < 2;
        const int passes = m.passes == 0 ? 1 : int(m.passes);
        t.from = t.once_a_row ? 2 * m.stage : 2 * std::countr_zero(unsigned(passes)) + 1;
        t.to = t.once_a_row ? 2 * m.stage : 2 * (std::bit_width(unsigned(passes)) - 1) + 1;
        if (body.kind != compile::KernelKind::row && m.level < 2 && reads) t.to = 0, t.from = 0;
      }
      if (!touched) continue;
      REQUIRE(t.element > 0);
      std::int64_t low = 0, high = 0;
      const auto along = [&](std::int64_t n, std::int64_t stride) { (stride < 0 ? low : high) += (n - 1) * stride; };
      const bool tile = cut.chain >= 0 && cut.by_worker[std::size_t(p)] != 0;
      for (int l = 0; l < loops; ++l)
        along(tile && l == cut.loop ? chains_[std::size_t(cut.chain)].grain * cut.factor : extent[std::size_t(l)],
              t.stride[std::size_t(l)]);
      if (indexed) {
        const auto axis = compile::IndexedAxis::of(entry[std::size_t(p + 1)][1]);
        along(axis.extent, axis.stride);
      }
      here.touches.push_back(t);
      Buffer& b = buffers_[t.buffer];
      if (tile) {
        CHECK(cut.by_unit[std::size_t(p)] == 0);
        b.chain = cut.chain;
        b.copies = chains_[std::size_t(cut.chain)].workers;
        b.stride = cut.by_worker[std::size_t(p)];
      } else if (cut.chain >= 0) {
        CHECK(cut.by_unit[std::size_t(p)] ==
              (cut.loop < 0 ? 0 : t.stride[std::size_t(cut.loop)] * cut.factor * t.element));
      }
      if (cut.chain >= 0 && !tile) {  // does it touch only its own unit?
        std::int64_t first = t.at, last = t.at;
        for (std::size_t l = 0; l < extent.size(); ++l) {
          const std::int64_t reach = ((int(l) == cut.loop ? cut.factor : extent[l]) - 1) * t.stride[l] * t.element;
          (reach < 0 ? first : last) += reach;
        }
        const std::int64_t unit = cut.by_unit[std::size_t(p)];
        units_.push_back({t.buffer, cut.chain, unit, first, last + t.element});
      }
      b.from = std::min(b.from, t.at + low * t.element);
      b.to = std::max(b.to, t.at + (high + 1) * t.element);
    }
    for (const bool written : {false, true})  // a step reads before it writes
      for (const Touch& t : here.touches) {
        if (t.written != written) continue;
        Buffer& b = buffers_[t.buffer];
        if (b.last < 0) b.written_first = written;
        b.first = std::min(b.first, step);
        b.last = step;
      }
    steps_.push_back(std::move(here));
    buffer += pointers;
  }

  compile::Plan plan_;
  std::map<int, std::int64_t> capacity_;
  std::map<int, Buffer> buffers_;
  std::vector<StepOf> steps_;
  std::vector<ChainOf> chains_;
  std::vector<Cut> cuts_;
  struct Unit {
    int buffer, chain;
    std::int64_t unit, first, last;  ///< the bytes per unit, and the addresses of the first
  };
  std::vector<Unit> units_;
};

std::int64_t check(const std::string& name, const graph::Builder& g) {
  CAPTURE(name);
  const Checker c(g);
  for (const auto& [id, b] : c.buffers()) {
    CAPTURE(id);
    CHECK(b.written_first);
    if (b.chain >= 0) CHECK(b.to - b.from <= b.stride);
    CHECK(b.from >= 0);
    CHECK(b.end() <= c.arena());
  }
  CHECK(c.overlaps() == 0);
  CAPTURE(c.arena());
  CAPTURE(c.lower_bound());
  // and padding to 64 bytes
  CHECK(double(c.arena()) <= 1.1 * double(c.lower_bound()) + 64.0 * double(c.buffers().size()));
  return c.arena();
}
template <class Net, class X, class Y> std::int64_t check_training(const char* name) {
  return check(name, train::TrainingTrace<Net, train::OfOutput<nn::CrossEntropy<>>, optim::Adam, false, X, Y>{}());
}
template <class Net, class X> std::int64_t check_inference(const char* name) {
  return check(name, rest_of<Net, X>());
}

}  // namespace

TEST_CASE("arenas of training programs are close to what lives at once, and live buffers do not overlap") {
  check_training<plans::Digits, Tensor<float, upto<64, 'B'>, 1, 8, 8>, Tensor<int, upto<64, 'B'>>>("digits");
  check_training<nets::Mlp, Tensor<float, 128, 784>, Tensor<int, 128>>("mlp");
  check_training<nets::LeNet, Tensor<float, 64, 1, 28, 28>, Tensor<int, 64>>("lenet");
  // 45 MB of gradients, 90 of activations: statistics of batch norm that overwrite their buffers must not delay
  // independent steps.
  CHECK(check_training<nets::ResNet18<10, true>, Tensor<float, 16, 3, 32, 32>, Tensor<int, 16>>("resnet18") <
        150'000'000);
  const std::int64_t kept =
      check_training<plans::Residual<false>, Tensor<float, 32, 784>, Tensor<int, 32>>("residual 48");
  CHECK(kept > 600'000 + check_training<plans::Residual<true>, Tensor<float, 32, 784>, Tensor<int, 32>>(
                             "residual 48, checkpointed"));
  check_training<nets::Gpt<512, 64, 128, 4, 4>, Tensor<int, 2, 64>, Tensor<int, 128>>("gpt");
}

TEST_CASE("arenas of inference programs are close to what lives at once, and live buffers do not overlap") {
  check_inference<nets::Mlp, Tensor<float, 1, 784>>("mlp");
  check_inference<nets::LeNet, Tensor<float, 64, 1, 28, 28>>("lenet");
  check_inference<nets::ResNet18<1000>, Tensor<float, 1, 3, 224, 224>>("resnet18");
  check_inference<nets::MiniLM, Tensor<int, 1, 128>>("minilm");
  check_inference<plans::Residual<false>, Tensor<float, 32, 784>>("residual 48");
}

TEST_CASE("what a chain alone reads is stored one tile at a time, and live buffers do not overlap") {
  const Checker lenet(rest_of<nets::LeNet, Tensor<float, upto<64, 'B'>, 1, 28, 28>>());
  CHECK(lenet.chains() == 1);
  CHECK(lenet.stored_in_tiles() >= 3);  // the padded image, the first convolution's result, the pooled one
  CHECK(lenet.overlaps() == 0);
  CHECK(lenet.pools(3) == 0);
  CHECK(lenet.arena() < 3'000'000);  // 4.5 MB if every step stores its results as a whole
  const Checker resnet(rest_of<nets::ResNet18<1000>, Tensor<float, 16, 3, 224, 224>>());
  CHECK(resnet.chains() >= 2);
  CHECK(resnet.pools(8) == 0);
  CHECK(resnet.overlaps() == 0);
  CHECK(resnet.arena() < 50'000'000);  // 67 MB
  const Checker image(rest_of<nets::ResNet18<1000>, Tensor<float, 1, 3, 224, 224>>());
  CHECK(image.chains() == 1);  // rows of one image: the first convolution and its pool
  CHECK(image.pools(8) == 0);
  CHECK(image.overlaps() == 0);
  const Checker minilm(rest_of<nets::MiniLM, Tensor<int, 32, 128>>());
  CHECK(minilm.chains() >= 6);
  CHECK(minilm.overlaps() == 0);
}

TEST_CASE("results take over the memory of operands that end with them") {
  const auto arena_of = [](auto f, auto... inputs) {
    const graph::Builder g = graph::FunctionTrace<decltype(f), decltype(inputs)...>{}();
    const Checker c(g);
    CHECK(c.overlaps() == 0);
    return std::pair{c.arena(), c.taken_over()};
  };
  using Matrix = Sym<float, 128, 64>;
  using Weight = Sym<float, 64, 64>;
  constexpr std::int64_t bytes = 128 * 64 * 4;
  // Rows in several passes, in the memory of the product that they are computed from.
  CHECK(arena_of([](auto x, auto w) { return matmul(softmax(matmul(x, w)), w); }, Matrix{}, Weight{}) ==
        std::pair{bytes, 1});
  // A sum after a product, in the memory of one of its terms.
  CHECK(arena_of([](auto x, auto w) { return matmul(matmul(tanh(matmul(x, w)), w) + matmul(x, w), w); }, Matrix{},
                 Weight{}) == std::pair{2 * bytes, 1});
  // Not what the product itself reads, nor what is read in another order.
  CHECK(arena_of([](auto x, auto w) { return matmul(matmul(matmul(x, w), w), w); }, Matrix{}, Weight{}) ==
        std::pair{2 * bytes, 0});
  CHECK(arena_of([](auto w) { return matmul(softmax(transpose(matmul(w, w))), w); }, Weight{}) ==
        std::pair{2 * bytes / 2, 0});
}

TEST_CASE("live buffers of random programs do not overlap") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const Checker c(support::random_graph(seed, Dtype::float32, 20).graph);
    CHECK(c.overlaps() == 0);
    for (const auto& [id, b] : c.buffers()) CHECK(b.to <= c.arena());
  }
}

TEST_CASE("buffers are placed anew where first fit leaves holes") {
  // A small buffer that outlives its two neighbours: first fit puts it after the first, and the large one after all.
  // Best is the large one at 0, then the small one.
  compile::List<compile::Lifetime> buffers;
  buffers.push({256, 0, 1});
  buffers.push({64, 0, 3});
  buffers.push({512, 2, 3});
  const compile::Offsets p = compile::assign_offsets(buffers, 4);
  CHECK(p.end == 576);
  CHECK(p.at[2] == 0);
  CHECK(p.at[1] == 512);

  // Random lifetimes: disjoint, and never more memory than first fit needs for all of them at once.
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Philox random(Seed{seed}, 0);
    buffers.clear();
    std::int64_t all = 0;
    for (int i = 0; i < 40; ++i) {
      const auto bytes = std::int64_t(64 * (1 + random.below(std::uint64_t(3 * i), 100)));
      const int last = i / 2 + int(random.below(std::uint64_t(3 * i + 1), 8));
      buffers.push({bytes, i / 2, std::min(last, 19)});
      all += bytes;
    }
    const compile::Offsets offsets = compile::assign_offsets(buffers, 20);
    CHECK(offsets.end <= all);
    for (int i = 0; i < 40; ++i)
      for (int k = 0; k < i; ++k) {
        const bool together = buffers[i].first <= buffers[k].last && buffers[k].first <= buffers[i].last;
        CHECK((!together || offsets.at[i] + buffers[i].bytes <= offsets.at[k] ||
               offsets.at[k] + buffers[k].bytes <= offsets.at[i]));
      }
  }
  compile::List<compile::Lifetime> none;
  CHECK(compile::assign_offsets(none, 0).end == 0);
}
