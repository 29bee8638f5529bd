// expect: a_model_is_run_by_a_program_write_inference_of_Input_and_call_that<Mlp
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  const Tensor<float, 2, 4> x;
  auto y = net(x);
}
