// Training steps and programs whose types name no more than a net and tensors: a file that uses them compiles neither
// the net nor its program, and need not see the net at all.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../tensor/named_tensor.hpp"
#include "../tensor/random.hpp"
#include "../tensor/tensor.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Any, class Step> struct any_step_holds_a_training_step_of_its_net_inputs_and_result;
template <class Any, class Program> struct any_inference_holds_a_program_of_its_net_inputs_and_output;

/// What an `AnyStep` returns that names no result.
struct StepLoss {
  float loss = 0;  ///< before the update
};

namespace internals::train {

template <class Result, class... Inputs> struct ErasedStep {
  virtual ~ErasedStep() = default;
  virtual Result call(const Inputs&... x) = 0;
  virtual std::vector<NamedTensor<std::byte>> state_dict() = 0;
  virtual std::int64_t steps() const = 0;
  virtual Seed& seed() = 0;
};
template <class Step, class Result, class... Inputs> struct HeldStep final : ErasedStep<Result, Inputs...> {
  Step step;
  explicit HeldStep(Step&& s) : step(std::move(s)) {}
  Result call(const Inputs&... x) override {
    if constexpr (std::is_same_v<Result, StepLoss>) return {float(Step::loss_of(step(x...)))};
    else return step(x...);
  }
  std::vector<NamedTensor<std::byte>> state_dict() override { return step.state_dict(); }
  std::int64_t steps() const override { return step.steps(); }
  Seed& seed() override { return step.seed; }
};
template <class Net, class Result, class... Inputs, class Step> consteval bool holds(const Step*) {
  if constexpr (!std::is_same_v<typename Step::Net, Net>) return false;
  else if constexpr (!std::is_same_v<typename Step::Takes, void(Inputs...)>) return false;
  else if constexpr (std::is_same_v<Result, StepLoss>) return true;
  else return std::is_same_v<typename Step::Result, Result>;
}

template <class Output, class... Inputs> struct ErasedInference {
  virtual ~ErasedInference() = default;
  virtual Output call(const Inputs&... x) = 0;
  virtual void into(Output& to, const Inputs&... x) = 0;
  virtual void reset() = 0;
  virtual void prepare() = 0;
};
template <class Program, class Output, class... Inputs>
struct HeldInference final : ErasedInference<Output, Inputs...> {
  Program program;
  explicit HeldInference(Program&& p) : program(std::move(p)) {}
  Output call(const Inputs&... x) override { return program(x...); }
  void into(Output& to, const Inputs&... x) override { program.into_tree(to, x...); }
  void reset() override { program.reset(); }
  void prepare() override { program.prepare(); }
};

/// The optimizer's number of this name.
SINTER_COLD inline float& number_of(const std::vector<NamedTensor<std::byte>>& all, std::string_view name) {
  const std::string prefix = "optimizer.";
  std::string known;
  for (const NamedTensor<std::byte>& t : all) {
    if (t.name.compare(0, prefix.size(), prefix) != 0 || t.shape.rank != 0 || t.dtype != dtype_of<float>) continue;
    if (std::string_view(t.name).substr(prefix.size()) == name) return *reinterpret_cast<float*>(t.data);
    known += (known.empty() ? "" : ", ") + t.name.substr(prefix.size());
  }
  throw_error(ErrorCode::argument, "AnyStep, number of the optimizer",
              "expected one of " + (known.empty() ? "none" : known) + ", found " + std::string(name));
}

/// The result and inputs of a signature; a list of inputs alone gives the loss.
template <class Net, class Result, class... Inputs> class AnyStepOf {
  using Erased = ErasedStep<Result, Inputs...>;

 public:
  AnyStepOf() = default;
  /// Holds a step that `training` made of the same net and inputs.
  template <class Step> requires requires { typename Step::Preparation; }
  AnyStepOf(Step step) {
    if constexpr (!holds<Net, Result, Inputs...>(static_cast<const Step*>(nullptr)))
      (void)any_step_holds_a_training_step_of_its_net_inputs_and_result<AnyStepOf, Step>{};
    else held_ = std::make_unique<HeldStep<Step, Result, Inputs...>>(std::move(step));
  }

  /// One step on one batch.
  Result operator()(const Inputs&... x) { return held_->call(x...); }
  /// Whether there is a step; one without is not called.
  explicit operator bool() const { return held_ != nullptr; }
  /// The optimizer's number of this name, which may change between steps: `step.number("lr") *= .5f`. Throws `Error`
  /// for a name that it has not.
  float& number(std::string_view name) { return number_of(held_->state_dict(), name); }
  /// Of the net's random numbers.
  Seed& seed() { return held_->seed(); }
  /// Steps taken so far.
  std::int64_t steps() const { return held_->steps(); }
  /// All that the next step depends on, under names, for `save_checkpoint` and `resume`.
  std::vector<NamedTensor<std::byte>> state_dict() { return held_->state_dict(); }

 private:
  std::unique_ptr<Erased> held_;
};
template <class Net, class... Inputs> struct StepSignature { using type = AnyStepOf<Net, StepLoss, Inputs...>; };
template <class Net, class Result, class... Inputs> struct StepSignature<Net, Result(Inputs...)> {
  using type = AnyStepOf<Net, Result, Inputs...>;
};

template <class Net, class Signature> class AnyInferenceOf;
template <class Net, class Output, class... Inputs> class AnyInferenceOf<Net, Output(Inputs...)> {
  using Erased = ErasedInference<Output, Inputs...>;

 public:
  AnyInferenceOf() = default;
  /// Holds a program that `inference` made of the same net, inputs and output.
  template <class Program> requires requires { typename Program::Preparation; }
  AnyInferenceOf(Program program) {
    if constexpr (!fits<Program>())
      (void)any_inference_holds_a_program_of_its_net_inputs_and_output<AnyInferenceOf, Program>{};
    else held_ = std::make_unique<HeldInference<Program, Output, Inputs...>>(std::move(program));
  }

  Output operator()(const Inputs&... x) { return held_->call(x...); }
  /// The same, written into an output that there is.
  void into(const Inputs&... x, Output& to) { held_->into(to, x...); }
  /// Resets every `State` of the net; recomputes what depends on parameters alone.
  void reset() { held_->reset(); }
  void prepare() { held_->prepare(); }
  explicit operator bool() const { return held_ != nullptr; }

 private:
  template <class Program> static consteval bool fits() {
    if constexpr (!std::is_same_v<typename Program::Net, Net>) return false;
    else if constexpr (!std::is_same_v<typename Program::Takes, void(Inputs...)>) return false;
    else return std::is_same_v<std::invoke_result_t<Program&, const Inputs&...>, Output>;
  }
  std::unique_ptr<Erased> held_;
};

}  // namespace internals::train

/// A training step of a net for these inputs, of whatever optimizer and function: what `training` made, behind one
/// virtual call. Its call returns the loss, `step(x, y).loss`, or what is named: `AnyStep<Net, Result(Images, Labels)>`
/// returns the step's own result of that type. Declare a function that makes it, and define that in a file of its own:
///
///   struct Net;  // may stay incomplete
///   AnyStep<Net, Images, Labels> make_step();
///
/// The step keeps the model's memory; `state_dict`, `save_checkpoint` and `resume` have all of it. Moves, no copies.
template <class Net, class... Inputs> using AnyStep = typename internals::train::StepSignature<Net, Inputs...>::type;

/// A program of a net, of whatever policy: what `inference` made, behind one virtual call:
/// `AnyInference<Net, Tensor<float, 32, 10>(Images)>`.
template <class Net, class Signature> using AnyInference = internals::train::AnyInferenceOf<Net, Signature>;

}  // namespace sinter
