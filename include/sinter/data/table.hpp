// Numbers in rows and named columns.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "file.hpp"

namespace sinter::inline SINTER_ABI::data {

/// Numbers in rows of equal length.
struct Table {
  std::string name;                 ///< the file's
  std::vector<std::string> header;  ///< the columns' names, if the file has them
  std::size_t rows = 0, columns = 0;
  std::size_t missing = 0;  ///< how many fields were empty, NA or the like: they are not-a-number
  std::vector<float> values;
  float operator()(std::size_t row, std::size_t column) const { return values[row * columns + column]; }

  /// The number of the first column with this name. Throws `Error` when there is none.
  std::size_t column(std::string_view wanted) const {
    const auto at = std::find(header.begin(), header.end(), wanted);
    if (at != header.end()) return std::size_t(at - header.begin());
    constexpr std::size_t most_shown = 20;
    std::string all;
    for (std::size_t c = 0; c < std::min(header.size(), most_shown); ++c)
      all += (c > 0 ? ", " : "") + header[c].substr(0, 60);
    if (header.size() > most_shown) all += " and " + std::to_string(header.size() - most_shown) + " more";
    throw_error(ErrorCode::argument, name + ", column " + quoted(wanted, 60),
                header.empty() ? "expected a header with this name, found none"
                               : "expected one of " + all + ", found none of this name",
                header.empty() ? "read the file with {.header = true}" : "");
  }
};

}  // namespace sinter::data
