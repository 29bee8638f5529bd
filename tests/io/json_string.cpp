// io/: strings in JSON files, as Python's json.dumps(text, ensure_ascii=False) writes them, with numeric escapes only.
#include <doctest/doctest.h>
#include <sinter/io/json_string.hpp>

using sinter::io::json_string;

TEST_CASE("strings as JSON has them") {
  CHECK(json_string("") == "\"\"");
  CHECK(json_string("a\"b\\c/") == "\"a\\\"b\\\\c/\"");
  CHECK(json_string("\n\x1b\x7f") == "\"\\u000a\\u001b\x7f\"");
  CHECK(json_string(std::string("\0\x1f", 2)) == "\"\\u0000\\u001f\"");
  CHECK(json_string("é😀") == "\"é😀\"");
}
