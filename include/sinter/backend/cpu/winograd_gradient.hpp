// The gradient of the weights of a 3 × 3 convolution by the transposed transforms of F(4 × 4, 3 × 3): tiles of the image and of the results' cotangent are
// transformed, their products summed over all tiles, and the sums transformed back. Its error has the bound of the convolution itself.
#pragma once
#include "filtering.hpp"
#include "parallel.hpp"

namespace sinter::cpu {

using compile::SquareWeightGradient;

struct WinogradGradientPlan {
  std::int64_t tiles = 0, block = 0;  ///< channels in one go; no tiles: a direct form is better
  std::int64_t image_line = 0, sample_line = 0;

  static constexpr std::int64_t places = 36, most_floats = std::int64_t(1) << 23;  ///< of transformed tiles

  static constexpr WinogradGradientPlan of(const SquareWeightGradient& s) {
    using namespace winograd_detail;
    WinogradGradientPlan p;
    if (!use_winograd || s.taps != 3 || s.channels < 2 * W || s.filters < 2 * W) return p;
    const std::int64_t tiles = TileGrid(s.images, s.height, s.width, 4).count;
    const double products = double(s.channels * s.filters);
    const double cost = double(tiles * places) * (products + 10. * double(s.channels) + 10. * double(s.filters)) + products * 200.;
    if (cost >= .85 * 9. * double(s.images * s.height * s.width) * products) return p;
    p.image_line = rounded(s.channels, C);
    p.sample_line = rounded(s.filters, W);
    if (places * tiles * (p.image_line + p.sample_line) > most_floats) return {};
    p.tiles = tiles;
    p.block = std::min(p.image_line, std::max<std::int64_t>(C, (std::int64_t(1) << 19) / (places * s.filters) / C * C));
    return p;
  }
  constexpr std::int64_t bytes(const SquareWeightGradient& s) const { return tiles == 0 ? 0 : 4 * places * (tiles * (image_line + sample_line) + s.filters * block) + 192; }
};

class WinogradGradient {
 public:
  using Finish = void (*)(const void* context, const float* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns);

  WinogradGradient(const WinogradGradientPlan& plan, const SquareWeightGradient& shape, const float* samples, const float* image, std::byte* scratch, int threads, Finish finish, const void* context)
      : p_(plan), s_(shape), samples_(samples), image_(image), threads_(threads), finish_(finish), context_(context), images_(reinterpret_cast<float*>(scratch)),
        cotangents_(images_ + places * p_.tiles * p_.image_line), sums_(cotangents_ + places * p_.tiles * p_.sample_line), grid_(s_.images, s_.height, s_.width, 4) {}

  SINTER_OUTLINE void run() {
    split(p_.tiles, 1, 8, threads_, [&](std::int64_t from, std::int64_t to) { transform(from, to); });
    for (std::int64_t first = 0; first < s_.channels; first += p_.block) {
      const std::int64_t panels = (std::min(p_.block, s_.channels - first) + C - 1) / C;
      split(places * panels, panels, 2, threads_, [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i) multiply_place(i / panels, first + i % panels * C, i % panels * C);
      });
      split(s_.filters, 1, 2, threads_, [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; i += R)
          for (std::int64_t j = 0; j < panels * C; j += C) transform_back(i, int(std::min<std::int64_t>(R, to - i)), j, first + j);
      });
    }
  }

 private:
  static constexpr int W = winograd_detail::W, C = winograd_detail::C, R = winograd_detail::R;
  static constexpr std::int64_t places = WinogradGradientPlan::places;
  using Vector = winograd_detail::Vector;
  using Filtering = winograd_detail::Filtering<4, 3>;

  [[gnu::flatten]] void transform(std::int64_t from, std::int64_t to) const {
    for (std::int64_t t = from; t < to; ++t) {
      const auto [n, y, x] = grid_.place(t);
      const float* const corner = image_ + n * s_.image_stride + y * s_.row_stride + x * s_.place_stride;
      for (std::int64_t c = 0; c < p_.image_line; c += W) {
        const auto lanes_left = int(std::clamp<std::int64_t>(s_.channels - c, 0, W));
        const int rows = lanes_left > 0 ? int(std::min<std::int64_t>(6, s_.height + 2 - y)) : 0, columns = int(std::min<std::int64_t>(6, s_.width + 2 - x));
        winograd_detail::transform_tile<4, 3>(corner + c, s_.row_stride, s_.place_stride, rows, columns, lanes_left, images_ + t * p_.image_line + c, p_.tiles * p_.image_line);
      }
      const float* const sample = samples_ + n * s_.sample_stride + y * s_.sample_row_stride + x * s_.sample_place_stride;
      const auto rows = int(std::min<std::int64_t>(4, s_.height - y)), columns = int(std::min<std::int64_t>(4, s_.width - x));
      for (std::int64_t o = 0; o < s_.filters; o += W) {
        const auto lanes_left = int(std::min<std::int64_t>(W, s_.filters - o));
        Vector d[16], half[24], z[36];
        for (int i = 0; i < 4; ++i)
          for (int k = 0; k < 4; ++k) d[i * 4 + k] = i < rows && k < columns ? load<float, W>(sample + i * s_.sample_row_stride + k * s_.sample_place_stride + o, lanes_left) : Vector(0.f);
        for (int k = 0; k < 4; ++k) Filtering::result_transposed(d + k, 4, half + k, 4);
        for (int i = 0; i < 6; ++i) Filtering::result_transposed(half + i * 4, 1, z + i * 6, 1);
        float* const out = cotangents_ + t * p_.sample_line + o;
        for (int e = 0; e < 36; ++e) store(z[e], out + e * p_.tiles * p_.sample_line, W);
      }
    }
  }

  /// Sums over all tiles at one place: all filters with one panel of channels.
  void multiply_place(std::int64_t place, std::int64_t channel, std::int64_t column) const {
    const Stretch all{0, 0, p_.tiles};
    const Side<float> right{images_ + place * p_.tiles * p_.image_line + channel, 1, 1, p_.image_line};
    for (std::int64_t i = 0; i < s_.filters; i += R) {
      const auto high = int(std::min<std::int64_t>(R, s_.filters - i));
      const Side<float> left{cotangents_ + place * p_.tiles * p_.sample_line + i, 1, 1, p_.sample_line};
      multiply_for<float>(high, Tile<float>::registers, false)({&all, &all + 1}, left, right, sums_ + (place * s_.filters + i) * p_.block + column, p_.block);
    }
  }

  [[gnu::flatten]] void transform_back(std::int64_t filter, int rows, std::int64_t column, std::int64_t channel) const {
    alignas(64) float tile[9][R * C];
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < C; j += W) {
        Vector m[36], half[18], g[9];
        for (int e = 0; e < 36; ++e) m[e] = load<float, W>(sums_ + (e * s_.filters + filter + i) * p_.block + column + j, W);
        for (int x = 0; x < 6; ++x) Filtering::weights_transposed(m + x, 6, half + x, 6);
        for (int y = 0; y < 3; ++y) Filtering::weights_transposed(half + y * 6, 1, g + y * 3, 1);
        for (int k = 0; k < 9; ++k) store(g[k], tile[k] + i * C + j, W);
      }
    const auto columns = int(std::min<std::int64_t>(C, s_.channels - channel));
    for (int k = 0; k < 9; ++k) finish_(context_, tile[k], C, filter, rows, k * s_.channels + channel, columns);
  }

  WinogradGradientPlan p_;
  SquareWeightGradient s_;
  const float *samples_, *image_;
  int threads_;
  Finish finish_;
  const void* context_;
  float *images_, *cotangents_, *sums_;
  winograd_detail::TileGrid grid_;
};

}  // namespace sinter::cpu
