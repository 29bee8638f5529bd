// What scan means: its steps, one after the other.
#pragma once
#include <sinter/sinter.hpp>

namespace support {

using namespace sinter;
using namespace sinter::internals;

/// Element t of a stacked value.
template <class X> constexpr auto step_of(X x, int t) {
  using One = typename transform::Sample<X>::type;
  return One(graph::reshape_to(graph::slice(x, 0, t, 1), One::shape));
}
template <auto N, class Y> constexpr auto stack(const std::array<Y, std::size_t(N)>& all) {
  graph::List<int> ids;
  Shape one;
  one.push(1);
  for (int i = 0; i < Y::shape.rank; ++i) one.push(Y::shape[i]);
  for (const Y& y : all) ids.push(graph::reshape_to(y, one).id);
  return typename transform::Batch<Y, N>::type(graph::concatenate(all[0].graph, ids.data(), ids.size(), 0));
}
struct Unrolled {
  template <class F, class C, class X> constexpr auto operator()(F f, C c, X xs) const {
    constexpr int n = X::shape[0];
    auto r = f(c, step_of(xs, 0));
    using Y = std::remove_cvref_t<decltype(r.second)>;
    std::array<Y, std::size_t(n)> ys;
    for (int t = 0; t < n; ++t) {
      if (t > 0) r = f(r.first, step_of(xs, t));
      ys[std::size_t(t)] = r.second;
    }
    return std::tuple{r.first, stack<n>(ys)};
  }
};
struct Scanned {
  template <class F, class C, class X> constexpr auto operator()(F f, C c, X xs) const { return scan(f, c, xs); }
};

}  // namespace support
