// Functions at the edges of what they are defined for (reference/edges.txt): values, first and second derivatives, each
// element by itself, by the interpreter in double precision and, fused, by the executor of run-time graphs in float.
#pragma once
#include <sinter/sinter.hpp>
#include <sinter/transform/gradient.hpp>

#include "execute.hpp"
#include "reference_values.hpp"

namespace support {

using namespace sinter;
using namespace sinter::internals;

/// Compares the elements of an output with the reference's. In float an element may also be what PyTorch makes of it in
/// float32. The derivative at NaN may be NaN, whatever PyTorch's rule makes of it.
inline void check_elements(const reference::Array& found, const std::string& name, bool single) {
  const ReferenceValue& expected = reference_value(name);
  REQUIRE(expected.elements.size() == std::size_t(found.shape.size()));
  const ReferenceValue* const as_single =
      single && has_reference_value(name + "32") ? &reference_value(name + "32") : nullptr;
  for (std::size_t i = 0; i < expected.elements.size(); ++i) {
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

/// f of `Arguments` tensors, elementwise.
template <int Arguments, class F> void check_edges(const std::string& function, F f) {
  const std::string name = "edge." + function;
  for (const bool single : {false, true}) {
    const Dtype dtype = single ? Dtype::float32 : Dtype::float64;
    graph::Builder g;
    Shape shape;
    shape.push(int(reference_value(name + ".0").elements.size()));
    graph::List<int> x;
    std::vector<reference::Array> inputs;
    for (int k = 0; k < Arguments; ++k) {
      x.push(g.input(dtype, shape));
      reference::Array a(dtype, shape);
      for (int i = 0; i < shape[0]; ++i)
        a.set(i, reference_value(name + "." + std::to_string(k)).elements[std::size_t(i)]);
      inputs.push_back(std::move(a));
    }
    const graph::Value y = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return f(graph::Value{&g, x[int(I)]}...);
    }(std::make_index_sequence<std::size_t(Arguments)>{});
    std::vector<std::string> names{name + ".y"};
    g.outputs.push(y.id);
    const graph::List<int> first = transform::gradient(g, sum(y).id, x);
    for (int i = 0; i < Arguments; ++i) {
      const std::string d = name + ".d" + std::to_string(i);
      names.push_back(d);
      g.outputs.push(first[i]);
      if (!has_reference_value(d + "0")) continue;
      const graph::List<int> second = transform::gradient(g, sum(graph::Value{&g, first[i]}).id, x);
      for (int j = 0; j < Arguments; ++j) names.push_back(d + std::to_string(j)), g.outputs.push(second[j]);
    }
    const auto outputs = single ? execute(g, inputs, {}) : reference::Interpreter(g, true).run(inputs);
    for (std::size_t k = 0; k < names.size(); ++k) check_elements(outputs[k], names[k], single);
  }
}

}  // namespace support
