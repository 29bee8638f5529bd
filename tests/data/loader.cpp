// data/: data sets, derived sets, and loaders.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/allocations.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace {

/// A user-defined data set: points of a parabola.
struct Parabola {
  using Input = Tensor<float, 1>;
  using Target = Tensor<float, 1>;
  std::size_t size() const { return 64; }
  void read(data::Visit v, float* x, float* y) const {
    x[0] = float(v.index) / 32 - 1;
    y[0] = x[0] * x[0];
  }
};

/// One whose sample 5 cannot be read in some epochs.
struct Broken {
  using Input = Tensor<float, 1>;
  using Target = Tensor<int>;
  std::uint64_t sound_from = 1;
  std::size_t size() const { return 9; }
  void read(data::Visit v, float* x, int* y) const {
    if (v.index == 5 && v.epoch < sound_from)
      throw Error(ErrorCode::format, "sample 5", "expected a picture, found none");
    x[0] = float(v.index);
    y[0] = int(v.index);
  }
};

/// Samples 0 … 3, one of which fails to read occasionally.
struct Unsteady {
  using Input = Tensor<float, 1>;
  using Target = Tensor<int>;
  mutable int failures = 0;
  std::size_t size() const { return 4; }
  void read(data::Visit v, float* x, int* y) const {
    if (v.index == 2 && failures > 0 && failures-- > 0) throw Error(ErrorCode::file, "sample 2", "cannot be read");
    x[0] = float(v.index) + 1;
    y[0] = int(v.index) + 10;
  }
};

static_assert(data::DataSet<Parabola> && !data::Classified<Parabola> && !data::DataSet<int>);
static_assert(data::Classified<data::Labelled<2>> && data::Selectable<data::Images<1, 28, 28>>);

/// Samples 0 … n − 1 with features (i, −i) and label i.
data::Labelled<2> numbered(int n) {
  data::Labelled<2> set;
  for (int i = 0; i < n; ++i) {
    const float x[]{float(i), -float(i)};
    set.add(x, i);
  }
  return set;
}
/// The first features of all samples of a set, as read in an epoch.
template <class Set> std::vector<float> read_all(const Set& set, std::uint64_t epoch = 0) {
  std::vector<float> all;
  typename Set::Input x;
  typename Set::Target y;
  for (std::size_t i = 0; i < set.size(); ++i) {
    set.read({i, epoch}, x.data(), y.data());
    all.push_back(float(x.data()[0]));
  }
  return all;
}
constexpr auto add_noise = [](std::span<float> x, const Philox& random) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += random.normal(i);
};
/// All data of two epochs, lengths included; the first is left after its second batch.
template <class Loader> std::vector<float> two_epochs(Loader& batches) {
  std::vector<float> all;
  const auto take = [&](const auto& x, const auto& y) {
    const std::int64_t n = y.template length<'B'>();
    all.push_back(float(n));
    all.insert(all.end(), x.data(), x.data() + n * (x.size() / x.extent(0)));
    all.insert(all.end(), y.data(), y.data() + n);
  };
  int count = 0;
  for (auto [x, y] : batches) {
    take(x, y);
    if (++count == 2) break;
  }
  for (auto [x, y] : batches) take(x, y);
  return all;
}

}  // namespace

TEST_CASE("a stratified split holds out the same share of every class, and loses nobody") {
  data::Labelled<1> all;
  for (int i = 0; i < 100; ++i) {
    const auto x = float(i);
    all.add(&x, i < 70 ? 0 : i < 95 ? 1 : 7);
  }
  const auto [train, test] = data::stratified_split(all, 0.2, Seed{1});
  std::array<int, 8> count{};
  std::vector<int> seen(100, 0);
  for (std::size_t i = 0; i < test.size(); ++i)
    ++count[std::size_t(test.label(i))], ++seen[std::size_t(test.features(i)[0])];
  for (std::size_t i = 0; i < train.size(); ++i) ++seen[std::size_t(train.features(i)[0])];
  CHECK(count == std::array<int, 8>{14, 5, 0, 0, 0, 0, 0, 1});
  CHECK(seen == std::vector<int>(100, 1));
  CHECK_THROWS_AS(data::stratified_split(all, 1.5, Seed{1}), Error);
}


TEST_CASE("a random split loses nobody, and depends on its seed alone") {
  const auto all = numbered(10);
  const auto [train, test] = data::random_split(all, 0.3, Seed{1});
  CHECK(test.size() == 3);
  std::vector<float> seen = read_all(train);
  for (const float x : read_all(test)) seen.push_back(x);
  std::sort(seen.begin(), seen.end());
  CHECK(seen == read_all(all));
  CHECK(read_all(data::random_split(all, 0.3, Seed{1}).test) == read_all(test));
  CHECK(read_all(data::random_split(all, 0.3, Seed{2}).test) != read_all(test));
  const Parabola curve;
  // a set that is not in memory is read through its parts
  CHECK(data::random_split(curve, 0.25, Seed{1}).test.size() == 16);
  const Error e = support::thrown([&] { data::random_split(all, -1, Seed{1}); });
  CHECK(std::string(e.what()).find("random_split, share: expected 0 … 1, found -1") == 0);
}

TEST_CASE("subset, concatenation and mapping: samples by number, labels with them") {
  const auto all = numbered(4);
  const auto two = data::subset(all, {3, 1});
  static_assert(std::is_same_v<decltype(two), const data::Labelled<2>>);
  CHECK(read_all(two) == std::vector<float>{3, 1});
  const auto joined = data::concatenated(all, data::subset(all, {3, 1}));
  CHECK(read_all(joined) == std::vector<float>{0, 1, 2, 3, 3, 1});
  CHECK(joined.label(5) == 1);
  const auto doubled = data::mapped(joined, [](std::span<float> x) { x[0] *= 2; });
  CHECK(read_all(doubled) == std::vector<float>{0, 2, 4, 6, 6, 2});
  const auto some = data::subset(doubled, {4, 0});
  CHECK(read_all(some) == std::vector<float>{6, 0});
  CHECK(some.label(0) == 3);
  CHECK(data::stratified_split(doubled, 0.5, Seed{1}).test.size() == 4);  // one of each class, of one sample or two
  const Error e = support::thrown([&] { data::subset(all, {1, 4}); });
  CHECK(std::string(e.what()).find("subset, number 1: expected one below 4, found 4") == 0);
}

TEST_CASE("a mapped set gives the same noise for the same seed, epoch and sample") {
  const auto set = numbered(5);
  const auto a = data::mapped(set, add_noise, Seed{1}), b = data::mapped(set, add_noise, Seed{2});
  CHECK(read_all(a, 3) == read_all(a, 3));
  CHECK(read_all(a, 3) != read_all(a, 4));
  CHECK(read_all(a, 3) != read_all(b, 3));
  const std::vector<float> noisy = read_all(a), plain = read_all(set);
  CHECK(noisy[1] - plain[1] != noisy[2] - plain[2]);
}

TEST_CASE("images are bytes that read as 0 … 1") {
  const data::Images<1, 1, 3> images({0, 51, 255, 1, 2, 3}, {7, 8});
  Tensor<float, 1, 1, 3> x;
  int label = 0;
  images.read({0, 0}, x.data(), &label);
  CHECK(x(0, 0, 0) == 0);
  CHECK(x(0, 0, 1) == 0.2f);
  CHECK(x(0, 0, 2) == 1);
  CHECK(label == 7);
  CHECK(images.features(1)[2] == 3);
  const Error e = support::thrown([] { data::Images<1, 1, 3>({1, 2}, {7}); });
  CHECK(std::string(e.what()) == "Samples, elements: expected 3 of features for every 1 of targets, found 2 and 1");
}

TEST_CASE("a loader gives every sample once an epoch, the last batch smaller") {
  data::Labelled<2> set;
  for (int i = 0; i < 11; ++i) {
    const float x[]{float(i), -float(i)};
    set.add(x, i);
  }
  auto batches = data::loader<4>(set, {.shuffle = true, .seed = Seed{3}});
  CHECK(batches.batches() == 3);
  std::vector<std::vector<int>> orders;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<int> order;
    std::vector<std::int64_t> sizes;
    for (auto [x, label] : batches) {
      sizes.push_back(label.length<'B'>());
      CHECK(x.length<'B'>() == label.length<'B'>());
      for (std::int64_t i = 0; i < label.length<'B'>(); ++i) {
        CHECK(x(i, 1) == -float(label(i)));
        order.push_back(label(i));
      }
    }
    CHECK(sizes == std::vector<std::int64_t>{4, 4, 3});
    orders.push_back(order);
    std::sort(order.begin(), order.end());
    for (int i = 0; i < 11; ++i) CHECK(order[std::size_t(i)] == i);
  }
  CHECK(orders[0] != orders[1]);  // a different order in every epoch
  auto again = data::loader<4>(set, {.shuffle = true, .seed = Seed{3}});
  std::vector<int> first;
  for (auto [x, label] : again)
    for (std::int64_t i = 0; i < label.length<'B'>(); ++i) first.push_back(label(i));
  CHECK(first == orders[0]);  // and the same orders for the same seed
  const data::Labelled<2> nothing;
  auto none = data::loader<4>(nothing);
  int batch_count = 0;
  for (auto b : none) batch_count += int(b.target.size());
  CHECK(batch_count == 0);
}


TEST_CASE("batches are the same with and without prefetching, also after an epoch that was left early") {
  const auto set = numbered(11);
  const auto noisy = data::mapped(set, add_noise, Seed{5});
  auto one = data::loader<4>(noisy, {.shuffle = true, .seed = Seed{3}});
  auto two = data::loader<4>(noisy, {.shuffle = true, .seed = Seed{3}, .prefetch = true});
  CHECK(two_epochs(one) == two_epochs(two));
  CHECK(two_epochs(one) == two_epochs(two));
  auto drawn = data::loader<4>(noisy, {.seed = Seed{3}, .weights = std::vector<double>(11, 1)});
  auto drawn_ahead = data::loader<4>(noisy, {.seed = Seed{3}, .prefetch = true, .weights = std::vector<double>(11, 1)});
  CHECK(two_epochs(drawn) == two_epochs(drawn_ahead));
  for (int i = 0; i < 50; ++i) {  // a loader may be destroyed at any moment
    auto short_lived = data::loader<4>(noisy, {.prefetch = true});
    int batches = 0;
    for (auto b : short_lived)
      if (batches += int(b.target.length<'B'>() > 0); batches == i % 4) break;
  }
}

TEST_CASE("what a data set throws arrives where the batch would have, and ends the epoch") {
  for (const bool prefetch : {false, true}) {
    CAPTURE(prefetch);
    const Broken set;
    auto batches = data::loader<3>(set, {.prefetch = prefetch});
    int good = 0;
    const Error e = support::thrown([&] {
      for (auto b : batches) good += int(b.target.length<'B'>());
    });
    CHECK(std::string(e.what()) == "sample 5: expected a picture, found none");
    CHECK(good == 3);
    good = 0;
    for (auto b : batches) good += int(b.target.length<'B'>());  // the next epoch works
    CHECK(good == 9);
    const Broken always{.sound_from = 9};
    auto others = data::loader<3>(always, {.prefetch = prefetch});
    for (auto b : others) {  // left while the thread is at the sample that cannot be read
      CHECK(b.target(0) == 0);
      break;
    }
    auto it = others.begin();
    CHECK_THROWS_AS(++it, Error);
    CHECK(!(it != others.end()));
    ++it;
    CHECK(!(it != others.end()));
  }
}

TEST_CASE("the last, smaller batch may be left out") {
  const auto set = numbered(11);
  for (const bool prefetch : {false, true}) {
    auto batches = data::loader<4>(set, {.drop_last = true, .prefetch = prefetch});
    CHECK(batches.batches() == 2);
    CHECK(batches.samples() == 8);
    std::vector<std::int64_t> sizes;
    for (auto b : batches) sizes.push_back(b.target.length<'B'>());
    CHECK(sizes == std::vector<std::int64_t>{4, 4});
  }
  const auto few = numbered(3);
  auto none = data::loader<4>(few, {.drop_last = true});
  for (auto b : none) FAIL("a batch of " << b.target.length<'B'>());
}

TEST_CASE("weights decide how often a sample is drawn") {
  const auto set = numbered(4);
  auto batches = data::loader<4>(set, {.seed = Seed{1}, .weights = {0, 1, 0, 3}});
  std::array<int, 4> count{};
  for (int epoch = 0; epoch < 1000; ++epoch)
    for (auto [x, label] : batches)
      for (std::int64_t i = 0; i < label.length<'B'>(); ++i) ++count[std::size_t(label(i))];
  CHECK(count[0] == 0);
  CHECK(count[2] == 0);
  CHECK(count[1] + count[3] == 4000);
  CHECK(std::abs(count[1] - 1000) < 110);  // four standard deviations
  const auto error = [&](data::LoaderOptions options) {
    return std::string(support::thrown([&] {
      auto wrong = data::loader<4>(set, options);
      wrong.begin();
    }).what());
  };
  CHECK(error({.weights = {1, 2}}).find("Loader, weights: expected 4, one a sample, found 2") == 0);
  CHECK(error({.weights = {1, -2, 1, 1}}).find("weight 1: expected 0 or more, found -2") == 0);
  CHECK(error({.weights = {0, 0, 0, 0}}).find("weights: expected a sum above 0 and finite, found 0") == 0);
  CHECK(error({.shuffle = true, .weights = {1, 1, 1, 1}})
            .find("Loader, shuffle: expected false with weights, found true") == 0);
}

TEST_CASE("a loader allocates nothing after its first batch") {
  const auto set = numbered(1000);
  for (const bool prefetch : {false, true})
    for (const bool weighted : {false, true}) {
      auto batches = data::loader<64>(
          set, {.shuffle = !weighted, .prefetch = prefetch, .weights = std::vector<double>(weighted ? 1000 : 0, 1)});
      for (auto b : batches) {
        CHECK(b.target.length<'B'>() == 64);
        break;
      }
      float sum = 0;
      const support::Allocations allocations;
      for (int epoch = 0; epoch < 2; ++epoch)
        for (auto b : batches) sum += b.input(0, 0);
      CHECK(allocations.count() == 0);
      CHECK(sum > 0);
    }
}

TEST_CASE("targets may be numbers, and a data set a struct of the user's own") {
  const Parabola curve;
  auto batches = data::loader<16>(curve, {.shuffle = true, .prefetch = true});
  static_assert(std::is_same_v<decltype(batches)::Target, Tensor<float, upto<16, 'B'>, 1>>);
  using Net = nn::Sequential<nn::Linear<1, 8>, nn::Tanh, nn::Linear<8, 1>>;
  Model<Net> net(Seed{1});
  auto step = training(net, batches, nn::mse_loss, optim::Adam{.lr = 2e-2f});
  RunningMean loss;
  for (int epoch = 0; epoch < 200; ++epoch) {
    loss.reset();
    for (auto [x, y] : batches) loss.add(step(x, y).loss, y.length<'B'>());
  }
  CHECK(loss.value() < 1e-3);
  data::Samples<Tensor<float, 2>, Tensor<float, 3>> table;
  const float x[]{1, 2}, y[]{3, 4, 5};
  table.add(x, y);
  auto one = data::loader<2>(table);
  for (auto [input, target] : one) CHECK(target(0, 2) == 5);
}

TEST_CASE("batches are values: they may be collected, and one asked for again is the same") {
  for (const bool prefetch : {false, true}) {
    CAPTURE(prefetch);
    data::Labelled<300> set;
    for (int i = 0; i < 10; ++i) {
      std::vector<float> features(300, float(i));
      set.add(features.data(), i % 3);
    }
    auto batches = data::loader<4>(set, {.prefetch = prefetch});
    using Batch = decltype(*batches.begin());
    std::vector<Batch> all;
    for (auto batch : batches) all.push_back(std::move(batch));
    REQUIRE(all.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(all[k].input.length<'B'>() == (k < 2 ? 4 : 2));
      CHECK(all[k].input(0, 7) == float(4 * k));
      CHECK(all[k].target(1) == int(4 * k + 1) % 3);
    }
    auto it = batches.begin();
    const Batch one = *it, again = *it;
    CHECK(equal(one.input, again.input));
    ++it;
    CHECK((*it).input(0, 0) == 4);
  }
}

TEST_CASE("what an epoch has read ahead does not reach the next one") {
  const Broken set;
  auto batches = data::loader<4>(set, {.prefetch = true});
  auto it = batches.begin();
  CHECK((*it).target(3) == 3);
  CHECK((*it).target(3) == 3);  // waits for the thread, which has failed on sample 5
  int samples = 0;
  for (auto [x, y] : batches) samples += int(y.length<'B'>());
  CHECK(samples == 9);
}

TEST_CASE("a batch that could not be read again is read again, until it can be") {
  for (const bool prefetch : {false, true}) {
    CAPTURE(prefetch);
    const Unsteady set;
    auto batches = data::loader<4>(set, {.prefetch = prefetch});
    auto it = batches.begin();
    const auto one = *it;
    set.failures = 2;
    CHECK(support::thrown([&] { *it; }).code() == ErrorCode::file);
    CHECK(support::thrown([&] { *it; }).code() == ErrorCode::file);
    for (int again = 0; again < 2; ++again) {
      const auto batch = *it;
      for (int i = 0; i < 4; ++i) CHECK((batch.input(i, 0) == float(i + 1) && batch.target(i) == i + 10));
    }
    CHECK(one.input(3, 0) == 4);
  }
}

TEST_CASE("data sets of no samples and of one: parts, splits, mappings and batches") {
  const auto none = numbered(0), one = numbered(1);
  CHECK((data::subset(one, {}).size() == 0 && read_all(data::subset(one, {0, 0})) == std::vector<float>{0, 0}));
  CHECK((data::concatenated(none, none).size() == 0 &&
         read_all(data::concatenated(none, data::concatenated(one, none))).size() == 1));
  CHECK((data::mapped(none, add_noise, Seed{1}).size() == 0 && data::mapped(one, add_noise, Seed{1}).size() == 1));
  for (const double share : {0., .5, 1.}) {
    const auto a = data::random_split(none, share, Seed{1});
    const auto b = data::stratified_split(none, share, Seed{1});
    CHECK((a.train.size() + a.test.size() == 0 && b.train.size() + b.test.size() == 0));
    const auto c = data::random_split(one, share, Seed{1});
    const auto d = data::stratified_split(one, share, Seed{1});
    CHECK((c.train.size() + c.test.size() == 1 && d.train.size() + d.test.size() == 1));
    if (share != .5) CHECK((c.test.size() == std::size_t(share) && d.test.size() == std::size_t(share)));
  }
  int batches = 0, samples = 0;
  for (const auto& [x, y] : data::loader<4>(one)) ++batches, samples += int(y.length_of_axis(0));
  CHECK((batches == 1 && samples == 1));
  for ([[maybe_unused]] const auto& batch : data::loader<4>(none)) ++batches;
  CHECK(batches == 1);
}

TEST_CASE("a loader keeps a set that has no name") {
  auto batches = data::loader<2>([] {
    data::Labelled<1> points;
    for (int i = 0; i < 5; ++i) {
      const float feature[]{float(i)};
      points.add(feature, i);
    }
    return points;
  }());
  int samples = 0;
  for (auto [x, y] : batches)
    for (int i = 0; i < y.template length<'B'>(); ++i, ++samples) CHECK(x(i, 0) == float(y(i)));
  CHECK(samples == 5);
}
