// A matrix product, (M, K) × (K, N) → (M, N): its operands, the method by which it is computed, and its blocks. The
// passes of the compiler and reports ask these; `sum_products` computes it (products.hpp).
#pragma once
#include "blocks.hpp"
#include "instance.hpp"
#include "method.hpp"
#include "pack.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// What the method of a product depends on: the lines of an operand (rows of the left, columns of the right), and the
/// contracted axis along each.
struct ProductLines {
  Nest lines, inner;
  bool computed = false;   ///< while it is packed
  bool in_panels = false;  ///< packed in panels, [N / width, K, width]; the stride of lines is that of panels
};
/// An operand of a product.
template <class T> struct ProductOperand {
  /// Writes lines [line, line + lines) at points [first, first + depth) of the contracted axis to to[k * width + i].
  using Fill = void (*)(const void* filler, T* to, int width, std::int64_t line, int lines, std::int64_t first,
                        std::int64_t depth);

  const T* at;
  Nest lines, inner;
  Fill fill = nullptr;  ///< computes it (prologue.hpp); then `at` is not memory
  const void* filler = nullptr;
  bool in_panels = false;

  constexpr ProductLines shape() const { return {lines, inner, fill != nullptr, in_panels}; }
};
/// One that nothing computes.
template <class T> struct InMemory {
  static constexpr typename ProductOperand<T>::Fill fill = nullptr;
};
/// finish(context, tile, ld, row, rows, column, columns): the epilogue, when the sums of one tile are complete.
template <class T> using FinishTile = void (*)(const void* context, const T* tile, std::int64_t ld, std::int64_t row,
                                               int rows, std::int64_t column, int columns);

/// What skinny products (skinny.hpp) are for: at most this many of the few lines, for which they are faster than tiles.
struct SkinnyLimits {
  static constexpr int most_dots = 16, most_streams = 4;
  /// scratch has room for this much of the few lines, where they are not contiguous along the contracted axis
  static constexpr std::int64_t longest_transposed = 2048;
  static constexpr int points = 8;  ///< of the contracted axis that are added at a time
};

/// How the contracted axis is cut into stretches along which both operands have constant strides.
struct StretchLimits {
  static constexpr std::int64_t shortest = 16;          ///< that is worth a loop of its own
  static constexpr std::int64_t shortest_unpacked = 3;  ///< and where packing would be for one or two panels only
  static constexpr int most = 256;                      ///< each operand may have half of them
  static constexpr std::int64_t most_window_elements = 192;  ///< for which windows are not packed

  static constexpr std::int64_t run_of(const Nest& lines) { return lines.extent[lines.loops - 1]; }
  static constexpr std::int64_t count(const Nest& inner) {
    return inner.count() / std::max<std::int64_t>(1, run_of(inner));
  }
};

/// Decides how a product of elements of type T is computed.
///
/// Operands are packed into the order in which tiles read them, or read in place: a left one that is contiguous along
/// the contracted axis and has evenly spaced rows (an image with channels innermost, [N, H, W, C]), or that has
/// contiguous rows in short runs (the windows over it), a right one with contiguous columns, or one that was packed in
/// advance (lowering/panels.hpp).
///
/// Windows multiplied by few rows, as in the gradient of a first layer's weights, are never packed: if they are the
/// right operand, the operands are swapped, and tiles are transposed before their epilogue.
template <class T> class ProductMethod {
  static constexpr int R = Tile<T>::rows, W = Tile<T>::width, C = Tile<T>::columns;
  using By = ContractMethod::Sums;
  using S = StretchLimits;

 public:
  /// How a product is computed.
  SINTER_COLD static constexpr ContractMethod of(const ProductLines& left, const ProductLines& right) {
    ContractMethod m{.sums = skinny(left, right)};
    m.swapped = m.sums == By::tiles && swaps_operands(left, right);
    const ProductLines &rows = m.swapped ? right : left, &columns = m.swapped ? left : right;
    const std::int64_t height = rows.lines.count(), width = columns.lines.count(), depth = left.inner.count();
    const bool left_along = !m.swapped && reads_left_along(rows, height, width, depth);
    m.left_in_place = m.swapped || left_along;
    m.right_in_place = reads_right_in_place(columns, height, width, depth, left_along);
    return m;
  }
  /// What a step has stored, or what was left to the lengths of a run.
  static ContractMethod settled(const ContractMethod& stored, const ProductOperand<T>& left,
                                const ProductOperand<T>& right) {
    return stored.sums == By::by_length ? of(left.shape(), right.shape()) : stored;
  }

 private:
  static constexpr bool is_along(const ProductLines& o) { return o.inner.loops == 1 && o.inner.inner_stride() == 1; }
  /// Dot products or strips of sums; `tiles` where neither suits.
  static constexpr ContractMethod::Sums skinny(const ProductLines& left, const ProductLines& right) {
    const bool swapped = left.lines.count() > right.lines.count();
    const ProductLines &many = swapped ? left : right, &few = swapped ? right : left;
    const std::int64_t n = few.lines.count(), inner = many.inner.count();
    if (right.in_panels || left.computed || right.computed) return By::tiles;
    if (is_along(many) && (is_along(few) || inner <= SkinnyLimits::longest_transposed) &&
        n <= SkinnyLimits::most_dots && inner >= (n == 1 ? 4 : 16) * W)
      return By::dots;
    return many.lines.loops == 1 && many.lines.inner_stride() == 1 && n <= SkinnyLimits::most_streams &&
                   many.lines.count() >= 2 * W && inner >= SkinnyLimits::points
               ? By::streams
               : By::tiles;
  }

  /// Whether the right operand is windows, contiguous in short runs, over few channels, and the left one has contiguous
  /// lines: then they are swapped.
  static constexpr bool swaps_operands(const ProductLines& left, const ProductLines& right) {
    const Nest &windows = right.lines, &inner = right.inner;
    if (left.computed || right.computed || right.in_panels || left.lines.loops != 1 ||
        left.lines.inner_stride() != 1 || windows.loops < 2 || windows.inner_stride() != 1)
      return false;
    const std::int64_t rows = left.lines.count(), columns = windows.count(),
                       run = std::min(S::run_of(left.inner), S::run_of(inner));
    if (rows > most_swapped_rows || columns > S::most_window_elements || S::run_of(windows) < S::shortest_unpacked)
      return false;
    return inner.count() > deepest || 2 * (inner.count() / std::max<std::int64_t>(1, run) + 2) <= S::most;
  }
  static constexpr bool reads_left_along(const ProductLines& left, std::int64_t rows, std::int64_t columns,
                                         std::int64_t depth) {
    const Nest &lines = left.lines, &inner = left.inner;
    if (left.computed) return false;
    const std::int64_t shortest = inner.loops > 1 && columns <= 2 * C ? S::shortest_unpacked : S::shortest;
    if (inner.inner_stride() != 1 || S::run_of(inner) < shortest || 2 * S::count(inner) > S::most) return false;
    const std::int64_t run = S::run_of(lines);
    if (run < rows && run * 2 < R) return false;
    return left_stays_in_place<T>(run, lines.inner_stride() * std::int64_t(sizeof(T)), depth);
  }
  static constexpr bool reads_right_in_place(const ProductLines& right, std::int64_t rows, std::int64_t columns,
                                             std::int64_t inner_points, bool left_along) {
    if (right.in_panels) return true;
    if (right.computed) return false;
    const Nest &lines = right.lines, &inner = right.inner;
    if (lines.inner_stride() != 1 || !right_stays_in_place<T>(S::run_of(lines), rows) ||
        (S::count(inner) > 1 && S::run_of(inner) < S::shortest / 2))
      return false;
    const std::int64_t depth = depth_of<T>(rows, columns, inner_points, left_along);
    return 2 * (depth / std::max<std::int64_t>(1, S::run_of(inner)) + 2) <= S::most;
  }
};

/// A product's extents and blocks, operands swapped if its method says so.
template <class T> struct ProductPlan {
  bool swapped, in_panels;
  bool left_along, left_in_place, right_in_place;  ///< left_along: in place, along the contracted axis
  std::int64_t rows, columns, inner;
  Blocks block;
  std::int64_t chunks;  ///< of the contracted axis
  ContractMethod::Sums sums;

  ProductPlan(const ContractMethod& method, const ProductLines& left, const ProductLines& right)
      : swapped(method.swapped),
        in_panels(!swapped && right.in_panels),
        left_along(method.left_in_place && !swapped),
        left_in_place(method.left_in_place),
        right_in_place(method.right_in_place),
        rows((swapped ? right : left).lines.count()),
        columns((swapped ? left : right).lines.count()),
        inner(left.inner.count()),
        block(blocks_of<T>(rows, columns, inner, left_along)),
        chunks(LongSums::chunks(rows, columns, inner)),
        sums(method.sums) {
    packed_left = left_in_place ? 0 : aligned_bytes<T>(block.rows * block.inner);
    packed_right = right_in_place ? 0 : aligned_bytes<T>(block.columns * block.inner);
    if (right_in_place) block.columns = std::max<std::int64_t>(1, columns);
    if (left_in_place) block.rows = std::max<std::int64_t>(1, rows);
    // the depth for which the stretches suffice, where the contracted axis is cut anyway
    if (swapped)
      block.inner = std::min(block.inner, (StretchLimits::most / 2 - 2) *
                                              std::max<std::int64_t>(1, std::min(StretchLimits::run_of(left.inner),
                                                                                 StretchLimits::run_of(right.inner))));
  }
  bool is_skinny() const { return sums == ContractMethod::Sums::dots || sums == ContractMethod::Sums::streams; }

  std::int64_t packed_left, packed_right;  ///< bytes of scratch memory
};

/// Where sums without an epilogue are stored directly: columns are contiguous.
template <class T> struct ProductResult {
  T* at = nullptr;
  std::int64_t row = 0;
};

/// A product to compute.
template <class T> struct Product {
  ProductOperand<T> left, right;
  ContractMethod method;
  std::byte* scratch;
  int threads;
  FinishTile<T> finish;
  const void* context;
  ProductResult<T> result{};
};

/// Computes it. `Methods`: how it may be summed; code for others is not compiled.
template <class T, SumsSet Methods = any_sums, class = Instance> void sum_products(const Product<T>& product);

}  // namespace sinter::cpu
