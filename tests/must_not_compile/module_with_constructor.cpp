// expect: module_must_be_an_aggregate_without_constructors_private_members_or_virtual_functions<.*Net
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  Net() {}
  nn::Linear<4, 2> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() { Model<Net> net(Seed{1}); }
