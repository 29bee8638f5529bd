// expect: a_traced_value_cannot_be_printed_print_results<.*float, 2, 4
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const {
    print(x);
    return fc(x);
  }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
}
