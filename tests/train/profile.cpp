// Profiles: what they report about steps, and that profiling changes nothing.
#include <doctest/doctest.h>
#include <sinter/io/trace.hpp>
#include <sinter/sinter.hpp>
#include <sinter/train/profile.hpp>

#include <cstring>

#include "../backend/plain/plain.hpp"
#include "../support/files.hpp"

using namespace sinter;

namespace profiled {  // names of members are found in types that have linkage

struct Net {
  nn::Linear<32, 24> fc1;
  nn::Linear<24, 4> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(x))); }
};

struct Projections {
  nn::Linear<32, 16> query, key;
  constexpr auto operator()(auto x) const { return matmul(query(x), transpose(key(x))); }
};

struct Convolutions {
  nn::Conv2d<1, 16, 5, Conv2dOptions{.padding = 2}> first;
  nn::Conv2d<16, 32, 5, Conv2dOptions{.padding = 2}> second;
  constexpr auto operator()(auto x) const { return mean<2, 3>(relu(second(relu(first(x))))); }
};

struct Pooled {
  nn::Conv2d<1, 4, 3, Conv2dOptions{.padding = 1}> first;
  constexpr auto operator()(auto x) const { return mean<2, 3>(max_pool2d<2>(relu(first(x)))); }
};

/// Plain loops, from a backend that tells profiles about them in a header of its own.
struct Measured : plain::Backend {
  struct Profile;
};
struct MeasuredPolicy {
  using Backend = Measured;
  double gigahertz = 0;
};
struct Measured::Profile {
  static std::string variant(const internals::compile::StepReport& step, const internals::compile::RunTimeBody& body) {
    return std::to_string(step.extent.size()) + " plain loops, " + std::to_string(body.pointers) + " tensors";
  }
  static internals::backend::Roof roof(const MeasuredPolicy& policy) {
    return {.flops = policy.gigahertz * 1e9, .double_flops = 0, .levels = {{1e3, 1e6}, {1e9, 2e8}}};
  }
};
static_assert(internals::backend::Profiled<MeasuredPolicy> && internals::backend::Profiled<Cpu>);
static_assert(internals::backend::Policy<plain::Plain> && !internals::backend::Profiled<plain::Plain>);

}  // namespace profiled

namespace {

using profiled::Net;
constexpr ProfileOptions quick{.runs = 3, .roof = false};

const ProfiledStep* find(const Profile& p, const std::string& name, const std::string& operation) {
  for (const ProfiledStep& s : p.steps)
    if (s.name == name && s.operations.find(operation) != std::string::npos) return &s;
  return nullptr;
}
std::string printed(const Profile& p) {
  const support::TemporaryFile text;
  std::FILE* out = std::fopen(text.path().c_str(), "w");
  print(p, out);
  std::fclose(out);
  return text.read();
}

}  // namespace

TEST_CASE(
    "a profile of a training step names modules, gradients and the optimizer, and counts what the program counts") {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 16, 32>, Tensor<int, 16>>(net, nn::cross_entropy, optim::Adam{});
  const Tensor<float, 16, 32> x;
  const Tensor<int, 16> y;
  const Profile p = profile(quick, step, x, y);
  using Program = decltype(step)::Program;
  REQUIRE(int(p.steps.size()) == Program::steps);
  CHECK(p.runs == 3);
  CHECK(step.steps() == 3);
  CHECK(p.workspace_bytes == Program::workspace_bytes);
  double flops = 0, bytes = 0, start = 0;
  for (const ProfiledStep& s : p.steps) {
    CHECK(s.seconds >= 0);
    CHECK(s.start >= start);
    start = s.start;
    flops += s.flops;
    bytes += s.bytes;
  }
  CHECK(flops == doctest::Approx(Program::flops).epsilon(.1));  // values that two kernels compute count twice
  CHECK(bytes > 3 * 4 * double(Model<Net>::parameters));

  const ProfiledStep* forward = find(p, "fc1", "contract");
  REQUIRE(forward != nullptr);
  CHECK(forward->kind == "contract");
  CHECK(forward->flops == 2 * 16 * 24 * 32 + 2 * 16 * 24);  // products, bias, relu
  CHECK(forward->bytes == 4 * (16 * 32 + 24 * 32 + 24 + 16 * 24));
  CHECK(forward->variant.substr(0, 9) == "16x24x32,");
  const ProfiledStep* backward = find(p, "gradient of fc1", "contract");
  REQUIRE(backward != nullptr);
  CHECK(backward->flops == 2 * 24 * 32 * 16);
  CHECK(find(p, "gradient of fc2", "sum") != nullptr);
  const ProfiledStep* update = find(p, "all parameters", "sqrt");
  REQUIRE(update != nullptr);
  CHECK(update->kind == "map");
}

TEST_CASE("a profile names the forms in which convolutions and their gradients run") {
  Model<profiled::Convolutions> net(Seed{1});
  auto step = training<Tensor<float, 16, 1, 14, 14>, Tensor<int, 16>>(net, nn::cross_entropy, optim::Adam{});
  const Tensor<float, 16, 1, 14, 14> x;
  const Tensor<int, 16> y;
  const Profile p = profile(quick, step, x, y);
  const auto variant = [&](const char* name) {
    const ProfiledStep* s = find(p, name, "contract");
    REQUIRE(s != nullptr);
    return s->variant;
  };
  if (cpu::lanes == 16)
    CHECK(variant("gradient of first") == "16x25x3136, left in place, right in place, operands swapped");
  if (!cpu::use_winograd) return;
  CHECK(variant("second") == "3136x32x400, Winograd's F(2x2, 5x5)");
  CHECK(variant("gradient of second") == "32x400x3136, Winograd's F(2x2, 5x5) transposed, the sum in chunks");
}

TEST_CASE("a profile names convolutions and pools that a target keeps") {
  Model<profiled::Pooled> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 1, 8, 8>>(net, plain::Plain{});
  const Tensor<float, 2, 1, 8, 8> x;
  const Profile p = profile(quick, infer, x);
  const ProfiledStep *convolution = find(p, "first", "convolution"), *pool = find(p, "", "max_pool");
  REQUIRE(convolution != nullptr);
  CHECK(convolution->kind == "convolve");
  CHECK(convolution->flops == 2 * 2 * 4 * 8 * 8 * 3 * 3);
  REQUIRE(pool != nullptr);
  CHECK(pool->kind == "pool");
  CHECK(printed(p).find("convolve " + std::to_string(convolution->kernel)) != std::string::npos);

  auto step = training<Tensor<float, 2, 1, 8, 8>, Tensor<int, 2>>(net, nn::cross_entropy, optim::SGD{}, plain::Plain{});
  const Tensor<int, 2> y;
  const Profile trained = profile(quick, step, x, y);
  const ProfiledStep *weight = find(trained, "gradient of first", "convolution_weight_gradient"),
                     *image = find(trained, "", "max_pool_gradient");
  REQUIRE(weight != nullptr);
  CHECK(weight->kind == "convolve");
  REQUIRE(image != nullptr);
  CHECK(image->kind == "pool");
}

TEST_CASE("a profile of inference finds the modules of prepared weights; its results are those of a call") {
  Model<Net> net(Seed{1});
  using Rows = Tensor<float, upto<64, 'B'>, 32>;
  auto infer = inference<Rows>(net);
  Rows x;
  x.set_length<'B'>(64);
  for (int i = 0; i < 64 * 32; ++i) x.data()[i] = float(i % 13) - 6;
  const auto expected = infer(x);
  const Profile whole = profile(quick, infer, x);
  const auto found = infer(x);
  CHECK(std::memcmp(found.data(), expected.data(), sizeof(float) * 64 * 4) == 0);
  const ProfiledStep* first = find(whole, "fc1", "contract");
  REQUIRE(first != nullptr);
  CHECK(first->flops == 64 * 24 * (2 * 32 + 2));  // bias and relu after the products
  CHECK(first->variant.substr(0, 9) == "64x24x32,");
  CHECK(find(whole, "fc2", "contract") != nullptr);
  x.set_length<'B'>(16);
  const Profile part = profile(quick, infer, x);
  REQUIRE(part.steps.size() == whole.steps.size());
  // lengths, not capacities
  for (std::size_t i = 0; i < part.steps.size(); ++i) CHECK(whole.steps[i].flops == 4 * part.steps[i].flops);
}

TEST_CASE("functions are profiled with the tensors to call them with") {
  const Tensor<float, 8, 16> a;
  const Tensor<float, 16, 12> b;
  const Profile p = profile(quick, [](auto x, auto y) { return softmax(matmul(x, y)); }, a, b);
  REQUIRE(p.steps.size() == 2);
  CHECK(p.steps[0].flops == 2 * 8 * 12 * 16);
  CHECK(p.steps[1].kind == "row");
  CHECK(p.steps[1].operations.substr(0, 12) == "amax sub exp");
  const Profile g = profile(quick, grad([](auto x) { return sum(x * x); }), a);
  CHECK(g.steps.size() == 1);
}

TEST_CASE("a profile names all modules of weights that are read as one, and what operands are computed with") {
  Model<profiled::Projections> net(Seed{1});
  const Tensor<float, 8, 32> x;
  auto infer = inference<Tensor<float, 8, 32>>(net);
  const Profile p = profile(quick, infer, x);
  REQUIRE(p.steps.size() == 2);
  CHECK(p.steps[0].name == "query, key");

  const auto quantised = [](auto a, auto w, auto scale) { return matmul(a, transpose(cast<float>(w) * scale)); };
  const Tensor<std::int8_t, 48, 128> w;
  const Tensor<float, 48, 1> scale;
  const Profile packed = profile(quick, quantised, Tensor<float, 8, 128>(), w, scale),
                streamed = profile(quick, quantised, Tensor<float, 2, 128>(), w, scale);
  REQUIRE(packed.steps.size() == 1);
  CHECK(packed.steps[0].operations == "cast mul contract");
  CHECK(packed.steps[0].flops == 2 * 8 * 48 * 128 + 2 * 48 * 128);
  CHECK(packed.steps[0].variant.find("right packed with cast mul") != std::string::npos);
  REQUIRE(streamed.steps.size() == 1);
  CHECK(streamed.steps[0].variant.find("right streamed with cast mul") != std::string::npos);
}

TEST_CASE("a backend tells profiles how it runs a step, and what it can reach at most") {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 16, 32>>(net, profiled::MeasuredPolicy{.gigahertz = 3});
  const Tensor<float, 16, 32> x;
  const Profile p = profile(ProfileOptions{.runs = 3}, infer, x);
  CHECK(p.threads == 1);  // the policy says of none
  CHECK(p.roof.flops == 3e9);
  const ProfiledStep* first = find(p, "fc1", "contract");
  REQUIRE(first != nullptr);
  CHECK(first->variant == "3 plain loops, 4 tensors");  // x, weight, bias, and the result
  const double flops = 16 * 24 * (2 * 32 + 2), bytes = 4 * (16 * 32 + 24 * 32 + 24 + 16 * 24);
  CHECK(first->roof * first->seconds == doctest::Approx(std::max(flops / 3e9, bytes / 2e8)));
  const std::string table = printed(p);
  CHECK(table.find("%  3 plain loops, 4 tensors\n") != std::string::npos);
  CHECK(table.find("; peak 3 GFLOP/s, memory 0.2 GB/s\n") != std::string::npos);
  CHECK(profile(quick, infer, x).roof.flops == 0);  // not asked
}

TEST_CASE("a profile on a backend that tells nothing has kinds, times, operations and bytes") {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 16, 32>>(net, plain::Plain{});
  const Profile p = profile(ProfileOptions{.runs = 3}, infer, Tensor<float, 16, 32>{});
  CHECK(p.roof.flops == 0);
  CHECK(p.roof.levels.empty());
  const ProfiledStep* first = find(p, "fc1", "contract");
  REQUIRE(first != nullptr);
  CHECK(first->kind == "contract");
  CHECK(first->flops == 16 * 24 * (2 * 32 + 2));
  CHECK(first->variant.empty());
  CHECK(first->roof == 0);
  const std::string table = printed(p);
  CHECK(table.find(" GB/s\n") != std::string::npos);  // the last column
  CHECK(table.find("roof") == std::string::npos);
  CHECK(table.find("peak") == std::string::npos);
  const std::string trace = io::trace_of(p);
  CHECK(trace.find("\"variant\"") == std::string::npos);
  CHECK(trace.find("\"roof\"") == std::string::npos);
}

TEST_CASE("a profile measures what the processor can do") {
  const cpu::Roof roof = cpu::measure_roof();
  CHECK(roof.flops > 1e8);
  CHECK(roof.double_flops > 1e8);
  for (const auto& level : roof.levels) CHECK(level.bandwidth > 1e7);
  CHECK(roof.seconds(roof.flops, 0) == doctest::Approx(1));
  CHECK(roof.seconds(0, roof.levels.back().bandwidth) == doctest::Approx(1));
}

TEST_CASE("profiles print as tables and are saved as traces") {
  Profile p;
  p.runs = 5;
  p.seconds = 3e-6;
  p.steps.push_back({.name = "fc \"1\"",
                     .operations = "contract add",
                     .kind = "contract",
                     .variant = "2x3x4",
                     .kernel = 7,
                     .start = 0,
                     .seconds = 1e-6,
                     .flops = 48,
                     .bytes = 104,
                     .roof = .5});
  p.steps.push_back({.name = "",
                     .operations = "exp",
                     .kind = "map",
                     .variant = "8",
                     .kernel = 1,
                     .start = 1e-6,
                     .seconds = 2e-6,
                     .flops = 80,
                     .bytes = 64,
                     .roof = .25});
  const std::string table = printed(p);
  CHECK(table.find("fc \"1\"") != std::string::npos);
  CHECK(table.find("33.3%") != std::string::npos);
  CHECK(table.find("fastest of 5 runs 3.00 us") != std::string::npos);
  CHECK(table.find(" roof  variant\n") != std::string::npos);
  const support::TemporaryFile trace;
  save_trace(p, trace.path());
  CHECK(trace.read() ==
        R"({"displayTimeUnit": "ns", "traceEvents": [
{"ph": "X", "pid": 1, "tid": 1, "cat": "contract", "name": "fc \"1\": contract add", "ts": 0, "dur": 1, )"
        R"("args": {"step": 0, "kernel": 7, "variant": "2x3x4", "flops": 48, "bytes": 104, "roof": 0.5}},
{"ph": "X", "pid": 1, "tid": 1, "cat": "map", "name": "exp", "ts": 1, "dur": 2, )"
        R"("args": {"step": 1, "kernel": 1, "variant": "8", "flops": 80, "bytes": 64, "roof": 0.25}}
]}
)");
  CHECK_THROWS_AS(save_trace(p, "/nowhere/at/all.json"), Error);
}
