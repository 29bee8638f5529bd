// expect: module_has_a_base_class_make_it_a_member<.*Net
#include <sinter/sinter.hpp>
using namespace sinter;

struct Trunk {
  nn::Linear<4, 4> fc;
};
struct Net : Trunk {
  nn::Linear<4, 2> head;
  constexpr auto operator()(auto x) const { return head(fc(x)); }
};

int main() { Model<Net> net(Seed{1}); }
