// Random graphs over the primitives, for property tests. The same function runs at run time, thousands of times, and in
// constant evaluation, for a few compiled programs.
#pragma once
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/tensor/random.hpp>
#include <sinter/transform/gradient.hpp>

namespace support {

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::List;
using graph::Value;

struct RandomGraph {
  Builder graph;
  List<int> values;  ///< outputs that are values
  int gradients = 0;  ///< outputs after them that are gradients, one for each float input
  List<int> inputs;   ///< the float inputs
  bool stops_gradients = false;  ///< on some path: finite differences see more than the gradients
};

class GraphMaker {
 public:
  constexpr GraphMaker(std::uint64_t seed, Dtype dtype, int operations, bool loops)
      : random_(Seed{seed}), dtype_(dtype), nesting_(loops ? 2 : 0) {
    constexpr int extents[]{0, 1, 1, 2, 3, 4, 5, 7, 8, 16, 17, 31, 33};
    for (int i = 0; i < 3; ++i) {
      // Extent 0 and bounded lengths are rare enough that most graphs compute something.
      int e = extents[below(13)];
      if (e == 0 && below(3) != 0) e = 6;
      space_.push(e, below(4) == 0 ? char('A' + i) : char(0));
    }
    for (int i = 0; i < 4; ++i) add_input();
    for (int i = 0; i < operations; ++i) step();
  }

  constexpr RandomGraph finish() {
    RandomGraph r;
    const int wanted = 1 + below(3);
    Value loss{&g_, g_.constant(0, dtype_)};
    for (int k = 0; k < wanted; ++k) {
      const Value v = k == 0 ? pool_.back() : pick();
      r.values.push(v.id);
      g_.outputs.push(v.id);
      loss = loss + sum(v * v * 0.25 + v);
    }
    List<int> inputs;
    for (const int i : g_.inputs)
      if (g_[i].dtype == dtype_) inputs.push(i);
    for (const int id : transform::gradient(g_, loss.id, inputs)) g_.outputs.push(id);
    r.gradients = inputs.size();
    r.inputs = inputs;
    r.stops_gradients = stops_gradients_;
    r.graph = static_cast<Builder&&>(g_);
    return r;
  }

 private:
  constexpr int below(int n) { return int(random_.below(drawn_++, unsigned(n))); }
  constexpr Value pick() { return pool_[below(pool_.size())]; }
  constexpr void keep(Value v) {
    if (v.extents().rank <= 5 && v.extents().size() <= most_) pool_.push(v);
  }

  /// A shape that broadcasts with the space: some of its axes, some with extent 1, some missing at the left.
  constexpr void add_input() {
    Shape s;
    for (int i = below(4) == 0 ? below(4) : 0; i < 3; ++i) {
      if (below(4) == 0) s.push(1);
      else s.push(space_[i], space_.symbol(i));
    }
    pool_.push(Value{&g_, g_.input(dtype_, s)});
  }

  constexpr void step() {
    if (nesting_ > 0 && below(4) == 0) return loop();
    const Value x = pick();
    const Shape s = x.extents();
    if (below(4) == 0) return spatial(x, s);
    switch (below(20)) {
      case 0: return keep(tanh(x));
      case 1: return keep(exp(tanh(x) * 0.5));
      case 2: return keep(log(x * x + 1.0));
      case 3: return keep(sqrt(x * x + 0.5));
      case 4: return keep(relu(x) - x * 0.125);
      case 5: return keep(-x);
      case 6: case 7: return binary(x, pick());
      case 8: case 9: return reduce(x, s);
      case 10: return permute(x, s);
      case 11: return reshape(x, s);
      case 12: return slice(x, s);
      case 13: return concatenate(x, s);
      case 14: case 15: return contract(x, s);
      case 16: case 17: case 18: return further(x);
      default:
        if (s.rank == 0 || s[s.rank - 1] == 0) return;
        return keep(below(2) == 0 ? softmax(x) : log_softmax(x));
    }
  }
  /// Up to three carried values and two stacked inputs; steps of a few operations, which may be loops too.
  constexpr void loop() {
    const List<Value> outside = pool_;
    ops::LoopTrace trace(g_);
    graph::Iteration iteration{.carries = 1 + below(3), .reverse = below(3) == 0};
    List<int> operands;
    List<Value> inside;
    for (int j = 0; j < iteration.carries; ++j) {
      const Value first = pick();
      operands.push(first.id);
      inside.push(trace.value(dtype_, first.extents()));
    }
    Shape along;  // the axis of the steps
    for (int k = 1 + below(2); k > 0; --k) {
      const Value all = pick();
      const Shape s = all.extents();
      if (s.rank == 0 || (along.rank > 0 && !(s[0] == along[0] && s.symbol(0) == along.symbol(0)))) continue;
      if (along.rank == 0) along.push(s[0], s.symbol(0));
      Shape one;
      for (int i = 1; i < s.rank; ++i) one.push(s[i], s.symbol(i));
      operands.push(all.id);
      inside.push(trace.value(dtype_, one));
      ++iteration.stacked;
    }
    if (along.rank == 0) along.push(below(4));
    iteration.count = ops::packed(along[0], along.symbol(0));
    const std::ptrdiff_t most = most_;
    most_ /= along[0] > 1 ? 4 * along[0] : 4;
    pool_ = inside;
    for (int k = below(3); k > 0; --k) pool_.push(outside[below(outside.size())]);
    --nesting_;
    for (int k = 1 + below(4); k > 0; --k) step();
    ++nesting_;
    most_ = most;
    List<int> outputs;
    for (int j = 0; j < iteration.carries; ++j) outputs.push(next_of(inside[j]).id);
    for (int k = below(3); k > 0; --k) {
      const Value y = pick();
      if (y.extents().rank > 4) continue;
      outputs.push(y.id);
      ++iteration.made;
    }
    const Value made = trace.loop(operands, outputs, iteration);
    pool_ = outside;
    for (int r = 0; r < outputs.size(); ++r) keep(ops::further_result(made, r));
  }
  /// What a carried value becomes, of the same shape: of what was computed from it, or of anything that fits.
  constexpr Value next_of(Value carried) {
    const Value v = pool_[pool_.size() - 1 - below(pool_.size())];
    switch (below(4)) {
      case 0: return carried;
      case 1: return sin(carried) * 0.5;
      default:
        if (!(graph::broadcast(carried.extents(), v.extents()) == carried.extents())) return tanh(carried) + 0.25;
        return v.extents() == carried.extents() && below(2) == 0 ? tanh(v) : carried * 0.5 + tanh(v) * 0.5;
    }
  }
  /// Functions whose values are continuous, so that both precisions see the same branches.
  constexpr void further(Value x) {
    switch (below(16)) {
      case 0: return keep(sin(x));
      case 1: return keep(cos(x * 2.0));
      case 2: return keep(tan(tanh(x)));
      case 3: return keep(atan(x));
      case 4: return keep(erf(x));
      case 5: return keep(expm1(tanh(x)));
      case 6: return keep(log1p(x * x));
      case 7: return keep(rsqrt(x * x + 0.5));
      case 8: return keep(sigmoid(x));
      case 9: return keep(abs(x));
      case 10: return keep(clamp(x, -0.75, 1.25));
      case 11: return keep(pow(x * x + 0.5, below(2) == 0 ? 2.0 : 0.75));
      case 12: return keep(pow(x * x + 0.5, tanh(pick_like(x))));
      case 13: return keep(minimum(x, pick_like(x) * 0.5));
      case 14: return keep(gelu(x));
      default: return keep(select(logical_or(x > 1.0, logical_not(isfinite(x))), x * 0.5, x));
    }
  }
  /// A value that x can be combined with: a draw, or x itself.
  constexpr Value pick_like(Value x) {
    const Value y = pick();
    return graph::broadcast(x.extents(), y.extents()).rank < 0 ? x : y;
  }
  constexpr void binary(Value a, Value b) {
    if (graph::broadcast(a.extents(), b.extents()).rank < 0) return;
    switch (below(7)) {
      case 0: return keep(a + b);
      case 1: return keep(a - b);
      case 2: return keep(a * tanh(b));
      case 3: return keep(a / (b * b + 1.0));
      case 4: return keep(maximum(a, b));
      case 5: return keep(select(a > b, a, b * 0.5));
      default:
        stops_gradients_ = true;
        return keep(a * 0.5 + stop_gradient(b));
    }
  }
  constexpr void reduce(Value x, const Shape& s) {
    if (s.rank == 0) return;
    std::int64_t axes = 1 + below((1 << s.rank) - 1);
    const int way = below(9);
    const bool extremum = way < 4;
    int folded = 1;
    for (int i = 0; i < s.rank; ++i) {
      if ((axes >> i & 1) == 0) continue;
      if (extremum && (s[i] == 0 || s.symbol(i) != 0)) return;  // an empty axis has no maximum
      folded *= s[i];
    }
    const Value y = way < 2                  ? ops::reduced<ops::Amax>(x, axes)
                    : way < 4                ? ops::reduced<ops::Amin>(x, axes)
                    : way < 6 && folded < 40 ? ops::reduced<ops::Prod>(tanh(x) * 0.5 + 1.0, axes)
                                             : ops::reduced<ops::Sum>(x * 0.25, axes);
    if (below(2) == 0) return keep(y);
    Shape to;
    for (int i = 0; i < s.rank; ++i)
      if ((axes >> i & 1) == 0) to.push(s[i], s.symbol(i));
    keep(graph::reshape_to(y, to));
  }
  constexpr void permute(Value x, const Shape& s) {
    if (s.rank < 2) return;
    std::array<std::int64_t, Shape::max_rank> order{};
    for (int i = 0; i < s.rank; ++i) order[std::size_t(i)] = i;
    for (int i = s.rank; i > 1; --i) {
      const auto a = std::size_t(i - 1), b = std::size_t(below(i));
      const std::int64_t t = order[a];
      order[a] = order[b];
      order[b] = t;
    }
    keep({&g_, g_.add(graph::primitive<ops::Permute>, &x.id, 1, order.data(), s.rank)});
  }
  /// Merges two axes, splits one, or adds an axis of extent 1.
  constexpr void reshape(Value x, const Shape& s) {
    Shape to;
    const int way = below(3), at = s.rank > 0 ? below(s.rank) : 0;
    for (int i = 0; i < s.rank; ++i) {
      if (way == 0 && i == at && i + 1 < s.rank && s.symbol(i + 1) == 0 && s.symbol(i) == 0) {
        to.push(s[i] * s[i + 1]);
        ++i;
      } else if (way == 1 && i == at && s.symbol(i) == 0 && s[i] % 2 == 0 && s[i] > 0) {
        to.push(2);
        to.push(s[i] / 2);
      } else {
        to.push(s[i], s.symbol(i));
      }
    }
    if (way == 2) to.push(1);
    const ops::PackedShape packed(to);
    const graph::Signature::Operand operand{x.dtype(), &s};
    if (to.rank <= 5 && ops::Reshape::type({&operand, 1, packed.value.data(), packed.rank}).valid)
      keep(graph::reshape_to(x, to));
  }
  constexpr void slice(Value x, const Shape& s) {
    if (s.rank == 0) return;
    const int axis = below(s.rank);
    if (s.symbol(axis) != 0 || s[axis] < 2) return;
    const int start = below(s[axis]), step = 1 + below(2), most = (s[axis] - start + step - 1) / step;
    keep(graph::slice(x, axis, start, 1 + below(most), step));
  }
  constexpr void concatenate(Value x, const Shape& s) {
    if (s.rank == 0) return;
    const int axis = below(s.rank);
    if (s.symbol(axis) != 0) return;
    const int ids[]{x.id, (tanh(x) * 2.0).id, x.id};
    keep(graph::concatenate(&g_, ids, 2 + below(2), axis));
  }
  /// x with itself over its last axis, or with a new weight; leading axes are batches or rows.
  constexpr void contract(Value x, const Shape& s) {
    if (s.rank < 2 || s.rank > 3) return;
    const double scale = s[s.rank - 1] > 0 ? 1.0 / s[s.rank - 1] : 1.0;
    if (below(2) == 0 || s.symbol(s.rank - 1) != 0) {
      const int batch = s.rank - 2;
      return keep(ops::Contract::apply(&g_, x.id, tanh(x).id, batch, 1) * scale);
    }
    Shape w;
    w.push(1 + below(40));
    w.push(s[s.rank - 1]);
    const Value weight{&g_, g_.input(dtype_, w)};
    pool_.push(weight);
    keep(ops::Contract::apply(&g_, x.id, weight.id, 0, 1) * scale);
  }

  /// Operations that read other positions of their operand than their own: windows, padding, indices, running sums,
  /// convolution, pooling.
  constexpr void spatial(Value x, const Shape& s) {
    if (s.rank == 0) return;
    const int axis = below(s.rank);
    const bool bounded = s.symbol(axis) != 0;
    switch (below(9)) {
      case 0: {
        const int size = 1 + below(4), step = 1 + below(3), dilation = 1 + below(2);
        if (s.rank > 4 || dilation * (size - 1) + 1 > s[axis]) return;
        if (!bounded) return keep(graph::windows(x, axis, size, step, dilation));
        const int symbol = ops::symbol_of_windows(s.symbol(axis), -dilation * (size - 1), step);
        if (symbol < 0) return;
        Value y = graph::windows(ops::filled_after_lengths(x, axis, 0.5), axis, size, step, dilation);
        Shape to = y.extents();
        for (int i = axis; i < s.rank; ++i) to.set(i, to[i], i == axis ? symbol : s.symbol(i));
        return keep(graph::with_bounds(y, to));
      }
      case 1: return bounded ? void() : keep(graph::flip(x, std::int64_t(1) << axis));
      case 2: {
        const int before = below(5) - 1, after = below(4) - 1;
        if (bounded || s[axis] + before + after < 0 || s[axis] < 2) return;
        return keep(graph::surround(x, axis, before, after));
      }
      case 3: return bounded || s[axis] == 0 ? void() : keep(graph::spread(x, axis, 1 + below(3)));
      case 4: return keep(ops::cumulative_sum(x * 0.25, axis));
      case 5: case 6: return gather(x, s, axis);
      case 7: return convolve(x, s);
      default: return pool(x, s);
    }
  }
  /// Elements at indices given by an input; sometimes out of range, which is NaN until a select removes it. The
  /// gradient scatters.
  constexpr void gather(Value x, const Shape& s, int axis) {
    if (s.symbol(axis) != 0 || s[axis] == 0) return;
    Shape p = s;
    for (int i = 0; i < s.rank; ++i)
      if (below(3) == 0) p.set(i, 1);
    p.set(axis, 1 + below(6));
    Value indices{&g_, g_.input(below(2) == 0 ? Dtype::int32 : Dtype::int64, p)};
    const bool outside = below(4) == 0;
    indices = maximum(minimum(indices + s[axis] / 2, s[axis] - (outside ? 0 : 1)), outside ? -1 : 0);
    const Value y = ops::gather(x, indices, axis);
    keep(outside ? select(y == y, y, 0.5) : y);
  }
  /// As images [N, C, extents…] with one or two spatial axes, small kernels, any geometry that fits.
  constexpr void convolve(Value x, const Shape& s) {
    if (s.rank < 3 || s.rank > 4) return;
    for (int i = 1; i < s.rank; ++i)
      if (s.symbol(i) != 0 || s[i] == 0) return;
    ops::Geometry g{.axes = s.rank - 2, .groups = s[1] % 2 == 0 && below(2) == 0 ? 2 : 1};
    Shape w;
    w.push(g.groups * (1 + below(3)));
    w.push(s[1] / g.groups);
    int products = s[1] / g.groups;
    for (int i = 0; i < g.axes; ++i) {
      const auto k = std::size_t(i);
      w.push(1 + below(3));
      products *= w[2 + i];
      g.stride[k] = 1 + below(2);
      g.dilation[k] = 1 + below(2);
      g.before[k] = below(3);
      g.after[k] = below(3);
      if (g.windows(i, s[2 + i], w[2 + i]) < 1) return;
    }
    const Value weight{&g_, g_.input(dtype_, w)};
    pool_.push(weight);
    keep(ops::convolve(x, weight, g) * (1.0 / products));
  }
  constexpr void pool(Value x, const Shape& s) {
    constexpr auto largest = ops::Pooling::maximum, mean = ops::Pooling::mean;
    if (s.rank < 3) return;
    for (int i = 2; i < s.rank; ++i)
      if (s.symbol(i) != 0 || s[i] < 3) return;
    if (s.rank == 3) {
      switch (below(4)) {
        case 0: return keep(ops::Pool<1, largest, 2, PoolOptions<1>{}>{}(x));
        case 1: return keep(ops::Pool<1, largest, 3, PoolOptions<1>{.stride = 1, .padding = 1}>{}(x));
        case 2: return s[2] < 10 ? void() : keep(ops::Pool<1, largest, 10, PoolOptions<1>{.stride = 2}>{}(x));
        default:
          return keep(
              ops::Pool<1, mean, 3, PoolOptions<1>{.stride = 2, .padding = 1, .count_include_pad = false}>{}(x));
      }
    }
    if (s.rank > 4) return;
    switch (below(4)) {
      case 0: return keep(ops::Pool<2, largest, 2, PoolOptions<2>{}>{}(x));
      case 1: return keep(ops::Pool<2, largest, 3, PoolOptions<2>{.stride = 2, .padding = 1}>{}(x));
      case 2:
        return s[2] < 4 ? void() : keep(ops::Pool<2, largest, Spatial<2>{4, 3}, PoolOptions<2>{.stride = 1}>{}(x));
      default: return keep(ops::Pool<2, mean, 2, PoolOptions<2>{.stride = 1}>{}(x));
    }
  }

  Builder g_;
  Philox random_;
  std::uint64_t drawn_ = 0;
  Dtype dtype_;
  int nesting_;  ///< how many loops may still be within each other
  Shape space_;
  List<Value> pool_;
  std::ptrdiff_t most_ = 60000;  ///< elements of a value; fewer where they are computed in many steps
  bool stops_gradients_ = false;
};

/// Appends derivatives of second order: the gradients of the sum of the first
/// ones, each times a different number. Returns how many.
constexpr int add_second_order(RandomGraph& r) {
  Builder& g = r.graph;
  Value total{&g, g.constant(0, g[r.inputs[0]].dtype)};
  for (int k = 0; k < r.gradients; ++k) {
    const Value d{&g, g.outputs[r.values.size() + k]};
    total = total + sum(sin(d) + d * (0.25 * double(k + 1)));
  }
  for (const int id : transform::gradient(g, total.id, r.inputs)) g.outputs.push(id);
  return r.gradients;
}

/// `loops`: some of the operations are loops over a few others.
constexpr RandomGraph random_graph(std::uint64_t seed, Dtype dtype = Dtype::float32, int operations = 12,
                                   bool loops = false) {
  GraphMaker m(seed, dtype, operations, loops);
  return m.finish();
}

/// Lengths for every symbolic dimension of a graph: 0, 1, the whole extent, or something between.
inline reference::Lengths random_lengths(const Builder& g, std::uint64_t seed) {
  const Philox random(Seed{seed}, 99);
  reference::Lengths lengths;
  for (const int i : g.inputs) {
    const Shape& s = g.shape(i);
    for (int a = 0; a < s.rank; ++a) {
      if (s.symbol(a) == 0) continue;
      const auto n = std::uint32_t(s[a]);
      const std::uint32_t choice[]{0, n < 1 ? 0 : 1u, n, random.below(std::uint64_t(s.symbol(a)), n + 1)};
      lengths[s.symbol(a)] = choice[random.below(std::uint64_t(s.symbol(a)) + 1000, 4)];
    }
  }
  return lengths;
}

/// Whether the i-th element of a tensor, row-major, is within the lengths.
inline bool within(const Shape& s, std::ptrdiff_t i, const reference::Lengths& lengths) {
  for (int d = s.rank - 1; d >= 0; --d) {
    if (s.symbol(d) != 0 && i % s[d] >= lengths.at(s.symbol(d))) return false;
    i /= s[d];
  }
  return true;
}

/// Input values: normal numbers, and integers around zero as indices; NaN, or an index far out of range, past the
/// lengths.
inline std::vector<reference::Array> random_inputs(const Builder& g, const reference::Lengths& lengths,
                                                   std::uint64_t seed) {
  std::vector<reference::Array> inputs;
  std::uint64_t stream = 100;
  for (const int id : g.inputs) {
    const Philox random(Seed{seed}, stream++);
    reference::Array a(g[id].dtype, g.shape(id));
    const bool floating = is_floating(a.dtype);
    for (std::ptrdiff_t i = 0; i < a.shape.size(); ++i) {
      const double x = double(random.normal(std::uint64_t(i)));
      a.set(i, !within(a.shape, i, lengths) ? (floating ? std::numeric_limits<double>::quiet_NaN() : 1 << 30)
               : floating                   ? x
                                            : std::round(4 * x));
    }
    inputs.push_back(std::move(a));
  }
  return inputs;
}

/// Puts values into float inputs where formulas break: zeros of both signs, ones, which make ties, infinities and NaN.
inline void put_edges(std::vector<reference::Array>& inputs, const reference::Lengths& lengths, std::uint64_t seed,
                      bool finite) {
  constexpr double edges[]{0,
                           -0.0,
                           1,
                           -1,
                           1,
                           0.5,
                           std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()};
  std::uint64_t drawn = 0;
  const Philox random(Seed{seed}, 7);
  for (reference::Array& a : inputs)
    for (std::ptrdiff_t i = 0; is_floating(a.dtype) && i < a.shape.size(); ++i, drawn += 2)
      if (within(a.shape, i, lengths) && random.below(drawn, 5) == 0)
        a.set(i, edges[random.below(drawn + 1, finite ? 6 : 9)]);
}

/// Whether two numbers are both NaN, the same infinity, or close.
inline bool alike(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

/// The largest difference of two arrays within the lengths, relative to 1 + the
/// size of what is expected; infinite for NaN.
inline double difference(const reference::Array& found, const reference::Array& expected,
                         const reference::Lengths& lengths) {
  double worst = 0;
  for (std::ptrdiff_t i = 0; i < expected.shape.size(); ++i) {
    if (!within(expected.shape, i, lengths)) continue;
    const double a = found.get(i), b = expected.get(i), d = std::abs(a - b) / (1 + std::abs(b));
    if (!(d <= worst))
      worst = std::isnan(d) && !(std::isnan(a) && std::isnan(b)) ? std::numeric_limits<double>::infinity()
              : std::isnan(d)                                    ? worst
                                                                 : d;
  }
  return worst;
}

}  // namespace support
