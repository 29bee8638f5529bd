// expect: into_takes_the_programs_inputs_and_then_a_tensor_for_each_result<.*float, 2, 5.*float, 2, 4
#include <sinter/sinter.hpp>

int main() {
  using namespace sinter;
  Model<nn::Linear<3, 5>> net(Seed{1});
  auto run = inference<Tensor<float, 2, 3>>(net);
  Tensor<float, 2, 3> x;
  Tensor<float, 2, 4> y;
  run.into(x, y);
}
