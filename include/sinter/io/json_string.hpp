// JSON strings (RFC 8259), for files that the library writes.
#pragma once
#include <string>
#include <string_view>

#include "../tensor/language.hpp"

namespace sinter::inline SINTER_ABI::io {

/// A string in JSON, with its quotes. Python: json.dumps(text, ensure_ascii=False).
inline std::string json_string(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string s = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      (s += "\\u00").append({digits[byte >> 4], digits[byte & 15]});
    } else {
      if (c == '"' || c == '\\') s += '\\';
      s += c;
    }
  }
  return s + '"';
}

}  // namespace sinter::io
