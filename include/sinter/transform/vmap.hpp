// vmap: a function of one sample as a function of a batch.
#pragma once
#include "../ops/batching.hpp"
#include "arguments.hpp"

namespace sinter::inline SINTER_ABI {

namespace internals::transform { template <int... Arguments> struct Mapped {}; }
/// Names the arguments that have a batch axis in front: `mapped<0, 2>`; the others are shared by all samples.
template <int... Arguments> inline constexpr internals::transform::Mapped<Arguments...> mapped{};

// Undefined on purpose: the names are the errors.
template <class... X> struct vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes;

namespace internals::transform {

using graph::Value;

/// A symbol without its first axis, and one with a new leading axis.
template <class S> struct Sample;
template <class T, auto N, auto... E> struct Sample<Sym<T, N, E...>> { using type = Sym<T, E...>; };
template <class S, auto N> struct Batch;
template <class T, auto... E, auto N> struct Batch<Sym<T, E...>, N> { using type = Sym<T, N, E...>; };
template <class T, auto N, auto... E> constexpr auto first_extent(Sym<T, N, E...>*) { return N; }

template <class F, int... Index> struct Vmap {
  [[no_unique_address]] F f;

  template <class... X> requires Arguments<X...> constexpr auto operator()(X&&... x) const {
    if constexpr (is_traced<X...>)
      return traced(std::index_sequence_for<X...>{}, argument_of<X...>(graph_of_any(x...), x)...);
    else return run_function(*this, std::forward<X>(x)...);
  }

 private:
  template <class S> static constexpr bool is_mapped([[maybe_unused]] std::size_t k) {
    if constexpr (Module<S>) return false;  // samples share it
    else return sizeof...(Index) == 0 || ((int(k) == Index) || ...);
  }
  template <class S> static constexpr bool has_extent([[maybe_unused]] auto extent) {
    if constexpr (!is_sym_v<S>)
      return []<class... Part>(std::type_identity<std::tuple<Part...>>, auto e) {
        return (has_extent<Part>(e) && ...);
      }(std::type_identity<graph::Flat<S>>{}, extent);
    else if constexpr (S::shape.rank == 0) return false;
    else return S::shape[0] == capacity_of(extent) && S::shape.symbol(0) == length_of(extent);
  }
  template <std::size_t K, class S> static constexpr bool fits(auto extent) {
    if constexpr (is_mapped<S>(K)) return has_extent<S>(extent);
    else return true;
  }
  /// The first symbol that is mapped.
  template <std::size_t... K, class... S> static constexpr auto first_of(std::index_sequence<K...>, const S&... x) {
    return std::get<0>(std::tuple_cat([&] {
      if constexpr (is_mapped<S>(K)) return std::tuple(std::get<0>(graph::flat(x)));
      else return std::tuple<>{};
    }()..., std::tuple(Sym<float>{})));
  }
  template <std::size_t... K, class... S> constexpr auto traced(std::index_sequence<K...> all, const S&... x) const {
    using First = decltype(first_of(all, x...));
    if constexpr (First::shape.rank == 0) {
      return vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes<S...>{};
    } else {
      constexpr auto extent = first_extent(static_cast<First*>(nullptr));
      if constexpr (!(fits<K, S>(extent) && ...))
        return vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes<S...>{};
      else return batched<extent, K...>(x...);
    }
  }
  struct ToSample { template <class S> using of = typename Sample<S>::type; };
  template <auto Extent> struct ToBatch { template <class Y> using of = typename Batch<symbol_of<Y>, Extent>::type; };
  template <auto Extent, std::size_t... K, class... S> constexpr auto batched(const S&... x) const {
    Builder* const g = graph_of_any(x...);
    graph::SampleTrace one(*g, capacity_of(Extent), length_of(Extent));
    const std::tuple<decltype(argument<K>(one, x))...> arguments{argument<K>(one, x)...};  // braces: in order
    return whole<Extent>(g, one, graph::spread(f, arguments, std::index_sequence_for<S...>{}));
  }
  template <std::size_t K, class S> static constexpr auto argument(graph::SampleTrace& one, const S& x) {
    if constexpr (is_mapped<S>(K))
      return graph::map_tree<ToSample>(x, [&]<class L>(const L& leaf) {
        return typename Sample<L>::type(one.sample(leaf));
      });
    else return x;
  }
  template <auto Extent, class Y> static constexpr auto whole(Builder* g, graph::SampleTrace& one, const Y& y) {
    if constexpr (graph::is_refused_v<Y>) {
      return y;
    } else if constexpr (Module<Y>) {
      PerSample<Y, Extent> all{y};
      for_each_moved(all.module, [&](const graph::Leaf& leaf) { leaf.bind(one.whole(*leaf.node)); });
      return all;
    } else if constexpr (graph::Tree<Y>) {
      return graph::map_tree<ToBatch<Extent>>(y, [&]<class S>(const S& part) {
        return typename Batch<symbol_of<S>, Extent>::type(one.whole(graph::as_symbol(g, part)));
      });
    } else {
      return std::apply([&](const auto&... part) { return std::make_tuple(whole<Extent>(g, one, part)...); }, y);
    }
  }
};

}  // namespace internals::transform

/// A function of one sample as one of a batch: `vmap(f)(xs)` is f of every xs[i], as one program. All
/// arguments have the batch as their first axis, or those named: `vmap(f, mapped<1>)(w, xs)`. Results
/// have it too. Composes with `grad`: `vmap(grad(f), mapped<1>)` gives a gradient for each sample.
/// An argument may be a tree of tensors; a module, or a Model, is shared by all samples, and a gradient by it is a
/// `PerSample` of it. Inside traced functions and nets f may capture traced values, parameters and layers, which all
/// samples share: `vmap([&](auto x) { return fc(x); })(xs)`. In a training step dropout in f draws the
/// same numbers for all samples; buffers that f updates are a compile error. PyTorch: torch.func.vmap.
template <class F> constexpr auto vmap(F f) { return internals::transform::Vmap<F>{f}; }
template <class F, int... Index> constexpr auto vmap(F f, internals::transform::Mapped<Index...>) {
  return internals::transform::Vmap<F, Index...>{f};
}

}  // namespace sinter
