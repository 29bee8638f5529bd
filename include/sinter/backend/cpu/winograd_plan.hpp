// Convolutions by Winograd's minimal filtering, and the gradients of their weights: where it pays, how images are cut
// into tiles, and the scratch memory that this takes. The passes of the compiler ask these; the transforms are in
// winograd.hpp and winograd_gradient.hpp.
#pragma once
#include <algorithm>

#include "lowering/square_convolution.hpp"
#include "product.hpp"

namespace sinter::inline SINTER_ABI::cpu {

namespace winograd_detail {

inline constexpr int W = Tile<float>::width, C = Tile<float>::columns, R = Tile<float>::rows;
constexpr std::int64_t rounded(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

/// An image's results cut into tiles of m × m, those at the edges smaller.
struct TileGrid {
  std::int64_t m = 1, across = 0, down = 0, count = 0;

  constexpr TileGrid() = default;
  constexpr TileGrid(std::int64_t images, std::int64_t height, std::int64_t width, std::int64_t side)
      : m(side), across((width + side - 1) / side), down((height + side - 1) / side), count(images * across * down) {}

  struct Position {
    std::int64_t n, y, x;  ///< image, and the first result of the tile
  };
  constexpr Position position(std::int64_t tile) const {
    return {tile / (across * down), tile / across % down * m, tile % across * m};
  }
  /// How many of the next `left` tiles, from one at x on, are in its row of the image.
  constexpr int adjacent(std::int64_t x, std::int64_t left, int most) const {
    return int(std::min({std::int64_t(most), left, across - x / m}));
  }
};

inline constexpr std::int64_t chunk_floats =
    std::int64_t(1)
    << 16;  ///< of the transformed tiles of a chunk: what the second-level cache holds besides weights and results
inline constexpr std::int64_t whole_floats = std::int64_t(1) << 20;  ///< of what stays in the next cache level
/// of transformed weights that each core can hold besides its share of a chunk
inline constexpr std::int64_t own_floats = std::int64_t(1) << 17;
}  // namespace winograd_detail

/// For how many results per tile along one axis the transforms pay; 0: sums of products are better. `in_advance`: the
/// weights will be transformed in advance, if they are.
constexpr int results_a_tile(const SquareConvolution& s, bool in_advance = false) {
  using namespace winograd_detail;
  if (s.transformed_for > 0 || s.images == 0) return s.images == 0 ? 0 : s.transformed_for;
  const std::int64_t fewest = s.taps == 3 ? 2 * W : W;
  if (!use_winograd || (s.taps != 3 && s.taps != 5) || s.channels < fewest || s.filters < fewest) return 0;
  const double taps = double(s.taps * s.taps), weights = double(s.channels * s.filters);
  double least = (in_advance ? .95 : .85) * double(s.images * s.height * s.width) * weights * taps;
  int best = 0;
  for (const int m : {2, 4}) {
    if (s.taps == 5 && m != 2) continue;
    const std::int64_t points = (m + s.taps - 1) * (m + s.taps - 1),
                       tiles = TileGrid(s.images, s.height, s.width, m).count;
    // In multiplications of a direct convolution: products, transforms of tiles and results; weights, which are
    // transformed or come from memory.
    const double cost = double(tiles * points) * (weights + 10. * double(s.channels) + 16. * double(s.filters)) +
                        weights * (in_advance ? 7. * double(points) : 2. * double(points) + 30. * taps);
    if (cost >= least) continue;
    least = cost;
    best = m;
  }
  return best;
}

/// The tiling of a convolution: tiles in chunks whose transforms fit the cache, results in blocks of channels.
struct WinogradPlan {
  int m = 0;     ///< results per tile along one axis
  int side = 0;  ///< positions of a tile along one axis
  bool in_advance = false;  ///< the weights are transformed already
  std::int64_t tiles = 0, chunk = 0, block = 0, line = 0;

  static constexpr WinogradPlan of(const SquareConvolution& s, int m) {
    WinogradPlan p;
    p.m = m;
    p.in_advance = s.transformed_for > 0;
    p.cut(s, winograd_detail::TileGrid(s.images, s.height, s.width, m).count);
    return p;
  }
  /// Scratch of a convolution of up to this many images, `m` being for the most of them: fewer may be cut into larger
  /// chunks, and into tiles of another size.
  static constexpr std::int64_t most_bytes(const SquareConvolution& s, int m) {
    WinogradPlan p = of(s, m);
    std::int64_t most = p.bytes(s.channels);
    if (p.in_advance) return most;
    for (const int other : {2, 4}) {
      if (other > 2 && s.taps != 3) continue;
      p.m = other;
      const std::int64_t tiles = winograd_detail::TileGrid(s.images, s.height, s.width, other).count;
      const std::int64_t side = other + s.taps - 1,
                         whole = winograd_detail::whole_floats /
                                 (side * side * winograd_detail::rounded(s.channels, winograd_detail::W));
      for (const std::int64_t n : {std::min(tiles, whole), tiles}) {
        p.cut(s, n);
        most = std::max(most, p.bytes(s.channels));
      }
    }
    return most;
  }
  constexpr std::int64_t points() const { return std::int64_t(side) * side; }
  // Strides between tiles, and between the weights of two positions; a power of two would map them to the same cache
  // sets.
  constexpr std::int64_t image_tile() const { return points() * line + winograd_detail::W; }
  constexpr std::int64_t result_tile() const { return points() * block + winograd_detail::W; }
  constexpr std::int64_t image_floats() const { return chunk * image_tile(); }
  constexpr std::int64_t result_floats() const { return chunk * result_tile(); }
  constexpr std::int64_t weight_point(std::int64_t channels) const { return channels * block + winograd_detail::W; }
  constexpr std::int64_t weight_floats(std::int64_t channels) const {
    return in_advance ? 0 : points() * weight_point(channels);
  }
  constexpr std::int64_t bytes(std::int64_t channels) const {
    return 4 * (image_floats() + result_floats() + weight_floats(channels)) + 192;
  }
  /// How many of the threads take tiles through all steps by themselves, each in its part of a chunk, so that what one
  /// has transformed never moves to another core's cache. Not where each of them would read the weights from a shared
  /// cache; then they share every step of a chunk.
  constexpr std::int64_t workers(std::int64_t channels, int threads) const {
    return chunk < tiles && points() * channels * block <= winograd_detail::own_floats
               ? std::clamp<std::int64_t>(chunk / winograd_detail::R, 1, std::max(1, threads))
               : 1;
  }

 private:
  constexpr void cut(const SquareConvolution& s, std::int64_t count) {
    using namespace winograd_detail;
    side = m + int(s.taps) - 1;
    tiles = count;
    line = rounded(s.channels, W);
    const std::int64_t all = rounded(s.filters, C), tile = points() * line, weights = points() * s.channels * all;
    const auto fits = [&](std::int64_t fewest) {
      return std::min(std::max(fewest * R, chunk_floats / tile / R * R), tiles);
    };
    block = all;
    if (in_advance) {
      chunk = fits(weights <= whole_floats ? 1 : 2);  // weights that no cache holds should be read rarely
    // all tiles multiply a block of weights while it is in cache
    } else if (tiles * tile <= whole_floats && weights > own_floats) {
      chunk = tiles;
      block = std::min(all, std::max<std::int64_t>(C, (std::int64_t(1) << 18) / (points() * s.channels) / C * C));
    } else {
      chunk = fits(2);
    }
  }
};

/// Tiles are transformed in chunks that stay in cache until they are multiplied; sums of a chunk are added to those of
/// the chunks before it. Where sums are few, tiles are cut into parts with sums of their own, which threads take
/// through all steps by themselves, so that what one has transformed never moves to another core's cache; their number
/// depends on the extents alone, so that results do not depend on threads. Elsewhere threads share every step of a
/// chunk.
struct WinogradGradientPlan {
  std::int64_t tiles = 0, chunk = 0, block = 0;  ///< block: channels at a time
  std::int64_t image_line = 0, sample_line = 0;
  std::int64_t parts = 1;

  static constexpr std::int64_t points = 36;
  /// of transformed tiles, that the third-level cache holds besides sums
  static constexpr std::int64_t whole_floats = std::int64_t(1) << 21;
  static constexpr std::int64_t tiles_at_once = 112;  ///< where these are more: so many that adding up costs little
  static constexpr std::int64_t part_floats = std::int64_t(1)
                                               << 15;  ///< of sums that a core holds besides a chunk of its own,
  static constexpr std::int64_t tiles_of_a_part = 28;                 ///< of this many tiles
  static constexpr std::int64_t most_parts = 8;

  /// Results per tile along one axis.
  static constexpr int tile_of(const SquareWeightGradient& s) { return s.taps == 3 ? 4 : 2; }
  /// Whether the transforms pay, compared with sums of products.
  static constexpr bool pays(const SquareWeightGradient& s) {
    using namespace winograd_detail;
    const std::int64_t fewest = s.taps == 3 ? 2 * W : W;
    if (!use_winograd || (s.taps != 3 && s.taps != 5) || s.channels < fewest || s.filters < fewest) return false;
    const std::int64_t tiles = TileGrid(s.images, s.height, s.width, tile_of(s)).count;
    const double products = double(s.channels * s.filters), taps = double(s.taps * s.taps);
    const double cost = double(tiles * points) * (products + 10. * double(s.channels) + 10. * double(s.filters)) +
                        products * 22. * taps;
    return cost < .85 * taps * double(s.images * s.height * s.width) * products;
  }
  static constexpr WinogradGradientPlan of(const SquareWeightGradient& s) {
    WinogradGradientPlan p;
    p.image_line = winograd_detail::rounded(s.channels, winograd_detail::W);
    p.sample_line = winograd_detail::rounded(s.filters, winograd_detail::W);
    p.cut(winograd_detail::TileGrid(s.images, s.height, s.width, tile_of(s)).count, s.filters);
    return p;
  }
  /// Strides between tiles; a power of two would map them to the same cache sets.
  constexpr std::int64_t image_tile() const { return points * image_line + winograd_detail::W; }
  constexpr std::int64_t sample_tile() const { return points * sample_line + winograd_detail::W; }
  constexpr std::int64_t bytes(const SquareWeightGradient& s) const {
    return 4 * parts * (chunk * (image_tile() + sample_tile()) + sums(s)) + 192;
  }
  /// Floats of a table of sums.
  constexpr std::int64_t sums(const SquareWeightGradient& s) const { return points * s.filters * block; }
  /// Scratch of a gradient over up to this many images: fewer may be transformed at once.
  static constexpr std::int64_t most_bytes(const SquareWeightGradient& s) {
    WinogradGradientPlan p = of(s);
    std::int64_t bytes = p.bytes(s);
    const std::int64_t all = p.tiles;
    // the most that are not cut
    for (const std::int64_t at_once :
         {whole_floats / (points * (p.image_line + p.sample_line)), 4 * tiles_of_a_part - 1}) {
      p.cut(std::min(all, at_once), s.filters);
      bytes = std::max(bytes, p.bytes(s));
    }
    return bytes;
  }

 private:
  constexpr void cut(std::int64_t count, std::int64_t filters) {
    tiles = count;
    parts = points * filters * image_line <= part_floats
                 ? std::clamp<std::int64_t>(tiles / (2 * tiles_of_a_part), 1, most_parts)
                 : 1;
    if (parts > 1) chunk = tiles_of_a_part;
    else chunk = tiles * points * (image_line + sample_line) <= whole_floats ? tiles : std::min(tiles, tiles_at_once);
    block = chunk < tiles ? image_line : std::min<std::int64_t>(image_line, winograd_detail::C);
  }
};

/// A convolution, or the gradient of one's weights, to compute by its transforms.
template <class Plan, class Shape> struct Transformed {
  Plan plan;
  Shape shape;
  const float *left, *right;  ///< image and weights; cotangents of the results and image
  std::byte* scratch;
  int threads;
  FinishTile<float> finish;
  const void* context;
};
using Convolution = Transformed<WinogradPlan, SquareConvolution>;
using WeightGradient = Transformed<WinogradGradientPlan, SquareWeightGradient>;

/// winograd.hpp and winograd_gradient.hpp define them.
template <class = Instance> void convolve(const Convolution& convolution);
template <class = Instance> void sum_gradient(const WeightGradient& gradient);

}  // namespace sinter::cpu
