// What the steps of a program do, decoded from its table: which operations, how many of them, and what memory they
// access. At run time, for profiles and reports; programs contain none of it.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "../tensor/vector.hpp"
#include "program.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// A kernel's identity, read at run time; the counterpart of `Body`.
struct RunTimeBody {
  KernelKind kind = KernelKind::map;
  int loops = 0, pointers = 0, passes = 0, kept = 0;
  std::uint64_t folded = 0;
  Vector<Micro> micros;

  explicit RunTimeBody(const std::uint64_t* words) : micros(count_micros(words)) { decode_into(words, *this); }
};

/// A tensor that a step reads or writes.
struct Access {
  int base = -1;               ///< 0 the arena, then inputs, then outputs; −1 for no memory
  unsigned char form = 0;      ///< Layout::form
  std::uint16_t method = 0;    ///< of a contraction's first: how it is computed (PointerBase)
  std::int64_t at = 0;         ///< bytes from the base
  std::int64_t span = 0;       ///< bytes from the first element to the end of the last
  double bytes = 0;            ///< of the elements that it accesses, each counted once
  bool written = false;
  Vector<std::int64_t> stride;  ///< in elements, one per loop
};

struct StepReport {
  int kernel = 0;              ///< which of the distinct ones; of a chain that of its first contraction
  KernelKind kind = KernelKind::map;
  Dtype dtype = Dtype::float32;      ///< of what it stores, or of the products it sums
  std::string operations;      ///< "contract add maximum": primitives in the order of evaluation
  std::string computed[2];     ///< those of them that compute an operand of a contraction
  double flops = 0, bytes = 0;
  Vector<std::int64_t> extent;  ///< of its loops
  Vector<Access> access;
  // Of a chain (compile/chains.hpp), whose accesses are those to tensors that exist as a whole:
  std::vector<StepReport> parts;     ///< its steps
  std::int64_t tiles = 0, units = 0;  ///< its tiles, and how many images, rows, … most of them have
};

/// What a report says of a primitive: without its rules, which would otherwise all be compiled.
struct Operation {
  std::uint64_t code;
  const char* name;
  double flops;  ///< per element
  double (*flops_of_loops)(const std::int64_t* extent, int loops,
                           const std::int64_t* attributes);  ///< of a primitive's custom kernel
  bool copies;
};

/// A table of steps, its kernels, and the operations of these.
struct StepTable {
  const std::int64_t* table;
  int runs;  ///< of kernels: a chain is one step of several
  const std::uint64_t* words;
  const int* kernel_at;
  int kernels;
  const Operation* operations;
  int operation_count;
  const std::int64_t *chains, *chains_end;
};

/// The codes of primitives in kernels, each once.
template <class Program> constexpr auto codes() {
  List<std::uint64_t> found;
  for (int k = 0; k < Program::distinct_kernels; ++k) {
    const std::uint64_t* w = Program::words.data() + Program::kernel_at[k];
    int micros = count_micros(w);
    for (w += 2; micros > 0; --micros) {
      Micro m;
      w = decode_into(w, m);
      if (!has_payload(m.what) || m.what == Micro::What::attribute) continue;
      bool known = false;
      for (const std::uint64_t c : found) known = known || c == m.code;
      if (!known) found.push(m.code);
    }
  }
  return found;
}
template <class Program> inline constexpr int code_count = [] {
  const List<std::uint64_t> found = codes<Program>();
  return found.size();
}();
template <class Program> inline constexpr auto code_list = [] {
  Array<std::uint64_t, code_count<Program>> list{};
  std::uint64_t* to = list.data();
  const List<std::uint64_t> found = codes<Program>();
  for (const std::uint64_t c : found) *to++ = c;
  return list;
}();
constexpr Operation operation(const graph::Primitive& p) {
  const Shape number{};
  const std::array<Signature::Operand, 3> operands{
      {{Dtype::float32, &number}, {Dtype::float32, &number}, {Dtype::float32, &number}}};
  const bool counts = p.kind == Kind::elementwise && p.flops != nullptr;
  return {p.code, p.name, counts ? p.flops({operands.data(), 3, nullptr, 0}, number) : 1, p.kernel.flops,
          p.elementwise.copies};
}
template <class Program> inline constexpr auto operations = []<std::size_t... Index>(std::index_sequence<Index...>) {
  return std::array<Operation, sizeof...(Index)>{
      operation(graph::primitive<graph::primitive_struct<code_list<Program>[Index]>>)...};
}(std::make_index_sequence<std::size_t(code_count<Program>)>{});


template <class Program> constexpr StepTable step_table() {
  return {Program::table.data(),
          Program::runs,
          Program::words.data(),
          Program::kernel_at.data(),
          Program::distinct_kernels,
          operations<Program>.data(),
          int(operations<Program>.size()),
          Program::chains.data(),
          Program::chains.data() + Program::chains.size()};
}

/// Reads a table.
class Steps {
 public:
  explicit Steps(const StepTable& table) : table_(table) {
    for (int k = 0; k < table.kernels; ++k) bodies_.emplace_back(table.words + table.kernel_at[k]);
  }

  const RunTimeBody& body(int kernel) const { return bodies_[kernel]; }

  /// Every step, for these lengths in the order of the program's symbolic dimensions.
  SINTER_OUTLINE std::vector<StepReport> report(const std::int64_t* lengths) const {
    std::vector<StepReport> all;
    const std::int64_t *t = table_.table, *chain = table_.chains;
    for (int run = 0; run < table_.runs;) {
      if (chain != table_.chains_end && ChainHead::of(chain).first == run) {
        all.push_back(together(chain, t, lengths));
        run += int(ChainHead::of(chain).steps);
        chain = ChainHead::after(chain);
      } else {
        all.push_back(step(t, lengths));
        ++run;
      }
    }
    return all;
  }

 private:
  const Operation* operation(std::uint64_t code) const {
    for (int i = 0; i < table_.operation_count; ++i)
      if (table_.operations[i].code == code) return &table_.operations[i];
    return nullptr;
  }

  /// A chain; t advances past its steps.
  StepReport together(const std::int64_t* chain, const std::int64_t*& t, const std::int64_t* lengths) const {
    const auto head = ChainHead::of(chain);
    const std::int64_t units = head.length(lengths);
    StepReport all;
    all.units = std::min(head.grain, units);
    all.tiles = (units + head.grain - 1) / head.grain;
    const std::int64_t* member = chain + ChainHead::numbers;
    for (std::int64_t s = 0; s < head.steps; ++s) {
      StepReport part = step(t, lengths);
      const std::int64_t pointers = member[1];
      member += ChainHead::member_numbers;
      for (std::int64_t p = 0; p < pointers; ++p, member += 2) {
        if (member[1] != 0) continue;  // it exists in tiles only
        all.access.push_back(part.access[p]);
        all.bytes += all.access.back().bytes;
      }
      all.flops += part.flops;
      if (part.kind == KernelKind::contract && all.kind != KernelKind::contract) {
        all.kernel = part.kernel;
        all.kind = part.kind;
        all.dtype = part.dtype;
        all.extent = part.extent;
      }
      if (!part.operations.empty()) all.operations += (all.operations.empty() ? "" : " · ") + part.operations;
      all.parts.push_back(std::move(part));
    }
    return all;
  }
  /// t advances past the step.
  StepReport step(const std::int64_t*& t, const std::int64_t* lengths) const {
    const RunTimeBody& b = bodies_[*t];
    StepReport r;
    r.kernel = int(*t++);
    r.kind = b.kind;
    for (int l = 0; l < b.loops; ++l) {
      r.extent.push_back(TableExtent::of(t[l]).at(lengths));
    }
    for (int p = 0; p < b.pointers; ++p) {
      const auto q = TablePointer::of(t, b.loops, p);
      Access a{.base = q.base(),
               .form = q.form(),
               .method = q.method(),
               .at = q.offset(),
               .stride = {q.strides(), q.strides() + b.loops}};
      if (a.base >= 0 && b.kind == KernelKind::loop) measure_loop(a, r.extent[0], b, p);
      else if (a.base >= 0) measure(a, r.extent, bytes_of(dtype_of_pointer(b, p)));
      r.access.push_back(a);
    }
    t += TablePointer::position(b.loops, b.pointers);
    if (b.kind == KernelKind::loop) {
      r.operations = "loop";
      if ((attribute(b, 5) & 2) == 0) r.flops = double(r.extent[0]) * double(attribute(b, 7));
    }
    for (const Micro& m : b.micros) count(r, b, m);
    for (const Access& a : r.access) r.bytes += a.bytes;
    return r;
  }
  static void measure(Access& a, const std::vector<std::int64_t>& extent, int element) {
    double touched = 1, reach = 1;
    for (std::size_t l = 0; l < extent.size(); ++l) {
      if (a.stride[l] == 0) continue;
      touched *= double(extent[l]);
      reach += double(extent[l] - 1) * std::abs(double(a.stride[l]));
    }
    a.span = touched == 0 || reach > 1e15 ? 0 : std::int64_t(reach) * element;
    a.bytes = std::min(touched, reach) * element;  // windows overlap
  }
  static std::int64_t attribute(const RunTimeBody& b, int n) {
    for (const Micro& m : b.micros)
      if (m.what == Micro::What::attribute && n-- == 0) return std::int64_t(m.bits);
    return 0;
  }
  /// What is stacked has a stride.
  static void measure_loop(Access& a, std::int64_t steps, const RunTimeBody& b, int p) {
    const std::int64_t each = attribute(b, LoopFacts::numbers + p);
    a.span = a.stride[0] == 0 ? each : each * steps;
    a.bytes = double(a.span);
  }
  static Dtype dtype_of_pointer(const RunTimeBody& b, int p) {
    for (const Micro& m : b.micros) {
      if ((m.what == Micro::What::load || m.what == Micro::What::gather) && m.a == p) return m.dtype;
      if ((m.what == Micro::What::store || m.what == Micro::What::scatter) && m.b == p) return m.dtype;
    }
    for (const Micro& m : b.micros)
      if (m.what == Micro::What::result) return operands_of(m);
    return Dtype::float32;
  }

  /// Elements of an operand that a contraction computes.
  static double operand_points(const StepReport& r, const RunTimeBody& b, int side) {
    const auto loops = ContractLoops::of(b);
    double n = 1;
    for (int l = 0; l < b.loops; ++l)
      if (side == 1 ? l < loops.columns || l >= loops.inner : l < loops.rows || l >= loops.columns)
        n *= double(r.extent[l]);
    return n;
  }

  void count(StepReport& r, const RunTimeBody& b, const Micro& m) const {
    double all = 1, kept = 1;  // iterations of all loops, and of those that nothing folds
    for (int l = 0; l < b.loops; ++l) {
      all *= double(r.extent[l]);
      if ((b.folded >> l & 1) == 0) kept *= double(r.extent[l]);
    }
    const double elements = m.side != 0 ? operand_points(r, b, m.side) : b.kind == KernelKind::contract ? kept : all;
    const double times = m.level == 0   ? 1
                         : m.level == 2 ? elements
                         : b.kind == KernelKind::row
                             ? kept
                             : elements / std::max(1.0, double(r.extent.empty() ? 1 : r.extent.back()));
    const auto named = [&](const std::string& name) {
      const auto append = [&](std::string& to) { to += (to.empty() ? "" : " ") + name; };
      append(r.operations);
      if (m.side != 0) append(r.computed[m.side - 1]);
    };
    switch (m.what) {
      case Micro::What::result:
        named("contract");
        r.dtype = m.dtype;
        r.flops += 2 * all;
        break;
      case Micro::What::apply: {
        const Operation* op = operation(m.code);
        if (op == nullptr) break;
        if (!op->copies) named(op->name);
        if (op->flops_of_loops != nullptr) {
          std::vector<std::int64_t> attributes;
          for (const Micro& c : b.micros)
            if (c.what == Micro::What::attribute) attributes.push_back(std::int64_t(c.bits));
          r.flops += op->flops_of_loops(r.extent.data(), b.loops, attributes.data());
          break;
        }
        r.flops += times * op->flops;
        break;
      }
      case Micro::What::fold:
      case Micro::What::scan:
        if (const Operation* op = operation(m.code)) named(op->name);
        r.flops += all;
        break;
      case Micro::What::gather: named("gather"); break;
      case Micro::What::scatter:
        named("scatter");
        r.flops += times;
        [[fallthrough]];
      case Micro::What::store:
        r.access[m.b].written = true;
        if (b.kind != KernelKind::contract) r.dtype = m.dtype;
        break;
      default: break;
    }
  }

  StepTable table_;
  Vector<RunTimeBody> bodies_;
};

}  // namespace sinter::internals::compile
