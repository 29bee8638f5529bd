// train/metrics.hpp: expected values follow scikit-learn's definitions, computed by hand.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/reference_values.hpp"
#include "../support/throws.hpp"

using namespace sinter;

TEST_CASE("top-K counts rows whose label is among the K largest scores") {
  Tensor<float, upto<5, 'B'>, 4> scores{{1, 4, 3, 2}, {1, 4, 3, 2}, {2, 2, 2, 2}, {0, NAN, 1, 2}, {9, 0, 0, 0}};
  Tensor<int, upto<5, 'B'>> labels{2, 0, 1, 1, 0};
  labels.set_length<'B'>(4);
  scores.set_length<'B'>(4);
  CHECK(count_in_top<1>(scores, labels) == 1);  // NaN is the largest
  CHECK(count_in_top<2>(scores, labels) == 3);  // of equal scores the first ones count as larger
  CHECK(count_in_top<3>(scores, labels) == 3);
  CHECK(count_in_top<4>(scores, labels) == 4);
  labels.set_length<'B'>(5);
  scores.set_length<'B'>(5);
  CHECK(count_in_top<1>(scores, labels) == count_correct(scores, labels));
  labels(3) = 4;
  const Error e = support::thrown([&] { count_in_top<1>(scores, labels); });
  CHECK(std::string(e.what()) == "count_in_top, label: expected 0 … 3, found 4");
}

TEST_CASE("precision, recall and F1 come from the confusion matrix") {
  const int truth[]{0, 0, 0, 0, 1, 1, 1, 2, 2, 2}, predicted[]{0, 0, 0, 1, 1, 1, 0, 0, 0, 1};
  Tensor<float, 10, 4> scores;
  Tensor<int, 10> labels;
  for (int i = 0; i < 10; ++i) {
    scores(i, predicted[i]) = 1;
    labels(i) = truth[i];
  }
  ConfusionMatrix<4> m;
  m.add(scores, labels);
  CHECK(m.occurred(0) == 4);
  CHECK(m.predicted(0) == 6);
  CHECK(m.precision(0) == doctest::Approx(3.0 / 6));
  CHECK(m.recall(0) == doctest::Approx(3.0 / 4));
  CHECK(m.f1(0) == doctest::Approx(0.6));
  CHECK(m.precision(1) == doctest::Approx(2.0 / 4));
  CHECK(m.recall(1) == doctest::Approx(2.0 / 3));
  CHECK(m.f1(1) == doctest::Approx(4.0 / 7));
  CHECK(m.precision(2) == 0);  // never predicted
  CHECK(m.f1(2) == 0);
  CHECK(m.mean_precision() == doctest::Approx((0.5 + 0.5) / 3));  // class 3 neither occurred nor was predicted
  CHECK(m.mean_recall() == doctest::Approx((0.75 + 2.0 / 3) / 3));
  CHECK(m.mean_f1() == doctest::Approx((0.6 + 4.0 / 7) / 3));
  CHECK(ConfusionMatrix<4>().mean_f1() == 0);
}

TEST_CASE("a running mean weighs by samples") {
  RunningMean loss;
  CHECK(loss.value() == 0);
  loss.add(2, 3);
  loss.add(6);
  CHECK(loss.value() == 3);
  CHECK(loss.samples() == 4);
  loss.reset();
  CHECK(loss.samples() == 0);
}

TEST_CASE("ties, NaN and classes that never occur: as PyTorch and scikit-learn, and as the operations") {
  using support::reference_value;
  const auto scores = support::reference_tensor<Tensor<float, 24, 5>>("metrics.scores");
  const auto labels = support::reference_tensor<Tensor<int, 24>>("metrics.labels");
  const Tensor<int, 24> best = argmax<1>(scores);
  for (int i = 0; i < 24; ++i) {
    CHECK(predicted_class(scores, i) == int(reference_value("metrics.predicted").elements[std::size_t(i)]));
    CHECK(predicted_class(scores, i) == best(i));
  }
  CHECK(double(count_correct(scores, labels)) / 24 ==
        doctest::Approx(double(float(mean(argmax<1>(scores) == labels)))));
  CHECK(count_in_top<1>(scores, labels) == reference_value("metrics.top1").elements[0]);
  CHECK(count_in_top<2>(scores, labels) == reference_value("metrics.top2").elements[0]);
  CHECK(count_in_top<3>(scores, labels) == reference_value("metrics.top3").elements[0]);
  CHECK(count_in_top<5>(scores, labels) == reference_value("metrics.top5").elements[0]);
  ConfusionMatrix<5> m;
  m.add(scores, labels);
  CHECK(m.accuracy() == doctest::Approx(reference_value("metrics.accuracy").elements[0]));
  for (int c = 0; c < 5; ++c) {
    const auto C = std::size_t(c);
    for (int p = 0; p < 5; ++p) CHECK(m(c, p) == reference_value("metrics.confusion").elements[5 * C + std::size_t(p)]);
    CHECK(m.precision(c) == doctest::Approx(reference_value("metrics.precision").elements[C]));
    CHECK(m.recall(c) == doctest::Approx(reference_value("metrics.recall").elements[C]));
    CHECK(m.f1(c) == doctest::Approx(reference_value("metrics.f1").elements[C]));
  }
  CHECK(m.mean_precision() == doctest::Approx(reference_value("metrics.mean_precision").elements[0]));
  CHECK(m.mean_recall() == doctest::Approx(reference_value("metrics.mean_recall").elements[0]));
  CHECK(m.mean_f1() == doctest::Approx(reference_value("metrics.mean_f1").elements[0]));

  const auto &truth = reference_value("metrics.three_labels").elements,
             &read = reference_value("metrics.three_predicted").elements;
  ConfusionMatrix<6> three;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    Tensor<float, 1, 6> one;
    one(0, int(read[i])) = 1;
    three.add(one, Tensor<int, 1>{int(truth[i])});
  }
  CHECK(three.mean_precision() == doctest::Approx(reference_value("metrics.three_mean_precision").elements[0]));
  CHECK(three.mean_recall() == doctest::Approx(reference_value("metrics.three_mean_recall").elements[0]));
  CHECK(three.mean_f1() == doctest::Approx(reference_value("metrics.three_mean_f1").elements[0]));
}

TEST_CASE("columns of a larger tensor are scores like any other") {
  Tensor<float, 2, 4> wide{{9, 1, 2, 0}, {9, 3, 2, 0}};
  const Tensor<int, 2> labels{1, 0};
  const auto part = wide(range<>, range<1, 4>);
  CHECK(count_correct(part, labels) == 2);
  CHECK(count_in_top<1>(part, labels) == 2);
  ConfusionMatrix<3> m;
  m.add(part, labels);
  CHECK((m(1, 1) == 1 && m(0, 0) == 1));
}

TEST_CASE("a batch with a label outside the classes is not counted at all") {
  ConfusionMatrix<3> m;
  const Tensor<float, 2, 3> scores;
  const Tensor<int, 2> labels{0, 3};
  const Error e = support::thrown([&] { m.add(scores, labels); });
  CHECK(std::string(e.what()) == "ConfusionMatrix, label: expected 0 … 2, found 3");
  CHECK(m.total() == 0);
}

TEST_CASE("the loss of an empty batch, NaN, is no part of a mean") {
  RunningMean loss;
  loss.add(2, 3);
  loss.add(NAN, 0);
  CHECK(loss.value() == 2);
  CHECK((ConfusionMatrix<2>().accuracy() == 0 && ConfusionMatrix<2>().total() == 0));
}

namespace {
/// Three rows of scores of which the first two are right, and none and the first of them.
template <class T, class L> void check_metrics() {
  using Scores = Tensor<T, upto<3, 'B'>, 2>;
  using Labels = Tensor<L, upto<3, 'B'>>;
  Scores scores{{T(1), T(0)}, {T(1), T(1)}, {T(1), T(0)}};
  Labels labels{L(0), L(0), L(1)};
  for (const int length : {0, 1, 3}) {
    scores.template set_length<'B'>(length);
    labels.template set_length<'B'>(length);
    const std::int64_t right = std::min(length, 2);
    CHECK(count_correct(scores, labels) == right);
    CHECK(count_in_top<1>(scores, labels) == right);
    CHECK(count_in_top<2>(scores, labels) == length);
    ConfusionMatrix<2> m;
    m.add(scores, labels);
    CHECK((m.total() == length && m.correct() == right));
    if (length == 3) CHECK(predicted_class(scores, 1) == 0);
  }
  const Tensor<T, 0, 2> no_scores;
  const Tensor<L, 0> no_labels;
  CHECK((count_correct(no_scores, no_labels) == 0 && count_in_top<1>(no_scores, no_labels) == 0));
  ConfusionMatrix<2> none;
  none.add(no_scores, no_labels);
  CHECK((none.total() == 0 && none.mean_f1() == 0));
  const Tensor<T, 2, 1> one_class{{T(1)}, {T(0)}};
  const Tensor<L, 2> same{L(0), L(0)};
  CHECK((predicted_class(one_class, 1) == 0 && count_correct(one_class, same) == 2));
  CHECK(count_in_top<1>(one_class, same) == 2);
  ConfusionMatrix<1> single;
  single.add(one_class, same);
  CHECK(single.mean_f1() == 1);
}
}  // namespace

TEST_CASE("metrics of no rows, one, all; of one class; of scores and labels of every kind") {
  check_metrics<float, int>();
  check_metrics<float16, std::uint8_t>();
  check_metrics<bfloat16, std::int64_t>();
  check_metrics<double, std::int8_t>();
  check_metrics<std::int64_t, int>();
  check_metrics<bool, int>();
}

TEST_CASE("comparisons of whole tensors: NaN, infinities, zeros, nothing, lengths, tolerances") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const Tensor<float, 2> a{0.f, inf}, b{-0.f, inf}, c{0.f, -inf}, n{NAN, 1.f}, near{1e-9f, inf};
  CHECK((equal(a, b) && allclose(a, b)));  // torch.equal, torch.allclose
  CHECK((!equal(a, c) && !allclose(a, c)));
  CHECK((!equal(n, n) && !allclose(n, n)));
  CHECK((!equal(a, near) && allclose(a, near) && !allclose(a, near, 0, 0) && allclose(a, b, 0, 0)));
  CHECK(allclose(Tensor<float, 1>{1.f}, Tensor<float, 1>{-5.f}, 0, inf));
  const Tensor<float, 0> none;
  CHECK((equal(none, none) && allclose(none, none)));
  const Tensor<float16, 1> h{float16(2.f)};
  const Tensor<std::uint8_t, 2> bytes{255, 0}, others{255, 1};
  CHECK((equal(h, h) && allclose(h, h) && equal(bytes, bytes) && !equal(bytes, others) && !allclose(bytes, others)));
  Tensor<float, upto<2, 'B'>> x{1.f, 2.f}, y{1.f, 3.f};
  for (const int length : {0, 1, 2}) {
    x.set_length<'B'>(length), y.set_length<'B'>(length);
    CHECK((equal(x, y) == (length < 2) && allclose(x, y) == (length < 2)));
  }
}
