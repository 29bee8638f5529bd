// Random tensors inside programs: counter-based, so an element depends on seed, stream and its position alone, and is
// the same on every backend, for every number of threads, and wherever fusion recomputes it.
#pragma once
#include "../tensor/option.hpp"
#include "../tensor/random.hpp"
#include "arithmetic.hpp"
#include "compare.hpp"
#include "exponential.hpp"
#include "trigonometric.hpp"
#include "index.hpp"
#include "reshape.hpp"
#include "training.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

struct RandomTypes {
  static constexpr int first = 1;
  static constexpr Dtype operand(int i, Dtype) { return i == 0 ? Dtype::int32 : Dtype::int64; }
  static constexpr Dtype result(Dtype) { return Dtype::float32; }
};
/// Operands: position, seed, stream. `Philox(seed, stream).uniform(position)`.
struct Uniform : Elementwise<Uniform, 3, RandomTypes> {
  static constexpr const char* name = "uniform";
  static constexpr double flops = 60;
  template <int N> SINTER_INLINE static constexpr Lanes<float, N> eval(const Lanes<std::int32_t, N>& position,
                                                                       const Lanes<std::int64_t, N>& seed,
                                                                       const Lanes<std::int64_t, N>& stream) {
    if constexpr (N == 1) {
      return Lanes<float, 1>(
          Philox(Seed{std::uint64_t(seed.v)}, std::uint64_t(stream.v)).uniform(std::uint32_t(position.v)));
    } else {  // plain loops over arrays, which compilers turn into vector code
      constexpr auto n = std::size_t(N);
      alignas(64) std::int32_t at[n];
      alignas(64) float out[n];
      position.store(at);
      alignas(64) std::int64_t key[n], counter[n];
      seed.store(key);
      stream.store(counter);
      alignas(64) std::uint32_t c0[n], c1[n], c2[n], c3[n], k0[n], k1[n];
      for (int i = 0; i < N; ++i) {
        c0[i] = std::uint32_t(at[i]) >> 2, c1[i] = 0;
        c2[i] = std::uint32_t(counter[i]), c3[i] = std::uint32_t(std::uint64_t(counter[i]) >> 32);
        k0[i] = std::uint32_t(key[i]), k1[i] = std::uint32_t(std::uint64_t(key[i]) >> 32);
      }
      for (int round = 0; round < 10; ++round)
        for (int i = 0; i < N; ++i) {
          const std::uint64_t p = std::uint64_t(Philox::multiplier[0]) * c0[i],
                              q = std::uint64_t(Philox::multiplier[1]) * c2[i];
          c0[i] = std::uint32_t(q >> 32) ^ c1[i] ^ k0[i];
          c2[i] = std::uint32_t(p >> 32) ^ c3[i] ^ k1[i];
          c1[i] = std::uint32_t(q);
          c3[i] = std::uint32_t(p);
          k0[i] += Philox::weyl[0];
          k1[i] += Philox::weyl[1];
        }
      for (int i = 0; i < N; ++i) {
        const std::uint32_t low = (at[i] & 1) != 0 ? c1[i] : c0[i], high = (at[i] & 1) != 0 ? c3[i] : c2[i];
        out[i] = Philox::to_uniform((at[i] & 2) != 0 ? high : low);
      }
      return Lanes<float, N>::load(out);
    }
  }
};

/// first, first + step, … in row-major order over the capacity of a shape.
constexpr Value positions(Builder* g, Shape shape, int first = 0, int step = 1) {
  if (!shape.bounded()) {
    const Value n = graph::reshape_to(graph::iota(g, int(shape.size())), shape);
    return first == 0 && step == 1 ? n : n * step + first;
  }
  Value sum{g, g->constant(first, Dtype::int32)};
  for (int i = shape.rank - 1; i >= 0; --i) {
    Shape axis;
    for (int k = 0; k < shape.rank; ++k) axis.push(k == i ? shape[k] : 1, k == i ? shape.symbol(k) : 0);
    sum = sum + graph::reshape_to(graph::iota(g, shape[i], shape.symbol(i)), axis) * step;
    step *= shape[i];
  }
  return sum;
}
constexpr Value uniform(Value seed, Value stream, Value position) {
  std::array<int, 3> ids{position.id, seed.id, stream.id};
  return graph::apply_elementwise<Uniform>(seed.graph, ids.data());
}
/// Box-Muller: element n takes the uniform numbers 2n and 2n + 1. Half a step keeps the logarithm away from 0.
constexpr Value normal(Value seed, Value stream, Shape shape) {
  const Value radius = sqrt(log(uniform(seed, stream, positions(seed.graph, shape, 0, 2)) + 0x1p-25) * -2.0);
  return radius * cos(uniform(seed, stream, positions(seed.graph, shape, 1, 2)) * 6.283185307179586);
}

struct UniformNumbers {
  static constexpr Value of(Value seed, Value stream, Shape s) {
    return uniform(seed, stream, positions(seed.graph, s));
  }
};
struct NormalNumbers {
  static constexpr Value of(Value seed, Value stream, Shape s) { return normal(seed, stream, s); }
};
template <class Numbers, int... E> struct RandomTensor {
  constexpr auto operator()(auto seed, auto stream) const {
    const Value v =
        Numbers::of(graph::cast_to(seed, Dtype::int64), graph::cast_to(stream, Dtype::int64), shape_of<E...>);
    if constexpr (is_sym_v<decltype(seed)>) return Sym<float, E...>(v);
    else return v;
  }
};

}  // namespace ops

/// Random tensors of float32 from a seed and a stream, integers: operands inside programs, so that they may change with
/// every call; `Seed{7}` and a number outside (eager/random.hpp).
namespace random {

/// Uniform in [0, 1). PyTorch: torch.rand.
template <int... E, class S, class T>
requires Operands<S, T>
constexpr auto uniform(S&& seed, T&& stream) {
  return call<ops::RandomTensor<ops::UniformNumbers, E...>>(std::forward<S>(seed), std::forward<T>(stream));
}
/// Mean 0, variance 1. PyTorch: torch.randn.
template <int... E, class S, class T>
requires Operands<S, T>
constexpr auto normal(S&& seed, T&& stream) {
  return call<ops::RandomTensor<ops::NormalNumbers, E...>>(std::forward<S>(seed), std::forward<T>(stream));
}
/// True with probability p. PyTorch: torch.bernoulli(torch.full(…, p)).
template <int... E, class S, class T> requires Operands<S, T> constexpr auto bernoulli(double p, S&& seed, T&& stream) {
  check_option(p >= 0 && p <= 1, "bernoulli", "p", "0 … 1", p);
  return uniform<E...>(std::forward<S>(seed), std::forward<T>(stream)) < p;
}

}  // namespace random

namespace graph {

/// Uniform numbers in [0, 1) for the next caller in a training step; different ones at every step.
constexpr Value next_uniform(Builder* g, Shape shape) {
  const Value step{g, g->step};
  return ops::uniform({g, g->seed}, step * 65536 + g->random_calls++, ops::positions(g, shape));
}
/// v with every element 0 with probability p, and the others scaled by 1 / (1 − p).
constexpr Value dropped(Value v, double p) {
  if (p == 1) return broadcast_to({v.graph, v.graph->constant(0, v.dtype())}, v.extents());
  return select(next_uniform(v.graph, v.extents()) >= p, v * (1 / (1 - p)), 0.0);
}

}  // namespace graph

/// In training each element is 0 with probability p, 0 … 1, and the others are scaled by 1 / (1 − p); otherwise x
/// itself. PyTorch: torch.nn.functional.dropout.
template <Operand X> constexpr auto dropout(X&& x, double p) {
  check_option(p >= 0 && p <= 1, "dropout", "p", "0 … 1", p);
  if constexpr (is_sym_v<std::remove_cvref_t<X>>) {
    static_assert(is_floating(std::remove_cvref_t<X>::dtype), "dropout needs floating numbers");
    if (!is_training(x) || p == 0) return std::remove_cvref_t<X>(x);
    return std::remove_cvref_t<X>(graph::dropped(x, p));
  } else {
    return std::forward<X>(x);
  }
}

}  // namespace sinter
