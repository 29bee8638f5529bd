// What a training step trains by: a function of a net and a batch to a loss and more.
#pragma once
#include "../transform/modules.hpp"

namespace sinter::inline SINTER_ABI {

/// What a training step of `training(net, batches, loss, optimizer)` returns.
template <class Loss, class Output> struct LossAndOutput {
  Loss loss;      ///< before the update
  Output output;  ///< the net's output for the batch
};
template <class L, class O> LossAndOutput(L, O) -> LossAndOutput<L, O>;
/// What a training step returns whose function has the loss as its only result.
template <class Loss> struct LossOnly {
  Loss loss;  ///< before the update
};
template <class L> LossOnly(L) -> LossOnly<L>;

namespace internals::train {

/// Not a type that names an error, which the compiler has printed.
template <class T>
concept is_complete = requires { sizeof(T); };

/// A loss of a net's output and a target as a function of net and batch.
template <class Loss> struct OfOutput {
  constexpr auto operator()(auto& net, const auto& x, const auto& y) const {
    const auto output = net(x);
    using Output = std::remove_const_t<decltype(output)>;
    if constexpr (graph::is_refused_v<Output>) {
      return output;
    } else {
      const auto loss = Loss{}(output, y);  // once: clang reports an error in it at every call
      using Value = std::remove_const_t<decltype(loss)>;
      if constexpr (!is_complete<Value>) return graph::Refused<Output>{};
      else if constexpr (!is_sym_v<Value>) return loss;
      else return LossAndOutput{loss, output};
    }
  }
};

/// Numbers of a training step's result are plain ones.
struct ToResult {
  template <class S> struct Of { using type = graph::tensor_of<typename graph::LeafSymbol<S>::type>; };
  template <class S> requires(graph::LeafSymbol<S>::type::shape.rank == 0) struct Of<S> {
    using type = typename graph::LeafSymbol<S>::type::element;
  };
  template <class S> using of = typename Of<S>::type;
};
template <class R> inline constexpr bool has_gradients = false;
template <class R, class G> inline constexpr bool has_gradients<WithGradients<R, G>> = true;
/// What a traced function of net and batch returns, as a tree with the loss first.
template <class R> constexpr auto with_loss(const R& r) {
  if constexpr (has_gradients<R>) return with_loss(r.result);
  else if constexpr (is_sym_v<R>) return LossOnly<R>{r};
  else return r;
}

}  // namespace internals::train
}  // namespace sinter
