// IDX files, valid and invalid.
#pragma once
#include <initializer_list>
#include <string>

namespace support {

/// An IDX file of unsigned bytes with these extents and `data` bytes.
inline std::string idx(std::initializer_list<unsigned> extents, std::size_t data, unsigned char type = 8) {
  std::string s{'\0', '\0', char(type), char(extents.size())};
  for (const unsigned e : extents)
    for (int shift = 24; shift >= 0; shift -= 8) s += char(e >> shift & 255);
  for (std::size_t i = 0; i < data; ++i) s += char(i);
  return s;
}

}  // namespace support
