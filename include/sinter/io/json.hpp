// JSON (RFC 8259), read in one pass without a tree of it in memory, and written.
#pragma once
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "../data/file.hpp"
#include "../tensor/utf8.hpp"

namespace sinter::io {

/// Reads the values of a text one after another: the caller says which kind it expects next. `where` stands in errors,
/// which are `Error` (format) with the byte at which the text is no JSON or not of the expected kind. Time is linear in
/// the text, and memory that of the longest string.
class JsonReader {
 public:
  JsonReader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

  /// An object: calls member(name) for each member, which reads or skips its value.
  template <class F> void object(F&& member) {
    open('{', "an object");
    if (take('}')) return;
    do {
      const std::string name = string();
      colon();
      member(name);
    } while (take(','));
    close('}');
  }
  /// An array: calls element() for each element, which reads or skips it.
  template <class F> void array(F&& element) {
    open('[', "an array");
    if (take(']')) return;
    do element();
    while (take(','));
    close(']');
  }
  std::string string() {
    std::string s;
    open('"', "a string");
    while (!take_byte('"')) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] >= ' ' && text_[at_] != '"' && text_[at_] != '\\' && text_[at_] != '\x7f')
        ++at_;
      if (at_ > begin)
        s += text_.substr(begin, at_ - begin);
      else
        character(s);
    }
    return s;
  }
  /// A number without sign, fraction and exponent.
  std::uint64_t whole_number() {
    blanks();
    const std::string_view digits = number();
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (digits.empty() || end != digits.data() + digits.size()) fail("a whole number", at_ - digits.size());
    if (error != std::errc{}) fail("a number below 2⁶⁴", at_ - digits.size());
    return n;
  }
  /// Any value.
  void skip() {
    std::array<char, most_depth> closes;  // what ends the arrays and objects that are open
    for (int depth = 0;;) {
      const char c = next();
      if (c == '{' || c == '[') {
        if (depth == most_depth) fail("at most 128 arrays and objects within each other", at_);
        ++at_;
        closes[std::size_t(depth)] = c == '{' ? '}' : ']';
        if (!take(closes[std::size_t(depth)])) {
          if (closes[std::size_t(depth++)] == '}') name();
          continue;
        }
      } else {
        scalar(c);
      }
      for (;; --depth) {  // a value has ended
        if (depth == 0) return;
        const char end = closes[std::size_t(depth - 1)];
        if (take(',')) {
          if (end == '}') name();
          break;
        }
        close(end);
      }
    }
  }
  /// Nothing but blanks is left.
  void end() {
    if (next() != '\0' || at_ < text_.size()) fail("the end", at_);
  }

 private:
  static constexpr int most_depth = 128;

  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  bool take_byte(char c) {
    const bool is_next = at_ < text_.size() && text_[at_] == c;
    at_ += is_next;
    return is_next;
  }
  /// The byte at which the next token begins; 0 at the end.
  char next() {
    blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    blanks();
    return take_byte(c);
  }
  void open(char c, const char* expected) {
    if (!take(c)) fail(expected, at_);
  }
  void colon() {
    if (!take(':')) fail("\":\" after a name", at_);
  }
  void close(char c) {
    if (!take(c)) fail(c == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"", at_);
  }
  void name() {
    string();
    colon();
  }

  /// The characters of a number; none if there is no number.
  std::string_view number() {
    const std::size_t begin = at_;
    const auto digits = [this] {
      const std::size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ > first;
    };
    take_byte('-');
    bool sound = take_byte('0') || digits();
    if (sound && take_byte('.')) sound = digits();
    if (sound && (take_byte('e') || take_byte('E'))) {
      if (!take_byte('+')) take_byte('-');
      sound = digits();
    }
    if (!sound) at_ = begin;
    return text_.substr(begin, at_ - begin);
  }
  void scalar(char first) {
    if (first == '"') {
      string();
      return;
    }
    for (const std::string_view word : {"true", "false", "null"})
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return;
      }
    if (number().empty()) fail("a value", at_);
  }
  void character(std::string& s) {
    if (at_ == text_.size()) fail("the end of a string", at_);
    if (text_[at_] == '\\') {
      escape(s);
      return;
    }
    const std::size_t n = tensor_detail::utf8_length(text_.substr(at_));
    if (n == 0 || static_cast<unsigned char>(text_[at_]) < 0x20)
      fail("UTF-8 without control characters in a string", at_);
    s += text_.substr(at_, n);
    at_ += n;
  }
  void escape(std::string& s) {
    const std::size_t begin = at_++;
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (const std::size_t i = letters.find(c); i != letters.npos) {
      s += meanings[i];
      return;
    }
    std::uint32_t code = c == 'u' ? four_digits() : bad_code;
    if (code >= 0xd800 && code < 0xdc00) {  // the first of two
      const std::uint32_t low = take_byte('\\') && take_byte('u') ? four_digits() : bad_code;
      code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : bad_code;
    } else if (code >= 0xdc00 && code < 0xe000) {
      code = bad_code;
    }
    if (code == bad_code) fail("an escape sequence of JSON", begin);
    if (code < 0x80)
      s += char(code);
    else if (code < 0x800)
      s += {char(0xc0 | code >> 6), char(0x80 | (code & 0x3f))};
    else if (code < 0x10000)
      s += {char(0xe0 | code >> 12), char(0x80 | (code >> 6 & 0x3f)), char(0x80 | (code & 0x3f))};
    else
      s += {char(0xf0 | code >> 18), char(0x80 | (code >> 12 & 0x3f)), char(0x80 | (code >> 6 & 0x3f)),
            char(0x80 | (code & 0x3f))};
  }
  std::uint32_t four_digits() {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() < 4 || end != digits.data() + 4 || digits[0] == '-') return bad_code;
    at_ += 4;
    return code;
  }

  [[noreturn]] SINTER_COLD void fail(const std::string& expected, std::size_t at) const {
    data::damaged(where_, "JSON with " + expected + " at byte " + std::to_string(at),
                  at < text_.size() ? data::quoted(text_.substr(at), 20) : "the end");
  }

  static constexpr std::uint32_t bad_code = 0xffffffff;
  std::string_view text_;
  std::string where_;
  std::size_t at_ = 0;
};

/// A string as JSON has it.
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
