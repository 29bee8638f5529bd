#include <sinter/io/checkpoint.hpp>
#include <sinter/sinter.hpp>

#include "any_step.hpp"

namespace any_step {

using namespace sinter;

struct Net {
  nn::Linear<2, 1> fc{.weight = {nn::init::constant(.5f)}, .bias = {nn::init::constant(-1)}};
  constexpr auto operator()(auto x) const { return fc(x); }
};
template <class L, class B> Parts(L, B) -> Parts<L, B>;

Made make(float lr) {
  const Model<Net> net(Seed{1});
  return {training<Input, Target>(net, nn::mse_loss, optim::SGD{.lr = lr, .momentum = .5f}),
          training<Input, Target>(net, optim::Adam{.lr = 0},
                                  [](auto& net, const auto& x, const auto& y) {
                                    const auto output = net(x);
                                    return Parts{mean(square(output - y)), net.fc.bias * 1.f};
                                  }),
          inference<Input>(net)};
}
void save(const std::string& path, Made& made) { save_checkpoint(path, made.step); }
void restore(const std::string& path, Made& made) { resume(path, made.step); }

}  // namespace any_step
