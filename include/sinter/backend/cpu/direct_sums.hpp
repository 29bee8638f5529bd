// Direct sums of products, where Winograd's transforms would be visible in their results.
//
// The transforms mix all positions of a tile. For ordinary numbers only rounding shows, some units in the last place of
// the largest; but an infinity or NaN spreads over all results of its tile, and a number far beyond its neighbours
// takes digits from results that do not see it. Both can be told from the results themselves. A window that sees an
// infinity or NaN has a result that is not finite, also through the transforms; and the windows in the corners of a
// tile see all of its positions, so that four results per filter suffice. The results concerned are summed again, in
// the order of a direct convolution. A finite number that all four multiply by weights of 0 goes unnoticed.
#pragma once
#include <limits>

#include "filtering.hpp"

namespace sinter::inline SINTER_ABI::cpu::winograd_detail {

/// Results up to `ordinary` are left as they are: they cost others 1e-4 at most. Beyond, windows of a tile may differ
/// by `contrast`, in the root of their results' squares summed over filters.
inline constexpr float ordinary = 64, contrast = 128;

/// Whether the transforms may be visible in results, by the squares of those in the corners of some tiles. NaN counts
/// as large.
[[gnu::always_inline]] inline bool may_be_mixed(const Vector& squares) {
  using Bits = Lanes<std::int32_t, W>;
  return any((bits(squares) & Bits(0x7fffffff)) > Bits(std::bit_cast<std::int32_t>(ordinary * ordinary)));
}

/// Results of a tile: `high` × `wide`, with stride C between results and `line` between rows, for up to C filters.
struct TileResults {
  float* at;
  int line, high, wide;

  float* position(int y, int x) const { return at + y * line + x * C; }

  /// Whether the transforms are visible.
  bool is_mixed(int filters) const {
    float most = 0, least = std::numeric_limits<float>::max();
    for (int y = 0; y < high; ++y)
      for (int x = 0; x < wide; ++x) {
        Vector squares(0.f);
        for (int j = 0; j < filters; j += W) {
          const Vector v = load<float, W>(position(y, x) + j, std::min(W, filters - j));
          squares = fma(v, v, squares);
        }
        const float sum = fold_lanes<ops::Sum>(squares);
        if (!is_finite(Lanes<float, 1>(sum)).v) return true;
        most = std::max(most, sum);
        least = std::min(least, sum);
      }
    return most > ordinary * ordinary && least * (contrast * contrast) < most;
  }
};

/// The weights of a convolution before any transform: for registers of filters.
template <int K> struct PlainWeights {
  const float* at;
  std::int64_t filter, channel, row, tap;  ///< strides; of weights transformed in advance, which hold these after the
                                           ///< others, in panels: `row` and `channel`
  bool in_panels;

  Vector of(int ky, int kx, std::int64_t c, std::int64_t first, int n) const {
    if (in_panels) return load<float, W>(at + (ky * K + kx) * row + (first / C * channel + c) * C + first % C, W);
    return gather<float, W>(at + first * filter + c * channel + ky * row + kx * tap, filter, n);
  }
};

/// The results of one tile of an image with contiguous channels, `corner` being the first position that it reads.
template <int M, int K>
[[gnu::noinline, gnu::cold]] void sum_directly(const float* corner, std::int64_t row, std::int64_t pixel,
                                                 std::int64_t channels, const PlainWeights<K>& weights,
                                                 std::int64_t filter, int filters, const TileResults& to) {
  // If a NaN is in the middle of every window, or in the same weight of every filter, nothing else can result. A
  // training that has diverged keeps its speed.
  const auto all_nan = [&](auto&& numbers) {
    for (int y = 0; y < to.high; ++y)
      for (int x = 0; x < to.wide; ++x)
        if (!any(is_nan(numbers(y, x)))) return false;
    return true;
  };
  if (all_nan([&](int y, int x) {
        return load<float, W>(corner + (y + K / 2) * row + (x + K / 2) * pixel,
                              int(std::min<std::int64_t>(W, channels)));
      }))
    return;
  for (int j = 0; j < filters; j += W) {
    const int n = std::min(W, filters - j);
    const Vector middle = weights.of(K / 2, K / 2, 0, filter + j, n);
    if (!any(!is_nan(middle) && ramp<W>(0, 1) < Lanes<std::int32_t, W>(n))) continue;
    PlainArray<Vector, M, M> sum;
    for (auto& line : sum)
      for (Vector& s : line) s = Vector(0.f);
    for (int ky = 0; ky < K; ++ky)
      for (int kx = 0; kx < K; ++kx)
        for (std::int64_t c = 0; c < channels; ++c) {
          const Vector w = weights.of(ky, kx, c, filter + j, n);
#pragma GCC unroll 4
          for (int y = 0; y < M; ++y) {
            const float* const line = corner + (std::min(y, to.high - 1) + ky) * row + kx * pixel + c;
#pragma GCC unroll 4
            for (int x = 0; x < M; ++x) sum[y][x] = fma(Vector(line[std::min(x, to.wide - 1) * pixel]), w, sum[y][x]);
          }
        }
    for (int y = 0; y < to.high; ++y)
      for (int x = 0; x < to.wide; ++x) store(sum[y][x], to.position(y, x) + j, W);
  }
}

/// The gradient of the weights of one filter and a register of channels: K · K registers.
template <int K> [[gnu::noinline, gnu::cold]] void sum_gradient_directly(const SquareWeightGradient& s,
                                                                           const float* samples, const float* image,
                                                                           std::int64_t filter, std::int64_t channel,
                                                                           Vector* to) {
  const auto n = int(std::min<std::int64_t>(W, s.channels - channel));
  const auto sample = [&](std::int64_t i, std::int64_t y, std::int64_t x) {
    return samples[i * s.sample_stride + y * s.sample_row_stride + x * s.sample_pixel_stride + filter];
  };
  const auto values = [&](std::int64_t i, std::int64_t y, std::int64_t x) {
    return load<float, W>(image + i * s.image_stride + y * s.row_stride + x * s.pixel_stride + channel, n);
  };
  if (is_nan(Lanes<float, 1>(sample(0, 0, 0))).v)
    return;  // as above: every weight sees it; if it is in the middle of the image, every weight of its channel does
  if (s.height >= K && s.width >= K &&
      !any(!is_nan(values(0, s.height / 2 + K / 2, s.width / 2 + K / 2)) && ramp<W>(0, 1) < Lanes<std::int32_t, W>(n)))
    return;
  for (int k = 0; k < K * K; ++k) to[k] = Vector(0.f);
  for (std::int64_t i = 0; i < s.images; ++i)
    for (std::int64_t y = 0; y < s.height; ++y)
      for (int ky = 0; ky < K; ++ky) {
        PlainArray<Vector, K> line;
        for (Vector& l : line) l = Vector(0.f);
        for (std::int64_t x = 0; x < s.width; ++x) {
          const Vector d(sample(i, y, x));
          for (int kx = 0; kx < K; ++kx) line[kx] = fma(d, values(i, y + ky, x + kx), line[kx]);
        }
        for (int kx = 0; kx < K; ++kx) to[ky * K + kx] = to[ky * K + kx] + line[kx];
      }
}

}  // namespace sinter::cpu::winograd_detail
