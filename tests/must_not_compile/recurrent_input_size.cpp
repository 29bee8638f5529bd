// expect: recurrent_layer_needs_a_sequence_that_ends_with_its_input_size<.*float, 7, 2, 4.*, 3>
#include <sinter/sinter.hpp>

using namespace sinter;

struct Net {
  nn::GRU<3, 5> gru;
  constexpr auto operator()(auto x) const {
    const auto all = gru(x);
    return all;
  }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 7, 2, 4>>(net);
}
