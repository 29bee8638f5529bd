// The reference: evaluates any graph node by node with plain loops. Slow, and simple enough to be trusted.
//
// It computes in the graph's own dtypes or with every float as a double. Property tests compare everything else with
// it, and a graph built at run time can be debugged with it.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstring>
#include <map>

#include "../../ops/ops.hpp"
#include "../../tensor/vector.hpp"
#include "../plain_kernel.hpp"

namespace sinter::inline SINTER_ABI::internals::reference {

/// A tensor whose dtype is a value. Elements are row-major over the capacity.
struct Array {
  Dtype dtype = Dtype::float32;
  Shape shape;
  Vector<std::byte> bytes;

  Array() = default;
  Array(Dtype d, const Shape& s) : dtype(d), shape(s), bytes(s.size() * bytes_of(d)) {}
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
struct Lengths : std::map<int, std::int64_t> {
  using map::map;
  /// One that is given, or what follows from one that is.
  std::int64_t at(int symbol) const {
    using tensor_detail::Dimension;
    if (find(symbol) == end())
      for (const auto& [other, length] : *this)
        if (Dimension::of(symbol).follows_from(Dimension::of(other)))
          return Dimension::of(symbol).length_from(Dimension::of(other), length);
    return map::at(symbol);
  }
};

class Interpreter {
 public:
  explicit Interpreter(const graph::Builder& g, bool in_double = false)
      : g_(g), in_double_(in_double), live_(ops::live_nodes(g)) {}

  /// The outputs for these inputs. Elements past a length are NaN (or the like) and take part in nothing.
  std::vector<Array> run(const std::vector<Array>& inputs, const Lengths& lengths = {}) {
    lengths_ = lengths;
    values_.assign(g_.size(), Array{});
    std::size_t input = 0;
    for (int i = 0; i < g_.size(); ++i) {
      if (g_[i].op == &graph::primitive<graph::Input>) {
        values_[i] = converted(inputs.at(input++), dtype(g_[i].dtype));
      } else if (live_[i] != 0) {
        values_[i] = Array(dtype(g_[i].dtype), g_.shape(i));
        spoil(values_[i]);
        evaluate(i);
      }
    }
    std::vector<Array> outputs;
    for (const int o : g_.outputs) outputs.push_back(values_[o]);
    return outputs;
  }

 private:
  using Index = internals::Array<std::int64_t, Shape::max_rank>;

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
        if (++index[axis] < length(s, axis)) break;
        index[axis] = 0;
      }
      if (axis < 0) return;
    }
  }
  static std::ptrdiff_t offset(const Shape& s, const Index& index) {
    std::ptrdiff_t at = 0;
    for (int i = 0; i < s.rank; ++i) at = at * s[i] + index[i];
    return at;
  }
  /// Offset of the element of an operand of this shape, right-aligned, that is read for the result's element.
  static std::ptrdiff_t broadcast_offset(const Shape& s, const Shape& result, const Index& index) {
    std::ptrdiff_t at = 0;
    for (int i = 0; i < s.rank; ++i) {
      const bool repeated = s[i] == 1 && s.symbol(i) == 0;
      at = at * s[i] + (repeated ? 0 : index[i + result.rank - s.rank]);
    }
    return at;
  }

  const Array& operand(int i, int k) const { return values_[g_.operands(i)[k]]; }

  void evaluate(int i) {
    using graph::Kind;
    const graph::Node& n = g_[i];
    Array& out = values_[i];
    switch (n.op->kind) {
      case Kind::input: break;
      case Kind::constant: out.set(0, g_.constant_value(i)); break;
      case Kind::generate:
        for_each_index(out.shape, [&](const Index& x) {
          out.set(offset(out.shape, x),
                  out.shape.rank == 0 ? double(lengths_.at(int(g_.attributes(i)[0]))) : double(x[0]));
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
        if (g_[first].op->kind == Kind::loop) out = loops_.at(first)[number];
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
    const graph::Block block = n.op->block[operand(i, n.operands - 1).dtype];
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
        if ((g_.attributes(i)[0] >> k & 1) != 0) y[k] = 0;
      std::byte* const to = out.at(offset(out.shape, y));
      const void* in[]{to, a.at(offset(a.shape, x))};
      op.block[a.dtype](in, to, 1);
    });
  }
  void scan(int i, Array& out) const {
    const Array& a = operand(i, 0);
    const int axis = int(g_.attributes(i)[0]);
    for_each_index(a.shape, [&](const Index& x) {  // row-major: the previous elements along the axis have been visited
      std::byte* const to = out.at(offset(a.shape, x));
      Index before = x;
      --before[axis];
      if (x[axis] > 0) std::memcpy(to, out.at(offset(a.shape, before)), std::size_t(bytes_of(a.dtype)));
      else out.set_identity(offset(a.shape, x), g_[i].op->fold.identity);
      const void* in[]{to, a.at(offset(a.shape, x))};
      g_[i].op->block[a.dtype](in, to, 1);
    });
  }
  /// Sets x along its axis to the index in `positions` for x; false if that is out of range.
  bool set_position(const Array& positions, const Shape& aligned, const Shape& table, int axis, Index& x) const {
    const auto at = std::int64_t(positions.get(broadcast_offset(positions.shape, aligned, x)));
    for (int d = 0; d < table.rank; ++d)
      if (table[d] == 1 && table.symbol(d) == 0 && d != axis) x[d] = 0;
    x[axis] = at;
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
        for (int d = 0; d < batch; ++d) p[d] = q[d] = x[d];
        for (int d = 0; d < rows; ++d) p[batch + d] = x[batch + d];
        for (int d = batch; d < b.shape.rank - inner; ++d) q[d] = x[rows + d];
        for (int d = 0; d < inner; ++d)
          p[a.shape.rank - inner + d] = q[b.shape.rank - inner + d] = k[d];
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
  void own(int i, int number, Array& out) {
    Vector<backend::PlainKernel::Tensor> tensors;
    for (int k = 0; k < g_[i].operands; ++k) tensors.push_back(in_memory(values_[g_.operands(i)[k]]));
    tensors.resize(g_[i].operands + number);  // further results, which are not computed here
    tensors.push_back(in_memory(out));
    backend::PlainKernel(*g_[i].op, std::move(tensors), g_[i].operands, g_.attributes(i), g_[i].attributes).run();
  }
  backend::PlainKernel::Tensor in_memory(Array& a) const {
    backend::PlainKernel::Tensor t;
    t.address = a.bytes.data();
    t.dtype = a.dtype;
    const graph::Layout l = graph::Layout::row_major(a.shape);
    for (int k = 0; k < a.shape.rank; ++k) {
      t.shape.push(int(length(a.shape, k)));
      t.stride[k] = l.stride[k];
    }
    return t;
  }
  /// All results of a loop, whose steps are run one by one.
  const Vector<Array>& loop(int i) {
    const auto f = graph::Iteration::of(g_, i);
    const graph::Builder& body = graph::body_of(g_, i);
    Interpreter step(body, in_double_);
    Vector<Array> inputs, &results = loops_[i];
    results.clear();
    for (int k = 0; k < g_[i].operands; ++k) inputs.push_back(operand(i, k));
    for (int r = 0; r < (f.conditional ? f.carries : f.results()); ++r) {
      const graph::Type t = graph::type_of_result(g_, i, r);
      results.emplace_back(dtype(t.dtype), t.shape);
      spoil(results.back());
    }
    const std::int64_t count = f.symbol() != 0 ? lengths_.at(f.symbol()) : f.extent();
    const auto put = [](Array& all, const Array& one, std::int64_t t) {
      std::copy(one.bytes.begin(), one.bytes.end(), all.bytes.begin() + t * std::ssize(one.bytes));
    };
    for (std::int64_t s = 0; s < count; ++s) {
      if (f.conditional && inputs[f.carries - 1].get(0) == 0) break;
      const std::int64_t t = f.reverse ? count - 1 - s : s;
      for (int k = f.carries; k < f.carries + f.stacked; ++k) {
        const Array& all = operand(i, k);
        Array one(all.dtype, body.shape(body.inputs[k]));
        const auto from = all.bytes.begin() + t * std::ssize(one.bytes);
        std::copy(from, from + std::ssize(one.bytes), one.bytes.begin());
        inputs[k] = std::move(one);
      }
      const std::vector<Array> outputs = step.run(inputs, lengths_);
      for (int j = 0; j < f.carries && !f.conditional; ++j) put(results[f.before(j)], inputs[j], t);
      for (int k = f.carries; k < f.carries + f.made; ++k) put(results[k], outputs[std::size_t(k)], t);
      for (int j = 0; j < f.carries; ++j) inputs[j] = outputs[std::size_t(j)];
    }
    for (int j = 0; j < f.carries; ++j) results[j] = inputs[j];
    return results;
  }
  void assemble(int i, Array& out) const {
    const int axis = int(g_.attributes(i)[0]);
    std::int64_t start = 0;
    for (int k = 0; k < g_[i].operands; ++k) {
      const Array& a = operand(i, k);
      for_each_index(a.shape, [&](const Index& x) {
        Index y = x;
        y[axis] += start;
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
      for (int d = 0; d < out.shape.rank; ++d) from += x[d] * l.stride[d];
      std::memcpy(out.at(offset(out.shape, x)), a.at(from), std::size_t(bytes_of(a.dtype)));
    });
  }

  const graph::Builder& g_;
  bool in_double_;
  graph::List<char> live_;  ///< what the outputs need
  Lengths lengths_;
  Vector<Array> values_;
  std::map<int, Vector<Array>> loops_;  ///< the results of each loop
};

}  // namespace sinter::internals::reference
