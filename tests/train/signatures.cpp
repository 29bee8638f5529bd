// Programs of any signature: trees of tensors and numbers in, trees of tensors out.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>
#include <sinter/train/profile.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace signatures {

template <class Boxes, class Scores> struct Detections {
  Boxes boxes;
  Scores scores;
};
template <class B, class S> Detections(B, S) -> Detections<B, S>;
template <class Image, class Scale> struct Request {
  Image image;
  Scale scale;
};
template <class I, class S> Request(I, S) -> Request<I, S>;

struct Detector {
  nn::Linear<8, 4> box;
  nn::Linear<8, 3> score;
  constexpr auto operator()(auto x) const {
    const auto h = relu(x);
    return Detections{box(h), std::pair{softmax(score(h)), std::array{h, h * 2.f}}};
  }
};
/// The same values one by one.
struct Boxes {
  nn::Linear<8, 4> box;
  nn::Linear<8, 3> score;
  constexpr auto operator()(auto x) const { return box(relu(x)); }
};
struct Scaled {
  nn::Linear<8, 4> fc;
  constexpr auto operator()(const auto& request, auto offset) const {
    return fc(request.image) * request.scale + offset;
  }
};
struct Wide {
  nn::Linear<300, 400> fc;
  constexpr auto operator()(auto x) const { return std::tuple{fc(x), relu(fc(x))}; }
};
struct OfParameters {
  Param<float, 3> w{nn::init::constant(2)};
  constexpr auto operator()(auto) const { return w * 2.f; }
};
struct Swapped {
  Param<float, 1> unused;
  constexpr auto operator()(auto x, auto y) const { return std::tuple{y, x, 1.5f}; }
};

using Batch = Tensor<float, upto<5, 'B'>, 8>;
Batch batch(int length) {
  Batch x;
  for (int i = 0; i < 40; ++i) x.data()[i] = float(i * 7 % 11) - 5;
  x.set_length<'B'>(length);
  return x;
}

TEST_CASE("a program returns the tree of tensors that its net returns") {
  Model<Detector> net(Seed{1});
  Model<Boxes> boxes_alone(Seed{1});
  auto run = inference<Batch>(net);
  auto run_boxes = inference<Batch>(boxes_alone);
  for (const int n : {0, 1, 3, 5}) {
    const Batch x = batch(n);
    const auto [boxes, others] = run(x);
    const auto& [scores, hidden] = others;
    static_assert(std::is_same_v<decltype(boxes), const Tensor<float, upto<5, 'B'>, 4>>);
    CHECK(boxes.length<'B'>() == n);
    CHECK(scores.length<'B'>() == n);
    CHECK(equal(boxes, run_boxes(x)));
    for (int i = 0; i < n; ++i) {
      CHECK(scores(i, 0) + scores(i, 1) + scores(i, 2) == doctest::Approx(1));
      for (int k = 0; k < 8; ++k) {
        CHECK(hidden[0](i, k) == std::max(x(i, k), 0.f));
        CHECK(hidden[1](i, k) == 2 * hidden[0](i, k));
      }
    }
  }
}

TEST_CASE("inputs are tensors, numbers, and structs of them") {
  Model<Scaled> net(Seed{1});
  using Image = Tensor<float, 2, 8>;
  auto run = inference<Request<Image, float>, Tensor<float, 4>>(net);
  Image x;
  x.fill(.5f);
  const Tensor<float, 4> offset{1, 2, 3, 4}, none;
  const auto once = run(Request{x, 1.f}, none), twice = run(Request{x, 2.f}, offset);
  for (int i = 0; i < 8; ++i) CHECK(twice.data()[i] == doctest::Approx(2 * once.data()[i] + offset.data()[i % 4]));
}

TEST_CASE("results are values, whose memory is used again when they die") {
  Model<Wide> net(Seed{1});
  auto run = inference<Tensor<float, 4, 300>>(net);
  Tensor<float, 4, 300> x;
  x.fill(1);
  const auto [a, b] = run(x);
  const Tensor<float, 4, 400> copy = a;
  run(x);
  x.fill(-1);
  support::Allocations allocations;
  for (int i = 0; i < 3; ++i) {
    const auto [c, d] = run(x);
    CHECK(c.data() != a.data());
    CHECK(d.data() != b.data());
  }
  CHECK(allocations.count() == 0);
  CHECK(equal(a, copy));
  CHECK(equal(b, relu(copy)));
  Tensor<float, 4, 400> moved_from, other, taken = std::move(moved_from);
  run.into(x, moved_from, other);
  CHECK(equal(moved_from, std::get<0>(run(x))));
  CHECK(equal(other, relu(moved_from)));
}

TEST_CASE("into writes to tensors and views of the caller") {
  Model<Detector> net(Seed{1});
  auto run = inference<Batch>(net);
  const Batch x = batch(3);
  const auto made = run(x);
  Tensor<float, upto<5, 'B'>, 4> boxes;
  Tensor<float, upto<5, 'B'>, 3> scores;
  Batch hidden, twice;
  run.into(x, boxes, scores, hidden, twice);
  CHECK(boxes.length<'B'>() == 3);
  CHECK(equal(boxes, made.boxes));
  CHECK(equal(scores, made.scores.first));
  CHECK(equal(twice, made.scores.second[1]));
  Batch in_place = x;  // an input that is a result
  run.into(in_place, boxes, scores, in_place, twice);
  CHECK(equal(in_place, hidden));

  Model<Swapped> swap(Seed{1});
  auto swapped = inference<Tensor<float, 2>, Tensor<float, 2>>(swap);
  Tensor<float, 2, 3> columns;
  Tensor<float, 2> p{1, 2}, q{3, 4};
  Tensor<float> number;
  swapped.into(p, q, columns(range<>, 0), columns(range<>, 2), number);
  CHECK(equal(columns, Tensor<float, 2, 3>{{3, 0, 1}, {4, 0, 2}}));
  CHECK(number == 1.5f);
  swapped.into(p, q, p, q, number);
  CHECK(equal(p, Tensor<float, 2>{3, 4}));
  CHECK(equal(q, Tensor<float, 2>{1, 2}));
}

TEST_CASE("a view keeps its length: into refuses another one") {
  Model<Detector> net(Seed{1});
  auto run = inference<Batch>(net);
  Tensor<float, upto<5, 'B'>, 4> boxes;
  Tensor<float, upto<5, 'B'>, 3> scores;
  Batch hidden, twice;
  TensorView<float, upto<5, 'B'>, 4> view = boxes;
  CHECK(support::thrown([&] { run.into(batch(3), view, scores, hidden, twice); }).code() == ErrorCode::length);
  run.into(batch(5), view, scores, hidden, twice);
  CHECK(equal(boxes, run(batch(5)).boxes));
}

TEST_CASE("a forward pass of parameters alone, and of several results that are one value") {
  Model<OfParameters> net(Seed{1});
  auto run = inference<Tensor<float, 2>>(net);
  CHECK(equal(run(Tensor<float, 2>{}), Tensor<float, 3>{4, 4, 4}));
  net->w = net->w + 1.f;
  CHECK(equal(run(Tensor<float, 2>{}), Tensor<float, 3>{6, 6, 6}));
}

TEST_CASE("functions of tensors return trees, and so does vmap") {
  Tensor<float, 3, 4> x;
  for (int i = 0; i < 12; ++i) x.data()[i] = float(i) - 6;
  constexpr auto f = [](auto v) { return Detections{sum(v), std::array{v, relu(v)}}; };
  const auto all = jit([](auto v) { return Detections{sum<1>(v), std::array{v, relu(v)}}; })(x);
  const auto each = vmap(f)(x);
  CHECK(equal(all.boxes, each.boxes));
  CHECK(equal(all.scores[1], each.scores[1]));
  CHECK(equal(each.scores[0], x));
}

TEST_CASE("summary and profile take programs of any signature") {
  Model<Detector> net(Seed{1});
  std::FILE* const out = std::tmpfile();
  REQUIRE(out != nullptr);
  summary<Batch>(net, out);
  Model<Scaled> scaled(Seed{1});
  summary<Request<Tensor<float, 2, 8>, float>, Tensor<float, 4>>(scaled, out);
  auto run = inference<Batch>(net);
  print(profile(ProfileOptions{.runs = 3, .roof = false}, run, batch(4)), out);
  auto with_struct = inference<Request<Tensor<float, 2, 8>, float>, Tensor<float, 4>>(scaled);
  print(profile(ProfileOptions{.runs = 3, .roof = false}, with_struct, Request{Tensor<float, 2, 8>{}, 1.f},
                Tensor<float, 4>{}),
        out);
  std::rewind(out);
  std::string text;
  for (int c; (c = std::fgetc(out)) != EOF;) text += char(c);
  std::fclose(out);
  for (const char* const word : {"box", "score", "fc", "steps"}) CHECK(text.find(word) != text.npos);
}

TEST_CASE("a model is called with tensors, views, expressions and numbers; each thread has a program of its own") {
  Model<Detector> net(Seed{1});
  auto run = inference<Batch>(net);
  const Batch x = batch(3);
  CHECK(equal(net(x).boxes, run(x).boxes));
  CHECK(equal(net(x * 2.f).boxes, run(eval(x * 2.f)).boxes));
  net->box.bias = net->box.bias + 1.f;
  CHECK(equal(net(x).boxes, run(x).boxes));
  Tensor<float, 4, 8> fixed;
  fixed.fill(.5f);
  CHECK(allclose(net(fixed(range<1, 3>)).boxes, eval(net(fixed).boxes(range<1, 3>))));
  Model<Scaled> scaled(Seed{1});
  const Tensor<float, 4> offset{1, 2, 3, 4};
  CHECK(equal(scaled(Request{fixed, 2.f}, offset), inference<Request<Tensor<float, 4, 8>, float>, Tensor<float, 4>>(
                                                       scaled)(Request{fixed, 2.f}, offset)));
  const Model<Detector>& shared = net;
  const Batch expected = run(x).scores.second[1];
  std::vector<std::thread> threads;
  std::vector<Batch> found(4);
  for (Batch& f : found) threads.emplace_back([&] { f = shared(x).scores.second[1]; });
  for (std::thread& t : threads) t.join();
  for (const Batch& f : found) CHECK(equal(f, expected));
}

TEST_CASE("a model that is called does not outlive itself, and another one has programs of its own") {
  const Tensor<float, 4, 300> x = random::normal<4, 300>(Seed{1});
  auto first = std::make_unique<Model<Wide>>(Seed{1});
  const std::weak_ptr<Model<Wide>::Block> block = first->block();
  const Tensor<float, 4, 400> y = std::get<0>((*first)(x));
  first.reset();
  CHECK(block.expired());
  const Model<Wide> second(Seed{2}), third(Seed{1});
  CHECK(!equal(std::get<0>(second(x)), y));
  CHECK(equal(std::get<0>(third(x)), y));
  third(x);
  support::Allocations allocations;
  third(x);
  CHECK(allocations.count() == 0);
}

TEST_CASE("PyTorch's names: where, cat, squeeze, item, zeros_like, ones_like, full_like, randn_like") {
  const Tensor<float, 2, 1, 3> x{{{1, -2, 3}}, {{-4, 5, -6}}};
  CHECK(equal(eval(where(x > 0.f, x, 0.f)), eval(relu(x))));
  CHECK(equal(eval(cat<1>(x, x)), eval(concatenate<1>(x, x))));
  const auto s = eval(squeeze<1>(x));
  static_assert(std::is_same_v<decltype(s), const Tensor<float, 2, 3>>);
  CHECK(s(1, 2) == -6);
  CHECK(eval(squeeze<-2>(x))(1, 2) == -6);
  CHECK(eval(sum(x)).item() == -3);
  CHECK(equal(eval(transpose<0, 2>(x)), eval(permute<2, 1, 0>(x))));
  CHECK(equal(eval(transpose<-1, -2>(x)), eval(transpose(x))));
  CHECK(Tensor<int, 1, 1>{{7}}.item() == 7);
  CHECK(equal(eval(zeros_like(x) + ones_like(x)), eval(full_like(x, 1))));
  const auto a = jit([](auto v, auto seed) { return random::normal_like(v, seed, 3); })(x, Tensor<std::int64_t>(7));
  CHECK(equal(reshape<6>(a), eval(random::normal<6>(Seed{7}, 3))));
  Model<OfParameters> net(Seed{1});
  auto step = training<Batch>(net, optim::SGD{}, [](auto& n, const auto& v) {
    return std::tuple{sum(n(v)), random::normal_like(v), random::uniform_like(v)};
  });
  const auto [loss, normal, uniform] = step(batch(3));
  const auto [again, other, another] = step(batch(3));
  CHECK(normal.length<'B'>() == 3);
  CHECK(!equal(normal, other));
  CHECK(!equal(uniform, another));
}

TEST_CASE("arange is an operand of statements and of traced functions") {
  CHECK(equal(eval(arange<4>()), Tensor<int, 4>{0, 1, 2, 3}));
  CHECK(equal(eval(arange<2, 10, 3>()), Tensor<int, 3>{2, 5, 8}));
  CHECK(equal(eval(arange<5, 0, -2>()), Tensor<int, 3>{5, 3, 1}));
  CHECK(eval(arange<3, 3>()).size() == 0);
  const Tensor<float, 3> x{1, 2, 3};
  CHECK(equal(eval(x * arange<3>()), Tensor<float, 3>{0, 2, 6}));
  CHECK(equal(jit([](auto v) { return where(arange<3>() < 2, v, 0.f); })(x), Tensor<float, 3>{1, 2, 0}));
  static_assert(has_length<Batch, 'B'> && !has_length<Batch, 'T'> && !has_length<Tensor<float, 3>, 'B'>);
}

struct Attending {
  nn::Embedding<20, 8> embed;
  nn::Linear<8, 24> qkv;
  nn::KeyValueCache<2, 7, 4> cache;
  constexpr auto operator()(auto ids) const {
    const auto h = transpose<0, 1>(reshape<-1, 6, 4>(qkv(embed(ids))));
    const auto [k, v, mask] = cache(slice<0, 2, 4>(h), slice<0, 4, 6>(h));
    return transpose<0, 1>(scaled_dot_product_attention(slice<0, 0, 2>(h), k, v, mask));
  }
};

TEST_CASE("programs for a prompt and for single tokens share a cache: as if all tokens came at once") {
  Model<Attending> net(Seed{3});
  const Tensor<int, 7> ids{3, 1, 4, 1, 5, 9, 2};
  const auto all = inference<Tensor<int, 7>>(net)(ids);
  auto prefill = inference<Tensor<int, 4>>(net);
  auto decode = inference<Tensor<int, 1>>(net, prefill);
  auto two = inference<Tensor<int, 2>>(net, decode);
  for (int round = 0; round < 2; ++round) {
    CHECK(allclose(prefill(Tensor<int, 4>{3, 1, 4, 1}), all(range<0, 4>), 1e-5, 1e-6));
    CHECK(allclose(decode(Tensor<int, 1>{5})[0], all[4], 1e-5, 1e-6));
    CHECK(allclose(two(Tensor<int, 2>{9, 2}), all(range<5, 7>), 1e-5, 1e-6));
    two.reset();  // the cache of all three
  }
  auto alone = inference<Tensor<int, 1>>(net);  // has a cache of its own
  prefill(Tensor<int, 4>{3, 1, 4, 1});
  CHECK(allclose(alone(Tensor<int, 1>{3})[0], all[0], 1e-5, 1e-6));
}

TEST_CASE("reshape keeps a bounded axis for -1 that has its place") {
  Tensor<float, upto<4, 'B'>, 2, 3> x;
  x.set_length<'B'>(3);
  const auto y = eval(reshape<-1, 6>(x));
  static_assert(std::is_same_v<decltype(y), const Tensor<float, upto<4, 'B'>, 6>>);
  CHECK(y.length<'B'>() == 3);
  const auto z = eval(reshape<-1, 3, 2>(x));
  static_assert(std::is_same_v<decltype(z), const Tensor<float, upto<4, 'B'>, 3, 2>>);
}

}  // namespace signatures
