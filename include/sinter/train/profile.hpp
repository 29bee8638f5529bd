// Where a program's time goes: its steps one by one, with what each computes, moves, and could reach.
//
//   Profile p = profile(step, image, label);   // a training step, an inference program, or a function with its tensors
//   print(p);
//   save_trace(p, "step.json");                // io/trace.hpp: for chrome://tracing or Perfetto
//
// PyTorch: torch.profiler.profile. A profile reads the program from the table of its steps; programs that are not
// profiled do not contain it.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "../backend/profile.hpp"
#include "../compile/steps.hpp"
#include "../tensor/decimal.hpp"
#include "../tensor/vector.hpp"
#include "training.hpp"

namespace sinter::inline SINTER_ABI {

/// One step of a profile.
struct ProfiledStep {
  std::string name;        ///< the modules whose parameters it uses: "layer1.0.conv1"; empty if none
  std::string operations;  ///< "contract add maximum"
  std::string kind;        ///< of its kernel: map, row, contract, convolve, pool, scatter, custom, loop
  std::string variant;     ///< how the backend runs it; empty if the backend does not say
  int kernel = 0;          ///< which of the program's distinct kernels
  double start = 0;        ///< seconds since the run began, in the fastest run
  double seconds = 0;      ///< the shortest of all runs
  double flops = 0;        ///< operations, as `flops` of a program counts them
  double bytes = 0;        ///< of the tensors that it reads and writes, each element once
  double roof = 0;         ///< the shortest time that the processor's peaks allow, as a share of its time; 0: not known
};

/// What `profile` has found. Seconds are the shortest of `runs`.
struct Profile {
  std::vector<ProfiledStep> steps;
  std::int64_t runs = 0;
  int threads = 1;
  double seconds = 0;           ///< of the fastest run, including the profiler's overhead
  std::size_t workspace_bytes = 0;
  internals::backend::Roof roof;  ///< what the processor can do, if the backend can tell
};

/// Options of `profile`.
struct ProfileOptions {
  int runs = 20;         ///< at most; programs of more than a tenth of a second run fewer times, at least three
  bool roof = true;      ///< measure what the processor can do, which takes a third of a second
};

namespace internals::train {

using Clock = std::chrono::steady_clock;

/// Reads the clock around every step.
class StepTimes {
 public:
  StepTimes(int steps, int symbols)
      : begin_(steps), end_(steps), best_(steps, 1e30), fastest_(steps), lengths_(symbols) {}

  void start(const auto& context) {
    std::copy_n(context.lengths, lengths_.size(), lengths_.begin());  // they end with the call
    start_ = Clock::now();
  }
  void begin(int step) { begin_[step] = Clock::now(); }
  void end(int step) {
    end_[step] = Clock::now();
    if (step + 1 == int(end_.size())) finish();
  }

  double seconds() const { return seconds_; }
  double best(std::size_t step) const { return best_[step]; }
  double started(std::size_t step) const { return fastest_[step]; }
  const std::vector<std::int64_t>& lengths() const { return lengths_; }

 private:
  static double between(Clock::time_point a, Clock::time_point b) {
    return std::chrono::duration<double>(b - a).count();
  }
  void finish() {
    const double whole = between(start_, end_.back());
    for (std::size_t s = 0; s < end_.size(); ++s) {
      best_[s] = std::min(best_[s], between(begin_[s], end_[s]));
      if (whole < seconds_) fastest_[s] = between(start_, begin_[s]);
    }
    seconds_ = std::min(seconds_, whole);
  }

  Clock::time_point start_;
  Vector<Clock::time_point> begin_, end_;
  Vector<double> best_, fastest_;
  double seconds_ = 1e30;
  Vector<std::int64_t> lengths_;
};

/// The names of a program's inputs: a block of parameters, and others.
struct InputNames {
  struct Parameter {
    std::string module;
    std::int64_t begin, end;  ///< byte offsets in the block
  };
  std::vector<Parameter> block;      ///< the first input; empty if there is none
  Vector<std::string> input;    ///< modules that the other inputs belong to, by index; empty names for none

  /// The modules that bytes of the block belong to: "fc1", or "conv1 to fc2", or "all parameters".
  std::string modules(std::int64_t begin, std::int64_t end) const {
    const Parameter *first = nullptr, *last = nullptr;
    for (const Parameter& p : block)
      if (p.begin < end && begin < p.end) {
        if (first == nullptr) first = &p;
        last = &p;
      }
    if (first == nullptr) return {};
    if (first->module == last->module) return first->module;
    return first == &block.front() && last == &block.back() ? "all parameters" : first->module + " to " + last->module;
  }
};

template <class X> InputNames names_of_net() {
  InputNames r;
  constexpr graph::LeafNames names = graph::leaf_names<graph::net_of<X>>();
  r.input.resize(graph::parameter_blocks<X>.count);
  int i = 0;
  for (const graph::PlacedLeaf& leaf : graph::placed_leaves<X>) {
    const std::string name(names[i++]);
    const std::string module = name.rfind('.') == std::string::npos ? name : name.substr(0, name.rfind('.'));
    if (leaf.type.kind != graph::LeafKind::parameter) r.input.push_back(module);
    else if (leaf.type.dtype == Dtype::float32) r.block.push_back({module, leaf.begin, leaf.begin + leaf.type.bytes()});
  }
  return r;
}

/// Names steps after the modules whose parameters, or values computed from parameters alone, they read, or whose
/// gradients they write.
class StepNames {
 public:
  StepNames(const std::vector<compile::StepReport>& steps, const InputNames& names) : names_(names) {
    find_gradients(steps);
    for (std::size_t s = 0; s < steps.size(); ++s) name(steps[s], int(s));
  }
  const std::vector<std::string>& steps() const { return steps_; }
  /// The modules whose parameters output k of a program with `inputs` inputs is computed from, if from parameters
  /// alone.
  std::string output(int inputs, int k) const {
    std::string of;
    made_of(1 + inputs + k, 0, std::int64_t(1) << 62, of);
    return of;
  }

 private:
  /// A range of memory and what it holds.
  struct Made {
    int base;
    std::int64_t begin, end;
    std::string of;  ///< modules, empty if it depends on more than parameters
  };

  /// The optimizer reads the whole block and all gradients; the steps that wrote those last computed them.
  void find_gradients(const std::vector<compile::StepReport>& steps) {
    gradient_of_.resize(steps.size());
    const std::int64_t all = names_.block.empty() ? -1 : names_.block.back().end;
    for (std::size_t s = steps.size(); s-- > 0;) {
      const compile::Access* gradients = nullptr;
      bool whole = false;
      for (const compile::Access& a : steps[s].access) {
        whole = whole || (a.base == 1 && a.span == all);
        if (a.base == 0 && a.span == all && !a.written) gradients = &a;
      }
      if (!whole || gradients == nullptr) continue;
      std::int64_t missing = all;
      for (std::size_t w = s; w-- > 0 && missing > 0;)
        for (const compile::Access& a : steps[w].access) {
          if (a.base != 0 || !a.written || a.at < gradients->at || a.at + a.span > gradients->at + all) continue;
          gradient_of_[w] = names_.modules(a.at - gradients->at, a.at - gradients->at + a.span);
          missing -= a.span;
        }
      return;
    }
  }
  /// What bytes hold, by the last writers of their parts; false if nothing wrote them.
  bool made_of(int base, std::int64_t begin, std::int64_t end, std::string& of) const {
    std::vector<const Made*> parts;
    for (auto m = made_.rbegin(); m != made_.rend(); ++m) {
      bool last = m->base == base && m->begin < end && begin < m->end;
      for (const Made* p : parts) last = last && (p->end <= m->begin || m->end <= p->begin);
      if (last) parts.push_back(&*m);
    }
    std::sort(parts.begin(), parts.end(), [](const Made* a, const Made* b) { return a->begin < b->begin; });
    of.clear();
    for (const Made* p : parts) {
      if (p->of.empty()) return of.clear(), true;
      if (of.find(p->of) == std::string::npos) of += (of.empty() ? "" : ", ") + p->of;
    }
    return !parts.empty();
  }
  void name(const compile::StepReport& s, int step) {
    std::string text;
    bool reads = false, only_parameters = true;
    const auto add = [&](const std::string& module) {
      if (!module.empty() && text.find(module) == std::string::npos) text += (text.empty() ? "" : ", ") + module;
    };
    for (const compile::Access& a : s.access) {
      if (a.base < 0 || a.written) continue;
      std::string module;
      if (a.base == 1 && !names_.block.empty()) module = names_.modules(a.at, a.at + a.span);
      else if (!made_of(a.base, a.at, a.at + a.span, module) && a.base > 0 && a.base <= std::ssize(names_.input))
        module = names_.input[a.base - 1];
      reads = true;
      only_parameters = only_parameters && !module.empty();
      add(module);
    }
    for (const compile::Access& a : s.access)
      if (a.base >= 0 && a.written)
        made_.push_back({a.base, a.at, a.at + a.span, reads && only_parameters ? text : std::string()});
    if (const std::string& g = gradient_of_[step]; !g.empty()) text = "gradient of " + g;
    steps_.push_back(text);
  }

  const InputNames& names_;
  Vector<std::string> gradient_of_, steps_;
  std::vector<Made> made_;
};

/// Runs a program repeatedly, run(observer), and returns the measurements.
template <class Program, class Policy, class Run>
Profile profile_of(ProfileOptions options, const Policy& policy, const InputNames& names, Run&& run) {
  const compile::Steps table(compile::step_table<Program>());
  Profile r;
  if constexpr (requires { policy.threads; }) r.threads = policy.threads;
  r.workspace_bytes = Program::workspace_bytes;
  StepTimes times(Program::steps, int(Program::symbols.size()));
  const auto start = Clock::now();
  do {
    run(times);
    ++r.runs;
  } while (r.runs < options.runs && (r.runs < 3 || std::chrono::duration<double>(Clock::now() - start).count() < 2));
  r.seconds = Program::steps > 0 ? times.seconds() : 0;
  if (options.roof) r.roof = backend::roof(policy);
  const std::vector<compile::StepReport> steps = table.report(times.lengths().data());
  const StepNames named(steps, names);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    ProfiledStep p;
    p.name = named.steps()[s];
    p.operations = steps[s].operations.empty() ? "copy" : steps[s].operations;
    p.kind = compile::name_of(steps[s].kind);
    p.variant = backend::variant<typename Policy::Backend>(steps[s], table);
    p.kernel = steps[s].kernel;
    p.start = times.started(s);
    p.seconds = times.best(s);
    p.flops = steps[s].flops;
    p.bytes = steps[s].bytes;
    p.roof = p.seconds > 0 ? r.roof.seconds(p.flops, p.bytes, steps[s].dtype == Dtype::float64) / p.seconds : 0;
    r.steps.push_back(std::move(p));
  }
  return r;
}

template <class P>
concept NetProgram = requires { typename P::Program; typename P::Module; };

template <class P> InputNames names_of_program() {
  InputNames names = names_of_net<typename P::Module>();
  if constexpr (requires { typename P::Preparation; })
    if constexpr (P::Preparation::outputs > 0) {
      const std::vector<compile::StepReport> steps =
          compile::Steps(compile::step_table<typename P::Preparation>()).report(nullptr);
      const StepNames made(steps, names);
      names.input.resize(P::Program::inputs - P::Preparation::outputs);
      std::vector<std::string> prepared;
      for (int k = 0; k < P::Preparation::outputs; ++k) prepared.push_back(made.output(P::Preparation::inputs, k));
      names.input.insert(names.input.end(), prepared.begin(), prepared.end());
    }
  return names;
}

}  // namespace internals::train

/// Runs a training step or an inference program on these inputs, timing every step. A training step trains: profile a
/// copy of the model if that matters.
template <internals::train::NetProgram P, internals::train::Held... X>
Profile profile(ProfileOptions options, P& program, const X&... x) {
  return internals::train::profile_of<typename P::Program>(options, program.policy(),
                                                           internals::train::names_of_program<P>(),
                                                           [&](auto& observer) { program.observed(observer, x...); });
}
/// The same for a function and tensors to call it with: `profile([](auto a, auto b) { return softmax(matmul(a, b)); },
/// a, b)`, `profile(grad(f), x)`.
template <class F, internals::train::Held... X>
requires(!internals::train::NetProgram<F>) Profile profile(ProfileOptions options, const F&, const X&... x) {
  using internals::backend::Host;
  using Program = internals::compile::Program<graph::FunctionTrace<F, graph::symbols_of<X>...>, Host::Backend>;
  internals::Array<internals::eager::Argument, (0 + ... + graph::tensors_in<X>)> inputs;
  internals::eager::Argument* to = inputs.data();
  ((to = internals::eager::describe_tree(x, to)), ...);
  for (const internals::eager::Argument& a : inputs)
    if (!a.row_major)
      throw_error(ErrorCode::argument, "profile", "expected row-major tensors, found a strided view",
                  "copy it: Tensor<float, 2, 3> x = view;");
  std::vector<tensor_detail::AlignedBlock<std::byte>> memory;
  internals::Array<internals::eager::Argument, Program::outputs> outputs{};
  for (int k = 0; k < Program::outputs; ++k)
    outputs[k].data = memory.emplace_back(Program::output_bytes[k]).data();
  const tensor_detail::AlignedBlock<std::byte> workspace(Program::workspace_bytes);
  const Host policy{internals::eager::threads()};
  return internals::train::profile_of<Program>(options, policy, {}, [&](auto& observer) {
    internals::eager::run_in<Program>(workspace.data(), inputs, outputs, policy, observer);
  });
}
template <class P, internals::train::Held... X> Profile profile(P& program, const X&... x) {
  return profile(ProfileOptions{}, program, x...);
}
template <class F, internals::train::Held... X>
requires(!internals::train::NetProgram<F>) Profile profile(const F& f, const X&... x) {
  return profile(ProfileOptions{}, f, x...);
}

/// One line per step, and totals. `share` is of the whole run's time; `roof` is the time that peak arithmetic and
/// bandwidth would take, as a share of the step's. Columns without values, such as the variant on a backend that names
/// none, are left out.
SINTER_OUTLINE inline void print(const Profile& p, std::FILE* out = stdout) {
  double flops = 0, bytes = 0, all = 0, least = 0;
  bool roofs = false, variants = false;
  for (const ProfiledStep& s : p.steps) {
    flops += s.flops;
    bytes += s.bytes;
    all += s.seconds;
    least += s.roof * s.seconds;
    roofs = roofs || s.roof > 0;
    variants = variants || !s.variant.empty();
  }
  const auto shown = [](const std::string& text, std::size_t width) {
    return text.size() <= width ? text : text.substr(0, width - 3) + "...";
  };
  const auto numbers = [roofs](double seconds, double share, double operations, double moved, double roof) {
    const auto rate = [seconds](double amount) {
      return tensor_detail::fixed_text(seconds > 0 ? amount / seconds / 1e9 : 0, 1, 8);
    };
    return tensor_detail::fixed_text(seconds * 1e6, 2, 10) + " " + tensor_detail::fixed_text(100 * share, 1, 5) + "% " +
           rate(operations) + " " + rate(moved) +
           (roofs ? " " + tensor_detail::fixed_text(100 * roof, 0, 5) + "%" : std::string());
  };
  std::fprintf(out, "%4s  %-26s %-30s %-9s %10s %6s %8s %8s%s%s\n", "step", "module", "operations", "kernel",
               "time, us", "share", "GFLOP/s", "GB/s", roofs ? "   roof" : "", variants ? "  variant" : "");
  int number = 0;
  for (const ProfiledStep& s : p.steps)
    std::fprintf(out, "%4d  %-26s %-30s %-9s %s%s%s\n", number++, shown(s.name, 26).c_str(),
                 shown(s.operations, 30).c_str(), (s.kind + " " + std::to_string(s.kernel)).c_str(),
                 numbers(s.seconds, all > 0 ? s.seconds / all : 0, s.flops, s.bytes, s.roof).c_str(),
                 variants ? "  " : "", s.variant.c_str());
  std::fprintf(out, "%4s  %-67s %s\n", "all", (std::to_string(p.steps.size()) + " steps").c_str(),
               numbers(all, 1, flops, bytes, all > 0 ? least / all : 0).c_str());
  std::fprintf(out, "fastest of %lld runs %s us on %d thread%s, workspace %zu bytes", static_cast<long long>(p.runs),
               tensor_detail::fixed_text(p.seconds * 1e6, 2).c_str(), p.threads, p.threads == 1 ? "" : "s",
               p.workspace_bytes);
  if (p.roof.flops > 0)
    std::fprintf(out, "; peak %s GFLOP/s", tensor_detail::fixed_text(p.roof.flops / 1e9, 0).c_str());
  if (!p.roof.levels.empty())
    std::fprintf(out, "%s memory %s GB/s", p.roof.flops > 0 ? "," : ";",
                 tensor_detail::fixed_text(p.roof.levels.back().bandwidth / 1e9, 1).c_str());
  std::fputc('\n', out);
}

}  // namespace sinter

#include "../tensor/optimised_end.hpp"
