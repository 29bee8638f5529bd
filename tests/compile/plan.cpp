// The planner against a checker that knows only its tables: which bytes of the arena each step touches, and for how long each buffer lives.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <algorithm>
#include <map>
#include <vector>

#include "../../benchmarks/models.hpp"
#include "../support/residual.hpp"
#include "../support/random_graph.hpp"

using namespace sinter;

namespace plans {

/// The net of examples/digits.cpp.
struct Digits {
  nn::Conv2d<1, 16, 3, Conv2dOptions{.padding = 1}> conv1;
  nn::Conv2d<16, 32, 3, Conv2dOptions{.padding = 1}> conv2;
  nn::Dropout drop{.p = .25f};
  nn::Linear<512, 64> fc1;
  nn::Linear<64, 10> fc2;
  constexpr auto operator()(auto image) const { return fc2(relu(fc1(drop(flatten(max_pool2d<2>(relu(conv2(relu(conv1(image)))))))))); }
};
template <bool Again> using Residual = nets::Residual<Again, 784, 48>;

}  // namespace plans

namespace {

using compile::Micro;

/// A buffer of the arena, as the steps use it.
struct Buffer {
  std::int64_t from = std::int64_t(1) << 60, to = 0;  ///< bytes
  int first = 1 << 30, last = -1;                     ///< steps
  bool written_first = false;
  std::int64_t bytes() const { return to - from; }
};

class Checker {
 public:
  explicit Checker(const graph::Builder& g) : plan_(compile::compile(g, cpu::Backend::pack, true)) {
    for (const int i : g.inputs)
      for (int a = 0; a < g.shape(i).rank; ++a)
        if (g.shape(i).letter(a) != 0) capacity_[g.shape(i).letter(a)] = g.shape(i)[a];
    const std::int64_t* t = plan_.table.data();
    const int* buffer = plan_.buffer.data();
    for (int s = 0; s < plan_.steps; ++s) read_step(s, t, buffer);
    REQUIRE(t == plan_.table.data() + plan_.table.size());
    REQUIRE(buffer == plan_.buffer.data() + plan_.buffer.size());
  }

  std::int64_t arena() const { return plan_.arena_bytes; }
  const std::map<int, Buffer>& buffers() const { return buffers_; }

  /// No order of addresses can do with less: the most bytes that live during one step.
  std::int64_t lower_bound() const {
    std::vector<std::int64_t> live(std::size_t(plan_.steps), 0);
    for (const auto& [id, b] : buffers_)
      for (int s = b.first; s <= b.last; ++s) live[std::size_t(s)] += b.bytes();
    return live.empty() ? 0 : *std::max_element(live.begin(), live.end());
  }
  /// Pairs of buffers that live during one step and share bytes.
  int overlaps() const {
    int n = 0;
    for (auto a = buffers_.begin(); a != buffers_.end(); ++a)
      for (auto b = std::next(a); b != buffers_.end(); ++b) {
        const Buffer &x = a->second, &y = b->second;
        n += x.first <= y.last && y.first <= x.last && x.from < y.to && y.from < x.to ? 1 : 0;
      }
    return n;
  }

 private:
  void read_step(int step, const std::int64_t*& t, const int*& buffer) {
    const std::uint64_t* w = plan_.words.data() + plan_.kernel[int(*t++)];
    const int loops = int(w[0] >> 8 & 255), pointers = int(w[0] >> 16 & 255);
    std::vector<Micro> micros(std::size_t(compile::count_micros(w)));
    struct Body {
      graph::Kind kind;
      int loops, pointers, passes, kept;
      std::uint64_t folded;
      std::vector<Micro>& micros;
    } body{{}, 0, 0, 0, 0, 0, micros};
    compile::decode_into(w, body);
    std::vector<std::int64_t> extent;
    for (int l = 0; l < loops; ++l, ++t) {
      const auto letter = std::size_t(*t >> 56);
      extent.push_back((*t & ((std::int64_t(1) << 56) - 1)) * (letter == 0 ? 1 : capacity_.at(plan_.letters[int(letter) - 1])));
    }
    std::vector<const std::int64_t*> entry;
    for (int p = 0; p < pointers; ++p, t += 2 + loops) entry.push_back(t);
    for (int pass = 0; pass < 2; ++pass)  // a step reads before it writes
      for (int p = 0; p < pointers; ++p) {
        bool written = false, indexed = false;
        int element = 0;
        for (const Micro& m : micros) {
          const bool here = (m.what == Micro::What::load || m.what == Micro::What::gather) ? m.a == p : (m.what == Micro::What::store || m.what == Micro::What::scatter) && m.b == p;
          if (m.what == Micro::What::result && element == 0) element = bytes_of(m.dtype);
          if (!here) continue;
          element = bytes_of(m.dtype);
          written = m.what == Micro::What::store || m.what == Micro::What::scatter;
          indexed = m.what == Micro::What::gather || m.what == Micro::What::scatter;
        }
        if (entry[std::size_t(p)][0] != 0 || written != (pass == 1)) continue;
        REQUIRE(element > 0);
        std::int64_t low = 0, high = 0;
        const auto along = [&](std::int64_t n, std::int64_t stride) { (stride < 0 ? low : high) += (n - 1) * stride; };
        for (int l = 0; l < loops; ++l) along(extent[std::size_t(l)], entry[std::size_t(p)][2 + l]);
        if (indexed) {
          const auto axis = compile::IndexedAxis::of(entry[std::size_t(p + 1)][1]);
          along(axis.extent, axis.stride);
        }
        const std::int64_t at = entry[std::size_t(p)][1];
        Buffer& b = buffers_[buffer[p]];
        if (b.last < 0) b.written_first = written;
        b.first = std::min(b.first, step);
        b.last = step;
        b.from = std::min(b.from, at + low * element);
        b.to = std::max(b.to, at + (high + 1) * element);
      }
    buffer += pointers;
  }

  compile::Plan plan_;
  std::map<char, std::int64_t> capacity_;
  std::map<int, Buffer> buffers_;
};

std::int64_t check(const std::string& name, const graph::Builder& g) {
  CAPTURE(name);
  const Checker c(g);
  for (const auto& [id, b] : c.buffers()) {
    CAPTURE(id);
    CHECK(b.written_first);
    CHECK(b.from >= 0);
    CHECK(b.to <= c.arena());
  }
  CHECK(c.overlaps() == 0);
  CAPTURE(c.arena());
  CAPTURE(c.lower_bound());
  CHECK(double(c.arena()) <= 1.1 * double(c.lower_bound()) + 64.0 * double(c.buffers().size()));  // and the ends of 64 bytes
  return c.arena();
}
template <class Net, class X, class Y> std::int64_t check_training(const char* name) { return check(name, train::TrainingTrace<Net, nn::CrossEntropy<>, optim::Adam, X, Y>{}()); }
template <class Net, class X> std::int64_t check_inference(const char* name) { return check(name, train::PreparedTrace<Net, cpu::Backend, X>{}()); }

}  // namespace

TEST_CASE("arenas of training programs are close to what lives at once, and live buffers are apart") {
  check_training<plans::Digits, Tensor<float, upto<64, 'B'>, 1, 8, 8>, Tensor<int, upto<64, 'B'>>>("digits");
  check_training<nets::Mlp, Tensor<float, 128, 784>, Tensor<int, 128>>("mlp");
  check_training<nets::LeNet, Tensor<float, 64, 1, 28, 28>, Tensor<int, 64>>("lenet");
  // 45 MB of gradients, 90 of activations: statistics of batch norm that overwrite their buffers must not hold up what depends on nothing.
  CHECK(check_training<nets::ResNet18<10, true>, Tensor<float, 16, 3, 32, 32>, Tensor<int, 16>>("resnet18") < 150'000'000);
  const std::int64_t kept = check_training<plans::Residual<false>, Tensor<float, 32, 784>, Tensor<int, 32>>("residual 48");
  CHECK(kept > 600'000 + check_training<plans::Residual<true>, Tensor<float, 32, 784>, Tensor<int, 32>>("residual 48, checkpointed"));
  check_training<nets::Gpt<512, 64, 128, 4, 4>, Tensor<int, 2, 64>, Tensor<int, 128>>("gpt");
}

TEST_CASE("arenas of inference programs are close to what lives at once, and live buffers are apart") {
  check_inference<nets::Mlp, Tensor<float, 1, 784>>("mlp");
  check_inference<nets::LeNet, Tensor<float, 64, 1, 28, 28>>("lenet");
  check_inference<nets::ResNet18<1000>, Tensor<float, 1, 3, 224, 224>>("resnet18");
  check_inference<nets::MiniLM, Tensor<int, 1, 128>>("minilm");
  check_inference<plans::Residual<false>, Tensor<float, 32, 784>>("residual 48");
}

TEST_CASE("live buffers of random programs are apart") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const Checker c(support::random_graph(seed, Dtype::float32, 20).graph);
    CHECK(c.overlaps() == 0);
    for (const auto& [id, b] : c.buffers()) CHECK(b.to <= c.arena());
  }
}

TEST_CASE("buffers are placed anew where first fit leaves holes") {
  // A small buffer that stays between two that go: first fit puts it behind the first, and the large one behind all. Best is the small one below.
  compile::List<compile::Lifetime> buffers;
  buffers.push({256, 0, 1});
  buffers.push({64, 0, 3});
  buffers.push({512, 2, 3});
  const compile::Places p = compile::place(buffers, 4);
  CHECK(p.end == 576);
  CHECK(p.at[2] == 0);
  CHECK(p.at[1] == 512);

  // Random lifetimes: apart, and never beyond what first fit needs for all of them at once.
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
    const compile::Places places = compile::place(buffers, 20);
    CHECK(places.end <= all);
    for (int i = 0; i < 40; ++i)
      for (int k = 0; k < i; ++k) {
        const bool together = buffers[i].first <= buffers[k].last && buffers[k].first <= buffers[i].last;
        CHECK((!together || places.at[i] + buffers[i].bytes <= places.at[k] || places.at[k] + buffers[k].bytes <= places.at[i]));
      }
  }
  compile::List<compile::Lifetime> none;
  CHECK(compile::place(none, 0).end == 0);
}
