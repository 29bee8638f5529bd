// expect: a_buffer_cannot_be_updated_by_single_samples
// lines: 32
// clang: 72
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  Buffer<float, 3> last;
  constexpr auto operator()(auto x) const {
    return vmap([&](auto row) {
      last.update(row);
      return row * 2.f;
    })(x);
  }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 4, 3>, Tensor<float, 4, 3>>(net, nn::mse_loss, optim::SGD{});
}
