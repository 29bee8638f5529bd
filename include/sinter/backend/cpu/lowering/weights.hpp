// Which weights contractions read in a layout of their own, packed when they change: panels, and transformed filters of
// convolutions.
#pragma once
#include "../../../compile/target.hpp"
#include "../blocks.hpp"
#include "../winograd_plan.hpp"
#include "convolution.hpp"
#include "filters.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Looks at the contractions of a graph.
class WeightForms {
  using Builder = graph::Builder;
  using Kind = graph::Kind;

 public:
  constexpr WeightForms(const Builder& g, const graph::List<compile::Changes>& changes) : g_(g), changes_(changes) {}

  constexpr graph::List<compile::PackedOperand> run(bool filters) {
    filtered_.resize(g_.size(), 0);
    transformed_.resize(g_.size(), 0);
    if (filters) find_filtered();
    graph::List<compile::PackedOperand> forms(g_.size(), {});
    for (int i = 0; i < g_.size(); ++i) {
      if (g_[i].op->kind != Kind::contract) continue;
      forms[i].operand = weight_of(i);
      forms[i].form = transformed_[i] > 0 ? WeightForm::transformed(transformed_[i]) : WeightForm::panels;
    }
    return forms;
  }

 private:
  /// Marks the contractions of convolutions whose weights are transformed: in advance where their channels are certain
  /// to be innermost, else by the kernel.
  constexpr void find_filtered() {
    for (int i = 0; i < g_.size(); ++i) {
      if (g_[i].op != &graph::primitive<ConvolutionSums> || g_.shape(i).rank != 4) continue;
      const auto geometry = Geometry::of(g_.attributes(i));
      const Shape &to = g_.shape(i), &w = g_.shape(g_.operands(i)[2]);
      if (geometry.groups != 1 || w[2] != w[3] || w[2] == 1 || geometry.stride != ones || geometry.dilation != ones ||
          g_[g_.operands(i)[0]].op->kind != Kind::contract)
        continue;
      SquareConvolution c;
      c.images = to[0], c.height = to[2], c.width = to[3], c.channels = w[1], c.filters = w[0], c.taps = w[2];
      const int contraction = g_.operands(i)[0];
      const bool in_advance = to[2] > 1 && to[3] > 1 && reads_borders(contraction, g_.operands(i)[2]);
      if (const int m = in_advance ? results_a_tile(c, true) : 0; m > 0) transformed_[contraction] = char(m);
      else filtered_[contraction] = results_a_tile(c) > 0 ? 1 : 0;
    }
  }
  /// Whether a convolution reads an image that was padded for it alone: it is then assembled with channels innermost
  /// (compile/layout.hpp).
  constexpr bool reads_borders(int contraction, int weight) {
    for (int k = 0; k < 2; ++k) {
      int o = g_.operands(contraction)[k];
      while (compile::is_view(g_[o].op->kind) && o != weight) o = g_.operands(o)[0];
      if (o != weight) return g_[o].op->kind == Kind::assemble && g_.shape(o).rank == 4 && !is_part(o);
    }
    return false;
  }
  /// Whether a node is an output, or part of an assembled one.
  constexpr bool is_part(int node) {
    if (is_part_.empty()) {
      is_part_.resize(g_.size(), 0);
      for (const int o : g_.outputs) is_part_[source(o)] = 1;
      for (int i = 0; i < g_.size(); ++i)
        for (int k = 0; g_[i].op->kind == Kind::assemble && k < g_[i].operands; ++k)
          is_part_[source(g_.operands(i)[k])] = 1;
    }
    return is_part_[node] != 0;
  }
  /// The node that a view or an identity shows.
  constexpr int source(int i) const {
    while (g_[i].op->kind == Kind::identity || compile::is_view(g_[i].op->kind)) i = g_.operands(i)[0];
    return i;
  }
  static constexpr internals::Array<int, 3> ones{1, 1, 1};

  /// The operand of a contraction that is a matrix of weights [n, k…], worth packing; −1 for none.
  constexpr int weight_of(int i) const {
    if (lanes == 1 || changes_[i] != compile::Changes::with_calls || filtered_[i] != 0) return -1;
    for (int k = 0; k < 2; ++k) {
      int w = g_.operands(i)[k];
      if (g_[w].op->kind == Kind::broadcast) w = g_.operands(w)[0];
      const Shape& s = g_.shape(w);
      if (changes_[w] != compile::Changes::with_parameters || g_[w].dtype != Dtype::float32 ||
          g_[i].dtype != Dtype::float32 || s.rank != int(g_.attributes(i)[1]) + 1)
        continue;
      std::int64_t depth = 1, taps = 1;
      for (int a = 1; a < s.rank; ++a) depth *= s[a], taps *= a > 1 ? s[a] : 1;
      if (transformed_[i] > 0 || (s.rank < Shape::max_rank && s[0] > 1 && depth <= deepest_in_place &&
                                  taps <= most_taps && s[0] * depth >= smallest))
        return k;
    }
    return -1;
  }
  static constexpr std::int64_t most_taps = 128, smallest = 64;

  const Builder& g_;
  const graph::List<compile::Changes>& changes_;
  graph::List<char> filtered_, transformed_, is_part_;
};

/// `Filters`: whether convolutions use Winograd's algorithm.
template <bool Filters> constexpr graph::List<compile::PackedOperand> weight_forms(
    const graph::Builder& g, const graph::List<compile::Changes>& changes) {
  WeightForms forms(g, changes);
  return forms.run(Filters);
}
constexpr Value pack_weight(Value w, unsigned char form) {
  const int m = WeightForm::results_a_tile(form);
  return m > 0 ? transformed(w, m, Tile<float>::columns) : packed(w, Tile<float>::columns);
}
constexpr Value packed_weight(Value made, const Shape& shape, unsigned char form) {
  const int m = WeightForm::results_a_tile(form);
  return m > 0 ? filters(made, shape, m) : panels(made, shape, Tile<float>::columns);
}

}  // namespace sinter::cpu
