// compile/prologue.hpp: operands that a contraction computes in its prologue, by run-time graphs and by compiled ones.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/compiled.hpp"
#include "../support/execute.hpp"

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::Value;

namespace {

/// A contraction whose operands are computed: casts, scales, normalised rows,
/// gathered ones, viewed through permutations, slices and reversals.
class Maker {
 public:
  constexpr explicit Maker(std::uint64_t seed) : random_(Seed{seed}) {
    constexpr int lines[]{1, 3, 17, 40, 100}, depths[]{64, 130, 512};
    const int batch = below(3) == 0 ? 1 + below(3) : 0, depth = depths[below(3)];
    const int rows = lines[below(5)], columns = lines[below(5)];
    const char symbol = below(3) == 0 ? 'M' : char(0);
    const Value a = operand(batch, rows, depth, symbol), b = operand(batch, columns, depth, 0);
    Value y = ops::Contract::apply(&g_, a.id, b.id, batch > 0 ? 1 : 0, 1) * (1.0 / depth);
    if (below(2) == 0) y = tanh(y + Value{&g_, g_.input(Dtype::float32, last_axis(y))});
    g_.outputs.push(y.id);
  }
  constexpr Builder finish() { return static_cast<Builder&&>(g_); }

 private:
  constexpr int below(int n) { return int(random_.below(drawn_++, unsigned(n))); }
  constexpr Value input(const Shape& s, Dtype d = Dtype::float32) { return {&g_, g_.input(d, s)}; }
  static constexpr Shape last_axis(Value v) {
    Shape s;
    s.push(v.extents()[v.extents().rank - 1], v.extents().symbol(v.extents().rank - 1));
    return s;
  }
  constexpr Value permuted(Value v, const std::array<std::int64_t, Shape::max_rank>& order) {
    return {&g_, g_.add(graph::primitive<ops::Permute>, &v.id, 1, order.data(), v.extents().rank)};
  }

  /// A value of shape [batch, lines, depth].
  constexpr Value operand(int batch, int lines, int depth, char symbol) {
    Shape s;
    if (batch > 0) s.push(batch);
    s.push(lines, symbol);
    s.push(depth);
    switch (below(6)) {
      case 0: return computed(s);
      case 1: {  // axes in another order
        std::array<std::int64_t, Shape::max_rank> order{}, back{};
        for (int i = 0; i < s.rank; ++i) order[std::size_t(i)] = i;
        for (int i = s.rank; i > 1; --i) {
          const auto k = std::size_t(below(i));
          std::swap(order[std::size_t(i - 1)], order[k]);
        }
        Shape from;
        for (int i = 0; i < s.rank; ++i) from.push(s[int(order[std::size_t(i)])], s.symbol(int(order[std::size_t(i)])));
        for (int i = 0; i < s.rank; ++i) back[std::size_t(order[std::size_t(i)])] = i;
        return permuted(computed(from), back);
      }
      case 2: {  // a part of something larger
        Shape from = s;
        from.set(s.rank - 1, 2 * depth + 3);
        return graph::slice(computed(from), s.rank - 1, 2, depth, 2);
      }
      case 3: return graph::flip(computed(s), std::int64_t(1) << (s.rank - 1));
      case 4: {  // an axis split
        if (symbol != 0 || batch == 0) return computed(s);
        Shape from;
        from.push(batch * lines);
        from.push(depth);
        return graph::reshape_to(computed(from), s);
      }
      default: return input(s);
    }
  }
  /// Values of a shape, by operations that a kernel computes elementwise or by rows.
  constexpr Value computed(const Shape& s) {
    Shape row = s, column = s;
    row.set(s.rank - 1, 1);
    column.set(s.rank - 2, 1);
    if (column.symbol(s.rank - 1) != 0) column.set(s.rank - 1, s[s.rank - 1], s.symbol(s.rank - 1));
    // named, so that all compilers build the same graph
    const Value per_row = input(row), per_column = input(column);
    switch (below(7)) {
      case 0: return graph::cast_to(input(s, Dtype::int8), Dtype::float32) * per_row;
      case 1: return (graph::cast_to(input(s, Dtype::int8), Dtype::float32) - per_column) * 0.25;
      case 2: return graph::cast_to(input(s, Dtype::bfloat16), Dtype::float32);
      case 3: {  // layer norm
        if (s.symbol(s.rank - 1) != 0) return input(s) * per_column;
        const Value x = input(s);
        const double n = 1.0 / s[s.rank - 1];
        const Value centred = x - ops::reduced<ops::Sum>(x, std::int64_t(1) << (s.rank - 1)) * n;
        return centred * rsqrt(ops::reduced<ops::Sum>(centred * centred, std::int64_t(1) << (s.rank - 1)) * n + 1e-5) *
                   per_column +
               per_column;
      }
      case 4: return tanh(input(s)) * per_row + per_column;
      case 5: {  // rows of a table
        if (s.symbol(0) != 0 || s.symbol(s.rank - 1) != 0) return per_row * per_column;
        Shape table = s, indices = row;
        table.set(s.rank - 2, 9);
        const Value at = input(indices, Dtype::int32), from = input(table);
        return ops::gather(from, maximum(minimum(at + 4, 8), 0), s.rank - 2);
      }
      default: {  // a value that others read too
        const Value x = input(s) + per_row;
        g_.outputs.push(exp(x * 0.25).id);
        return x * per_column;
      }
    }
  }

  Builder g_;
  Philox random_;
  std::uint64_t drawn_ = 0;
};
constexpr Builder operands_graph(std::uint64_t seed) {
  Maker m(seed);
  return m.finish();
}
template <std::uint64_t Seed> struct OperandsTrace {
  constexpr Builder operator()() const { return operands_graph(Seed); }
};

/// The number of operands that the kernels of a plan compute.
int computed_operands(const compile::Plan& p) {
  int n = 0;
  for (int k = 0; k + 1 < p.kernel.size(); ++k)
    for (const compile::Micro& m : compile::RunTimeBody(p.words.data() + p.kernel[k]).micros)
      n += m.what == compile::Micro::What::operand;
  return n;
}
template <std::uint64_t Seed> void check() {
  CAPTURE(Seed);
  support::check_compiled<OperandsTrace<Seed>>(Seed, 3);
}

}  // namespace

TEST_CASE("random operands, computed while they are packed, agree with the interpreter") {
  int computed = 0;
  for (std::uint64_t seed = 0; seed < 250; ++seed) {
    CAPTURE(seed);
    const Builder g = operands_graph(seed);
    computed += computed_operands(compile::compile(g, 0, cpu::target).run);
    const reference::Lengths lengths = support::random_lengths(g, seed);
    const auto inputs = support::random_inputs(g, lengths, seed);
    const auto expected = reference::Interpreter(g, true).run(inputs, lengths),
               found = support::execute(g, inputs, lengths);
    for (std::size_t k = 0; k < expected.size(); ++k) CHECK(support::difference(found[k], expected[k], lengths) < 1e-4);
  }
  CHECK(computed > 120);
}

TEST_CASE("operands are computed along a contracted axis that is cut, and for rows too long to be streamed") {
  for (const int rows : {2, 20, 300}) {
    CAPTURE(rows);
    Builder g;
    Shape x, w, column, row;
    x.push(rows), x.push(5120);
    w.push(40), w.push(5120);
    column.push(5120);
    row.push(40), row.push(1);
    const Value scale{&g, g.input(Dtype::float32, row)}, gain{&g, g.input(Dtype::float32, column)};
    const Value left = Value{&g, g.input(Dtype::float32, x)} * gain,
                right = graph::cast_to(Value{&g, g.input(Dtype::int8, w)}, Dtype::float32) * scale;
    g.outputs.push((ops::Contract::apply(&g, left.id, right.id, 0, 1) * (1.0 / 512)).id);
    // two rows do not evict each other
    CHECK(computed_operands(compile::compile(g, 0, cpu::target).run) == (rows > 2 ? 2 : 1));
    const auto inputs = support::random_inputs(g, {}, 5);
    CHECK(support::difference(support::execute(g, inputs, {})[0], reference::Interpreter(g, true).run(inputs)[0], {}) <
          1e-4);
  }
}

TEST_CASE("what is computed where") {
  const auto left = [](auto&& make) {  // steps and computed operands
    Builder g;
    make(g);
    const compile::Plan p = compile::compile(g, 0, cpu::target).run;
    return std::pair(p.steps, computed_operands(p));
  };
  const auto input = [](Builder& g, auto shape, Dtype d = Dtype::float32) { return Value{&g, g.input(d, shape)}; };
  const auto times = [](Value a, Value b) { return ops::Contract::apply(a.graph, a.id, b.id, 0, 1); };
  using Pair = std::pair<int, int>;
  CHECK(left([&](Builder& g) {  // weights of int8
          g.outputs.push(times(input(g, shape_of<8, 128>),
                               graph::cast_to(input(g, shape_of<64, 128>, Dtype::int8), Dtype::float32) *
                                   input(g, shape_of<64, 1>))
                             .id);
        }) == Pair(1, 1));
  CHECK(left([&](Builder& g) {  // small ones are separate steps
          g.outputs.push(
              times(input(g, shape_of<8, 16>), graph::cast_to(input(g, shape_of<64, 16>, Dtype::int8), Dtype::float32))
                  .id);
        }) == Pair(2, 0));
  CHECK(left([&](Builder& g) {  // two read it
          const Value w = tanh(input(g, shape_of<64, 128>)), x = input(g, shape_of<8, 128>);
          g.outputs.push(times(x, w).id);
          g.outputs.push(times(x * 2.0, w).id);
        }).second == 0);
  CHECK(left([&](Builder& g) {  // an epilogue stays one
          g.outputs.push(
              times(relu(times(input(g, shape_of<64, 128>), input(g, shape_of<128, 128>))), input(g, shape_of<32, 128>))
                  .id);
        }) == Pair(2, 0));
  CHECK(left([&](Builder& g) {  // windows repeat elements
          const Value x = tanh(input(g, shape_of<4, 2048>));
          g.outputs.push(times(graph::windows(x, 1, 8, 1, 1), input(g, shape_of<5, 8>)).id);
        }).second == 0);
  CHECK(left([&](Builder& g) {  // for a layer norm its statistics remain
          const Value x = input(g, shape_of<64, 512>);
          const Value centered = x - ops::reduced<ops::Sum>(x, 2) * (1.0 / 512);
          g.outputs.push(times(centered * rsqrt(ops::reduced<ops::Sum>(centered * centered, 2) * (1.0 / 512) + 1e-5),
                               input(g, shape_of<32, 512>))
                             .id);
        }) == Pair(2, 1));
  CHECK(left([&](Builder& g) {  // rows that are read in place
          g.outputs.push(times(tanh(input(g, shape_of<64, 128>)), input(g, shape_of<32, 128>)).id);
        }) == Pair(2, 0));
}

TEST_CASE("compiled operands agree with the interpreter, on one and two threads alike") {
  check<8>();   // three rows
  check<12>();  // one row, batches
  check<15>();  // a bounded length
  check<16>();  // both sides, batches
  check<29>();  // gathered rows
  check<30>();  // lanes along columns
  check<46>();  // the same, one row
  check<63>();
}
