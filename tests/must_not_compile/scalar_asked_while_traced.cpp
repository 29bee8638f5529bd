// expect: a_traced_value_has_no_number_use_select
// lines: 27
// clang: 51
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  Scalar temperature = 1.f;
  constexpr auto operator()(auto x) const {
    if (temperature.value() > 1.f) return x * 2.f;
    return x / 2.f;
  }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 3>>(net);
}
