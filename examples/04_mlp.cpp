// A network: layers are members, the forward pass is a function, training is one compiled program.
#include <sinter/sinter.hpp>

#include <cstdio>

using namespace sinter;

struct Mlp {
  nn::Linear<64, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto operator()(auto image) const { return fc2(relu(fc1(flatten(image)))); }
};

int main(int argc, char** argv) {
  // 1,797 scans of digits, a fifth of each class held out; a loader splits the rest into batches of up to 32.
  const auto digits = data::digits(argc > 1 ? argv[1] : SINTER_DIGITS);
  const auto [train, test] = data::stratified_split(digits, 0.2, Seed{1});
  auto batches = data::loader<32>(train, {.shuffle = true, .seed = Seed{2}});

  // A model owns the parameters of a net. A step is forward, backward and
  // optimizer; the memory that it needs is known at compile time.
  Model<Mlp> net(Seed{42});
  print(net);
  auto step = training(net, batches, nn::cross_entropy, optim::Adam{.lr = 2e-3f});
  std::printf("a step: %.0f operations, %zu bytes of workspace\n", step.flops, step.workspace_bytes);

  for (int epoch = 0; epoch < 15; ++epoch) {
    double loss = 0;
    for (auto [image, label] : batches) loss += double(step(image, label).loss);
    if (epoch % 5 == 4) std::printf("epoch %2d: loss %.4f\n", epoch + 1, loss / double(batches.batches()));
  }

  // Inference is another program over the same parameters.
  auto held_out = data::loader<256>(test);
  auto infer = inference(net, held_out);
  ConfusionMatrix<10> matrix;
  for (auto [image, label] : held_out) matrix.add(infer(image), label);
  std::printf("accuracy on %lld held-out scans: %.1f %%\n", static_cast<long long>(matrix.total()),
              100 * matrix.accuracy());
  return matrix.accuracy() > 0.95 ? 0 : 1;
}
