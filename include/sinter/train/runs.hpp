// The parameters of a net by the groups of an optimizer.
#pragma once
#include "../optim/groups.hpp"
#include "bind.hpp"

namespace sinter::inline SINTER_ABI::internals::train {

constexpr optim::ParameterInfo info_of(std::string_view name, const graph::LeafType& type) {
  return {name, type.dtype, type.shape};
}
/// The runs of a net's parameters by an optimizer's groups, which are numbers of floating point.
template <class X, class Optimizer> constexpr graph::List<ParameterRun> list_runs() {
  graph::List<ParameterRun> runs;
  constexpr graph::ParameterBlocks blocks = graph::parameter_blocks<X>;
  constexpr graph::LeafNames names = graph::leaf_names<graph::net_of<X>>();
  for (std::size_t b = 0; b < blocks.count; ++b) {
    std::int64_t at = 0;
    bool first = true;
    int i = -1;
    for (const graph::PlacedLeaf& leaf : graph::placed_leaves<X>) {
      ++i;
      if (leaf.type.kind != graph::LeafKind::parameter || leaf.type.dtype != blocks[b].dtype) continue;
      int group = -1;
      if (is_floating(leaf.type.dtype)) group = optim::group_of<Optimizer>(info_of(names[i], leaf.type));
      const std::int64_t n = leaf.type.shape.size();
      if (first || runs.back().group != group) runs.push({b, blocks[b].dtype, at, 0, group});
      first = false;
      runs.back().elements += n;
      at += n;
    }
    if (first) runs.push({b, blocks[b].dtype, 0, 0, -1});  // a block without parameters
  }
  return runs;
}
template <class X, class Optimizer> consteval auto make_runs() {
  constexpr int n = list_runs<X, Optimizer>().size();
  std::array<ParameterRun, std::size_t(n)> r{};
  const graph::List<ParameterRun> list = list_runs<X, Optimizer>();
  for (int i = 0; i < n; ++i) r[std::size_t(i)] = list[i];
  return r;
}
template <class X, class Optimizer> inline constexpr auto runs_of = make_runs<X, Optimizer>();

/// The runs that an optimizer moves: their indices, and where their moments are.
template <std::size_t N> struct MovedRuns {
  std::array<std::size_t, N> run{};
  std::array<std::int64_t, N> begin{};
  std::int64_t elements = 0;
  Dtype dtype = Dtype::float32;  ///< in which they are moved: that of the widest
};
template <class X, class Optimizer> consteval auto make_moved_runs() {
  constexpr const auto& runs = runs_of<X, Optimizer>;
  constexpr std::size_t n = [] {
    std::size_t moved = 0;
    for (const ParameterRun& r : runs) moved += r.group >= 0;
    return moved;
  }();
  MovedRuns<n> m;
  std::size_t at = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].group < 0) continue;
    m.run[at] = i;
    m.begin[at++] = m.elements;
    m.elements += runs[i].elements;
    m.dtype = promote(m.dtype, runs[i].dtype);
  }
  return m;
}
template <class X, class Optimizer> inline constexpr auto moved_runs = make_moved_runs<X, Optimizer>();

/// Sets an optimizer's numbers that follow schedules to those of the next step.
template <class Optimizer> void follow_schedules(Optimizer& optimizer, std::int64_t steps) {
  graph::for_each_leaf(optimizer, [steps](auto& leaf) {
    if constexpr (requires { leaf.set_step(steps); }) leaf.set_step(steps);
  });
}
/// Appends an optimizer's numbers and moments, and the number of steps.
template <class Optimizer, class Moved>
void add_optimizer_state(std::vector<NamedTensor<std::byte>>& to, Optimizer& optimizer, Moved* moments, int count,
                         std::int64_t elements, std::int64_t& steps) {
  constexpr graph::LeafNames names = graph::leaf_names<Optimizer>();
  int i = 0;
  graph::for_each_leaf(optimizer, [&](Scalar& s) {
    std::string name = "optimizer.";
    name += names[i++];
    to.push_back({std::move(name), Dtype::float32, {}, true,
                  reinterpret_cast<std::byte*>(const_cast<float*>(&s.stored()))});
  });
  Shape all;
  all.push(count);
  all.push(int(elements));
  to.push_back({"moments", dtype_of<Moved>, all, true, reinterpret_cast<std::byte*>(moments)});
  to.push_back({"steps", Dtype::int64, {}, true, reinterpret_cast<std::byte*>(&steps)});
}

/// The choices of parameters of an optimizer by which none of a net's is found: an error, or void.
template <class X, class C> consteval bool finds_any() {
  constexpr graph::LeafNames names = graph::leaf_names<graph::net_of<X>>();
  int i = 0;
  bool found = false;
  for (const graph::PlacedLeaf& leaf : graph::placed_leaves<X>) {
    const std::string_view name = names[i++];
    found = found || (leaf.type.kind == graph::LeafKind::parameter && C::has(info_of(name, leaf.type)));
  }
  return found;
}
template <class X, class Optimizer> consteval auto fault_of_choice();
template <class X, class First, class... Rest> consteval auto fault_of_choices() {
  constexpr auto fault = [] {
    if constexpr (requires { typename First::chosen; })
      if constexpr (!finds_any<X, typename First::chosen>())
        return graph::fields::Fault<no_parameter_of_the_net_is_chosen_by<graph::net_of<X>, typename First::chosen>>{};
      else return fault_of_choice<X, First>();
    else return fault_of_choice<X, First>();
  }();
  if constexpr (fault.exists || sizeof...(Rest) == 0) return fault;
  else return fault_of_choices<X, Rest...>();
}
template <class X, class Optimizer> consteval auto fault_of_choice() {
  if constexpr (!requires { typename Optimizer::sinter_base; }) return graph::fields::Fault<void>{};
  else {
    constexpr auto inner = fault_of_choices<X, typename Optimizer::sinter_base>();
    if constexpr (inner.exists) return inner;
    else if constexpr (requires { &Optimizer::others; })
      return []<class Index, class... G>(tensor_detail::PackOf<Index, G...>*) {
        return fault_of_choices<X, G...>();
      }(static_cast<decltype(Optimizer::others)*>(nullptr));
    else return inner;
  }
}

}  // namespace sinter::internals::train
