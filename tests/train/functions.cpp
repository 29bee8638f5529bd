// Training by any function of a net and a batch, and optimizers that move some parameters, or in several ways.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cstring>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace functions {

struct Half {
  nn::Linear<3, 4> fc;
  nn::LayerNorm<4> norm;
  constexpr auto operator()(auto x) const { return tanh(norm(fc(x))); }
};
struct Net {
  Half backbone;
  nn::Linear<4, 2> head;
  constexpr auto operator()(auto x) const { return head(backbone(x)); }
};
template <class Loss, class Norm, class Features> struct Parts {
  Loss loss;
  Norm norm;
  Features features;
};
template <class L, class N, class F> Parts(L, N, F) -> Parts<L, N, F>;

using X = Tensor<float, 6, 3>;
using Y = Tensor<float, 6, 2>;
template <class T> T numbers(int seed) {
  T t;
  for (int i = 0; i < int(T::size()); ++i) t.data()[i] = Philox(Seed{std::uint64_t(seed)}, 3).normal(std::uint64_t(i));
  return t;
}
const X x = numbers<X>(1);
const Y y = numbers<Y>(2);

constexpr auto squared_error = [](auto& net, const auto& in, const auto& target) {
  return nn::mse_loss(net(in), target);
};
template <class N> bool same(const Model<N>& a, const Model<N>& b) {
  return std::memcmp(a.data(), b.data(), std::size_t(a.parameters) * sizeof(float)) == 0;
}
/// The largest difference of the parameters whose names begin so.
template <class N> float difference(const Model<N>& a, const Model<N>& b, std::string_view prefix = "") {
  float d = 0;
  const auto other = b.state_dict();
  std::size_t i = 0;
  for (const auto& t : a.state_dict()) {
    const auto* const p = reinterpret_cast<const float*>(t.data);
    const auto* const q = reinterpret_cast<const float*>(other[i++].data);
    if (t.name.starts_with(prefix))
      for (std::ptrdiff_t k = 0; k < t.size(); ++k) d = std::max(d, std::abs(p[k] - q[k]));
  }
  return d;
}

TEST_CASE("the short form of training is the long one with the net called for it") {
  Model<Net> shortly(Seed{1}), longly(Seed{1});
  auto a = training<X, Y>(shortly, nn::mse_loss, optim::Adam{});
  auto b = training<X, Y>(longly, optim::Adam{}, squared_error, Cpu{.threads = 2});
  for (int i = 0; i < 4; ++i) CHECK(a(x, y).loss == b(x, y).loss);
  CHECK(same(shortly, longly));
}

TEST_CASE("a step hands out what its function returns: numbers, tensors, in a struct or a tuple") {
  Model<Net> net(Seed{1});
  auto step = training<X, Y>(net, optim::SGD{.lr = 0.f}, [](auto& n, const auto& in, const auto& target) {
    const auto features = n.backbone(in);
    const auto norm = mean(square(features));
    return Parts{nn::mse_loss(n.head(features), target) + norm, norm, features};
  });
  auto infer = inference<X>(net);
  const auto r = step(x, y);
  static_assert(std::is_same_v<decltype(r.loss), float> && std::is_same_v<decltype(r.norm), float>);
  CHECK(r.norm == doctest::Approx(float(mean(square(r.features)))));
  CHECK(r.loss - r.norm == doctest::Approx(float(nn::mse_loss(infer(x), y))));
  support::Allocations allocations;
  for (int i = 0; i < 3; ++i) step(x, y);
  CHECK(allocations.count() == 0);

  auto tuples = training<X, Y, float>(net, optim::SGD{.lr = 0.f},
                                      [](auto& n, const auto& in, const auto& target, const auto& weight) {
                                        const auto e = n(in) - target;
                                        return std::tuple{weight * mean(square(e)), e, sum(e)};
                                      });
  const auto [loss, e, total] = tuples(x, y, 3.f);
  CHECK(loss == doctest::Approx(3 * (r.loss - r.norm)));
  CHECK(total == doctest::Approx(float(sum(e))));
}

TEST_CASE("loaders give the types of a step's batch, and lengths agree or nothing changes") {
  data::Labelled<3> points;
  for (int i = 0; i < 7; ++i) {
    const float features[]{float(i), 1, 2};
    points.add(features, i % 2);
  }
  auto batches = data::loader<4>(points);
  Model<Net> net(Seed{1});
  auto step = training(net, batches, optim::Adam{},
                       [](auto& n, const auto& in, const auto& label) { return nn::cross_entropy(n(in), label); });
  for (auto [in, label] : batches) CHECK(step(in, label).loss > 0);
  for (auto [in, label] : batches) {
    label.set_length<'B'>(2);
    const Model<Net> before = net;
    CHECK(support::thrown([&] { step(in, label); }).code() == ErrorCode::length);
    CHECK(same(before, net));
  }
}

TEST_CASE("only and freeze choose parameters by member, name and pattern; the others stay as they are") {
  const Model<Net> start(Seed{1});
  Model<Net> net = start;
  training<X, Y>(net, optim::only<&Net::backbone>(optim::Adam{}), squared_error)(x, y);
  CHECK(difference(net, start, "head") == 0);
  CHECK(difference(net, start, "backbone.norm") > 0);
  net = start;
  training<X, Y>(net, optim::freeze<"backbone">(optim::Adam{}), squared_error)(x, y);
  CHECK(difference(net, start, "backbone") == 0);
  CHECK(difference(net, start, "head") > 0);
  net = start;
  training<X, Y>(
      net, optim::only<"*.bias", [](const optim::ParameterInfo& p) { return p.name == "head.weight"; }>(optim::Adam{}),
      squared_error)(x, y);
  CHECK(difference(net, start, "backbone.fc.weight") == 0);
  CHECK(difference(net, start, "backbone.norm.weight") == 0);
  CHECK(difference(net, start, "backbone.fc.bias") > 0);
  CHECK(difference(net, start, "head.weight") > 0);
  static_assert(optim::matches("a.*.b", "a.1.b.weight") && optim::matches("fc", "fc.bias") &&
                !optim::matches("fc", "fc2.bias") && !optim::matches("*.bias", "bias.weight"));
}

TEST_CASE("a part alone moves as it does with all others, and its step costs less") {
  Model<Net> whole(Seed{1}), part(Seed{1});
  auto all = training<X, Y>(whole, optim::Adam{}, squared_error);
  auto head = training<X, Y>(part, optim::only<"head">(optim::Adam{}), squared_error);
  CHECK(all(x, y).loss == doctest::Approx(head(x, y).loss));
  CHECK(difference(whole, part, "head") < 1e-7f);
  static_assert(decltype(head)::flops < decltype(all)::flops);
}

TEST_CASE("two steps in alternation share one net's parameters") {
  Model<Net> net(Seed{1});
  auto head = training<X, Y>(net, optim::only<"head">(optim::SGD{.lr = .1f}), squared_error);
  auto back = training<X, Y>(net, optim::only<"backbone">(optim::SGD{.lr = .1f}), squared_error);
  float last = head(x, y).loss;
  for (int i = 0; i < 5; ++i) {
    const float a = back(x, y).loss, b = head(x, y).loss;
    CHECK(a < last);
    CHECK(b < a);
    last = b;
  }
}

TEST_CASE("groups have optimizers of their own, reached through the step") {
  const Model<Net> start(Seed{1});
  Model<Net> net = start, slow = start, plain = start;
  auto step = training<X, Y>(
      net, optim::groups(optim::SGD{.lr = .1f}, optim::group<"backbone">(optim::Adam{.lr = 0.f})), squared_error);
  step(x, y);
  CHECK(difference(net, start, "backbone") == 0);
  CHECK(difference(net, start, "head") > 0);
  step.optimizer.group<1>().lr = .01f;
  step(x, y);
  CHECK(difference(net, start, "backbone") > 0);
  training<X, Y>(plain, optim::SGD{.lr = .1f}, squared_error)(x, y);
  training<X, Y>(slow, optim::scale_lr<"backbone">(optim::SGD{.lr = .1f}, .25f), squared_error)(x, y);
  CHECK(difference(plain, slow, "head") == 0);
  CHECK(difference(slow, start, "backbone") == doctest::Approx(.25f * difference(plain, start, "backbone")));
}

TEST_CASE("no_decay leaves biases and norms out, or what is named") {
  const Model<Net> start(Seed{1});
  Model<Net> net = start, named = start;
  // a loss without gradients: decay alone moves
  constexpr auto nothing = [](auto& n, const auto& in) { return 0.f * sum(n(in)); };
  training<X>(net, optim::no_decay(optim::SGD{.lr = .1f, .weight_decay = .5f}), nothing)(x);
  CHECK(difference(net, start, "backbone.norm") == 0);
  CHECK(difference(net, start, "head.bias") == 0);
  CHECK(net->head.weight(0, 0) == doctest::Approx(.95f * start->head.weight.const_view()(0, 0)));
  training<X>(named, optim::no_decay<"head">(optim::SGD{.lr = .1f, .weight_decay = .5f}), nothing)(x);
  CHECK(difference(named, start, "head") == 0);
  CHECK(difference(named, start, "backbone.norm.weight") == doctest::Approx(.05f));
}

TEST_CASE("clipping sees the gradients of all groups") {
  const Model<Net> start(Seed{1});
  Model<Net> one = start, grouped = start;
  training<X, Y>(one, optim::clip_norm(optim::SGD{.lr = 1.f}, .01f), squared_error)(x, y);
  training<X, Y>(
      grouped,
      optim::clip_norm(optim::groups(optim::SGD{.lr = 1.f}, optim::group<"*.bias", "*norm*">(optim::SGD{.lr = 1.f})),
                       .01f),
      squared_error)(x, y);
  CHECK(difference(one, grouped) < 1e-7f);
  float norm = 0;
  for (int i = 0; i < one.parameters; ++i)
    norm += (one.data()[i] - start.data()[i]) * (one.data()[i] - start.data()[i]);
  CHECK(std::sqrt(norm) == doctest::Approx(.01f).epsilon(1e-3));
}

TEST_CASE("accumulated gradients of batches move parameters as their mean") {
  using Two = Tensor<float, 12, 3>;
  using TwoY = Tensor<float, 12, 2>;
  Two xs;
  TwoY ys;
  const X x2 = numbers<X>(5);
  const Y y2 = numbers<Y>(6);
  std::copy(x2.begin(), x2.end(), std::copy(x.begin(), x.end(), xs.begin()));
  std::copy(y2.begin(), y2.end(), std::copy(y.begin(), y.end(), ys.begin()));
  Model<Net> averaged(Seed{1});
  auto both = training<X, Y>(averaged, optim::accumulate<2>(optim::ema(optim::SGD{}, .5f)), squared_error);
  both(x, y);
  CHECK(same(both.averaged(), averaged));
  const Model<Net> start(Seed{1});
  Model<Net> whole = start, parts = start;
  auto large = training<Two, TwoY>(whole, optim::AdamW{.lr = .01f}, squared_error);
  auto small = training<X, Y>(parts, optim::accumulate<2>(optim::AdamW{.lr = .01f}), squared_error);
  for (int i = 0; i < 3; ++i) {
    large(xs, ys);
    const Model<Net> before = parts;
    small(x, y);
    CHECK(same(before, parts));
    small(x2, y2);
    CHECK(difference(whole, parts) < 1e-5f);
  }
}

TEST_CASE("averages of parameters are models") {
  Model<Net> net(Seed{1}), other(Seed{1});
  auto step = training<X, Y>(net, optim::ema(optim::SGD{.lr = .1f}, .75f), squared_error);
  auto swa = training<X, Y>(other, optim::swa(optim::SGD{.lr = .1f}, {.start = 2, .every = 2}), squared_error);
  std::vector<double> ema(std::size_t(net.parameters)), sum(ema.size());
  int taken = 0;
  for (int i = 1; i <= 6; ++i) {
    step(x, y);
    swa(x, y);
    CHECK(same(net, other));
    if (i >= 2 && i % 2 == 0) ++taken;
    for (std::size_t k = 0; k < ema.size(); ++k) {
      const double p = std::as_const(net).data()[k];
      ema[k] = i == 1 ? p : .75 * ema[k] + .25 * p;
      if (i >= 2 && i % 2 == 0) sum[k] += p;
    }
    const Model<Net> smooth = step.averaged(), mean = swa.averaged();
    for (std::size_t k = 0; k < ema.size(); ++k) {
      CHECK(smooth.data()[k] == doctest::Approx(ema[k]).epsilon(1e-5));
      CHECK(mean.data()[k] ==
            doctest::Approx(taken > 0 ? sum[k] / taken : std::as_const(other).data()[k]).epsilon(1e-5));
    }
  }
}

TEST_CASE("wrappers of optimizers check their numbers and those inside") {
  Model<Net> net(Seed{1});
  const auto refused = [&](auto optimizer) {
    return support::thrown([&] { training<X, Y>(net, optimizer, squared_error); }).code() == ErrorCode::argument;
  };
  CHECK(refused(optim::ema(optim::SGD{}, 1.f)));
  CHECK(refused(optim::swa(optim::SGD{}, {.start = 0})));
  CHECK(refused(optim::accumulate<2>(optim::SGD{.lr = -1.f})));
  CHECK(refused(optim::no_decay(optim::SGD{.lr = -1.f})));
  CHECK(refused(optim::groups(optim::SGD{}, optim::group<"head">(optim::SGD{.lr = -1.f}))));
  CHECK(refused(optim::only<"head">(optim::SGD{.lr = -1.f})));
}

TEST_CASE("a rate follows a schedule or any function of the steps, through wrappers, until it is set") {
  Model<Net> net(Seed{1}), by_hand(Seed{1});
  const optim::OneCycleLR cycle{.max_lr = .1, .total_steps = 8};
  const optim::SGD sgd{.lr = cycle, .momentum = [=](std::int64_t t) { return cycle.momentum(t); }};
  auto step = training<X, Y>(net, optim::clip_norm(optim::no_decay(sgd), 1.f), squared_error);
  auto plain = training<X, Y>(by_hand, optim::clip_norm(optim::no_decay(optim::SGD{}), 1.f), squared_error);
  for (int i = 0; i < 8; ++i) {
    plain.optimizer.lr = cycle(i);
    plain.optimizer.momentum = cycle.momentum(i);
    plain(x, y);
    step(x, y);
    CHECK(step.optimizer.lr.value() == cycle(i));
  }
  CHECK(same(net, by_hand));
  const auto copy = step.optimizer;  // shares the schedule
  step.optimizer.lr = 0.f;
  const Model<Net> before = net;
  step(x, y);
  CHECK(same(net, before));
  CHECK(copy.lr.value() == cycle(7));
  auto loose = optimizer(optim::Adam{.lr = [](std::int64_t t) { return t < 2 ? 0.f : .1f; }}, net);
  const auto g = grad(squared_error)(net, x, y);
  loose(g), loose(g);
  CHECK(same(net, before));
  loose(g);
  CHECK(!same(net, before));
}

TEST_CASE("copy_parameters copies what two models have under the same names, as load_state_dict with strict=False") {
  const Model<Net> from(Seed{1});
  Model<Net> to(Seed{2});
  const Model<Net> before = to;
  copy_parameters(from, to, {.from = "backbone.", .to = "backbone."});
  CHECK(to->backbone.fc.weight(2, 1) == from->backbone.fc.weight(2, 1));
  CHECK(to->head.weight(1, 3) == before->head.weight(1, 3));
  copy_parameters(from, to);
  CHECK(same(to, from));

  Model<Half> half(Seed{3});
  copy_parameters(from, half, {.from = "backbone."});
  CHECK(half->fc.bias(3) == from->backbone.fc.bias(3));

  const Error none = support::thrown([&] { copy_parameters(from, half); });
  CHECK(std::string(none.what()).find("the first are 'backbone.fc.weight' and 'fc.weight'") != std::string::npos);
  Model<nn::Linear<5, 2>> other(Seed{4});
  const Model<nn::Linear<5, 2>> kept = other;
  const Error shapes = support::thrown([&] { copy_parameters(from, other, {.from = "head."}); });
  CHECK(std::string(shapes.what()).find("weight: expected float32 (2, 5), found float32 (2, 4)") != std::string::npos);
  CHECK(other->weight(1, 4) == kept->weight(1, 4));
  CHECK(other->bias(1) == kept->bias(1));
}

}  // namespace functions
