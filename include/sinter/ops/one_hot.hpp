// Labels as masks.
#pragma once
#include "compare.hpp"
#include "index.hpp"
#include "reshape.hpp"

namespace sinter {
namespace ops {

/// Labels against 0, 1, … Classes − 1 along a new last axis.
template <int Classes> struct OneHot {
  constexpr auto operator()(auto labels) const {
    const auto column = unsqueeze<-1>(labels);
    if constexpr (is_sym_v<decltype(labels)>) return column == Sym<std::int32_t, Classes>(graph::iota(labels.graph, Classes));
    else return column == graph::iota(labels.graph, Classes);
  }
};

}  // namespace ops

/// Integer labels [...] as a mask [..., Classes]. A label outside the range gives a row of false.
/// PyTorch: torch.nn.functional.one_hot (which returns int64).
template <int Classes, Operand X> constexpr auto one_hot(X&& labels) { return call<ops::OneHot<Classes>>(std::forward<X>(labels)); }

}  // namespace sinter
