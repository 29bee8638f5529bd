// Functions whose derivative is not that of their formula: stop_gradient, and the user's own rules.
#pragma once
#include <tuple>

#include "batching.hpp"
#include "reduce.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

[[noreturn]] SINTER_COLD inline void cotangent_of_another_shape(int i, const Shape& expected, const Shape& found) {
  throw_error(ErrorCode::shape, "custom_gradient, argument " + std::to_string(i),
              "expected a cotangent of its shape " + to_string(expected) + ", found " + to_string(found),
              "the rule returns a cotangent for each argument");
}

/// The base of nodes that return their first operand, unchanged. Simplification removes them once gradients are taken.
/// A member may have `pull`, its vector-Jacobian product, and `push` or `formula_is_differentiable`: then its tangent
/// is that of the first operand. One with `pull` alone has the tangent that belongs to it (transform/forward.hpp).
/// `batch` is needed where attributes count axes.
template <class Self> struct Identity : graph::Registered<Self> {
  static constexpr int innermost = -1;
  static constexpr bool repeats = false;
  static constexpr Type type(const Signature& s) { return {s.dtype(0), s.shape(0)}; }
  static constexpr Primitive describe() {
    Primitive p{.name = Self::name, .code = graph::code_of<Self>, .kind = Kind::identity, .type = &Identity::type};
    if constexpr (requires { Self::unique; }) p.unique = Self::unique;
    if constexpr (requires(const graph::Batching& b) { Self::batch(b); })
      p.batch = [](const graph::Batching& b) { return Self::batch(b); };
    else
      p.batch = [](const graph::Batching& b) {
        return Value{b.graph,
                     b.graph->add(graph::primitive<Self>, b.operands, b.count, b.attributes, b.attribute_count)};
      };
    p.flops = [](const Signature&, const Shape&) { return 0.0; };
    p.identity = {Self::innermost, Self::repeats};
    if constexpr (requires { &Self::pull; }) {
      p.vjp = &Self::pull;
      if constexpr (requires { &Self::push; }) p.jvp = &Self::push;
      else if constexpr (requires { Self::formula_is_differentiable; })
        p.jvp = [](const Site&, int i, Value tangent) { return i == 0 ? tangent : Value{}; };
    }
    return p;
  }
};

struct StopGradient : Identity<StopGradient> {
  static constexpr const char* name = "stop_gradient";
};

/// A separate node for a value that is also used elsewhere.
struct Argument : Identity<Argument> {
  static constexpr const char* name = "argument";
  static constexpr bool unique = true, formula_is_differentiable = true;
  static constexpr Value pull(const Site&, int, Value ct) { return ct; }
};

constexpr Value own_node(Value v) { return {v.graph, v.graph->add(graph::primitive<Argument>, &v.id, 1)}; }

/// Operands: f's result, then f's arguments. attributes: for each vmap around it, the innermost first, the bit set of
/// the arguments that have its axis; the rule is one of single samples.
template <auto F, auto Rule> struct CustomGradient : Identity<CustomGradient<F, Rule>> {
  static constexpr const char* name = "custom_gradient";
  static constexpr std::size_t arguments = [] {
    if constexpr (requires(Value v) { Rule(v, v, v); }) return 1;
    else if constexpr (requires(Value v) { Rule(v, v, v, v); }) return 2;
    else if constexpr (requires(Value v) { Rule(v, v, v, v, v); }) return 3;
    else return 4;
  }();

  static constexpr Value pull(const Site& s, int i, Value ct) {
    if (i == 0) return {};
    Known known{};
    for (std::size_t k = 0; k < arguments; ++k) known[k] = s.operand(int(k) + 1);
    known[result] = s.result();
    known[cotangent] = ct;
    graph::List<std::int64_t> axes;
    for (int k = 0; k < s.attributes(); ++k) axes.push(s.attribute(k));
    return pulled(known, axes, axes.size(), std::size_t(i - 1));
  }
  static constexpr Value batch(const graph::Batching& b) {
    graph::List<int> operands;
    graph::List<std::int64_t> attributes;
    std::int64_t set = 0;
    operands.push(graph::batched(b, 0).id);
    for (int k = 1; k < b.count; ++k) {
      operands.push(b.operands[k]);
      if (b.mapped[k] != 0) set |= std::int64_t(1) << (k - 1);
    }
    for (int k = 0; k < b.attribute_count; ++k) attributes.push(b.attributes[k]);
    attributes.push(set);
    return {b.graph, b.graph->add(graph::primitive<CustomGradient>, operands.data(), operands.size(), attributes.data(),
                                  attributes.size())};
  }

 private:
  static constexpr std::size_t result = arguments, cotangent = arguments + 1;
  using Known = std::array<Value, arguments + 2>;  ///< the rule's arguments: arguments, result, cotangent

  /// The cotangent of argument i inside `levels` vmaps.
  static constexpr Value pulled(const Known& known, const graph::List<std::int64_t>& axes, int levels, std::size_t i) {
    if (levels == 0) return of_one_sample(known, i);
    const Shape batch = known[result].extents();
    graph::SampleTrace one(*known[result].graph, batch[0], batch.symbol(0));
    Known sample = known;
    for (std::size_t k = 0; k < arguments; ++k)
      if ((axes[levels - 1] >> k & 1) != 0) sample[k] = one.sample(known[k]);
    sample[result] = one.sample(known[result]);
    sample[cotangent] = one.sample(known[cotangent]);
    const Value all = one.whole(pulled(sample, axes, levels - 1, i));
    if ((axes[levels - 1] >> i & 1) != 0) return all;
    Shape shared = known[i].extents();
    return graph::reshape_to(reduced<Sum>(all, 1), shared);  // one argument for all samples
  }
  static constexpr Value of_one_sample(const Known& known, std::size_t i) {
    const Value c = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      return pick(Rule(known[Index]...), i);
    }(std::make_index_sequence<arguments + 2>{});
    const Shape wanted = known[i].extents(), found = c.extents(), both = graph::broadcast(wanted, found);
    if (both == wanted) return graph::broadcast_to(c, wanted);
    if (both == found) return graph::sum_to(c, wanted);
    cotangent_of_another_shape(int(i), wanted, found);
  }
  static constexpr Value pick(Value v, std::size_t) { return v; }
  template <std::size_t N> static constexpr Value pick(const std::array<Value, N>& all, std::size_t i) {
    return all[i];
  }
};

template <auto F, auto Rule> struct WithGradient {
  template <class... X> constexpr auto operator()(X... x) const {
    const auto y = F(x...);
    const std::array<int, sizeof...(X) + 1> ids{y.id, x.id...};
    return std::remove_const_t<decltype(y)>(
        Value{y.graph, y.graph->add(graph::primitive<CustomGradient<F, Rule>>, ids.data(), int(ids.size()))});
  }
};

/// Arguments that F can be differentiated with respect to: distinct values that nothing outside F is computed from.
/// Inputs of the graph are, each used once, if F captures nothing that may come from them; others get separate nodes.
template <class F, class... S> constexpr std::tuple<S...> independent(S... x) {
  const std::array<Value, sizeof...(S)> v{x...};
  bool fine = std::is_empty_v<F>;
  for (std::size_t i = 0; i < v.size(); ++i) {
    fine = fine && (*v[i].graph)[v[i].id].op->kind == Kind::input;
    for (std::size_t j = 0; j < i; ++j) fine = fine && v[i].id != v[j].id;
  }
  if (fine) return {x...};
  return std::tuple<S...>{S(own_node(x))...};
}

/// The type of `custom_gradient`.
template <auto F, auto Rule> struct CustomGradientFunction {
  template <class... X>
  requires Operands<X...>
  constexpr auto operator()(X&&... x) const { return call<WithGradient<F, Rule>>(std::forward<X>(x)...); }
};

}  // namespace ops

/// x, but constant to differentiation. PyTorch: x.detach().
template <Operand X> constexpr graph::Result<ops::Apply<ops::StopGradient>, X> stop_gradient(X&& x) {
  return call<ops::Apply<ops::StopGradient>>(std::forward<X>(x));
}

/// A function with a derivative of your own: first and higher derivatives, forward mode and `vmap` follow the rule.
///
///   constexpr auto round_through = custom_gradient<[](auto x) { return cast<float>(cast<int>(x)); },
///                                                  [](auto x, auto y, auto cotangent) { return cotangent; }>;
///
/// `Rule(arguments…, result, cotangent)`, linear in the cotangent, returns the argument's cotangent, or a std::array of
/// them, one for each of up to four arguments. The rule of a rule that uses the result is differentiated through this
/// very function, as in PyTorch: torch.autograd.Function, with the result among the tensors saved for backward.
template <auto F, auto Rule> inline constexpr ops::CustomGradientFunction<F, Rule> custom_gradient{};

}  // namespace sinter
