#include "extern.hpp"

#include <doctest/doctest.h>

using namespace sinter;

TEST_CASE("programs whose code another file has") {
  namespace my = extern_programs;
  Model<my::Net> net(Seed{3});
  my::Input x;
  my::Labels y;
  for (int i = 0; i < 8; ++i) {
    y(i) = i % 3;
    for (int j = 0; j < 6; ++j) x(i, j) = float((7 * i + 5 * j) % 11) / 11 - .5f;
  }
  my::Train step = training<my::Input, my::Labels>(net, nn::cross_entropy, optim::SGD{.lr = .1f});
  my::Infer infer = inference<my::Input>(net);
  float before = 0;
  for (int i = 0; i < 20; ++i) {
    const Tensor<float, 8, 3> scores = infer(x);
    const float expected = nn::cross_entropy(scores, y);  // a statement: its code is here
    const float loss = step(x, y).loss;
    CHECK(loss == doctest::Approx(expected).epsilon(1e-6));
    if (i > 0) CHECK(loss < before);
    before = loss;
  }
}
