// expect: move the primitive out of the unnamed namespace|unnamed namespace
// lines: 25
// clang: 30
#include <sinter/sinter.hpp>
using namespace sinter;

namespace {
struct Twice : ops::Elementwise<Twice> {
  static constexpr const char* name = "twice";
  static constexpr auto eval(auto x) { return x + x; }
};
}  // namespace

int main() {
  Tensor<float, 3> a;
  Tensor<float, 3> b = apply<Twice>(a);
}
