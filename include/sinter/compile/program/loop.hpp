// A step that is a loop: what its identity says, and the addresses of its body, step after step.
//
// Its one loop counts steps. Its pointers are the operands (carried values, stacked inputs, captures), then the last
// carried values, stacked outputs, and the carried values before each step. Of what is stacked a step of the body sees
// one element, row-major; other strides are 0. The body's own inputs and outputs are in that order, too.
#pragma once
#include <cstddef>
#include <cstring>
#include <utility>

#include "table.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// The attributes of a loop's kernel; after them stand the bytes that a step of the body sees of each pointer.
struct LoopFacts {
  std::int64_t body = 0;       ///< its number among the plan's bodies
  std::int64_t carries = 0, stacked = 0, captures = 0, made = 0;
  bool reverse = false, conditional = false;
  std::int64_t workspace = 0;  ///< bytes before the body's, for carried values
  std::int64_t flops = 0;      ///< of a step

  static constexpr int numbers = 8;
  constexpr std::array<std::int64_t, numbers> attributes() const {
    return {body, carries, stacked, captures, made, (reverse ? 1 : 0) + (conditional ? 2 : 0), workspace, flops};
  }
  static constexpr LoopFacts of(const std::int64_t* a) {
    return {a[0], a[1], a[2], a[3], a[4], (a[5] & 1) != 0, (a[5] & 2) != 0, a[6], a[7]};
  }
  constexpr int operands() const { return int(carries + stacked + captures); }
};

/// The n-th attribute of a kernel.
constexpr std::int64_t attribute_of(const std::uint64_t* kernel, int n) {
  Micro m;
  const std::uint64_t* w = kernel + 2;
  for (int i = count_micros(kernel); i > 0; --i) {
    w = decode_into(w, m);
    if (m.what == Micro::What::attribute && n-- == 0) return std::int64_t(m.bits);
  }
  return 0;
}
/// Bytes that a step of a loop's body sees of its pointer p.
constexpr std::int64_t bytes_of_step(const std::uint64_t* kernel, int p) {
  return attribute_of(kernel, LoopFacts::numbers + p);
}

/// Runs the steps of a loop with at most `Most` pointers.
template <int Most> class LoopRun {
 public:
  /// `table`: the arguments of the step; `c`: what it sees.
  template <class Micros, class Context> LoopRun(const Micros& micros, const std::int64_t* table, const Context& c)
      : count_(TableExtent::of(table[0]).at(c.lengths)), scratch_(c.scratch) {
    Array<std::int64_t, LoopFacts::numbers> attributes;
    int n = 0;
    for (const Micro& m : micros) {
      if (m.what == Micro::What::load) stride_[m.a] = bytes_of(m.dtype);
      if (m.what == Micro::What::store) stride_[m.b] = bytes_of(m.dtype);
      if (m.what != Micro::What::attribute) continue;
      if (n < LoopFacts::numbers) attributes[n] = std::int64_t(m.bits);
      else bytes_[n - LoopFacts::numbers] = std::int64_t(m.bits);
      ++n;
    }
    facts_ = LoopFacts::of(attributes.data());
    pointers_ = n - LoopFacts::numbers;
    for (int p = 0; p < pointers_; ++p) {
      const auto q = TablePointer::of(table, 1, p);
      address_[p] = q.has_memory() ? c.base[q.base()] : nullptr;
      if (address_[p] != nullptr) address_[p] += q.offset();  // an empty tensor has no memory
      stride_[p] *= q.stride(0);
    }
  }

  /// Calls step(addresses) for each step: of the body's workspace, its inputs and its outputs.
  template <class Step> void run(Step&& step) {
    begin();
    for (std::int64_t s = 0; s < count_ && goes_on(); ++s) {
      place(s);
      step(static_cast<std::byte* const*>(base_.data()));
      for (std::int64_t j = 0; j < carries(); ++j) now_[j] = base_[out() + j];
    }
    for (std::int64_t j = 0; j < carries(); ++j)
      if (std::byte* const last = address_[operands() + j]; last != nullptr && last != now_[j])
        std::memcpy(last, now_[j], std::size_t(bytes_[j]));
  }

 private:
  std::int64_t carries() const { return facts_.carries; }
  std::int64_t operands() const { return facts_.operands(); }
  std::int64_t made() const { return facts_.made; }
  std::int64_t out() const { return 1 + operands(); }  ///< the first of the body's outputs
  std::byte* before(std::int64_t j) const { return address_[operands() + carries() + made() + j]; }
  std::int64_t time(std::int64_t s) const { return facts_.reverse ? count_ - 1 - s : s; }

  void begin() {
    base_[0] = scratch_ + facts_.workspace;
    for (std::int64_t p = 0; p < operands(); ++p) base_[1 + p] = address_[p];
    std::byte* room = scratch_;
    for (std::int64_t j = 0; j < carries(); ++j) {
      const std::int64_t bytes = (bytes_[j] + 63) / 64 * 64;
      for (std::byte*& buffer : buffer_[j]) buffer = std::exchange(room, room + bytes);
      now_[j] = address_[j];
      if (before(j) == nullptr || count_ == 0 || bytes == 0) continue;
      now_[j] = at(j, 0);
      std::memcpy(now_[j], address_[j], std::size_t(bytes_[j]));
    }
  }
  /// Where the carried value j is before step s, where all of them are kept.
  std::byte* at(std::int64_t j, std::int64_t s) const {
    return before(j) + time(s) * stride_[operands() + carries() + made() + j];
  }
  bool goes_on() const { return !facts_.conditional || *reinterpret_cast<const bool*>(now_[carries() - 1]); }
  void place(std::int64_t s) {
    const std::int64_t t = time(s);
    const bool last = s + 1 == count_ && !facts_.conditional;
    for (std::int64_t j = 0; j < carries(); ++j) {
      std::byte* const end = last ? address_[operands() + j] : nullptr;
      base_[1 + j] = now_[j];
      base_[out() + j] = end != nullptr                            ? end
                         : before(j) != nullptr && s + 1 < count_ ? at(j, s + 1)
                                                                  : buffer_[j][s & 1];
    }
    for (std::int64_t p = carries(); p < carries() + facts_.stacked; ++p)
      base_[1 + p] = address_[p] + t * stride_[p];
    for (std::int64_t k = 0; k < made(); ++k) {
      const std::int64_t p = operands() + carries() + k;
      base_[out() + carries() + k] = address_[p] + t * stride_[p];
    }
  }

  std::int64_t count_;
  std::byte* scratch_;
  LoopFacts facts_;
  int pointers_ = 0;
  Array<std::byte*, Most> address_{}, now_{};
  Array<std::int64_t, Most> stride_{}, bytes_{};  ///< in bytes
  Array<Array<std::byte*, 2>, Most> buffer_{};
  Array<std::byte*, Most + 1> base_{};
};

}  // namespace sinter::internals::compile
