// vmap: a function of one sample as a function of a batch.
#pragma once
#include "../ops/batching.hpp"
#include "../graph/trace.hpp"
#include "../ops/ops.hpp"

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

  template <class... X> requires Operands<X...> constexpr auto operator()(X&&... x) const {
    if constexpr ((Symbolic<X> || ...))
      return traced(std::index_sequence_for<X...>{}, graph::as_symbol<X...>(graph::builder_of(x...), x)...);
    else return run_function(*this, std::forward<X>(x)...);
  }

 private:
  static constexpr bool is_mapped([[maybe_unused]] std::size_t k) {
    return sizeof...(Index) == 0 || ((int(k) == Index) || ...);
  }
  template <std::size_t K, class S> static constexpr bool has_extent([[maybe_unused]] auto extent) {
    if constexpr (!is_mapped(K)) return true;
    else if constexpr (S::shape.rank == 0) return false;
    else return S::shape[0] == capacity_of(extent) && S::shape.symbol(0) == length_of(extent);
  }
  template <class... S> static constexpr std::size_t first_mapped() {
    std::size_t k = 0;
    while (k < sizeof...(S) && !is_mapped(k)) ++k;
    return k;
  }
  template <std::size_t... K, class... S> constexpr auto traced(std::index_sequence<K...>, S... x) const {
    using First = std::tuple_element_t<first_mapped<S...>(), std::tuple<S...>>;
    if constexpr (First::shape.rank == 0) {
      return vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes<S...>{};
    } else {
      constexpr auto extent = first_extent(static_cast<First*>(nullptr));
      if constexpr (!(has_extent<K, S>(extent) && ...))
        return vmap_needs_mapped_arguments_with_equal_extents_along_their_first_axes<S...>{};
      else return batched<extent, K...>(x...);
    }
  }
  template <auto Extent, std::size_t... K, class... S> constexpr auto batched(S... x) const {
    graph::SampleTrace one(*graph::builder_of(x...), capacity_of(Extent), length_of(Extent));
    const std::tuple arguments{argument<K>(one, x)...};
    return whole<Extent>(graph::builder_of(x...), one, graph::spread(f, arguments, std::index_sequence_for<S...>{}));
  }
  template <std::size_t K, class S> static constexpr auto argument(graph::SampleTrace& one, S x) {
    if constexpr (is_mapped(K)) return typename Sample<S>::type(one.sample(x));
    else return x;
  }
  template <auto Extent> struct ToBatch { template <class Y> using of = typename Batch<symbol_of<Y>, Extent>::type; };
  template <auto Extent, class Y> static constexpr auto whole(graph::Builder* g, graph::SampleTrace& one, const Y& y) {
    if constexpr (graph::is_refused_v<Y>) return y;
    else
      return graph::map_tree<ToBatch<Extent>>(y, [&]<class S>(const S& part) {
        return typename Batch<symbol_of<S>, Extent>::type(one.whole(graph::as_symbol(g, part)));
      });
  }
};

}  // namespace internals::transform

/// A function of one sample as one of a batch: `vmap(f)(xs)` is f of every xs[i], as one program. All
/// arguments have the batch as their first axis, or those named: `vmap(f, mapped<1>)(w, xs)`. Results
/// have it too. Composes with `grad`: `vmap(grad(f), mapped<1>)` gives a gradient for each sample.
/// Inside traced functions and nets f may capture traced values, parameters and layers, which all
/// samples share: `vmap([&](auto x) { return fc(x); })(xs)`. In a training step dropout in f draws the
/// same numbers for all samples; buffers that f updates are a compile error. PyTorch: torch.func.vmap.
template <class F> constexpr auto vmap(F f) { return internals::transform::Vmap<F>{f}; }
template <class F, int... Index> constexpr auto vmap(F f, internals::transform::Mapped<Index...>) {
  return internals::transform::Vmap<F, Index...>{f};
}

}  // namespace sinter
