// Functions at the edges of their domains (reference/edges.txt): values, first and second derivatives, elementwise, by
// the interpreter in double precision and, fused, by the executor of run-time graphs in float.
#pragma once
#include <sinter/sinter.hpp>
#include <sinter/transform/gradient.hpp>

#include <functional>

#include "execute.hpp"
#include "reference_values.hpp"

namespace support {

using namespace sinter;
using namespace sinter::internals;

/// Compares the first `count` elements of an output with the reference's. In float an element may also equal PyTorch's
/// in float32. The derivative at NaN may be NaN, whatever PyTorch gives.
inline void check_elements(const reference::Array& found, const std::string& name, bool single, std::size_t count) {
  const ReferenceValue& expected = reference_value(name);
  const ReferenceValue* const as_single =
      single && has_reference_value(name + "32") ? &reference_value(name + "32") : nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const double y = found.get(std::ptrdiff_t(i)),
                 e = single ? double(float(expected.elements[i])) : expected.elements[i],
                 tolerance = single ? 2e-5 : 1e-7;
    if (distance(y, e) < tolerance || (as_single != nullptr && distance(y, as_single->elements[i]) < tolerance))
      continue;
    std::ostringstream arguments;
    bool at_nan = false;
    const std::string base = name.substr(0, name.rfind('.'));
    for (int k = 0; has_reference_value(base + "." + std::to_string(k)); ++k) {
      const double x = reference_value(base + "." + std::to_string(k)).elements[i];
      at_nan = at_nan || std::isnan(x);
      arguments << " " << x;
    }
    if (at_nan && std::isnan(y)) continue;
    FAIL_CHECK(name << " at" << arguments.str() << (single ? std::string(" in float") : std::string(" in double"))
                    << ": expected " << e << ", found " << y);
  }
}

using EdgeFunction = std::function<graph::Value(const std::vector<graph::Value>&)>;

/// The first `count` elements as tensors of this shape, which is longer if bounded.
inline void check_layout(const std::string& name, int arguments, const EdgeFunction& f, const Shape& shape,
                         std::size_t count, bool single) {
  const Dtype dtype = single ? Dtype::float32 : Dtype::float64;
  graph::Builder g;
  graph::List<int> ids;
  std::vector<graph::Value> x;
  std::vector<reference::Array> inputs;
  for (int k = 0; k < arguments; ++k) {
    x.push_back({&g, g.input(dtype, shape)});
    ids.push(x.back().id);
    reference::Array a(dtype, shape);
    const auto& elements = reference_value(name + "." + std::to_string(k)).elements;
    for (std::size_t i = 0; i < std::size_t(shape[0]); ++i) a.set(std::ptrdiff_t(i), i < count ? elements[i] : NAN);
    inputs.push_back(std::move(a));
  }
  const graph::Value y = f(x);
  std::vector<std::string> names{name + ".y"};
  g.outputs.push(y.id);
  const graph::List<int> first = transform::gradient(g, sum(y).id, ids);
  for (int i = 0; i < arguments; ++i) {
    const std::string d = name + ".d" + std::to_string(i);
    names.push_back(d);
    g.outputs.push(first[i]);
    if (!has_reference_value(d + "0")) continue;
    const graph::List<int> second = transform::gradient(g, sum(graph::Value{&g, first[i]}).id, ids);
    for (int j = 0; j < arguments; ++j) names.push_back(d + std::to_string(j)), g.outputs.push(second[j]);
  }
  const reference::Lengths lengths{{'N', std::int64_t(count)}};
  const auto outputs =
      single ? execute(g, inputs, lengths) : reference::Interpreter(g, true).run(inputs, lengths);
  for (std::size_t k = 0; k < names.size(); ++k) check_elements(outputs[k], names[k], single, count);
}

/// f of `Arguments` tensors, elementwise: of all elements at once, bounded with the lengths 0, 1 and all, of no
/// elements and of one.
template <int Arguments, class F> void check_edges(const std::string& function, F f) {
  const std::string name = "edge." + function;
  const EdgeFunction of_list = [f](const std::vector<graph::Value>& x) -> graph::Value {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return f(x[I]...);
    }(std::make_index_sequence<std::size_t(Arguments)>{});
  };
  const int n = int(reference_value(name + ".0").elements.size());
  for (const bool single : {false, true})
    for (const int count : {n, 1, 0}) {
      Shape fixed, bounded;
      fixed.push(count);
      bounded.push(n + 5, 'N');
      check_layout(name, Arguments, of_list, fixed, std::size_t(count), single);
      check_layout(name, Arguments, of_list, bounded, std::size_t(count), single);
    }
}

}  // namespace support
