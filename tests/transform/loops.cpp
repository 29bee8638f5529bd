// Loops against loops written by hand in double precision: values, and derivatives of first and second order against
// finite differences of those, for every element type, for no step, one and many, for lengths known at run time, and
// for batches. In graphs made at run time, and some of them in compiled programs.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/batched.hpp"
#include "../support/compiled.hpp"
#include "../support/execute.hpp"
#include "../support/hand_loop.hpp"

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::List;
using graph::Value;
using support::Row;
using support::Rows;
using Arrays = std::vector<reference::Array>;

namespace {

/// How many steps at most, and the symbolic dimension of their number, 0 where it is known.
struct Steps {
  int most = 0;
  char symbol = 0;
};
constexpr int n = 3;  ///< the extent of rows

constexpr Shape row(int extent = n) {
  Shape s;
  s.push(extent);
  return s;
}
constexpr Shape rows(Steps steps, int extent = n) {
  Shape s;
  s.push(steps.most, steps.symbol);
  if (extent > 0) s.push(extent);
  return s;
}
constexpr void outputs(Builder& g, const auto&... values) { (g.outputs.push(Value(values).id), ...); }

// Each case: its graph, and the same loop by hand.

constexpr auto cell = [](auto c, auto x, auto w) {
  const auto next = tanh(c * w + x);
  return std::pair{next, next * x + c};
};
struct OneCarried {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
    const auto [last, ys] = scan([=](auto carried, auto x) { return cell(carried, x, w); }, c, xs);
    outputs(g, last, ys);
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0], ys;
    for (int t = 0; t < steps; ++t) {
      const auto [next, y] = cell(c, in[1].step(t, n), in[2]);
      c = next;
      ys.append(y);
    }
    return {c, ys};
  }
};

/// From the last step to the first, as gradients run.
struct Backwards {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
    ops::LoopTrace trace(g);
    const Value carried = trace.value(d, row()), x = trace.value(d, row());
    const auto [next, y] = cell(carried, x, w);
    List<int> operands, made;
    for (const int i : {c.id, xs.id}) operands.push(i);
    for (const int i : {next.id, y.id}) made.push(i);
    const std::int64_t count = ops::packed(steps.most, steps.symbol);
    const Value loop =
        trace.loop(operands, made, {.count = count, .carries = 1, .stacked = 1, .made = 1, .reverse = true});
    outputs(g, loop, ops::further_result(loop, 1));
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0], ys;
    for (int t = steps - 1; t >= 0; --t) {
      const auto [next, y] = cell(c, in[1].step(t, n), in[2]);
      c = next;
      Row all = y;
      all.append(ys);
      ys = all;
    }
    return {c, ys};
  }
};

constexpr auto several = [](auto a, auto b, auto x, auto z, auto w, auto squared) {
  return std::tuple{tanh(b * w + x), a * z + b * squared, a * b};
};
struct SeveralCarried {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value a{&g, g.input(d, row())}, b{&g, g.input(d, row())}, k{&g, g.input(Dtype::int32, Shape{})},
        xs{&g, g.input(d, rows(steps))}, zs{&g, g.input(d, rows(steps, 1))},
        ks{&g, g.input(Dtype::int32, rows(steps, 0))}, w{&g, g.input(d, row())};
    const Value squared = w * w;
    const auto [last, ys] = scan([=](auto carried, auto each) {
      const auto [now, then, count] = carried;
      const auto [x, z, more] = each;
      const auto [next, after, y] = several(now, then, x, z, w, squared);
      return std::pair{std::tuple{next, after, Value(count + more)}, std::tuple{y, Value(count * 2)}};
    }, std::tuple{a, b, k}, std::tuple{xs, zs, ks});
    outputs(g, std::get<0>(last), std::get<1>(last), std::get<2>(last), std::get<0>(ys), std::get<1>(ys));
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row a = in[0], b = in[1], k = in[2], ys, twice;
    for (int t = 0; t < steps; ++t) {
      const auto [next, after, y] = several(a, b, in[3].step(t, n), in[4].step(t, 1), in[6], in[6] * in[6]);
      a = next;
      b = after;
      ys.append(y);
      twice.append(k * Row(2));
      k = k + in[5].step(t, 1);
    }
    return {a, b, k, ys, twice};
  }
};

/// A product with captured weights.
struct Recurrent {
  static constexpr auto step = [](auto c, auto x, auto w) { return tanh(matmul(c, w) + x); };
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    Shape square;
    square.push(n);
    square.push(n);
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, square)};
    outputs(g, scan([=](Value carried, Value x) { return Value(step(carried, x, w)); }, c, xs));
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0];
    for (int t = 0; t < steps; ++t) c = step(c, in[1].step(t, n), in[2]);
    return {c};
  }
};

/// The number of each step.
struct Numbered {
  template <auto N> static constexpr Value looped(Value c, Value w) {
    return for_loop<N>([=](auto i, Value x) { return Value(sin(x * w) + graph::cast_to(i, x.dtype()) * 0.25); }, c);
  }
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
    const Value last = steps.symbol != 0 ? looped<upto<5, 'T'>>(c, w)
                       : steps.most == 0 ? looped<0>(c, w)
                       : steps.most == 1 ? looped<1>(c, w)
                                         : looped<5>(c, w);
    outputs(g, last, sum<0>(xs));  // a length is that of an input
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0], sums(std::vector<double>(n, 0.0));
    for (int t = 0; t < steps; ++t) {
      c = sin(c * in[2]) + Row(0.25 * t);
      sums = sums + in[1].step(t, n);
    }
    return {c, sums};
  }
};

/// A loop over steps of two steps each, which share what they capture.
struct Nested {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps, 2 * n))}, w{&g, g.input(d, row())},
        v{&g, g.input(d, row())};
    Shape two;
    two.push(2);
    two.push(n);
    const auto [last, ys] = scan([=](Value carried, Value both) {
      const Value scaled = carried * v;
      const auto [end, inner] =
          scan([=](Value now, Value x) { return cell(now, x + scaled, w); }, carried, graph::reshape_to(both, two));
      return std::pair{Value(end + w * 0.5), Value(sum(inner) * end)};
    }, c, xs);
    outputs(g, last, ys);
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0], ys;
    for (int t = 0; t < steps; ++t) {
      const Row scaled = c * in[3];
      Row end = c, inner;
      for (int s = 0; s < 2; ++s) {
        const auto [next, y] = cell(end, in[1].step(2 * t + s, n) + scaled, in[2]);
        end = next;
        inner.append(y);
      }
      c = end + in[2] * Row(0.5);
      ys.append(total(inner) * end);
    }
    return {c, ys};
  }
};

/// Loops one after the other: stacked outputs and last values of one are inputs, captures and first values of others.
struct Chained {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
    const auto [last, ys] = scan([=](auto carried, auto x) { return cell(carried, x, w); }, c, xs);
    const auto [end, zs] = scan([=](auto carried, auto y) { return cell(carried, y, last); }, w, ys);
    outputs(g, scan<3>([=](Value carried) { return Value(sin(carried * end)); }, last), zs);
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    const Rows first = OneCarried::by_hand(in, steps), second = OneCarried::by_hand({in[2], first[1], first[0]}, steps);
    Row c = first[0];
    for (int t = 0; t < 3; ++t) c = sin(c * second[0]);
    return {c, second[1]};
  }
};

/// Carried values that change places, that stay, that no result needs and that do not depend on the step before;
/// stacked outputs of inputs, of captures and of numbers alone; an input that nothing reads.
struct Idle {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value a{&g, g.input(d, row())}, b{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))},
        unread{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
    const auto [last, ys] = scan([=](auto carried, auto each) {
      const auto [p, q, stays, forgets, unneeded] = carried;
      const auto [x, nothing] = each;
      return std::pair{std::tuple{q, p, stays, Value(w * x), Value(unneeded * p)},
                       std::tuple{Value(x * w), Value(w * w), Value(w * 0.0 + 2.0), forgets}};
    }, std::tuple{a, b, w, a, b}, std::tuple{xs, unread});
    outputs(g, std::get<0>(last), std::get<1>(last), std::get<2>(last), std::get<3>(last));
    std::apply([&](const auto&... y) { outputs(g, y...); }, ys);
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row p = in[0], q = in[1], forgets = in[0], products, squares, twos, before;
    const Row& w = in[4];
    for (int t = 0; t < steps; ++t) {
      std::swap(p, q);
      products.append(in[2].step(t, n) * w);
      squares.append(w * w);
      twos.append(w * Row(0) + Row(2));
      before.append(forgets);
      forgets = w * in[2].step(t, n);
    }
    return {p, q, w, forgets, products, squares, twos, before};
  }
};

/// A row of a captured table each: its gradient is a scatter.
struct Gathered {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, ks{&g, g.input(Dtype::int32, rows(steps, 1))}, w{&g, g.input(d, row(4))};
    const auto [last, ys] = scan([=](Value carried, Value k) {
      const Value next = sin(carried * ops::gather(w, k, 0));
      return std::pair{next, Value(next * ops::gather(w, Value(3 - k), 0))};
    }, c, ks);
    outputs(g, last, ys);
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0], ys;
    for (int t = 0; t < steps; ++t) {
      const auto k = std::size_t(in[1].at[std::size_t(t)]);
      c = sin(c * Row(in[2].at[k]));
      ys.append(c * Row(in[2].at[3 - k]));
    }
    return {c, ys};
  }
};

/// Steps whose values are computed again in the backward pass, once by a mark within them, once by one around all.
template <bool Within> struct Checkpointed {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
    const auto all = [](Value first, Value stacked, Value weights) {
      const auto [last, ys] = scan([=](Value carried, Value x) {
        if constexpr (Within) {
          const Value next =
              checkpoint([](Value a, Value b, Value e) { return Value(tanh(a * b + e)); }, carried, weights, x);
          return std::pair{next, Value(next * x + carried)};
        } else {
          return cell(carried, x, weights);
        }
      }, first, stacked);
      return Value(sum<0>(ys) + last);
    };
    if constexpr (Within) outputs(g, all(c, xs, w));
    else outputs(g, checkpoint(all, c, xs, w));
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    const Rows all = OneCarried::by_hand(in, steps);
    Row sums = all[0];
    for (int t = 0; t < steps; ++t) sums = sums + all[1].step(t, n);
    return {sums};
  }
};

/// Inputs that are transposed, reversed and repeated views; outputs that are parts of other tensors.
struct Views {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    Shape across = row();
    across.push(steps.most, steps.symbol);
    const Value c{&g, g.input(d, row())}, columns{&g, g.input(d, across)}, w{&g, g.input(d, row())};
    const Value xs = permute<1, 0>(columns), repeated = graph::broadcast_to(w, rows(steps));
    const auto [last, ys] = scan([=](Value carried, auto each) {
      const auto [x, v] = each;
      return cell(carried, Value(x + flip<0>(w)), v);
    }, Value(flip<0>(c)), std::tuple{xs, repeated});
    const int ends[]{last.id, Value(flip<0>(last)).id}, wide[]{ys.id, xs.id, ys.id};
    outputs(g, graph::concatenate(&g, ends, 2, 0), graph::concatenate(&g, wide, 3, 1), permute<1, 0>(ys));
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    const auto reversed = [](Row r) { return std::reverse(r.at.begin(), r.at.end()), r; };
    const Row xs = steps > 0 ? transposed(in[1], std::size_t(steps)) : Row();
    Row c = reversed(in[0]), ys, wide;
    for (int t = 0; t < steps; ++t) {
      const auto [next, y] = cell(c, xs.step(t, n) + reversed(in[2]), in[2]);
      c = next;
      ys.append(y);
      for (const Row& part : {y, xs.step(t, n), y}) wide.append(part);
    }
    Row ends = c;
    ends.append(reversed(c));
    return {ends, wide, transposed(ys, n)};
  }
};

/// A flag and a count decide what a step does; the first carried value has no derivative.
struct Flagged {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))},
        ks{&g, g.input(Dtype::int32, rows(steps, 0))}, zero{&g, g.constant(0, Dtype::int32)};
    const auto [last, ys] = scan([=](auto carried, auto each) {
      const auto [count, odd, now] = carried;
      const auto [x, k] = each;
      const Value more = count + k;
      return std::pair{std::tuple{more, Value(odd != (k > 1)),
                                  Value(select(odd, sin(now) * x, now + x * 0.5))},
                       std::tuple{more, Value(now * graph::cast_to(odd, now.dtype()))}};
    }, std::tuple{zero, Value(zero > 0), c}, std::tuple{xs, ks});
    outputs(g, std::get<0>(last), std::get<2>(last), std::get<0>(ys), std::get<1>(ys));
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0], count(0.0), counts, ys;
    bool odd = false;
    for (int t = 0; t < steps; ++t) {
      const Row x = in[1].step(t, n), k = in[2].step(t, 1);
      ys.append(c * Row(odd ? 1 : 0));
      c = odd ? sin(c) * x : c + x * Row(0.5);
      odd = odd != (k.at[0] > 1);
      count = count + k;
      counts.append(count);
    }
    return {count, c, counts, ys};
  }
};

/// Steps that carry an integer alone: values of the steps themselves have derivatives.
struct Counted {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    const Value xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())}, zero{&g, g.constant(0, Dtype::int64)};
    const auto [last, ys] = scan([=](Value i, Value x) {
      return std::pair{Value(i + 1), Value(sin(x * w) + graph::cast_to(i, x.dtype()) * 0.5)};
    }, zero, xs);
    outputs(g, ys, last);
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row ys;
    for (int t = 0; t < steps; ++t) ys.append(sin(in[0].step(t, n) * in[1]) + Row(0.5 * t));
    return {ys, Row(double(steps))};
  }
};

/// What is carried is at least float32; inputs and weights may be narrower.
struct Widened {
  static constexpr Builder graph(Dtype d, Steps steps) {
    const Dtype wide = bytes_of(d) < 4 ? Dtype::float32 : d;
    Builder g;
    const Value c{&g, g.input(wide, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
    const auto [last, ys] = scan([=](Value carried, Value x) {
      const auto [next, y] = cell(carried, graph::cast_to(x, wide), graph::cast_to(w, wide));
      return std::pair{next, graph::cast_to(y, d)};
    }, c, xs);
    outputs(g, last, ys);
    return g;
  }
  static Rows by_hand(const Rows& in, int steps) { return OneCarried::by_hand(in, steps); }
};

/// Attention among two rows, with a kernel of its own or of other operations, and running sums.
template <bool Composed> struct Attending {
  static constexpr Builder graph(Dtype d, Steps steps) {
    Builder g;
    Shape two;
    two.push(1);
    two.push(1);
    two.push(2);
    two.push(n);
    const Value c{&g, g.input(d, two)}, xs{&g, g.input(d, rows(steps, n))}, w{&g, g.input(d, row())};
    outputs(g, scan([=](Value now, Value x) {
      constexpr AttentionOptions options{.composed = Composed};
      return Value(sin(cumsum<2>(scaled_dot_product_attention<options>(now * w, now, now + x))));
    }, c, xs));
    return g;
  }
  static Row attended(const Row& q, const Row& k, const Row& v) {
    Row r;
    for (int i = 0; i < 2; ++i) {
      Row weight[2];
      for (int j = 0; j < 2; ++j) weight[j] = exp(total(q.step(i, n) * k.step(j, n)) / Row(std::sqrt(double(n))));
      r.append((weight[0] * v.step(0, n) + weight[1] * v.step(1, n)) / (weight[0] + weight[1]));
    }
    return r;
  }
  static Rows by_hand(const Rows& in, int steps) {
    Row c = in[0];
    const auto twice = [](Row r) { return r.append(Row(r)), r; };
    for (int t = 0; t < steps; ++t) {
      const Row all = attended(c * twice(in[2]), c, c + twice(in[1].step(t, n)));
      c = all.step(0, n);
      c.append(all.step(0, n) + all.step(1, n));
      c = sin(c);
    }
    return {c};
  }
};

/// Values that are not known how often: each element grows until the sum of all is large enough.
struct WhileSmall {
  static constexpr auto grown = [](auto c, auto w) { return c * 1.5 + exp(w) * 0.1; };
  static constexpr Builder graph(Dtype d, Steps) {
    Builder g;
    const Value c{&g, g.input(d, row())}, w{&g, g.input(d, row())};
    const auto last = while_loop([](auto all) { return sum(std::get<0>(all)) < 20.0; },
                                 [=](auto all) {
                                   const auto [x, count] = all;
                                   return std::tuple{Value(grown(x, w)), Value(count + 1)};
                                 },
                                 std::tuple{Value(exp(c)), Value{&g, g.constant(0, Dtype::int32)}});
    outputs(g, std::get<0>(last), std::get<1>(last));
    return g;
  }
  static Rows by_hand(const Rows& in, int) {
    Row c = exp(in[0]), count(0.0);
    for (; total(c).at[0] < 20; count = count + Row(1)) c = grown(c, in[1]);
    return {c, count};
  }
};

// What is checked of each case.

/// Whether its steps have derivatives of second order.
template <class Case> constexpr bool has_second = true;
template <> constexpr bool has_second<Attending<false>> = false;

reference::Lengths lengths_of(int length) { return {{'T', length}}; }
/// Normal numbers, small integers; NaN and integers far out past the length.
Arrays random_inputs(const Builder& g, const reference::Lengths& lengths, std::uint64_t seed) {
  Arrays inputs;
  for (std::uint64_t stream = 0; const int i : g.inputs) {
    const Philox random(Seed{seed}, stream++);
    reference::Array a(g[i].dtype, g.shape(i));
    for (std::ptrdiff_t k = 0; k < a.shape.size(); ++k) {
      const bool inside = support::within(a.shape, k, lengths);
      if (is_floating(a.dtype)) a.set(k, inside ? 0.7 * double(random.normal(std::uint64_t(k))) : std::nan(""));
      else a.set(k, inside ? double(random.below(std::uint64_t(k), 4)) : 1 << 30);
    }
    inputs.push_back(std::move(a));
  }
  return inputs;
}
/// The elements within the lengths.
Row row_of(const reference::Array& a, const reference::Lengths& lengths) {
  Row r;
  for (std::ptrdiff_t k = 0; k < a.shape.size(); ++k)
    if (support::within(a.shape, k, lengths)) r.at.push_back(a.get(k));
  return r;
}
Rows rows_of(const Arrays& arrays, const reference::Lengths& lengths) {
  Rows all;
  for (const reference::Array& a : arrays) all.push_back(row_of(a, lengths));
  return all;
}
void check_alike(const Row& found, const Row& expected, double tolerance) {
  REQUIRE(found.at.size() == expected.at.size());
  for (std::size_t i = 0; i < found.at.size(); ++i) {
    CAPTURE(i);
    CAPTURE(found.at[i]);
    CAPTURE(expected.at[i]);
    CHECK(support::alike(found.at[i], expected.at[i], tolerance));
  }
}

struct Precision {
  Dtype dtype;
  double value, first, second;  ///< tolerances; 0: not of second order
};
constexpr Precision precisions[]{{Dtype::float64, 1e-12, 1e-7, 1e-5},
                                 {Dtype::float32, 1e-5, 1e-4, 1e-3},
                                 {Dtype::float16, 1e-2, 3e-2, 0},
                                 {Dtype::bfloat16, 6e-2, 0.2, 0}};

/// The graph with derivatives, by the interpreter and as a program made at run time.
template <class Case> void check_derivatives(const Precision& p, Steps steps, int length) {
  CAPTURE(name_of(p.dtype));
  CAPTURE(steps.most);
  CAPTURE(steps.symbol);
  CAPTURE(length);
  Builder g = Case::graph(p.dtype, steps);
  const int given = g.inputs.size(), values = g.outputs.size();
  const bool second = has_second<Case> && p.second > 0;
  support::add_derivatives(g, second);
  const reference::Lengths lengths = lengths_of(length);
  const Arrays inputs = random_inputs(g, lengths, 11);
  std::vector<bool> floating;
  Rows x, t;
  for (int k = 0, next = given; k < given; ++k) {
    x.push_back(row_of(inputs[std::size_t(k)], lengths));
    floating.push_back(is_floating(inputs[std::size_t(k)].dtype));
    t.push_back(floating.back() ? row_of(inputs[std::size_t(next++)], lengths) : Row());
  }
  const support::HandDerivatives expected(&Case::by_hand, x, t, floating, length, second);
  const auto check = [&](const char* how, const Arrays& arrays) {
    CAPTURE(how);
    const Rows found = rows_of(arrays, lengths);
    std::size_t k = 0;
    const auto next = [&](const char* what, const Row& row, double tolerance) {
      CAPTURE(what);
      CAPTURE(k);
      check_alike(found[k++], row, tolerance);
    };
    for (const Row& r : expected.values) next("value", r, p.value);
    REQUIRE(k == std::size_t(values));
    for (const Row& r : expected.gradients) next("gradient", r, p.first);
    next("tangent", expected.tangent, p.first);
    if (!second) return;
    for (const char* const order : {"reverse over reverse", "forward over reverse", "reverse over forward"})
      for (const Row& r : expected.curvatures) next(order, r, p.second);
  };
  check("interpreted", reference::Interpreter(g).run(inputs, lengths));
  check("compiled at run time", support::execute(g, inputs, lengths));
}

/// Every sample of a batch alone: values, what is computed from derivatives for a sample, and derivatives of the sum
/// of all losses.
template <class Case> void check_batches(Steps steps, int length, char symbol, int samples) {
  CAPTURE(steps.symbol);
  CAPTURE(length);
  CAPTURE(symbol);
  CAPTURE(samples);
  constexpr int extent = 3;
  const Builder values = Case::graph(Dtype::float64, steps);
  Builder derivatives = values;
  support::add_derivatives(derivatives, has_second<Case>);
  const int given = values.inputs.size();
  reference::Lengths lengths = lengths_of(length);
  if (symbol != 0) lengths[symbol] = samples;
  for (int which = -1; which < given; ++which) {  // all inputs, or one of them
    CAPTURE(which);
    std::vector<bool> mapped, of_tangents;
    for (int k = 0; k < given; ++k) {
      mapped.push_back(which < 0 || k == which);
      if (is_floating(values[values.inputs[k]].dtype)) of_tangents.push_back(mapped.back());
    }
    mapped.insert(mapped.end(), of_tangents.begin(), of_tangents.end());
    // Each sample alone, by the interpreter.
    const Builder g = support::batched(derivatives, mapped, extent, symbol);
    const Arrays inputs = random_inputs(g, lengths, 23);
    std::vector<Rows> alone;
    for (int b = 0; b < samples; ++b) {
      Arrays one;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        const Shape& shape = derivatives.shape(derivatives.inputs[int(k)]);
        one.push_back(mapped[k] ? support::sample_of(inputs[k], shape, b) : inputs[k]);
      }
      alone.push_back(rows_of(reference::Interpreter(derivatives).run(one, lengths), lengths));
    }
    for (const Arrays& found : {reference::Interpreter(g).run(inputs, lengths), support::execute(g, inputs, lengths)})
      for (std::size_t k = 0; k < found.size(); ++k)
        for (int b = 0; b < samples; ++b) {
          CAPTURE(k);
          CAPTURE(b);
          const reference::Array one = support::sample_of(found[k], derivatives.shape(derivatives.outputs[int(k)]), b);
          check_alike(row_of(one, lengths), alone[std::size_t(b)][k], 1e-9);
        }
    // Derivatives of the batch: shared inputs get the sum over the samples.
    Builder whole = support::batched(values, mapped, extent, symbol);
    support::add_derivatives(whole, has_second<Case>);
    const Arrays found = support::execute(whole, inputs, lengths);
    const int floats = int(of_tangents.size());
    for (int k = values.outputs.size(); k < whole.outputs.size(); ++k) {
      CAPTURE(k);
      const int j = k - values.outputs.size();  // gradients, the tangent, three times the Hessian times the tangents
      const bool shared = j == floats || !of_tangents[std::size_t(j < floats ? j : (j - floats - 1) % floats)];
      Row expected;
      for (const Rows& sample : alone) {
        const Row& r = sample[std::size_t(k)];
        if (!shared) expected.append(r);
        else expected = expected.at.empty() ? r : expected + r;
      }
      const Row row = row_of(found[std::size_t(k)], lengths);
      if (alone.empty() && shared) expected = Row(std::vector<double>(row.at.size(), 0.0));
      check_alike(row, expected, 1e-9);
    }
  }
}

/// Loops of integers wrap around as their type does.
Builder integers(Dtype d, Steps steps) {
  Builder g;
  const Value k{&g, g.input(d, row())}, xs{&g, g.input(d, rows(steps))}, w{&g, g.input(d, row())};
  const auto [last, ys] = scan([=](Value now, Value x) {
    const Value next = graph::cast_to(now * 3 + x * w, d);
    return std::pair{next, std::tuple{graph::cast_to(maximum(next, x), d), Value(next > x)}};
  }, k, xs);
  outputs(g, last, std::get<0>(ys), std::get<1>(ys));
  return g;
}
template <class T> Rows integers_by_hand(const Rows& in, int steps) {
  Rows r(3);
  for (int i = 0; i < n; ++i) {
    const auto number = [&](const Row& row, int at) { return std::int64_t(row.at[std::size_t(at)]); };
    T now = T(number(in[0], i));
    for (int t = 0; t < steps; ++t) {
      const T x = T(number(in[1], n * t + i));
      now = T(std::uint64_t(now) * 3u + std::uint64_t(x) * std::uint64_t(number(in[2], i)));
      r[1].at.resize(std::size_t(n * steps));
      r[2].at.resize(std::size_t(n * steps));
      r[1].at[std::size_t(n * t + i)] = double(std::max(now, x));
      r[2].at[std::size_t(n * t + i)] = now > x ? 1 : 0;
    }
    r[0].at.push_back(double(now));
  }
  return r;
}

}  // namespace

/// For a program that is made in constant evaluation.
template <class Case, Dtype D, int Most, char Symbol, bool Second> struct Compiled {
  constexpr Builder operator()() const {
    Builder g = Case::graph(D, {Most, Symbol});
    support::add_derivatives(g, Second);
    return g;
  }
};

#define ALL_CASES                                                                                                \
  OneCarried, Backwards, SeveralCarried, Recurrent, Numbered, Nested, Chained, Idle, Gathered, Views, Flagged,   \
      Counted, Widened, Attending<true>, Attending<false>, Checkpointed<true>, Checkpointed<false>

TEST_CASE_TEMPLATE("loops and their derivatives are those of loops by hand", Case, ALL_CASES) {
  for (const Precision& p : precisions)
    for (const Steps steps : {Steps{0}, Steps{1}, Steps{5}, Steps{5, 'T'}})
      for (const int length : {0, 1, 3, 5})
        if (steps.symbol != 0 || length == steps.most) check_derivatives<Case>(p, steps, length);
}

TEST_CASE_TEMPLATE("loops of batches, and batches of their derivatives, are those of each sample", Case, ALL_CASES) {
  for (const Steps steps : {Steps{0}, Steps{5}, Steps{5, 'T'}})
    for (const int length : {0, 3, 5})
      if (steps.symbol != 0 || length == steps.most) check_batches<Case>(steps, length, 0, 3);
  for (const int samples : {0, 1, 3}) check_batches<Case>({5, 'T'}, 3, 'B', samples);
}

TEST_CASE("compiled programs with loops and their derivatives agree with the interpreter") {
  support::check_compiled<Compiled<SeveralCarried, Dtype::float32, 5, 'T', false>>(1, 4);
  support::check_compiled<Compiled<Nested, Dtype::float64, 4, 0, true>>(2, 2, 1e-9);
  support::check_compiled<Compiled<Widened, Dtype::bfloat16, 5, 'T', false>>(3, 4, 5e-2);
}

TEST_CASE("while_loop: values and tangents are those of a loop by hand") {
  for (const Precision& p : precisions) {
    CAPTURE(name_of(p.dtype));
    Builder g = WhileSmall::graph(p.dtype, {});
    const Value loss = support::loss_of(g, g.outputs);
    List<int> x = g.inputs, t;
    for (const int i : x) t.push(g.input(p.dtype, g.shape(i)));
    g.outputs.push(transform::push_forward(g, loss.id, x, t));
    const Arrays inputs = random_inputs(g, {}, 5);
    const Rows all = rows_of(inputs, {});
    const support::HandDerivatives expected(&WhileSmall::by_hand, {all[0], all[1]}, {all[2], all[3]}, {true, true}, 0,
                                            false);
    for (const Arrays& found : {reference::Interpreter(g).run(inputs), support::execute(g, inputs, {})}) {
      check_alike(row_of(found[0], {}), expected.values[0], p.value);
      check_alike(row_of(found[1], {}), expected.values[1], 0);
      check_alike(row_of(found[2], {}), expected.tangent, p.first);
    }
    Builder reverse = WhileSmall::graph(p.dtype, {});
    const Value y = support::loss_of(reverse, reverse.outputs);
    CHECK_THROWS_WITH_AS(transform::gradient(reverse, y.id, reverse.inputs),
                         doctest::Contains("expected a derivative in forward mode"), Error);
  }
}

TEST_CASE_TEMPLATE("loops of integers wrap around as their types do", T, std::int8_t, std::uint8_t, std::int16_t,
                   std::uint16_t, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t) {
  for (const Steps steps : {Steps{0}, Steps{1}, Steps{9}, Steps{9, 'T'}})
    for (const int length : {0, 1, 4, 9}) {
      if (steps.symbol == 0 && length != steps.most) continue;
      CAPTURE(length);
      const Builder g = integers(dtype_of<T>, steps);
      const reference::Lengths lengths = lengths_of(length);
      const Arrays inputs = random_inputs(g, lengths, 3);
      const Rows expected = integers_by_hand<T>(rows_of(inputs, lengths), length);
      for (const Arrays& all : {reference::Interpreter(g).run(inputs, lengths), support::execute(g, inputs, lengths)})
        for (std::size_t k = 0; k < all.size(); ++k) check_alike(row_of(all[k], lengths), expected[k], 0);
    }
}

TEST_CASE("symbols without shapes in their types: what a loop refuses") {
  Builder g;
  const Value x{&g, g.input(Dtype::float32, row())}, two{&g, g.input(Dtype::float32, rows({2}))},
      upto_two{&g, g.input(Dtype::float32, rows({2, 'T'}))}, number{&g, g.input(Dtype::float32, Shape{})};
  const auto scanned = [&](auto xs) { return scan([](Value c, auto) { return c; }, x, xs); };
  CHECK_THROWS_WITH_AS(scanned(std::tuple{two, upto_two}),
                       doctest::Contains("expected inputs with equal extents along their first axes, found (2, 3) and "
                                         "(upto 2 'T', 3)"), Error);
  CHECK_THROWS_WITH_AS(scanned(std::tuple{two, number}),
                       doctest::Contains("expected an input with the steps along its first axis"), Error);
  const auto loop = [&](auto condition) { return while_loop(condition, [](Value c) { return c; }, x); };
  CHECK_THROWS_WITH_AS(loop([](Value c) { return Value(c > 0.f); }),
                       doctest::Contains("expected a condition that is one bool, found bool(3)"), Error);
  CHECK_THROWS_WITH_AS(loop([](Value c) { return Value(sum(c)); }),
                       doctest::Contains("expected a condition that is one bool, found float32()"), Error);
}
