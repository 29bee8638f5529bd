// Matrix products, (M, K) × (K, N) → (M, N): packed panels and register tiles.
//
// Columns are cut into panels of a tile's width, [N / width, K, width], rows into tiles of equal height, [M / height,
// K, height]; a tile sums over the whole contracted axis in registers, so that results do not depend on threads.
#pragma once
#include "skinny.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Lines cut into tiles: runs of equal length, each into tiles of at most `unit`, which differ by one at most if
/// `even`.
struct Tiling {
  std::int64_t run = 0, unit = 1, tiles = 0, count = 0;
  bool even = true;

  Tiling() = default;
  Tiling(std::int64_t lines, std::int64_t along, std::int64_t most, bool evenly)
      : run(along),
        unit(most),
        tiles((along + most - 1) / most),
        count(along > 0 ? lines / along * tiles : 0),
        even(evenly) {}
  std::int64_t first(std::int64_t t) const {
    const std::int64_t p = t % tiles;
    return t / tiles * run + (even ? p * (run / tiles) + std::min(p, run % tiles) : p * unit);
  }
  int size(std::int64_t t) const {
    const std::int64_t p = t % tiles;
    return int(even ? run / tiles + (p < run % tiles ? 1 : 0) : std::min(unit, run - p * unit));
  }
};

/// Sums of products of two matrices, tile by tile. Shared by all contractions of an element type; each kernel has its
/// own epilogue for a tile.
template <class T> class Products {
  static constexpr int R = Tile<T>::rows, W = Tile<T>::width, C = Tile<T>::columns;
  using Sums = ContractMethod::Sums;

 public:
  explicit Products(const Product<T>& p)
      : p_(p.method, p.left.shape(), p.right.shape()),
        result_(p_.swapped ? ProductResult<T>{} : p.result),
        left_(p_.swapped ? p.right : p.left),
        right_(p_.swapped ? p.left : p.right),
        threads_(p.threads),
        finish_(p.finish),
        context_(p.context),
        packed_left_(reinterpret_cast<T*>(p.scratch)),
        packed_right_(reinterpret_cast<T*>(p.scratch + p_.packed_left)),
        sums_(reinterpret_cast<T*>(p.scratch + p_.packed_left + p_.packed_right)) {}

  template <SumsSet Methods = any_sums> SINTER_OUTLINE void run() {
    if (p_.rows == 0 || p_.columns == 0) return;
    if constexpr ((Methods & (set_of(Sums::dots) | set_of(Sums::streams))) != 0)
      if (p_.is_skinny())
        return SkinnyProducts<T>(left_, right_, reinterpret_cast<std::byte*>(packed_left_), threads_, finish_, context_)
            .template run<Methods>(p_.sums);
    if constexpr ((Methods & set_of(Sums::tiles)) != 0) {
      if (p_.chunks > 1) run_in_chunks();
      else run_blocks();
    }
  }

 private:
  void run_blocks() {
    for (column_ = 0; column_ < p_.columns; column_ += p_.block.columns) {
      n_ = std::min(p_.block.columns, p_.columns - column_);
      panels_ = {n_, p_.right_in_place ? run_of(right_.lines) : n_, C, false};
      parts_ = std::max<std::int64_t>(1, (p_.inner + p_.block.inner - 1) / p_.block.inner);
      for (part_ = 0; part_ < parts_; ++part_) {
        first_ = begin_ + part_ * p_.block.inner;
        depth_ = std::min(p_.block.inner, p_.inner - part_ * p_.block.inner);
        find_stretches();
        for (row_ = 0; row_ < p_.rows; row_ += p_.block.rows) run_block(std::min(p_.block.rows, p_.rows - row_));
      }
    }
  }
  void run_in_chunks() {
    const std::int64_t length = (p_.inner + p_.chunks - 1) / p_.chunks, elements = p_.rows * p_.columns,
                       table = aligned_bytes<T>(elements) / std::int64_t(sizeof(T));
    const Blocks block = LongSums::blocks<T>(p_.rows, p_.columns, std::min(length, p_.block.inner));
    const std::int64_t worker = LongSums::worker_bytes<T>(block),
                       workers = std::clamp<std::int64_t>(threads_, 1, std::min(LongSums::workers, p_.chunks));
    std::byte* const scratch = reinterpret_cast<std::byte*>(packed_left_);
    T* const tables = reinterpret_cast<T*>(scratch + LongSums::workers * worker);
    const std::int64_t least = elements * p_.inner < 262144 ? workers + 1 : 2;
    split(workers, 1, least, threads_, [&](std::int64_t from, std::int64_t to) {
      Products chunk = *this;
      chunk.threads_ = 1;
      chunk.p_.block = block;
      chunk.keeps_sums_ = true;
      for (std::int64_t w = from; w < to; ++w) {
        chunk.packed_left_ = reinterpret_cast<T*>(scratch + w * worker);
        chunk.packed_right_ = reinterpret_cast<T*>(scratch + w * worker + aligned_bytes<T>(block.rows * block.inner));
        for (std::int64_t p = w * p_.chunks / workers; p < (w + 1) * p_.chunks / workers; ++p) {
          chunk.begin_ = p * length;
          chunk.p_.inner = std::min(length, p_.inner - chunk.begin_);
          chunk.sums_ = tables + p * table;
          chunk.run_blocks();
        }
      }
    });
    split(p_.rows, 1, std::max<std::int64_t>(2, 65536 / std::max<std::int64_t>(1, p_.columns)), threads_,
          [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t p = 1; p < p_.chunks; ++p) {
              const T* const part = tables + p * table;
              for (std::int64_t i = from * p_.columns; i < to * p_.columns; ++i) tables[i] = T(tables[i] + part[i]);
            }
            finish(tables + from * p_.columns, p_.columns, from, int(to - from), 0, int(p_.columns));
          });
  }
  void finish(const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns) const {
    if (!p_.swapped) return finish_(context_, tile, ld, row, rows, column, columns);
    alignas(64) PlainArray<T, R * C> transposed;
    for (int x = 0; x < rows; x += R)
      for (int y = 0; y < columns; y += C) {
        const int high = std::min(R, rows - x), wide = std::min(C, columns - y);
        for (int j = 0; j < wide; ++j)
          for (int i = 0; i < high; ++i) transposed[j * high + i] = tile[(x + i) * ld + y + j];
        finish_(context_, transposed, high, column + y, wide, row + x, high);
      }
  }

  static constexpr std::int64_t run_of(const Nest& lines) { return StretchLimits::run_of(lines); }

  void find_stretches() {
    stretches_ = 0;
    for (std::int64_t k = 0; k < depth_;) {
      std::int64_t n = depth_ - k;
      if (p_.left_in_place) n = std::min(n, left_.inner.run(first_ + k));
      if (p_.right_in_place) n = std::min(n, right_.inner.run(first_ + k));
      stretch_[std::size_t(stretches_++)] = {p_.left_in_place ? left_.inner.offset(first_ + k) : k,
                                             p_.right_in_place ? right_.inner.offset(first_ + k) : k, n};
      k += n;
    }
  }

  /// The fewest elements to copy, and products to add, that are worth sharing among threads.
  static constexpr std::int64_t shared_copies = 16384, shared_products = 65536;
  static std::int64_t least(std::int64_t worth, std::int64_t unit) {
    return std::max<std::int64_t>(2, worth / std::max<std::int64_t>(1, unit));
  }

  void run_block(std::int64_t m) {
    tiles_ = {m, p_.left_in_place ? run_of(left_.lines) : m, R, true};
    if (!p_.left_in_place)
      split(tiles_.count, 1, least(shared_copies, depth_ * R), threads_,
            [&](std::int64_t from, std::int64_t to) { pack_rows(from, to); });
    const bool packs = !p_.right_in_place && row_ == 0;
    const auto pack_panels = [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t p = from; p < to; ++p) pack_panel(p);
    };
    if (threads_ == 1) {
      for (std::int64_t p = 0; p < panels_.count; ++p) {
        if (packs) pack_panel(p);
        run_tiles(p, 0, tiles_.count);
      }
      return;
    }
    if (packs) split(panels_.count, 1, least(shared_copies, depth_ * C), threads_, pack_panels);
    // Registers of columns, one tile high each: all take the same time, and a thread's share may begin and end within a
    // panel.
    split(registers_before(panels_.count) * tiles_.count, 1, least(shared_products, depth_ * R * W), threads_,
          [&](std::int64_t from, std::int64_t to) {
            const Spot last = spot(to);
            for (Spot at = spot(from); at.panel < last.panel || (at.panel == last.panel && at.tile < last.tile);
                 at = {at.panel + 1, 0})
              run_tiles(at.panel, at.tile, at.panel == last.panel ? last.tile : tiles_.count);
          });
  }
  /// A tile of a panel.
  struct Spot {
    std::int64_t panel, tile;
  };
  std::int64_t registers_before(std::int64_t panel) const {
    const std::int64_t a_run = (panels_.run + W - 1) / W;
    return panel / panels_.tiles * a_run + std::min(a_run, panel % panels_.tiles * (C / W));
  }
  Spot spot(std::int64_t unit) const {
    const std::int64_t column = unit / tiles_.count, a_run = (panels_.run + W - 1) / W,
                       panel = column / a_run * panels_.tiles + column % a_run / (C / W);
    const std::int64_t before = registers_before(panel);
    return {panel, (unit - before * tiles_.count) / std::max<std::int64_t>(1, registers_before(panel + 1) - before)};
  }

  void pack_rows(std::int64_t from, std::int64_t to) const {
    for (std::int64_t t = from; t < to; ++t) {
      const std::int64_t i = tiles_.first(t);
      const int high = tiles_.size(t);
      if (left_.fill != nullptr)
        left_.fill(left_.filler, packed_left_ + i * depth_, high, row_ + i, high, first_, depth_);
      else
        pack(packed_left_ + i * depth_, high, left_.at, Lines<R>(left_.lines, row_ + i, high), left_.inner, first_,
             depth_);
    }
  }
  std::int64_t right_at(std::int64_t j) const {
    return p_.in_panels ? j / C * right_.lines.inner_stride() : right_.lines.offset(column_ + j);
  }
  static int registers(int wide) { return (wide + W - 1) / W; }
  void pack_panel(std::int64_t p) const {
    const std::int64_t j = panels_.first(p);
    const int wide = panels_.size(p);
    if (right_.fill != nullptr)
      right_.fill(right_.filler, packed_right_ + j * p_.block.inner, registers(wide) * W, column_ + j, wide, first_,
                  depth_);
    else
      pack(packed_right_ + j * p_.block.inner, registers(wide) * W, right_.at,
           Lines<C>(right_.lines, column_ + j, wide), right_.inner, first_, depth_);
  }

  void run_tiles(std::int64_t p, std::int64_t from, std::int64_t to) const {
    alignas(64) PlainArray<T, R * C> tile;
    const std::int64_t j = panels_.first(p);
    const int wide = panels_.size(p);
    const std::int64_t ld = registers(wide) * W;
    const Side<T> right = p_.right_in_place ? Side<T>{right_.at + right_at(j), 1, 1, right_.inner.inner_stride()}
                                          : Side<T>{packed_right_ + j * p_.block.inner, ld, 1, ld};
    const Stretches inner{stretch_.data(), stretch_.data() + stretches_};
    for (std::int64_t t = from; t < to; ++t) {
      const std::int64_t i = tiles_.first(t);
      const int high = tiles_.size(t);
      const Side<T> left = p_.left_in_place ? Side<T>{left_.at + left_.lines.offset(row_ + i), 1,
                                                    left_.lines.inner_stride(), left_.inner.inner_stride()}
                                          : Side<T>{packed_left_ + i * depth_, high, 1, high};
      if (result_.at != nullptr && parts_ == 1 && wide == ld && !keeps_sums_) {
        multiply_for<T>(high, registers(wide), p_.left_along)(
            inner, left, right, result_.at + (row_ + i) * result_.row + column_ + j, result_.row);
        continue;
      }
      multiply_for<T>(high, registers(wide), p_.left_along)(inner, left, right, tile, ld);
      if (parts_ > 1 || keeps_sums_) add_up(tile, ld, row_ + i, column_ + j, high, wide);
      if (part_ + 1 == parts_ && !keeps_sums_) finish(tile, ld, row_ + i, high, column_ + j, wide);
    }
  }

  /// Where the contracted axis is cut: adds a tile to the sums so far, and leaves the new sums in the tile.
  void add_up(T* tile, std::int64_t ld, std::int64_t row, std::int64_t column, int high, int wide) const {
    for (int x = 0; x < high; ++x)
      for (int y = 0; y < wide; ++y) {
        T &s = sums_[(row + x) * p_.columns + column + y], &t = tile[x * ld + y];
        t = s = part_ == 0 ? t : T(s + t);
      }
  }

  ProductPlan<T> p_;
  ProductResult<T> result_;
  ProductOperand<T> left_, right_;
  int threads_;
  FinishTile<T> finish_;
  const void* context_;
  T *packed_left_, *packed_right_, *sums_;
  std::int64_t begin_ = 0;   ///< of the current chunk of the contracted axis
  bool keeps_sums_ = false;  ///< in its table, and leaves the rest to others
  std::int64_t column_ = 0, n_ = 0, row_ = 0, part_ = 0, parts_ = 1, first_ = 0, depth_ = 0;  // the current block
  Tiling tiles_, panels_;
  std::array<Stretch, std::size_t(StretchLimits::most)> stretch_;
  int stretches_ = 0;
};

template <class T, SumsSet Methods, class> inline void sum_products(const Product<T>& product) {
  Products<T>(product).template run<Methods>();
}

}  // namespace sinter::cpu
