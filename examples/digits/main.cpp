// The main job: a classifier of handwritten digits, trained, saved, read back and looked at.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include "options.hpp"

using namespace sinter;

struct Mlp {
  nn::Linear<64, 256> fc1;
  nn::Linear<256, 128> fc2;
  nn::Linear<128, 10> fc3;
  constexpr auto operator()(auto x) const { return fc3(relu(fc2(relu(fc1(x))))); }
};

using Batch = Tensor<float, upto<256, 'B'>, 64>;

/// A few misread digits side by side, drawn in shades.
static void draw_misread(const data::Labelled<64>& samples, const std::vector<std::pair<std::size_t, int>>& misread) {
  const char* shade[]{"  ", "░░", "▒▒", "▓▓", "██"};
  const std::size_t shown = std::min<std::size_t>(misread.size(), 5);
  if (shown == 0) return;
  std::printf("\n%zu of %zu misread:\n", shown, misread.size());
  for (std::size_t k = 0; k < shown; ++k) std::printf("%d read as %d          ", samples.label(misread[k].first), misread[k].second);
  std::printf("\n");
  for (int row = 0; row < 8; ++row) {
    for (std::size_t k = 0; k < shown; ++k) {
      for (int column = 0; column < 8; ++column) std::printf("%s", shade[int(samples.features(misread[k].first)[row * 8 + column] * 4 + 0.5f)]);
      std::printf("    ");
    }
    std::printf("\n");
  }
}

static void print(const ConfusionMatrix<10>& matrix) {
  std::printf("\nconfusion matrix (rows: true digit, columns: read as)\n    ");
  for (int c = 0; c < 10; ++c) std::printf("%4d", c);
  for (int r = 0; r < 10; ++r) {
    std::printf("\n%4d", r);
    for (int c = 0; c < 10; ++c) matrix(r, c) == 0 ? std::printf("   ·") : std::printf("%4lld", static_cast<long long>(matrix(r, c)));
  }
  std::printf("\n");
}

static int run(const Options& options) {
  const auto digits = data::digits(options.data);
  const auto [known, test] = data::stratified_split(digits, 0.2, Seed{options.seed});
  const auto train = data::with_shifted_copies<8, 8>(known);
  auto batches = data::loader<32>(train, {.shuffle = true, .seed = Seed{options.seed + 1}});

  Model<Mlp> net(Seed{options.seed + 2});
  auto step = training(net, batches, nn::cross_entropy, optim::Adam{.lr = options.lr, .weight_decay = 1e-4f}, cpu::Threads{options.threads});
  using Step = decltype(step);
  static_assert(Step::workspace_bytes < 1 << 20, "a training step fits into a second-level cache");
  std::printf("%zu scans to learn from (%zu with those moved by a pixel), %zu held out\n", known.size(), train.size(), test.size());
  std::printf("known at compile time: %lld parameters, %.0f operations a step, %zu bytes of workspace, %d steps, %d kernels\n\n", static_cast<long long>(Step::parameters), Step::flops,
              Step::workspace_bytes, Step::Program::steps, Step::Program::distinct_kernels);

  Progress progress(options.epochs, std::int64_t(train.size()));
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    step.optimizer.lr = options.lr * (1.f - float(epoch) / float(options.epochs));  // a number may change while the program runs
    for (auto [x, label] : batches) {
      const auto [loss, scores] = step(x, label);
      progress.batch(loss, count_correct(scores, label), label.length<'B'>());
    }
    progress.end_epoch();
  }

  save(net, options.out);
  const Model<Mlp> again = load<Mlp>(options.out);
  auto trained = inference<Batch>(net), reloaded = inference<Batch>(again);

  ConfusionMatrix<10> matrix;
  std::vector<std::pair<std::size_t, int>> misread;
  std::size_t first = 0;
  auto held_out = data::loader<256>(test);
  for (auto [x, label] : held_out) {
    const auto& scores = trained(x);
    const auto& same = reloaded(x);
    for (std::int64_t i = 0; i < label.length<'B'>(); ++i) {
      for (int c = 0; c < 10; ++c)
        if (scores(i, c) != same(i, c)) throw Error(ErrorCode::format, options.out, "the reloaded model scores sample " + std::to_string(first + std::size_t(i)) + " differently");
      if (predicted_class(scores, i) != label(i)) misread.emplace_back(first + std::size_t(i), predicted_class(scores, i));
    }
    matrix.add(scores, label);
    first += std::size_t(label.length<'B'>());
  }
  print(matrix);
  draw_misread(test, misread);
  std::printf("\nsaved to %s, read back: equal scores on all %lld samples\n", options.out.c_str(), static_cast<long long>(matrix.total()));
  std::printf("accuracy: %.2f %%\n", 100 * matrix.accuracy());
  return 0;
}

int main(int argc, char** argv) {
  Options options;
  options.data = SINTER_DIGITS;
  int status = 0;
  if (!parse(argc, argv, options, status)) return status;
  try {
    return run(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
