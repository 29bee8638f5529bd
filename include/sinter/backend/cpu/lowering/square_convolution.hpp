// Convolutions with square windows and stride 1 whose channels are innermost, [N, H, W, C], and the gradients of their
// weights, as the loops of the contractions that they are lowered to. That a contraction is one, its tag says
// (contract_tag.hpp); loops are read for sizes and strides.
#pragma once
#include "contract_tag.hpp"
#include "panels.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using internals::compile::ContractLoops;
using internals::compile::KernelFacts;
using internals::compile::StepView;

/// Strides in elements. Rows of the contraction are images × height × width results, columns the filters.
struct SquareConvolution {
  std::int64_t images = 0, height = 0, width = 0, channels = 0, filters = 0, taps = 0;  ///< taps × taps per window
  std::int64_t image_stride = 0, row_stride = 0, pixel_stride = 0;  ///< of the padded image
  std::int64_t filter_stride = 0, channel_stride = 0, tap_row_stride = 0, tap_stride = 0;    ///< of the weights

  /// Results per tile along one axis for which the weights were transformed in advance (filters.hpp); 0: they are not
  /// transformed.
  int transformed_for = 0;

  /// Whether the loops of a convolution are those that `of` reads: rows (images,) y, x; columns filters; contracted ky,
  /// kx, channels.
  static constexpr bool fits(const StepView& s, const KernelFacts& f) {
    const ContractLoops at = s.contract_loops();
    const int images = at.columns - at.rows - 2;  // loops of the images: one or none
    if (images < 0 || images > 1 || at.inner - at.columns != 1 || s.loops() - at.inner != 3) return false;
    const int y = at.rows + images, x = y + 1, ky = at.inner, kx = ky + 1, c = ky + 2;
    return slides_along(f, y, ky) && slides_along(f, x, kx) && s.extent(ky) == s.extent(kx) && s.stride(0, c) == 1 &&
           s.form(1) != WeightForm::panels;
  }
  /// Reads the loops of one that fits. `Loops` has extent(l), and stride(p, l) of its operands; `form`: of the weights.
  template <class Loops> static constexpr SquareConvolution of(const ContractLoops& at, int loops, const Loops& s,
                                                               unsigned char form) {
    const int images = at.columns - at.rows - 2, y = at.rows + images, x = y + 1, ky = at.inner, kx = ky + 1,
              c = loops - 1;
    return {images > 0 ? s.extent(at.rows) : 1,
            s.extent(y),
            s.extent(x),
            s.extent(c),
            s.extent(at.columns),
            s.extent(ky),
            images > 0 ? s.stride(0, at.rows) : 0,
            s.stride(0, y),
            s.stride(0, x),
            s.stride(1, at.columns),
            s.stride(1, c),
            s.stride(1, ky),
            s.stride(1, kx),
            WeightForm::results_a_tile(form)};
  }
};

/// The gradient of such a convolution's weights: rows of the contraction are the filters, columns taps × taps ×
/// channels, and the contracted axis is images × height × width.
struct SquareWeightGradient {
  std::int64_t images = 0, height = 0, width = 0, channels = 0, filters = 0, taps = 0;
  std::int64_t image_stride = 0, row_stride = 0, pixel_stride = 0;           ///< of the padded image
  std::int64_t sample_stride = 0, sample_row_stride = 0, sample_pixel_stride = 0;  ///< of the cotangent of the results

  /// Whether the loops of such a gradient are those that `of` reads.
  static constexpr bool fits(const StepView& s, const KernelFacts& f) {
    const ContractLoops at = s.contract_loops();
    const int images = s.loops() - at.inner - 2;
    if (images < 0 || images > 1 || at.columns - at.rows != 1 || at.inner - at.columns != 3) return false;
    const int y = at.inner + images, x = y + 1, ky = at.columns, kx = ky + 1, c = ky + 2;
    return slides_along(f, y, ky) && slides_along(f, x, kx) && s.extent(ky) == s.extent(kx) && s.stride(1, c) == 1 &&
           s.stride(0, at.rows) == 1;
  }
  template <class Loops> static constexpr SquareWeightGradient of(const ContractLoops& at, int loops, const Loops& s) {
    const int images = loops - at.inner - 2, y = at.inner + images, x = y + 1, ky = at.columns, c = ky + 2;
    return {images > 0 ? s.extent(at.inner) : 1,
            s.extent(y),
            s.extent(x),
            s.extent(c),
            s.extent(at.rows),
            s.extent(ky),
            images > 0 ? s.stride(1, at.inner) : 0,
            s.stride(1, y),
            s.stride(1, x),
            images > 0 ? s.stride(0, at.inner) : 0,
            s.stride(0, y),
            s.stride(0, x)};
  }
};

}  // namespace sinter::cpu
