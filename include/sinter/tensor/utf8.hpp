// Characters of text in UTF-8 (RFC 3629).
#pragma once
#include <cstddef>
#include <string_view>

#include "language.hpp"

namespace sinter::inline SINTER_ABI::tensor_detail {

/// The number of bytes of a nonempty text's first character; 0 if it is not UTF-8: truncated, overlong, a surrogate.
constexpr std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? unsigned(static_cast<unsigned char>(text[i])) : 0;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t n = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool wrong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0) ||
                     (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90);
  return wrong ? 0 : n;
}

/// Whether a character of one or two bytes is a control character: U+0 … U+1F, U+7F … U+9F.
constexpr bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  return character.size() == 1 ? first < 0x20 || first == 0x7f
                               : first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

}  // namespace sinter::tensor_detail
