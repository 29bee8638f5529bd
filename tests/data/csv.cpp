// data/: tables as text. Expected values are in reference/csv.txt, written by pandas and NumPy.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <sys/stat.h>

#include <charconv>
#include <cmath>
#include <thread>

#include "../support/files.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using support::TemporaryFile;

namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> all{""};
  for (const char c : text) c == at ? void(all.emplace_back()) : void(all.back() += c);
  return all;
}
/// Undoes the escapes of Python's repr of bytes.
std::string unescaped(const std::string& text) {
  std::string s;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      s += text[i];
    } else if (text[++i] == 'x') {
      s += char(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      s += text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : text[i] == 't' ? '\t' : text[i];
    }
  }
  return s;
}
bool equal(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}
bool equal(const data::Table& a, const data::Table& b) {
  return a.header == b.header && a.rows == b.rows && a.columns == b.columns && a.missing == b.missing &&
         std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                    [](float x, float y) { return equal(x, y); });
}
data::Table parse(const std::string& text, data::CsvOptions options = {}) {
  data::MemoryFile file(text, "text");
  return data::read_csv_from(file, options);
}
/// Read from a file in chunks of `chunk` bytes.
data::Table in_chunks(const std::string& path, data::CsvOptions options, std::size_t chunk) {
  data::InputFile file(path);
  return data::csv_detail::Reader(file, options, chunk).table();
}
void check_error(const std::string& content, const std::string& text, data::CsvOptions options = {}) {
  const TemporaryFile f(content);
  const Error e = support::thrown([&] { data::read_csv(f.path(), options); });
  CHECK(e.code() == ErrorCode::format);
  CHECK_MESSAGE(std::string(e.what()).find(f.path() + text) == 0, e.what());
}

}  // namespace

TEST_CASE("tables are read as pandas and NumPy read them, in whatever chunks they arrive") {
  std::ifstream cases(SINTER_TESTS "/reference/csv.txt");
  int count = 0;
  for (std::string line; std::getline(cases, line); ++count) {
    const std::vector<std::string> part = split(line, '\t');
    REQUIRE(part.size() == 8);
    CAPTURE(part[0]);
    data::CsvOptions options;
    for (const std::string& o : split(part[1], '|')) {
      const char value = char(std::atoi(o.substr(o.find('=') + 1).c_str()));
      if (o == "header")
        options.header = true;
      else if (o.starts_with("delimiter="))
        options.delimiter = value;
      else if (o.starts_with("decimal="))
        options.decimal = value;
      else if (o.starts_with("comment="))
        options.comment = value;
      else
        REQUIRE(o.empty());
    }
    const TemporaryFile f(unescaped(part[2]));
    const data::Table t = data::read_csv(f.path(), options);
    CHECK(t.header == (part[3].empty() ? std::vector<std::string>() : split(unescaped(part[3]), '|')));
    CHECK(t.rows == std::stoul(part[4]));
    CHECK(t.columns == std::stoul(part[5]));
    CHECK(t.missing == std::stoul(part[6]));
    const std::vector<std::string> numbers = part[7].empty() ? std::vector<std::string>() : split(part[7], ' ');
    REQUIRE(t.values.size() == numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      CAPTURE(i);
      CHECK(equal(t.values[i], std::strtof(numbers[i].c_str(), nullptr)));
    }
    CHECK(equal(parse(unescaped(part[2]), options), t));
    for (std::size_t chunk = 3; chunk < 40; ++chunk) {
      CAPTURE(chunk);
      CHECK(equal(in_chunks(f.path(), options, chunk), t));
    }
  }
  CHECK(count > 30);
}

TEST_CASE("a number is the float nearest to it, as std::from_chars finds it") {
  const auto check = [](const std::string& text) {
    CAPTURE(text);
    float found = 0, expected = 0;
    const char* const end = data::read_number(text.data(), text.data() + text.size(), '.', found);
    const auto [expected_end, error] = std::from_chars(text.data(), text.data() + text.size(), expected);
    if (error == std::errc::result_out_of_range) expected = std::strtof(text.c_str(), nullptr);
    CHECK(end == expected_end);
    if (end != text.data()) CHECK(equal(found, expected));
  };
  const Philox random(Seed{3});
  char text[200];
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::uint32_t a = random.bits(4 * i), b = random.bits(4 * i + 1), c = random.bits(4 * i + 2),
                        d = random.bits(4 * i + 3);
    const float x = std::bit_cast<float>(a);
    if (!std::isfinite(x)) continue;
    const double middle =
        (double(x) + double(std::nextafter(x, HUGE_VALF))) / 2;  // halfway between two floats: later digits decide
    std::snprintf(text, sizeof text, "%.*e", int(b % 20), double(x));
    check(text);
    std::snprintf(text, sizeof text, "%.*e", int(b % 120), middle);
    check(text);
    std::string nearby = text;
    nearby[nearby.find('e') - 1] ^= 1;
    check(nearby);
    std::snprintf(text, sizeof text, "%u.%0*u%u", c >> c % 32, 1 + int(d % 12), d, a);
    check(text);
    std::snprintf(text, sizeof text, "%llu", (static_cast<unsigned long long>(a) << 32 | b) >> c % 64);
    check(text);
    std::snprintf(text, sizeof text, "%u%ue%d", a, b, int(c % 140) - 90);
    check(text);
  }
  for (const char* s : {"",
                        "-",
                        ".",
                        "-.",
                        "e5",
                        "1e",
                        "1e+",
                        "1.e1",
                        ".5",
                        "5.",
                        "0e999999999999999999999",
                        "1e999999999999999999999",
                        "-1e-999999999999999999999",
                        "16777217",
                        "16777219",
                        "340282356779733661637539395458142568447",
                        "340282356779733661637539395458142568448",
                        "7.0064923216240853e-46",
                        "7.0064923216240854e-46",
                        "1.17549429e-38"})
    check(s);
}

TEST_CASE("chunks of a file end anywhere") {
  std::string content = "x,\"y\n\"\"z\"\"\"\r\n";
  for (int i = 0; i < 3000; ++i)
    content += std::to_string(i) + "." + std::to_string(i * 37 % 1000) + "e-2 ,\" " + std::to_string(i) + " \"\r\n" +
               (i % 5 == 0   ? "# a comment, \"with quotes\n"
                : i % 7 == 0 ? " \r"
                             : "");
  content += "NA,1.#QNAN # the last";
  const TemporaryFile f(content);
  const data::Table whole = parse(content, {.header = true});
  CHECK(whole.rows == 3001);
  CHECK(whole.missing == 2);
  CHECK(whole(2999, 0) == 29.99963f);
  for (const std::size_t chunk : {3, 4, 7, 64, 100, 1000, 4096, 65536}) {
    CAPTURE(chunk);
    CHECK(equal(in_chunks(f.path(), {.header = true}, chunk), whole));
  }
}

TEST_CASE("missing values may be errors") {
  check_error("1,,2\n", ", line 1, field 2: expected a number, found an empty field", {.missing = false});
  check_error("1,2\n3, NA\n", ", line 2, field 2: expected a number, found \"NA\"", {.missing = false});
  const data::CsvOptions named{.header = true, .missing = false};
  const data::Table t = parse("a,b\n1,2,\n3,4, \n", named);  // a delimiter at the end, which is no field
  CHECK((t.rows == 2 && t.columns == 2 && t.missing == 0 && t.values == std::vector<float>{1, 2, 3, 4}));
  check_error("a,b\n1,2,,\n", ", line 2, field 3: expected a number, found an empty field", named);
  check_error("a,b\n1,2,NA\n", ", line 2, field 3: expected a number, found \"NA\"", named);
  check_error("a,b\n1,\n", ", line 2, field 2: expected a number, found an empty field", named);
}

TEST_CASE("names stand in the last comment before numbers where it has as many") {
  using Names = std::vector<std::string>;
  const auto names = [](const std::string& text) { return parse(text, {.header = true}).header; };
  CHECK(names("# a,b\n1,2\n") == Names{"a", "b"});
  CHECK(names("# made by hand\n# a [m],_b\n\n1,2\n") == Names{"a [m]", "_b"});
  CHECK(names("# a,b\n# made by hand\n2001,2002\n1,2\n") == Names{"2001", "2002"});
  CHECK(names("# 1,2\n2001,2002\n1,2\n") == Names{"2001", "2002"});
  CHECK(names("# made by hand\n2001,2002\n1,2\n") == Names{"2001", "2002"});
  CHECK(names("# a,b # c\n1,2\n") == Names{"a", "b # c"});
  CHECK(names("#,a\n1,2\n") == Names{"#", "a"});
  CHECK(names("# a,b\n#N/A,2\n") == Names{"a", "b"});
  CHECK(parse("# a,b\n#N/A,2\n", {.header = true}).rows == 1);
  CHECK(parse("# a,b\n", {.header = true}).columns == 2);
  CHECK(parse("# a,b\n1,2\n").header.empty());
}

TEST_CASE("files that are no tables of numbers say where and why") {
  check_error("1,2\n3,x\n",
              ", line 2, field 2: expected a number, found \"x\"; a table holds numbers alone; CsvOptions has other "
              "delimiters, comments and decimal commas");
  check_error("a,b\n3,4\n",
              ", line 1, field 1: expected a number, found \"a\"; if the first line names the columns, read with "
              "{.header = true}; CsvOptions has");
  check_error("1,2\n3\n", ", line 2: expected 2 fields as in the lines before, found 1; every row has as many fields");
  check_error("1,2\n3,4,\n", ", line 2: expected 2 fields as in the lines before, found 3");
  check_error("x,y\n1,2,3\n", ", line 2: expected 2 fields as in the lines before, found 3", {.header = true});
  check_error("1,2 3\n", ", line 1, field 2: expected a number, found \"2 3\"");
  check_error("1,#DIV/0!\n", ", line 1, field 2: expected a number, found \"#DIV/0!\"");
  check_error("1,\"2\n3,4\n", ", line 1, field 2: expected a quote at the end of the field, found the end of the file");
  check_error("a\n\n1\n\"2\n3\",4\n", ", line 5, field 1: expected a number, found \"2\\x0a3\"", {.header = true});
  check_error("1,1e\n", ", line 1, field 2: expected a number, found \"1e\"");
  check_error("1,0x10\n", ", line 1, field 2: expected a number, found \"0x10\"");
  check_error(std::string("1,\0\n", 4), ", line 1, field 2: expected a number, found \"\\x00\"");
  check_error(std::string("a,b\0\n1,2\n", 9), ", line 1, field 2: expected a name, found a byte 0", {.header = true});
  check_error(
      "1,\x1b[31m\xc2\x9b\xff\n",
      ", line 1, field 2: expected a number, found \"\\x1b[31m\\xc2\\x9b\\xff\"");  // no terminal escape sequence
  check_error("1," + std::string(100'000, 'x') + "\n",
              ", line 1, field 2: expected a number, found \"" + std::string(40, 'x') + "…\"");
  check_error(std::string("\xff\xfe\x31\0", 4), ": expected text in UTF-8 or ASCII, found UTF-16; save it in UTF-8");
  check_error("\x1f\x8b\x08",
              ": expected text, found a gzip file; with data/gzip.hpp: UnpackedFile file(path); read_csv_from(file)");
  const Error e = support::thrown([] { parse("1,2\n", {.decimal = ','}); });
  CHECK(e.code() == ErrorCode::argument);
  CHECK(std::string(e.what()) ==
        "read_csv, delimiter: expected a character with no other meaning, found ','; files with decimal commas mostly "
        "have {.delimiter = ';', .decimal = ','}");
}

TEST_CASE("a column by name") {
  const data::Table t = parse("a,b\n1,2\n", {.header = true});
  CHECK(t.column("b") == 1);
  CHECK(std::string(support::thrown([&] { t.column("z\x1b"); }).what()) ==
        "text, column \"z\\x1b\": expected one of a, b, found none of this name");
  CHECK(std::string(support::thrown([&] { parse("1,2\n").column("a"); }).what()) ==
        "text, column \"a\": expected a header with this name, found none; read the file with {.header = true}");
  std::string wide = "c0";
  for (int i = 1; i < 30; ++i) wide += ",c" + std::to_string(i);
  CHECK(std::string(support::thrown([&] { parse(wide, {.header = true}).column("z"); }).what())
            .find(", c18, c19 and 10 more, found none") != std::string::npos);
}

TEST_CASE("what is no file, and what is a pipe") {
  const support::TemporaryFolder folder;
  CHECK(std::string(support::thrown([&] { data::read_csv(folder.path()); }).what()) ==
        folder.path() + ": expected a file, found a folder; name a file");
  CHECK(std::string(support::thrown([&] { data::read_csv(folder.path() + "/none"); }).what())
            .find(folder.path() + "/none: cannot be opened: ") == 0);
  const std::string pipe = folder.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(std::string(support::thrown([&] { data::read_file(pipe); }).what()) ==
        pipe + ": expected a regular file, found a pipe; name a file");  // without waiting
  std::thread writer([&] { std::ofstream(pipe) << "1,2\n3,4\n"; });
  const data::Table t = data::read_csv(pipe);
  writer.join();
  CHECK(t(1, 1) == 4);
}
