// Matrix products, (M, K) × (K, N) → (M, N): packed panels and register tiles.
//
// Columns are cut into panels of a tile's width, [N / width, K, width], rows into tiles of equal height, [M / height,
// K, height]; a tile sums over the whole contracted axis in registers, so that results do not depend on threads.
#pragma once
#include "blocks.hpp"
#include "pack.hpp"
#include "parallel.hpp"
#include "sizes.hpp"
#include "skinny.hpp"

namespace sinter::cpu {

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
///
/// Operands are packed into the order in which tiles read them, or read in place: a left one that is contiguous along
/// the contracted axis and has evenly spaced rows (an image with channels innermost, [N, H, W, C]), or that has
/// contiguous rows in short runs (the windows over it), a right one with contiguous columns, or one that was packed in
/// advance (lowering/panels.hpp).
///
/// Windows multiplied by few rows, as in the gradient of a first layer's weights, are never packed: if they are the
/// right operand, the operands are swapped, and tiles are transposed before their epilogue.
template <class T> class Products {
  static constexpr int R = Tile<T>::rows, W = Tile<T>::width, C = Tile<T>::columns;
  static constexpr std::int64_t shortest_stretch = 16;  ///< that is worth a loop of its own
  static constexpr std::int64_t shortest_unpacked = 3;   ///< and where packing would be for one or two panels only
  static constexpr int most_stretches = 256;  ///< each operand may have half of them
  static constexpr std::int64_t most_window_elements = 192;  ///< for which windows are not packed

 public:
  using Operand = ProductOperand<T>;
  using Sums = ContractMethod::Sums;

  /// Where sums without an epilogue are stored directly: columns are contiguous.
  struct Result {
    T* at = nullptr;
    std::int64_t row = 0;
  };

  /// How a product is computed.
  SINTER_COLD static constexpr ContractMethod method(const ProductLines& left, const ProductLines& right) {
    ContractMethod m{.sums = SkinnyProducts<T>::method(left, right)};
    m.swapped = m.sums == Sums::tiles && swaps_operands(left, right);
    const ProductLines &rows = m.swapped ? right : left, &columns = m.swapped ? left : right;
    const std::int64_t height = rows.lines.count(), width = columns.lines.count(), depth = left.inner.count();
    const bool left_along = !m.swapped && reads_left_along(rows, height, width, depth);
    m.left_in_place = m.swapped || left_along;
    m.right_in_place = reads_right_in_place(columns, height, width, depth, left_along);
    return m;
  }
  /// What a step has stored, or what was left to the lengths of a run.
  static ContractMethod settled(const ContractMethod& stored, const Operand& left, const Operand& right) {
    return stored.sums == Sums::by_length ? method(left.shape(), right.shape()) : stored;
  }

  Products(const Operand& left, const Operand& right, const ContractMethod& method, std::byte* scratch, int threads,
           FinishTile<T> tile, const void* context, Result result = {})
      : sums_of_(method.sums),
        swapped_(method.swapped),
        result_(swapped_ ? Result{} : result),
        left_(swapped_ ? right : left),
        right_(swapped_ ? left : right),
        rows_(left_.lines.count()),
        columns_(right_.lines.count()),
        inner_(left.inner.count()),
        threads_(threads),
        finish_(tile),
        context_(context),
        in_panels_(right_.in_panels),
        left_along_(method.left_in_place && !method.swapped),
        left_in_place_(method.left_in_place),
        right_in_place_(method.right_in_place),
        block_(blocks_of<T>(rows_, columns_, inner_, left_along_)) {
    const std::int64_t a = left_in_place_ ? 0 : aligned_bytes<T>(block_.rows * block_.inner),
                       b = right_in_place_ ? 0 : aligned_bytes<T>(block_.columns * block_.inner);
    if (scratch != nullptr) {  // there is none where only the form is asked for
      packed_left_ = reinterpret_cast<T*>(scratch);
      packed_right_ = reinterpret_cast<T*>(scratch + a);
      sums_ = reinterpret_cast<T*>(scratch + a + b);
    }
    if (right_in_place_) block_.columns = std::max<std::int64_t>(1, columns_);
    if (left_in_place_) block_.rows = std::max<std::int64_t>(1, rows_);
    block_.inner = depth_at_most(block_.inner);
    chunks_ = LongSums::chunks(rows_, columns_, inner_);
  }

  /// How each operand is read.
  const char* left_way() const { return swapped_ ? way_of_right() : way_of_left(); }
  const char* right_way() const { return swapped_ ? way_of_left() : way_of_right(); }
  const Blocks& blocks() const { return block_; }
  /// How the product differs from tile by tile over the whole contracted axis.
  const char* form() const {
    return sums_of_ == Sums::dots      ? ", dot products"
           : sums_of_ == Sums::streams ? ", streamed"
           : chunks_ > 1           ? (swapped_ ? ", operands swapped, the sum in chunks" : ", the sum in chunks")
           : swapped_               ? ", operands swapped"
                                   : "";
  }

  template <SumsSet Methods = any_sums> SINTER_OUTLINE void run() {
    if (rows_ == 0 || columns_ == 0) return;
    if constexpr ((Methods & (set_of(Sums::dots) | set_of(Sums::streams))) != 0)
      if (is_skinny())
        return SkinnyProducts<T>(left_, right_, reinterpret_cast<std::byte*>(packed_left_), threads_, finish_, context_)
            .template run<Methods>(sums_of_);
    if constexpr ((Methods & set_of(Sums::tiles)) != 0) {
      if (chunks_ > 1) run_in_chunks();
      else run_blocks();
    }
  }

 private:
  void run_blocks() {
    for (column_ = 0; column_ < columns_; column_ += block_.columns) {
      n_ = std::min(block_.columns, columns_ - column_);
      panels_ = {n_, right_in_place_ ? run_of(right_.lines) : n_, C, false};
      parts_ = std::max<std::int64_t>(1, (inner_ + block_.inner - 1) / block_.inner);
      for (part_ = 0; part_ < parts_; ++part_) {
        first_ = begin_ + part_ * block_.inner;
        depth_ = std::min(block_.inner, inner_ - part_ * block_.inner);
        find_stretches();
        for (row_ = 0; row_ < rows_; row_ += block_.rows) run_block(std::min(block_.rows, rows_ - row_));
      }
    }
  }
  void run_in_chunks() {
    const std::int64_t length = (inner_ + chunks_ - 1) / chunks_, elements = rows_ * columns_,
                       table = aligned_bytes<T>(elements) / std::int64_t(sizeof(T));
    const Blocks block = LongSums::blocks<T>(rows_, columns_, std::min(length, block_.inner));
    const std::int64_t worker = LongSums::worker_bytes<T>(block),
                       workers = std::clamp<std::int64_t>(threads_, 1, std::min(LongSums::workers, chunks_));
    std::byte* const scratch = reinterpret_cast<std::byte*>(packed_left_);
    T* const tables = reinterpret_cast<T*>(scratch + LongSums::workers * worker);
    split(workers, 1, elements * inner_ < 262144 ? workers + 1 : 2, threads_, [&](std::int64_t from, std::int64_t to) {
      Products chunk = *this;
      chunk.threads_ = 1;
      chunk.block_ = block;
      chunk.keeps_sums_ = true;
      for (std::int64_t w = from; w < to; ++w) {
        chunk.packed_left_ = reinterpret_cast<T*>(scratch + w * worker);
        chunk.packed_right_ = reinterpret_cast<T*>(scratch + w * worker + aligned_bytes<T>(block.rows * block.inner));
        for (std::int64_t p = w * chunks_ / workers; p < (w + 1) * chunks_ / workers; ++p) {
          chunk.begin_ = p * length;
          chunk.inner_ = std::min(length, inner_ - chunk.begin_);
          chunk.sums_ = tables + p * table;
          chunk.run_blocks();
        }
      }
    });
    split(rows_, 1, std::max<std::int64_t>(2, 65536 / std::max<std::int64_t>(1, columns_)), threads_,
          [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t p = 1; p < chunks_; ++p) {
              const T* const part = tables + p * table;
              for (std::int64_t i = from * columns_; i < to * columns_; ++i) tables[i] = T(tables[i] + part[i]);
            }
            finish(tables + from * columns_, columns_, from, int(to - from), 0, int(columns_));
          });
  }
  void finish(const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns) const {
    if (!swapped_) return finish_(context_, tile, ld, row, rows, column, columns);
    alignas(64) T transposed[R * C];
    for (int x = 0; x < rows; x += R)
      for (int y = 0; y < columns; y += C) {
        const int high = std::min(R, rows - x), wide = std::min(C, columns - y);
        for (int j = 0; j < wide; ++j)
          for (int i = 0; i < high; ++i) transposed[j * high + i] = tile[(x + i) * ld + y + j];
        finish_(context_, transposed, high, column + y, wide, row + x, high);
      }
  }

  static constexpr std::int64_t run_of(const Nest& lines) { return lines.extent[lines.loops - 1]; }
  static constexpr std::int64_t stretches(const Nest& inner) {
    return inner.count() / std::max<std::int64_t>(1, run_of(inner));
  }

  bool is_skinny() const { return sums_of_ == Sums::dots || sums_of_ == Sums::streams; }
  const char* way_of_left() const {
    return is_skinny() || left_in_place_ ? "in place" : "packed";
  }
  const char* way_of_right() const {
    return in_panels_                       ? "in panels"
           : is_skinny() || right_in_place_ ? "in place"
                                            : "packed";
  }

  /// Whether the right operand is windows, contiguous in short runs, over few channels, and the left one has contiguous
  /// lines: then they are swapped.
  static constexpr bool swaps_operands(const ProductLines& left, const ProductLines& right) {
    const Nest &windows = right.lines, &inner = right.inner;
    if (left.computed || right.computed || right.in_panels || left.lines.loops != 1 ||
        left.lines.inner_stride() != 1 || windows.loops < 2 || windows.inner_stride() != 1)
      return false;
    const std::int64_t rows = left.lines.count(), columns = windows.count(),
                       run = std::min(run_of(left.inner), run_of(inner));
    if (rows > most_swapped_rows || columns > most_window_elements || run_of(windows) < shortest_unpacked) return false;
    return inner.count() > deepest || 2 * (inner.count() / std::max<std::int64_t>(1, run) + 2) <= most_stretches;
  }
  /// The depth for which the stretches suffice, where the contracted axis is cut anyway.
  std::int64_t depth_at_most(std::int64_t depth) const {
    return swapped_ ? std::min(depth, (most_stretches / 2 - 2) *
                                         std::max<std::int64_t>(1, std::min(run_of(left_.inner), run_of(right_.inner))))
                   : depth;
  }
  static constexpr bool reads_left_along(const ProductLines& left, std::int64_t rows, std::int64_t columns,
                                         std::int64_t depth) {
    const Nest &lines = left.lines, &inner = left.inner;
    if (left.computed) return false;
    const std::int64_t shortest = inner.loops > 1 && columns <= 2 * C ? shortest_unpacked : shortest_stretch;
    if (inner.inner_stride() != 1 || run_of(inner) < shortest || 2 * stretches(inner) > most_stretches) return false;
    const std::int64_t run = run_of(lines);
    if (run < rows && run * 2 < R) return false;
    return left_stays_in_place<T>(run, lines.inner_stride() * std::int64_t(sizeof(T)), depth);
  }
  static constexpr bool reads_right_in_place(const ProductLines& right, std::int64_t rows, std::int64_t columns,
                                             std::int64_t inner_points, bool left_along) {
    if (right.in_panels) return true;
    if (right.computed) return false;
    const Nest &lines = right.lines, &inner = right.inner;
    if (lines.inner_stride() != 1 || !right_stays_in_place<T>(run_of(lines), rows) ||
        (stretches(inner) > 1 && run_of(inner) < shortest_stretch / 2))
      return false;
    const std::int64_t depth = depth_of<T>(rows, columns, inner_points, left_along);
    return 2 * (depth / std::max<std::int64_t>(1, run_of(inner)) + 2) <= most_stretches;
  }
  void find_stretches() {
    stretches_ = 0;
    for (std::int64_t k = 0; k < depth_;) {
      std::int64_t n = depth_ - k;
      if (left_in_place_) n = std::min(n, left_.inner.run(first_ + k));
      if (right_in_place_) n = std::min(n, right_.inner.run(first_ + k));
      stretch_[std::size_t(stretches_++)] = {left_in_place_ ? left_.inner.offset(first_ + k) : k,
                                             right_in_place_ ? right_.inner.offset(first_ + k) : k, n};
      k += n;
    }
  }

  /// The fewest elements to copy, and products to add, that are worth sharing among threads.
  static constexpr std::int64_t shared_copies = 16384, shared_products = 65536;
  static std::int64_t least(std::int64_t worth, std::int64_t unit) {
    return std::max<std::int64_t>(2, worth / std::max<std::int64_t>(1, unit));
  }

  void run_block(std::int64_t m) {
    tiles_ = {m, left_in_place_ ? run_of(left_.lines) : m, R, true};
    if (!left_in_place_)
      split(tiles_.count, 1, least(shared_copies, depth_ * R), threads_,
            [&](std::int64_t from, std::int64_t to) { pack_rows(from, to); });
    const bool packs = !right_in_place_ && row_ == 0;
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
    return in_panels_ ? j / C * right_.lines.inner_stride() : right_.lines.offset(column_ + j);
  }
  static int registers(int wide) { return (wide + W - 1) / W; }
  void pack_panel(std::int64_t p) const {
    const std::int64_t j = panels_.first(p);
    const int wide = panels_.size(p);
    if (right_.fill != nullptr)
      right_.fill(right_.filler, packed_right_ + j * block_.inner, registers(wide) * W, column_ + j, wide, first_,
                  depth_);
    else
      pack(packed_right_ + j * block_.inner, registers(wide) * W, right_.at, Lines<C>(right_.lines, column_ + j, wide),
           right_.inner, first_, depth_);
  }

  void run_tiles(std::int64_t p, std::int64_t from, std::int64_t to) const {
    alignas(64) T tile[R * C];
    const std::int64_t j = panels_.first(p);
    const int wide = panels_.size(p);
    const std::int64_t ld = registers(wide) * W;
    const Side<T> right = right_in_place_ ? Side<T>{right_.at + right_at(j), 1, 1, right_.inner.inner_stride()}
                                          : Side<T>{packed_right_ + j * block_.inner, ld, 1, ld};
    const Stretches inner{stretch_.data(), stretch_.data() + stretches_};
    for (std::int64_t t = from; t < to; ++t) {
      const std::int64_t i = tiles_.first(t);
      const int high = tiles_.size(t);
      const Side<T> left = left_in_place_ ? Side<T>{left_.at + left_.lines.offset(row_ + i), 1,
                                                    left_.lines.inner_stride(), left_.inner.inner_stride()}
                                          : Side<T>{packed_left_ + i * depth_, high, 1, high};
      if (result_.at != nullptr && parts_ == 1 && wide == ld && !keeps_sums_) {
        multiply_for<T>(high, registers(wide), left_along_)(
            inner, left, right, result_.at + (row_ + i) * result_.row + column_ + j, result_.row);
        continue;
      }
      multiply_for<T>(high, registers(wide), left_along_)(inner, left, right, tile, ld);
      if (parts_ > 1 || keeps_sums_) add_up(tile, ld, row_ + i, column_ + j, high, wide);
      if (part_ + 1 == parts_ && !keeps_sums_) finish(tile, ld, row_ + i, high, column_ + j, wide);
    }
  }

  /// Where the contracted axis is cut: adds a tile to the sums so far, and leaves the new sums in the tile.
  void add_up(T* tile, std::int64_t ld, std::int64_t row, std::int64_t column, int high, int wide) const {
    for (int x = 0; x < high; ++x)
      for (int y = 0; y < wide; ++y) {
        T &s = sums_[(row + x) * columns_ + column + y], &t = tile[x * ld + y];
        t = s = part_ == 0 ? t : T(s + t);
      }
  }

  Sums sums_of_;
  bool swapped_;  ///< the operands are swapped
  Result result_;
  Operand left_, right_;
  std::int64_t rows_, columns_, inner_;
  int threads_;
  FinishTile<T> finish_;
  const void* context_;
  bool in_panels_, left_along_, left_in_place_, right_in_place_;  ///< left_along_: in place, along the contracted axis
  Blocks block_;
  T *packed_left_ = nullptr, *packed_right_ = nullptr, *sums_ = nullptr;
  std::int64_t chunks_ = 1, begin_ = 0;  ///< chunks of the contracted axis, and where the current one begins
  bool keeps_sums_ = false;              ///< in its table, and leaves the rest to others
  std::int64_t column_ = 0, n_ = 0, row_ = 0, part_ = 0, parts_ = 1, first_ = 0, depth_ = 0;  // the current block
  Tiling tiles_, panels_;
  std::array<Stretch, std::size_t(most_stretches)> stretch_;
  int stretches_ = 0;
};

}  // namespace sinter::cpu
