// data/gzip.hpp and data/mnist.hpp: compressed files, valid and damaged.
#include <doctest/doctest.h>
#include <sinter/data/mnist.hpp>
#include <sinter/sinter.hpp>

#include "../support/files.hpp"
#include "../support/idx.hpp"
#include "../support/real_data.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using support::idx;
using support::TemporaryFile;
using support::TemporaryFolder;

namespace {

/// One gzip member, compressed by zlib.
std::string packed(const std::string& content) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, uLong(content.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = uInt(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}
std::string text(const std::vector<unsigned char>& bytes) { return {bytes.begin(), bytes.end()}; }

/// Bytes that do not compress.
std::string noise(std::size_t n) {
  std::string s(n, '\0');
  for (std::size_t i = 0; i < n; ++i) s[i] = char(Philox(Seed{1}).bits(i));
  return s;
}
/// Reading this content is an error of this kind, and begins with the file's name and this text.
void check_error(const std::string& content, const std::string& expected, std::size_t most_bytes = 1000) {
  const TemporaryFile f(content);
  const Error e = support::thrown([&] { data::read_gzip(f.path(), most_bytes); });
  CHECK(e.code() == ErrorCode::format);
  CHECK_MESSAGE(std::string(e.what()).find(f.path() + expected) == 0, e.what());
}

/// The four files of three images and two.
struct Folder : TemporaryFolder {
  explicit Folder(bool compressed) {
    const auto put = [&](const std::string& name, const std::string& content) {
      compressed ? write(name + ".gz", packed(content)) : write(name, content);
    };
    put("train-images-idx3-ubyte", idx({3, 28, 28}, 3 * 784));
    put("train-labels-idx1-ubyte", idx({3}, 3));
    put("t10k-images-idx3-ubyte", idx({2, 28, 28}, 2 * 784));
    put("t10k-labels-idx1-ubyte", idx({2}, 2));
  }
  std::string error() const { return support::thrown([&] { data::mnist(path(), data::Part::train); }).what(); }
};
bool begins(const std::string& s, const std::string& with) { return s.find(with) == 0; }

}  // namespace

TEST_CASE("gzip files: one member or several, small or larger than the blocks in which they are read") {
  const std::string small = "grains, fused without melting",
                    large = noise(300'000) + std::string(500'000, 'x') + noise(1000);
  const auto read = [](const std::string& content) {
    const TemporaryFile f(content);
    return text(data::read_gzip(f.path(), 10'000'000));
  };
  CHECK(read(packed(small)) == small);
  CHECK(read(packed("")).empty());
  CHECK(read(packed(large)) == large);
  CHECK(read(packed(small) + packed("") + packed(large) + packed(small)) == small + large + small);
}

TEST_CASE("gzip files are read as Python reads them") {
  const auto bytes = [](const std::string& hexadecimal) {
    std::string s;
    for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
      s += char(std::stoi(hexadecimal.substr(i, 2), nullptr, 16));
    return s;
  };
  std::ifstream cases(SINTER_TESTS "/reference/gzip.txt");
  int count = 0;
  for (std::string line; std::getline(cases, line); ++count) {
    const std::size_t first = line.find('\t'), second = line.rfind('\t');
    CAPTURE(line.substr(0, first));
    const TemporaryFile f(bytes(line.substr(first + 1, second - first - 1)));
    if (line.substr(second + 1) == "error")
      CHECK(support::thrown([&] { data::read_gzip(f.path(), 1000); }).code() == ErrorCode::format);
    else
      CHECK(text(data::read_gzip(f.path(), 1000)) == bytes(line.substr(second + 2)));
  }
  CHECK(count > 20);
  const TemporaryFile padded(packed("abc") + std::string(200'000, '\0') + packed("def") + std::string(65'536, '\0'));
  CHECK(text(data::read_gzip(padded.path(), 1000)) == "abcdef");
}

TEST_CASE("tables and arrays may be compressed") {
  const TemporaryFile table(packed("a,b\n1,2\n3,4\n")), array(packed(idx({2, 3}, 6)));
  data::UnpackedFile csv(table.path()), bytes(array.path());
  CHECK(data::read_csv_from(csv, {.header = true})(1, 1) == 4);
  CHECK(data::read_idx_from(bytes).bytes[5] == 5);
  const TemporaryFile damaged(packed(idx({2, 3}, 6)).substr(0, 20) + "x");
  data::UnpackedFile cut(damaged.path());
  CHECK(support::thrown([&] { data::read_idx_from(cut); }).code() == ErrorCode::format);
  std::string wrong = packed(idx({2, 3}, 6));
  wrong[wrong.size() - 5] ^= 1;  // the checksum comes after the last byte of data
  const TemporaryFile changed(wrong);
  data::UnpackedFile file(changed.path());
  CHECK(support::thrown([&] { data::read_idx_from(file); }).code() == ErrorCode::format);
}

TEST_CASE("gzip files that end too early, at whatever byte") {
  const std::string content = packed("grains, fused without melting"), two = content + content;
  for (std::size_t n = 0; n < two.size(); ++n) {
    CAPTURE(n);
    if (n == content.size()) continue;  // one member, whole
    check_error(two.substr(0, n),
                n < 2 ? ", first bytes: expected 31 139, as of every gzip file, found the end of the file"
                      : ", byte " + std::to_string(n) +
                            " of the compressed data: expected more of it, found the end of the file");
  }
  const std::string large = packed(noise(300'000));
  for (const std::size_t n : {std::size_t(65535), std::size_t(65536), std::size_t(65537), large.size() - 1})
    check_error(large.substr(0, n), ", byte " + std::to_string(n), 1'000'000);
}

TEST_CASE("gzip files with any bit flipped are an error or the same content") {
  const std::string content = "grains, fused without melting", sound = packed(content);
  for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    CAPTURE(bit);
    std::string damaged = sound;
    damaged[bit / 8] = char(damaged[bit / 8] ^ 1 << bit % 8);
    const TemporaryFile f(damaged);
    std::string read = content;
    try {
      read = text(data::read_gzip(f.path(), 1000));  // the bit may be of a time stamp, for instance
    } catch (const Error& e) {
      CHECK(e.code() == ErrorCode::format);
      CHECK(begins(e.what(), f.path() + ", "));
    }
    CHECK(read == content);
  }
}

TEST_CASE("what follows a gzip file or lies next to it is no part of it") {
  const std::string sound = packed("abc");
  check_error(sound + "x",
              ", byte " + std::to_string(sound.size()) +
                  " of the compressed data: expected the end of the file or another gzip member, found a byte 120");
  check_error(sound + std::string(3, '\0') + "x",
              ", byte " + std::to_string(sound.size() + 3) +
                  " of the compressed data: expected the end of the file or another gzip member, found a byte 120");
  check_error(sound + "\x1fzz", ", byte ");
  check_error("PK\3\4", ", first bytes: expected 31 139, as of every gzip file, found 80 75");
  const Error missing = support::thrown([] { data::read_gzip("no/such/file.gz", 10); });
  CHECK(missing.code() == ErrorCode::file);
  CHECK(begins(missing.what(), "no/such/file.gz: cannot be opened"));
  const TemporaryFolder folder;
  const Error no_file = support::thrown([&] { data::read_gzip(folder.path(), 10); });
  CHECK(begins(no_file.what(), folder.path() + ": expected a file, found a folder"));
}

TEST_CASE("a small file that unpacks to more than is allowed is refused") {
  check_error(packed("abc"), ", size: expected at most 2 bytes, found more", 2);
  const TemporaryFile fits(packed("abc"));
  CHECK(text(data::read_gzip(fits.path(), 3)) == "abc");
  check_error(packed(std::string(50'000'000, '\0')), ", size: expected at most 1000000 bytes, found more", 1'000'000);
}

TEST_CASE("the first bytes tell whether a file is compressed, not its name") {
  const TemporaryFile plain("abc"), compressed(packed("abc")), empty(""), one("\x1f");
  CHECK(text(data::read_file_or_gzip(plain.path(), 3)) == "abc");
  CHECK(text(data::read_file_or_gzip(compressed.path(), 3)) == "abc");
  CHECK(data::read_file_or_gzip(empty.path(), 3).empty());
  CHECK(data::read_file_or_gzip(one.path(), 3).size() == 1);
  CHECK_THROWS_AS(data::read_file_or_gzip(plain.path(), 2), Error);
  CHECK_THROWS_AS(data::read_file_or_gzip(compressed.path(), 2), Error);
}

TEST_CASE("MNIST's files, compressed or not, become images of 0 … 1 with labels") {
  for (const bool compressed : {false, true}) {
    CAPTURE(compressed);
    const Folder folder(compressed);
    const auto train = data::mnist(folder.path(), data::Part::train);
    REQUIRE(train.size() == 3);
    CHECK(train.label(2) == 2);
    CHECK(train.features(1)[0] == 784 % 256);
    auto batches = data::loader<2>(train);
    static_assert(std::is_same_v<decltype(batches)::Input, Tensor<float, upto<2, 'B'>, 1, 28, 28>>);
    for (auto [x, label] : batches)
      if (label.length<'B'>() == 2) CHECK(x(0, 0, 9, 3) == 1);  // pixel 255
    CHECK(data::fashion_mnist(folder.path(), data::Part::test).size() == 2);
  }
}

TEST_CASE("folders without MNIST") {
  const std::string absent = support::thrown([] { data::mnist("no/such/folder", data::Part::train); }).what();
  CHECK(begins(absent,
               "no/such/folder: there is no such folder; MNIST's four files, train-images-idx3-ubyte.gz and so on, are "
               "at https://"));
  const Folder folder(true);
  folder.remove("train-labels-idx1-ubyte.gz");
  CHECK(
      begins(folder.error(), folder.path() + "/train-labels-idx1-ubyte: the folder has neither train-labels-idx1-ubyte "
                                             "nor train-labels-idx1-ubyte.gz; MNIST's four files"));
  const std::string fashion = support::thrown([&] { data::fashion_mnist(folder.path(), data::Part::train); }).what();
  CHECK(fashion.find("Debian's package dataset-fashion-mnist") != fashion.npos);
}

TEST_CASE("MNIST's files, damaged or of another kind") {
  const Folder folder(false);
  const std::string images = folder.path() + "/train-images-idx3-ubyte",
                    labels = folder.path() + "/train-labels-idx1-ubyte";
  const auto with = [&](const std::string& name, const std::string& content) {
    folder.write(name, content);
    return folder.error();
  };
  CHECK(begins(with("train-labels-idx1-ubyte", idx({4}, 4)),
               labels + ", number of labels: expected 3 as " + images + " has images, found 4"));
  std::string wrong = idx({3}, 3);
  wrong.back() = 10;
  CHECK(begins(with("train-labels-idx1-ubyte", wrong), labels + ", label 2: expected 0 … 9, found 10"));
  CHECK(begins(with("train-labels-idx1-ubyte", idx({3, 1}, 3)), labels + ", extents: expected n, found 3 x 1"));
  CHECK(begins(with("train-labels-idx1-ubyte", idx({}, 1)), labels + ", extents: expected n, found none"));
  CHECK(begins(with("train-labels-idx1-ubyte", idx({3}, 300'000)), labels + ", data: expected 3 bytes, found 300000"));
  CHECK(begins(with("train-labels-idx1-ubyte", idx({300'000}, 300'000)),
               labels + ", extent 0: expected at most 200000 for the 200000 bytes that may follow, found 300000"));
  CHECK(begins(with("train-images-idx3-ubyte", idx({3, 28, 27}, 3 * 28 * 27)),
               images + ", extents: expected n x 28 x 28, found 3 x 28 x 27"));
  CHECK(begins(with("train-images-idx3-ubyte", idx({3}, 3)), images + ", extents: expected n x 28 x 28, found 3"));
  CHECK(begins(with("train-images-idx3-ubyte", idx({0xffffffff, 28, 28}, 784)),
               images + ", extent 0: expected at most 784"));
  CHECK(begins(with("train-images-idx3-ubyte", idx({3, 28, 28}, 3 * 784, 13)),
               images + ", element type: expected 8 (unsigned byte), found 13"));
  const std::string sound = packed(idx({3, 28, 28}, 3 * 784));
  for (std::size_t n = 0; n < sound.size(); ++n) {
    const std::string e = with("train-images-idx3-ubyte", sound.substr(0, n));
    CAPTURE(n);
    CHECK_MESSAGE(begins(e, images + ", "), e);
  }
  folder.write("train-images-idx3-ubyte", sound);  // compressed, despite its name
  folder.write("train-labels-idx1-ubyte", idx({3}, 3));
  CHECK(data::mnist(folder.path(), data::Part::train).size() == 3);
}

TEST_CASE("real data: MNIST") {
  const auto folder = support::real_data("mnist");
  if (!folder) return;
  const auto train = data::mnist(*folder, data::Part::train), test = data::mnist(*folder, data::Part::test);
  CHECK(train.size() == 60'000);
  CHECK(test.size() == 10'000);
  CHECK(std::vector<int>{train.label(0), train.label(1), train.label(2), train.label(3), train.label(4)} ==
        std::vector<int>{5, 0, 4, 1, 9});
  CHECK(test.label(0) == 7);
  int ones = 0;
  for (std::size_t i = 0; i < test.size(); ++i) ones += test.label(i) == 1;
  CHECK(ones == 1135);
  auto batches = data::loader<1000>(train, {.prefetch = true});
  double sum = 0, squares = 0;
  for (auto [x, label] : batches)
    for (const float p : x) sum += double(p), squares += double(p) * double(p);
  const double mean = sum / (60'000 * 784.0);
  CHECK(mean == doctest::Approx(0.1307).epsilon(1e-3));  // the usual mean for normalising MNIST
  CHECK(std::sqrt(squares / (60'000 * 784.0) - mean * mean) == doctest::Approx(0.3081).epsilon(1e-3));
}
