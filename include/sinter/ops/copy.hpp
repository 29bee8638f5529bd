// A copy with a buffer of its own. Users never write it: the compiler inserts it where a view must be materialised.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

struct Unchanged : Promoted {  ///< any dtype, kept
  static constexpr Dtype operand(int, Dtype promoted) { return promoted; }
  static constexpr Dtype result(Dtype promoted) { return promoted; }
};
struct Copy : Elementwise<Copy, 1, Unchanged> {
  static constexpr const char* name = "copy";
  static constexpr bool copies = true;
  static constexpr auto eval(auto x) { return x; }
  static constexpr auto derivative(int, auto, auto, auto t) { return t; }
};

}  // namespace ops
}  // namespace sinter
