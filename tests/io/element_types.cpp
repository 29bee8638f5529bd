// io/: numbers of one type in a file, of another in the model. Expected values are in reference/stored.txt, written by
// PyTorch.
#include <doctest/doctest.h>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include "../support/files.hpp"
#include "../support/reference_values.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace stored {  // names of members are found in types that have linkage

/// As in reference/stored.safetensors.
template <class T> struct Tensors {
  Buffer<T, 4> BOOL;
  Buffer<T, 16> F64, F32, F16, BF16;
  Buffer<T, 7> I64, I32, I16, U64, U32, U16;
  Buffer<T, 256> U8, I8, F8_E4M3, F8_E5M2, F8_E4M3FNUZ, F8_E5M2FNUZ, F8_E8M0;
};
template <class T, int N> struct One { Buffer<T, N> x; };
struct Unsigned {
  Buffer<std::int16_t, 2> i16;
  Buffer<std::uint16_t, 2> u16;
  Buffer<std::uint32_t, 2> u32;
  Buffer<std::uint64_t, 2> u64;
};

}  // namespace stored

namespace {

const char* const file = SINTER_TESTS "/reference/stored.safetensors";

std::string one(const std::string& dtype, int n, const std::string& data) {
  const std::string header = "{\"x\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + std::to_string(n) +
                             "],\"data_offsets\":[0," + std::to_string(data.size()) + "]}}";
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}
template <class From> std::string bytes(std::initializer_list<From> numbers) {
  return {reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(From)};
}

template <class To, int N> std::vector<To> loaded(const std::string& content) {
  const support::TemporaryFile f(content);
  const Model<stored::One<To, N>> m = load<stored::One<To, N>>(f.path());
  return std::vector<To>(m->x.memory(), m->x.memory() + N);
}
template <class To, int N> void check_refused(const std::string& content, const std::string& text) {
  const support::TemporaryFile f(content);
  Model<stored::One<To, N>> m;
  std::fill_n(m->x.data(), N, To(1));
  const Error e = support::thrown([&] { load(m, f.path()); });
  CHECK(e.code() == ErrorCode::mismatch);
  CHECK_MESSAGE(std::string(e.what()).find(f.path() + ", tensor \"x\", " + text) == 0, e.what());
  for (int i = 0; i < N; ++i) CHECK(m->x(i) == To(1));
}

}  // namespace

TEST_CASE("every element type of the format loads into float32 as PyTorch's load_state_dict has it") {
  const Model<stored::Tensors<float>> m = load<stored::Tensors<float>>(file);
  int types = 0;
  m.for_each_tensor([&](const std::string& name, const auto& p) {
    CAPTURE(name);
    const auto& expected = support::reference_value("stored." + name).elements;
    REQUIRE(expected.size() == std::size_t(p.size()));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      const auto e = float(expected[i]);
      CHECK(((std::isnan(e) && std::isnan(p.memory()[i])) ||
             std::bit_cast<std::uint32_t>(p.memory()[i]) == std::bit_cast<std::uint32_t>(e)));
    }
    ++types;
  });
  CHECK(types == 18);
}

TEST_CASE("16-bit and double models take every element type too, rounded once") {
  const Model<stored::Tensors<double>> doubles = load<stored::Tensors<double>>(file);
  CHECK(doubles->F64(11) == 1e300);
  CHECK(doubles->I64(6) == 0x1p63);
  CHECK(doubles->I32(4) == 16777217);
  const Model<stored::Tensors<bfloat16>> halves = load<stored::Tensors<bfloat16>>(file);
  CHECK(float(halves->F32(3)) == -1.5f);
  CHECK(float(halves->F16(4)) == 3.140625f);
  CHECK(float(halves->U8(255)) == 255);
  CHECK(std::isinf(float(halves->F8_E5M2(124))));
}

TEST_CASE("integers and bool take the numbers that they hold, of whatever type, and no others") {
  CHECK(loaded<std::int64_t, 2>(one("I32", 2, bytes<std::int32_t>({-7, 2147483647}))) ==
        std::vector<std::int64_t>{-7, 2147483647});
  CHECK(loaded<std::int64_t, 1>(one("F32", 1, bytes<float>({17}))) == std::vector<std::int64_t>{17});
  CHECK(loaded<std::int32_t, 2>(one("I64", 2, bytes<std::int64_t>({-2147483648, 2147483647}))) ==
        std::vector<std::int32_t>{-2147483647 - 1, 2147483647});
  CHECK(loaded<std::int8_t, 2>(one("F64", 2, bytes<double>({-128, 127}))) == std::vector<std::int8_t>{-128, 127});
  CHECK(loaded<std::uint8_t, 1>(one("BF16", 1, bytes<std::uint16_t>({bfloat16(200).bits}))) ==
        std::vector<std::uint8_t>{200});
  CHECK(loaded<std::int32_t, 2>(one("BOOL", 2, std::string("\0\1", 2))) == std::vector<std::int32_t>{0, 1});
  CHECK(loaded<bool, 3>(one("I64", 3, bytes<std::int64_t>({1, 0, 1}))) == std::vector<bool>{true, false, true});
  CHECK(loaded<bool, 2>(one("F8_E4M3", 2, std::string("\x38\0", 2))) == std::vector<bool>{true, false});
  check_refused<std::int32_t, 2>(
      one("I64", 2, bytes<std::int64_t>({1, 2147483648})),
      "element 1: expected a number that I32 holds, found another as I64; save it with the dtype of the model");
  check_refused<std::int64_t, 1>(one("U64", 1, bytes<std::uint64_t>({std::uint64_t(1) << 63})),
                                 "element 0: expected a number that I64 holds");
  check_refused<std::int64_t, 1>(one("F64", 1, bytes<double>({0x1p63})), "element 0: expected a number that I64 holds");
  check_refused<std::int32_t, 2>(one("F32", 2, bytes<float>({2, 2.5f})), "element 1: expected a number that I32 holds");
  check_refused<std::uint8_t, 1>(one("F16", 1, bytes<std::uint16_t>({float16(std::nanf("")).bits})),
                                 "element 0: expected a number that U8 holds");
  check_refused<std::uint8_t, 1>(one("I8", 1, bytes<std::int8_t>({-1})), "element 0: expected a number that U8 holds");
  check_refused<bool, 1>(one("U8", 1, "\2"), "element 0: expected a number that BOOL holds, found another as U8");
  check_refused<bool, 2>(one("BOOL", 2, "\1\2"), "element 1: expected 0 or 1 as BOOL, found another byte");
  check_refused<float, 1>(one("BOOL", 1, "\xff"), "element 0: expected 0 or 1 as BOOL, found another byte");
  check_refused<float, 1>(one("C64", 1, std::string(8, '\0')),
                          "dtype: expected F32 or a type that converts to it, found C64");
}

TEST_CASE("integers of every type are saved under their own names and read back whole") {
  const support::TemporaryFile f("");
  Model<stored::Unsigned> m;
  const auto ends = [](const auto& b) {
    using T = typename std::remove_cvref_t<decltype(b)>::element;
    b(0) = std::numeric_limits<T>::min();
    b(1) = std::numeric_limits<T>::max();
  };
  ends(m->i16), ends(m->u16), ends(m->u32), ends(m->u64);
  save(m, f.path());
  const io::TensorFile file = io::read_safetensors(f.path());
  for (const auto& [name, dtype] : {std::pair{"i16", "I16"}, {"u16", "U16"}, {"u32", "U32"}, {"u64", "U64"}})
    CHECK(file.find(name)->dtype == dtype);
  const Model<stored::Unsigned> n = load<stored::Unsigned>(f.path());
  CHECK((n->i16(0) == -32768 && n->i16(1) == 32767 && n->u16(0) == 0 && n->u16(1) == 65535));
  CHECK((n->u32(1) == 4294967295u && n->u64(0) == 0 && n->u64(1) == 18446744073709551615u));
  check_refused<std::uint32_t, 1>(one("I64", 1, bytes<std::int64_t>({-1})), "element 0: expected a number that U32");
  check_refused<std::uint64_t, 1>(one("F64", 1, bytes<double>({0x1p64})), "element 0: expected a number that U64");
  check_refused<std::int16_t, 1>(one("U16", 1, bytes<std::uint16_t>({40000})), "element 0: expected a number that I16");
}
