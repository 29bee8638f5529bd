// expect: hyperparameters_belong_to_the_type_write_Model_net_of_a_factory_lambda<.*Net
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 2> fc;
  float scale = 1;
  constexpr auto operator()(auto x) const { return fc(x) * scale; }
};

int main() { Model<Net> net(Net{.scale = 3}, Seed{1}); }
