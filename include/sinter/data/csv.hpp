// Tables of numbers as text: what pandas.read_csv, numpy.genfromtxt, numpy.loadtxt and spreadsheets read.
#pragma once
#include <optional>

#include "csv_text.hpp"
#include "file.hpp"
#include "table.hpp"

namespace sinter::inline SINTER_ABI::data {
namespace csv_detail {

class Reader {
 public:
  /// `chunk` bytes of the file are in memory at a time, or the longest row if it has more.
  template <class File> Reader(File& file, const CsvOptions& options, std::size_t chunk = std::size_t(1) << 18)
      : options_(options),
        file_(&file),
        read_([](void* f, void* to, std::size_t bytes) { return static_cast<File*>(f)->read(to, bytes); }),
        file_bytes_(file.size_hint()),
        chunk_(std::max<std::size_t>(chunk, 3)),  // for the byte order mark
        header_wanted_(options.header) {
    table_.name = file.path();
    const char d = options.delimiter;
    if (d == options.decimal || d == options.comment || d == '"' || d == '\n' || d == '\r' || d == '\0')
      throw_error(ErrorCode::argument, "read_csv, delimiter",
                  std::string("expected a character with no other meaning, found '") + d + "'",
                  "files with decimal commas mostly have {.delimiter = ';', .decimal = ','}");
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Table table() {
    refill();
    skip_mark();
    while (at_ < text_.end || !text_.all) {
      lines_in_quotes_ = 0;
      const char* const next = at_ < text_.end ? record(at_) : nullptr;
      if (next == nullptr) {
        refill();
        continue;
      }
      line_ += 1 + lines_in_quotes_;
      at_ = next;
    }
    if (header_wanted_ && comment_) set_header(names_in(*comment_));
    return std::move(table_);
  }

 private:
  /// Moves the unread rest to the front and reads on.
  void refill() {
    const auto kept = std::size_t(text_.end - at_);
    taken_ += std::size_t(at_ - buffer_.data());
    if (table_.rows > 0 && table_.values.capacity() < expected_) table_.values.reserve(expected_);
    if (kept > 0) std::memmove(buffer_.data(), at_, kept);
    if (2 * kept >= buffer_.size()) buffer_.resize(std::max(chunk_, 2 * buffer_.size()));
    const std::size_t room = buffer_.size() - kept, have = read_(file_, buffer_.data() + kept, room);
    text_.all = have < room;
    at_ = buffer_.data();
    text_.end = at_ + kept + have;
  }
  /// Spreadsheets put a byte order mark before UTF-8; that of another encoding is an error.
  void skip_mark() {
    const std::string_view begin(at_, std::min<std::size_t>(3, std::size_t(text_.end - at_)));
    if (begin == "\xef\xbb\xbf") at_ += 3;
    if (begin.starts_with("\xff\xfe") || begin.starts_with("\xfe\xff"))
      fail("", "text in UTF-8 or ASCII", "UTF-16", "save it in UTF-8");
    if (begin.starts_with("\x1f\x8b"))
      fail("", "text", "a gzip file", "with data/gzip.hpp: UnpackedFile file(path); read_csv_from(file)");
  }

  /// Reads one line, or several if quotes span them; nullptr if its end is not in the buffer yet.
  const char* record(const char* p) {
    p = text_.skip_blanks(p);
    if (text_.known(p) == nullptr) return nullptr;
    if (text_.ends_line(p)) return text_.next_line(p);
    if (options_.comment != '\0' && *p == options_.comment) {
      const char* const stop = text_.line_end(p);
      if (stop == nullptr) return nullptr;
      const std::optional<bool> is_row = begins_with_missing(p, stop);
      if (!is_row) return nullptr;
      if (!*is_row) {
        if (header_wanted_) comment_.emplace(p + 1, stop);
        return text_.next_line(stop);
      }
    }
    return header_wanted_ ? header(p) : row(p);
  }

  /// Whether a line that begins with the comment character is a row whose first value a spreadsheet or pandas wrote as
  /// missing, which it is with as many fields as the table has columns. Nothing if more must be read to tell.
  std::optional<bool> begins_with_missing(const char* p, const char* stop) {
    const Text line{options_, stop, true};
    const std::string_view first = line.trimmed(p, line.field_end(p));
    if (first != "#N/A" && first != "#NA" && first != "#N/A N/A") return false;
    std::size_t columns = table_.columns;
    if (header_wanted_) {
      columns = comment_ ? names_in(*comment_).size() : 0;
    } else if (table_.rows == 0 && table_.header.empty()) {
      if (!columns_ahead_) columns_ahead_ = columns_of_rows(text_.next_line(stop));
      if (!columns_ahead_) return std::nullopt;
      if (*columns_ahead_ == 0) return true;
      columns = *columns_ahead_;
    }
    const Count found = *count(line, p);
    return found.fields == columns || (found.fields == columns + 1 && found.last_is_empty && !table_.header.empty());
  }
  /// The number of fields of the next line that does not begin with a comment character; 0 if there is none.
  std::optional<std::size_t> columns_of_rows(const char* p) const {
    while (p != nullptr) {
      p = text_.skip_blanks(p);
      if (p == text_.end && text_.all) return 0;
      if (p == text_.end) break;
      if (*p != options_.comment && !text_.ends_line(p)) {
        const std::optional<Count> row = count(text_, p);
        return row ? std::optional(row->fields) : std::nullopt;
      }
      p = text_.line_end(p);
      if (p != nullptr) p = text_.next_line(p);
    }
    return std::nullopt;
  }
  struct Count {
    std::size_t fields = 0;
    bool last_is_empty = false;
  };
  /// The number of fields of a row, of any kind.
  std::optional<Count> count(const Text& text, const char* p) const {
    for (Count n;; ++p) {
      p = text.skip_blanks(p);
      if (n.fields > 0 && options_.delimiter == ' ' && (text.ends_line(p) || *p == options_.comment)) return n;
      ++n.fields;
      const char* rest = p;
      std::string ignored;
      std::size_t lines = 0;
      if (p < text.end && *p == '"') rest = text.quoted(p, ignored, lines);
      if (rest == nullptr && text.all) return n;
      const char* const stop = rest != nullptr ? text.field_end(rest) : nullptr;
      if (stop == nullptr) return std::nullopt;
      n.last_is_empty = text.trimmed(p, stop).empty();
      const bool has_comment = options_.comment != '\0' && std::find(rest == p ? std::min(p + 1, stop) : rest, stop,
                                                                     options_.comment) != stop;
      if (text.ends_line(stop) || (has_comment && !is_missing(text.trimmed(p, stop)))) return n;
      p = stop;
    }
  }

  /// The first line that is not a comment: names, or the first row if it is all numbers and the comment before it is
  /// equally many names.
  const char* header(const char* p) {
    std::vector<std::string> names;
    const char* const next = fields(text_, p, names);
    if (next == nullptr) return nullptr;
    header_wanted_ = false;
    float ignored = 0;
    if (std::all_of(names.begin(), names.end(),
                    [&](const std::string& n) { return is_missing(n) || value_of(n, options_.decimal, ignored); }))
      if (std::vector<std::string> commented = comment_ ? names_in(*comment_) : std::vector<std::string>();
          commented.size() == names.size()) {
        set_header(std::move(commented));
        lines_in_quotes_ = 0;
        return row(p);
      }
    set_header(std::move(names));
    return next;
  }
  void set_header(std::vector<std::string> names) {
    comment_.reset();
    table_.columns = names.size();
    table_.header = std::move(names);
  }
  /// None if a name would begin like a number: "# 3 rows, 2 columns" describes the file.
  std::vector<std::string> names_in(const std::string& comment) {
    std::vector<std::string> names;
    const Text text{options_, comment.data() + comment.size(), true};
    if (comment.find('\0') != comment.npos || fields(text, comment.data(), names, true) == nullptr) return {};
    for (const std::string& name : names)
      if (const std::size_t first = name.find_first_not_of("+-."); first != name.npos)
        if (name[first] >= '0' && name[first] <= '9') return {};
    if (names.size() > 1 && names[0].empty()) names[0] = options_.comment;  // "#,a,b": the first name is the character
    return names;
  }
  /// Fields as written, without surrounding blanks and quotes, up to a comment after a blank: "id,#items" has none.
  /// Fields of a comment may not be meant as names: nullptr if a quote has no end.
  const char* fields(const Text& text, const char* p, std::vector<std::string>& all, bool in_comment = false) {
    const char comment = in_comment ? '\0' : options_.comment;
    const auto begins_comment = [&](const char* q) { return comment != '\0' && *q == comment; };
    for (;;) {
      p = text.skip_blanks(p);
      if (!all.empty() && options_.delimiter == ' ') {
        if (!text.ends_line(p) && begins_comment(p)) p = text.line_end(p);
        if (p == nullptr || text.ends_line(p)) return p != nullptr ? text.next_line(p) : nullptr;
      }
      std::string field;
      if (p < text.end && *p == '"')
        p = in_comment ? text.quoted(p, field, lines_in_quotes_) : within_quotes(text, p, field, all.size());
      const char* stop = p != nullptr ? text.field_end(p) : nullptr;
      if (stop == nullptr) return nullptr;
      const char* end = p;
      while (end < stop && !(end > p && begins_comment(end) && text.is_blank(end[-1]))) ++end;
      field += text.trimmed(p, end);
      if (field.find('\0') != field.npos) fail_at(all.size(), "a name", "a byte 0");
      all.push_back(std::move(field));
      if (end < stop) stop = text.line_end(end);
      if (stop == nullptr || text.ends_line(stop)) return stop != nullptr ? text.next_line(stop) : nullptr;
      p = stop + 1;
    }
  }
  const char* within_quotes(const Text& text, const char* p, std::string& field, std::size_t column) {
    const std::size_t lines = lines_in_quotes_;
    p = text.quoted(p, field, lines_in_quotes_);
    if (p == nullptr && text.all) {
      lines_in_quotes_ = lines;
      fail_at(column, "a quote at the end of the field", "the end of the file");
    }
    return p;
  }

  const char* row(const char* p) {
    const std::size_t begin = table_.values.size(), missing = table_.missing;
    bool empty = false;
    for (std::size_t column = 0;; ++column) {
      const char* const field = text_.skip_blanks(p);
      if (column > 0 && options_.delimiter == ' ' && ends_row(field)) {
        p = field;
        break;
      }
      float value = 0;
      const char* const stop = read_number(field, text_.end, options_.decimal, value);
      p = options_.delimiter == ' ' ? stop : text_.skip_blanks(stop);
      empty = false;
      if (stop == field || p == text_.end || !(separates(*p) || ends_row(p)) || (p == stop && *p == options_.comment))
        p = unusual_field(field, column, value, empty);
      if (p == nullptr) break;
      table_.values.push_back(value);
      if (p == text_.end || !separates(*p)) break;
      if (options_.delimiter != ' ') ++p;
    }
    if (p != nullptr) p = end_row(p, table_.values.size() - begin, empty);
    if (p == nullptr) {
      table_.values.resize(begin);
      table_.missing = missing;
    }
    return p;
  }
  bool separates(char c) const { return c == options_.delimiter || (options_.delimiter == ' ' && c == '\t'); }
  bool ends_row(const char* p) const { return text_.ends_line(p) || (*p == options_.comment && *p != '\0'); }

  /// A field that is not a plain number: quoted, missing, infinite, wrong, or not in the buffer as a whole.
  [[gnu::noinline]] const char* unusual_field(const char* p, std::size_t column, float& value, bool& empty) {
    std::string within;
    const char* rest = p;
    if (p < text_.end && *p == '"') rest = within_quotes(text_, p, within, column);
    const char* stop = rest != nullptr ? text_.field_end(rest) : nullptr;
    if (stop == nullptr) return nullptr;
    const bool in_quotes = rest != p;
    std::string_view field = text_.trimmed(rest, stop);
    if (in_quotes) {  // text after the quotes is part of the field, unless it is a comment
      const char* const after = text_.skip_blanks(rest);
      if (ends_row(after)) stop = after;
      field = within += text_.trimmed(rest, stop);
      while (!field.empty() && text_.is_blank(field.front())) field.remove_prefix(1);
      field = text_.trimmed(field.data(), field.data() + field.size());
    }
    const auto takes = [&](std::string_view text) {
      if (value_of(text, options_.decimal, value)) return true;
      if (!is_missing(text)) return false;
      // one empty field more than the header has does not count: see end_row
      const bool after_last = text.empty() && !in_quotes && column == table_.columns && text_.ends_line(stop);
      if (!options_.missing && (!after_last || table_.header.empty()))
        fail_at(column, "a number", text.empty() ? "an empty field" : quoted(text, 40));
      ++table_.missing;
      value = ops::not_a_number<float>;
      empty = text.empty() && !in_quotes;
      return true;
    };
    if (takes(field)) return stop;
    if (options_.comment != '\0' && !in_quotes) {  // the second first: "1.#QNAN # a comment"
      const std::size_t first = field.find(options_.comment, 1),
                        second = first != field.npos ? field.find(options_.comment, first + 1) : first;
      for (const std::size_t comment : {second, first})
        if (comment != field.npos && takes(text_.trimmed(field.data(), field.data() + comment)))
          return field.data() + comment;
    }
    fail_at(column, "a number", quoted(field, 40));
  }
  const char* end_row(const char* p, std::size_t columns, bool last_is_empty) {
    if (!text_.ends_line(p)) p = text_.line_end(p);  // a comment
    if (p != nullptr) p = text_.next_line(p);
    if (p == nullptr) return nullptr;
    if (table_.rows == 0 && table_.header.empty()) table_.columns = columns;
    if (last_is_empty && columns == table_.columns + 1 && !table_.header.empty()) {  // "1,2," below two names
      table_.values.pop_back();
      --table_.missing;
    } else if (columns != table_.columns) {
      fail(", line " + std::to_string(line_), std::to_string(table_.columns) + " fields as in the lines before",
           std::to_string(columns), "every row has as many fields as the header or the first row");
    }
    if (++table_.rows == 64)  // a guess for files of up to a gigabyte of values
      expected_ = std::min(std::size_t(1) << 28,
                           table_.values.size() * (file_bytes_ / (taken_ + std::size_t(p - buffer_.data())) + 1));
    return p;
  }

  [[noreturn]] SINTER_COLD void fail(const std::string& where, const std::string& expected, const std::string& found,
                                     const std::string& remedy) const {
    throw_error(ErrorCode::format, table_.name + where, "expected " + expected + ", found " + found, remedy);
  }
  [[noreturn]] SINTER_COLD void fail_at(std::size_t column, const std::string& expected,
                                        const std::string& found) const {
    const bool first = table_.rows == 0 && table_.header.empty();
    fail(", line " + std::to_string(line_ + lines_in_quotes_) + ", field " + std::to_string(column + 1), expected,
         found,
         first ? "if the first line names the columns, read with {.header = true}; CsvOptions has other delimiters and "
                 "decimal commas too"
               : "a table holds numbers alone; CsvOptions has other delimiters, comments and decimal commas");
  }

  const CsvOptions options_;
  Text text_{options_};
  void* file_;
  std::size_t (*read_)(void* file, void* to, std::size_t bytes);
  std::size_t file_bytes_;
  std::vector<char> buffer_;
  const char* at_ = nullptr;  ///< everything before it has been read
  std::size_t chunk_, taken_ = 0;
  std::size_t line_ = 1, lines_in_quotes_ = 0;
  bool header_wanted_;
  std::optional<std::string> comment_;        ///< the last comment before the header
  std::optional<std::size_t> columns_ahead_;  ///< of the first row that does not begin with a comment character
  std::size_t expected_ = 0;                  ///< the estimated number of values in the file
  Table table_;
};

}  // namespace csv_detail

/// Reads numbers separated by a delimiter, one row a line. Blank lines are skipped; fields may be quoted, with
/// delimiters, line ends and doubled quotes inside; lines end in "\n", "\r\n" or "\r"; a UTF-8 byte order mark is
/// skipped. Each number is rounded to the nearest float, to ±∞ or 0 beyond its range; inf, Infinity, True and False are
/// read in upper or lower case, and missing values become not-a-number, which `Table::missing` counts. A row that ends
/// in a delimiter has one more, empty field, unless the header has no column for it. A header without rows is a table
/// of 0 rows with these columns. Throws `Error` that names file, line and field: (file) when it cannot be read,
/// (format) for a field that is not a number or a row of another length, (argument) for a delimiter with two meanings.
/// pandas: read_csv, with `header=None` unless .header, where short rows are no error; NumPy: loadtxt, genfromtxt.
inline Table read_csv(const std::string& path, CsvOptions options = {}) {
  InputFile file(path);
  return csv_detail::Reader(file, options).table();
}
/// The same for an open file: an `InputFile`, a `MemoryFile`, or an `UnpackedFile` of data/gzip.hpp.
template <class File> Table read_csv_from(File& file, CsvOptions options = {}) {
  return csv_detail::Reader(file, options).table();
}

}  // namespace sinter::data
