// A program without exceptions and run-time type information; see no_exceptions.cmake. Without an argument it trains,
// predicts and computes; an argument names an error that it makes.
#include <sinter/io/trace.hpp>
#include <sinter/sinter.hpp>
#include <sinter/vision/vision.hpp>
#if __has_include(<nlohmann/json.hpp>)
#include <sinter/io/safetensors.hpp>
#endif
#if __has_include(<zlib.h>)
#include <sinter/data/mnist.hpp>
#endif
using namespace sinter;

struct Mlp {
  nn::Linear<2, 16> fc1;
  nn::Linear<16, 2> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(x))); }
};

/// Points, and whether they are in a circle.
struct Circle {
  using Input = Tensor<float, 2>;
  using Target = Tensor<int>;
  std::size_t unreadable = 128;
  std::size_t size() const { return 128; }
  void read(data::Visit v, float* x, int* y) const {
    if (v.index == unreadable)
      throw_error(ErrorCode::format, "point " + std::to_string(v.index), "expected two numbers, found none");
    for (int i = 0; i < 2; ++i) x[i] = Philox(Seed{1}).normal(2 * v.index + i);
    *y = x[0] * x[0] + x[1] * x[1] < 1;
  }
};

int learn(const Circle& circle) {
  Model<Mlp> net(Seed{1});
  auto batches = data::loader<32>(circle, {.shuffle = true, .prefetch = true});
  auto step = training(net, batches, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  auto infer = inference(net, batches);
  for (int epoch = 0; epoch < 100; ++epoch)
    for (const auto& [x, y] : batches) step(x, y);
  std::int64_t right = 0;
  for (const auto& [x, y] : batches) right += count_correct(infer(x), y);
  const Tensor<float, 3, 4> a = random::normal<3, 4>(Seed{2});
  const Tensor<float, 3, 3> product = matmul(a, transpose(a));
  const auto slope = grad([](auto v) { return sum(v * v); })(a);
  std::printf("%d of 128\n", int(right));
  const bool sound = std::abs(product(1, 1) - float(sum(square(a(1))))) < 1e-5f && slope(2, 3) == 2 * a(2, 3);
  return right > 120 && sound ? 0 : 1;
}

int main(int n, char** arguments) {
  const std::string_view error = n > 1 ? arguments[1] : "";
  volatile int beyond = 3;
  if (error == "index") return int(Tensor<float, 3>()(beyond));
  if (error == "file") return int(data::read_csv("no_such_file.csv").rows);
  return learn({.unreadable = std::size_t(error == "thread" ? 7 : 128)});
}
