// Which form of a kernel runs a step, and why: for profiles.
#pragma once
#include <string>

#include "../../compile/steps.hpp"
#include "contract.hpp"

namespace sinter::cpu {

namespace variant_detail {

inline std::string by(std::int64_t a, std::int64_t b) { return std::to_string(a) + "x" + std::to_string(b); }

/// The Winograd algorithm that replaces the products, "" for none.
inline std::string winograd(const compile::StepReport& s, const compile::RunTimeBody& b,
                            const compile::ContractLoops& loops) {
  const auto extent = [&](int l) { return s.extent[std::size_t(l)]; };
  const auto left = [&](int l) { return s.access[0].stride[std::size_t(l)]; };
  const auto right = [&](int l) { return s.access[1].stride[std::size_t(l)]; };
  const auto named = [](int m, std::int64_t taps) {
    return ", Winograd's F(" + by(m, m) + ", " + by(taps, taps) + ")";
  };
  if (const auto conv =
          SquareConvolution::of(loops.rows, loops.columns, loops.inner, b.loops, extent, left, right, s.access[1].form);
      conv)
    if (const WinogradPlan plan = WinogradPlan::of(conv); plan.m > 0)
      return named(plan.m, conv.taps) + (plan.in_advance ? " of weights transformed in advance" : "");
  if (const auto gradient =
          SquareWeightGradient::of(loops.rows, loops.columns, loops.inner, b.loops, extent, left, right);
      gradient)
    if (const WinogradGradientPlan plan = WinogradGradientPlan::of(gradient); plan.tiles > 0)
      return named(WinogradGradientPlan::tile_of(gradient), gradient.taps) + " transposed" +
             (plan.parts > 1 ? ", the sum in chunks" : "");
  return {};
}

template <class T> std::string contraction(const compile::StepReport& s, const compile::RunTimeBody& b) {
  const auto loops = compile::ContractLoops::of(b);
  const auto nest = [&](int p, int first, int last) {
    Nest n;
    for (int l = first; l < last; ++l) n.add(s.extent[std::size_t(l)], s.access[std::size_t(p)].stride[std::size_t(l)]);
    return n;
  };
  const Nest rows = nest(0, loops.rows, loops.columns), columns = nest(1, loops.columns, loops.inner),
             left = nest(0, loops.inner, b.loops), right = nest(1, loops.inner, b.loops);
  const Products<T> p({nullptr, rows, left},
                      {nullptr, columns, right, nullptr, nullptr, s.access[1].form == WeightForm::panels}, nullptr, 1,
                      nullptr, nullptr);
  std::int64_t batch = 1;
  for (int l = 0; l < loops.rows; ++l) batch *= s.extent[std::size_t(l)];
  const std::string size = (batch > 1 ? std::to_string(batch) + " of " : std::string()) +
                           by(rows.count(), columns.count()) + "x" + std::to_string(left.count());
  bool computed[2]{};
  bool widened = false;
  for (const compile::Micro& m : b.micros) {
    if (m.what == compile::Micro::What::operand) computed[m.b] = true;
    widened = widened || (m.what == compile::Micro::What::result && compile::operands_of(m) != m.dtype);
  }
  if (widened) return size + ", operands packed with cast";
  if constexpr (std::is_same_v<T, float>)
    if (!computed[0] && !computed[1])
      if (const std::string form = winograd(s, b, loops); !form.empty()) return size + form;
  const bool streamed = computed[1] && !computed[0] && is_streamed<T>(rows.count(), left.count()) &&
                        b.loops - loops.inner == 1 && loops.inner - loops.columns == 1;
  const auto way = [&](int side, const char* read) {
    return !computed[side] ? std::string(read)
                           : (streamed ? "streamed with " : "packed with ") +
                                 (s.computed[side].empty() ? "copy" : s.computed[side]);
  };
  const char* const form = computed[0] || computed[1] ? "" : p.form();
  return size + ", left " + way(0, p.left_way()) + ", right " + way(1, p.right_way()) + form +
         (form[0] == 0 && p.blocks().inner < left.count() ? ", cut into depths of " + std::to_string(p.blocks().inner)
                                                          : std::string());
}

/// How many of a step's tensors have a stride other than 0 or 1 along a loop.
inline int strided(const compile::StepReport& s, std::size_t loop) {
  int n = 0;
  for (const compile::Access& a : s.access) n += a.base >= 0 && a.stride[loop] != 0 && a.stride[loop] != 1 ? 1 : 0;
  return n;
}

}  // namespace variant_detail

/// "14 of 128x32x128, left packed, right in place", "64x1024, 16 lanes along the row, 3 passes"; of a chain "8 tiles
/// of 2: ", then its contractions and the operations after them.
inline std::string variant(const compile::StepReport& s, const compile::Steps& steps) {
  using namespace variant_detail;
  if (!s.parts.empty()) {
    std::string all;
    for (const compile::StepReport& part : s.parts)
      if (!part.operations.empty()) all += (all.empty() ? "" : " · ") + variant(part, steps);
    return std::to_string(s.tiles) + " tiles of " + std::to_string(s.units) + ": " + all;
  }
  const compile::RunTimeBody& b = steps.body(s.kernel);
  if (s.extent.empty()) return "one element";
  std::int64_t outer = 1;
  for (std::size_t l = 0; l + 1 < s.extent.size(); ++l) outer *= s.extent[l];
  const std::string extents = by(outer, s.extent.back());
  const int separate = strided(s, s.extent.size() - 1);
  const std::string gathered = separate > 0 ? ", " + std::to_string(separate) + " strided" : std::string();
  switch (b.kind) {
    case compile::KernelKind::contract:
      return with_sum_type(s.dtype, [&]<class T>(T) { return contraction<T>(s, b); });
    case compile::KernelKind::row: {
      std::int64_t kept = 1, folded = 1;
      for (int l = 0; l < b.loops; ++l) ((b.folded >> l & 1) != 0 ? folded : kept) *= s.extent[std::size_t(l)];
      const bool along = (b.folded >> (b.loops - 1) & 1) != 0;
      return by(kept, folded) + ", " + std::to_string(lanes) + " lanes " + (along ? "along the row" : "across rows") +
             gathered + ", " + std::to_string(b.passes) + (b.passes == 1 ? " pass" : " passes");
    }
    case compile::KernelKind::scatter: return extents + ", in order";
    case compile::KernelKind::custom: {
      std::string all;
      for (const std::int64_t n : s.extent) {
        if (!all.empty()) all += 'x';
        all += std::to_string(n);
      }
      return all;
    }
    case compile::KernelKind::map: return extents + ", " + std::to_string(lanes) + " lanes" + gathered;
    default: return extents;
  }
}

}  // namespace sinter::cpu
