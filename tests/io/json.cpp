// io/: JSON. What is and is not JSON follows RFC 8259, as Python's and Rust's readers have it.
#include <doctest/doctest.h>
#include <sinter/io/json.hpp>

#include "../support/throws.hpp"

using namespace sinter;
using io::JsonReader;

namespace {

bool is_json(const std::string& text) {
  try {
    JsonReader json(text, "text");
    json.skip();
    json.end();
    return true;
  } catch (const Error&) {
    return false;
  }
}
std::string string_of(const std::string& text) {
  JsonReader json(text, "text");
  std::string s = json.string();
  json.end();
  return s;
}

}  // namespace

TEST_CASE("what is JSON") {
  for (const char* text :
       {"null", "true", " false ", "0", "-0", "-1.5e+3", "1E-2", "0.0", "\"\"", "\"a\\u00e9\\ud83d\\ude00\\n\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"", "[]", "{}", "[1, [2], {\"a\": [null]}]",
        "{\"a\": 1, \"a\": {}, \"\": \"\"}", "\t\r\n[ ]\n", "123456789012345678901234567890", "\"\\u0000\\/\""})
    CHECK_MESSAGE(is_json(text), text);
  CHECK(is_json(std::string(128, '[') + std::string(128, ']')));
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
                           "// a\n1",
                           "\xef\xbb\xbf"
                           "1"})
    CHECK_MESSAGE(!is_json(text), text);
  CHECK_FALSE(is_json(std::string("1\0", 2)));
  CHECK_FALSE(is_json(std::string(129, '[') + std::string(129, ']')));
  CHECK_FALSE(is_json(std::string(10'000'000, '[')));
}

TEST_CASE("values as they are written") {
  CHECK(string_of("\"a\\u00e9\\ud83d\\ude00\\b\\f\\n\\r\\t\\\"\\\\\\/\"") ==
        "a\xc3\xa9\xf0\x9f\x98\x80\b\f\n\r\t\"\\/");
  CHECK(string_of("\"\\u0000\"") == std::string(1, '\0'));
  CHECK(JsonReader(" 18446744073709551615", "").whole_number() == 18446744073709551615u);
  std::string seen;
  JsonReader json("{\"a\": [1, 2], \"b\": {}, \"c\": \"x\"}", "text");
  json.object([&](const std::string& name) {
    seen += name;
    if (name == "a")
      json.array([&] { seen += std::to_string(json.whole_number()); });
    else
      json.skip();
  });
  json.end();
  CHECK(seen == "a12bc");
  const auto error = [](const char* text) {
    return std::string(support::thrown([&] { JsonReader(text, "text").whole_number(); }).what());
  };
  CHECK(error("-1").find("text: expected JSON with a whole number at byte 0, found \"-1\"") == 0);
  CHECK(error(" 1.0").find("text: expected JSON with a whole number at byte 1, found \"1.0\"") == 0);
  CHECK(error("18446744073709551616").find("text: expected JSON with a number below 2⁶⁴ at byte 0") == 0);
}

TEST_CASE("strings are written so that they can be read") {
  CHECK(io::json_string("a\"b\\c\n\x1b") == "\"a\\\"b\\\\c\\u000a\\u001b\"");
  for (const std::string& s : {std::string("é😀\x7f"), std::string("\0\x1f\"\\/", 5)})
    CHECK(string_of(io::json_string(s)) == s);
}
