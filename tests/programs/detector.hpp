// A detector with two heads: a class and a box for each cell.
#pragma once
#include "data.hpp"

namespace programs {

// program
struct Detector {
  nn::Conv2d<2, 6, 3, Padding<1>> conv1;
  nn::Conv2d<6, 8, 3, Stride<2>, Padding<1>> conv2;
  nn::Conv2d<8, 3, 1> classes;
  nn::Conv2d<8, 4, 1> boxes;
  constexpr auto operator()(auto x) const {
    const auto h = relu(conv2(relu(conv1(x))));
    return std::tuple{classes(h), boxes(h)};
  }
};
inline Losses detector(const auto& x, const auto& label, const auto& box) {
  auto net = load<Detector>(weights("detector"));
  const optim::SGD sgd{.lr = .1f, .momentum = .9f};
  auto step = training(net, std::tie(x, label, box), sgd, [](auto& net, auto x, auto label, auto box) {
    const auto [scores, boxes] = net(x);
    const auto found = cast<float>(unsqueeze<1>(label > 0));
    const auto of_boxes = sum(found * nn::SmoothL1<nn::Reduction::none>{}(boxes, box)) / sum(found);
    return std::tuple{nn::cross_entropy(scores, label) + of_boxes, of_boxes};
  });
  Losses losses;
  for (int i = 0; i < 6; ++i) {
    const auto [loss, of_boxes] = step(x, label, box);
    losses.insert(losses.end(), {loss, of_boxes});
  }
  return losses;
}
// end

}  // namespace programs
