// io/: the JSON of headers. What is accepted as JSON follows RFC 8259, like Python's and Rust's readers.
#include <doctest/doctest.h>
#include <sinter/io/json_string.hpp>
#include <sinter/io/safetensors_header.hpp>

#include <clocale>

#include "../support/comma_locale.hpp"
#include "../support/throws.hpp"

using namespace sinter;

namespace {

std::vector<io::TensorEntry> read(const std::string& header) {
  return io::safetensors_detail::read_header(header, "f");
}
std::string metadata(const std::string& value) { return "{\"__metadata__\":" + value + "}"; }
bool is_json(const std::string& value) {
  try {
    return read(metadata(value)).empty();
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::format);
    return false;
  }
}
std::string error(const std::string& header) {
  const std::string text = support::thrown([&] { read(header); }).what(), remedy = "; the file is damaged or of";
  REQUIRE(text.find(remedy) != text.npos);
  return text.substr(0, text.find(remedy));
}
std::string tensor(const std::string& fields) { return "{\"w\":{" + fields + "}}"; }

}  // namespace

TEST_CASE("what is JSON") {
  for (const char* text :
       {"null", "true", " false ", "0", "-0", "-1.5e+3", "1E-2", "0.0", "\"\"", "\"a\\u00e9\\ud83d\\ude00\\n\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"", "[]", "{}", "[1, [2], {\"a\": [null]}]",
        "{\"a\": 1, \"a\": {}, \"\": \"\"}", "\t\r\n[ ]\n", "123456789012345678901234567890", "\"\\u0000\\/\""}) {
    CHECK_MESSAGE(is_json(text), text);
    CHECK_MESSAGE(
        read(tensor("\"more\":" + std::string(text) + ",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]"))[0]
                .end == 1,
        text);
  }
  CHECK(read(" {}\n\t\r ").empty());
}

TEST_CASE("what is not") {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "True",
                           "nullx",
                           "01",
                           "-",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "0x10",
                           "NaN",
                           "Infinity",
                           "\"",
                           "\"\\",
                           "\"\\x41\"",
                           "\"\\u12\"",
                           "\"\\u-123\"",
                           "\"\\ud800\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\udc00\"",
                           "\"\n\"",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf4\x90\x80\x80\"",
                           "\"\xc3\"",
                           "'a'",
                           "[",
                           "]",
                           "[1",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{1:1}",
                           "[1}",
                           "{\"a\":1]",
                           "1 1",
                           "// a\n1"}) {
    CHECK_MESSAGE(!is_json(text), text);
    CHECK_THROWS_AS(read(text), Error);
  }
  CHECK_THROWS_AS(read("{}{}"), Error);
  CHECK_THROWS_AS(read(std::string("{}\0", 3)), Error);
  CHECK_THROWS_AS(read(std::string("{\"a\0\":1}", 8)), Error);
  CHECK_THROWS_AS(read("\xef\xbb\xbf{}"), Error);
}

TEST_CASE("values that are ignored lie at most 128 deep") {
  const auto nested = [](int n) { return std::string(std::size_t(n), '[') + std::string(std::size_t(n), ']'); };
  CHECK(is_json(nested(128)));
  CHECK(is_json("[" + nested(127) + "," + nested(127) + "]"));
  CHECK_FALSE(is_json(nested(129)));
  CHECK_FALSE(is_json(std::string(10'000'000, '[')));
  CHECK(error(tensor("\"more\":" + std::string(1000, '['))) ==
        "f, tensor \"w\": expected at most 128 arrays and objects within each other, found more");
}

TEST_CASE("names and values as they are written") {
  const std::vector<io::TensorEntry> t = read(
      "{\"a\\u00e9\\ud83d\\ude00\\b\\f\\n\\r\\t\\\"\\\\\\/\":{\"shape\":[1, 18446744073709551615],\"dtype\":"
      "\"\\u0000\",\"data_offsets\":[ 2,3]},\"__metadata__\":{\"dtype\":\"x\"},\"\":{\"dtype\":\"U8\",\"shape\":[],"
      "\"data_offsets\":[0,0]}}");
  REQUIRE(t.size() == 2);
  CHECK(t[0].name == "a\xc3\xa9\xf0\x9f\x98\x80\b\f\n\r\t\"\\/");
  CHECK(t[0].dtype == std::string(1, '\0'));
  CHECK(t[0].shape == std::vector<std::uint64_t>{1, 18446744073709551615u});
  CHECK(t[0].begin == 2);
  CHECK(t[0].end == 3);
  CHECK(t[1].name.empty());
  for (const std::string& name : {std::string("é😀\x7f"), std::string("\0\x1f\"\\/", 5)})
    CHECK(read("{" + io::json_string(name) + ":{\"dtype\":\"\",\"shape\":[],\"data_offsets\":[0,0]}}")[0].name == name);
}

TEST_CASE("errors say what was expected and found") {
  CHECK(
      error("") ==
      "f, header, byte 0: expected JSON, found a syntax error while parsing value - unexpected end of input; expected "
      "'[', '{', or a literal");
  CHECK(error("[1]") == "f, header: expected an object, found an array");
  CHECK(error("-1") == "f, header: expected an object, found -1");
  CHECK(error("{\"w\":null}") == "f, tensor \"w\": expected an object, found null");
  CHECK(error("{\"w\":[]}") == "f, tensor \"w\": expected an object, found an array");
  CHECK(error("{\"__metadata__\":{},\"__metadata__\":{}}") == "f, header: expected one \"__metadata__\", found two");
  CHECK(error(tensor("\"dtype\":true")) == "f, tensor \"w\", dtype: expected a string, found true");
  CHECK(error(tensor("\"shape\":{}")) == "f, tensor \"w\", shape: expected an array, found an object");
  CHECK(error(tensor("\"shape\":\"\\u001b[31m\"")) == "f, tensor \"w\", shape: expected an array, found \"\\x1b[31m\"");
  CHECK(error(tensor("\"shape\":[[1]]")) == "f, tensor \"w\", shape: expected whole numbers below 2⁶⁴, found an array");
  CHECK(error(tensor("\"shape\":[-2]")) == "f, tensor \"w\", shape: expected whole numbers below 2⁶⁴, found -2");
  CHECK(error(tensor("\"shape\":[-0]")) == "f, tensor \"w\", shape: expected whole numbers below 2⁶⁴, found -0");
  CHECK(error(tensor("\"data_offsets\":[18446744073709551616]")) ==
        "f, tensor \"w\", data_offsets: expected whole numbers below 2⁶⁴, found 18446744073709551616");
  std::string ones = "1";
  for (int i = 1; i < 256; ++i) ones += ",1";
  CHECK(error(tensor("\"shape\":[" + ones + "]")) == "f, tensor \"w\": expected a field \"dtype\", found none");
  CHECK(error(tensor("\"shape\":[" + ones + ",1]")) == "f, tensor \"w\", shape: expected at most 256 axes, found more");
}

TEST_CASE("errors stay short, and carry nothing that a terminal obeys") {
  CHECK(error("{\"" + std::string(1'000'000, 'a')).size() < 250);
  CHECK(error("{\"\x1b[31m").find('\x1b') == std::string::npos);
  CHECK(error("{\"w\":1e" + std::string(1'000'000, '9') + "}").size() < 250);
  CHECK(error("{\"w\":" + std::string(300, '1') + "}").size() < 250);
  CHECK(error("{\"w\":\"" + std::string(1'000'000, 'a') + "\"}").size() < 250);
  CHECK(error("{\"a\xc2\x9b\":1}") == "f, tensor \"a\\xc2\\x9b\": expected an object, found 1");
}

namespace {

void check_numbers() {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  CHECK(is_json("[1.5, -2.5e3]"));
  CHECK_FALSE(is_json("[1,5e]"));
  CHECK(error(tensor("\"shape\":[2.5e1]")) == "f, tensor \"w\", shape: expected whole numbers below 2⁶⁴, found 2.5e1");
  CHECK(std::setlocale(LC_ALL, nullptr) == before);
  CHECK(*std::localeconv()->decimal_point != '.');  // that of the thread
}

}  // namespace

TEST_CASE("a locale with a decimal comma changes nothing in headers") {
  if (const support::CommaLocale locale; locale) check_numbers();
}

TEST_CASE("a locale whose decimal separator has two bytes changes nothing in headers") {
  if (const support::ArabicSeparatorLocale locale; locale) check_numbers();
}
