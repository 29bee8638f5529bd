// The cells of the table of edge cases (edges/table.txt) whose values PyTorch computed: reference/cells.txt. A case of
// a function is run as a graph with derivatives of both orders, by the interpreter (in double precision where operands
// are float) and, fused, by the executor of run-time graphs.
#pragma once
#include <sinter/sinter.hpp>
#include <sinter/transform/gradient.hpp>

#include <functional>

#include "execute.hpp"
#include "reference_values.hpp"

namespace support {

using namespace sinter;
using namespace sinter::internals;

/// A tensor of the file: "float[B4:1,3]" is a float32 tensor of a bounded axis with capacity 4 and length 1, and of 3.
struct Cell {
  Dtype dtype = Dtype::float32;
  Shape shape;           ///< with capacities
  Shape taken;           ///< with lengths
  std::vector<double> elements;  ///< within them

  /// Elements past the lengths are NaN, or a number far out of range.
  reference::Array array() const {
    reference::Array a(dtype, shape);
    const double beyond = is_floating(dtype) ? double(NAN) : 99.0;
    for (std::ptrdiff_t i = 0; i < shape.size(); ++i) a.set(i, beyond);
    for (std::ptrdiff_t i = 0; i < taken.size(); ++i) a.set(offset(i), elements[std::size_t(i)]);
    return a;
  }
  /// The offset of the i-th element within the lengths.
  std::ptrdiff_t offset(std::ptrdiff_t i) const {
    std::ptrdiff_t at = 0, factor = 1;
    for (int d = shape.rank - 1; d >= 0; --d) {
      at += i % taken[d] * factor;
      i /= taken[d];
      factor *= shape[d];
    }
    return at;
  }
};
using CellCase = std::map<std::string, Cell>;

/// The type of a tensor as written in the file. Returns false if the text is not one.
inline bool parse_type(const std::string& text, Cell& c) {
  const std::size_t open = text.find('[');
  if (open == std::string::npos || text.back() != ']') return false;
  const std::string type = text.substr(0, open);
  c.dtype = Dtype(number_of_dtypes);
  for (int d = 0; d < number_of_dtypes; ++d)
    if (name_of(Dtype(d)) == (type == "float" ? "float32" : type == "double" ? "float64" : type)) c.dtype = Dtype(d);
  std::istringstream extents(text.substr(open + 1, text.size() - open - 2));
  for (std::string e; std::getline(extents, e, ',');) {
    const bool bounded = std::isalpha(static_cast<unsigned char>(e[0])) != 0;
    const int capacity = std::stoi(e.substr(bounded ? 1 : 0));
    c.shape.push(capacity, bounded ? e[0] : char(0));
    c.taken.push(bounded ? std::stoi(e.substr(e.find(':') + 1)) : capacity);
  }
  return c.dtype != Dtype(number_of_dtypes);
}

/// All cases by the names of function and case: lines "function/case key type numbers…", continued in lines that begin
/// with a space.
inline const std::map<std::string, std::map<std::string, CellCase>>& cell_cases() {
  static const auto cases = [] {
    std::map<std::string, std::map<std::string, CellCase>> all;
    std::ifstream file(SINTER_TESTS "/reference/cells.txt");
    Cell* last = nullptr;
    for (std::string line; std::getline(file, line);) {
      std::istringstream in(line);
      std::string word;
      if (line[0] != ' ') {
        std::string key, type;
        in >> word >> key >> type;
        const std::size_t slash = word.find('/');
        last = &all[word.substr(0, slash)][word.substr(slash + 1)][key];
        REQUIRE_MESSAGE(parse_type(type, *last), line);
      }
      while (in >> word) last->elements.push_back(std::strtod(word.c_str(), nullptr));
    }
    return all;
  }();
  return cases;
}

/// The distance of neighbours of a 16-bit type.
inline double spacing(double x, Dtype d) {
  const int digits = d == Dtype::float16 ? 10 : 7, least = d == Dtype::float16 ? -24 : -133;
  return std::ldexp(1.0, x == 0 || !std::isfinite(x) ? least : std::max(std::ilogb(x) - digits, least));
}

/// Compares what was found with a cell, and in float with what PyTorch finds in float32 (key + "32"). Results of cases
/// "….signs" have zeros of the same sign.
inline void check_cell(const reference::Array& found, const CellCase& c, const std::string& name,
                       const std::string& key, bool in_double) {
  const Cell& cell = c.at(key);
  REQUIRE_MESSAGE(found.shape == cell.shape, name << " " << key << ": found the shape " << to_string(found.shape));
  const auto single = c.find(key + "32");
  const bool signs = key == "y" && name.find(".signs") != std::string::npos;
  double largest = 0;
  for (const double e : cell.elements) largest = std::isfinite(e) ? std::max(largest, std::abs(e)) : largest;
  REQUIRE(std::ptrdiff_t(cell.elements.size()) == cell.taken.size());
  for (std::ptrdiff_t i = 0; i < cell.taken.size(); ++i) {
    const double y = found.get(cell.offset(i)), given = cell.elements[std::size_t(i)],
                 e = !in_double && cell.dtype == Dtype::float32 ? double(float(given)) : given;
    if (signs && e == 0 && y == 0 && std::signbit(e) != std::signbit(y))
      FAIL_CHECK(name << " " << std::string(key) << "[" << i << "]: a zero of the other sign");
    const auto near = [&](double wanted) {
      if (y == wanted || (std::isnan(y) && std::isnan(wanted))) return true;
      if (!is_floating(cell.dtype)) return false;
      if (is_half(cell.dtype)) return std::abs(y - wanted) <= 1.01 * spacing(wanted, cell.dtype) + 2e-6 * largest;
      return distance(y, wanted) < (in_double ? 1e-7 : 2e-5);
    };
    if (near(e) || (!in_double && single != c.end() && near(single->second.elements[std::size_t(i)]))) continue;
    FAIL_CHECK(name << " " << std::string(key) << "[" << i << "]" << std::string(in_double ? " in double" : "")
                    << ": expected " << e << ", found " << y);
  }
}

using Arguments = std::vector<graph::Value>;
using CellFunction = std::function<graph::Value(const Arguments&)>;

/// One case of f, a function of as many untyped symbols as the case has operands.
inline void check_case(const std::string& name, const CellCase& c, const CellFunction& f) {
  graph::Builder g;
  std::vector<reference::Array> inputs;
  reference::Lengths lengths;
  const auto input = [&](const std::string& key) {
    const Cell& cell = c.at(key);
    for (int i = 0; i < cell.shape.rank; ++i)
      if (cell.shape.symbol(i) != 0) lengths[cell.shape.symbol(i)] = cell.taken[i];
    inputs.push_back(cell.array());
    return graph::Value{&g, g.input(cell.dtype, cell.shape)};
  };
  Arguments x;
  bool in_double = true;
  for (int i = 0; c.count(std::to_string(i)) > 0; ++i) {
    x.push_back(input(std::to_string(i)));
    in_double = in_double && x.back().dtype() == Dtype::float32;
  }
  const graph::Value y = f(x);
  CHECK_MESSAGE((y.dtype() == c.at("y").dtype), name << ": found " << name_of(y.dtype()));
  std::vector<std::string> keys{"y"};
  g.outputs.push(y.id);
  if (c.count("w") > 0) {
    graph::List<int> wrt, numbers;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (c.count("d" + std::to_string(i)) > 0) wrt.push(x[i].id), numbers.push(int(i));
    const graph::List<int> first = transform::gradient(g, sum(y * input("w")).id, wrt);
    graph::Value along{&g, g.constant(0, Dtype::float32)};
    for (int k = 0; k < wrt.size(); ++k) {
      const std::string i = std::to_string(numbers[k]);
      keys.push_back("d" + i);
      g.outputs.push(first[k]);
      if (c.count("v" + i) > 0) along = along + sum(graph::Value{&g, first[k]} * input("v" + i));
    }
    if (c.count("h" + std::to_string(numbers[0])) > 0) {
      const graph::List<int> second = transform::gradient(g, along.id, wrt);
      for (int k = 0; k < wrt.size(); ++k) {
        keys.push_back("h" + std::to_string(numbers[k]));
        g.outputs.push(second[k]);
      }
    }
  }
  const auto plain = reference::Interpreter(g, in_double).run(inputs, lengths);
  const auto fused = execute(g, inputs, lengths);
  for (std::size_t k = 0; k < keys.size(); ++k) {
    check_cell(plain[k], c, name, keys[k], in_double);
    check_cell(fused[k], c, name + " (fused)", keys[k], false);
  }
}

/// All cases of a function whose names begin with `beginning`.
inline void check_cases(const std::string& function, const CellFunction& f, const std::string& beginning = "") {
  int found = 0;
  const auto cases = cell_cases().find(function);
  REQUIRE_MESSAGE(cases != cell_cases().end(), "no cases of " << function);
  for (const auto& [name, c] : cases->second) {
    if (name.rfind(beginning, 0) != 0) continue;
    ++found;
    check_case(function + "/" + name, c, f);
  }
  CHECK_MESSAGE(found > 0, "no cases " << function << "/" << beginning);
}

/// The same for a function of N symbols.
template <int N, class F>
void check_cells(const std::string& function, F f, const std::string& beginning = "") {
  check_cases(
      function,
      [f](const Arguments& x) -> graph::Value {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
          return f(x.at(I)...);
        }(std::make_index_sequence<std::size_t(N)>{});
      },
      beginning);
}

/// And for symbols of these types, for functions that need typed shapes.
template <class... X, class F>
void check_typed(const std::string& function, F f, const std::string& beginning = "") {
  check_cases(
      function,
      [f](const Arguments& x) -> graph::Value {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
          return graph::Value(f(X(x.at(I))...));
        }(std::index_sequence_for<X...>{});
      },
      beginning);
}

/// And for a layer on an input of this type: the operands are the input and the layer's leaves in their order. `part`
/// picks the result that is compared.
template <class Layer, class X, class Part>
void check_layer(const std::string& name, Part part, const std::string& beginning = "", bool training = true) {
  check_cases(
      name,
      [=](const Arguments& x) -> graph::Value {
        auto net = graph::NetOf<Layer>::make();
        std::size_t next = 1;
        graph::for_each_leaf(net, [&](auto& leaf) { leaf.bind(x.at(next++)); });
        CHECK(next == x.size());
        x[0].graph->training = training;
        return part(net(X(x[0])));
      },
      beginning);
}
template <class Layer, class X>
void check_layer(const std::string& name, const std::string& beginning = "", bool training = true) {
  check_layer<Layer, X>(name, [](auto y) { return graph::Value(y); }, beginning, training);
}

}  // namespace support
