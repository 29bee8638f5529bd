// expect: load_makes_the_model_itself_write_load_of_the_net<.*Model<Mlp
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() { auto net = load<Model<Mlp>>("mlp.safetensors"); }
