// expect: recurrent_cell_needs_an_input_that_ends_with_its_input_size<.*float, 2, 4.*, 3>
// clang: 21
#include <sinter/sinter.hpp>

using namespace sinter;

struct Net {
  nn::Streaming<nn::LSTMCell<3, 5>, 2> lstm;
  constexpr auto operator()(auto x) const { return lstm(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
}
