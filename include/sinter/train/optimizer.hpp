// An optimizer for tensors and models whose gradients the caller computes.
#pragma once
#include "functions.hpp"
#include "runs.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class... Moved> struct an_optimizer_moves_tensors_and_models_of_floating_point;
template <class Moved, class Given> struct an_optimizer_is_called_with_a_gradient_for_each_tensor_and_model;

namespace internals::train {

/// Elements that an optimizer moves as one vector.
struct Segment {
  Dtype dtype = Dtype::float32;
  std::int64_t elements = 0;
  int group = 0;
};
template <class Optimizer, class T> consteval auto segments_of() {
  if constexpr (IsModel<T>) {
    using X = typename ModelOf<T>::factory;
    constexpr const auto& moved = moved_runs<X, Optimizer>;
    std::array<Segment, moved.run.size()> r{};
    for (std::size_t k = 0; k < r.size(); ++k) {
      const ParameterRun& run = runs_of<X, Optimizer>[moved.run[k]];
      r[k] = {run.dtype, run.elements, run.group};
    }
    return r;
  } else {
    return std::array{Segment{T::dtype, T::shape.size(), 0}};
  }
}
template <class Optimizer, class... T> inline constexpr auto all_segments = [] {
  std::array<Segment, (0 + ... + segments_of<Optimizer, T>().size())> r{};
  std::size_t at = 0;
  const auto add = [&](const auto& list) {
    for (const Segment& s : list) r[at++] = s;
  };
  (add(segments_of<Optimizer, T>()), ...);
  return r;
}();
/// Calls f(address) for each segment of a tensor or model.
template <class Optimizer, class T, class F> void for_each_segment(const T& moved, const F& f) {
  if constexpr (IsModel<T>) {
    using X = typename ModelOf<T>::factory;
    for (const std::size_t k : moved_runs<X, Optimizer>.run) {
      const ParameterRun& run = runs_of<X, Optimizer>[k];
      f(moved.block()->data(run.block) + run.begin * bytes_of(run.dtype));
    }
  } else {
    f(reinterpret_cast<std::byte*>(const_cast<typename T::element*>(moved.data())));
  }
}

/// Its inputs: the segments, their gradients, moments by number and segment, the optimizer's numbers, the step.
template <class Optimizer, class... T> struct OptimizerTrace {
  static constexpr const auto& segments = all_segments<Optimizer, T...>;
  static constexpr std::size_t count = segments.size();
  static constexpr Dtype dtype = [] {
    Dtype d = Dtype::float32;
    for (const Segment& s : segments) d = promote(d, s.dtype);
    return d;
  }();
  template <std::size_t Each> using Flat = Sym<element_type<dtype>, int(segments[Each].elements)>;

  constexpr graph::Builder operator()() const {
    using graph::Value;
    graph::Builder g;
    const auto input = [&g](const Segment& s, Dtype d) {
      Shape flat;
      flat.push(int(s.elements));
      return g.input(d, flat);
    };
    std::array<int, count> values{}, gradients{};
    for (std::size_t i = 0; i < count; ++i) values[i] = input(segments[i], segments[i].dtype);
    for (std::size_t i = 0; i < count; ++i) gradients[i] = input(segments[i], segments[i].dtype);
    std::array<std::array<int, count>, std::size_t(Optimizer::moments)> moments{};
    for (auto& of : moments)
      for (std::size_t i = 0; i < count; ++i) of[i] = input(segments[i], dtype);
    Optimizer optimizer{};
    for (const graph::Leaf& leaf : graph::leaves_of(optimizer)) leaf.bind(Value{&g, g.input(Dtype::float32, Shape{})});
    const auto step = graph::new_input<Sym<double>>(g);
    [&]<std::size_t... Each>(std::index_sequence<Each...>) {
      const auto parts = std::make_tuple([&]<std::size_t At, std::size_t... K>(std::integral_constant<std::size_t, At>,
                                                                               std::index_sequence<K...>) {
        return optim::part<segments[At].group>(Flat<At>(graph::cast_to(Value{&g, values[At]}, dtype)),
                                               Flat<At>(graph::cast_to(Value{&g, gradients[At]}, dtype)),
                                               std::make_tuple(Flat<At>(Value{&g, moments[K][At]})...));
      }(std::integral_constant<std::size_t, Each>{}, std::make_index_sequence<std::size_t(Optimizer::moments)>{})...);
      const auto updated = optim::update(optimizer, step, parts);
      const auto write = [&](const auto& results, std::size_t i) {
        int k = -1;
        graph::for_each_result(g, results, [&](const Value& v) {
          g.outputs.push(k < 0 ? graph::cast_to(v, segments[i].dtype).id : v.id);
          g.overwrites.push(k < 0 ? int(i) : int((2 + std::size_t(k)) * count + i));
          ++k;
        });
      };
      (write(std::get<Each>(updated), Each), ...);
    }(std::make_index_sequence<count>{});
    return g;
  }
};

template <class Optimizer, class... T> class OptimizerOf {
  using Trace = OptimizerTrace<Optimizer, T...>;
  using Program = compile::Program<Trace, backend::Host::Backend>;
  using Moved = element_type<Trace::dtype>;
  static constexpr std::size_t count = Trace::count;
  static constexpr std::int64_t elements = [] {
    std::int64_t n = 0;
    for (const Segment& s : Trace::segments) n += s.elements;
    return n;
  }();

 public:
  /// Its numbers may change between steps.
  Optimizer optimizer;

  OptimizerOf(Optimizer o, T&... moved)
      : optimizer(o), moved_(&moved...), moments_(std::size_t(elements * Optimizer::moments)) {
    if constexpr (requires { o.check(); }) o.check();
    moments_.zero();
  }

  /// One step: a gradient for each tensor and model, in their order. Allocates nothing in a steady state.
  template <class... G> void operator()(const G&... gradients) {
    static_assert(sizeof...(G) == sizeof...(T), "an optimizer is called with a gradient for each tensor and model");
    (check<T, G>(), ...);
    run(evaluated(gradients)...);
  }
  /// Steps taken so far.
  std::int64_t steps() const { return steps_; }
  /// Its numbers, its moments and the number of steps, as TrainingStep::state_dict has them; not what it moves.
  std::vector<NamedTensor<std::byte>> state_dict() {
    std::vector<NamedTensor<std::byte>> r;
    add_optimizer_state(r, optimizer, moments_.data(), Optimizer::moments, elements, steps_);
    return r;
  }

 private:
  template <class To, class G> static void check() {
    if constexpr (IsModel<To>) {
      if constexpr (!std::is_same_v<To, G>)
        (void)an_optimizer_is_called_with_a_gradient_for_each_tensor_and_model<To, G>{};
    } else if constexpr (!std::is_same_v<symbol_of<To>, symbol_of<G>>) {
      (void)an_optimizer_is_called_with_a_gradient_for_each_tensor_and_model<symbol_of<To>, symbol_of<G>>{};
    }
  }
  template <class... G> void run(const G&... gradients) {
    static constexpr auto flat = [] {
      std::array<Shape, count> s{};
      for (std::size_t i = 0; i < count; ++i) s[i].push(int(Trace::segments[i].elements));
      return s;
    }();
    Array<eager::Argument, Program::inputs> a;
    std::size_t at = 0, i = 0;
    const auto add = [&](std::byte* data) {
      describe_elements(a[int(at++)], data, Trace::segments[i].dtype, flat[i]);
      ++i;
    };
    std::apply([&](T*... moved) { (for_each_segment<Optimizer>(*moved, add), ...); }, moved_);
    i = 0;
    (for_each_segment<Optimizer>(gradients, add), ...);
    std::byte* moment = reinterpret_cast<std::byte*>(moments_.data());
    for (int k = 0; k < Optimizer::moments; ++k)
      for (i = 0; i < count; ++i) {
        describe_elements(a[int(at++)], moment, Trace::dtype, flat[i]);
        moment += Trace::segments[i].elements * bytes_of(Trace::dtype);
      }
    follow_schedules(optimizer, steps_);
    graph::for_each_leaf(optimizer, [&](const Scalar& s) { a[int(at++)] = eager::argument(s); });
    const double step = double(steps_ + 1);
    a[int(at++)] = eager::describe_number(step);
    Array<eager::Argument, Program::outputs> r;
    for (int k = 0; k < Program::outputs; ++k) r[k] = a[Program::takes_over[k]];
    eager::run<Program>(a, r);
    ++steps_;
    std::apply([](T*... moved) { (changed(*moved), ...); }, moved_);
  }
  template <class X> static void changed(X& moved) {
    if constexpr (IsModel<X>) moved.block()->changes.add();
  }

  std::tuple<T*...> moved_;
  tensor_detail::AlignedBlock<Moved> moments_;
  std::int64_t steps_ = 0;
};

template <class T> consteval bool is_moved_by_optimizers() {
  if constexpr (IsModel<T>) return true;
  else if constexpr (requires { T::dtype; }) return is_floating(T::dtype) && !T::shape.bounded();
  else return false;
}

}  // namespace internals::train

/// An optimizer for tensors and models in a loop written by hand. It keeps references to them:
///
///   auto adam = optimizer(optim::Adam{.lr = 1e-2f}, w, b);
///   const auto [loss, dw, db] = value_and_grad(f, wrt<0, 1>)(w, b, x);
///   adam(dw, db);
///
/// A model's gradient is a Model, as `grad` gives it. PyTorch: torch.optim.Adam([w, b]).
template <class Optimizer, class... T> requires(requires { Optimizer::moments; } && sizeof...(T) > 0)
auto optimizer(Optimizer o, T&... moved) {
  if constexpr (!(internals::train::is_moved_by_optimizers<T>() && ...))
    return an_optimizer_moves_tensors_and_models_of_floating_point<T...>{};
  else return internals::train::OptimizerOf<Optimizer, T...>(o, moved...);
}

}  // namespace sinter
