// Runs plans that were made at run time: the same steps as compiled programs, with the micro-operations as data.
#pragma once
#include <memory>

#include "step.hpp"

namespace sinter::inline SINTER_ABI::internals::generic {

/// A plan that was made at run time, with memory of its own to run in.
class Runner {
 public:
  Runner(compile::Plan plan, const Primitives& primitives) : plan_(std::move(plan)), primitives_(primitives) {
    for (int k = 0; k + 1 < plan_.kernel.size(); ++k) bodies_.emplace_back(plan_.words.data() + plan_.kernel[k]);
    for (const compile::Plan& body : plan_.bodies) loops_.emplace_back(body, primitives);
    workspace_.resize(plan_.arena_bytes + plan_.scratch_bytes + 64);
  }

  void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs,
           const std::vector<std::int64_t>& lengths) {
    auto* workspace = workspace_.data();
    workspace += (64 - reinterpret_cast<std::uintptr_t>(workspace) % 64) % 64;
    std::vector<std::byte*> base{workspace};
    for (const void* p : inputs) base.push_back(static_cast<std::byte*>(const_cast<void*>(p)));
    for (void* p : outputs) base.push_back(static_cast<std::byte*>(p));
    run_steps({base.data(), lengths.data(), nullptr, 1});
  }
  const compile::Plan& plan() const { return plan_; }

 private:
  void run_steps(cpu::Context c) {
    c.scratch = c.base[0] + plan_.arena_bytes;
    const std::int64_t *t = plan_.table.data(), *chain = plan_.chains.data(), *const end = chain + plan_.chains.size();
    const auto after = [this](const std::int64_t* step) {
      return step + compile::KernelView{plan_.words.data() + plan_.kernel[int(*step)]}.integers();
    };
    for (int s = 0; s < plan_.steps;) {
      if (chain == end || compile::ChainHead::of(chain).first != s) {
        const Body& body = bodies_[*t];
        if (body.kind == KernelKind::loop) run_loop(body, t + 1, c);
        else Step(body, primitives_, t + 1, c).run();
        t = after(t);
        ++s;
        continue;
      }
      run_chain(chain, t, c);
      for (const auto last = s + int(compile::ChainHead::of(chain).steps); s < last; ++s) t = after(t);
      chain = compile::ChainHead::after(chain);
    }
  }
  void run_loop(const Body& body, const std::int64_t* arguments, const cpu::Context& c) {
    std::size_t first = 0;
    while (body.micros[first].what != Micro::What::attribute) ++first;
    Runner& step = loops_[body.micros[first].bits];
    compile::LoopRun<255> loop(body.micros, arguments, c);
    loop.run([&](std::byte* const* base) {
      cpu::Context inside = c;
      inside.base = base;
      step.run_steps(inside);
    });
  }
  void run_chain(const std::int64_t* chain, const std::int64_t* table, const cpu::Context& c) {
    const auto head = compile::ChainHead::of(chain);
    const std::int64_t units = head.length(c.lengths);
    Vector<std::int64_t> room(plan_.table.size());
    for (std::int64_t k = 0; k * head.grain < units; ++k)
      compile::for_each_step_of_tile(chain, table, room.data(), units, k, k % head.workers,
                                      [&](std::int64_t kernel, const std::int64_t* arguments) {
                                        Step(bodies_[kernel], primitives_, arguments, c).run();
                                      });
  }

  compile::Plan plan_;
  const Primitives& primitives_;
  Vector<Body> bodies_;
  Vector<Runner> loops_;
  Vector<std::byte> workspace_;
};

/// A graph compiled at run time.
///
///   graph::Builder g;  …  g.outputs.push(y.id);
///   generic::Program p(g);
///   p.run({x.data()}, {y.data()});
///
/// Where the graph's first inputs are parameters that change seldom, what
/// depends on them alone is computed by `prepare`:
///
///   generic::Program p(g, 2);
///   p.prepare({w.data(), b.data()});
///   p.run({w.data(), b.data(), x.data()}, {y.data()});
class Program {
 public:
  /// `target`: what decides how the graph is compiled; one with a cache runs steps tile by tile (compile/chains.hpp).
  explicit Program(const graph::Builder& g, const compile::Target& target = cpu::run_time_target)
      : Program(g, 0, target) {}
  Program(const graph::Builder& g, int parameters, const compile::Target& target = cpu::run_time_target)
      : Program(Made(g, parameters, target)) {}

  void prepare(const std::vector<const void*>& parameters) {
    std::vector<void*> outputs;
    for (Vector<std::byte>& p : prepared_) outputs.push_back(p.data());
    if (!outputs.empty()) prepare_.run(parameters, outputs, {});
  }
  /// Runs on row-major inputs and outputs; lengths in the order of `plan().symbols`.
  void run(std::vector<const void*> inputs, const std::vector<void*>& outputs,
           const std::vector<std::int64_t>& lengths = {}) {
    for (const Vector<std::byte>& p : prepared_) inputs.push_back(p.data());
    run_.run(inputs, outputs, lengths);
  }
  const compile::Plan& plan() const { return run_.plan(); }

 private:
  /// Remembers every primitive that passes have left in a graph: they add some of their own.
  struct Remember {
    Primitives& primitives;
    void operator()(const char*, const graph::Builder& g) const {
      for (int i = 0; i < g.size(); ++i) primitives[g[i].op->code] = g[i].op;
    }
    void operator()(const char*, const compile::Simplified& s, const auto&...) const { (*this)("", s.graph); }
  };
  struct Made {
    std::unique_ptr<Primitives> primitives = std::make_unique<Primitives>();
    compile::Compiled plans;
    Made(const graph::Builder& g, int parameters, const compile::Target& target)
        : plans(compile::compile(g, parameters, target, Remember{*primitives})) {}
  };
  explicit Program(Made made)
      : primitives_(std::move(made.primitives)),
        prepare_(std::move(made.plans.prepare), *primitives_),
        run_(std::move(made.plans.run), *primitives_) {
    for (const std::int64_t bytes : prepare_.plan().output_bytes) prepared_.emplace_back(bytes);
  }

  std::unique_ptr<Primitives> primitives_;
  Runner prepare_, run_;
  std::vector<Vector<std::byte>> prepared_;
};

}  // namespace sinter::internals::generic
