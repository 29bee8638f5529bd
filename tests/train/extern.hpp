// Programs whose code is in extern_programs.cpp.
#pragma once
#include <sinter/sinter.hpp>
#include <utility>

namespace extern_programs {

struct Net {
  sinter::nn::Linear<6, 5> first;
  sinter::nn::Linear<5, 3> second;
  constexpr auto operator()(auto x) const { return second(relu(first(x))); }
};
using Input = sinter::Tensor<float, 8, 6>;
using Labels = sinter::Tensor<int, 8>;
using Train = decltype(sinter::training<Input, Labels>(std::declval<sinter::Model<Net>&>(), sinter::nn::cross_entropy,
                                                       sinter::optim::SGD{.lr = .1f}));
using Infer = decltype(sinter::inference<Input>(std::declval<const sinter::Model<Net>&>()));

}  // namespace extern_programs

SINTER_EXTERN(extern_programs::Train);
SINTER_EXTERN(extern_programs::Infer);
