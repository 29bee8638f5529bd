// expect: a_net_with_states_is_run_by_a_program_write_inference<Counts
#include <sinter/sinter.hpp>
using namespace sinter;

struct Counts {
  State<float, 1> n;
  constexpr auto operator()(auto x) const {
    n.update(n + 1.f);
    return x * n;
  }
};

int main() {
  Model<Counts> net(Seed{1});
  const Tensor<float, 1> x;
  auto y = net(x);
}
