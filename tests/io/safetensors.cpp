// io/: checkpoints. A file is written whole or not at all; a model is changed only by a valid and matching file.
#include <doctest/doctest.h>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include "../support/allocations.hpp"
#include "../support/files.hpp"
#include "../support/reference_values.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using support::TemporaryFile;

namespace {

struct Net {
  nn::Linear<2, 3> fc1;
  std::tuple<nn::Linear<3, 2>, nn::Linear<2, 2>> blocks;
  constexpr auto operator()(auto x) const { return std::get<1>(blocks)(std::get<0>(blocks)(fc1(x))); }
};
struct Small {
  Param<float, 2> w{nn::init::constant(3)};
};

/// As in reference/check_checkpoint.py.
struct Cnn {
  nn::Conv2d<1, 2, 3, Conv2dOptions{.padding = 1}> conv;
  nn::BatchNorm2d<2> bn;
  nn::Linear<8, 3> fc;
  constexpr auto operator()(auto x) const { return fc(flatten(max_pool2d<2>(relu(bn(conv(x)))))); }
};
using Image = Tensor<float, 2, 1, 4, 4>;

template <class N> bool equal(const Model<N>& a, const Model<N>& b) {
  return std::equal(a.data(), a.data() + a.parameters, b.data());
}

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + header + data;
}
std::string header_of(const std::string& fields) { return "{\"w\":{" + fields + "}}"; }

}  // namespace

TEST_CASE("a checkpoint made by PyTorch's users loads under its own names") {
  const Model<Net> net = load<Net>(SINTER_TESTS "/reference/checkpoint.safetensors");
  net.for_each_parameter([](const std::string& name, const auto& p) {
    const auto& v = support::reference_value("checkpoint." + name);
    REQUIRE(std::size_t(p.size()) == v.elements.size());
    for (std::size_t i = 0; i < v.elements.size(); ++i) CHECK(p.data()[i] == doctest::Approx(v.elements[i]));
  });
}

TEST_CASE("what is saved comes back, bit by bit, and the file is laid out as the format says") {
  const TemporaryFile f;
  const Model<Net> net(Seed{5});
  save(net, f.path());
  CHECK(equal(load<Net>(f.path()), net));
  const std::string content = f.read();
  std::uint64_t header = 0;
  std::memcpy(&header, content.data(), 8);
  CHECK(header % 8 == 0);
  CHECK(content.size() == 8 + header + net.parameters * sizeof(float));
  CHECK(content.find("\"fc1.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}") !=
        std::string::npos);
  CHECK(std::memcmp(content.data() + 8 + header, net.data(), net.parameters * sizeof(float)) == 0);
}

TEST_CASE("PyTorch's checkpoint of a net with buffers loads, and gives PyTorch's logits in eval mode") {
  const Model<Cnn> net = load<Cnn>(SINTER_TESTS "/reference/cnn.safetensors");
  auto infer = inference<Image>(net);
  CHECK(support::distance(infer(support::reference_tensor<Image>("cnn.x")), "cnn.logits") < 1e-5);
  CHECK(double(net->bn.num_batches_tracked()) == support::reference_value("cnn.num_batches_tracked").elements[0]);
}

TEST_CASE("a file with buffers opens in PyTorch, whose logits are ours") {
  Model<Cnn> net;
  net.for_each_tensor([](const std::string&, const auto& p) {
    for (std::ptrdiff_t i = 0; i < p.size(); ++i)
      p.data()[i] = static_cast<typename std::remove_cvref_t<decltype(p)>::element>(float(i * 5 % 7 - 3) / 8);
  });
  net->bn.running_var = Tensor<float, 2>{.5f, 2};
  net->bn.num_batches_tracked() = 17;
  const TemporaryFile f;
  save(net, f.path());
  std::ifstream checked(SINTER_TESTS "/reference/saved_by_sinter.safetensors", std::ios::binary);
  CHECK(f.read() == std::string(std::istreambuf_iterator<char>(checked), {}));  // the file that PyTorch has loaded
  auto infer = inference<Image>(net);
  CHECK(support::distance(infer(support::reference_tensor<Image>("cnn.x")), "saved_by_sinter.logits") < 1e-5);
  CHECK(load<Cnn>(f.path())->bn.num_batches_tracked() == 17);
}

TEST_CASE("damaged files are errors, and the model stays as it was") {
  const Model<Small> untouched(Seed{1});
  const std::string good = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]", eight(8, 'x');
  const auto check = [&](const std::string& content, ErrorCode code, const std::string& text) {
    CAPTURE(text);
    const TemporaryFile f(content);
    Model<Small> net(Seed{1});
    const Error e = support::thrown([&] { load(net, f.path()); });
    CHECK(e.code() == code);
    CHECK(std::string(e.what()).find(f.path() + text) == 0);
    CHECK(equal(net, untouched));
  };
  const std::string sound = file_of(header_of(good), eight);
  for (std::size_t n = 0; n < sound.size(); ++n) {  // truncated anywhere
    const TemporaryFile f(sound.substr(0, n));
    Model<Small> net(Seed{1});
    CHECK(support::thrown([&] { load(net, f.path()); }).code() == ErrorCode::format);
    CHECK(equal(net, untouched));
  }
  const auto bad = ErrorCode::format;
  check("", bad, ", header length: expected 8 bytes, found 0");
  check(std::string(8, '\xff') + "{}", bad, ", header length: expected at most the 2 bytes that follow");
  check(file_of("{\"w\":", eight), bad,
        ", header, byte 5: expected JSON, found a syntax error while parsing value - unexpected end of input");
  check(file_of("[1]", ""), bad, ", header: expected an object, found an array");
  check(file_of("{} x", ""), bad,
        ", header, byte 3: expected JSON, found a syntax error while parsing value - invalid literal");
  check(file_of(header_of("\"dtype\":\"F32\""), eight), bad, ", tensor \"w\": expected a field \"shape\", found none");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"), eight), bad,
        ", tensor \"w\", shape: expected whole numbers below 2⁶⁴, found -2");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]"), eight), bad,
        ", tensor \"w\", shape: expected whole numbers below 2⁶⁴, found 2.0");
  check(file_of(header_of(good + ",\"dtype\":\"F32\""), eight), bad,
        ", tensor \"w\": expected a field \"dtype\", found two");
  check(file_of(header_of(good + ",\"shape\":[2]"), eight), bad,
        ", tensor \"w\": expected a field \"shape\", found two");
  check(file_of(header_of(good + ",\"data_offsets\":[0,8]"), eight), bad,
        ", tensor \"w\": expected a field \"data_offsets\", found two");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]"), eight), bad,
        ", tensor \"w\", data_offsets: expected two numbers, found more");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]"), eight), bad,
        ", tensor \"w\", data_offsets: expected two numbers, found fewer");
  check(file_of(header_of("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,8]"), eight), bad,
        ", tensor \"w\", data_offsets: expected 1 bytes for F4 [3], found 8");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]"), eight), bad, ", tensor \"w\"");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]"), eight), bad,
        ", tensor \"w\", shape: expected a tensor within the 8 bytes of data");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]"), eight), bad,
        ", tensor \"w\", data_offsets: expected a range within 0 … 8, found 0 … 16");
  check(file_of(header_of("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]"), eight), bad,
        ", tensor \"w\", data_offsets");
  check(file_of(header_of(good), eight + "y"), bad, ", data: expected 8 bytes as the header says, found 9");
  check(file_of("{\"w\":{" + good + "},\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}", eight), bad,
        ", tensor \"w\": expected one of this name, found two");
  check(file_of("{\"x\":" + std::string(100000, '['), ""), bad,
        ", tensor \"x\": expected an object, found an array");  // deep nesting
  check(file_of("{\"__metadata__\":" + std::string(100000, '['), ""), bad,
        ", header: expected at most 128 arrays and objects within each other, found more");
  check(file_of("{\"\\u001b[31m" + std::string(1000, 'x') + "\":{}}", ""), bad,
        ", tensor \"\\x1b[31m" + std::string(95, 'x') + "…\": expected a field \"dtype\", found none");
}

TEST_CASE("sound files that do not fit") {
  const Model<Small> untouched(Seed{1});
  const auto check = [&](const std::string& header, std::size_t bytes, const std::string& text) {
    CAPTURE(text);
    const TemporaryFile f(file_of(header, std::string(bytes, 'x')));
    Model<Small> net(Seed{1});
    const Error e = support::thrown([&] { load(net, f.path()); });
    CHECK(e.code() == ErrorCode::mismatch);
    CHECK(std::string(e.what()).find(f.path() + text) == 0);
    CHECK(equal(net, untouched));
  };
  check("{\"v\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
        ": 2 tensors do not fit: tensor \"w\": expected by the model, found missing; tensor \"v\": expected none of "
        "this name, found one");
  check(header_of("\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]"), 8,
        ", tensor \"w\", dtype: expected F32 or a type that converts to it, found F33; save it with");
  check(header_of("\"dtype\":\"F32\\u0000\",\"shape\":[2],\"data_offsets\":[0,8]"), 8,
        ", tensor \"w\", dtype: expected F32 or a type that converts to it, found F32\\x00");
  check(header_of("\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]"), 1,
        ", tensor \"w\", dtype: expected F32 or a type that converts to it, found F4");
  check(header_of("\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[0,2]"), 2,
        ", tensor \"w\", element 0: expected 0 or 1 as BOOL, found another byte");
  check(header_of("\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]"), 8,
        ", tensor \"w\", shape: expected [2], found [2, 1]");
  const std::string extra =
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
      "\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}}";
  check(extra, 9, ", tensor \"z\": expected none of this name, found one");
  const TemporaryFile f(file_of(extra, std::string(9, '\0')));
  Model<Small> net(Seed{1});
  load(net, f.path(), ExtraTensors::ignore);
  CHECK(net->w(1) == 0);
}

TEST_CASE("tensors that the model does not have may be of any kind") {
  const std::string w = "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}",
                    eight("\0\0\x80\x3f\0\0\0\x40", 8);
  const auto check = [&](const std::string& others, const std::string& data) {
    CAPTURE(others);
    const TemporaryFile f(file_of("{" + others + "," + w + "}", eight + data));
    const Model<Small> net = load<Small>(f.path(), ExtraTensors::ignore);
    CHECK(net->w(0) == 1);
    CHECK(net->w(1) == 2);
    CHECK(support::thrown([&] { load<Small>(f.path()); }).code() == ErrorCode::mismatch);
  };
  check("\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4096],\"data_offsets\":[8,8]}", "");
  check("\"empty\":{\"dtype\":\"F32\",\"shape\":[4096,0],\"data_offsets\":[0,0]}", "");
  check("\"empty\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,0],\"data_offsets\":[8,8]}", "");
  check("\"scale\":{\"dtype\":\"F8_E8M0\",\"shape\":[2],\"data_offsets\":[8,10]}", "12");
  check("\"four\":{\"dtype\":\"F4\",\"shape\":[3,2],\"data_offsets\":[8,11]}", "123");
  check("\"six\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[8,11]}", "123");
  check("\"newer\":{\"dtype\":\"Q5_K\",\"shape\":[256],\"data_offsets\":[8,11],\"more\":[{\"a\":null},-1.5e-3,true]}",
        "123");
  check("\"flags\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[8,9]}", "\x02");
  check("\"none\\u0000\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}", "x");
  check("\"w\\u0000\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}", "x");
  check(
      "\"__metadata__\":{\"format\":\"pt\",\"a\":\"\\ud83d\\ude00\"},"
      "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}",
      "x");
}

TEST_CASE("a header of very many tensors costs a small multiple of itself") {
  std::string header = "{";
  constexpr int n = 100'000;
  for (int i = 0; i < n; ++i)
    header += "\"t" + std::to_string(i * 7919 % n) + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" +
              std::to_string(i) + "," + std::to_string(i + 1) + "]},";
  header.back() = '}';
  const TemporaryFile f(file_of(header, std::string(n, 'x')));
  const support::Allocations allocations;
  const io::TensorFile t = io::read_safetensors(f.path());
  CHECK(allocations.count() < 3 * n);
  CHECK(t.tensors.size() == n);
  CHECK(t.tensors.capacity() * sizeof(io::TensorEntry) < 6 * header.size());
  CHECK(t.find("t7919")->begin == 1);
  CHECK(t.find("none") == nullptr);
}

namespace {
struct Nothing {
  nn::Identity same;
};
struct Single {
  Param<float, 1> w{nn::init::constant(3)};
};
struct Kinds {
  Buffer<float16, 2> half;
  Buffer<bfloat16, 2> brain;
  Buffer<std::int64_t, 2> whole;
  Buffer<std::uint8_t, 2> bytes;
  Buffer<bool, 2> truth;
};
}  // namespace

TEST_CASE("models without parameters and of one, which may be infinite or NaN, are saved and loaded") {
  const TemporaryFile f;
  save(Model<Nothing>(Seed{1}), f.path());
  CHECK(load<Nothing>(f.path()).parameters == 0);
  Model<Single> net(Seed{1});
  for (const float x :
       {std::numeric_limits<float>::infinity(), -0.f, 1e-45f, std::numeric_limits<float>::quiet_NaN()}) {
    net->w = Tensor<float, 1>{x};
    save(net, f.path());
    const float back = load<Single>(f.path()).data()[0];
    CHECK(std::memcmp(&back, &x, 4) == 0);
  }
}

TEST_CASE("16-bit floats, integers and bools are saved as they are, at the ends of their ranges") {
  const TemporaryFile f;
  Model<Kinds> net(Seed{1});
  net->half = Tensor<float16, 2>{float16(65504.f), float16(6e-8f)};
  net->brain = Tensor<bfloat16, 2>{bfloat16(-0.f), bfloat16(std::numeric_limits<float>::infinity())};
  net->whole = Tensor<std::int64_t, 2>{std::numeric_limits<std::int64_t>::min(), (std::int64_t(1) << 53) + 1};
  net->bytes = Tensor<std::uint8_t, 2>{0, 255};
  net->truth = Tensor<bool, 2>{true, false};
  save(net, f.path());
  const Model<Kinds> back = load<Kinds>(f.path());
  const auto same = [](const auto& a, const auto& b) {
    return std::memcmp(a.data(), b.data(), 2 * sizeof(a.data()[0])) == 0;
  };
  const auto &a = *std::as_const(net), &b = *back;
  CHECK((same(a.half, b.half) && same(a.brain, b.brain) && same(a.whole, b.whole) && same(a.bytes, b.bytes)));
  CHECK(same(a.truth, b.truth));
}
