// Tables: the first three bytes select the options and the chunks in which the rest is read. Chunks change nothing, and
// numbers equal std::from_chars'.
#include <sinter/data/csv.hpp>

#include <cmath>
#include <optional>

#include "bytes.hpp"

using namespace sinter::data;

namespace {

std::optional<Table> read(std::string_view text, const CsvOptions& options, std::size_t chunk) {
  MemoryFile file(text);
  try {
    return csv_detail::Reader(file, options, chunk).table();
  } catch (const sinter::Error&) {
    return std::nullopt;
  }
}
bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void number(std::string_view text) {
  float found = 0, expected = 0;
  const char* const end = text.data() + text.size();
  const char* const stop = read_number(text.data(), end, '.', found);
  if (stop == text.data()) return;
  const auto [after, error] = std::from_chars(text.data() + (text[0] == '+'), end, expected);
  fuzz::require(stop == after, "a number ends where std::from_chars says");
  if (error == std::errc{})
    fuzz::require(same(found, expected), "a number is the nearest float");
  else
    fuzz::require(found == 0 || std::isinf(found), "what is out of range is 0 or infinite");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  number(text);
  CsvOptions options;
  options.delimiter = ",;\t |"[data[0] % 5];
  options.decimal = (data[0] & 8) != 0 && options.delimiter != ',' ? ',' : '.';
  options.header = (data[0] & 16) != 0;
  options.missing = (data[0] & 32) == 0;
  options.comment = "#%\0"[data[1] % 3];
  const std::optional<Table> whole = read(text, options, 8192), chunks = read(text, options, data[2]);
  fuzz::require(whole.has_value() == chunks.has_value(), "chunks change nothing");
  if (!whole) return 0;
  fuzz::require(whole->header == chunks->header && whole->rows == chunks->rows && whole->columns == chunks->columns &&
                    whole->missing == chunks->missing,
                "chunks change no size");
  fuzz::require(
      std::equal(whole->values.begin(), whole->values.end(), chunks->values.begin(), chunks->values.end(), same),
      "chunks change no number");
  fuzz::require(whole->values.size() == whole->rows * whole->columns, "as many values as rows and columns say");
  fuzz::require(whole->header.empty() || whole->header.size() == whole->columns, "a name for each column");
  fuzz::require(std::size_t(std::count_if(whole->values.begin(), whole->values.end(),
                                          [](float x) { return std::isnan(x); })) == whole->missing,
                "missing values are counted");
  return 0;
}
