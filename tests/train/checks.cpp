// Programs built with SINTER_CHECKS check their inputs before they run.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/throws.hpp"

using namespace sinter;

#ifndef SINTER_CHECKS
#error this file is for programs that check
#endif

namespace checks {

struct Words {
  nn::Embedding<5, 3> table;
  nn::Linear<3, 4> fc;
  constexpr auto operator()(auto ids) const { return fc(mean<1>(table(ids))); }
};

}  // namespace checks

TEST_CASE("with SINTER_CHECKS a program throws for ids and labels out of range, and has then changed nothing") {
  Model<checks::Words> net(Seed{1});
  using Ids = Tensor<int, upto<4, 'B'>, 2>;
  auto infer = inference<Ids>(net);
  Ids ids{{0, 1}, {2, 3}, {4, 5}, {9, 9}};
  ids.set_length<'B'>(2);  // elements past it are ignored
  CHECK_NOTHROW(infer(ids));
  ids.set_length<'B'>(3);
  CHECK(std::string(support::thrown([&] { infer(ids); }).what()) == "embedding, ids: expected 0 … 4, found 5");

  auto step = training<Tensor<int, 2, 2>, Tensor<int, 2>>(net, nn::cross_entropy, optim::SGD{.lr = 1});
  const std::vector<float> before(net.data(), net.data() + net.parameters);
  const Tensor<int, 2, 2> good{{0, 1}, {2, 3}}, bad{{0, 1}, {-1, 3}};
  const Tensor<int, 2> labels{3, 0};
  CHECK(std::string(support::thrown([&] { step(bad, labels); }).what()) == "embedding, ids: expected 0 … 4, found -1");
  CHECK(std::equal(before.begin(), before.end(), std::as_const(net).data()));
  CHECK(step.steps() == 0);
  CHECK_NOTHROW(step(good, labels));
}
