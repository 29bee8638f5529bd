// io/pytorch.hpp, io/npz.hpp: PyTorch's .pt and NumPy's .npz, read and written. The files in reference/archives are
// made by make_archives.py and make_torch_archive.py; their numbers count from 0.
#include <doctest/doctest.h>
#include <sinter/io/npz.hpp>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include <cstring>
#include <fstream>

#include "../support/files.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace archives {

std::string file(const std::string& name) { return SINTER_TESTS "/reference/archives/" + name; }
template <auto... E> using F = Tensor<float, E...>;
template <auto... E> F<E...> stored(const std::string& name, const std::string& in = "state.pt") {
  return io::tensor<float, E...>(file(in), name);
}
std::string message(const auto& f) { return support::thrown(f).what(); }
bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST_CASE("tensors of a state dict: parameters, views of one storage, every kind of number") {
  CHECK(equal(stored<2, 3>("weight"), F<2, 3>{{0, 1, 2}, {3, 4, 5}}));
  CHECK(equal(stored<3, 2>("transposed"), F<3, 2>{{0, 3}, {1, 4}, {2, 5}}));
  CHECK(equal(stored<4>("column"), F<4>{2, 7, 12, 17}));
  CHECK(equal(stored<5>("row"), F<5>{10, 11, 12, 13, 14}));
  CHECK(equal(stored<2, 3>("repeated"), F<2, 3>{{4, 5, 6}, {4, 5, 6}}));
  for (const char* name : {"half", "bfloat16", "double"}) CHECK(equal(stored<3>(name), F<3>{0, 1, 2}));
  CHECK(equal(io::tensor<bool, 3>(file("state.pt"), "bools"), Tensor<bool, 3>{true, false, true}));
  CHECK(io::tensor<std::int64_t>(file("state.pt"), "num_batches_tracked").item() == 7);
  CHECK(stored<upto<3, 'N'>, 4>("empty").length<'N'>() == 0);
  CHECK(has(message([] { stored<2, 3>("weights"); }), "found missing; the nearest name is \"weight\""));
}

TEST_CASE("a model loads from a checkpoint of nested dictionaries, whose other values are left out") {
  struct Net {
    nn::Linear<3, 2> fc;
  };
  const auto net = load<Net>(file("nested.pt"), {.prefix = "state_dict."});
  CHECK(net->fc.weight(1, 2) == 5);
  CHECK(net->fc.bias(1) == 1);
  CHECK(equal(stored<2, 3>("optimizer.state.0.exp_avg", "nested.pt"), F<2, 3>{{0, 1, 2}, {3, 4, 5}}));
  CHECK(has(message([] { load<Net>(file("nested.pt")); }), "state_dict."));
}

TEST_CASE("a file of torch.save, of every kind of value that it holds") {
  using Net = nn::Sequential<nn::Linear<3, 2>, nn::BatchNorm1d<2>>;
  const auto net = load<Net>(file("torch.pt"), {.prefix = "model."});  // made by make_torch_archive.py
  CHECK(equal(net->layers.get<0>().weight, F<2, 3>{{0, 1, 2}, {3, 4, 5}}));
  CHECK(equal(stored<3, 2>("transposed", "torch.pt"), F<3, 2>{{0, 3}, {1, 4}, {2, 5}}));
  for (const char* name : {"bfloat16", "float8", "uint16"}) CHECK(equal(stored<3>(name, "torch.pt"), F<3>{0, 1, 2}));
}

TEST_CASE("what would have to be executed is refused by name, and so are values that contain themselves") {
  const Error e = support::thrown([] { stored<3>("weight", "executes.pt"); });
  CHECK(e.code() == ErrorCode::unsupported);
  CHECK(has(e.what(), "found \"__builtin__.print\", which would have to be executed"));
  CHECK(e.remedy() == "torch.save(model.state_dict(), path)");
  CHECK(has(message([] { stored<3>("weight", "knot.pt"); }), "expected a tree of dictionaries and lists"));
  const support::TemporaryFile old("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.");
  CHECK(has(message([&] { io::tensor<float, 3>(old.path(), "weight"); }), "a file of PyTorch before 1.6"));
}

TEST_CASE("NumPy's archives: every array by its name, in any order of bytes and axes") {
  for (const char* name : {"float", "fortran", "big"})
    CHECK(equal(stored<2, 3>(name, "arrays.npz"), F<2, 3>{{0, 1, 2}, {3, 4, 5}}));
  CHECK(io::tensor<int>(file("arrays.npz"), "scalar").item() == 5);
  CHECK(stored<upto<3, 'N'>, 2>("empty", "arrays.npz").length<'N'>() == 0);
  const auto net = load<nn::Linear<3, 2>>(file("linear.npz"));
  CHECK(net->weight(1, 2) == 5);
  CHECK(net->bias(1) == 1);
  CHECK(has(message([] { stored<2, 3>("x", "compressed.npz"); }), "found a compressed one"));
}

TEST_CASE("write_npz writes what is read back") {
  const support::TemporaryFile to("");
  const F<2, 3> x{{0, 1, 2}, {3, 4, 5}};
  Tensor<std::int64_t, upto<4, 'N'>> n;
  n.fill(7);
  n.set_length<'N'>(2);
  io::write_npz(to.path(), std::pair{"x", x}, std::pair{"doubled", x * 2.f}, std::pair{"n", n});
  CHECK(equal(io::tensor<float, 2, 3>(to.path(), "x"), x));
  CHECK(equal(io::tensor<float, 2, 3>(to.path(), "doubled"), F<2, 3>(x * 2.f)));
  CHECK(io::tensor<std::int64_t, upto<4, 'N'>>(to.path(), "n").length<'N'>() == 2);
  io::write_npz(to.path());
  CHECK(io::read_tensor_file(to.path()).tensors.empty());
}

/// The same archive with the checksums of its members as they are.
std::vector<unsigned char> with_checksums(std::vector<unsigned char> bytes) {
  const auto number = [&](std::size_t at, int n) {
    std::size_t r = 0;
    for (int i = n; i-- > 0;) r = r << 8 | bytes[at + std::size_t(i)];
    return r;
  };
  for (std::size_t at = 0; at + 46 < bytes.size(); ++at) {
    if (number(at, 4) != 0x02014b50) continue;
    const std::size_t local = number(at + 42, 4), size = number(at + 24, 4);
    if (local + 30 > bytes.size()) continue;
    const std::size_t begin = local + 30 + number(local + 26, 2) + number(local + 28, 2);
    if (begin > bytes.size() || size > bytes.size() - begin) continue;
    const std::uint32_t crc = io::zip_detail::crc32(bytes.data() + begin, size);
    std::memcpy(bytes.data() + at + 16, &crc, 4);
  }
  return bytes;
}

TEST_CASE("damaged archives are errors, wherever a byte is another") {
  for (const char* name : {"state.pt", "nested.pt", "knot.pt", "arrays.npz"}) {
    const std::vector<unsigned char> whole = data::read_file(file(name));
    int refused = 0, read = 0;
    const auto attempt = [&](std::vector<unsigned char> bytes) {
      const std::size_t size = bytes.size();
      try {
        const io::TensorFile f = io::read_archive(std::move(bytes), "damaged");
        for (const io::TensorEntry& t : f.tensors) REQUIRE((t.begin <= t.end && t.end <= f.bytes.size()));
        REQUIRE(f.bytes.size() <= 5 * size + 4096);
        ++read;
      } catch (const Error&) {
        ++refused;
      }
    };
    for (std::size_t n = 0; n < whole.size(); n += 3) attempt({whole.begin(), whole.begin() + std::ptrdiff_t(n)});
    CHECK(read == 0);
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (const int other : {0, 0x28, 0x52, 0xff}) {
        std::vector<unsigned char> bytes = whole;
        bytes[at] = static_cast<unsigned char>(other);
        attempt(bytes);
        attempt(with_checksums(std::move(bytes)));
      }
    CHECK(refused > int(whole.size()));
  }
}

}  // namespace archives
