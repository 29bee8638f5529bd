// expect: attention_layer_needs_inputs_of_time_and_its_number_of_features<.*float, 2, 10, 24
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Model<nn::MultiheadAttention<32, 4>> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 10, 24>>(net);
}
