// Tables of numbers as text.
#pragma once
#include <charconv>
#include <string_view>

#include "file.hpp"

namespace sinter::data {

/// Numbers in rows of equal length.
struct Table {
  std::string name;                 ///< the file's
  std::vector<std::string> header;  ///< the columns' names, where the file has them
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;
  float operator()(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
  /// The number of the column with this name. Throws `Error` when there is none.
  std::size_t column(std::string_view wanted) const {
    for (std::size_t c = 0; c < header.size(); ++c)
      if (header[c] == wanted) return c;
    std::string all;
    for (const std::string& n : header) all += (all.empty() ? "" : ", ") + n;
    throw Error(ErrorCode::argument, name + ", column \"" + std::string(wanted) + "\"", header.empty() ? "expected a header with this name, found none" : "expected one of " + all + ", found none of this name",
                header.empty() ? "read the file with {.header = true}" : "");
  }
};

struct CsvOptions {
  char delimiter = ',';
  bool header = false;  ///< the first line names the columns
  char comment = '#';   ///< lines that begin with it are skipped
};

/// The names in a header: fields without the spaces and quotation marks around them.
inline std::vector<std::string> column_names(std::string_view line, char delimiter) {
  std::vector<std::string> all;
  for (bool more = true; more;) {
    const std::size_t end = line.find(delimiter);
    std::string_view field = line.substr(0, end);
    more = end != line.npos;
    if (more) line.remove_prefix(end + 1);
    while (!field.empty() && (field.front() == ' ' || field.front() == '"')) field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '"')) field.remove_suffix(1);
    all.emplace_back(field);
  }
  return all;
}

/// Reads numbers separated by a delimiter, one row a line; empty lines are skipped. Throws `Error` that names file, line and
/// field: (file) when it cannot be read, (format) for a field that is no number or a row of another length.
inline Table read_csv(const std::string& path, CsvOptions options = {}) {
  const std::vector<unsigned char> file = read_file(path);
  Table t;
  t.name = path;
  const char *at = reinterpret_cast<const char*>(file.data()), *const end = at + file.size();
  bool header = options.header;
  for (std::size_t line = 1; at < end; ++line) {
    const auto* stop = static_cast<const char*>(std::memchr(at, '\n', std::size_t(end - at)));
    const char* const next = stop != nullptr ? stop + 1 : end;
    if (stop == nullptr) stop = end;
    if (stop > at && stop[-1] == '\r') --stop;
    const bool blank = at == stop || *at == options.comment;
    if (blank || header) {
      if (!blank) {
        t.header = column_names(std::string_view(at, std::size_t(stop - at)), options.delimiter);
        header = false;
      }
      at = next;
      continue;
    }
    std::size_t columns = 0;
    for (;; ++at) {
      while (at < stop && *at == ' ' && options.delimiter != ' ') ++at;
      double value = 0;  // numbers too small for a float are 0
      const bool plus = at + 1 < stop && *at == '+' && at[1] != '-';
      const auto [after, error] = std::from_chars(at + plus, stop, value);
      const char* field_end = after;
      while (field_end < stop && *field_end == ' ' && options.delimiter != ' ') ++field_end;
      if (error != std::errc{} || (field_end < stop && *field_end != options.delimiter)) {
        const char* e = at;
        while (e < stop && *e != options.delimiter && e - at < 40) ++e;
        std::string found(1, '"');  // g++ 12 warns of what it inlines of + here
        found.append(at, e).push_back('"');
        damaged(path + ", line " + std::to_string(line) + ", field " + std::to_string(columns + 1), "a number", found);
      }
      t.values.push_back(float(value));
      ++columns;
      at = field_end;
      if (at == stop) break;
    }
    if (t.rows == 0) t.columns = t.header.empty() ? columns : t.header.size();
    if (columns != t.columns) damaged(path + ", line " + std::to_string(line), std::to_string(t.columns) + " fields as in the lines before", std::to_string(columns));
    ++t.rows;
    at = next;
  }
  return t;
}

}  // namespace sinter::data
