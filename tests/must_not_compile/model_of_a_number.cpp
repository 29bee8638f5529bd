// expect: a_model_takes_a_Seed_write_Seed_of_the_number<Mlp, int
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() { Model<Mlp> net(42); }
