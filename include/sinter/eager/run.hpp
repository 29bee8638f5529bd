// Runs a compiled program on tensors: checks that lengths agree, copies strided views, and writes through a temporary
// where a destination overlaps an operand.
#pragma once
#include <string>

#include "../backend/host.hpp"
#include "../compile/expectations.hpp"
#include "arguments.hpp"
#include "workspace.hpp"

namespace sinter::inline SINTER_ABI::internals::eager {

[[noreturn]] SINTER_COLD inline void lengths_disagree(int symbol, std::int64_t one, std::int64_t other) {
  throw_error(ErrorCode::length, "length " + tensor_detail::name_of_dimension(symbol),
              "expected " + std::to_string(one) + " as in an earlier argument, found " + std::to_string(other),
              "within one program a symbol stands for one length");
}

/// What is needed to run a program, type-erased.
struct Runnable {
  std::size_t workspace_bytes;
  const int* symbols;  ///< its symbolic dimensions
  int symbol_count;
  const compile::LengthRefusal* refused;
  int refusals;
  const bool* shares;  ///< [input][output]: whether the output may take over the input's memory
  void (*run)(const backend::HostContext&);
};

template <class Program, int Inputs, int Outputs> inline constexpr auto shares = [] {
  Array<bool, Inputs * Outputs> s{};
  for (int i = 0; i < Inputs; ++i)
    for (int k = 0; k < Outputs; ++k) s[i * Outputs + k] = Program::may_share(i, k);
  return s;
}();
/// Runs a program's steps.
template <class Program, class Context, class Observer>
inline void run_steps_observed(const Context& c, Observer& observer) {
  if constexpr (Program::straight_line) Program::run(c, observer);
  else Program::RunBy::template enter<Program>(c, [&] { Program::run(c, observer); });
}
/// Whether another file has the code of a program's steps: SINTER_EXTERN says so.
template <class Program> inline constexpr bool is_extern = false;
template <class Program> using ContextOf = decltype(Program::RunBy::context(nullptr, nullptr, backend::Host{}));
/// The steps of such a program. Not inline: where it is declared extern, nothing of it is compiled.
template <class Program> SINTER_OUTLINE void run_extern([[maybe_unused]] const ContextOf<Program>& c) {
  if constexpr (Program::runs > 0) run_steps_observed<Program>(c, compile::unobserved);
}
template <class Program> SINTER_OUTLINE inline void run_steps(const backend::HostContext& c) {
  run_steps_observed<Program>(c, compile::unobserved);
}
template <class Program, int Inputs, int Outputs> inline constexpr Runnable runnable{
    Program::workspace_bytes, Program::symbols.data(),      int(Program::symbols.size()),
    Program::refused.data(),  int(Program::refused.size()), shares<Program, Inputs, Outputs>.data(),
    &run_steps<Program>};

/// The run-time lengths of a program, in the order of its symbolic dimensions.
template <class Program> using Lengths = Array<std::int64_t, int(Program::symbols.size())>;

/// The length of symbolic dimension k that follows from that of another; Throws `Error` if an argument has another.
SINTER_OUTLINE inline void derive_length(const int* symbols, int symbol_count, int k, std::int64_t* lengths) {
  using tensor_detail::Dimension;
  const auto d = Dimension::of(symbols[k]);
  for (int j = 0; j < symbol_count; ++j) {
    if (j == k || lengths[j] < 0 || !d.follows_from(Dimension::of(symbols[j]))) continue;
    const std::int64_t length = d.length_from(Dimension::of(symbols[j]), lengths[j]);
    if (lengths[k] >= 0 && lengths[k] != length) lengths_disagree(symbols[k], length, lengths[k]);
    lengths[k] = length;
  }
}
/// Reads them from the arguments.
inline void find_lengths(const int* symbols, int symbol_count, const Argument* inputs, int n, std::int64_t* lengths) {
  for (int k = 0; k < symbol_count; ++k) {
    lengths[k] = -1;
    for (int j = 0; j < n; ++j) {
      const Shape& s = *inputs[j].shape;
      for (int i = 0; i < s.rank; ++i) {
        if (s.symbol(i) != symbols[k]) continue;
        const std::int64_t found = inputs[j].length[i];
        if (lengths[k] >= 0 && lengths[k] != found) lengths_disagree(symbols[k], lengths[k], found);
        lengths[k] = found;
      }
    }
  }
  for (int k = 0; k < symbol_count; ++k)
    if (tensor_detail::Dimension::is_derived(symbols[k])) derive_length(symbols, symbol_count, k, lengths);
}

/// Throws `Error` for lengths with which a program does not run.
inline void refuse_lengths(const compile::LengthRefusal* refused, int count, const std::int64_t* lengths,
                           int symbol_count) {
  for (int r = 0; r < count; ++r) {
    bool all = true;
    for (int k = 0; k < symbol_count; ++k) all = all && ((refused[r].symbols >> k & 1) == 0 || lengths[k] == 1);
    if (all)
      throw_error(ErrorCode::length, refused[r].what, "expected more than 1 value, found 1",
                  "drop the last batch if it has one sample only");
  }
}

/// A view cannot take another length: the tensor whose memory it shares would keep the old one.
inline void keep_lengths(const int* symbols, int symbol_count, const std::int64_t* lengths, const Argument& output) {
  for (int i = 0; i < output.shape->rank; ++i)
    for (int k = 0; k < symbol_count; ++k)
      if (output.shape->symbol(i) == symbols[k] && output.length[i] != lengths[k])
        throw_error(ErrorCode::length, "length " + tensor_detail::name_of_dimension(symbols[k]),
                    "expected " + std::to_string(output.length[i]) +
                        " as the view that is assigned to has it, found " + std::to_string(lengths[k]),
                    "set_length of the tensor under the view and of the view first, or assign to the tensor");
}

inline bool overlap(const Argument& a, const Argument& b) {
  return a.data < b.data + b.bytes && b.data < a.data + a.bytes;
}

/// Runs Program in a workspace of at least its size, writing the outputs directly, and returns its lengths. Inputs are
/// row-major and no output overlaps an input that it does not take over.
template <class Program, std::size_t N, std::size_t M, class Policy, class Observer = const compile::Unobserved>
inline Lengths<Program> run_in(std::byte* workspace, const std::array<Argument, N>& inputs,
                               const std::array<Argument, M>& outputs, const Policy& policy,
                               Observer& observer = compile::unobserved) {
  Lengths<Program> lengths;
  if constexpr (Program::symbols.size() > 0)
    find_lengths(Program::symbols.data(), int(lengths.size()), inputs.data(), int(N), lengths.data());
  if constexpr (!Program::refused.empty())
    refuse_lengths(Program::refused.data(), int(Program::refused.size()), lengths.data(), int(lengths.size()));
  std::array<std::byte*, 1 + N + M> base;
  base[0] = workspace;
  for (std::size_t i = 0; i < N; ++i) base[1 + i] = inputs[i].data;
  for (std::size_t k = 0; k < M; ++k) base[1 + N + k] = outputs[k].data;
  const auto context = Program::RunBy::context(base.data(), lengths.data(), policy);
  if constexpr (is_extern<Program> && std::is_same_v<Observer, const compile::Unobserved>)
    run_extern<Program>(context);
  else run_steps_observed<Program>(context, observer);
  return lengths;
}

/// Runs a program on any tensors, in this thread's workspace. `base` has room for 1 + n + m addresses; inputs that are
/// not row-major are replaced by copies that are.
SINTER_OUTLINE inline void run_anywhere(const Runnable& program, Argument* inputs, int n, const Argument* outputs,
                                        int m, std::byte** base, std::int64_t* lengths) {
  find_lengths(program.symbols, program.symbol_count, inputs, n, lengths);
  if (program.refusals > 0) refuse_lengths(program.refused, program.refusals, lengths, program.symbol_count);
  for (int k = 0; k < m; ++k)
    if (outputs[k].keeps_lengths) keep_lengths(program.symbols, program.symbol_count, lengths, outputs[k]);
  const auto padded = [](std::size_t bytes) { return (bytes + 63) / 64 * 64; };
  const auto through_scratch = [&](int k) {
    const Argument& o = outputs[k];
    if (!o.row_major) return true;
    for (int i = 0; i < n; ++i) {
      if (!inputs[i].row_major) continue;  // read before the program runs
      const bool same = inputs[i].data == o.data && inputs[i].bytes == o.bytes && program.shares[i * m + k];
      if (!same && overlap(inputs[i], o)) return true;
    }
    return false;
  };
  std::size_t room = padded(program.workspace_bytes);
  for (int i = 0; i < n; ++i)
    if (!inputs[i].row_major) room += padded(inputs[i].bytes);
  for (int k = 0; k < m; ++k) {
    base[1 + n + k] = through_scratch(k) ? nullptr : outputs[k].data;
    if (base[1 + n + k] == nullptr) room += padded(outputs[k].bytes);
  }
  base[0] = room > 0 ? Workspace::room(room) : nullptr;
  std::byte* scratch = base[0] + padded(program.workspace_bytes);
  for (int i = 0; i < n; ++i) {
    base[1 + i] = inputs[i].data;
    if (inputs[i].row_major) continue;
    copy_strided(inputs[i], scratch, true);
    base[1 + i] = scratch;
    scratch += padded(inputs[i].bytes);
  }
  std::byte* const results = scratch;
  for (int k = 0; k < m; ++k)
    if (base[1 + n + k] == nullptr) {
      base[1 + n + k] = scratch;
      scratch += padded(outputs[k].bytes);
    }
  program.run(backend::Host::Backend::context(base, lengths, backend::Host{threads()}));
  for (int k = 0; k < m; ++k) {
    const std::byte* const result = base[1 + n + k];
    if (room == 0 || result < results || result >= scratch) continue;
    if (outputs[k].row_major && !outputs[k].keeps_lengths) std::memcpy(outputs[k].data, result, outputs[k].bytes);
    else copy_strided(outputs[k], const_cast<std::byte*>(result), false);
  }
}
/// Whether a program can run directly on its arguments: everything but their addresses is known at compile time.
template <class Program> inline constexpr bool may_run_directly =
    Program::straight_line && Program::symbols.size() == 0 && !is_extern<Program>;
/// The same for statements, which check what they expect of their tensors.
template <class Program> inline constexpr bool may_state_directly =
    may_run_directly<Program>&& Program::expectations == 0;

/// Programs of up to this many operations, a few nanoseconds, are inlined: a call would double their time.
inline constexpr double inlined_flops = 512;

/// Runs a program on arguments as they are, if all are row-major, and each output either overlaps no input or is one
/// whose memory it may take over. Everything but the addresses is constant.
template <class Program, std::size_t N, std::size_t M>
[[gnu::always_inline]] inline bool run_directly(const std::array<Argument, N>& inputs,
                                                const std::array<Argument, M>& outputs) {
  constexpr const auto& may_share = shares<Program, int(N), int(M)>;
  std::byte* base[1 + N + M];
#pragma GCC unroll 32
  for (std::size_t k = 0; k < M; ++k) {
    if (!outputs[k].row_major) return false;
    base[1 + N + k] = outputs[k].data;
  }
#pragma GCC unroll 32
  for (std::size_t i = 0; i < N; ++i) {
    const Argument& x = inputs[i];
    if (!x.row_major) return false;
#pragma GCC unroll 32
    for (std::size_t k = 0; k < M; ++k) {
      const Argument& y = outputs[k];
      if (overlap(x, y) && !(may_share[std::ptrdiff_t(i * M + k)] && x.data == y.data && x.bytes == y.bytes))
        return false;
    }
    base[1 + i] = x.data;
  }
  base[0] = Program::workspace_bytes > 0 ? Workspace::room(Program::workspace_bytes) : nullptr;
  const backend::Host policy{Program::flops > Program::RunBy::target.straight_line_flops ? threads() : 1};
  const backend::HostContext c = Program::RunBy::context(base, nullptr, policy);
  if constexpr (Program::flops <= inlined_flops) Program::run(c);
  else run_steps<Program>(c);
  return true;
}
template <class Program, std::size_t N, std::size_t M>
inline Lengths<Program> run_unchecked(std::array<Argument, N>& inputs, const std::array<Argument, M>& outputs) {
  Lengths<Program> lengths;
  std::array<std::byte*, 1 + N + M> base;
  run_anywhere(runnable<Program, int(N), int(M)>, inputs.data(), int(N), outputs.data(), int(M), base.data(),
               lengths.data());
  return lengths;
}

[[noreturn]] SINTER_COLD inline void unexpected(const graph::Builder::Expectation& e, std::int64_t end,
                                                std::int64_t found) {
  throw_error(ErrorCode::argument, e.what,
              "expected " + std::to_string(e.low) + " … " + std::to_string(end - 1) +
                  (e.besides >= 0 ? ", or the one that is ignored" : "") + ", found " + std::to_string(found));
}
/// Throws `Error` if inputs violate one of the trace's N expectations, before anything is computed.
template <class Trace, int N, std::size_t Inputs> inline void look(std::array<Argument, Inputs>& inputs) {
  using Looking = compile::Program<compile::ExpectationTrace<Trace>, backend::Host::Backend>;
  static constexpr const auto& expected = compile::expectations_of<Trace, N>;
  Array<std::int64_t, 2 * N> found;
  Array<Argument, 2 * N> outputs;
  for (int k = 0; k < 2 * N; ++k) outputs[k] = describe_number(found[k]);
  const auto lengths = run_unchecked<Looking>(inputs, outputs);
  for (int k = 0; k < N; ++k) {
    std::int64_t end = expected[k].end;
    using tensor_detail::Dimension;
    const auto wanted = Dimension::of(expected[k].symbol);
    for (int i = 0; i < int(lengths.size()); ++i)
      if (expected[k].symbol != 0 && wanted.follows_from(Dimension::of(Looking::symbols[i])))
        end = wanted.length_from(Dimension::of(Looking::symbols[i]), lengths[i]);
    if (found[2 * k] < expected[k].low) unexpected(expected[k], end, found[2 * k]);
    if (found[2 * k + 1] >= end) unexpected(expected[k], end, found[2 * k + 1]);
  }
}
template <class Program, std::size_t N, std::size_t M>
inline Lengths<Program> run(std::array<Argument, N>& inputs, const std::array<Argument, M>& outputs) {
  if constexpr (Program::expectations > 0) look<typename Program::Source, Program::expectations>(inputs);
  return run_unchecked<Program>(inputs, outputs);
}

/// Gives results the lengths with which their program ran; a view has them already.
template <class Program, class T> inline void set_lengths(T& results, const Lengths<Program>& lengths) {
  if constexpr (Program::symbols.size() > 0)
    graph::for_each_tensor(results, [&]<class R>(R& tensor) {
      if constexpr (Operand<R> && !graph::is_view_v<R>)
        for (int i = 0; i < R::shape.rank; ++i)
          for (int k = 0; k < int(lengths.size()); ++k)
            if (R::shape.symbol(i) == Program::symbols[k]) tensor.set_length(Program::symbols[k], lengths[k]);
    });
}

}  // namespace sinter::internals::eager

/// The code of a training or inference program in one file instead of in all that run it. In a header, in no namespace:
///
///   using Train = decltype(sinter::training<Batch, Labels>(std::declval<sinter::Model<Net>&>(), loss, optimizer));
///   SINTER_EXTERN(Train);
///
/// and SINTER_INSTANTIATE(Train); in one file that includes it. The others compile no kernels for it. A call is a call:
/// nets of a few dozen nanoseconds are faster where they are inlined.
#define SINTER_EXTERN(...)                       \
  SINTER_EXTERN_STEPS(__VA_ARGS__::Program);     \
  SINTER_EXTERN_STEPS(__VA_ARGS__::Preparation)
#define SINTER_EXTERN_STEPS(...)                                                                    \
  template <>                                                                                       \
  inline constexpr bool sinter::internals::eager::is_extern<typename __VA_ARGS__> = true;           \
  extern template void sinter::internals::eager::run_extern<typename __VA_ARGS__>(                  \
      const sinter::internals::eager::ContextOf<typename __VA_ARGS__>&)
#define SINTER_INSTANTIATE(...)                                                                     \
  template void sinter::internals::eager::run_extern<typename __VA_ARGS__::Program>(                \
      const sinter::internals::eager::ContextOf<typename __VA_ARGS__::Program>&);                   \
  template void sinter::internals::eager::run_extern<typename __VA_ARGS__::Preparation>(            \
      const sinter::internals::eager::ContextOf<typename __VA_ARGS__::Preparation>&)
