// train/metrics.hpp: expectations are scikit-learn's definitions, worked out by hand.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/throws.hpp"

using namespace sinter;

TEST_CASE("top-K counts rows whose label is among the K largest scores") {
  Tensor<float, upto<5, 'B'>, 4> scores{{1, 4, 3, 2}, {1, 4, 3, 2}, {2, 2, 2, 2}, {0, NAN, 1, 2}, {9, 0, 0, 0}};
  Tensor<int, upto<5, 'B'>> labels{2, 0, 1, 1, 0};
  labels.set_length<'B'>(4);
  scores.set_length<'B'>(4);
  CHECK(count_in_top<1>(scores, labels) == 0);
  CHECK(count_in_top<2>(scores, labels) == 2);  // of equal scores the first ones count as larger
  CHECK(count_in_top<3>(scores, labels) == 2);
  CHECK(count_in_top<4>(scores, labels) == 3);  // NaN is nowhere
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
