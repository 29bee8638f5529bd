// io/npy.hpp: arrays that NumPy has written, and ours as NumPy reads them.
#include <doctest/doctest.h>
#include <sinter/io/npy.hpp>
#include <sinter/sinter.hpp>

#include <fstream>
#include <sstream>

#include "../support/files.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using support::TemporaryFile;

namespace {

std::string numpy_file(const std::string& name) { return SINTER_TESTS "/reference/npy/" + name + ".npy"; }
std::string bytes_of_file(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}
/// A file of format 1 with this header and these bytes.
std::string file_of(const std::string& header, const std::string& data = {}) {
  std::string all("\x93NUMPY\x01\x00", 8);
  all += char(header.size() & 255);
  all += char(header.size() >> 8);
  return all + header + data;
}
template <class T> bool is_counted(const T& x) {
  for (int i = 0; i < 6; ++i)
    if (double(x.data()[i]) != i) return false;
  return true;
}

}  // namespace

TEST_CASE("arrays of NumPy are tensors: any byte order, order of axes, version, and type that converts") {
  CHECK(is_counted(io::read_npy<float, 2, 3>(numpy_file("float"))));
  CHECK(is_counted(io::read_npy<double, 2, 3>(numpy_file("float"))));
  CHECK(is_counted(io::read_npy<double, 2, 3>(numpy_file("fortran"))));
  CHECK(is_counted(io::read_npy<int, 2, 3>(numpy_file("fortran"))));
  CHECK(is_counted(io::read_npy<int, 2, 3>(numpy_file("big_endian"))));
  CHECK(is_counted(io::read_npy<float, 2, 3>(numpy_file("half"))));
  CHECK(is_counted(io::read_npy<std::int8_t, 2, 3>(numpy_file("version_2"))));
  CHECK(io::read_npy<float>(numpy_file("scalar")).item() == 3.5f);
  CHECK(equal(io::read_npy<bool, 3>(numpy_file("bools")), Tensor<bool, 3>{true, false, true}));
  const auto bounded = io::read_npy<float, upto<5, 'B'>, 3>(numpy_file("fortran"));
  CHECK(bounded.length<'B'>() == 2);
  CHECK(is_counted(bounded));
  const auto wider = io::read_npy<float, 2, upto<4, 'N'>>(numpy_file("fortran"));
  CHECK(wider.length<'N'>() == 3);
  CHECK(wider(1, 0) == 3);
  CHECK(wider(1, 2) == 5);
  CHECK(io::read_npy<float, upto<5, 'B'>, 3>(numpy_file("empty")).length<'B'>() == 0);
}

TEST_CASE("what is written is what NumPy writes") {
  Tensor<float, 2, 3> x{{0, 1, 2}, {3, 4, 5}};
  const auto written = [](const auto& value) {
    const TemporaryFile f("");
    io::write_npy(f.path(), value);
    return bytes_of_file(f.path());
  };
  CHECK(written(x) == bytes_of_file(numpy_file("float")));
  CHECK(written(x + 0.f) == bytes_of_file(numpy_file("float")));
  CHECK(written(Tensor<float>(3.5f)) == bytes_of_file(numpy_file("scalar")));
  CHECK(written(Tensor<bool, 3>{true, false, true}) == bytes_of_file(numpy_file("bools")));
  Tensor<float, upto<4, 'B'>, 3> bounded;
  std::copy(x.begin(), x.end(), bounded.begin());
  bounded.set_length<'B'>(2);
  CHECK(written(bounded) == bytes_of_file(numpy_file("float")));
  bounded.set_length<'B'>(0);
  CHECK(written(bounded) == bytes_of_file(numpy_file("empty")));
  CHECK(support::thrown([&] { written(Tensor<bfloat16, 2>{}); }).code() == ErrorCode::unsupported);
}

TEST_CASE("arrays that do not fit, and damaged files") {
  const auto code = [](const std::string& name, auto read) {
    return support::thrown([&] { read(numpy_file(name)); }).code();
  };
  const auto mismatch = ErrorCode::mismatch;
  CHECK(code("float", [](const std::string& p) { io::read_npy<float, 3, 2>(p); }) == mismatch);
  CHECK(code("float", [](const std::string& p) { io::read_npy<float, 6>(p); }) == mismatch);
  CHECK(code("float", [](const std::string& p) { io::read_npy<float, upto<1, 'B'>, 3>(p); }) == mismatch);
  CHECK(code("fractions", [](const std::string& p) { io::read_npy<int, 2>(p); }) == mismatch);
  CHECK(code("complex", [](const std::string& p) { io::read_npy<float, 2>(p); }) == mismatch);
  CHECK(code("records", [](const std::string& p) { io::read_npy<float, 2>(p); }) == ErrorCode::format);
  CHECK(code("none", [](const std::string& p) { io::read_npy<float, 2>(p); }) == ErrorCode::file);
  const std::string sound = bytes_of_file(numpy_file("float"));
  for (std::size_t n = 0; n < sound.size(); ++n) {
    const TemporaryFile f(sound.substr(0, n));
    CHECK(support::thrown([&] { io::read_npy<float, 2, 3>(f.path()); }).code() == ErrorCode::format);
  }
  for (const char* const header :
       {"", "[]", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 3}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}"}) {
    CAPTURE(header);
    const TemporaryFile f(file_of(header, "1234"));
    CHECK(support::thrown([&] { io::read_npy<float, 1>(f.path()); }).code() == ErrorCode::format);
  }
  const TemporaryFile odd(file_of("{'descr': '', 'fortran_order': False, 'shape': (1,)}", "1234"));
  CHECK(support::thrown([&] { io::read_npy<float, 1>(odd.path()); }).code() == mismatch);
}
