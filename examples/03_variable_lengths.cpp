// 03: variable lengths. Memory follows the bound, work follows the length; one program serves every batch.
#include <sinter/sinter.hpp>
using namespace sinter;

struct Scorer {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 2> fc2;
  constexpr auto operator()(auto x) const { return softmax(fc2(tanh(fc1(x)))); }
};

int main() {
  const Model<Scorer> net(Seed{7});
  auto score = inference<Tensor<float, upto<16, 'B'>, 4>>(net);
  Tensor<float, upto<16, 'B'>, 4> batch;
  batch.fill(0.5f);
  for (const int n : {1, 3, 16, 0}) {
    batch.set_length<'B'>(n);
    std::printf("%d rows in, %lld rows of scores out\n", n, static_cast<long long>(score(batch).length<'B'>()));
  }
}
