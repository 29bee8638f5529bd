// Products of square matrices as eager statements, from a few registers to
// beyond the caches, and of sizes that no tile divides.
#include "../scoreboard.hpp"

namespace scoreboard {
namespace {

template <int N> void product(Source& source) {
  const std::string name = "gemm_" + std::to_string(N);
  if (!source.wanted(name)) return;
  const auto a = source.tensor<Tensor<float, N, N>>(name + ".a"), b = source.tensor<Tensor<float, N, N>>(name + ".b");
  Tensor<float, N, N> c;
  row(source, name, [&] {
    c = matmul(a, b);
    consume(*c.data());
  }, [&]() -> const auto& { return c; });
}

}  // namespace

void products(Source& source) {
  product<4>(source);
  product<8>(source);
  product<16>(source);
  product<32>(source);
  product<64>(source);
  product<127>(source);
  product<256>(source);
  product<512>(source);
  product<1000>(source);
  product<1024>(source);
  product<2048>(source);
}

}  // namespace scoreboard
