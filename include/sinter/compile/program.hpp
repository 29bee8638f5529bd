// A compiled program: everything about it is a constant, and the only thing left to do is to run it.
//
// The step list is data; only distinct kernels are instantiated. Large programs iterate over the list through a table
// of function pointers; small ones are straight-line code, every step inlined with its arguments as constants.
#pragma once
#include <array>
#include <cstddef>
#include <utility>

#include "compile.hpp"
#include "program/loop.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// Run-time lengths with which a program does not run: those of a set of symbolic dimensions, by index, all 1.
struct LengthRefusal {
  const char* what = "";
  std::int64_t symbols = 0;
};

inline constexpr int most_refusals = 32, most_bodies = 64;
[[noreturn]] SINTER_COLD inline void a_program_has_more_lengths_to_refuse_than_expected() {
  throw_error(ErrorCode::internal, "program", "expected at most 32 lengths to refuse");
}

[[noreturn]] SINTER_COLD inline void a_program_has_more_loops_than_expected() {
  throw_error(ErrorCode::unsupported, "program",
              "expected at most 64 loops, those inside loops and gradients included");
}

/// A plan's numbers; its lists are stored in an array that several plans share, from `begin` on: kernel offsets, words,
/// table, symbolic dimensions, takes_over, output bytes, chains.
struct PlanNumbers {
  bool straight_line = false;
  int begin = 0;
  int steps = 0, nodes = 0, inputs = 0, outputs = 0, kernels = 0, words = 0, table = 0, symbols = 0, chains = 0;
  int expectations = 0, refusals = 0;
  int bodies = 0;  ///< the number of the first of the loops in it
  std::int64_t arena_bytes = 0, scratch_bytes = 0;
  double flops = 0, bytes_moved = 0;

  constexpr int size() const { return kernels + 1 + words + table + symbols + 2 * outputs + chains; }
  static constexpr PlanNumbers of(const Plan& p, const Target& target) {
    PlanNumbers f;
    f.steps = p.steps;
    f.nodes = p.nodes;
    f.inputs = p.inputs;
    f.kernels = p.kernel.empty() ? 0 : p.kernel.size() - 1;
    f.words = p.words.size();
    f.table = p.table.size();
    f.symbols = p.symbols.size();
    f.chains = p.chains.size();
    f.outputs = p.takes_over.size();
    f.arena_bytes = p.arena_bytes;
    f.straight_line = is_straight_line(p, target);
    f.scratch_bytes = f.straight_line ? p.straight_line_scratch_bytes : p.scratch_bytes;
    f.flops = p.flops;
    f.bytes_moved = p.bytes_moved;
    f.expectations = p.expectations;
    return f;
  }
};
struct FrozenPlan : PlanNumbers {
  LengthRefusal refused[most_refusals]{};

  static constexpr FrozenPlan of(const Plan& p, const Target& target) {
    FrozenPlan f{PlanNumbers::of(p, target)};
    if (p.refused.size() > most_refusals) a_program_has_more_lengths_to_refuse_than_expected();
    for (int i = 0; i < p.refused.size(); ++i) f.refused[f.refusals++] = {p.refused[i], p.refused_symbols[i]};
    return f;
  }
};

/// What a graph was compiled to, in one array of fixed capacity, so that it is made in a single constant evaluation.
template <int Capacity> struct Frozen {
  int size = 0;  ///< of the numbers, which are stored where they fit
  FrozenPlan prepare, run;
  PlanNumbers bodies[most_bodies]{};  ///< of loops; those of one plan after another
  std::int64_t data[std::size_t(Capacity)]{};

  constexpr bool fits() const { return size <= Capacity; }
  constexpr void write(int at, const Plan& p) {
    for (const int k : p.kernel) data[at++] = k;
    for (const std::uint64_t w : p.words) data[at++] = std::int64_t(w);
    for (const std::int64_t t : p.table) data[at++] = t;
    for (const int c : p.symbols) data[at++] = c;
    for (const int i : p.takes_over) data[at++] = i;
    for (const std::int64_t b : p.output_bytes) data[at++] = b;
    for (const std::int64_t c : p.chains) data[at++] = c;
  }
};

template <int Capacity> constexpr Frozen<Capacity> freeze(const Compiled& c, const Target& target) {
  Frozen<Capacity> f;
  f.run = FrozenPlan::of(c.run, target);
  f.prepare = FrozenPlan::of(c.prepare, target);
  f.prepare.begin = f.run.size();
  int size = f.run.size() + f.prepare.size();
  List<const Plan*> bodies;
  const auto add_bodies = [&bodies](const Plan& p, PlanNumbers& to) {
    to.bodies = bodies.size();
    for (const Plan& body : p.bodies) bodies.push(&body);
    if (bodies.size() > most_bodies) a_program_has_more_loops_than_expected();
  };
  add_bodies(c.run, f.run);
  add_bodies(c.prepare, f.prepare);
  for (int i = 0; i < bodies.size(); ++i) {
    PlanNumbers& body = f.bodies[i] = PlanNumbers::of(*bodies[i], target);
    body.begin = size;
    size += body.size();
    add_bodies(*bodies[i], body);
  }
  f.size = size;
  if (!f.fits()) return f;
  f.write(0, c.run);
  f.write(f.prepare.begin, c.prepare);
  for (int i = 0; i < bodies.size(); ++i) f.write(f.bodies[i].begin, *bodies[i]);
  return f;
}

/// `N` of the numbers of a frozen plan, from the `from`-th on.
template <class T, int N, class F> constexpr Array<T, N> part(const F& f, int from) {
  Array<T, N> r{};
  T* out = r.data();
  for (int i = 0; i < N; ++i) out[i] = T(f.data[from + i]);
  return r;
}

/// Observes the steps of a run: this one does nothing, and costs nothing.
struct Unobserved {
  static constexpr void start(const auto&) {}
  static constexpr void begin(int) {}
  static constexpr void end(int) {}
};
inline constexpr Unobserved unobserved{};

/// How many of a trace's first inputs are parameters, which rarely change: `Trace::parameters`, or none.
template <class Trace> constexpr int parameters_of() {
  if constexpr (requires { Trace::parameters; }) return Trace::parameters;
  else return 0;
}

/// What a trace was compiled to for a backend. `Trace{}()` builds the graph; it runs in constant evaluation, once, and
/// a second time only where it does not fit the room made for it.
template <class Trace, class Backend> class Compilation {
  // Room that is not used costs g++ and clang nothing; nvcc's front end takes memory for all of it.
#ifdef __CUDACC__
  static constexpr int room = 1 << 14;
#else
  static constexpr int room = 1 << 20;
#endif
  // Named locals: g++ evaluates a temporary that is a function's argument more than once.
  template <int Capacity> static constexpr auto made() {
    const graph::Builder g = Trace{}();
    const Compiled c = compile(g, parameters_of<Trace>(), Backend::target);
    return freeze<Capacity>(c, Backend::target);
  }
  static constexpr auto first_ = made<room>();
  /// Where the evaluation failed, which is an error by itself, everything else is that of an empty program: g++ would
  /// report every constant as non-constant.
  static constexpr bool is_sound = requires { typename std::bool_constant<first_.fits()>; };
  static constexpr bool is_enough() {
    if constexpr (is_sound) return first_.fits();
    else return true;
  }
  template <bool Enough> static constexpr auto made_again() {
    if constexpr (Enough) return 0;
    else return made<first_.size>();
  }
  static constexpr auto second_ = made_again<is_enough()>();
  static constexpr Frozen<1> nothing_{};

 public:
  static constexpr const auto& frozen() {
    if constexpr (!is_sound) return nothing_;
    else if constexpr (is_enough()) return first_;
    else return second_;
  }
};

/// Which half of what a trace was compiled to: what depends on parameters alone, or what runs at every call.
enum class Half : unsigned char { prepare, run };

/// The program of a trace for a backend, or the body of one of its loops.
template <class Trace, class Backend, Half half = Half::run, int Body = -1> class Program {
  static constexpr const auto& frozen() { return Compilation<Trace, Backend>::frozen(); }
  static constexpr const auto& plan() {
    if constexpr (Body >= 0) return frozen().bodies[Body];
    else if constexpr (half == Half::prepare) return frozen().prepare;
    else return frozen().run;
  }
  // Where the lists begin.
  static constexpr int words_at = plan().begin + plan().kernels + 1, table_at = words_at + plan().words,
                       symbols_at = table_at + plan().table, takes_over_at = symbols_at + plan().symbols,
                       output_bytes_at = takes_over_at + plan().outputs, chains_at = output_bytes_at + plan().outputs;

 public:
  /// Entries of the table, of which a chain (compile/chains.hpp) makes one step.
  static constexpr int runs = plan().steps;
  static constexpr int nodes = plan().nodes, inputs = plan().inputs, distinct_kernels = plan().kernels;
  /// Bytes that a run needs in addition to inputs and outputs.
  static constexpr std::size_t workspace_bytes = std::size_t(plan().arena_bytes + plan().scratch_bytes);
  static constexpr std::size_t arena_bytes = std::size_t(plan().arena_bytes);
  static constexpr double flops = plan().flops, bytes_moved = plan().bytes_moved;
  static constexpr bool straight_line = plan().straight_line;

  // What the steps run as data (see Plan), and where the kernels begin among the words of their identities.
  static constexpr auto kernel_at = part<int, distinct_kernels + 1>(frozen(), plan().begin);
  static constexpr auto words = part<std::uint64_t, plan().words>(frozen(), words_at);
  static constexpr auto table = part<std::int64_t, plan().table>(frozen(), table_at);

 private:
  /// Integers per step, by kernel.
  static constexpr auto step_sizes = [] {
    Array<int, distinct_kernels> n{};
    for (int k = 0; k < distinct_kernels; ++k) n[k] = KernelView{words.data() + kernel_at[k]}.integers();
    return n;
  }();
  static constexpr int most_integers = [] {
    int most = 0;
    for (const int n : step_sizes) most = n > most ? n : most;
    return most;
  }();

 public:
  /// The symbolic dimensions of the run-time lengths, in the order in which `run` takes them.
  static constexpr auto symbols = part<int, plan().symbols>(frozen(), symbols_at);

  static constexpr int outputs = plan().outputs;
  /// For each output the input whose memory it takes over, or −1.
  static constexpr auto takes_over = part<int, outputs>(frozen(), takes_over_at);
  /// Bytes of each output, aligned as buffers are.
  static constexpr auto output_bytes = part<std::int64_t, outputs>(frozen(), output_bytes_at);

  /// Steps that run tile by tile (ChainHead).
  static constexpr auto chains = part<std::int64_t, plan().chains>(frozen(), chains_at);
  static constexpr bool has_chains = !chains.empty();
  static constexpr int steps = [] {
    int n = runs;
    for (const std::int64_t* c = chains.data(); c != chains.data() + chains.size(); c = ChainHead::after(c))
      n -= int(ChainHead::of(c).steps) - 1;
    return n;
  }();

  /// Whether output may be written to the memory of input: nothing reads the input after the output's first write, and
  /// the step that writes reads no element that it has written.
  static constexpr bool may_share(int input, int output) {
    bool written = false, read_in_chain = false;
    std::int64_t t = 0;
    const std::int64_t* chain = chains.data();
    for (int s = 0; s < runs; ++s) {
      if (chain != chains.data() + chains.size() && s == ChainHead::of(chain).first + ChainHead::of(chain).steps) {
        chain = ChainHead::after(chain);
        read_in_chain = false;
      }
      const bool chained = chain != chains.data() + chains.size() && s >= ChainHead::of(chain).first;
      const std::int64_t k = table[t];
      const StepView step(words.data() + kernel_at[k], table.data() + t + 1, nullptr);
      bool reads = false, writes = false;
      for (int p = 0; p < step.pointers(); ++p) {
        const int base = step.base(p);
        reads = reads || base == 1 + input;
        writes = writes || base == 1 + inputs + output;
      }
      if (reads && (written || (writes && !may_take_over(step, 1 + input, 1 + inputs + output)))) return false;
      if (chained && writes && read_in_chain) return false;  // other tiles are read after this one is written
      read_in_chain = chained && (read_in_chain || reads);
      written = written || writes;
      t += step_sizes[k];
    }
    return true;
  }

  /// One run of a kernel as a constant: which of the distinct ones, and its kind.
  struct StepInfo {
    int kernel;
    KernelKind kind;
  };
  static constexpr auto step_list = [] {
    Array<StepInfo, runs> list{};
    std::int64_t t = 0;
    for (StepInfo& step : list) {
      step.kernel = int(table[t]);
      step.kind = KernelView{words.data() + kernel_at[step.kernel]}.kind();
      t += step_sizes[step.kernel];
    }
    return list;
  }();

  /// Of each kernel of contractions, the classes of its steps' methods.
  static constexpr auto method_classes = [] {
    Array<std::uint64_t, distinct_kernels> classes{};
    std::int64_t t = 0;
    for (int s = 0; s < runs && Backend::target.method_class != nullptr; ++s) {
      const std::int64_t k = table[t];
      const StepView step(words.data() + kernel_at[k], table.data() + t + 1, nullptr);
      if (step.kind() == KernelKind::contract)
        classes[k] |= std::uint64_t(1) << Backend::target.method_class(step.method());
      t += step_sizes[k];
    }
    return classes;
  }();
  template <std::size_t Index> using StepsOf =
      std::conditional_t<method_classes[Index] == 0, void, StepsBy<method_classes[Index]>>;

  using RunBy = Backend;
  using Source = Trace;

  /// What the graph expects of its inputs (compile/expectations.hpp), and lengths with which it does not run.
  static constexpr int expectations = plan().expectations;
  static constexpr auto refused = [] {
    Array<LengthRefusal, plan().refusals> all{};
    if constexpr (Body < 0)
      for (int i = 0; i < plan().refusals; ++i) all[i] = plan().refused[i];
    return all;
  }();

  /// Runs every step. base: the workspace, then inputs, then outputs. An
  /// observer is told the context, and when each step begins and ends.
  template <class Context, class Observer = const Unobserved>
  [[gnu::always_inline]] static void run(Context c, Observer& observer = unobserved) {
    c.scratch = c.base[0] + arena_bytes;
    observer.start(c);
    if constexpr (straight_line) {
      [&]<std::size_t... S>(std::index_sequence<S...>) __attribute__((always_inline)) {
        ((observer.begin(int(S)),
          run_kernel<Step<S>::kernel, Step<S>>(Step<S>::arguments.data(), c), observer.end(int(S))),
         ...);
      }(std::make_index_sequence<std::size_t(steps)>{});
    } else {
      static constexpr auto entry = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return Array<void (*)(const std::int64_t*, const Context&), int(sizeof...(Index))>{
            &enter<Index, Context>...};
      }(std::make_index_sequence<std::size_t(distinct_kernels)>{});
      const std::int64_t* t = table.data();
      [[maybe_unused]] const std::int64_t* chain = chains.data();
      for (int s = 0, run = 0; run < runs; ++s) {
        const bool chained = has_chains && chain != chains.data() + chains.size() && run == ChainHead::of(chain).first;
        int together = 1;
        observer.begin(s);
        if constexpr (has_chains)
          if (chained) {
            Backend::template run_chain<most_integers>(chain, t, entry.data(), c);
            together = int(ChainHead::of(chain).steps);
            chain = ChainHead::after(chain);
          }
        if (!chained) entry[*t](t + 1, c);
        observer.end(s);
        for (run += together; together > 0; --together) t += step_sizes[*t];
      }
    }
  }

 private:
  template <std::size_t Index, std::size_t... J> static auto kernel_type(std::index_sequence<J...>)
      -> typename RegisteredKernel<words[kernel_at[Index] + J]...>::Code;
  template <std::size_t Index> using Kernel =
      decltype(kernel_type<Index>(std::make_index_sequence<std::size_t(kernel_at[Index + 1] - kernel_at[Index])>{}));
  template <std::size_t Index, class Context>
  SINTER_OUTLINE static void enter(const std::int64_t* arguments, const Context& c) {
    run_kernel<Index, StepsOf<Index>>(arguments, c);
  }
  /// Loops run above all backends: step by step, as programs of their own.
  template <std::size_t Index, class Step, class Context>
  [[gnu::always_inline]] static void run_kernel(const std::int64_t* arguments, const Context& c) {
    using K = Kernel<Index>;
    if constexpr (K::body.kind == KernelKind::loop) {
      constexpr auto body = int(attribute_of(K::words.data(), 0));
      LoopRun<K::body.pointers> loop(K::body.micros, arguments, c);
      loop.run([&](std::byte* const* base) {
        Context inside = c;
        inside.base = base;
        Program<Trace, Backend, half, plan().bodies + body>::run(inside);
      });
    } else {
      Backend::template run<K, Step>(arguments, c);
    }
  }

  template <std::size_t S> struct Step {
    static constexpr std::int64_t at = [] {
      std::int64_t t = 0;
      for (std::size_t s = 0; s < S; ++s) t += step_sizes[table[t]];
      return t;
    }();
    static constexpr std::size_t kernel = std::size_t(table[at]);
    using Kernel = Program::Kernel<kernel>;
    static constexpr auto arguments = [] {
      constexpr int numbers = step_sizes[kernel] - 1;
      Array<std::int64_t, numbers> a{};
      for (int i = 0; i < numbers; ++i) a[i] = table[at + 1 + i];
      return a;
    }();
  };
};

}  // namespace sinter::internals::compile
