// Scales and shifts after a layer, moved into its weights: batch normalisation after a convolution.
//
//   ((W∗x + b) − m) · s + t   becomes   (s·W)∗x + ((b − m) · s + t)
//
// where b, m, s and t are scalars, or have one value per channel of the result. It is done where weights are prepared
// in advance (compile/prepare.hpp): every call then computes only the layer and one addition. PyTorch:
// torch.nn.utils.fuse_conv_bn_eval, torch.nn.utils.fuse_linear_bn_eval.
//
// Weights that are cast from narrower types stay as they are: they may be read in that type (compile/prologue.hpp).
#pragma once
#include "rewrite.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

using graph::Affine;

class AffineFolder : Rewrite {
 public:
  using Rewrite::Rewrite;

  /// The graph with scales and shifts moved; false where there are none.
  constexpr bool run(Builder& to) {
    find_live();
    changes_ = changes(g_, parameters_);
    for (int i = 0; i < n_; ++i)
      if (live_.data()[i] != 0) find_layer(i);
    if (layers_.empty()) return false;
    find_users();
    List<int> layer_ending_at(n_, -1);
    bool any = false;
    for (int l = 0; l < layers_.size(); ++l) {
      if (!follow(layers_[l])) continue;
      layer_ending_at[layers_[l].last] = l;
      any = true;
    }
    if (!any) return false;
    begin(to);
    with_scaled_.resize(n_, -1);
    for (int i = 0; i < n_; ++i) {
      if (live_[i] == 0 || now_[i] >= 0) continue;
      if (const int l = layer_ending_at[i]; l >= 0) now_[i] = folded(to, layers_[l]);
      else bring(to, i);
    }
    finish(to);
    return true;
  }

 private:
  /// A layer linear in its weights, and the operations after it.
  struct Layer {
    int first = -1, last = -1;    ///< its result, and the last scale or shift of it
    int weight = -1, other = -1;  ///< from these
    int axis = -1;                ///< of the result, which is axis 0 of the weight
  };

  constexpr void find_layer(int i) {
    const int* const o = g_.operands(i);
    if (const auto& layer = g_[i].op->kernel; layer.weight >= 0) {
      const int w = o[layer.weight], other = o[1 - layer.weight], axis = layer.channels(g_.attributes(i));
      if (is_weight(w) && other != w && axis >= 0) layers_.push({i, i, w, other, axis});
    } else if (g_[i].op->kind == Kind::contract) {
      const int batch = int(g_.attributes(i)[0]), inner = int(g_.attributes(i)[1]);
      for (int k = 0; k < 2; ++k) {
        const int w = g_[o[k]].op->kind == Kind::broadcast ? g_.operands(o[k])[0] : o[k];
        const int axis = k == 0 ? batch : g_.shape(i).rank - 1;
        if (!is_weight(w) || g_[w].dtype != g_[i].dtype ||
            g_.shape(w).rank != inner + 1 || g_.shape(o[k]).rank != batch + inner + 1 ||
            g_.shape(w)[0] != g_.shape(i)[axis])
          continue;
        if (o[0] == o[1] || o[1 - k] == w) return;  // a product with itself
        return layers_.push({i, i, w, o[1 - k], axis});
      }
    }
  }
  constexpr bool is_weight(int w) const {
    return changes_[w] == Changes::with_parameters &&
           (g_[w].dtype == Dtype::float32 || g_[w].dtype == Dtype::float64) &&
           source_bytes(g_, w) >= bytes_of(g_[w].dtype);
  }

  /// Follows scales and shifts to the last; whether moving them saves work.
  constexpr bool follow(Layer& l) {
    int scales = 0, shifts = 0;
    for (int next = only_user(l.last); next >= 0 && moves(l, next); next = only_user(l.last)) {
      ++(is_scale(next) ? scales : shifts);
      l.last = next;
    }
    return scales > 0 || shifts > 1;
  }
  constexpr bool is_scale(int i) const { return scales(affine(i)); }
  constexpr Affine affine(int i) const { return g_[i].op->elementwise.affine; }
  /// Which operand of a scale or shift is not the layer's.
  constexpr int amount(int i, int before) const { return g_.operands(i)[0] == before ? 1 : 0; }
  constexpr bool moves(const Layer& l, int i) const {
    if (affine(i) == Affine::none) return false;
    const int k = amount(i, l.last), p = g_.operands(i)[k];
    if ((k == 0 && !either_way(affine(i))) || g_[i].dtype != g_[l.weight].dtype || g_[p].dtype != g_[i].dtype ||
        changes_[p] == Changes::with_calls || !(g_.shape(i) == g_.shape(l.first)))
      return false;
    const Shape& s = g_.shape(p);
    for (int a = 0; a < s.rank; ++a)
      if (s[a] != 1 && a + g_.shape(i).rank - s.rank != l.axis) return false;
    return true;
  }

  constexpr int folded(Builder& to, const Layer& l) {
    const Shape& w = g_.shape(l.weight);
    Value scale, shift;
    for (int at = l.first; at != l.last; at = only_user(at)) {
      const int by = only_user(at), p = g_.operands(by)[amount(by, at)];
      Shape numbers;
      if (g_.shape(p).size() > 1) numbers.push(w[0]);
      const Value v = graph::reshape_to({&to, bring(to, p)}, numbers);
      switch (affine(by)) {
        case Affine::adds: shift = shift.exists() ? shift + v : v; break;
        case Affine::subtracts: shift = shift.exists() ? shift - v : -v; break;
        case Affine::multiplies:
          scale = scale.exists() ? scale * v : v;
          shift = shift.exists() ? shift * v : shift;
          break;
        default:
          scale = scale.exists() ? scale / v : 1.0 / v;
          shift = shift.exists() ? shift / v : shift;
      }
    }
    const auto along = [](Value v, int rank) {  // as axis 0 of that rank
      Shape s;
      for (int a = 0; v.extents().rank > 0 && a < rank; ++a) s.push(a == 0 ? v.extents()[0] : 1);
      return graph::reshape_to(v, s);
    };
    Value weight{&to, bring(to, l.weight)};
    if (scale.exists()) weight = weight * along(scale, w.rank);
    with_scaled_[l.weight] = weight.id;
    touched_.push(l.weight);
    const Value result{&to, with_scaled(to, l, l.first)};
    for (const int i : touched_) with_scaled_[i] = -1;
    touched_.clear();
    return shift.exists() ? (result + along(shift, g_.shape(l.first).rank - l.axis)).id : result.id;
  }
  /// What computes node i of a layer from its scaled weight.
  constexpr int with_scaled(Builder& to, const Layer& l, int i) {
    if (i == l.other) return bring(to, i);
    if (with_scaled_[i] >= 0) return with_scaled_[i];
    List<int> operands;
    bool same = true;
    for (int k = 0; k < g_[i].operands; ++k) {
      operands.push(with_scaled(to, l, g_.operands(i)[k]));
      same = same && operands[k] == now_[g_.operands(i)[k]];
    }
    touched_.push(i);
    return with_scaled_[i] = same ? bring(to, i) : copy(to, i, operands);
  }

  List<Changes> changes_;
  List<Layer> layers_;
  List<int> with_scaled_, touched_;  ///< of the nodes of the current layer: where it is in the new graph
};


/// Writes to `to` the graph with scales and shifts after layers moved into their weights, which are computed from
/// parameters; false, and nothing written, where there are none. `parameters`: how many of the graph's first inputs
/// these are.
constexpr bool fold_affine(const Builder& g, int parameters, Builder& to) {
  AffineFolder pass(g, parameters);
  return pass.run(to);
}

}  // namespace sinter::internals::compile
