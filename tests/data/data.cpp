// data/: files, data sets and loaders. Damaged files are errors that say what was expected, what was found, and where.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <filesystem>

#include "../support/files.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using support::TemporaryFile;

namespace {

/// An IDX file of unsigned bytes with these extents and as many bytes as `data` says.
std::string idx(std::initializer_list<unsigned> extents, std::size_t data, unsigned char type = 8) {
  std::string s{'\0', '\0', char(type), char(extents.size())};
  for (const unsigned e : extents)
    for (int shift = 24; shift >= 0; shift -= 8) s += char(e >> shift & 255);
  for (std::size_t i = 0; i < data; ++i) s += char(i);
  return s;
}
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
}

TEST_CASE("damaged IDX files") {
  const auto check = [](const std::string& content, ErrorCode code, const std::string& text) {
    const TemporaryFile f(content);
    check_error(f, code, text, [&] { data::read_idx(f.path()); });
  };
  check("", ErrorCode::format, ", magic number: expected 4 bytes, found 0");
  check("abcd", ErrorCode::format, ", magic number: expected two zero bytes, found 97 98");
  check(idx({2, 2}, 4, 13), ErrorCode::mismatch, ", element type: expected 8 (unsigned byte), found 13");
  check(idx({2, 2}, 4).substr(0, 9), ErrorCode::format, ", header: expected 12 bytes for rank 2, found 9");
  check(idx({2, 2}, 3), ErrorCode::format, ", extent 1: expected at most 1");
  check(idx({2, 2}, 5), ErrorCode::format, ", data: expected 4 bytes, found 5");
  check(idx({0xffffffff, 0xffffffff, 0xffffffff}, 8), ErrorCode::format, ", extent 0: expected at most 8");
  const Error e = support::thrown([] { data::read_idx("no/such/file"); });
  CHECK(e.code() == ErrorCode::file);
  CHECK(std::string(e.what()).find("no/such/file: cannot be opened") == 0);
}

TEST_CASE("CSV files: numbers, comments, headers, line ends of either kind") {
  const TemporaryFile f("# a comment\n1, 2.5,-3e2\r\n\n4,5,6");
  const data::Table t = data::read_csv(f.path());
  CHECK(t.rows == 2);
  CHECK(t.columns == 3);
  CHECK(t(0, 2) == -300);
  CHECK(t(1, 2) == 6);
  const TemporaryFile named("x;y\n1;2\n");
  CHECK(data::read_csv(named.path(), {.delimiter = ';', .header = true})(0, 1) == 2);
  const TemporaryFile spaced("1 +2 1e-50\n");
  CHECK(data::read_csv(spaced.path(), {.delimiter = ' '})(0, 1) == 2);
}

TEST_CASE("damaged CSV files") {
  const auto check = [](const std::string& content, const std::string& text) {
    const TemporaryFile f(content);
    check_error(f, ErrorCode::format, text, [&] { data::read_csv(f.path()); });
  };
  check("1,2\n3,x\n", ", line 2, field 2: expected a number, found \"x\"");
  check("1,2\n3\n", ", line 2: expected 2 fields as in the lines before, found 1");
  check("1,,2\n", ", line 1, field 2: expected a number, found \"\"");
  check("1,2 3\n", ", line 1, field 2: expected a number");
  check(std::string("1,\0\n", 4), ", line 1, field 2: expected a number");
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
  check_error(few, ErrorCode::format, ": expected 64 pixels and a digit on each line, found 3 fields", [&] { data::digits(few.path()); });
  std::string row;
  for (int i = 0; i < 64; ++i) row += "0,";
  const TemporaryFile label(row + "10\n"), pixel("17," + row.substr(2) + "3\n"), none("# nothing\n");
  check_error(label, ErrorCode::format, ", sample 1, digit: expected a whole number 0 … 9, found 10", [&] { data::digits(label.path()); });
  check_error(pixel, ErrorCode::format, ", sample 1, pixel 1: expected 0 … 16, found 17", [&] { data::digits(pixel.path()); });
  check_error(none, ErrorCode::format, ": expected at least one line, found none", [&] { data::digits(none.path()); });
}

TEST_CASE("a stratified split holds out the same share of every class, and loses nobody") {
  data::Labelled<1> all;
  for (int i = 0; i < 100; ++i) {
    const auto x = float(i);
    all.add(&x, i < 70 ? 0 : i < 95 ? 1 : 7);
  }
  const auto [train, test] = data::stratified_split(all, 0.2, Seed{1});
  std::array<int, 8> count{};
  std::vector<int> seen(100, 0);
  for (std::size_t i = 0; i < test.size(); ++i) ++count[std::size_t(test.label(i))], ++seen[std::size_t(test.features(i)[0])];
  for (std::size_t i = 0; i < train.size(); ++i) ++seen[std::size_t(train.features(i)[0])];
  CHECK(count == std::array<int, 8>{14, 5, 0, 0, 0, 0, 0, 1});
  CHECK(seen == std::vector<int>(100, 1));
  CHECK_THROWS_AS(data::stratified_split(all, 1.5, Seed{1}), Error);
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

TEST_CASE("a loader gives every sample once an epoch, the last batch smaller") {
  data::Labelled<2> set;
  for (int i = 0; i < 11; ++i) {
    const float x[]{float(i), -float(i)};
    set.add(x, i);
  }
  auto batches = data::loader<4>(set, {.shuffle = true, .seed = Seed{3}});
  CHECK(batches.batches() == 3);
  std::vector<std::vector<int>> orders;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<int> order;
    std::vector<std::int64_t> sizes;
    for (auto [x, label] : batches) {
      sizes.push_back(label.length<'B'>());
      CHECK(x.length<'B'>() == label.length<'B'>());
      for (std::int64_t i = 0; i < label.length<'B'>(); ++i) {
        CHECK(x(i, 1) == -float(label(i)));
        order.push_back(label(i));
      }
    }
    CHECK(sizes == std::vector<std::int64_t>{4, 4, 3});
    orders.push_back(order);
    std::sort(order.begin(), order.end());
    for (int i = 0; i < 11; ++i) CHECK(order[std::size_t(i)] == i);
  }
  CHECK(orders[0] != orders[1]);  // another order every epoch
  auto again = data::loader<4>(set, {.shuffle = true, .seed = Seed{3}});
  std::vector<int> first;
  for (auto [x, label] : again)
    for (std::int64_t i = 0; i < label.length<'B'>(); ++i) first.push_back(label(i));
  CHECK(first == orders[0]);  // and the same ones for the same seed
  const data::Labelled<2> nothing;
  auto none = data::loader<4>(nothing);
  int batch_count = 0;
  for (auto b : none) batch_count += int(b.target.size());
  CHECK(batch_count == 0);
}

TEST_CASE("MNIST, where it is") {
  const char* folder = std::getenv("SINTER_DATA");
  const std::string path = std::string(folder != nullptr ? folder : SINTER_SOURCE "/../shared/data") + "/mnist/t10k-labels-idx1-ubyte.gz";
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped 1: no file " << path);
    return;
  }
  const TemporaryFile f;
  REQUIRE(std::system(("gzip -dc '" + path + "' > '" + f.path() + "'").c_str()) == 0);
  const data::ByteArray labels = data::read_idx(f.path());
  CHECK(labels.extents == std::vector<std::size_t>{10000});
  CHECK(labels.bytes[0] == 7);  // the first test image is a seven
  CHECK(std::count(labels.bytes.begin(), labels.bytes.end(), 1) == 1135);
}
