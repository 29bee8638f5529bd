// expect: program_is_called_with_other_tensors_than_it_was_made_for<.*64.*32
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, upto<64, 'B'>, 4>>(net);
  Tensor<float, upto<32, 'B'>, 4> batch;
  infer(batch);
}
