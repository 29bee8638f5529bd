// Numbers are written as in the C locale, whatever the host program has set: print() separates elements by commas, and
// JSON requires a point.
#include <doctest/doctest.h>
#include <sinter/graph/print.hpp>
#include <sinter/io/trace.hpp>
#include <sinter/sinter.hpp>

#include <cmath>

#include "../support/comma_locale.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace located {

struct Net {
  nn::Linear<2, 2> fc;
  constexpr auto operator()(auto x) const { return softmax(fc(x) * 0.25f); }
};

}  // namespace located

namespace {

std::string printed(auto&& print) {
  const support::TemporaryFile file;
  std::FILE* out = std::fopen(file.path().c_str(), "wb");
  print(out);
  std::fclose(out);
  return file.read();
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("numbers are written as printf does in C's locale") {
  char expected[400];
  for (const double x : {0.,       -0.,       1.,          -1.5,     0.1,
                         1. / 3,   123456.,   1234567.,    999999.5, 1e-4,
                         1e-5,     1e-300,    5e-324,      1e300,    1.7976931348623157e308,
                         0.5,      1.5,       2.5,         0.125,    16777217.,
                         HUGE_VAL, -HUGE_VAL, std::nan("")}) {
    for (const int digits : {1, 3, 6, 9, 12, 17}) {
      std::snprintf(expected, sizeof expected, "%.*g", digits, x);
      CHECK(tensor_detail::general_text(x, digits) == expected);
    }
    for (const int decimals : {0, 1, 2, 4}) {
      std::snprintf(expected, sizeof expected, "%8.*f", decimals, x);
      CHECK(tensor_detail::fixed_text(x, decimals, 8) == expected);
    }
  }
}

TEST_CASE("a locale with a decimal comma changes neither what is written nor what is read") {
  const support::CommaLocale locale;
  if (!locale) return;
  char text[8];
  std::snprintf(text, sizeof text, "%g", 0.5);
  REQUIRE(std::string(text) == "0,5");  // the locale is active

  const Tensor<float, 2> t{0.5f, 1.5f};
  CHECK(to_string(t) == "[0.5, 1.5]");
  CHECK(to_string(Tensor<bfloat16, 2>{bfloat16(0.5f), bfloat16(-1e20f)}) == "[0.5, -9.97277e+19]");
  CHECK(printed([&](std::FILE* out) { print(t, out); }) == "[0.5, 1.5]\nfloat32 (2)\n");

  graph::Builder g = train::InferenceTrace<false, located::Net, Tensor<float, 4, 2>>{}();
  CHECK(has(graph::to_text(g), " constant 0.25 "));
  CHECK(has(graph::to_graphviz(g), "constant 0.25\\n"));

  Model<located::Net> net(Seed{1});
  auto infer = inference<Tensor<float, 4, 2>>(net);
  Profile p = profile(ProfileOptions{.runs = 3, .roof = false}, infer, Tensor<float, 4, 2>{});
  p.steps.resize(1);
  p.steps[0].start = 30e-9;
  p.steps[0].seconds = 1234567.891e-6;  // to the nanosecond, also of long runs
  p.steps[0].roof = HUGE_VAL;
  CHECK(has(io::trace_of(p), ", \"ts\": 0.03, \"dur\": 1234567.891, "));
  CHECK(has(io::trace_of(p), ", \"roof\": null}"));
  const std::string table = printed([&](std::FILE* out) { print(p, out); });
  CHECK(has(table, " 1234567.89 100.0% "));
  CHECK(has(table, "fastest of 3 runs "));
  const std::string summed = printed([&](std::FILE* out) { summary(infer, out); });
  CHECK(has(summed, " operations, "));

  const std::string line = printed([](std::FILE* out) {
    Progress progress(1, 4, out);
    progress.batch(0.25, 3, 4);
    progress.end_epoch();
  });
  CHECK(has(line, "loss 0.2500  accuracy  75.00 %  "));
  CHECK(has(line, "  0.0 s left\n"));

  const support::TemporaryFile numbers("0.5,1.5\n");
  const data::Table read = data::read_csv(numbers.path());
  CHECK(read.columns == 2);
  CHECK(read(0, 1) == 1.5f);
}
