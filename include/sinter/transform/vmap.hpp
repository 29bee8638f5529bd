// vmap: a function of one sample as a function of a batch.
#pragma once
#include "../graph/trace.hpp"
#include "../ops/ops.hpp"

namespace sinter {

namespace internals::transform { template <int... Arguments> struct Mapped {}; }
/// Names the arguments that have a batch axis in front: `mapped<0, 2>`; the others are shared by all samples.
template <int... Arguments> inline constexpr internals::transform::Mapped<Arguments...> mapped{};

// Undefined on purpose: the names are the errors.
template <class... X> struct vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes;

namespace internals::transform {

using graph::Builder;
using graph::List;
using graph::Value;

/// The nodes of a graph of one sample, appended to another graph for a batch: `now[i]` is what stands for node i, `in_batch[i]` whether it has
/// the new axis.
struct BatchedNodes {
  List<int> now;
  List<char> in_batch;
};

constexpr void batch_nodes(const Builder& one, Builder& to, BatchedNodes& nodes, int extent, char letter) {
  for (int i = 0; i < one.size(); ++i) {
    const graph::Node n = one[i];
    if (n.op->kind == graph::Kind::input) continue;
    List<int> operands;
    List<char> has;
    bool any = false;
    for (int k = 0; k < n.operands; ++k) {
      const int o = one.operands(i)[k];
      operands.push(nodes.now[o]);
      has.push(nodes.in_batch[o]);
      any = any || nodes.in_batch[o] != 0;
    }
    List<std::int64_t> attributes;
    for (int k = 0; k < n.attributes; ++k) attributes.push(one.attributes(i)[k]);
    if (any) nodes.now[i] = n.op->batch({&to, operands.data(), has.data(), n.operands, attributes.data(), n.attributes, extent, letter}).id;
    else nodes.now[i] = n.op->kind == graph::Kind::constant ? to.constant(one.constant_value(i), n.dtype) : to.add(*n.op, operands.data(), n.operands, attributes.data(), n.attributes);
    nodes.in_batch[i] = any ? 1 : 0;
  }
}

/// A symbol without its first axis, and one with an axis more.
template <class S> struct Sample;
template <class T, auto N, auto... E> struct Sample<Sym<T, N, E...>> { using type = Sym<T, E...>; };
template <class S, auto N> struct Batch;
template <class T, auto... E, auto N> struct Batch<Sym<T, E...>, N> { using type = Sym<T, N, E...>; };
template <class T, auto N, auto... E> constexpr auto first_extent(Sym<T, N, E...>*) { return N; }

template <class F, int... Index> struct Vmap {
  template <class... X> requires Operands<X...> constexpr auto operator()(X&&... x) const {
    if constexpr ((Symbolic<X> || ...)) return traced(std::index_sequence_for<X...>{}, graph::as_symbol<X...>(graph::builder_of(x...), x)...);
    else return run_function(*this, std::forward<X>(x)...);
  }

 private:
  static constexpr bool is_mapped([[maybe_unused]] std::size_t k) { return sizeof...(Index) == 0 || ((int(k) == Index) || ...); }
  template <std::size_t K, class S> static constexpr auto sample() {
    if constexpr (is_mapped(K)) return std::type_identity<typename Sample<S>::type>{};
    else return std::type_identity<S>{};
  }
  template <std::size_t K, class S> static constexpr bool has_extent([[maybe_unused]] auto extent) {
    if constexpr (!is_mapped(K)) return true;
    else if constexpr (S::shape.rank == 0) return false;
    else return S::shape[0] == capacity_of(extent) && S::shape.letter(0) == length_of(extent);
  }
  template <class... S> static constexpr std::size_t first_mapped() {
    std::size_t k = 0;
    while (k < sizeof...(S) && !is_mapped(k)) ++k;
    return k;
  }
  template <std::size_t... K, class... S> static constexpr auto traced(std::index_sequence<K...>, S... x) {
    using First = std::tuple_element_t<first_mapped<S...>(), std::tuple<S...>>;
    if constexpr (First::shape.rank == 0) {
      return vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes<S...>{};
    } else {
      constexpr auto extent = first_extent(static_cast<First*>(nullptr));
      if constexpr (!(has_extent<K, S>(extent) && ...)) return vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes<S...>{};
      else return batched<extent, K...>(x...);
    }
  }
  template <auto Extent, std::size_t... K, class... S> static constexpr auto batched(S... x) {
    Builder& g = *graph::builder_of(x...);
    Builder one;
    if (g.training) {  // all samples draw the same random numbers
      one.training = true;
      one.random_calls = g.random_calls;
      one.seed = one.input(Dtype::int64, Shape{});
      one.step = one.input(Dtype::int64, Shape{});
    }
    const int first = one.inputs.size();
    const std::tuple arguments{graph::new_input<typename decltype(sample<K, S>())::type>(one)...};
    const auto y = std::apply(graph::function_object<F>(), arguments);
    BatchedNodes nodes{List<int>(one.size(), -1), List<char>(one.size(), 0)};
    const std::array<int, sizeof...(S)> ids{x.id...};
    for (std::size_t k = 0; k < ids.size(); ++k) {
      nodes.now[one.inputs[first + int(k)]] = ids[k];
      nodes.in_batch[one.inputs[first + int(k)]] = is_mapped(k) ? 1 : 0;
    }
    if (g.training) {
      nodes.now[one.seed] = g.seed;
      nodes.now[one.step] = g.step;
      g.random_calls = one.random_calls;
    }
    batch_nodes(one, g, nodes, capacity_of(Extent), length_of(Extent));
    return result<Extent>(y, g, nodes);
  }
  /// Results that no mapped argument reaches are repeated.
  template <auto Extent, class Y> static constexpr auto result(const Y& y, Builder& g, const BatchedNodes& nodes) {
    if constexpr (is_sym_v<Y>) {
      using Whole = typename Batch<Y, Extent>::type;
      const Value v{&g, nodes.now[y.id]};
      return Whole(nodes.in_batch[y.id] != 0 ? v : graph::broadcast_to(v, Whole::shape));
    } else {
      return std::apply([&](const auto&... part) { return std::tuple{result<Extent>(part, g, nodes)...}; }, y);
    }
  }
};

}  // namespace internals::transform

/// A function of one sample as one of a batch: `vmap(f)(xs)` is f of every xs[i], as one program. All arguments have the batch as their first
/// axis, or those named: `vmap(f, mapped<1>)(w, xs)`. Results have it too. In a training step dropout in f draws the same numbers for all samples. Composes with `grad`: `vmap(grad(f), mapped<1>)` gives a gradient
/// for each sample. PyTorch: torch.func.vmap.
template <class F> constexpr auto vmap(F) { return internals::transform::Vmap<F>{}; }
template <class F, int... Index> constexpr auto vmap(F, internals::transform::Mapped<Index...>) { return internals::transform::Vmap<F, Index...>{}; }

}  // namespace sinter
