// Two training programs of small nets, as large as those of a GAN: a discriminator, and a generator that learns pairs.
#include <sinter/sinter.hpp>
using namespace sinter;

struct Discriminator {
  nn::Linear<2, 64> first;
  nn::Linear<64, 64> second;
  nn::Linear<64, 1> last;
  constexpr auto operator()(auto x) const { return last(leaky_relu(second(leaky_relu(first(x))))); }
};
struct Generator {
  nn::Linear<16, 64> first;
  nn::Linear<64, 64> second;
  nn::Linear<64, 2> last;
  constexpr auto operator()(auto z) const { return tanh(last(relu(second(relu(first(z)))))); }
};

int main() {
  Model<Discriminator> discriminator(Seed{1});
  Model<Generator> generator(Seed{2});
  auto train_discriminator = training<Tensor<float, 64, 2>, Tensor<float, 64, 1>>(
      discriminator, nn::binary_cross_entropy_with_logits, optim::Adam{.lr = 2e-4f});
  auto train_generator =
      training<Tensor<float, 64, 16>, Tensor<float, 64, 2>>(generator, nn::mse_loss, optim::Adam{.lr = 2e-4f});
  Tensor<float, 64, 16> noise;
  Tensor<float, 64, 2> real;
  Tensor<float, 64, 1> label;
  noise.fill(.1f), real.fill(.2f), label.fill(1);
  std::printf("%g %g\n", double(train_discriminator(real, label).loss), double(train_generator(noise, real).loss));
}
