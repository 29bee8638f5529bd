// A training step and a program whose net any_step_programs.cpp has: no other file sees it.
#pragma once
#include <sinter/train/any_step.hpp>
#include <tuple>

namespace any_step {

struct Net;
using Input = sinter::Tensor<float, 4, 2>;
using Target = sinter::Tensor<float, 4, 1>;
template <class Loss, class Bias> struct Parts {
  Loss loss;
  Bias bias;
};

struct Made {
  sinter::AnyStep<Net, Input, Target> step;
  sinter::AnyStep<Net, Parts<float, sinter::Tensor<float, 1>>(Input, Target)> whole;  // with all that it returns
  sinter::AnyInference<Net, Target(Input)> run;
};
Made make(float lr);
/// Saves a run of so many steps, and continues it, in `path`.
void save(const std::string& path, Made& made);
void restore(const std::string& path, Made& made);

}  // namespace any_step
