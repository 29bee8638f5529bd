// Random tensors outside of programs.
#pragma once
#include "../ops/random.hpp"
#include "evaluate.hpp"

namespace sinter::inline SINTER_ABI::random {

namespace eager_detail {
template <class Numbers, int... E> Tensor<float, E...> tensor(Seed seed, std::uint64_t stream) {
  return run_function(ops::RandomTensor<Numbers, E...>{}, Tensor<std::int64_t>(std::int64_t(seed.value)),
                      Tensor<std::int64_t>(std::int64_t(stream)));
}
}  // namespace eager_detail

/// `Tensor<float, 3, 4> x = random::uniform<3, 4>(Seed{7});`: the numbers that
/// a program draws from the same seed and stream.
template <int... E> Tensor<float, E...> uniform(Seed seed, std::uint64_t stream = 0) {
  return eager_detail::tensor<ops::UniformNumbers, E...>(seed, stream);
}
template <int... E> Tensor<float, E...> normal(Seed seed, std::uint64_t stream = 0) {
  return eager_detail::tensor<ops::NormalNumbers, E...>(seed, stream);
}
/// True with probability p.
template <int... E> Tensor<bool, E...> bernoulli(double p, Seed seed, std::uint64_t stream = 0) {
  return uniform<E...>(seed, stream) < float(p);
}

}  // namespace sinter::random
