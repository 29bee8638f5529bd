// A convolutional network that classifies clothes: Fashion-MNIST, or any four
// IDX files of its format (--data ../shared/data/mnist).
#include <sinter/data/mnist.hpp>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include <cstdlib>

#include "options.hpp"
#include "report.hpp"

using namespace sinter;

struct Cnn {
  nn::Conv2d<1, 32, 3, Padding<1>> conv1;
  nn::BatchNorm2d<32> norm1;
  nn::Conv2d<32, 64, 3, Padding<1>> conv2;
  nn::BatchNorm2d<64> norm2;
  nn::Dropout drop{.p = .3f};
  nn::Linear<3136, 128> fc1;
  nn::Linear<128, 10> fc2;

  constexpr auto operator()(auto image) const {
    const auto low = max_pool2d<2>(relu(norm1(conv1(image))));
    const auto high = max_pool2d<2>(relu(norm2(conv2(low))));
    return fc2(drop(relu(fc1(drop(flatten(high))))));
  }
};

static int run(const Options& options) {
  const auto train = data::fashion_mnist(options.data, data::Part::train),
             test = data::fashion_mnist(options.data, data::Part::test);
  auto batches =
      data::loader<128>(train, {.shuffle = true, .seed = Seed{options.seed + 1}, .prefetch = options.threads > 1});
  auto held_out = data::loader<128>(test);

  Model<Cnn> net(Seed{options.seed});
  auto step =
      training(net, batches, nn::cross_entropy, optim::AdamW{.lr = options.lr}, Cpu{.threads = options.threads});
  step.seed = Seed{options.seed + 2};
  auto infer = inference<Tensor<float, upto<128, 'B'>, 1, 28, 28>>(net, Cpu{.threads = options.threads});
  std::printf("%zu pictures to learn from, %zu to test with\n\n", train.size(), test.size());
  summary<Tensor<float, 1, 1, 28, 28>>(net);

  const optim::CosineAnnealingLR schedule{
      .lr = double(options.lr), .T_max = std::int64_t(options.epochs) * std::int64_t(batches.batches())};
  Progress progress(options.epochs, std::int64_t(train.size()));
  ConfusionMatrix<10> matrix;
  std::vector<Misread> misread;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    for (auto [x, label] : batches) {
      step.optimizer.lr = schedule(step.steps());
      const auto [loss, scores] = step(x, label);
      progress.batch(loss, count_correct(scores, label), label.length<'B'>());
    }
    progress.end_epoch();
    misread.clear();
    matrix = examine(infer, held_out, misread);
    std::printf("test accuracy %.2f %%\n", 100 * matrix.accuracy());
  }

  save(net, options.out);
  print(matrix);
  draw_misread<28, 28, 2>(
      test, misread, 4,
      {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"});
  std::printf("\nsaved to %s\naccuracy: %.2f %%\n", options.out.c_str(), 100 * matrix.accuracy());
  return 0;
}

int main(int argc, char** argv) {
  const char* const folder = std::getenv("FASHION_MNIST");
  Options options{.epochs = 8,
                  .lr = 1e-3f,
                  .data = folder != nullptr && *folder != 0 ? folder : "/usr/share/datasets/fashion-mnist",
                  .out = "fashion.safetensors"};
  int status = 0;
  if (!parse(argc, argv,
             "Trains a convolutional network on Fashion-MNIST (a folder of IDX files: --data, or the environment "
             "variable FASHION_MNIST).",
             options, status))
    return status;
  try {
    return run(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
