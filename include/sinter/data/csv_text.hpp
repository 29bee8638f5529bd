// Fields and lines of text that is read in chunks.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "number.hpp"

namespace sinter::inline SINTER_ABI::data {

/// How a file of comma-separated values is read. pandas: the arguments of read_csv.
struct CsvOptions {
  char delimiter = ',';  ///< between fields; ' ' means any run of spaces and tabs
  bool header = false;   ///< the first line that is not a comment names the columns, up to a comment after a blank:
                         ///< "a,b # units". If it is all numbers and the last comment before it is as many names, none
                         ///< of which begins like a number, they are the names and it is the first row: "# a,b", as
                         ///< numpy.savetxt writes; not "# 3 rows, 2 columns", nor a comment followed by others
  char comment = '#';    ///< from here on the rest of a line is skipped; '\0' for no comments. A line that begins with
                         ///< #N/A, #NA or #N/A N/A is a row if it has as many fields as the others
  char decimal = '.';    ///< the decimal separator
  bool missing = true;   ///< empty fields, NA, null and the like are not-a-number; otherwise they are errors
};

namespace csv_detail {

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c | 0x20) : c;
  return lower;
}
/// What pandas.read_csv takes for a missing value, in upper or lower case.
inline bool is_missing(std::string_view text) {
  constexpr std::string_view names[]{"",     "na",   "n/a",      "nan", "-nan",   "+nan",    "null",    "none",
                                     "<na>", "#n/a", "#n/a n/a", "#na", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"};
  return text.size() <= 8 && std::find(std::begin(names), std::end(names), lower_case(text)) != std::end(names);
}
/// The value of a field: a number, infinity, or a truth value. False if it is none of them.
inline bool value_of(std::string_view field, char decimal, float& value) {
  const char* const end = field.data() + field.size();
  if (!field.empty() && read_number(field.data(), end, decimal, value) == end) return true;
  if (field.size() > 9) return false;
  const std::string lower = lower_case(field);
  const bool has_sign = lower.starts_with('-') || lower.starts_with('+');
  if (const std::string_view name = std::string_view(lower).substr(has_sign ? 1 : 0);
      name == "inf" || name == "infinity") {
    value = lower[0] == '-' ? -ops::infinity<float> : ops::infinity<float>;
    return true;
  }
  value = lower == "true" ? 1.f : 0.f;
  return lower == "true" || lower == "false";
}

/// The text in the buffer. Functions take a position in it and return a later one, or nullptr if more must be read to
/// tell.
struct Text {
  const CsvOptions& options;
  const char* end = nullptr;
  bool all = false;  ///< the end of the file has been read

  bool is_blank(char c) const { return c == ' ' || (c == '\t' && options.delimiter != '\t'); }
  bool ends_line(const char* p) const { return p == end || *p == '\n' || *p == '\r'; }
  const char* known(const char* p) const { return p < end || all ? p : nullptr; }

  const char* skip_blanks(const char* p) const {
    while (p < end && is_blank(*p)) ++p;
    return p;
  }
  /// After the end of a line, which is "\n", "\r\n" or "\r".
  const char* next_line(const char* p) const {
    if (p == end || (*p == '\r' && p + 1 == end)) return all ? end : nullptr;
    return *p == '\r' && p[1] == '\n' ? p + 2 : p + 1;
  }
  const char* line_end(const char* p) const {
    while (!ends_line(p)) ++p;
    return known(p);
  }
  /// The end of a field without quotes.
  const char* field_end(const char* p) const {
    while (!ends_line(p) && *p != options.delimiter && !(options.delimiter == ' ' && is_blank(*p))) ++p;
    return known(p);
  }
  /// A field without the blanks after it.
  std::string_view trimmed(const char* from, const char* to) const {
    while (from < to && is_blank(to[-1])) --to;
    return {from, std::size_t(to - from)};
  }
  /// Puts the text within quotes into `field`, a doubled quote once, and adds the number of its line ends to `lines`.
  const char* quoted(const char* p, std::string& field, std::size_t& lines) const {
    field.clear();
    for (++p; p < end; ++p) {
      if (*p == '"') {
        if (p + 1 == end) return all ? end : nullptr;
        if (p[1] != '"') return p + 1;
        ++p;
      }
      lines += *p == '\n' || (*p == '\r' && p + 1 < end && p[1] != '\n');
      field += *p;
    }
    return nullptr;
  }
};

}  // namespace csv_detail
}  // namespace sinter::data
