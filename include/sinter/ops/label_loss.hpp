// The loss of scores and labels before it is reduced: −log softmax(logits)[label].
#pragma once
#include "derivative.hpp"
#include "one_hot.hpp"
#include "reduce.hpp"
#include "softmax.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// Operands: the loss of each row, logits, labels, smoothing. The gradient is softmax − target, which needs no
/// reduction. It holds for batches of rows too.
template <int Classes> struct LabelLossRule : Identity<LabelLossRule<Classes>> {
  static constexpr const char* name = "label_loss";
  static constexpr bool formula_is_differentiable = true;
  static constexpr Primitive describe() {
    Primitive p = Identity<LabelLossRule>::describe();
    p.batch = [](const graph::Batching& b) {
      return Value{b.graph, b.graph->add(graph::primitive<LabelLossRule>, b.operands, b.count)};
    };
    return p;
  }
  static constexpr Value pull(const Site& s, int i, Value ct) {
    if (i != 1) return {};
    const Value p = softmax<-1>(s.operand(1)), chosen = OneHot<Classes>{}(s.operand(2)), smoothing = s.operand(3),
                share = smoothing / double(Classes);
    const Value less =
        smoothing.is(0) ? select(chosen, p - 1.0, p) : p - select(chosen, 1.0 - smoothing + share, share);
    return graph::sum_to(less * unsqueeze<-1>(ct), s.operand(1).extents());
  }
};
/// Rows of logits [B…, C] with labels [B…] in 0 … C − 1 → [B…]. `smoothing` of the target is spread evenly; if it is
/// 0, only the label's logarithm is selected, so that those of masked classes, −∞, have no effect.
template <int Classes> struct LabelLoss {
  constexpr auto operator()(auto logits, auto labels, auto smoothing) const {
    const auto each = of_formula(logits, labels, smoothing);
    const std::array<int, 4> ids{each.id, logits.id, labels.id, smoothing.id};
    return std::remove_const_t<decltype(each)>(
        graph::Value{each.graph, each.graph->add(graph::primitive<LabelLossRule<Classes>>, ids.data(), 4)});
  }

 private:
  static constexpr auto of_formula(auto logits, auto labels, auto smoothing) {
    const auto logs = log_softmax<-1>(logits);
    const auto chosen = OneHot<Classes>{}(labels);
    if (smoothing.is(0)) return -sum<-1>(select(chosen, logs, 0.0));
    const auto share = smoothing / double(Classes);
    const auto target = select(chosen, 1.0 - smoothing + share, share);
    return -sum<-1>(select(target == 0.0, 0.0, logs * target));
  }
};

}  // namespace sinter::ops
