// Memory-bound eager statements: a chain of elementwise functions, softmax and layer norm of rows.
#include "../scoreboard.hpp"

namespace scoreboard {
namespace {

void chain(Source& source) {
  const std::string name = "chain_4M";
  if (!source.wanted(name)) return;
  using T = Tensor<float, 1 << 22>;
  const auto a = source.tensor<T>(name + ".a"), b = source.tensor<T>(name + ".b"), c = source.tensor<T>(name + ".c");
  T out;
  row(source, name, [&] {
    out = tanh(a * b + c) * a - relu(b - c);
    consume(*out.data());
  }, [&]() -> const auto& { return out; });
}

template <class F> void rows(Source& source, const std::string& name, F f) {
  if (!source.wanted(name)) return;
  const auto x = source.tensor<Tensor<float, 4096, 1024>>(name + ".x");
  Tensor<float, 4096, 1024> y;
  row(source, name, [&] {
    f(y, x);
    consume(*y.data());
  }, [&]() -> const auto& { return y; });
}

}  // namespace

void elementwise(Source& source) {
  chain(source);
  rows(source, "softmax_4096x1024", [](auto& y, const auto& x) { y = softmax(x); });
  rows(source, "layernorm_4096x1024", [](auto& y, const auto& x) {
    const auto centered = x - mean<1>(x, keepdims);
    y = centered * rsqrt(mean<1>(centered * centered, keepdims) + 1e-5f);
  });
}

}  // namespace scoreboard
