// Parameters of any dtype: one block of memory for each, saved, loaded and copied alike; optimizers move those of
// floating types.
#include <doctest/doctest.h>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include "../support/files.hpp"

using namespace sinter;

namespace parameters {  // names of members are found in types that have linkage

/// A float32 net that counts its batches, as PyTorch's batch norm does.
struct Counting {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 3> fc2;
  Buffer<std::int64_t> num_batches_tracked;

  constexpr auto operator()(auto x) const {
    if constexpr (Symbolic<decltype(x)>)
      num_batches_tracked.update(num_batches_tracked.symbolic(x.graph) + 1);
    return fc2(relu(fc1(x)));
  }
};
struct Plain {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 3> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(x))); }
};

/// Leaves of every kind, one without elements.
struct Several {
  Buffer<float, 0> none;
  State<float, 2> before{Initializer{Initializer::Kind::constant, 5}};
  Scalar scale = 3.f;
  Param<float, 2> weight{Initializer{Initializer::Kind::constant, 2}};
  constexpr auto operator()(auto x) const {
    const auto y = x * weight * scale + before;
    before.update(x);
    return y;
  }
};

/// Weights of four dtypes.
struct Mixed {
  Param<float, 8, 4> first{normal(1)};
  Param<std::int8_t, 8> signs{Initializer{Initializer::Kind::constant, -1}};
  Param<bfloat16, 3, 8> last{normal(1)};
  Param<std::int64_t> steps{Initializer{Initializer::Kind::constant, 7}};
  Param<double, 3> bias{Initializer{Initializer::Kind::constant, .25}};
  Scalar scale = 2.f;

  static constexpr Initializer normal(double deviation) { return {Initializer::Kind::normal, 0, deviation}; }
  constexpr auto operator()(auto x) const {
    const auto hidden = tanh(matmul(x, transpose(first)) * cast<float>(signs));
    return cast<float>(matmul(hidden, transpose(cast<float>(last))) * scale + bias);
  }
};

/// Weights of 8 bits with one scale a row.
struct Quantized {
  Param<std::int8_t, 3, 8> weight;
  Param<float, 3> scale{Initializer{Initializer::Kind::constant, .5}};
  constexpr auto operator()(auto x) const { return matmul(x, transpose(cast<float>(weight) * unsqueeze<-1>(scale))); }
};

}  // namespace parameters

using namespace parameters;

TEST_CASE("leaves of every kind are found where they are, also beside one without elements") {
  Model<parameters::Several> net;
  auto run = inference<Tensor<float, 2>>(net);
  const Tensor<float, 2> x{1, 10};
  CHECK(to_string(run(x)) == "[11, 65]");
  CHECK(to_string(run(x)) == "[7, 70]");
  net->scale = 1.f;
  CHECK(to_string(run(x)) == "[3, 30]");
  run.reset();
  CHECK(to_string(run(x)) == "[7, 25]");

  std::FILE* const out = std::tmpfile();
  summary<Tensor<float, 2>>(net, out);
  std::rewind(out);
  char text[2048];
  text[std::fread(text, 1, sizeof text - 1, out)] = 0;
  std::fclose(out);
  CHECK(std::string(text).find("total                    (2)                                       2") !=
        std::string::npos);
}

/// Names of every kind: members, structs, items of arrays and of tuples, of which one has two digits.
struct Named {
  struct Head {
    Param<float, 2, 3> weight;
    Buffer<std::int64_t> count;
  };
  std::array<Head, 11> heads;
  nn::Sequential<nn::Linear<3, 4>, nn::ReLU, nn::Linear<4, 2>> body;
  Scalar scale;
  State<float, 2> before;
};

TEST_CASE("a state dict names parameters and buffers as PyTorch does, and is written through") {
  Model<Named> net(Seed{3});
  const Model<Named>& read_only = net;
  std::vector<std::string> names, listed;
  net.for_each_tensor([&](const std::string& name, const auto&) { names.push_back(name); });
  for (const auto& t : net.state_dict()) listed.push_back(t.name);
  CHECK(listed == names);
  REQUIRE(listed.size() == 26);
  CHECK(listed[0] == "heads.0.weight");
  CHECK(listed[21] == "heads.10.count");
  CHECK(listed[22] == "body.0.weight");
  CHECK(listed[23] == "body.0.bias");
  CHECK(listed[25] == "body.2.bias");

  const auto weight = read_only.state_dict()[20], count = read_only.state_dict()[21];
  CHECK(weight.name == "heads.10.weight");
  CHECK(weight.dtype == Dtype::float32);
  CHECK(weight.shape == shape_of<2, 3>);
  CHECK(weight.size() == 6);
  CHECK(weight.bytes() == 24);
  CHECK_FALSE(weight.is_buffer);
  CHECK(count.dtype == Dtype::int64);
  CHECK(count.shape == Shape{});
  CHECK(count.is_buffer);
  const float seven = 7;
  std::memcpy(net.state_dict()[20].data + 16, &seven, 4);
  CHECK(net->heads[10].weight(1, 1) == 7.f);
  CHECK(weight.data == read_only.state_dict()[20].data);

  CHECK(Model<Named>::stores(Dtype::float32));
  CHECK(Model<Named>::stores(Dtype::int64));
  CHECK_FALSE(Model<Named>::stores(Dtype::boolean));
}

TEST_CASE("what is written through a state dict is seen by inference that has prepared its weights") {
  Model<Plain> net(Seed{1});
  auto infer = inference<Tensor<float, 1, 4>>(net);
  Tensor<float, 1, 4> x;
  x.fill(1.f);
  const Tensor<float, 1, 3> before = infer(x);
  for (const auto& t : net.state_dict()) std::memset(t.data, 0, t.bytes());
  const Tensor<float, 1, 3> after = infer(x);
  CHECK(before(0, 0) != 0.f);
  for (int i = 0; i < 3; ++i) CHECK(after(0, i) == 0.f);
}

TEST_CASE("parameters of each dtype have a block of their own, 64-byte aligned, in declaration order") {
  Model<Mixed> net(Seed{3});
  static_assert(Model<Mixed>::parameters == 32 + 8 + 24 + 1 + 3);
  static_assert(Model<Mixed>::blocks.count == 5 && Model<Mixed>::blocks[0].elements == 32);
  static_assert(Model<Mixed>::blocks.trained() == 32 + 24 + 3 && Model<Mixed>::blocks.trained_as() == Dtype::float64);
  static_assert(graph::parameter_blocks<Plain>.count == 1 && graph::parameter_blocks<Plain>.bytes == 0);
  CHECK(net->first.memory() == net.data());
  for (const std::uintptr_t at :
       {reinterpret_cast<std::uintptr_t>(net->signs.memory()), reinterpret_cast<std::uintptr_t>(net->last.memory()),
        reinterpret_cast<std::uintptr_t>(net->steps.memory()), reinterpret_cast<std::uintptr_t>(net->bias.memory())})
    CHECK(at % 64 == 0);
  CHECK(net->signs(7) == -1);
  CHECK(net->steps() == 7);
  CHECK(net->bias(2) == .25);
  CHECK(float(net->last(0, 0)) != 0);

  Model<Mixed> copy = net;
  copy->signs(0) = 1;
  copy->bias(0) = 9;
  CHECK((net->signs(0) == -1 && net->bias(0) == .25));
  net = copy;
  CHECK((net->signs(0) == 1 && net->bias(0) == 9));
}

TEST_CASE("parameters of any dtype are saved under their own types and loaded exactly") {
  const support::TemporaryFile f;
  Model<Mixed> net(Seed{3});
  net->signs(3) = 127;
  net->steps() = std::int64_t(1) << 62;
  net->bias(1) = 0.1;
  save(net, f.path());
  const io::TensorFile file = io::read_safetensors(f.path());
  CHECK((file.find("signs")->dtype == "I8" && file.find("last")->dtype == "BF16"));
  CHECK((file.find("steps")->dtype == "I64" && file.find("bias")->dtype == "F64"));
  const Model<Mixed> read = load<Mixed>(f.path());
  CHECK((read->signs(3) == 127 && read->steps() == std::int64_t(1) << 62 && read->bias(1) == 0.1));
  for (int i = 0; i < 24; ++i) CHECK(read->last.memory()[i].bits == net->last.memory()[i].bits);
}

TEST_CASE("inference reads weights of 8 and 16 bits, and what changes them is seen") {
  Model<Quantized> net;
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 8; ++k) net->weight(i, k) = std::int8_t(10 * i - k);
  auto infer = inference<Tensor<float, 2, 8>>(net);
  Tensor<float, 2, 8> x;
  for (int k = 0; k < 8; ++k) x(0, k) = float(k), x(1, k) = 1;
  Tensor<float, 2, 3> y = infer(x);
  CHECK((y(0, 0) == -70 && y(1, 2) == 66));
  net->weight(2, 0) = 0;
  y = infer(x);
  CHECK((y(0, 0) == -70 && y(1, 2) == 56));

  Model<Mixed> mixed(Seed{3});
  auto run = inference<Tensor<float, 5, 4>>(mixed);
  const Tensor<float, 5, 4> input = random::normal<5, 4>(Seed{1});
  const Tensor<float, 5, 3> found = run(input);
  for (int n = 0; n < 5; ++n)
    for (int j = 0; j < 3; ++j) {
      double sum = .25;
      for (int h = 0; h < 8; ++h) {
        double s = 0;
        for (int k = 0; k < 4; ++k) s += double(input(n, k)) * double(mixed->first(h, k));
        sum += 2 * std::tanh(-s) * double(float(mixed->last(j, h)));
      }
      CHECK(found(n, j) == doctest::Approx(sum).epsilon(1e-5));
    }
}

TEST_CASE("a float32 net with an int64 buffer trains as without it, and counts its steps") {
  Model<Counting> counting(Seed{5});
  Model<Plain> plain(Seed{5});
  auto a = training<Tensor<float, 16, 4>, Tensor<int, 16>>(counting, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  auto b = training<Tensor<float, 16, 4>, Tensor<int, 16>>(plain, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  const Tensor<float, 16, 4> x = random::normal<16, 4>(Seed{2});
  Tensor<int, 16> y;
  for (int i = 0; i < 16; ++i) y(i) = i % 3;
  for (int step = 0; step < 5; ++step) CHECK(a(x, y).loss == b(x, y).loss);
  CHECK(counting->num_batches_tracked() == 5);
  for (std::int64_t i = 0; i < Model<Plain>::parameters; ++i) CHECK(counting.data()[i] == plain.data()[i]);
}

TEST_CASE("optimizers move parameters of floating types, each rounded to its own, and leave integers alone") {
  Model<Mixed> net(Seed{3});
  const Model<Mixed> before = net;
  auto step = training<Tensor<float, 16, 4>, Tensor<float, 16, 3>>(net, nn::mse_loss, optim::SGD{.lr = .125f});
  const Tensor<float, 16, 4> x = random::normal<16, 4>(Seed{2});
  const Tensor<float, 16, 3> y = random::normal<16, 3>(Seed{4});
  const float first = step(x, y).loss;
  // the gradients, by finite differences of the mean of squares in double precision
  const auto loss = [&](const Model<Mixed>& m, int j, int h, double more, double more_bias) {
    double total = 0;
    for (int n = 0; n < 16; ++n)
      for (int o = 0; o < 3; ++o) {
        double sum = m->bias.memory()[o] + (o == j ? more_bias : 0);
        for (int c = 0; c < 8; ++c) {
          double s = 0;
          for (int k = 0; k < 4; ++k) s += double(x(n, k)) * double(m->first.memory()[c * 4 + k]);
          sum += 2 * std::tanh(-s) * (double(float(m->last.memory()[o * 8 + c])) + (o == j && c == h ? more : 0));
        }
        total += (sum - double(y(n, o))) * (sum - double(y(n, o)));
      }
    return total / 48;
  };
  CHECK(first == doctest::Approx(loss(before, -1, -1, 0, 0)).epsilon(1e-5));
  for (int j = 0; j < 3; ++j) {
    for (int h = 0; h < 8; ++h) {
      const double slope = (loss(before, j, h, 1e-4, 0) - loss(before, j, h, -1e-4, 0)) / 2e-4,
                   old = double(float(before->last.memory()[j * 8 + h]));
      CHECK(float(net->last.memory()[j * 8 + h]) == doctest::Approx(old - .125 * slope).epsilon(1. / 128));
    }
    const double slope = (loss(before, j, -1, 0, 1e-4) - loss(before, j, -1, 0, -1e-4)) / 2e-4;
    CHECK(net->bias.memory()[j] == doctest::Approx(before->bias.memory()[j] - .125 * slope).epsilon(1e-5));
  }
  CHECK(net->signs.memory()[0] == -1);
  CHECK(net->steps.memory()[0] == 7);
  float last = first;
  for (int i = 0; i < 60; ++i) last = step(x, y).loss;
  CHECK(last < first);
  for (int i = 0; i < 8; ++i) CHECK(net->signs.memory()[i] == -1);
}
