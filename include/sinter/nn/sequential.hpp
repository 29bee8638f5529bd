// Layers one after another.
#pragma once
#include <string_view>

#include "../tensor/pack.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// `Sequential<Linear<784, 128>, ReLU, Linear<128, 10>>`; parameters are named by position, "0.weight", as in
/// PyTorch: torch.nn.Sequential.
template <class... Layers> struct Sequential {
  Pack<Layers...> layers;  ///< the first is layers.get<0>()

  // The layers get the struct's name: they are named without their own.
  static constexpr std::string_view sinter_field_names{};
  constexpr auto sinter_fields() { return Pack<Pack<Layers...>&>{{layers}}; }
  constexpr auto sinter_fields() const { return Pack<const Pack<Layers...>&>{{layers}}; }

  constexpr auto operator()(auto x) const { return run<0>(x); }

 private:
  template <std::size_t Index> constexpr auto run(auto x) const {
    if constexpr (Index == sizeof...(Layers)) return x;
    else return run<Index + 1>(layers.template get<Index>()(x));
  }
};

}  // namespace sinter::nn
