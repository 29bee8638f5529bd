// Records: samples with named fields, from data set to training step.
#include <doctest/doctest.h>
#include <sinter/data/concatenation.hpp>
#include <sinter/data/mapped.hpp>
#include <sinter/data/records.hpp>
#include <sinter/data/subset.hpp>
#include <sinter/sinter.hpp>

#include <set>

using namespace sinter;

namespace records {

template <class Image, class Boxes, class Labels, class Weight> struct Scene {
  Image image;
  Boxes boxes;
  Labels labels;
  Weight weight;
};
template <class I, class B, class L, class W> Scene(I, B, L, W) -> Scene<I, B, L, W>;

using One = Scene<Tensor<float, 2, 3>, Tensor<float, 4>, Tensor<std::int64_t, 2>, float>;

/// Sample i is made of i alone.
struct Scenes {
  using Record = One;
  std::size_t n = 10;
  std::size_t size() const { return n; }
  void read(data::Visit v, const data::RecordViews<Record>& to) const {
    const float i = float(v.index);
    for (int r = 0; r < 2; ++r)
      for (int c = 0; c < 3; ++c) to.image(r, c) = 10 * i + float(r) + .1f * float(c);
    to.boxes = Tensor<float, 4>{i, i + 1, i + 2, i + 3};
    to.labels(0) = std::int64_t(v.index);
    to.labels(1) = std::int64_t(v.epoch);
    to.weight = Tensor<float>(.5f * i);
  }
};

/// Tensors without a struct around them.
struct Signals {
  using Record = Tensor<float, 3>;
  std::size_t size() const { return 5; }
  void read(data::Visit v, const data::RecordViews<Record>& to) const {
    for (int k = 0; k < 3; ++k) to(k) = float(v.index) + float(k);
  }
};

static_assert(data::RecordSet<Scenes> && data::DataSet<Scenes> && !data::PairSet<Scenes>);
static_assert(data::RecordSet<data::Records<One>> && data::Selectable<data::Records<One>>);
using Batch = typename data::Loader<4, Scenes>::Sample;
static_assert(std::is_same_v<Batch, Scene<Tensor<float, upto<4, 'B'>, 2, 3>, Tensor<float, upto<4, 'B'>, 4>,
                                          Tensor<std::int64_t, upto<4, 'B'>, 2>, Tensor<float, upto<4, 'B'>>>>);

void check(const Batch& batch, std::vector<std::size_t> numbers, std::int64_t epoch) {
  REQUIRE(std::size_t(batch.image.length('B')) == numbers.size());
  CHECK(std::size_t(batch.weight.length('B')) == numbers.size());
  for (int k = 0; k < int(numbers.size()); ++k) {
    const float i = float(numbers[std::size_t(k)]);
    CHECK(batch.image(k, 1, 2) == 10 * i + 1 + .1f * 2);
    CHECK(batch.boxes(k, 3) == i + 3);
    CHECK(batch.labels(k, 0) == std::int64_t(i));
    CHECK(batch.labels(k, 1) == epoch);
    CHECK(batch.weight(k) == .5f * i);
  }
}

struct Detector {
  nn::Linear<6, 4> box;
  constexpr auto operator()(auto image) const { return box(flatten<1>(image)); }
};

TEST_CASE("a loader of records hands out structs with the batch axis in front") {
  const Scenes scenes;
  auto batches = data::loader<4>(scenes);
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    std::size_t first = 0;
    for (const auto& batch : batches) {
      std::vector<std::size_t> numbers;
      for (std::size_t i = first; i < std::min<std::size_t>(first + 4, 10); ++i) numbers.push_back(i);
      check(batch, numbers, epoch);
      first += 4;
    }
    CHECK(first == 12);
  }
  auto none = data::loader<4>(Scenes{0});
  for (const auto& batch : none) FAIL("a batch of an empty set of length ", batch.image.length('B'));
  auto one = data::loader<4>(Scenes{1});
  for (const auto& batch : one) check(batch, {0}, 0);
}

TEST_CASE("shuffled, prefetched and positioned records are the same samples") {
  const Scenes scenes;
  const auto labels = [](auto& loader) {
    std::vector<std::int64_t> r;
    for (const auto& batch : loader)
      for (int k = 0; k < batch.labels.length('B'); ++k) r.push_back(batch.labels(k, 0));
    return r;
  };
  auto plain = data::loader<4>(scenes, {.shuffle = true, .seed = Seed{3}});
  auto ahead = data::loader<4>(scenes, {.shuffle = true, .seed = Seed{3}, .prefetch = true});
  const auto all = labels(plain);
  CHECK(all == labels(ahead));
  CHECK(std::set<std::int64_t>(all.begin(), all.end()).size() == 10);
  ahead.seek({.epoch = 0, .samples = 4});
  const auto rest = labels(ahead);
  CHECK(std::vector<std::int64_t>(all.begin() + 4, all.end()) == rest);
}

TEST_CASE("functions, subsets, splits and concatenations of records") {
  const Scenes scenes;
  const auto moved = data::mapped(scenes, [](const auto& scene, const Philox& random) {
    const float by = random.uniform(0);
    for (int k = 0; k < 4; ++k) scene.boxes(k) = scene.boxes(k) + by;
    scene.weight = Tensor<float>(by);
  }, Seed{5});
  auto batches = data::loader<16>(moved);
  std::vector<float> by;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& batch : batches)
      for (int k = 0; k < 10; ++k) {
        CHECK(batch.boxes(k, 0) == float(k) + batch.weight(k));
        by.push_back(batch.weight(k));
      }
  CHECK(std::set<float>(by.begin(), by.end()).size() == 20);  // others for each sample and epoch

  auto some = data::loader<4>(data::subset(scenes, {7, 2}));
  for (const auto& batch : some) check(batch, {7, 2}, 0);
  const auto [train, test] = data::random_split(scenes, .3, Seed{1});
  CHECK((train.size() == 7 && test.size() == 3));
  auto both = data::loader<16>(data::concatenated(Scenes{2}, Scenes{3}));
  for (const auto& batch : both)
    for (int k = 0; k < 5; ++k) CHECK(batch.labels(k, 0) == k - (k < 2 ? 0 : 2));

  data::Records<One> memory;
  for (int i = 0; i < 3; ++i) {
    One one;
    one.image.fill(float(i));
    one.boxes.fill(float(-i));
    one.labels.fill(i);
    one.weight = float(i) / 2;
    memory.add(one);
  }
  auto stored = data::loader<4>(memory.select({2, 0}));
  for (const auto& batch : stored) {
    CHECK((batch.image(0, 1, 1) == 2 && batch.boxes(0, 3) == -2 && batch.labels(0, 1) == 2 && batch.weight(0) == 1));
    CHECK((batch.image(1, 1, 1) == 0 && batch.weight(1) == 0 && batch.weight.length('B') == 2));
  }
  auto signals = data::loader<3>(Signals{});
  float sum = 0;
  for (const auto& batch : signals)
    for (int k = 0; k < batch.length('B'); ++k) sum += batch(k, 2);
  CHECK(sum == 20);  // 2 + 3 + 4 + 5 + 6
}

TEST_CASE("a training step of records reads their fields") {
  const Scenes scenes;
  auto batches = data::loader<4>(scenes);
  const Model<Detector> net(Seed{1});
  auto step = training(net, batches, optim::SGD{.lr = 0}, [](auto& net, const auto& batch) {
    const auto error = net(batch.image) - batch.boxes;
    return mean(square(error)) + 0.f * sum(batch.weight);
  });
  std::size_t first = 0;
  for (const auto& batch : batches) {
    const Tensor<float, upto<4, 'B'>, 4> boxes = net(batch.image);  // inference
    double expected = 0;
    const int n = int(batch.image.length('B'));
    for (int k = 0; k < n; ++k)
      for (int i = 0; i < 4; ++i) expected += std::pow(double(boxes(k, i)) - double(batch.boxes(k, i)), 2) / (4 * n);
    CHECK(step(batch).loss == doctest::Approx(expected).epsilon(1e-5));
    first += std::size_t(n);
  }
  CHECK(first == 10);
}

}  // namespace records
