// Tables of numbers as text.
#pragma once
#include <charconv>

#include "file.hpp"

namespace sinter::data {

/// Numbers in rows of equal length.
struct Table {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;
  float operator()(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
};

struct CsvOptions {
  char delimiter = ',';
  bool header = false;  ///< skip the first line
  char comment = '#';   ///< lines that begin with it are skipped
};

/// Reads numbers separated by a delimiter, one row a line; empty lines are skipped. Throws `Error` that names file, line and
/// field: (file) when it cannot be read, (format) for a field that is no number or a row of another length.
inline Table read_csv(const std::string& path, CsvOptions options = {}) {
  const std::vector<unsigned char> file = read_file(path);
  Table t;
  const char *at = reinterpret_cast<const char*>(file.data()), *const end = at + file.size();
  bool skip = options.header;
  for (std::size_t line = 1; at < end; ++line) {
    const auto* stop = static_cast<const char*>(std::memchr(at, '\n', std::size_t(end - at)));
    const char* const next = stop != nullptr ? stop + 1 : end;
    if (stop == nullptr) stop = end;
    if (stop > at && stop[-1] == '\r') --stop;
    if (at == stop || *at == options.comment || skip) {
      skip = skip && (at == stop || *at == options.comment);
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
        damaged(path + ", line " + std::to_string(line) + ", field " + std::to_string(columns + 1), "a number", "\"" + std::string(at, e) + "\"");
      }
      t.values.push_back(float(value));
      ++columns;
      at = field_end;
      if (at == stop) break;
    }
    if (t.rows > 0 && columns != t.columns) damaged(path + ", line " + std::to_string(line), std::to_string(t.columns) + " fields as in the lines before", std::to_string(columns));
    t.columns = columns;
    ++t.rows;
    at = next;
  }
  return t;
}

}  // namespace sinter::data
