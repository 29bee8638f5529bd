// Convolutions with square windows by Winograd's minimal filtering.
//
// F(m × m, k × k) computes m² results from a tile of (m + k − 1)² positions: tile and weights are transformed,
// multiplied elementwise, which over all channels is one matrix product per position, (tiles, channels) × (channels,
// filters) → (tiles, filters), and transformed back. F(4 × 4, 3 × 3) takes 2.25 multiplications per result instead of
// 9, F(2 × 2, 3 × 3) 4 instead of 9, F(2 × 2, 5 × 5) 9 instead of 25. The price is accuracy: sums are those of a direct
// convolution within 2e-5 (six positions a side) or 2e-6 (four) of the largest |weight| · |image| summed over a window.
// Tiles with infinities, NaN or a number far beyond all others are summed directly (direct_sums.hpp).
#pragma once
#include "custom_kernels.hpp"
#include "direct_sums.hpp"
#include "parallel.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Runs one convolution.
class Winograd {
 public:
  explicit Winograd(const Convolution& c)
      : p_(c.plan),
        s_(c.shape),
        image_(c.left),
        weights_{c.right, s_.filter_stride, s_.channel_stride, s_.tap_row_stride, s_.tap_stride},
        threads_(c.threads),
        finish_(c.finish),
        context_(c.context) {
    transformed_ = reinterpret_cast<float*>(c.scratch);
    results_ = transformed_ + winograd_detail::rounded(p_.image_floats(), 16);
    filters_ = results_ + winograd_detail::rounded(p_.result_floats(), 16);
    grid_ = {s_.images, s_.height, s_.width, p_.m};
  }

  SINTER_OUTLINE void run() {
    if (s_.taps == 5) run_as<2, 5>();
    else if (p_.m == 4) run_as<4, 3>();
    else run_as<2, 3>();
  }

 private:
  static constexpr int W = winograd_detail::W, C = winograd_detail::C, R = winograd_detail::R;
  using Vector = winograd_detail::Vector;

  template <int M, int K> void run_as() {
    const std::int64_t workers = p_.workers(s_.channels, threads_), lines = p_.tiles / grid_.across;
    if (workers == 1) return run_tiles<M, K>(0, p_.tiles);
    if (!p_.in_advance) transform_block<M, K>(0);
    split(workers, 1, 2, threads_, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t w = from; w < to; ++w) {
        Winograd own = *this;
        own.threads_ = 1;
        own.has_weights_ = true;
        own.p_.chunk = p_.chunk / workers / R * R;
        own.transformed_ += w * own.p_.image_floats();
        own.results_ += w * own.p_.result_floats();
        own.template run_tiles<M, K>(w * lines / workers * grid_.across, (w + 1) * lines / workers * grid_.across);
      }
    });
  }
  template <int M, int K> void run_tiles(std::int64_t begin, std::int64_t end) {
    const std::int64_t panels = p_.block / C, blocks = (s_.filters + p_.block - 1) / p_.block;
    for (first_ = begin; first_ < end; first_ += p_.chunk) {
      count_ = std::min(p_.chunk, end - first_);
      split(count_, 1, 8, threads_, [&](std::int64_t from, std::int64_t to) { transform_image<M, K>(from, to); });
      for (std::int64_t column = 0; column < s_.filters; column += p_.block) {
        const std::int64_t used = std::min(panels, (s_.filters - column + C - 1) / C);
        if (!p_.in_advance && !has_weights_) transform_block<M, K>(column);
        has_weights_ = blocks == 1;
        split(p_.points() * used, used, 2, threads_, [&](std::int64_t from, std::int64_t to) {
          for (std::int64_t i = from; i < to; ++i) multiply_point(i / used, i % used, column);
        });
        split(count_, 1, 8, threads_,
              [&](std::int64_t from, std::int64_t to) { transform_results<M, K>(from, to, column); });
      }
    }
  }
  /// The weights of the block that begins at `column`.
  template <int M, int K> void transform_block(std::int64_t column) {
    const std::int64_t used = std::min(p_.block / C, (s_.filters - column + C - 1) / C);
    split(s_.channels, 1, 64, threads_, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t p = 0; p < used; ++p) transform_weights<M, K>(column + p * C, p, from, to);
    });
  }
  template <int M, int K> [[gnu::flatten]] void transform_image(std::int64_t from, std::int64_t to) const {
    for (std::int64_t t = from; t < to;) {
      const auto at = grid_.position(first_ + t);
      const int adjacent = grid_.adjacent(at.x, to - t, winograd_detail::most_adjacent);
      const float* const corner = image_ + at.n * s_.image_stride + at.y * s_.row_stride + at.x * s_.pixel_stride;
      const auto rows = int(std::min<std::int64_t>(M + K - 1, s_.height + K - 1 - at.y)),
                 columns = int(std::min<std::int64_t>(adjacent * M + K - 1, s_.width + K - 1 - at.x));
      for (std::int64_t c = 0; c < s_.channels; c += W) {
        const auto n = int(std::min<std::int64_t>(W, s_.channels - c));
        winograd_detail::transform_tiles<M, K>(corner + c, s_.row_stride, s_.pixel_stride, rows, columns, n, adjacent,
                                               transformed_ + t * p_.image_tile() + c, p_.image_tile(), p_.line);
      }
      t += adjacent;
    }
  }

  template <int M, int K> [[gnu::flatten]] void transform_weights(std::int64_t column, std::int64_t panel,
                                                                  std::int64_t from_channel,
                                                                  std::int64_t to_channel) const {
    for (int j = 0; j < C; j += W)
      weights_.transform<M, K>(column + j, int(std::clamp<std::int64_t>(s_.filters - column - j, 0, W)), from_channel,
                               to_channel, filters_ + (panel * s_.channels + from_channel) * C + j,
                               p_.weight_point(s_.channels));
  }

  /// One position of all tiles of the chunk, for one panel of filters: (tiles, channels) × (channels, width) → (tiles,
  /// width).
  void multiply_point(std::int64_t point, std::int64_t panel, std::int64_t column) const {
    const Stretch all{0, 0, s_.channels};
    const float* const matrix = p_.in_advance
                                    ? weights_.at + (point * ((s_.filters + C - 1) / C) + column / C) * s_.channels * C
                                    : filters_ + point * p_.weight_point(s_.channels);
    const Side<float> right{matrix + panel * s_.channels * C, 1, 1, C};
    const int registers = int((std::min<std::int64_t>(C, s_.filters - column - panel * C) + W - 1) / W);
    const std::int64_t groups = (count_ + R - 1) / R;
    for (std::int64_t k = 0; k < groups; ++k) {
      const std::int64_t t = k * (count_ / groups) + std::min(k, count_ % groups);
      const auto high = int(count_ / groups + (k < count_ % groups ? 1 : 0));
      const Side<float> left{transformed_ + t * p_.image_tile() + point * p_.line, 1, p_.image_tile(), 1};
      multiply_for<float>(high, registers, true)({&all, &all + 1}, left, right,
                                                 results_ + t * p_.result_tile() + point * p_.block + panel * C,
                                                 p_.result_tile());
    }
  }

  /// Adjacent tiles are transformed back together, so that the epilogue runs along whole rows of the image.
  template <int M, int K> void transform_results(std::int64_t from, std::int64_t to, std::int64_t column) const {
    constexpr int line = winograd_detail::most_adjacent * M * C;
    const auto filters = int(std::min(p_.block, s_.filters - column));
    alignas(64) PlainArray<float, M * line> lines;
    for (std::int64_t t = from; t < to;) {
      const auto at = grid_.position(first_ + t);
      const int adjacent = grid_.adjacent(at.x, to - t, winograd_detail::most_adjacent);
      const auto high = int(std::min<std::int64_t>(M, s_.height - at.y)),
                 wide = int(std::min<std::int64_t>(adjacent * M, s_.width - at.x));
      for (int j = 0; j < filters; j += C) {
        const int n = std::min(C, filters - j);
        Vector squares(0.f);
        for (int k = 0; k < adjacent; ++k)
          untransform<M, K>(results_ + (t + k) * p_.result_tile() + j, n, lines + k * M * C, line, squares);
        if (winograd_detail::may_be_mixed(squares)) [[unlikely]] {
          for (int k = 0; k < adjacent; ++k)
            sum_again<M, K>(at.n, at.y, at.x + k * M, column + j, n,
                            {lines + k * M * C, line, high, int(std::min<std::int64_t>(M, wide - k * M))});
        }
        for (int y = 0; y < high; ++y)
          finish_(context_, lines + y * line, C, (at.n * s_.height + at.y + y) * s_.width + at.x, wide, column + j, n);
      }
      t += adjacent;
    }
  }
  template <int M, int K> [[gnu::noinline, gnu::cold]] void sum_again(std::int64_t image, std::int64_t y,
                                                                      std::int64_t x, std::int64_t filter, int filters,
                                                                      const winograd_detail::TileResults& tile) const {
    if (!tile.is_mixed(filters)) return;
    winograd_detail::PlainWeights<K> weights{weights_.at,  weights_.filter, weights_.channel,
                                             weights_.row, weights_.tap,    false};
    if (p_.in_advance) {
      const std::int64_t point = (s_.filters + C - 1) / C * s_.channels * C;
      weights = {weights_.at + p_.points() * point, 0, s_.channels, point, 0, true};
    }
    winograd_detail::sum_directly<M, K>(image_ + image * s_.image_stride + y * s_.row_stride + x * s_.pixel_stride,
                                          s_.row_stride, s_.pixel_stride, s_.channels, weights, filter, filters, tile);
  }
  /// Results of one tile and up to C filters; `line`: stride between rows of the image. The squares of those in its
  /// corners are added to `squares`.
  template <int M, int K>
  [[gnu::flatten]] void untransform(const float* from, int filters, float* to, int line, Vector& squares) const {
    constexpr int A = M + K - 1;
    for (int j = 0; j < filters; j += W) {
      PlainArray<Vector, M * A> half;
#pragma GCC unroll 8
      for (int x = 0; x < A; ++x) {
        PlainArray<Vector, A> m;
#pragma GCC unroll 8
        for (int y = 0; y < A; ++y) m[y] = load<float, W>(from + (y * A + x) * p_.block + j, W);
        winograd_detail::Filtering<M, K>::result(m, 1, half + x, A);
      }
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        PlainArray<Vector, M> y;
        winograd_detail::Filtering<M, K>::result(half + i * A, 1, y, 1);
        if (i == 0 || i == M - 1) squares = fma(y[0], y[0], fma(y[M - 1], y[M - 1], squares));
#pragma GCC unroll 8
        for (int k = 0; k < M; ++k) store(y[k], to + i * line + k * C + j, W);
      }
    }
  }

  WinogradPlan p_;
  SquareConvolution s_;
  const float* image_;
  winograd_detail::Weights weights_;
  int threads_;
  FinishTile<float> finish_;
  const void* context_;
  float *transformed_, *results_, *filters_;
  winograd_detail::TileGrid grid_;
  std::int64_t first_ = 0, count_ = 0;  ///< the current chunk
  bool has_weights_ = false;            ///< they are transformed, and stay so
};

template <class> inline void convolve(const Convolution& convolution) { Winograd(convolution).run(); }

namespace winograd_detail {

template <int M, int K> [[gnu::flatten]] void transform_filters(const CustomCall& c) {
  using P = TransformedFilters;
  const std::int64_t* const s = c.stride(0);
  const Weights weights{c.at<float>(0), s[P::filter], s[P::channel], s[P::row], s[P::column]};
  const std::int64_t filters = c.extent[P::filter], channels = c.extent[P::channel], panels = (filters + C - 1) / C;
  float* const to = c.at<float>(1);
  split(panels * channels, 1, 64, c.context.threads, [&](std::int64_t from, std::int64_t last) {
    for (std::int64_t i = from; i < last;) {
      const std::int64_t column = i / channels * C, channel = i % channels,
                         end = std::min(channels, channel + last - i);
      for (int j = 0; j < C; j += W) {
        const auto n = int(std::clamp<std::int64_t>(filters - column - j, 0, W));
        weights.transform<M, K>(column + j, n, channel, end, to + i * C + j, panels * channels * C);
        weights.keep<M, K>(column + j, n, channel, end, to + i * C + j, panels * channels * C);
      }
      i += end - channel;
    }
  });
}

}  // namespace winograd_detail

/// With the same operations as above.
template <class T, class> void CustomKernel<TransformedFilters>::run(const CustomCall& c) {
  if constexpr (std::is_same_v<T, float> && use_winograd) {
    using namespace winograd_detail;
    const std::int64_t taps = c.extent[TransformedFilters::row], m = c.attributes[0];
    if (taps == 5) transform_filters<2, 5>(c);
    else if (m == 4) transform_filters<4, 3>(c);
    else transform_filters<2, 3>(c);
  }
}

}  // namespace sinter::cpu
