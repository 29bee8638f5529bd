// Tensors of the dtype and shape of another one.
#pragma once
#include "random.hpp"

namespace sinter::inline SINTER_ABI {

template <class X> struct random_numbers_like_a_tensor_need_one_of_floating_point;  // undefined: the name is the error

namespace ops {

/// First, First + Step, …, of N numbers: an operand anywhere.
template <int First, int Step, int N> struct Arange {
  using is_handle = void;
  using is_expression = void;
  using is_constant = void;
  using element = int;
  using symbol = Sym<int, N>;
  using place = Anywhere;
  static constexpr Shape shape = symbol::shape;
  static constexpr Dtype dtype = Dtype::int32;
  static constexpr internals::Array<int, N> elements = [] {
    internals::Array<int, N> a{};
    for (int i = 0; i < N; ++i) a[i] = First + i * Step;
    return a;
  }();

  constexpr symbol symbolic(graph::Builder* b) const {
    const graph::Value n = graph::iota(b, N);
    return symbol(First == 0 && Step == 1 ? n : n * Step + First);
  }
};

/// A tensor of one number, of the dtype and shape of the first operand.
struct FullLike {
  constexpr auto operator()(auto x, auto value) const {
    const Value like = x;
    return decltype(x)(graph::broadcast_to(graph::cast_to(value, like.dtype()), like.extents()));
  }
};
/// The same, where the number is a constant.
template <int Number> struct ConstantLike {
  constexpr auto operator()(auto x) const {
    const Value like = x;
    return decltype(x)(graph::broadcast_to(Value{x.graph, x.graph->constant(Number, like.dtype())}, like.extents()));
  }
};
template <class Numbers> struct RandomLike {
  constexpr auto operator()(auto x, auto seed, auto stream) const {
    using X = decltype(x);
    if constexpr (is_sym_v<X>)
      if constexpr (!is_floating(X::dtype)) return random_numbers_like_a_tensor_need_one_of_floating_point<X>{};
      else return X(numbers(x, seed, stream));
    else return numbers(x, seed, stream);
  }

 private:
  static constexpr Value numbers(Value x, Value seed, Value stream) {
    const Value v =
        Numbers::of(graph::cast_to(seed, Dtype::int64), graph::cast_to(stream, Dtype::int64), x.extents());
    return graph::cast_to(v, x.dtype());
  }
};
/// Not constexpr: the compiler names it.
[[noreturn]] SINTER_COLD inline void random_numbers_outside_of_a_training_step_need_a_seed_and_a_stream() {
  throw_error(ErrorCode::argument, "random numbers",
              "expected a seed and a stream outside of a training step, found none",
              "random::normal_like(x, seed, stream)");
}
template <class Numbers> constexpr auto next_like(const auto& x) {
  if (x.graph->seed < 0) random_numbers_outside_of_a_training_step_need_a_seed_and_a_stream();
  const Value step{x.graph, x.graph->step};
  return RandomLike<Numbers>{}(x, Value{x.graph, x.graph->seed}, step * 65536 + x.graph->random_calls++);
}

}  // namespace ops

/// 0, 1, … End − 1; or from First on, and every Step-th: `arange<5>()`, `arange<2, 10>()`, `arange<0, 10, 3>()`.
/// PyTorch: torch.arange, of int32.
template <int End> constexpr auto arange() { return ops::Arange<0, 1, (End > 0 ? End : 0)>{}; }
template <int First, int End, int Step = 1> requires(Step != 0) constexpr auto arange() {
  constexpr int n = (End - First + Step + (Step > 0 ? -1 : 1)) / Step;
  return ops::Arange<First, Step, (n > 0 ? n : 0)>{};
}

/// Zeros in the dtype and shape of x. PyTorch: torch.zeros_like.
template <Operand X> constexpr graph::Result<ops::ConstantLike<0>, X> zeros_like(X&& x) {
  return call<ops::ConstantLike<0>>(std::forward<X>(x));
}
/// Ones in the dtype and shape of x. PyTorch: torch.ones_like.
template <Operand X> constexpr graph::Result<ops::ConstantLike<1>, X> ones_like(X&& x) {
  return call<ops::ConstantLike<1>>(std::forward<X>(x));
}
/// One number in the dtype and shape of x; the number may be an operand. PyTorch: torch.full_like.
template <Operand X, class V> requires Operands<X, V>
constexpr graph::Result<ops::FullLike, X, V> full_like(X&& x, V&& value) {
  return call<ops::FullLike>(std::forward<X>(x), std::forward<V>(value));
}

namespace random {

/// Standard normal numbers in the dtype and shape of x, bounded extents included; from a seed and a stream, or in a
/// training step from the step's seed and number, as dropout's: every call draws others. PyTorch: torch.randn_like.
template <Operand X, class S, class T> requires Operands<X, S, T>
constexpr auto normal_like(X&& x, S&& seed, T&& stream) {
  return call<ops::RandomLike<ops::NormalNumbers>>(std::forward<X>(x), std::forward<S>(seed), std::forward<T>(stream));
}
template <Symbolic X> constexpr auto normal_like(const X& x) { return ops::next_like<ops::NormalNumbers>(x); }
/// Uniform in [0, 1), as `normal_like` otherwise. PyTorch: torch.rand_like.
template <Operand X, class S, class T> requires Operands<X, S, T>
constexpr auto uniform_like(X&& x, S&& seed, T&& stream) {
  return call<ops::RandomLike<ops::UniformNumbers>>(std::forward<X>(x), std::forward<S>(seed), std::forward<T>(stream));
}
template <Symbolic X> constexpr auto uniform_like(const X& x) { return ops::next_like<ops::UniformNumbers>(x); }

}  // namespace random
}  // namespace sinter
