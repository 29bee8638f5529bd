// How a contraction is computed. The target decides it once, where the step is emitted (choose.hpp), and stores it
// there (compile/program/table.hpp); the kernel, scratch memory, tiles and reports read it.
#pragma once
#include "../../tensor/language.hpp"

#include <cstdint>

namespace sinter::inline SINTER_ABI::cpu {

struct ContractMethod {
  /// What its loops are, whatever their lengths.
  enum class Form : unsigned char {
    product,          ///< rows, columns and a contracted axis, each of one loop or several
    convolution,      ///< SquareConvolution
    weight_gradient,  ///< SquareWeightGradient
  };
  enum class Sums : unsigned char {
    by_length,          ///< some loop has a run-time length, or runs in tiles: the kernel asks `method_of` with lengths
    tiles,              ///< register tiles over panels, or over operands in place (products.hpp)
    dots,               ///< skinny products, lanes along the contracted axis (skinny.hpp)
    streams,            ///< skinny products, lanes along columns
    streamed,           ///< of a right operand that is computed as it is streamed (streamed.hpp)
    winograd,           ///< a convolution by its transforms (winograd.hpp)
    winograd_gradient,  ///< the gradient of its weights (winograd_gradient.hpp)
  };
  /// In straight-line code, where extents and strides are constants (small.hpp).
  enum class Small : unsigned char {
    none,        ///< as in a program of many steps
    outer,       ///< lanes along columns, operands in place
    dot,         ///< lanes along the contracted axis, operands in place
    transposed,  ///< `outer` on a transposed copy of the right operand on the stack
  };

  Form form = Form::product;
  Sums sums = Sums::by_length;
  bool swapped = false;                               ///< operands are swapped, and tiles transposed after their sums
  bool left_in_place = false, right_in_place = false; ///< else packed; of tiles, after operands were swapped
  int results_a_tile = 0;                             ///< of Winograd's transforms, along one axis
  Small in_line = Small::none;

  constexpr std::uint16_t packed() const {
    return static_cast<std::uint16_t>(int(form) | int(sums) << 2 | int(swapped) << 5 | int(left_in_place) << 6 |
                                      int(right_in_place) << 7 | results_a_tile << 8 | int(in_line) << 11);
  }
  static constexpr ContractMethod of(std::uint16_t m) {
    return {Form(m & 3),        Sums(m >> 2 & 7), (m >> 5 & 1) != 0, (m >> 6 & 1) != 0,
            (m >> 7 & 1) != 0, m >> 8 & 7,       Small(m >> 11 & 3)};
  }
};

/// A set of ways to sum: code for others is not compiled.
using SumsSet = std::uint32_t;
inline constexpr SumsSet any_sums = ~SumsSet(0);
constexpr SumsSet set_of(ContractMethod::Sums s) { return SumsSet(1) << int(s); }
/// Whether a method of the set sums like that: known while compiling, unless the set has it and others.
template <SumsSet Set, ContractMethod::Sums S>
[[gnu::always_inline]] constexpr bool sums_by(ContractMethod::Sums sums) {
  if constexpr ((Set & set_of(S)) == 0) return false;
  else if constexpr (Set == set_of(S)) return true;
  else return sums == S;
}

}  // namespace sinter::cpu
