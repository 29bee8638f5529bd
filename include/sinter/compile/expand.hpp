// Primitives that a target computes with others: convolutions as contractions of views, for a CPU, and products of
// 16-bit floats with operands in the dtype of the sums. Until here an application has kept its name, its attributes and
// its rules; what the target leaves alone stays a kernel of its own.
#pragma once
#include "rewrite.hpp"
#include "target.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class Expander : Rewrite {
 public:
  constexpr Expander(const Builder& g, const Target& target) : Rewrite(g, 0), target_(target) {}

  /// The graph with such primitives expanded; false where there are none that could be.
  constexpr bool run(Builder& to) {
    if (target_.expansion == nullptr || !has_any()) return false;
    find_live();
    begin(to);
    for (int i = 0; i < n_; ++i) {
      if (live_.data()[i] != 0 && now_.data()[i] < 0) now_[i] = expanded(to, i);
      if (i < g_.views_kept) to.views_kept = to.size();
    }
    finish(to);
    return true;
  }

 private:
  constexpr bool has_any() const {
    const Node* node = g_.nodes();
    for (int i = 0; i < n_; ++i, ++node)
      if (may_be_expanded(*node, i) && target_.expansion(*node->op) != nullptr) return true;
    return false;
  }
  /// A kernel of its own, or a contraction of 16-bit floats that sums in a wider dtype.
  constexpr bool may_be_expanded(const Node& n, int i) const {
    if (n.op->kind != Kind::contract) return n.op->kind == Kind::kernel;
    const Dtype read = g_[g_.operands(i)[0]].dtype;
    return read != n.dtype && is_half(read);
  }
  constexpr int expanded(Builder& to, int i) const {
    const int id = copy(to, i, operands_now(i));
    if (!may_be_expanded(g_[i], i)) return id;
    const Expansion write = target_.expansion(*g_[i].op);
    return write != nullptr ? write(graph::Site{&to, id}).id : id;
  }

  const Target& target_;
};


/// Writes to `to` the graph with the primitives expanded that the target computes with others; false, and nothing
/// written, where there are none.
constexpr bool expand(const Builder& g, const Target& target, Builder& to) {
  Expander pass(g, target);
  return pass.run(to);
}

}  // namespace sinter::internals::compile
