// Training steps and programs without the types of their nets.
#include "any_step.hpp"

#include <doctest/doctest.h>
#include <sinter/tensor/error.hpp>

#include <cstdio>
#include <cstring>

using namespace sinter;

namespace {

any_step::Input input() {
  any_step::Input x;
  for (int i = 0; i < 8; ++i) x.data()[i] = float(i % 3) - 1;
  return x;
}
any_step::Target target() {
  any_step::Target y;
  for (int i = 0; i < 4; ++i) y.data()[i] = float(i);
  return y;
}
/// Linear regression by hand: loss, and a step of SGD with momentum.
struct ByHand {
  float w[2]{.5f, .5f}, b = -1, v[3]{};
  float step(float lr) {
    const auto x = input();
    const auto y = target();
    float loss = 0, g[3]{};
    for (int i = 0; i < 4; ++i) {
      const float error = w[0] * x(i, 0) + w[1] * x(i, 1) + b - y(i, 0);
      loss += error * error / 4;
      g[0] += error * x(i, 0) / 2;
      g[1] += error * x(i, 1) / 2;
      g[2] += error / 2;
    }
    for (int k = 0; k < 3; ++k) (k < 2 ? w[k] : b) -= lr * (v[k] = .5f * v[k] + g[k]);
    return loss;
  }
};

}  // namespace

TEST_CASE("a step behind a virtual call trains as the net does") {
  any_step::Made made = any_step::make(.1f);
  ByHand expected;
  for (int i = 0; i < 10; ++i) CHECK(made.step(input(), target()).loss == doctest::Approx(expected.step(.1f)));
  CHECK(made.step.steps() == 10);
  CHECK(made.step.number("lr") == .1f);
  made.step.number("lr") = .01f;
  for (int i = 0; i < 3; ++i) CHECK(made.step(input(), target()).loss == doctest::Approx(expected.step(.01f)));
  made.step.seed() = Seed{9};
  std::uint64_t seed = 0;
  for (const auto& t : made.step.state_dict())
    if (t.name == "seed") std::memcpy(&seed, t.data, sizeof seed);
  CHECK(seed == 9);

  const any_step::Target y = made.run(input());  // the same parameters
  for (int i = 0; i < 4; ++i)
    CHECK(y(i, 0) ==
          doctest::Approx(expected.w[0] * input()(i, 0) + expected.w[1] * input()(i, 1) + expected.b).epsilon(1e-4));
  any_step::Target again;
  made.run.into(input(), again);
  CHECK(std::memcmp(again.data(), y.data(), sizeof(float) * 4) == 0);

  const auto parts = made.whole(input(), target());
  CHECK(parts.loss == doctest::Approx(expected.step(0)));
  CHECK(parts.bias(0) == doctest::Approx(expected.b));
}

TEST_CASE("a number that the optimizer does not have is an error with those that it has") {
  any_step::Made made = any_step::make(.1f);
  std::string text;
  try {
    made.step.number("rate");
  } catch (const Error& e) {
    text = e.what();
  }
  CHECK(text.find("found rate") != text.npos);
  CHECK(text.find("lr") != text.npos);
  CHECK(text.find("momentum") != text.npos);
  any_step::Made moved = std::move(made);
  CHECK((moved.step && !made.step));
}

TEST_CASE("a step without its net's type is saved and resumed") {
  const std::string path = "any_step.safetensors";
  any_step::Made one = any_step::make(.1f), two = any_step::make(.3f);
  for (int i = 0; i < 4; ++i) one.step(input(), target());
  any_step::save(path, one);
  any_step::restore(path, two);
  CHECK(two.step.steps() == 4);
  for (int i = 0; i < 3; ++i) CHECK(one.step(input(), target()).loss == two.step(input(), target()).loss);
  std::remove(path.c_str());
}
