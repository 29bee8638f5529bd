// Labels as masks.
#pragma once
#include "compare.hpp"
#include "expect.hpp"
#include "index.hpp"
#include "reshape.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// Labels compared with 0, 1, … Classes − 1 along a new last axis.
template <int Classes> struct OneHot {
  constexpr auto operator()(auto labels) const {
    const auto column = unsqueeze<-1>(labels);
    if constexpr (is_sym_v<decltype(labels)>)
      return column == Sym<std::int32_t, Classes>(graph::iota(labels.graph, Classes));
    else return column == graph::iota(labels.graph, Classes);
  }
};

/// The same, with a check that labels are classes.
template <int Classes> struct OneHotOfClasses {
  constexpr auto operator()(auto labels) const {
    graph::expect(labels, "one_hot, labels", 0, Classes);
    return OneHot<Classes>{}(labels);
  }
};

}  // namespace ops

/// Integer labels [...] as a mask [..., Classes]. A label outside 0 … Classes − 1 is
/// an `Error` in a statement, and in programs with `SINTER_CHECKS`; otherwise it
/// gives a row of false. PyTorch: torch.nn.functional.one_hot (which returns int64).
template <int Classes, Operand X> constexpr auto one_hot(X&& labels) {
  return call<ops::OneHotOfClasses<Classes>>(std::forward<X>(labels));
}

}  // namespace sinter
