// expect: module_has_a_c_array_write_std_array<.*Net
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 4> blocks[3];
  constexpr auto operator()(auto x) const {
    for (const auto& b : blocks) x = b(x);
    return x;
  }
};

int main() { Model<Net> net(Seed{1}); }
