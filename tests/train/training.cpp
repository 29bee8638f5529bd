// train/, nn/ and optim/: models, training steps and inference.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <optional>
#include <thread>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/reference_values.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace {

using AdamNet = nn::Sequential<nn::Linear<4, 5>, nn::ReLU, nn::Linear<5, 3>>;

struct Mlp {
  nn::Linear<64, 32> fc1;
  nn::Linear<32, 10> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(x))); }
};

struct Scaled {
  nn::Linear<2, 2> fc;
  Scalar temperature = 1.f;
  float factor = 1;
  constexpr auto operator()(auto x) const { return fc(x) * factor / temperature; }
};

struct Cnn {
  nn::Conv2d<3, 16, 3, Conv2dOptions{.padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<16> bn1;
  nn::Conv2d<16, 24, 3, Conv2dOptions{.stride = 2, .padding = 1}> conv2;
  nn::BatchNorm2d<24> bn2;
  nn::Linear<24, 10> fc;
  constexpr auto operator()(auto x) const {
    const auto h = max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(relu(bn1(conv1(x))));
    return fc(mean<2, 3>(relu(bn2(conv2(h)))));
  }
};
struct Wide {
  nn::Linear<300, 257> fc1;
  nn::Linear<257, 129> fc2;
  nn::Linear<129, 10> fc3;
  constexpr auto operator()(auto x) const { return fc3(relu(fc2(relu(fc1(x))))); }
};

template <class T> T normal(std::uint64_t stream) {
  T t;
  for (std::ptrdiff_t i = 0; i < T::size(); ++i) t.data()[i] = Philox(Seed{9}, stream).normal(std::uint64_t(i));
  return t;
}
template <int N> Tensor<int, N> classes(std::uint64_t stream, std::uint32_t n) {
  Tensor<int, N> t;
  for (int i = 0; i < N; ++i) t(i) = int(Philox(Seed{9}, stream).below(std::uint64_t(i), n));
  return t;
}

}  // namespace

TEST_CASE("Adam: five steps with weight decay leave PyTorch's parameters and losses") {
  Model<AdamNet> net;
  net.for_each_parameter([](const std::string& name, const auto& p) {
    const auto& v = support::reference_value("adam.before." + name);
    REQUIRE(std::size_t(p.size()) == v.elements.size());
    std::copy(v.elements.begin(), v.elements.end(), p.data());
  });
  const auto x = support::reference_tensor<Tensor<float, 6, 4>>("adam.x");
  const auto target = support::reference_tensor<Tensor<int, 6>>("adam.target");
  auto step = training<Tensor<float, 6, 4>, Tensor<int, 6>>(
      net, nn::cross_entropy, optim::Adam{.lr = .01f, .beta1 = .8f, .beta2 = .95f, .eps = 1e-7f, .weight_decay = .02f});
  for (const double expected : support::reference_value("adam.losses").elements)
    CHECK(step(x, target).loss == doctest::Approx(expected).epsilon(1e-5));
  net.for_each_parameter([](const std::string& name, const auto& p) {
    const auto& v = support::reference_value("adam.after." + name);
    for (std::size_t i = 0; i < v.elements.size(); ++i)
      CHECK(p.data()[i] == doctest::Approx(v.elements[i]).epsilon(1e-4));
  });
  CHECK(step.steps() == 5);
}

TEST_CASE("the optimizer's numbers may change between steps") {
  Model<Mlp> net(Seed{1});
  const auto x = normal<Tensor<float, 8, 64>>(1);
  const auto y = classes<8>(2, 10);
  auto step = training<Tensor<float, 8, 64>, Tensor<int, 8>>(net, nn::cross_entropy, optim::Adam{.lr = 0.f});
  const Model<Mlp> before = net;
  step(x, y);
  CHECK(std::equal(net.data(), net.data() + net.parameters, before.data()));
  step.optimizer.lr = 1e-2f;
  step(x, y);
  CHECK(!std::equal(net.data(), net.data() + net.parameters, before.data()));
}

TEST_CASE("a new model depends on its seed alone; a copy has its own parameters") {
  Model<Mlp> a(Seed{1}), b(Seed{1}), c(Seed{2});
  CHECK(std::equal(a.data(), a.data() + a.parameters, b.data()));
  CHECK(!std::equal(a.data(), a.data() + a.parameters, c.data()));
  const float bound = 1 / std::sqrt(64.f);
  for (int i = 0; i < 64 * 32; ++i) REQUIRE(std::abs(a.data()[i]) <= bound);
  Model<Mlp> copy = a;
  copy->fc1.weight(0, 0) = 77;
  CHECK(a->fc1.weight(0, 0) != 77);
  CHECK(copy.data()[0] == 77);
  a = copy;
  CHECK(a->fc1.weight(0, 0) == 77);
  CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
}

TEST_CASE("fixed members come from the factory and are part of the type; scalars are inputs") {
  Model net([] {
    Scaled n;
    n.factor = 3;
    return n;
  }, Seed{4});
  Model<Scaled> plain(Seed{4});
  auto infer = inference<Tensor<float, 1, 2>>(net);
  auto infer_plain = inference<Tensor<float, 1, 2>>(plain);
  const Tensor<float, 1, 2> x{{1, 2}};
  CHECK(infer(x)(0, 1) == doctest::Approx(3 * infer_plain(x)(0, 1)));
}

TEST_CASE("a scalar of a model may change while its programs run") {
  Model<Scaled> net(Seed{4});
  auto infer = inference<Tensor<float, 1, 2>>(net);
  const Tensor<float, 1, 2> x{{1, 2}};
  const float before = infer(x)(0, 0);
  net->temperature = 2.f;
  CHECK(infer(x)(0, 0) == doctest::Approx(before / 2));
  const Model<Scaled> copy = net;
  CHECK(copy->temperature.value() == 2);
  net.initialize(Seed{4});
  CHECK(infer(x)(0, 0) == doctest::Approx(before));
}

TEST_CASE("assigning to a model changes its parameters; its programs go on with them") {
  Model<Mlp> net(Seed{1}), other(Seed{2});
  auto infer = inference<Tensor<float, 2, 64>>(net);
  auto infer_other = inference<Tensor<float, 2, 64>>(other);
  const auto x = normal<Tensor<float, 2, 64>>(3);
  net = other;
  CHECK(infer(x)(1, 1) == infer_other(x)(1, 1));
  Model<Mlp> moved = std::move(net);
  net = other;  // a moved-from model can be assigned to
  CHECK(net.data()[5] == moved.data()[5]);
}

namespace {
struct SwapHalves {
  Param<float, 1> unused;
  constexpr auto operator()(auto x) const { return concatenate<1>(slice<1, 4>(x), slice<1, 0, 4>(x)); }
};
}  // namespace

TEST_CASE("a program's own output may be its input") {
  Model<SwapHalves> net(Seed{1});
  auto f = inference<Tensor<float, 1, 8>>(net);
  const Tensor<float, 1, 8> x{{0, 1, 2, 3, 4, 5, 6, 7}};
  const auto& y = f(f(x));
  for (int i = 0; i < 8; ++i) CHECK(y(0, i) == float(i));
}

TEST_CASE("inference sees later changes of the parameters") {
  Model<Mlp> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 64>>(net);
  const auto x = normal<Tensor<float, 2, 64>>(3);
  const float before = infer(x)(0, 0);
  net->fc2.bias(0) = net->fc2.bias(0) + 1;
  CHECK(infer(x)(0, 0) == doctest::Approx(before + 1));
}

TEST_CASE("inference takes the type of its batches from a loader") {
  struct Samples {
    using Input = Tensor<float, 64>;
    using Target = Tensor<int>;
    std::size_t size() const { return 7; }
    void read(data::Visit v, float* x, int* y) const {
      std::fill_n(x, 64, float(v.index));
      *y = 0;
    }
  };
  const Model<Mlp> net(Seed{1});
  const Samples samples;
  auto batches = data::loader<4>(samples);
  auto infer = inference(net, batches);
  auto one = inference<Tensor<float, 1, 64>>(net);
  std::int64_t sample = 0;
  for (auto [x, label] : batches) {
    const auto& y = infer(x);
    for (std::int64_t i = 0; i < y.length<'B'>(); ++i, ++sample) {
      Tensor<float, 1, 64> single;
      single.fill(float(sample));
      CHECK(y(int(i), 3) == doctest::Approx(one(single)(0, 3)));
    }
  }
  CHECK(sample == 7);
}

TEST_CASE("a smaller batch gives the numbers of a tensor of that size, whatever lies after its length") {
  Model<Mlp> fixed(Seed{3}), bounded(Seed{3});
  auto step = training<Tensor<float, 5, 64>, Tensor<int, 5>>(fixed, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  auto step_upto = training<Tensor<float, upto<32, 'B'>, 64>, Tensor<int, upto<32, 'B'>>>(bounded, nn::cross_entropy,
                                                                                          optim::Adam{.lr = 1e-2f});
  const auto x = normal<Tensor<float, 5, 64>>(4);
  const auto y = classes<5>(5, 10);
  Tensor<float, upto<32, 'B'>, 64> bx;
  Tensor<int, upto<32, 'B'>> by;
  bx.fill(std::numeric_limits<float>::quiet_NaN());
  by.fill(-7);
  bx.set_length<'B'>(5);
  by.set_length<'B'>(5);
  std::copy(x.begin(), x.end(), bx.begin());
  std::copy(y.begin(), y.end(), by.begin());
  for (int i = 0; i < 4; ++i) {
    const float a = step(x, y).loss;
    const auto r = step_upto(bx, by);
    CHECK(r.loss == doctest::Approx(a).epsilon(1e-5));
    CHECK(r.output.length<'B'>() == 5);
  }
  for (int i = 0; i < fixed.parameters; ++i) REQUIRE(std::abs(fixed.data()[i] - bounded.data()[i]) < 2e-4);
  by.set_length<'B'>(4);
  const Model<Mlp> before = bounded;
  const Error e = support::thrown([&] { step_upto(bx, by); });
  CHECK(e.code() == ErrorCode::length);
  CHECK(std::equal(bounded.data(), bounded.data() + bounded.parameters, before.data()));
}

TEST_CASE("training is bit-identical on one and two threads") {
  Model<Wide> one(Seed{8}), two(Seed{8});
  auto a =
      training<Tensor<float, 100, 300>, Tensor<int, 100>>(one, nn::cross_entropy, optim::Adam{}, Cpu{.threads = 1});
  auto b =
      training<Tensor<float, 100, 300>, Tensor<int, 100>>(two, nn::cross_entropy, optim::Adam{}, Cpu{.threads = 2});
  const auto x = normal<Tensor<float, 100, 300>>(6);
  const auto y = classes<100>(7, 10);
  for (int i = 0; i < 5; ++i) {
    const float p = a(x, y).loss, q = b(x, y).loss;
    REQUIRE(p == q);
  }
  CHECK(std::memcmp(one.data(), two.data(), std::size_t(one.parameters) * sizeof(float)) == 0);
}

TEST_CASE("so is training of a convolutional net, whose batch statistics are summed in chunks") {
  Model<Cnn> first(Seed{9});
  float loss[4]{};
  for (const int threads : {1, 2, 3, 5}) {
    Model<Cnn> net(Seed{9});
    auto step = training<Tensor<float, 12, 3, 24, 24>, Tensor<int, 12>>(
        net, nn::cross_entropy, optim::SGD{.lr = 1e-2f, .momentum = .9f}, Cpu{.threads = threads});
    const auto x = normal<Tensor<float, 12, 3, 24, 24>>(10);
    const auto y = classes<12>(11, 10);
    for (float& l : loss) {
      const float found = step(x, y).loss;
      if (threads == 1) l = found;
      REQUIRE(found == l);
    }
    if (threads == 1) first = net;
    CHECK(std::memcmp(first.data(), net.data(), std::size_t(net.parameters) * sizeof(float)) == 0);
  }
}

TEST_CASE("nothing is allocated after the first step, statement or inference") {
  Model<Wide> net(Seed{8});
  auto step = training<Tensor<float, 100, 300>, Tensor<int, 100>>(net, nn::cross_entropy, optim::Adam{});
  auto infer = inference<Tensor<float, 100, 300>>(net);
  const auto x = normal<Tensor<float, 100, 300>>(6);
  const auto y = classes<100>(7, 10);
  Tensor<float, 100, 10> scores;
  const auto all = [&] {
    step(x, y);
    scores = softmax(infer(x)) + matmul(scores, matmul(transpose(scores), scores));
  };
  all();
  support::Allocations allocations;
  for (int i = 0; i < 3; ++i) all();
  CHECK(allocations.count() == 0);
}

TEST_CASE("a step and an inference outlive the model they were made from") {
  auto net = std::make_unique<Model<Mlp>>(Seed{1});
  auto infer = inference<Tensor<float, 2, 64>>(*net);
  const auto x = normal<Tensor<float, 2, 64>>(3);
  const float before = infer(x)(1, 3);
  net.reset();
  CHECK(infer(x)(1, 3) == before);
}

TEST_CASE("metrics count up to the run-time length") {
  Tensor<float, upto<4, 'B'>, 3> scores{{1, 2, 3}, {3, 2, 1}, {0, 5, 0}, {9, 0, 0}};
  Tensor<int, upto<4, 'B'>> labels{2, 1, 1, 0};
  scores.set_length<'B'>(3);
  labels.set_length<'B'>(3);
  CHECK(count_correct(scores, labels) == 2);
  ConfusionMatrix<3> m;
  m.add(scores, labels);
  CHECK(m(1, 0) == 1);
  CHECK(m(1, 1) == 1);
  CHECK(m.total() == 3);
  CHECK(m.accuracy() == doctest::Approx(2.0 / 3));
  labels(0) = 3;
  CHECK_THROWS_AS(m.add(scores, labels), Error);
}

TEST_CASE("what a program returns is a value: later calls leave it alone, and it may outlive the program") {
  Model<Wide> net(Seed{8});
  auto infer = std::make_optional(inference<Tensor<float, 100, 300>>(net));
  const auto x = normal<Tensor<float, 100, 300>>(6), y = normal<Tensor<float, 100, 300>>(7);
  const Tensor<float, 100, 10> px = (*infer)(x), py = (*infer)(y);
  CHECK(!equal(px, py));
  CHECK(equal((*infer)(x), px));
  CHECK(equal((*infer)(x) - (*infer)(y), px - py));
  std::vector<Tensor<float, 100, 10>> kept;
  for (int i = 0; i < 5; ++i) kept.push_back((*infer)(i % 2 == 0 ? x : y));
  infer.reset();
  for (int i = 0; i < 5; ++i) CHECK(equal(kept[std::size_t(i)], i % 2 == 0 ? px : py));
  std::thread([last = std::move(kept)]() mutable { last.clear(); }).join();  // and die on another thread
}

TEST_CASE("results that die are the memory of later ones") {
  Model<Wide> net(Seed{8});
  auto infer = inference<Tensor<float, 100, 300>>(net);
  const auto x = normal<Tensor<float, 100, 300>>(6);
  const float* first = infer(x).data();
  const auto kept = infer(x);
  CHECK(kept.data() == first);
  CHECK(infer(x).data() != first);
}

TEST_CASE("the output of a step is a value") {
  Model<Wide> net(Seed{8});
  auto step = training<Tensor<float, 100, 300>, Tensor<int, 100>>(net, nn::cross_entropy, optim::SGD{.lr = 1});
  const auto x = normal<Tensor<float, 100, 300>>(6);
  const auto y = classes<100>(7, 10);
  const auto one = step(x, y), other = step(x, y);
  CHECK(one.loss != other.loss);
  CHECK(!equal(one.output, other.output));
}
