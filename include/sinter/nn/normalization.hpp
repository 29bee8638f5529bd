// Normalisation layers: mean 0 and variance 1 over some axes, then a learned scale and shift. All of them are composed
// of primitives, which fusion makes one kernel of a few passes over its data. 16-bit floats are normalised in float32,
// and the result is float32, as the parameters are.
#pragma once
#include "../ops/ops.hpp"
#include "../tensor/option.hpp"
#include "init.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class X, int Channels> struct batch_norm_needs_an_input_with_its_channels_as_axis_1;
template <class X, class Weight> struct layer_norm_needs_an_input_that_ends_with_its_extents;
template <class X, int Groups, int Channels> struct group_norm_needs_an_input_with_its_channels_as_axis_1;

namespace nn {

namespace normalization_detail {

/// Values of channels [C] aligned with axis 1 of a tensor of this rank: [C, 1, …].
template <int Channels, int Rank> constexpr auto aligned(const auto& v) {
  if constexpr (Rank == 2) {
    return v;
  } else {
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      return reshape<Channels, int(Index * 0 + 1)...>(v);
    }(std::make_index_sequence<std::size_t(Rank - 2)>{});
  }
}

}  // namespace normalization_detail

/// Not constexpr on purpose: where a training step is compiled the name is the error; a graph built at run time throws.
template <class X> [[noreturn]] SINTER_COLD void batch_norm_in_training_needs_more_than_one_value_for_each_channel() {
  throw_error(ErrorCode::shape, "batch norm",
              "expected more than one value for each channel in training, found " + to_string(X::shape));
}

/// Over batch and spatial axes, for each channel of [N, C, …]. A training step normalises with the batch's own
/// statistics and moves the running ones by `momentum`; inference uses the running ones. Parameters weight and bias
/// [C]; buffers running_mean and running_var [C], num_batches_tracked. A bounded batch counts with its length; an empty
/// one leaves the running statistics as they are, and one value per channel has no variance: training on such a batch
/// of fixed size does not compile, and a bounded batch of that length is an `Error`, which leaves everything unchanged.
/// PyTorch: torch.nn.BatchNorm1d, 2d, 3d.
template <int Channels, int... Ranks> struct BatchNorm {
  Param<float, Channels> weight{init::ones()}, bias{init::zeros()};
  Buffer<float, Channels> running_mean{init::zeros()}, running_var{init::ones()};
  Buffer<std::int64_t> num_batches_tracked{init::zeros()};
  float eps = 1e-5f, momentum = .1f;

  template <Operand X> constexpr auto operator()(const X& x) const {
    using S = symbol_of<X>;
    if constexpr (!((S::shape.rank == Ranks) || ...))
      return batch_norm_needs_an_input_with_its_channels_as_axis_1<S, Channels>{};
    else if constexpr (S::shape[1] != Channels)
      return batch_norm_needs_an_input_with_its_channels_as_axis_1<S, Channels>{};
    else if constexpr (TypedSymbol<X>)
      return is_training(x) ? in_training(at_least_float32(x))
                            : with<S::shape.rank>(at_least_float32(x), running_mean, running_var);
    else return with<S::shape.rank>(at_least_float32(x), running_mean, running_var);
  }

 private:
  template <int Rank> static constexpr auto aligned(const auto& v) {
    return normalization_detail::aligned<Channels, Rank>(v);
  }
  /// f<axes…>() of all axes but the channels.
  template <int Rank> static constexpr auto but_channels(auto f) {
    if constexpr (Rank == 2) return f.template operator()<0>();
    else if constexpr (Rank == 3) return f.template operator()<0, 2>();
    else if constexpr (Rank == 4) return f.template operator()<0, 2, 3>();
    else return f.template operator()<0, 2, 3, 4>();
  }
  template <class X> static constexpr void check_values(int of_a_channel) {
    if (of_a_channel == 1) batch_norm_in_training_needs_more_than_one_value_for_each_channel<X>();
  }
  /// 0 for an empty batch.
  template <int Rank> static constexpr auto batch_mean(const auto& x, const Sym<float>& count) {
    return but_channels<Rank>([&]<int... Axes>() { return sum<Axes...>(x); }) / at_least_one(count);
  }
  static constexpr Sym<float> at_least_one(const Sym<float>& count) {
    return count.is_number() && !count.is(0) ? count : maximum(count, 1.f);
  }
  /// Moves a running statistic by `momentum` towards a batch's; an empty batch leaves it as it is.
  constexpr void move(const auto& statistic, const auto& share, const Sym<float>& count) const {
    const auto moved = statistic * (1 - momentum) + cast<float>(share);
    statistic.update(count.is_number() && !count.is(0) ? moved : select(count > 0.f, moved, statistic));
  }
  template <int Rank> constexpr auto with(const auto& x, const auto& mean_of, const auto& variance) const {
    const auto scale = weight * rsqrt(variance + eps);
    return (x - aligned<Rank>(mean_of)) * aligned<Rank>(scale) + aligned<Rank>(bias);
  }
  template <TypedSymbol X> constexpr auto in_training(const X& x) const {
    constexpr int rank = X::shape.rank;
    check_option(eps > 0, "BatchNorm", "eps", "a number above 0 in training", double(eps));
    if constexpr (!X::shape.bounded()) check_values<X>(int(X::shape.size() / Channels));
    const Sym<float> count = but_channels<rank>([&]<int... Axes>() {
      check_several<Axes...>(x, "BatchNorm in training, values for each channel");
      return numel<Axes...>(x);
    });
    const auto center = batch_mean<rank>(x, count);
    const auto centered = x - aligned<rank>(center);
    const auto variance = batch_mean<rank>(centered * centered, count);
    move(running_mean, center * momentum, count);
    move(running_var, variance * (momentum * count / at_least_one(count - 1.f)), count);
    num_batches_tracked.update(num_batches_tracked + 1);
    return centered * aligned<rank>(weight * rsqrt(variance + eps)) + aligned<rank>(bias);
  }
};
/// Over [N, C] or [N, C, L]. PyTorch: torch.nn.BatchNorm1d.
template <int Channels> using BatchNorm1d = BatchNorm<Channels, 2, 3>;
/// Over images [N, C, H, W]. PyTorch: torch.nn.BatchNorm2d.
template <int Channels> using BatchNorm2d = BatchNorm<Channels, 4>;
/// Over volumes [N, C, D, H, W]. PyTorch: torch.nn.BatchNorm3d.
template <int Channels> using BatchNorm3d = BatchNorm<Channels, 5>;

/// Over the last axes, whose extents are E: `nn::LayerNorm<768>`. Parameters
/// weight and bias [E…]. PyTorch: torch.nn.LayerNorm.
template <int... E> struct LayerNorm {
  Param<float, E...> weight{init::ones()}, bias{init::zeros()};
  float eps = 1e-5f;

  template <Operand X> constexpr auto operator()(const X& x) const {
    using S = symbol_of<X>;
    if constexpr (!ends_with_extents<S>())
      return layer_norm_needs_an_input_that_ends_with_its_extents<S, Sym<float, E...>>{};
    else return over(at_least_float32(x), std::make_index_sequence<sizeof...(E)>{});
  }

 private:
  template <class S> static consteval bool ends_with_extents() {
    constexpr int extents[]{E...};
    constexpr int n = int(sizeof...(E));
    if (S::shape.rank < n) return false;
    for (int i = 0; i < n; ++i)
      if (S::shape[S::shape.rank - n + i] != extents[i]) return false;
    return true;
  }
  template <std::size_t... Index> constexpr auto over(const auto& x, std::index_sequence<Index...>) const {
    const auto centered = x - mean<(-1 - int(Index))...>(x, keepdims);
    return centered * rsqrt(mean<(-1 - int(Index))...>(centered * centered, keepdims) + eps) * weight + bias;
  }
};

/// The root of the mean square instead of the deviation, no shift. Parameter weight [E…]. PyTorch: torch.nn.RMSNorm.
template <int... E> struct RMSNorm {
  /// The machine epsilon of the type in which it is computed.
  static constexpr float of_the_type = -1;

  Param<float, E...> weight{init::ones()};
  float eps = of_the_type;

  constexpr auto operator()(const Operand auto& x) const {
    return over(at_least_float32(x), std::make_index_sequence<sizeof...(E)>{});
  }

 private:
  template <class X, std::size_t... Index> constexpr auto over(const X& x, std::index_sequence<Index...>) const {
    const double least = eps >= 0 ? double(eps) : symbol_of<X>::dtype == Dtype::float64 ? 0x1p-52 : 0x1p-23;
    return x * rsqrt(mean<(-1 - int(Index))...>(x * x, keepdims) + least) * weight;
  }
};

/// Over the spatial axes and channels of each of `Groups` groups of channels, for every sample separately. Parameters
/// weight and bias [C]. PyTorch: torch.nn.GroupNorm; with as many groups as channels torch.nn.InstanceNorm with
/// affine=True.
template <int Groups, int Channels> struct GroupNorm {
  static_assert(Groups >= 1 && Channels % (Groups >= 1 ? Groups : 1) == 0,
                "groups of a group norm must be 1 or more, and divide its channels");
  Param<float, Channels> weight{init::ones()}, bias{init::zeros()};
  float eps = 1e-5f;

  template <Operand X> constexpr auto operator()(const X& x) const {
    using S = symbol_of<X>;
    if constexpr (S::shape.rank < 2 || S::shape[1] != Channels) {
      return group_norm_needs_an_input_with_its_channels_as_axis_1<S, Groups, Channels>{};
    } else {
      constexpr Shape from = S::shape;
      constexpr int group = int(from.size() / (from[0] > 0 ? from[0] : 1)) / (Groups >= 1 ? Groups : 1);
      const auto grouped = reshape<extent_of<X, 0>, Groups, group>(at_least_float32(x));
      const auto centered = grouped - mean<-1>(grouped, keepdims);
      const auto normal = like<X>(centered * rsqrt(mean<-1>(centered * centered, keepdims) + eps),
                                  std::make_index_sequence<std::size_t(from.rank)>{});
      return normal * normalization_detail::aligned<Channels, from.rank>(weight) +
             normalization_detail::aligned<Channels, from.rank>(bias);
    }
  }

 private:
  template <class X, std::size_t... Index> static constexpr auto like(const auto& y, std::index_sequence<Index...>) {
    return reshape<extent_of<X, int(Index)>...>(y);
  }
};

}  // namespace nn
}  // namespace sinter
