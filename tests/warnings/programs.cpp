// Programs of most kinds, compiled with many warnings, each an error: templates warn only where they are used.
#include <sinter/sinter.hpp>
#include <sinter/train/profile.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<20, 37> fc1;
  nn::BatchNorm1d<37> norm;
  nn::Linear<37, 10> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(norm(fc1(x)))); }
};

struct Cnn {
  nn::Conv2d<1, 4, 5, Conv2dOptions{.stride = 2, .padding = 2}> conv1;
  nn::Conv2d<4, 8, 3, Conv2dOptions{.padding = 1}> conv2;
  nn::Dropout drop{.p = .3f};
  nn::Linear<8 * 7 * 7, 10> fc;
  constexpr auto operator()(auto image) const {
    return fc(drop(flatten(max_pool2d<2>(relu(conv2(relu(conv1(image))))))));
  }
};

struct Transformer {
  nn::Embedding<27, 16> letter;
  nn::TransformerEncoder<nn::TransformerEncoderLayer<16, 4, 32, nn::TransformerOptions{.is_causal = true}>, 2> blocks;
  nn::Linear<16, 27> next;
  constexpr auto operator()(auto ids) const { return next(blocks(letter(ids))); }
};

struct Recurrent {
  nn::LSTM<3, 16> lstm;
  nn::GRU<16, 8> gru;
  nn::Linear<8, 1> dense;
  constexpr auto operator()(auto x) const { return dense(std::get<0>(gru(std::get<0>(lstm(x))))); }
};

constexpr auto letters = [](auto logits, auto target) {
  return nn::cross_entropy(reshape<-1, 27>(logits), reshape<-1>(target));
};

/// One step of training, and a call.
template <class Net, class X, class Y> double trained(auto loss, auto optimizer, const X& x, const Y& y) {
  Model<Net> net(Seed{1});
  auto step = training<X, Y>(net, loss, optimizer);
  auto infer = inference<X>(net);
  summary<X>(net);
  const double first = double(step(x, y).loss);
  const auto profile_of_step = profile({.runs = 1, .roof = false}, step, x, y);
  return first + double(infer(x).data()[0]) + double(profile_of_step.steps.size());
}

/// Statements on tensors, of fixed and of bounded extents, in several dtypes.
double statements() {
  const Tensor<float, 3, 5> x = random::normal<3, 5>(Seed{2}, 0);
  Tensor<float, 3, 5> y = softmax(x * 2.f) + exp(x) / (1.f + abs(x));
  y = y + sum<0>(y) * amax<1>(x, keepdims);
  const Tensor<float, 3, 3> squares = matmul(y, transpose(x)) + einsum<"ij,kj->ik">(x, y);
  const Tensor<double, 3, 5> wide = cumsum<1>(cast<double>(y));
  const Tensor<float16, 3, 5> narrow = cast<float16>(tanh(x));
  const Tensor<int, 3> best = argmax<1>(x);
  const Tensor<float, 3, 5> rows = take(x, best);
  const auto [value, gradient] = value_and_grad([](auto a, auto b) { return sum(square(matmul(a, b))); })(squares, x);
  const Tensor<float, 3> each = vmap([](auto row) { return sum(row * row); }, mapped<0>)(x);
  const Tensor<float, 5> first = x(0);
  const auto [last, all] = scan([](auto carry, auto row) { return std::pair{carry * 0.9f + row, carry}; }, first, x);
  Tensor<float, upto<8, 'N'>, 5> some;
  some.set_length<'N'>(3);
  some = log(1.f + square(some));
  return double(value) + double(y(1, 2)) + double(float(narrow(1, 1))) + double(rows(0, 0)) + double(gradient(0, 0)) +
         double(each(0)) + double(all(0, 0)) + double(eval(sum(last))) + double(eval(sum(some))) + wide(0, 0);
}

int main() {
  const Tensor<float, 6, 20> rows = random::normal<6, 20>(Seed{3}, 0);
  const Tensor<int, 6> labels{0, 1, 2, 3, 4, 5};
  const Tensor<float, 6, 1, 28, 28> images = random::uniform<6, 1, 28, 28>(Seed{3}, 1);
  Tensor<int, 2, 12> ids;
  ids.fill(3);
  const Tensor<float, 5, 2, 3> sequence = random::normal<5, 2, 3>(Seed{3}, 2);
  const Tensor<float, 5, 2, 1> wanted;
  const double all = trained<Mlp>(nn::cross_entropy, optim::SGD{.lr = .1f}, rows, labels) +
                     trained<Cnn>(nn::cross_entropy, optim::Adam{}, images, labels) +
                     trained<Transformer>(letters, optim::AdamW{}, ids, ids) +
                     trained<Recurrent>(nn::mse_loss, optim::Adam{}, sequence, wanted) + statements();
  return all > 0 ? 0 : 1;
}
