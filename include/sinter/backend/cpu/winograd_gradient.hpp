// The gradient of a convolution's weights by the transposed transforms of F(4 × 4, 3 × 3) or F(2 × 2, 5 × 5): tiles of
// the image and of the results' cotangent are transformed, their products summed over all tiles, and the sums
// transformed back. Its error has the bound of the convolution itself.
#pragma once
#include "direct_sums.hpp"
#include "parallel.hpp"
#include "winograd_plan.hpp"

namespace sinter::inline SINTER_ABI::cpu {

class WinogradGradient {
 public:
  explicit WinogradGradient(const WeightGradient& g)
      : p_(g.plan),
        s_(g.shape),
        samples_(g.left),
        image_(g.right),
        threads_(g.threads),
        finish_(g.finish),
        context_(g.context),
        images_(reinterpret_cast<float*>(g.scratch)),
        cotangents_(images_ + p_.parts * p_.chunk * p_.image_tile()),
        sums_(cotangents_ + p_.parts * p_.chunk * p_.sample_tile()),
        grid_(s_.images, s_.height, s_.width, WinogradGradientPlan::tile_of(s_)) {}

  SINTER_OUTLINE void run() {
    if (s_.taps == 3) run_as<4, 3>();
    else run_as<2, 5>();
  }

 private:
  static constexpr int W = winograd_detail::W, C = winograd_detail::C, R = winograd_detail::R;
  static constexpr std::int64_t points = WinogradGradientPlan::points;
  using Vector = winograd_detail::Vector;

  template <int M, int K> void run_as() {
    if (p_.parts == 1) return run_tiles<M, K>(0, p_.tiles);
    split(p_.parts, 1, 2, threads_, [&](std::int64_t from, std::int64_t to) {
      WinogradGradient own = *this;
      own.threads_ = 1;
      own.images_ += from * p_.chunk * p_.image_tile();
      own.cotangents_ += from * p_.chunk * p_.sample_tile();
      for (std::int64_t k = from; k < to; ++k) {
        own.sums_ = sums_ + k * p_.sums(s_);
        own.template run_tiles<M, K>(k * p_.tiles / p_.parts, (k + 1) * p_.tiles / p_.parts);
      }
    });
    finish<M, K>(0, s_.channels);
  }
  template <int M, int K> void run_tiles(std::int64_t begin, std::int64_t end) {
    for (first_ = begin; first_ < end; first_ += p_.chunk) {
      count_ = std::min(p_.chunk, end - first_);
      split(count_, 1, 8, threads_, [&](std::int64_t from, std::int64_t to) { transform<M, K>(from, to); });
      for (std::int64_t channel = 0; channel < s_.channels; channel += p_.block) {
        const std::int64_t channels = std::min(p_.block, s_.channels - channel), panels = (channels + C - 1) / C;
        split(points * panels, panels, 2, threads_, [&](std::int64_t from, std::int64_t to) {
          for (std::int64_t i = from; i < to; ++i)
            multiply_point(i / panels, channel, i % panels * C,
                           int(std::min<std::int64_t>(C, channels - i % panels * C)), first_ > begin);
        });
        if (p_.parts == 1 && first_ + count_ == end) finish<M, K>(channel, channels);
      }
    }
  }
  template <int M, int K> void finish(std::int64_t channel, std::int64_t channels) {
    split(s_.filters, 1, 2, threads_, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; i += R)
        for (std::int64_t j = 0; j < channels; j += C)
          transform_back<M, K>(i, int(std::min<std::int64_t>(R, to - i)), j, channel + j);
    });
  }

  template <int M, int K> [[gnu::flatten]] void transform(std::int64_t from, std::int64_t to) const {
    for (std::int64_t t = from; t < to;) {
      const auto [n, y, x] = grid_.position(first_ + t);
      const int adjacent = grid_.adjacent(x, to - t, winograd_detail::most_adjacent);
      const float* const corner = image_ + n * s_.image_stride + y * s_.row_stride + x * s_.pixel_stride;
      const auto high = int(std::min<std::int64_t>(6, s_.height + K - 1 - y)),
                 wide = int(std::min<std::int64_t>(adjacent * M + K - 1, s_.width + K - 1 - x));
      for (std::int64_t c = 0; c < p_.image_line; c += W) {
        const auto lanes_left = int(std::clamp<std::int64_t>(s_.channels - c, 0, W));
        winograd_detail::transform_tiles<M, K>(corner + c, s_.row_stride, s_.pixel_stride, lanes_left > 0 ? high : 0,
                                               wide, lanes_left, adjacent, images_ + t * p_.image_tile() + c,
                                               p_.image_tile(), p_.image_line);
      }
      const float* const sample =
          samples_ + n * s_.sample_stride + y * s_.sample_row_stride + x * s_.sample_pixel_stride;
      const auto rows = int(std::min<std::int64_t>(M, s_.height - y));
      for (int k = 0; k < adjacent; ++k) {
        const auto columns = int(std::min<std::int64_t>(M, s_.width - x - k * M));
        for (std::int64_t o = 0; o < s_.filters; o += W) {
          const auto lanes_left = int(std::min<std::int64_t>(W, s_.filters - o));
          transform_sample<M, K>(sample + k * M * s_.sample_pixel_stride + o, rows, columns, lanes_left,
                                 cotangents_ + (t + k) * p_.sample_tile() + o);
        }
      }
      t += adjacent;
    }
  }
  /// The cotangents of one tile of results, for `n` filters.
  template <int M, int K>
  [[gnu::always_inline]] void transform_sample(const float* from, int rows, int columns, int n, float* to) const {
    using Filtering = winograd_detail::Filtering<M, K>;
    const bool full = rows == M && columns == M && n == W;
    PlainArray<Vector, 6 * M> half;
#pragma GCC unroll 8
    for (int k = 0; k < M; ++k) {
      PlainArray<Vector, M> d;
      if (full) {
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i)
          d[i] = load<float, W>(from + i * s_.sample_row_stride + k * s_.sample_pixel_stride, W);
      } else {
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i)
          d[i] = i < rows && k < columns
                     ? load<float, W>(from + i * s_.sample_row_stride + k * s_.sample_pixel_stride, n)
                     : Vector(0.f);
      }
      Filtering::result_transposed(d, 1, half + k, M);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 6; ++i) {
      Vector z[6];
      Filtering::result_transposed(half + i * M, 1, z, 1);
#pragma GCC unroll 8
      for (int e = 0; e < 6; ++e) store(z[e], to + (i * 6 + e) * p_.sample_line, W);
    }
  }

  /// Sums over the tiles of a chunk at one position: (filters, tiles) × (tiles, channels of a panel).
  void multiply_point(std::int64_t point, std::int64_t channel, std::int64_t column, int wide, bool more) const {
    const Stretch all{0, 0, count_};
    const int registers = (wide + W - 1) / W;
    const Side<float> right{images_ + point * p_.image_line + channel + column, 1, 1, p_.image_tile()};
    alignas(64) float tile[R * C];
    for (std::int64_t i = 0; i < s_.filters; i += R) {
      const auto high = int(std::min<std::int64_t>(R, s_.filters - i));
      const Side<float> left{cotangents_ + point * p_.sample_line + i, 1, 1, p_.sample_tile()};
      float* const sums = sums_ + (point * s_.filters + i) * p_.block + column;
      multiply_for<float>(high, registers, false)({&all, &all + 1}, left, right, more ? tile : sums,
                                                  more ? C : p_.block);
      for (int x = 0; x < high && more; ++x)
        for (int j = 0; j < registers * W; j += W)
          store(load<float, W>(sums + x * p_.block + j, W) + load<float, W>(tile + x * C + j, W),
                sums + x * p_.block + j, W);
    }
  }

  template <int M, int K>
  [[gnu::flatten]] void transform_back(std::int64_t filter, int rows, std::int64_t column, std::int64_t channel) const {
    using Filtering = winograd_detail::Filtering<M, K>;
    alignas(64) PlainArray<float, K * K, R * C> tile;
    const auto columns = int(std::min<std::int64_t>(C, s_.channels - channel));
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; j += W) {
        PlainArray<Vector, 6 * K> half;
#pragma GCC unroll 8
        for (int x = 0; x < 6; ++x) {
          Vector m[6];
#pragma GCC unroll 8
          for (int y = 0; y < 6; ++y) m[y] = sum_at((y * 6 + x) * s_.filters + filter + i, column + j);
          Filtering::weights_transposed(m, 1, half + x, 6);
        }
        PlainArray<Vector, K * K> g;
        Vector squares(0.f);
#pragma GCC unroll 8
        for (int y = 0; y < K; ++y) Filtering::weights_transposed(half + y * 6, 1, g + y * K, 1);
        for (const Vector& v : g) squares = fma(v, v, squares);
        if (any(!is_finite(squares))) [[unlikely]]
          winograd_detail::sum_gradient_directly<K>(s_, samples_, image_, filter + i, channel + j, g);
#pragma GCC unroll 40
        for (int k = 0; k < K * K; ++k) store(g[k], tile[k] + i * C + j, W);
      }
    for (int k = 0; k < K * K; ++k) finish_(context_, tile[k], C, filter, rows, k * s_.channels + channel, columns);
  }

  /// The sums of all parts.
  [[gnu::always_inline]] Vector sum_at(std::int64_t row, std::int64_t column) const {
    const float* const at = sums_ + row * p_.block + column;
    Vector sum = load<float, W>(at, W);
    for (std::int64_t k = 1; k < p_.parts; ++k) sum = sum + load<float, W>(at + k * p_.sums(s_), W);
    return sum;
  }

  WinogradGradientPlan p_;
  SquareWeightGradient s_;
  const float *samples_, *image_;
  int threads_;
  FinishTile<float> finish_;
  const void* context_;
  float *images_, *cotangents_, *sums_;
  winograd_detail::TileGrid grid_;
  std::int64_t first_ = 0, count_ = 0;  ///< the current chunk
};

template <class> inline void sum_gradient(const WeightGradient& gradient) { WinogradGradient(gradient).run(); }

}  // namespace sinter::cpu
