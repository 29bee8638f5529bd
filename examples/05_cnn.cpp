// A convolutional network like LeNet, on MNIST: 05_cnn FOLDER [EPOCHS]. The folder holds MNIST's four IDX files,
// gzipped or not. Without it the program prints a summary of the network and ends.
#include <sinter/data/mnist.hpp>
#include <sinter/sinter.hpp>

#include <cstdio>
#include <cstdlib>

using namespace sinter;

struct LeNet {
  nn::Conv2d<1, 16, 5, Padding<2>> conv1;
  nn::Conv2d<16, 32, 5, Padding<2>> conv2;
  nn::Dropout drop{.p = .3f};  // random zeros in training, nothing in inference
  nn::Linear<1568, 128> fc1;
  nn::Linear<128, 10> fc2;

  constexpr auto operator()(auto image) const {
    const auto low = max_pool2d<2>(relu(conv1(image)));  // [B, 16, 14, 14]
    const auto high = max_pool2d<2>(relu(conv2(low)));   // [B, 32, 7, 7]
    return fc2(relu(fc1(drop(flatten(high)))));
  }
};

int main(int argc, char** argv) try {
  Model<LeNet> net(Seed{1});
  summary<Tensor<float, 1, 1, 28, 28>>(net);
  if (argc < 2) {
    std::printf("no folder given: nothing to learn from\n");
    return 0;
  }
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto train = data::mnist(argv[1], data::Part::train), test = data::mnist(argv[1], data::Part::test);
  auto batches = data::loader<64>(train, {.shuffle = true, .seed = Seed{2}});
  auto held_out = data::loader<64>(test);

  auto step = training(net, batches, nn::cross_entropy, optim::Adam{});
  auto infer = inference(net, held_out);
  const optim::CosineAnnealingLR schedule{.lr = 2e-3, .T_max = std::int64_t(epochs) * std::int64_t(batches.batches())};
  Progress progress(epochs, std::int64_t(train.size()));
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (auto [image, label] : batches) {
      step.optimizer.lr = schedule(step.steps());
      const auto [loss, scores] = step(image, label);
      progress.batch(loss, count_correct(scores, label), label.length<'B'>());
    }
    progress.end_epoch();
    std::int64_t correct = 0;
    for (auto [image, label] : held_out) correct += count_correct(infer(image), label);
    std::printf("test accuracy %.2f %%\n", 100 * double(correct) / double(test.size()));
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
