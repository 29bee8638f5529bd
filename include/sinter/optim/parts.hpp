// How an optimizer is applied to the parameters of a net: to its parts, all at once.
#pragma once
#include <array>
#include <string_view>
#include <tuple>

#include "../ops/ops.hpp"

/// Lists an optimizer's own numbers, after those of the one that it is around.
#define SINTER_AROUND(...)                                                                                   \
  static constexpr std::string_view sinter_field_names = "optimizer" __VA_OPT__(", ") #__VA_ARGS__;          \
  constexpr auto sinter_fields() { return std::tie(this->inner() __VA_OPT__(, ) __VA_ARGS__); }              \
  constexpr auto sinter_fields() const { return std::tie(this->inner() __VA_OPT__(, ) __VA_ARGS__); }        \
  constexpr auto operator()(auto p, auto g, auto step, auto... m) const { /* not the inner optimizer's */    \
    return sinter::optim::update_alone(*this, p, g, step, m...);                                             \
  }

namespace sinter::inline SINTER_ABI::optim {

/// A parameter of a net, as optimizers choose among them.
struct ParameterInfo {
  std::string_view name;  ///< as in `state_dict`
  Dtype dtype = Dtype::float32;
  Shape shape{};
};

/// Some of the parameters that an optimizer moves, one after another as vectors: of one group, without others between
/// them. `moments` is a std::tuple.
template <int Group, class Value, class Gradient, class Moments> struct Part {
  static constexpr int group = Group;
  Value value;
  Gradient gradient;
  Moments moments;
};
/// A part of these tensors; `moments` is a std::tuple.
template <int Group, class V, class G, class M> constexpr Part<Group, V, G, M> part(V value, G gradient, M moments) {
  return {value, gradient, moments};
}

namespace parts_detail {

template <std::size_t... Index, class Optimizer, class Step, class P>
constexpr auto update_one(std::index_sequence<Index...>, const Optimizer& optimizer, Step step, const P& part) {
  return optimizer(part.value, part.gradient, step, std::get<Index>(part.moments)...);
}
template <class Optimizer> consteval int groups_in() {
  if constexpr (requires { Optimizer::groups; }) return Optimizer::groups;
  else return 1;
}

}  // namespace parts_detail

/// What an optimizer around another one, `struct ClipNorm : Around<Optimizer>`, has of it: all its members, so that
/// `step.optimizer.lr` is the rate of the innermost one. (An optimizer lists its own numbers after it, by
/// SINTER_AROUND(max_norm): the walk over a net's members takes no base classes otherwise.)
template <class Optimizer> struct Around : Optimizer {
  using sinter_base = Optimizer;
  constexpr const Optimizer& inner() const { return *this; }
  constexpr Optimizer& inner() { return *this; }
  constexpr void check_inner() const {
    if constexpr (requires(const Optimizer& o) { o.check(); }) Optimizer::check();
  }
};

/// Applies an optimizer to parts, a std::tuple of Part: for each a tuple of its new value and new moments. An optimizer
/// around another one, such as `clip_norm`, has a member `update` that sees all parts; one that moves each element by
/// itself has a call operator (adam.hpp) and need not know of parts.
template <class Optimizer, class Step, class... P>
constexpr auto update(const Optimizer& optimizer, Step step, const std::tuple<P...>& parts) {
  if constexpr (requires { optimizer.update(step, parts); }) {
    return optimizer.update(step, parts);
  } else {
    constexpr std::make_index_sequence<std::size_t(Optimizer::moments)> moments;
    return std::apply([&](const auto&... part) {
      return std::make_tuple(parts_detail::update_one(moments, optimizer, step, part)...);
    }, parts);
  }
}

/// The update of one vector by an optimizer around another one.
constexpr auto update_alone(const auto& optimizer, auto p, auto g, auto step, auto... m) {
  return std::get<0>(optimizer.update(step, std::make_tuple(part<0>(p, g, std::make_tuple(m...)))));
}
/// The same for parts whose gradients are f(gradient).
template <class Optimizer, class Step, class... P, class F>
constexpr auto update_with_gradients(const Optimizer& optimizer, Step step, const std::tuple<P...>& parts, const F& f) {
  return std::apply([&](const auto&... p) {
    return update(optimizer, step, std::make_tuple(part<P::group>(p.value, f(p.gradient), p.moments)...));
  }, parts);
}

/// How many groups of parameters an optimizer tells apart.
template <class Optimizer> inline constexpr int groups_in = parts_detail::groups_in<Optimizer>();
/// The group of a parameter, from 0 on; −1 for one that the optimizer does not move.
template <class Optimizer> constexpr int group_of(const ParameterInfo& p) {
  if constexpr (requires { Optimizer::group_of(p); }) return Optimizer::group_of(p);
  else return 0;
}

namespace parts_detail {

/// The parts that `Of` gives to its K-th optimizer, under that one's numbers.
template <class Of, int K, class P> constexpr auto if_of(const P& p) {
  if constexpr (Of::optimizer_of(P::group) == K)
    return std::make_tuple(part<Of::group_within(P::group)>(p.value, p.gradient, p.moments));
  else return std::tuple<>{};
}
template <class Of, std::size_t... K, class F, class... P>
constexpr auto update_each(std::index_sequence<K...>, const F& f, const std::tuple<P...>& parts) {
  const auto one = [&]<int At>(std::integral_constant<int, At> at) {
    const auto mine = std::apply([](const auto&... p) { return std::tuple_cat(if_of<Of, At>(p)...); }, parts);
    if constexpr (std::tuple_size_v<std::remove_const_t<decltype(mine)>> == 0) return std::tuple<>{};
    else return f(at, mine);
  };
  const auto results = std::make_tuple(one(std::integral_constant<int, int(K)>{})...);
  constexpr std::array<int, sizeof...(P)> from{Of::optimizer_of(P::group)...};
  constexpr auto rank = [](const auto& list, std::size_t i) {
    std::size_t n = 0;
    for (std::size_t j = 0; j < i; ++j) n += list[j] == list[i];
    return n;
  };
  return [&]<std::size_t... Each>(std::index_sequence<Each...>) {
    return std::make_tuple(std::get<rank(from, Each)>(std::get<std::size_t(from[Each])>(results))...);
  }(std::index_sequence_for<P...>{});
}

}  // namespace parts_detail

/// For an optimizer made of N others: f(std::integral_constant<int, K>, parts) updates those of the K-th. The static
/// functions optimizer_of(group) and group_within(group) of `Of` say which optimizer a group belongs to, and its number
/// there.
template <class Of, int N, class F, class... P> constexpr auto update_each(const F& f, const std::tuple<P...>& parts) {
  return parts_detail::update_each<Of>(std::make_index_sequence<std::size_t(N)>{}, f, parts);
}

}  // namespace sinter::optim
