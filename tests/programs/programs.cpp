// Programs as practitioners write them, their losses beside those of the same in PyTorch (make.py).
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "actor_critic.hpp"
#include "detector.hpp"
#include "distillation.hpp"
#include "dp_sgd.hpp"
#include "gan.hpp"
#include "heat.hpp"
#include "language.hpp"
#include "lora.hpp"
#include "vae.hpp"

using namespace sinter;
using namespace programs;

namespace {

void check(const std::string& name, const Losses& found) {
  static const auto expected = [] {
    std::map<std::string, Losses> all;
    std::ifstream file(SINTER_TESTS "/programs/losses.txt");
    for (std::string line; std::getline(file, line);) {
      std::istringstream in(line);
      std::string key;
      in >> key;
      for (double x; in >> x;) all[key].push_back(x);
    }
    return all;
  }();
  INFO(name);
  REQUIRE(expected.count(name) == 1);
  const Losses& wanted = expected.at(name);
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(wanted[i]).epsilon(2e-4));
}

}  // namespace

TEST_CASE("programs of any signature have PyTorch's losses") {
  auto half = wave<Tensor<float, 8, 16>>(0);
  half = half * .5f + .5f;
  check("vae", vae(half, wave<Tensor<float, 8, 3>>(1)));
  check("gan", gan(wave<Tensor<float, 8, 2>>(0), wave<Tensor<float, 8, 4>>(2)));
  check("heat", heat(wave<Tensor<float, 20>>(0), wave<Tensor<float, 20>>(.5, .5)));
  check("detector", detector(wave<Tensor<float, 4, 2, 8, 8>>(0), labels<Tensor<int, 4, 4, 4>>(3),
                             wave<Tensor<float, 4, 4, 4, 4>>(1)));
  check("distillation", distillation(wave<Tensor<float, 8, 6>>(0), labels<Tensor<int, 8>>(4)));
  constexpr auto B = upto<16, 'B'>;
  check("actor_critic", actor_critic(wave<Tensor<float, B, 4>>(0), labels<Tensor<int, B>>(3),
                                     wave<Tensor<float, B>>(2, 2), {5, 16, 1, 9, 16, 3}));
  check("dp_sgd", dp_sgd(wave<Tensor<float, 8, 5>>(0, 2), labels<Tensor<int, 8>>(3)));
  check("language", language());
  check("lora", lora(wave<Tensor<float, 8, 6>>(0), wave<Tensor<float, 8, 3>>(1)));
}
