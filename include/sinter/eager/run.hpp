// Runs a compiled program on tensors: lengths agree, strided views are gathered, and a destination that overlaps an operand
// behaves as if the result came through a temporary.
#pragma once
#include <string>

#include "../backend/cpu/backend.hpp"
#include "../backend/cpu/denormals.hpp"
#include "../compile/program.hpp"
#include "arguments.hpp"
#include "workspace.hpp"

namespace sinter::eager {

[[noreturn, gnu::cold, gnu::noinline]] inline void lengths_disagree(char letter, std::int64_t one, std::int64_t other) {
  throw Error(ErrorCode::length, std::string("length '") + letter + "'", "expected " + std::to_string(one) + " as in an earlier argument, found " + std::to_string(other),
              "within one program a letter stands for one length");
}

/// The run-time lengths of a program, from its arguments.
template <class Program> using Lengths = std::array<std::int64_t, Program::letters.size()>;

template <class Program, std::size_t N> inline Lengths<Program> lengths_of(const std::array<Argument, N>& inputs) {
  Lengths<Program> lengths{};
  lengths.fill(-1);
  for (std::size_t k = 0; k < lengths.size(); ++k)
    for (const Argument& a : inputs)
      for (int i = 0; i < a.shape->rank; ++i) {
        if (a.shape->letter(i) != Program::letters[k]) continue;
        if (lengths[k] >= 0 && lengths[k] != a.length[std::size_t(i)]) lengths_disagree(Program::letters[k], lengths[k], a.length[std::size_t(i)]);
        lengths[k] = a.length[std::size_t(i)];
      }
  return lengths;
}

inline bool overlap(const Argument& a, const Argument& b) { return a.data < b.data + b.bytes && b.data < a.data + a.bytes; }

/// Runs Program in a workspace of at least its size, outputs where they are wanted, and returns its lengths. Inputs are
/// row-major and no output overlaps an input that it does not take over.
template <class Program, std::size_t N, std::size_t M>
inline Lengths<Program> run_in(std::byte* workspace, const std::array<Argument, N>& inputs, const std::array<Argument, M>& outputs, int threads) {
  const Lengths<Program> lengths = lengths_of<Program>(inputs);
  std::array<std::byte*, 1 + N + M> base;
  base[0] = workspace;
  for (std::size_t i = 0; i < N; ++i) base[1 + i] = inputs[i].data;
  for (std::size_t k = 0; k < M; ++k) base[1 + N + k] = outputs[k].data;
  const cpu::Context context{base.data(), lengths.data(), nullptr, threads};
  if constexpr (Program::straight_line) {
    Program::run(context);
  } else {
    const cpu::DenormalMode flush(cpu::DenormalMode::flushing());
    Program::run(context);
  }
  return lengths;
}

/// Runs Program on any tensors, in this thread's workspace, and returns its lengths.
template <class Program, std::size_t N, std::size_t M>
inline Lengths<Program> run(std::array<Argument, N> inputs, const std::array<Argument, M>& outputs) {
  const auto padded = [](std::size_t n) { return (n + 63) / 64 * 64; };
  std::array<bool, M> through_scratch{};
  std::size_t room = padded(Program::workspace_bytes);
  for (std::size_t i = 0; i < N; ++i)
    if (!inputs[i].row_major) room += padded(inputs[i].bytes);
  for (std::size_t k = 0; k < M; ++k) {
    const Argument& o = outputs[k];
    through_scratch[k] = !o.row_major;
    for (std::size_t i = 0; i < N; ++i) {
      const bool same = inputs[i].row_major && inputs[i].data == o.data && inputs[i].bytes == o.bytes && Program::may_share(int(i), int(k));
      if (overlap(inputs[i], o) && !same) through_scratch[k] = true;
    }
    if (through_scratch[k]) room += padded(o.bytes);
  }
  std::byte* const workspace = room > 0 ? Workspace::room(room) : nullptr;
  std::byte* scratch = workspace + padded(Program::workspace_bytes);
  for (Argument& a : inputs) {
    if (a.row_major) continue;
    copy_strided(a, scratch, true);
    a.data = scratch;
    scratch += padded(a.bytes);
  }
  std::array<Argument, M> results = outputs;
  for (std::size_t k = 0; k < M; ++k) {
    if (!through_scratch[k]) continue;
    results[k].data = scratch;
    scratch += padded(outputs[k].bytes);
  }
  const Lengths<Program> lengths = run_in<Program>(workspace, inputs, results, threads());
  for (std::size_t k = 0; k < M; ++k) {
    if (!through_scratch[k]) continue;
    if (outputs[k].row_major) std::memcpy(outputs[k].data, results[k].data, outputs[k].bytes);
    else copy_strided(outputs[k], results[k].data, false);
  }
  return lengths;
}

/// Gives a result the lengths with which its program ran.
template <class Program, class T> inline void set_lengths(T& tensor, const Lengths<Program>& lengths) {
  for (int i = 0; i < T::shape.rank; ++i)
    for (std::size_t k = 0; k < lengths.size(); ++k)
      if (T::shape.letter(i) == Program::letters[k]) tensor.set_length(Program::letters[k], lengths[k]);
}

}  // namespace sinter::eager
