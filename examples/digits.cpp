// The main example: a small convolutional network that reads handwritten digits: trained, saved, loaded and evaluated.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include "options.hpp"
#include "report.hpp"

using namespace sinter;

struct Cnn {
  nn::Conv2d<1, 16, 3, Padding<1>> conv1;
  nn::Conv2d<16, 32, 3, Padding<1>> conv2;
  nn::Dropout drop{.p = .25f};
  nn::Linear<512, 64> fc1;
  nn::Linear<64, 10> fc2;

  constexpr auto operator()(auto image) const {
    const auto features = max_pool2d<2>(relu(conv2(relu(conv1(image)))));
    return fc2(relu(fc1(drop(flatten(features)))));
  }
};

static int run(const Options& options) {
  const auto digits = data::digits(options.data);
  const auto [known, test] = data::stratified_split(digits, 0.2, Seed{options.seed});
  const auto train = data::with_shifted_copies<8, 8>(known);
  auto batches = data::loader<64>(train, {.shuffle = true, .seed = Seed{options.seed + 1}});

  Model<Cnn> net(Seed{options.seed + 2});
  auto step = training(net, batches, nn::cross_entropy, optim::Adam{.lr = options.lr, .weight_decay = 1e-4f},
                       Cpu{.threads = options.threads});
  step.seed = Seed{options.seed + 3};
  std::printf("%zu scans to learn from (%zu with those moved by a pixel), %zu held out\n\n", known.size(), train.size(),
              test.size());
  summary<Tensor<float, 1, 1, 8, 8>>(net);
  std::printf("training: %.0f operations a step of 64, %zu bytes of workspace, %d steps, %d distinct kernels\n\n",
              step.flops, step.workspace_bytes, decltype(step)::Program::steps,
              decltype(step)::Program::distinct_kernels);

  const optim::CosineAnnealingLR schedule{
      .lr = double(options.lr), .T_max = std::int64_t(options.epochs) * std::int64_t(batches.batches())};
  Progress progress(options.epochs, std::int64_t(train.size()));
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    for (auto [x, label] : batches) {
      step.optimizer.lr = schedule(step.steps());  // the optimizer's numbers may change between steps
      const auto [loss, scores] = step(x, label);
      progress.batch(loss, count_correct(scores, label), label.length<'B'>());
    }
    progress.end_epoch();
  }

  save(net, options.out);
  const Model<Cnn> again = load<Cnn>(options.out);
  using Batch = Tensor<float, upto<64, 'B'>, 1, 8, 8>;
  auto trained = inference<Batch>(net), reloaded = inference<Batch>(again);
  auto held_out = data::loader<64>(test);
  std::vector<Misread> misread, same;
  const auto matrix = examine(trained, held_out, misread);
  examine(reloaded, held_out, same);
  if (same != misread)
    throw Error(ErrorCode::format, options.out, "the reloaded model reads other digits than the one that was saved");

  print(matrix);
  draw_misread<8, 8, 1>(test, misread, 5, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  std::printf("\nsaved to %s, read back: the same on all %lld samples\n", options.out.c_str(),
              static_cast<long long>(matrix.total()));
  std::printf("accuracy: %.2f %%\n", 100 * matrix.accuracy());
  return 0;
}

int main(int argc, char** argv) {
  Options options{.epochs = 8, .data = SINTER_DIGITS, .out = "digits.safetensors"};
  int status = 0;
  if (!parse(argc, argv, "Trains a convolutional network on 8x8 handwritten digits, and shows what it learned.",
             options, status))
    return status;
  try {
    return run(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
