// A training step of 24 residual blocks, compiled in constant evaluation up to one pass: STAGE. The compiler's limit on
// constant evaluation is the budget; see budget.cmake and measure.sh.
#include <sinter/sinter.hpp>
using namespace sinter;
using namespace sinter::internals;

struct Block {
  nn::Linear<32, 64> up;
  nn::Linear<64, 32> down;
  constexpr auto operator()(auto x) const { return x + down(relu(up(x))); }
};
struct Normed {  // with buffers, which a step overwrites
  Block block;
  nn::BatchNorm1d<32> norm;
  constexpr auto operator()(auto x) const { return norm(block(x)); }
};
using Input = Tensor<float, 16, 64>;
using Target = Tensor<int, 16>;
template <class Net> using Training =
    train::TrainingTrace<Net, train::OfOutput<nn::CrossEntropy<>>, optim::Adam, false, Input, Target>;
template <class Block> struct Blocks {
  nn::Linear<64, 32> stem;
  std::array<Block, 24> blocks;
  nn::Linear<32, 10> head;
  constexpr auto operator()(auto x) const {
    auto h = stem(x);
    for (const Block& b : blocks) h = b(h);
    return head(h);
  }
};
using Net = Blocks<Block>;

constexpr int forward() {
  graph::Builder g;
  Net net;
  train::bind(g, net, train::whole_blocks<Net>);
  const auto y = net(graph::new_input<Input::symbol>(g));
  return y.id;
}
constexpr int nodes() {
  const graph::Builder g = Training<Net>{}();
  return g.size();
}
constexpr int simplified() {
  const graph::Builder g = Training<Net>{}();
  const compile::Simplified s = compile::simplify(g);
  return s.order.size();
}
constexpr int fused() {
  const graph::Builder g = Training<Net>{}();
  compile::Simplified s = compile::simplify(g);
  const compile::Fusion f = compile::fuse(s, cpu::target);
  return f.groups.size();
}
constexpr int ordered() {
  const graph::Builder g = Training<Net>{}();
  compile::Simplified s = compile::simplify(g);
  const compile::Fusion f = compile::fuse(s, cpu::target);
  const compile::Order o = compile::order(s, f);
  return o.groups.size();
}
template <class Net> constexpr int planned() {
  const graph::Builder g = Training<Net>{}();
  const compile::Plan p = compile::compile(g, 0, cpu::target).run;
  return p.steps;
}

#if STAGE == 0  // the number of nodes that the budgets are for: the error that prints it is the result
template <int N> struct Nodes;
Nodes<nodes()> n;
#elif STAGE == 1
constexpr int result = forward();
#elif STAGE == 2
constexpr int result = nodes();
#elif STAGE == 3
constexpr int result = simplified();
#elif STAGE == 4
constexpr int result = fused();
#elif STAGE == 5
constexpr int result = ordered();
#elif STAGE == 6
constexpr int result = planned<Net>();
#elif STAGE == 7
constexpr int result = planned<Blocks<Normed>>();
#endif
