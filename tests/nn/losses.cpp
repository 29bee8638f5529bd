// nn/loss.hpp: every loss and its options against PyTorch.
#include <doctest/doctest.h>

#include "../support/reference_case.hpp"

using namespace sinter;
using namespace sinter::internals;
using support::check_function;
using nn::Reduction;

namespace {
using Logits = Tensor<float, 6, 5>;
using Labels = Tensor<std::int64_t, 6>;
using P = Tensor<float, 4, 3>;
}  // namespace

TEST_CASE("cross entropy with smoothing, rows that do not count, and every reduction") {
  check_function<Logits, Labels>("cross_entropy_mean", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check_function<Logits, Labels>("cross_entropy_sum",
                                 [](auto x, auto y) { return nn::CrossEntropy<Reduction::sum>{}(x, y); });
  check_function<Logits, Labels>("cross_entropy_none",
                                 [](auto x, auto y) { return nn::CrossEntropy<Reduction::none>{}(x, y); });
  check_function<Logits, Labels>("cross_entropy_smooth",
                                 [](auto x, auto y) { return nn::cross_entropy(x, y, {.label_smoothing = .125}); });
  check_function<Logits, Labels>("cross_entropy_ignore",
                                 [](auto x, auto y) { return nn::cross_entropy(x, y, {.ignore_index = 2}); });
  check_function<Logits, Labels>("cross_entropy_both", [](auto x, auto y) {
    return nn::cross_entropy(x, y, {.label_smoothing = .25, .ignore_index = 2});
  });
  check_function<Logits, Labels>("cross_entropy_both_sum", [](auto x, auto y) {
    return nn::CrossEntropy<Reduction::sum>{}(x, y, {.label_smoothing = .25, .ignore_index = 2});
  });
  check_function<Logits, Labels>("cross_entropy_outside",
                                 [](auto x, auto y) { return nn::cross_entropy(x, y, {.ignore_index = -100}); });
  check_function<Logits, Labels>("nll", [](auto x, auto y) { return nn::nll_loss(x, y); });
}

TEST_CASE("losses of two tensors of one shape") {
  check_function<P, P>("mse_mean", [](auto x, auto y) { return nn::mse_loss(x, y); });
  check_function<P, P>("mse_sum", [](auto x, auto y) { return nn::MeanSquaredError<Reduction::sum>{}(x, y); });
  check_function<P, P>("mse_none", [](auto x, auto y) { return nn::MeanSquaredError<Reduction::none>{}(x, y); });
  check_function<P, P>("l1_mean", [](auto x, auto y) { return nn::l1_loss(x, y); });
  check_function<P, P>("l1_sum", [](auto x, auto y) { return nn::L1<Reduction::sum>{}(x, y); });
  check_function<P, P>("l1_none", [](auto x, auto y) { return nn::L1<Reduction::none>{}(x, y); });
  check_function<P, P>("huber", [](auto x, auto y) { return nn::huber_loss(x, y); });
  check_function<P, P>("huber_delta", [](auto x, auto y) { return nn::huber_loss(x, y, .5); });
  check_function<P, P>("smooth_l1", [](auto x, auto y) { return nn::smooth_l1_loss(x, y); });
  check_function<P, P>("smooth_l1_beta", [](auto x, auto y) { return nn::smooth_l1_loss(x, y, .5); });
}

TEST_CASE("losses of probabilities, at their borders too") {
  check_function<P, P>("bce_logits", [](auto x, auto y) { return nn::binary_cross_entropy_with_logits(x, y); });
  check_function<P, P>("bce_logits_far", [](auto x, auto y) { return nn::binary_cross_entropy_with_logits(x, y); });
  check_function<P, P>("bce_logits_weight",
                       [](auto x, auto y) { return nn::binary_cross_entropy_with_logits(x, y, 2.5); });
  check_function<P, P>("bce", [](auto x, auto y) { return nn::binary_cross_entropy(x, y); });
  check_function<P, P>("bce_certain", [](auto x, auto y) { return nn::binary_cross_entropy(x, y); });
  check_function<P, P>("kl_div", [](auto x, auto y) { return nn::kl_div(x, y); });
  check_function<P, P>("kl_div_none", [](auto x, auto y) { return nn::KullbackLeibler<Reduction::none>{}(x, y); });
}

namespace {
constexpr float inf = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr auto cross_entropy_of = [](auto x, auto t) { return nn::cross_entropy(x, t); };
}  // namespace

TEST_CASE("rows labelled -100 do not count unless another label is named, in statements and functions") {
  const Tensor<float, 3, 3> x{
      {0, 1, 0}, {1, 2, 3}, {3, 1, 1}};  // torch: F.cross_entropy(x, t) 1.5514447, of all three rows ignored nan
  const Tensor<int, 3> t{0, -100, -100}, none{-100, -100, -100};
  const Tensor<std::int8_t, 3> narrow{0, -100, -100};
  const float statement = nn::cross_entropy(x, t), function = run_function(cross_entropy_of, x, t)(),
              of_bytes = nn::cross_entropy(x, narrow), likelihood = nn::nll_loss(log_softmax(x), t);
  CHECK(statement == doctest::Approx(1.5514447));
  CHECK(function == doctest::Approx(1.5514447));
  CHECK(of_bytes == doctest::Approx(1.5514447));
  CHECK(likelihood == doctest::Approx(1.5514447));
  CHECK(std::isnan(float(nn::cross_entropy(x, none))));
  const Tensor<float, 3, 3> d = grad(cross_entropy_of)(x, none);
  for (int i = 0; i < 9; ++i) CHECK(d.data()[i] == 0);
}

TEST_CASE("a label of a narrow type is compared with the label to ignore as it is") {
  Tensor<float, 1, 200> x;
  x(0, 156) = 1;
  const Tensor<std::uint8_t, 1> label{156};  // -100 as a byte
  CHECK(float(nn::cross_entropy(x, label)) == doctest::Approx(std::log(199 + std::exp(1.)) - 1));
}

TEST_CASE("masked logits and NaN in rows that do not count, compiled") {
  const Tensor<float, 2, 4> x{{1, -inf, .5f, 2}, {0, 1, -inf, -inf}}, y{{1, -1, .5f, 2}, {not_a_number, inf, 0, -1}};
  const Tensor<int, 2> t{0, 1}, half{0, -100};
  CHECK(float(nn::cross_entropy(x, t)) == doctest::Approx(.8888152));  // torch
  CHECK(float(nn::nll_loss(log_softmax(x), t)) == doctest::Approx(.8888152));
  CHECK(float(nn::cross_entropy(y, half)) == doctest::Approx(1.495182));
  const auto [value, d] = value_and_grad(cross_entropy_of)(y, half);
  CHECK(value() == doctest::Approx(1.495182));
  for (int c = 0; c < 4; ++c) CHECK((std::isfinite(d(0, c)) && d(1, c) == 0));
}

TEST_CASE("a gradient of the cross entropy for each sample of a batch") {
  constexpr auto of_one = [](auto x, auto t) { return nn::cross_entropy(x, t); };
  Tensor<float, 3, 2, 4> x;
  for (int i = 0; i < 24; ++i) x.data()[i] = float((i * 7) % 11) / 3 - 1;
  x(1, 1, 2) = not_a_number;
  const Tensor<int, 3, 2> t{{0, 3}, {2, -100}, {-100, -100}};
  const Tensor<float, 3, 2, 4> d = vmap(grad(of_one))(x, t);
  for (int k = 0; k < 3; ++k) {
    const Tensor<float, 2, 4> one = grad(of_one)(Tensor<float, 2, 4>(x[k]), Tensor<int, 2>(t[k]));
    for (int i = 0; i < 8; ++i) CHECK(d.data()[8 * k + i] == doctest::Approx(one.data()[i]));
  }
}

namespace {
struct Classifier {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};
template <class Loss, class Y>
void check_untouched(Loss loss, const Y& target, const Tensor<float, upto<4, 'B'>, 4>& x) {
  Model<Classifier> net(Seed{3});
  const Model<Classifier> before = net;
  auto step = training<Tensor<float, upto<4, 'B'>, 4>, Y>(net, loss, optim::SGD{.lr = .1f, .momentum = .9f});
  CHECK(std::isnan(float(step(x, target).loss)));
  CHECK(equal(std::as_const(net)->fc.weight, before->fc.weight));
  CHECK(equal(std::as_const(net)->fc.bias, before->fc.bias));
}
}  // namespace

TEST_CASE("a step whose labels are all ignored, or whose batch is empty, leaves the parameters as they are") {
  Tensor<float, upto<4, 'B'>, 4> x;
  x.fill(1.f);
  Tensor<int, upto<4, 'B'>> label;
  label.fill(-100);
  check_untouched(nn::cross_entropy, label, x);
  x.set_length<'B'>(0);
  label.set_length<'B'>(0);
  check_untouched(nn::cross_entropy, label, x);
  Tensor<float, upto<4, 'B'>, 3> target;
  target.set_length<'B'>(0);
  check_untouched(nn::mse_loss, target, x);
}

TEST_CASE("options of losses at the ends of their range") {
  const Tensor<float, 1, 2> x{{1, -3}}, t{{0, 0}};
  CHECK(float(nn::smooth_l1_loss(x, t, 0)) == 2);  // the L1 loss
  CHECK(grad([](auto p, auto q) { return nn::smooth_l1_loss(p, q, 0); })(x, t)(0, 1) == -.5f);
  CHECK(float(nn::huber_loss(x, t, 1e30)) == 2.5);
  const Tensor<int, 1> label{0};
  CHECK(float(nn::cross_entropy(x, label, {.label_smoothing = 1})) == doctest::Approx(2.0181499));  // torch
  CHECK_THROWS_WITH_AS((void)float(nn::cross_entropy(x, label, {.label_smoothing = 1.5})),
                       "cross_entropy, label_smoothing: expected 0 … 1, found 1.5", Error);
  CHECK_THROWS_WITH_AS((void)float(nn::huber_loss(x, t, 0)), "huber_loss, delta: expected a number above 0, found 0",
                       Error);
  CHECK_THROWS_WITH_AS((void)float(nn::smooth_l1_loss(x, t, -1)), "smooth_l1_loss, beta: expected 0 or more, found -1",
                       Error);
}

namespace {
/// A loss over a bounded batch, at lengths 0, 1 and N, against the same loss of a batch with exactly so many rows;
/// elements past the length are NaN.
template <class Y, int N, class F> void check_lengths(F loss) {
  using X = Sym<float, upto<4, 'B'>, 3>;
  constexpr bool labelled = Y::shape.rank == 1;
  graph::Builder bounded;
  const X x = graph::new_input<X>(bounded);
  const auto target = graph::new_input<std::conditional_t<labelled, Sym<int, upto<4, 'B'>>, X>>(bounded);
  const auto y = loss(x, target);
  bounded.outputs.push(y.id);
  bounded.outputs.push(transform::gradient(bounded, y.id, graph::List<int>(1, x.id))[0]);
  graph::Builder fixed;
  const auto fixed_x = graph::new_input<Sym<float, N, 3>>(fixed);
  const auto fixed_target = graph::new_input<std::conditional_t<labelled, Sym<int, N>, Sym<float, N, 3>>>(fixed);
  const auto fixed_y = loss(fixed_x, fixed_target);
  fixed.outputs.push(fixed_y.id);
  fixed.outputs.push(transform::gradient(fixed, fixed_y.id, graph::List<int>(1, fixed_x.id))[0]);
  const auto inputs = [](const graph::Builder& g) {
    std::vector<reference::Array> all{reference::Array(Dtype::float32, g.shape(g.inputs[0])),
                                      reference::Array(g[g.inputs[1]].dtype, g.shape(g.inputs[1]))};
    for (int k = 0; k < 2; ++k)
      for (std::ptrdiff_t i = 0; i < all[std::size_t(k)].shape.size(); ++i) {
        const bool label = all[std::size_t(k)].shape.rank == 1, beyond = (label ? i : i / 3) >= N;
        all[std::size_t(k)].set(i, beyond   ? (label ? 1 << 30 : NAN)
                                   : label  ? double(i % 3)
                                   : k == 0 ? double(i % 5) - 2
                                            : double(i % 2));
      }
    return all;
  };
  const auto found = support::execute(bounded, inputs(bounded), {{'B', N}});
  const auto expected = reference::Interpreter(fixed, true).run(inputs(fixed));
  CHECK(support::distance(found[0].get(0), expected[0].get(0)) < 1e-6);
  for (int i = 0; i < 3 * N; ++i) CHECK(support::distance(found[1].get(i), expected[1].get(i)) < 1e-6);
}
template <class Y, class F> void check_lengths(F loss) {
  check_lengths<Y, 0>(loss);
  check_lengths<Y, 1>(loss);
  check_lengths<Y, 4>(loss);
}
}  // namespace

TEST_CASE("losses of a bounded batch at lengths 0, 1 and all of it") {
  using Labelled = Tensor<int, 4>;
  using Pairs = Tensor<float, 4, 3>;
  check_lengths<Labelled>(
      [](auto x, auto t) { return nn::cross_entropy(x, t, {.label_smoothing = .1, .ignore_index = 1}); });
  check_lengths<Labelled>([](auto x, auto t) { return nn::CrossEntropy<Reduction::sum>{}(x, t); });
  check_lengths<Labelled>([](auto x, auto t) { return nn::nll_loss(x, t); });
  check_lengths<Pairs>([](auto x, auto t) { return nn::mse_loss(x, t); });
  check_lengths<Pairs>([](auto x, auto t) { return nn::huber_loss(x, t); });
  check_lengths<Pairs>([](auto x, auto t) { return nn::BinaryCrossEntropyWithLogits<Reduction::sum>{}(x, t); });
  check_lengths<Pairs>([](auto x, auto t) { return nn::kl_div(x, t); });
}

TEST_CASE("cross entropy over more axes is that of their rows, with the classes second or last") {
  using B = Tensor<float, upto<3, 'B'>, 4, 5>;
  Tensor<float, 15, 4> rows;
  Tensor<float, 3, 5, 4> last;
  B second;
  Tensor<int, upto<3, 'B'>, 5> labels;
  Tensor<int, 15> of_rows;
  for (int b = 0; b < 3; ++b)
    for (int t = 0; t < 5; ++t) {
      labels(b, t) = of_rows(b * 5 + t) = (b + t) % 7 == 6 ? -100 : (b * 3 + t) % 4;
      for (int c = 0; c < 4; ++c)
        rows(b * 5 + t, c) = last(b, t, c) = second(b, c, t) =
            Philox(Seed{3}, 0).normal(std::uint64_t(b * 20 + t * 4 + c));
    }
  const Tensor<int, 3, 5> whole = reshape<3, 5>(of_rows);
  const float expected = nn::cross_entropy(rows, of_rows, {.label_smoothing = .1});
  CHECK(float(nn::cross_entropy(last, whole, {.label_smoothing = .1})) == doctest::Approx(expected));
  CHECK(float(nn::cross_entropy(second, labels, {.label_smoothing = .1})) == doctest::Approx(expected));
  const Tensor<float, 4> weight{1, 2, 3, 4};
  CHECK(float(nn::cross_entropy(second, labels, weight)) ==
        doctest::Approx(float(nn::cross_entropy(rows, of_rows, weight))));
  CHECK(float(nn::nll_loss(log_softmax<1>(second), labels)) ==
        doctest::Approx(float(nn::cross_entropy(rows, of_rows))));
  const Tensor<float, 3, 5, 4> d = grad([](auto x, auto y) { return nn::cross_entropy(x, y); })(last, whole);
  const Tensor<float, 15, 4> e = grad([](auto x, auto y) { return nn::cross_entropy(x, y); })(rows, of_rows);
  CHECK(allclose(reshape<15, 4>(d), e, 1e-5, 1e-7));
  second.set_length<'B'>(1);
  labels.set_length<'B'>(1);
  CHECK(float(nn::cross_entropy(second, labels)) ==
        doctest::Approx(float(nn::cross_entropy(rows(range<0, 5>), of_rows(range<0, 5>)))));
}
