// expect: a_buffer_cannot_be_updated_by_single_steps
// lines: 31
// clang: 66
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  Buffer<float, 3> last;
  constexpr auto operator()(auto x) const {
    return scan([&](auto c, auto row) {
      last.update(row);
      return c + row;
    }, last, x);
  }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 4, 3>, Tensor<float, 3>>(net, nn::mse_loss, optim::SGD{});
}
