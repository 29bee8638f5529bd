// Functions whose derivative is not the one that their formula has: stop_gradient, and rules of the user's own.
#pragma once
#include <tuple>

#include "apply.hpp"

namespace sinter {
namespace ops {

/// The base of nodes that are their first operand, unchanged. Simplification removes them once gradients are taken.
template <class Self> struct Identity : graph::Registered<Self> {
  static constexpr Type type(const Signature& s) { return {s.dtype(0), s.shape(0)}; }
  static constexpr Primitive describe() {
    Primitive p{.name = Self::name, .code = graph::code_of<Self>, .kind = Kind::identity, .type = &Identity::type};
    // A rule for the gradient of single samples does not hold for batches: those are differentiated as their formula.
    p.batch = [](const graph::Batching& b) {
      if (b.count > 1) return b.operand(0);
      return Value{b.graph, b.graph->add(graph::primitive<Self>, b.operands, 1, b.attributes, b.attribute_count)};
    };
    p.flops = [](const Signature&, const Shape&) { return 0.0; };
    if constexpr (requires { Self::innermost; }) p.innermost = Self::innermost;
    if constexpr (requires { &Self::pull; }) {
      p.vjp = &Self::pull;
      p.jvp = [](const Site&, int i, Value tangent) { return i == 0 ? tangent : Value{}; };
    }
    return p;
  }
};

struct StopGradient : Identity<StopGradient> {
  static constexpr const char* name = "stop_gradient";
};

/// A node of its own for a value that occurs elsewhere. attributes = {a number that no other has}.
struct Argument : Identity<Argument> {
  static constexpr const char* name = "argument";
  static constexpr Value pull(const Site&, int, Value ct) { return ct; }
};

/// Operands: f's result, then f's arguments.
template <auto F, auto Rule> struct CustomGradient : Identity<CustomGradient<F, Rule>> {
  static constexpr const char* name = "custom_gradient";
  static constexpr Value pull(const Site& s, int i, Value ct) {
    if (i == 0) return {};
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) { return pick(Rule(s.operand(int(Index) + 1)..., s.operand(0), ct), i - 1); }
        (std::make_index_sequence<arguments>{});
  }

  static constexpr std::size_t arguments = [] {
    if constexpr (requires(Value v) { Rule(v, v, v); }) return 1;
    else if constexpr (requires(Value v) { Rule(v, v, v, v); }) return 2;
    else if constexpr (requires(Value v) { Rule(v, v, v, v, v); }) return 3;
    else return 4;
  }();

 private:
  static constexpr Value pick(Value v, int) { return v; }
  template <std::size_t N> static constexpr Value pick(const std::array<Value, N>& all, int i) { return all[std::size_t(i)]; }
};

template <auto F, auto Rule> struct WithGradient {
  template <class... X> constexpr auto operator()(X... x) const {
    const auto y = F(x...);
    const std::array<int, sizeof...(X) + 1> ids{y.id, x.id...};
    return std::remove_const_t<decltype(y)>(Value{y.graph, y.graph->add(graph::primitive<CustomGradient<F, Rule>>, ids.data(), int(ids.size()))});
  }
};

/// Arguments that a function can be differentiated with respect to: values that nothing else in the graph is computed from, and
/// no two of which are the same. Inputs are, once each; others become nodes of their own.
template <class... S> constexpr std::tuple<S...> independent(S... x) {
  const std::array<Value, sizeof...(S)> v{x...};
  bool fine = true;
  for (std::size_t i = 0; i < v.size(); ++i) {
    fine = fine && (*v[i].graph)[v[i].id].op->kind == Kind::input;
    for (std::size_t j = 0; j < i; ++j) fine = fine && v[i].id != v[j].id;
  }
  if (fine) return {x...};
  const auto own = [](Value a) {
    const std::int64_t number = a.graph->size();
    return Value{a.graph, a.graph->add(graph::primitive<Argument>, &a.id, 1, &number, 1)};
  };
  return std::tuple<S...>{S(own(x))...};
}

/// What `custom_gradient` is.
template <auto F, auto Rule> struct CustomGradientFunction {
  template <class... X> requires Operands<X...> constexpr auto operator()(X&&... x) const { return call<WithGradient<F, Rule>>(std::forward<X>(x)...); }
};

}  // namespace ops

/// x, but constant to differentiation. PyTorch: x.detach().
template <Operand X> constexpr graph::Result<ops::Apply<ops::StopGradient>, X> stop_gradient(X&& x) { return call<ops::Apply<ops::StopGradient>>(std::forward<X>(x)); }

/// A function with a gradient of your own, in reverse mode; forward mode differentiates `F` itself.
///
///   constexpr auto round_through = custom_gradient<[](auto x) { return cast<float>(cast<int>(x)); },
///                                                  [](auto x, auto y, auto cotangent) { return cotangent; }>;
///
/// `Rule(arguments…, result, cotangent)` returns the argument's cotangent, or a std::array of them, one for each of
/// up to four arguments. PyTorch: torch.autograd.Function.
template <auto F, auto Rule> inline constexpr ops::CustomGradientFunction<F, Rule> custom_gradient{};

}  // namespace sinter
