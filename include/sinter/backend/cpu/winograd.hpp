// Convolutions with 3 × 3 windows by Winograd's minimal filtering.
//
// F(m × m, 3 × 3) makes m² results of a tile of (m + 2)² places: tile and weights are transformed, multiplied place by place, which over all channels is a
// matrix product for each place, and transformed back. For m = 4 that takes 2.25 multiplications a result instead of 9, for m = 2 it takes 4. The price
// is accuracy: sums are those of a direct convolution within 2e-5 (m = 4) or 2e-6 (m = 2) of the largest |weight| · |image| summed over a window.
#pragma once
#include "filtering.hpp"
#include "parallel.hpp"

namespace sinter::cpu {

using compile::Convolution3x3;

namespace winograd_detail {
inline constexpr std::int64_t chunk_floats = std::int64_t(1) << 16;  ///< of the transformed tiles of a chunk: what the second-level cache holds beside weights and results
}  // namespace winograd_detail

/// How a convolution is cut: tiles in chunks whose transforms fit the cache, results in blocks of channels.
struct WinogradPlan {
  int m = 0;  ///< results a tile along one axis; 0: a direct convolution is better
  std::int64_t tiles = 0, chunk = 0, block = 0, line = 0;

  static constexpr WinogradPlan of(const Convolution3x3& s) {
    using namespace winograd_detail;
    WinogradPlan best;
    if (!use_winograd || s.channels < 2 * W || s.filters < 2 * W) return best;
    double least = .85 * double(s.images * s.height * s.width) * double(s.channels * s.filters) * 9;
    for (const int m : {2, 4}) {
      const std::int64_t places = (m + 2) * (m + 2), tiles = TileGrid(s.images, s.height, s.width, m).count;
      // In multiplications of a direct convolution: products, transforms of tiles and results, transforms of weights.
      const double cost = double(tiles * places) * double(s.channels * s.filters + 10 * s.channels + 16 * s.filters) + double(s.channels * s.filters) * double(2 * places + 9 * 30);
      if (cost >= least) continue;
      least = cost;
      best.m = m;
      best.tiles = tiles;
    }
    if (best.m == 0) return best;
    const std::int64_t places = (best.m + 2) * (best.m + 2);
    best.line = rounded(s.channels, W);
    const std::int64_t fits = std::max<std::int64_t>(2 * R, chunk_floats / (places * best.line) / R * R), all = rounded(s.filters, C);
    const bool whole = places * best.tiles * best.line <= (std::int64_t(1) << 20);
    best.chunk = whole ? best.tiles : std::min(fits, best.tiles);
    best.block = whole ? std::min(all, std::max<std::int64_t>(C, (std::int64_t(1) << 18) / (places * s.channels) / C * C)) : all;
    return best;
  }
  constexpr std::int64_t places() const { return std::int64_t(m + 2) * (m + 2); }
  /// From tile to tile; a power of two would make them share places of the cache.
  constexpr std::int64_t image_tile() const { return places() * line + winograd_detail::W; }
  constexpr std::int64_t result_tile() const { return places() * block + winograd_detail::W; }
  constexpr std::int64_t image_floats() const { return chunk * image_tile(); }
  constexpr std::int64_t result_floats() const { return chunk * result_tile(); }
  constexpr std::int64_t weight_floats(std::int64_t channels) const { return places() * channels * block; }
  constexpr std::int64_t bytes(std::int64_t channels) const { return m == 0 ? 0 : 4 * (image_floats() + result_floats() + weight_floats(channels)) + 192; }
};

constexpr bool is_filtered(const Convolution3x3& s) { return WinogradPlan::of(s).m > 0; }

/// A convolution at work.
class Winograd {
 public:
  using Finish = void (*)(const void* context, const float* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns);

  Winograd(const WinogradPlan& plan, const Convolution3x3& shape, const float* image, const float* weights, std::byte* scratch, int threads, Finish finish, const void* context)
      : p_(plan), s_(shape), image_(image), weights_(weights), threads_(threads), finish_(finish), context_(context) {
    transformed_ = reinterpret_cast<float*>(scratch);
    results_ = transformed_ + winograd_detail::rounded(p_.image_floats(), 16);
    filters_ = results_ + winograd_detail::rounded(p_.result_floats(), 16);
    grid_ = {s_.images, s_.height, s_.width, p_.m};
  }

  SINTER_OUTLINE void run() {
    if (p_.m == 4) run_as<4>();
    else run_as<2>();
  }

 private:
  static constexpr int W = winograd_detail::W, C = winograd_detail::C, R = winograd_detail::R;
  using Vector = winograd_detail::Vector;

  template <int M> void run_as() {
    const std::int64_t panels = p_.block / C, blocks = (s_.filters + p_.block - 1) / p_.block;
    for (first_ = 0; first_ < p_.tiles; first_ += p_.chunk) {
      count_ = std::min(p_.chunk, p_.tiles - first_);
      split(count_, 1, 8, threads_, [&](std::int64_t from, std::int64_t to) { transform_image<M>(from, to); });
      for (std::int64_t column = 0; column < s_.filters; column += p_.block) {
        const std::int64_t used = std::min(panels, (s_.filters - column + C - 1) / C);
        if (first_ == 0 || blocks > 1)
          split(s_.channels, 1, 64, threads_, [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t p = 0; p < used; ++p) transform_weights<M>(column + p * C, p, from, to);
          });
        split(p_.places() * used, used, 2, threads_, [&](std::int64_t from, std::int64_t to) {
          for (std::int64_t i = from; i < to; ++i) multiply_place(i / used, i % used);
        });
        split(count_, 1, 8, threads_, [&](std::int64_t from, std::int64_t to) { transform_results<M>(from, to, column); });
      }
    }
  }
  template <int M> [[gnu::flatten]] void transform_image(std::int64_t from, std::int64_t to) const {
    constexpr int A = M + 2;
    for (std::int64_t t = from; t < to; ++t) {
      const auto at = grid_.place(first_ + t);
      const float* const corner = image_ + at.n * s_.image_stride + at.y * s_.row_stride + at.x * s_.place_stride;
      const auto rows = int(std::min<std::int64_t>(A, s_.height + 2 - at.y)), columns = int(std::min<std::int64_t>(A, s_.width + 2 - at.x));
      for (std::int64_t c = 0; c < s_.channels; c += W) {
        const auto n = int(std::min<std::int64_t>(W, s_.channels - c));
        winograd_detail::transform_tile<M>(corner + c, s_.row_stride, s_.place_stride, rows, columns, n, transformed_ + t * p_.image_tile() + c, p_.line);
      }
    }
  }

  template <int M> [[gnu::flatten]] void transform_weights(std::int64_t column, std::int64_t panel, std::int64_t from_channel, std::int64_t to_channel) const {
    constexpr int A = M + 2;
    float* const out = filters_ + panel * s_.channels * C;
    for (std::int64_t c = from_channel; c < to_channel; ++c)
      for (int j = 0; j < C; j += W) {
        const auto n = int(std::clamp<std::int64_t>(s_.filters - column - j, 0, W));
        const float* const from = weights_ + (column + j) * s_.filter_stride + c * s_.channel_stride;
        Vector g[9], half[3 * A], u[A * A];
        for (int y = 0; y < 3; ++y)
          for (int x = 0; x < 3; ++x) g[y * 3 + x] = n > 0 ? gather<float, W>(from + y * s_.tap_row_stride + x * s_.tap_stride, s_.filter_stride, n) : Vector(0.f);
        for (int x = 0; x < 3; ++x) winograd_detail::Filtering<M>::weights(g + x, 3, half + x, 3);
        for (int y = 0; y < A; ++y) winograd_detail::Filtering<M>::weights(half + y * 3, 1, u + y * A, 1);
        for (int e = 0; e < A * A; ++e) store(u[e], out + e * s_.channels * p_.block + c * C + j, W);
      }
  }

  /// One place of all tiles of the chunk, for one panel of filters.
  void multiply_place(std::int64_t place, std::int64_t panel) const {
    const Stretch all{0, 0, s_.channels};
    const Side<float> right{filters_ + place * s_.channels * p_.block + panel * s_.channels * C, 1, 1, C};
    const std::int64_t pieces = (count_ + R - 1) / R;
    for (std::int64_t k = 0; k < pieces; ++k) {
      const std::int64_t t = k * (count_ / pieces) + std::min(k, count_ % pieces);
      const auto high = int(count_ / pieces + (k < count_ % pieces ? 1 : 0));
      const Side<float> left{transformed_ + t * p_.image_tile() + place * p_.line, 1, p_.image_tile(), 1};
      multiply_for<float>(high, Tile<float>::registers, true)({&all, &all + 1}, left, right, results_ + t * p_.result_tile() + place * p_.block + panel * C, p_.result_tile());
    }
  }

  template <int M> void transform_results(std::int64_t from, std::int64_t to, std::int64_t column) const {
    const auto filters = int(std::min(p_.block, s_.filters - column));
    alignas(64) float rows[M * M * C];
    for (std::int64_t t = from; t < to; ++t) {
      const auto at = grid_.place(first_ + t);
      const auto high = int(std::min<std::int64_t>(M, s_.height - at.y)), wide = int(std::min<std::int64_t>(M, s_.width - at.x));
      for (int j = 0; j < filters; j += C) {
        const int n = std::min(C, filters - j);
        untransform<M>(results_ + t * p_.result_tile() + j, rows);
        for (int y = 0; y < high; ++y) finish_(context_, rows + y * M * C, C, (at.n * s_.height + at.y + y) * s_.width + at.x, wide, column + j, n);
      }
    }
  }
  template <int M> [[gnu::flatten]] void untransform(const float* from, float* to) const {
    constexpr int A = M + 2;
    for (int j = 0; j < C; j += W) {
      Vector m[A * A], half[M * A], y[M * M];
      for (int e = 0; e < A * A; ++e) m[e] = load<float, W>(from + e * p_.block + j, W);
      for (int x = 0; x < A; ++x) winograd_detail::Filtering<M>::result(m + x, A, half + x, A);
      for (int i = 0; i < M; ++i) winograd_detail::Filtering<M>::result(half + i * A, 1, y + i * M, 1);
      for (int i = 0; i < M * M; ++i) store(y[i], to + i * C + j, W);
    }
  }

  WinogradPlan p_;
  Convolution3x3 s_;
  const float *image_, *weights_;
  int threads_;
  Finish finish_;
  const void* context_;
  float *transformed_, *results_, *filters_;
  winograd_detail::TileGrid grid_;
  std::int64_t first_ = 0, count_ = 0;
};

}  // namespace sinter::cpu
