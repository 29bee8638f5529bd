// Words that system headers and frameworks define as macros, before any header of the library.
#include <complex.h>
#include <sys/param.h>
#include <sys/types.h>
#include <termios.h>
#if __has_include(<sys/sysmacros.h>)
#include <sys/sysmacros.h>
#endif
#if __has_include(<xsimd/xsimd.hpp>) && !defined(SINTER_NO_SIMD)
#include <xsimd/xsimd.hpp>
#endif
// Qt
#define emit
#define slots
#define signals public
#define foreach(variable, container) for (variable : container)
// X11
#define None 0L
#define Bool int
#define Status int
#define True 1
#define False 0
#define Always 2
#define Success 0
// Windows
#define near
#define far
#define small char
#define interface struct

#include <sinter/sinter.hpp>
#include <sinter/io/trace.hpp>
#include <sinter/train/profile.hpp>

using namespace sinter;

struct Net {
  nn::Conv2d<1, 4, 3> conv;
  nn::LSTM<4, 4, RecurrentOptions{.batch_first = true}> lstm;
  nn::MultiheadAttention<4, 2> attention;
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const {
    const auto sequence = transpose(reshape<2, 4, 36>(relu(conv(x))));
    const auto [y, h, c] = lstm(sequence);
    return fc(mean<1>(attention(y)));
  }
};

int main() {
  Model<Net> net(Seed{1});
  Tensor<float, 2, 1, 8, 8> x = random::normal<2, 1, 8, 8>(Seed{2});
  Tensor<int, 2> label{0, 2};
  auto step = training<Tensor<float, 2, 1, 8, 8>, Tensor<int, 2>>(net, nn::cross_entropy, optim::Adam{});
  for (int i = 0; i < 3; ++i) step(x, label);
  auto slope = grad([](auto a) { return sum(sin(a) * exp(a(range<1, 3>))); }, wrt<0>);
  (void)slope;
  const Tensor<float, 3> y = vmap([](auto a) { return a * a; })(Tensor<float, 3>{1, 2, 3});
  return sum(y) == 14.f ? 0 : 1;
}
