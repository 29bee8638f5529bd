// The reference: evaluates any graph node by node with plain loops. Slow, and simple enough to be trusted.
//
// It computes in the graph's own dtypes or with every float as a double. Property tests compare everything else with
// it, and a graph built at run time can be debugged with it.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstring>
#include <map>
#include <vector>

#include "../../ops/ops.hpp"

namespace sinter::internals::reference {

/// A tensor whose dtype is a value. Elements are row-major over the capacity.
struct Array {
  Dtype dtype = Dtype::float32;
  Shape shape;
  std::vector<std::byte> bytes;

  Array() = default;
  Array(Dtype d, const Shape& s) : dtype(d), shape(s), bytes(std::size_t(s.size()) * std::size_t(bytes_of(d))) {}
  std::byte* at(std::ptrdiff_t i) { return bytes.data() + i * bytes_of(dtype); }
  const std::byte* at(std::ptrdiff_t i) const { return bytes.data() + i * bytes_of(dtype); }
  /// Element i, whatever the dtype, as a double.
  double get(std::ptrdiff_t i) const {
    return with_element_type(dtype, [&]<class T>(T) { return double(*reinterpret_cast<const T*>(at(i))); });
  }
  void set(std::ptrdiff_t i, double x) {
    with_element_type(dtype, [&]<class T>(T) {
      if constexpr (std::is_same_v<T, bool>) *reinterpret_cast<T*>(at(i)) = x != 0;
      else *reinterpret_cast<T*>(at(i)) = ops::converted<T>(x);
    });
  }
  /// Element i of an integer type as 64 bits, and from them: sums wrap around as the type does.
  std::uint64_t bits(std::ptrdiff_t i) const {
    return with_element_type(dtype, [&]<class T>(T) -> std::uint64_t {
      if constexpr (std::is_integral_v<T>) return std::uint64_t(*reinterpret_cast<const T*>(at(i)));
      else return 0;
    });
  }
  void set_bits(std::ptrdiff_t i, std::uint64_t x) {
    with_element_type(dtype, [&]<class T>(T) {
      if constexpr (std::is_integral_v<T>) *reinterpret_cast<T*>(at(i)) = static_cast<T>(x);
    });
  }
  /// The value of an empty reduction, which may be infinite: the type's nearest.
  void set_identity(std::ptrdiff_t i, double x) {
    with_element_type(dtype, [&]<class T>(T) { *reinterpret_cast<T*>(at(i)) = ops::element_from<T>(x); });
  }
};

/// Run-time lengths by symbolic dimension.
using Lengths = std::map<char, std::int64_t>;

class Interpreter {
 public:
  explicit Interpreter(const graph::Builder& g, bool in_double = false) : g_(g), in_double_(in_double) {}

  /// The outputs for these inputs. Elements past a length are NaN (or the like) and take part in nothing.
  std::vector<Array> run(const std::vector<Array>& inputs, const Lengths& lengths = {}) {
    lengths_ = lengths;
    values_.assign(std::size_t(g_.size()), Array{});
    std::size_t input = 0;
    for (int i = 0; i < g_.size(); ++i) {
      if (g_[i].op == &graph::primitive<graph::Input>) {
        values_[std::size_t(i)] = converted(inputs.at(input++), dtype(g_[i].dtype));
      } else {
        values_[std::size_t(i)] = Array(dtype(g_[i].dtype), g_.shape(i));
        spoil(values_[std::size_t(i)]);
        evaluate(i);
      }
    }
    std::vector<Array> outputs;
    for (const int o : g_.outputs) outputs.push_back(values_[std::size_t(o)]);
    return outputs;
  }

 private:
  using Index = std::array<std::int64_t, Shape::max_rank>;

  Dtype dtype(Dtype d) const { return in_double_ && d == Dtype::float32 ? Dtype::float64 : d; }
  static Array converted(const Array& a, Dtype d) {
    if (a.dtype == d) return a;
    Array r(d, a.shape);
    for (std::ptrdiff_t i = 0; i < a.shape.size(); ++i) r.set(i, a.get(i));
    return r;
  }
  static void spoil(Array& a) {
    if (!is_floating(a.dtype)) return;
    for (std::ptrdiff_t i = 0; i < a.shape.size(); ++i) a.set(i, ops::not_a_number<double>);
  }
  std::int64_t length(const Shape& s, int axis) const {
    return s.symbol(axis) != 0 ? lengths_.at(s.symbol(axis)) : s[axis];
  }

  /// Calls f(index) for every element of the shape within its lengths.
  template <class F> void for_each_index(const Shape& s, F&& f) const {
    for (int i = 0; i < s.rank; ++i)
      if (length(s, i) == 0) return;
    Index index{};
    for (;;) {
      f(index);
      int axis = s.rank - 1;
      for (; axis >= 0; --axis) {
        if (++index[std::size_t(axis)] < length(s, axis)) break;
        index[std::size_t(axis)] = 0;
      }
      if (axis < 0) return;
    }
  }
  static std::ptrdiff_t offset(const Shape& s, const Index& index) {
    std::ptrdiff_t at = 0;
    for (int i = 0; i < s.rank; ++i) at = at * s[i] + index[std::size_t(i)];
    return at;
  }
  /// Offset of the element of an operand of this shape, right-aligned, that is read for the result's element.
  static std::ptrdiff_t broadcast_offset(const Shape& s, const Shape& result, const Index& index) {
    std::ptrdiff_t at = 0;
    for (int i = 0; i < s.rank; ++i) {
      const bool repeated = s[i] == 1 && s.symbol(i) == 0;
      at = at * s[i] + (repeated ? 0 : index[std::size_t(i + result.rank - s.rank)]);
    }
    return at;
  }

  const Array& operand(int i, int k) const { return values_[std::size_t(g_.operands(i)[k])]; }

  void evaluate(int i) {
    using graph::Kind;
    const graph::Node& n = g_[i];
    Array& out = values_[std::size_t(i)];
    switch (n.op->kind) {
      case Kind::input: break;
      case Kind::constant: out.set(0, g_.constant_value(i)); break;
      case Kind::generate:
        for_each_index(out.shape, [&](const Index& x) {
          out.set(offset(out.shape, x),
                  out.shape.rank == 0 ? double(lengths_.at(char(g_.attributes(i)[0]))) : double(x[0]));
        });
        break;
      case Kind::identity: out = operand(i, 0); break;
      case Kind::elementwise: elementwise(i, out); break;
      case Kind::reduce: reduce(i, out); break;
      case Kind::scan: scan(i, out); break;
      case Kind::gather: gather(i, out); break;
      case Kind::scatter: scatter(i, out); break;
      case Kind::contract: contract(i, out); break;
      case Kind::assemble: assemble(i, out); break;
      case Kind::kernel: own(i, 0, out); break;
      case Kind::loop: out = loop(i)[0]; break;
      case Kind::result: {
        const int first = g_.operands(i)[0], number = int(g_.attributes(i)[0]);
        if (g_[first].op->kind == Kind::loop) out = loops_.at(first)[std::size_t(number)];
        else own(first, number, out);
        break;
      }
      case Kind::broadcast:
      case Kind::view: view(i, out); break;
    }
  }

  void elementwise(int i, Array& out) const {
    const graph::Node& n = g_[i];
    if (in_double_ && n.op->elementwise.converts && n.dtype == Dtype::float32)  // every float is a double
      return for_each_index(out.shape, [&](const Index& x) {
        out.set(offset(out.shape, x), operand(i, 0).get(broadcast_offset(operand(i, 0).shape, out.shape, x)));
      });
    const graph::Block block = n.op->block[std::size_t(operand(i, n.operands - 1).dtype)];
    for_each_index(out.shape, [&](const Index& x) {
      const void* in[3]{};
      for (int k = 0; k < n.operands; ++k)
        in[k] = operand(i, k).at(broadcast_offset(operand(i, k).shape, out.shape, x));
      block(in, out.at(offset(out.shape, x)), 1);
    });
  }
  void reduce(int i, Array& out) const {
    const graph::Primitive& op = *g_[i].op;
    const Array& a = operand(i, 0);
    for_each_index(out.shape, [&](const Index& x) { out.set_identity(offset(out.shape, x), op.fold.identity); });
    for_each_index(a.shape, [&](const Index& x) {
      Index y = x;
      for (int k = 0; k < a.shape.rank; ++k)
        if ((g_.attributes(i)[0] >> k & 1) != 0) y[std::size_t(k)] = 0;
      std::byte* const to = out.at(offset(out.shape, y));
      const void* in[]{to, a.at(offset(a.shape, x))};
      op.block[std::size_t(a.dtype)](in, to, 1);
    });
  }
  void scan(int i, Array& out) const {
    const Array& a = operand(i, 0);
    const auto axis = std::size_t(g_.attributes(i)[0]);
    for_each_index(a.shape, [&](const Index& x) {  // row-major: the previous elements along the axis have been visited
      std::byte* const to = out.at(offset(a.shape, x));
      Index before = x;
      --before[axis];
      if (x[axis] > 0) std::memcpy(to, out.at(offset(a.shape, before)), std::size_t(bytes_of(a.dtype)));
      else out.set_identity(offset(a.shape, x), g_[i].op->fold.identity);
      const void* in[]{to, a.at(offset(a.shape, x))};
      g_[i].op->block[std::size_t(a.dtype)](in, to, 1);
    });
  }
  /// Sets x along its axis to the index in `positions` for x; false if that is out of range.
  bool set_position(const Array& positions, const Shape& aligned, const Shape& table, int axis, Index& x) const {
    const auto at = std::int64_t(positions.get(broadcast_offset(positions.shape, aligned, x)));
    for (int d = 0; d < table.rank; ++d)
      if (table[d] == 1 && table.symbol(d) == 0 && d != axis) x[std::size_t(d)] = 0;
    x[std::size_t(axis)] = at;
    return at >= 0 && at < table[axis];
  }
  void gather(int i, Array& out) const {
    const Array& a = operand(i, 0);
    for_each_index(out.shape, [&](const Index& x) {
      Index from = x;
      const bool there = set_position(operand(i, 1), out.shape, a.shape, int(g_.attributes(i)[0]), from);
      if (there)
        std::memcpy(out.at(offset(out.shape, x)), a.at(offset(a.shape, from)), std::size_t(bytes_of(a.dtype)));
      else out.set(offset(out.shape, x), is_floating(out.dtype) ? ops::not_a_number<double> : 0);
    });
  }
  void scatter(int i, Array& out) const {
    const Array& a = operand(i, 1);
    for (std::ptrdiff_t k = 0; k < out.shape.size(); ++k) out.set(k, 0);
    for_each_index(a.shape, [&](const Index& x) {
      Index to = x;
      if (set_position(operand(i, 0), a.shape, out.shape, int(g_.attributes(i)[0]), to))
        out.set(offset(out.shape, to), out.get(offset(out.shape, to)) + a.get(offset(a.shape, x)));
    });
  }
  void contract(int i, Array& out) const {
    const Array &a = operand(i, 0), &b = operand(i, 1);
    const int batch = int(g_.attributes(i)[0]), inner = int(g_.attributes(i)[1]);
    const int rows = a.shape.rank - batch - inner;
    Shape contracted;
    for (int k = a.shape.rank - inner; k < a.shape.rank; ++k) contracted.push(a.shape[k], a.shape.symbol(k));
    for_each_index(out.shape, [&](const Index& x) {
      double sum = 0;
      float narrow = 0;
      std::uint64_t whole = 0;
      for_each_index(contracted, [&](const Index& k) {
        Index p{}, q{};
        for (int d = 0; d < batch; ++d) p[std::size_t(d)] = q[std::size_t(d)] = x[std::size_t(d)];
        for (int d = 0; d < rows; ++d) p[std::size_t(batch + d)] = x[std::size_t(batch + d)];
        for (int d = batch; d < b.shape.rank - inner; ++d) q[std::size_t(d)] = x[std::size_t(rows + d)];
        for (int d = 0; d < inner; ++d)
          p[std::size_t(a.shape.rank - inner + d)] = q[std::size_t(b.shape.rank - inner + d)] = k[std::size_t(d)];
        if (is_integer(out.dtype)) {
          whole += a.bits(offset(a.shape, p)) * b.bits(offset(b.shape, q));
          return;
        }
        const double product = a.get(offset(a.shape, p)) * b.get(offset(b.shape, q));
        sum += product;
        narrow += float(product);
      });
      if (is_integer(out.dtype)) out.set_bits(offset(out.shape, x), whole);
      else out.set(offset(out.shape, x), out.dtype == Dtype::float32 ? double(narrow) : sum);
    });
  }
  /// Result `number` of a primitive with a custom kernel.
  void own(int i, int number, Array& out) const {
    struct Tensors {
      const Interpreter& in;
      int node, number;
      Array* out;
      const Array& at(int tensor) const { return tensor < in.g_[node].operands ? in.operand(node, tensor) : *out; }
    };
    const Tensors t{*this, i, number, &out};
    graph::Elements e{.self = &t, .attributes = g_.attributes(i), .operands = g_[i].operands, .result = number};
    e.get_element = [](const void* self, int tensor, const std::int64_t* index) {
      const Array& a = static_cast<const Tensors*>(self)->at(tensor);
      return a.get(row_major(a.shape, index));
    };
    e.set_element = [](const void* self, int, const std::int64_t* index, double value) {
      Array& a = *static_cast<const Tensors*>(self)->out;
      a.set(row_major(a.shape, index), value);
    };
    e.length_of = [](const void* self, int tensor, int axis) {
      const auto& all = *static_cast<const Tensors*>(self);
      return all.in.length(all.at(tensor).shape, axis);
    };
    e.dtype_of = [](const void* self, int tensor) { return static_cast<const Tensors*>(self)->at(tensor).dtype; };
    e.rank_of = [](const void* self, int tensor) { return static_cast<const Tensors*>(self)->at(tensor).shape.rank; };
    g_[i].op->kernel.plain(e);
  }
  static std::ptrdiff_t row_major(const Shape& s, const std::int64_t* index) {
    std::ptrdiff_t at = 0;
    for (int i = 0; i < s.rank; ++i) at = at * s[i] + index[i];
    return at;
  }
  /// All results of a loop, whose steps are run one by one.
  const std::vector<Array>& loop(int i) {
    const auto f = graph::Iteration::of(g_, i);
    Interpreter step(g_.bodies[f.body], in_double_);
    std::vector<Array> inputs, &results = loops_[i];
    results.clear();
    for (int k = 0; k < g_[i].operands; ++k) inputs.push_back(operand(i, k));
    for (int r = 0; r < (f.conditional ? f.carries : f.results()); ++r) {
      const graph::Type t = graph::type_of_result(g_, i, r);
      results.emplace_back(dtype(t.dtype), t.shape);
      spoil(results.back());
    }
    const std::int64_t count = f.symbol() != 0 ? lengths_.at(f.symbol()) : f.extent();
    const auto put = [](Array& all, const Array& one, std::int64_t t) {
      std::copy(one.bytes.begin(), one.bytes.end(), all.bytes.begin() + t * std::int64_t(one.bytes.size()));
    };
    for (std::int64_t s = 0; s < count; ++s) {
      if (f.conditional && inputs[std::size_t(f.carries - 1)].get(0) == 0) break;
      const std::int64_t t = f.reverse ? count - 1 - s : s;
      for (int k = f.carries; k < f.carries + f.stacked; ++k) {
        const Array& all = operand(i, k);
        const int each = g_.bodies[f.body].inputs[k];
        Array one(all.dtype, g_.bodies[f.body].shape(each));
        const auto from = all.bytes.begin() + t * std::int64_t(one.bytes.size());
        std::copy(from, from + std::int64_t(one.bytes.size()), one.bytes.begin());
        inputs[std::size_t(k)] = std::move(one);
      }
      const std::vector<Array> outputs = step.run(inputs, lengths_);
      for (int j = 0; j < f.carries && !f.conditional; ++j)
        put(results[std::size_t(f.before(j))], inputs[std::size_t(j)], t);
      for (int k = 0; k < f.made; ++k)
        put(results[std::size_t(f.carries + k)], outputs[std::size_t(f.carries + k)], t);
      for (int j = 0; j < f.carries; ++j) inputs[std::size_t(j)] = outputs[std::size_t(j)];
    }
    for (int j = 0; j < f.carries; ++j) results[std::size_t(j)] = inputs[std::size_t(j)];
    return results;
  }
  void assemble(int i, Array& out) const {
    const int axis = int(g_.attributes(i)[0]);
    std::int64_t start = 0;
    for (int k = 0; k < g_[i].operands; ++k) {
      const Array& a = operand(i, k);
      for_each_index(a.shape, [&](const Index& x) {
        Index y = x;
        y[std::size_t(axis)] += start;
        std::memcpy(out.at(offset(out.shape, y)), a.at(offset(a.shape, x)), std::size_t(bytes_of(a.dtype)));
      });
      start += a.shape[axis];
    }
  }
  void view(int i, Array& out) const {
    const Array& a = operand(i, 0);
    graph::Signature::Operand room[2];
    graph::Layout l = graph::Layout::row_major(a.shape);
    g_[i].op->view.layout(l, g_.signature(i, room), out.shape);
    for_each_index(out.shape, [&](const Index& x) {
      std::int64_t from = l.offset;
      for (int d = 0; d < out.shape.rank; ++d) from += x[std::size_t(d)] * l.stride[d];
      std::memcpy(out.at(offset(out.shape, x)), a.at(from), std::size_t(bytes_of(a.dtype)));
    });
  }

  const graph::Builder& g_;
  bool in_double_;
  Lengths lengths_;
  std::vector<Array> values_;
  std::map<int, std::vector<Array>> loops_;  ///< the results of each loop
};

}  // namespace sinter::internals::reference
