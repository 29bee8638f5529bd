// Fully connected layers.
#pragma once
#include "../ops/ops.hpp"
#include "init.hpp"

namespace sinter::inline SINTER_ABI {

// undefined: the name is the error
template <class X, int In, int Out> struct linear_layer_needs_a_last_axis_of_its_input_size;

namespace nn {

/// y = x Wᵀ + b along the last axis: [..., In] → [..., Out]; without b, `nn::Linear<In, Out, NoBias>`. Parameters
/// weight [Out, In] and bias [Out], named and initialised as in PyTorch: torch.nn.Linear.
template <int In, int Out, bool Bias = true> struct Linear {
  Param<float, Out, In> weight{init::fan_in_uniform(In)};
  ParamIf<Bias, float, Out> bias{init::fan_in_uniform(In)};

  template <Operand X> constexpr auto operator()(const X& x) const {
    using S = symbol_of<X>;
    if constexpr (S::shape.rank == 0 || S::shape[S::shape.rank - 1] != In)
      return linear_layer_needs_a_last_axis_of_its_input_size<S, In, Out>{};
    else if constexpr (Bias) return matmul(x, transpose(weight)) + bias;
    else return matmul(x, transpose(weight));
  }
};

}  // namespace nn
}  // namespace sinter
