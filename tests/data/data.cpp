// data/: files and data sets from them. Damaged files are errors that say what was expected, what was found, and where.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/files.hpp"
#include "../support/idx.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using support::idx;
using support::TemporaryFile;

namespace {

void check_error(const TemporaryFile& f, ErrorCode code, const std::string& text, auto&& read) {
  const Error e = support::thrown(read);
  CHECK(e.code() == code);
  CHECK(std::string(e.what()).find(f.path() + text) == 0);
}

}  // namespace

TEST_CASE("IDX files: extents and bytes") {
  const TemporaryFile f(idx({2, 3, 4}, 24));
  const data::ByteArray a = data::read_idx(f.path());
  CHECK(a.extents == std::vector<std::size_t>{2, 3, 4});
  CHECK(a.bytes.size() == 24);
  CHECK(a.bytes[23] == 23);
  const TemporaryFile none(idx({0, 28, 28}, 0)), last(idx({0xffffffff, 0xffffffff, 0}, 0)), number(idx({}, 1));
  CHECK(data::read_idx(none.path()).bytes.empty());
  CHECK(data::read_idx(last.path()).extents[1] == 0xffffffff);
  CHECK(data::read_idx(number.path()).bytes.size() == 1);
}

TEST_CASE("IDX files are in memory once") {
  std::string content = idx({100, 100'000}, 0);
  content.resize(content.size() + 10'000'000, 'x');
  const TemporaryFile f(content);
  const data::ByteArray a = data::read_idx(f.path());
  CHECK(a.bytes.size() == 10'000'000);
  CHECK(a.bytes.capacity() == 10'000'000);
  data::MemoryFile in_memory(content, "memory");
  CHECK(data::read_idx_from(in_memory).bytes == a.bytes);
}

TEST_CASE("damaged IDX files") {
  const auto check = [](const std::string& content, ErrorCode code, const std::string& text) {
    const TemporaryFile f(content);
    check_error(f, code, text, [&] { data::read_idx(f.path()); });
  };
  check("", ErrorCode::format, ", magic number: expected 4 bytes, found 0");
  check("abcd", ErrorCode::format, ", magic number: expected two zero bytes, found 97 98");
  check(idx({2, 2}, 4, 13), ErrorCode::mismatch,
        ", element type: expected 8 (unsigned byte), found 13 (float32); only IDX files of unsigned bytes are read");
  check(idx({2, 2}, 4).substr(0, 9), ErrorCode::format, ", header: expected 12 bytes for rank 2, found 9");
  check(idx({2, 2}, 3), ErrorCode::format, ", extent 1: expected at most 1");
  check(idx({2, 2}, 5), ErrorCode::format, ", data: expected 4 bytes, found 5");
  check(idx({0xffffffff, 0xffffffff, 0xffffffff}, 8), ErrorCode::format, ", extent 0: expected at most 8");
  const Error e = support::thrown([] { data::read_idx("no/such/file"); });
  CHECK(e.code() == ErrorCode::file);
  CHECK(std::string(e.what()).find("no/such/file: cannot be opened") == 0);
}

TEST_CASE("samples from columns: labels, or numbers to predict") {
  const TemporaryFile f("width,class,height,area\n1,0,2,2\n3,1,4,12\n");
  const data::Table t = data::read_csv(f.path(), {.header = true});
  const auto labelled = data::labelled<2>(t, {t.column("height"), t.column("width")}, t.column("class"));
  REQUIRE(labelled.size() == 2);
  CHECK(labelled.features(1)[0] == 4);
  CHECK(labelled.features(1)[1] == 3);
  CHECK(labelled.label(1) == 1);
  const auto numbers = data::regression<3>(t);
  CHECK(numbers.features(1)[2] == 4);
  CHECK(numbers.target(1)[0] == 12);
  CHECK(data::regression<1, 2>(t, {3}, {0, 2}).target(0)[1] == 2);
  check_error(f, ErrorCode::argument, ", features: expected columns below 4, found 4",
              [&] { data::labelled<1>(t, {4}, 1); });
  check_error(f, ErrorCode::argument, ", label: expected columns below 4, found 4", [&] { data::labelled<4>(t); });
  const TemporaryFile odd("0,1\n0,1.5\n");
  check_error(odd, ErrorCode::format, ", row 2, column 2: expected a label, a whole number 0, 1, …, found 1.5",
              [&] { data::labelled<1>(data::read_csv(odd.path())); });
}

TEST_CASE("the bundled digits: 1,797 scans of 64 pixels, every class about as often") {
  const auto d = data::digits(SINTER_SOURCE "/data/digits.csv");
  REQUIRE(d.size() == 1797);
  std::array<int, 10> count{};
  double sum = 0;
  for (std::size_t i = 0; i < d.size(); ++i) {
    ++count[std::size_t(d.label(i))];
    for (int k = 0; k < 64; ++k) sum += d.features(i)[k];
  }
  CHECK(count == std::array<int, 10>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180});
  CHECK(sum * 16 == 561718);  // of all pixels, as in scikit-learn's copy
  CHECK(d.label(0) == 0);
  CHECK(d.features(0)[2] == 5.f / 16);
}

TEST_CASE("damaged digits") {
  const TemporaryFile few("1,2,3\n");
  check_error(few, ErrorCode::format, ": expected 64 pixels and a digit on each line, found 3 fields",
              [&] { data::digits(few.path()); });
  std::string row;
  for (int i = 0; i < 64; ++i) row += "0,";
  const TemporaryFile label(row + "10\n"), pixel("17," + row.substr(2) + "3\n"), none("# nothing\n");
  check_error(label, ErrorCode::format, ", sample 1, digit: expected a whole number 0 … 9, found 10",
              [&] { data::digits(label.path()); });
  check_error(pixel, ErrorCode::format, ", sample 1, pixel 1: expected 0 … 16, found 17",
              [&] { data::digits(pixel.path()); });
  check_error(none, ErrorCode::format, ": expected at least one line, found none", [&] { data::digits(none.path()); });
}

TEST_CASE("shifted copies move every pixel, and let zeros in") {
  data::Labelled<6> images;
  const float image[]{1, 2, 3, 4, 5, 6};
  images.add(image, 3);
  const auto all = data::with_shifted_copies<2, 3>(images);
  REQUIRE(all.size() == 5);
  const auto pixels = [&](std::size_t i) { return std::vector<float>(all.features(i), all.features(i) + 6); };
  CHECK(pixels(0) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(pixels(1) == std::vector<float>{0, 0, 0, 1, 2, 3});
  CHECK(pixels(2) == std::vector<float>{4, 5, 6, 0, 0, 0});
  CHECK(pixels(3) == std::vector<float>{0, 1, 2, 0, 4, 5});
  CHECK(pixels(4) == std::vector<float>{2, 3, 0, 5, 6, 0});
  CHECK(all.label(4) == 3);
}
