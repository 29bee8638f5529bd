// IDX, the format of MNIST: a magic number, extents, then bytes.
#pragma once
#include "file.hpp"

namespace sinter::data {

/// An array of unsigned bytes of any rank, row-major.
struct ByteArray {
  std::vector<std::size_t> extents;
  std::vector<unsigned char> bytes;
};

/// Takes the content of an IDX file of unsigned bytes; `name` is the file's, for errors. Throws `Error` that names the file, the
/// field, what was expected and what was found: (format) when it is truncated, too long, or its header lies, (mismatch) for
/// another element type. Memory stays within the content's own size.
inline ByteArray parse_idx(std::vector<unsigned char> file, const std::string& name) {
  const auto number = [&](std::size_t at) { return std::size_t(file[at]) << 24 | std::size_t(file[at + 1]) << 16 | std::size_t(file[at + 2]) << 8 | std::size_t(file[at + 3]); };
  if (file.size() < 4) damaged(name + ", magic number", "4 bytes", std::to_string(file.size()));
  if (file[0] != 0 || file[1] != 0) damaged(name + ", magic number", "two zero bytes", std::to_string(file[0]) + " " + std::to_string(file[1]));
  if (file[2] != 8) throw Error(ErrorCode::mismatch, name + ", element type", "expected 8 (unsigned byte), found " + std::to_string(file[2]), "only IDX files of unsigned bytes are read");
  const std::size_t rank = file[3], header = 4 + 4 * rank;
  if (file.size() < header) damaged(name + ", header", std::to_string(header) + " bytes for rank " + std::to_string(rank), std::to_string(file.size()));
  ByteArray a;
  std::size_t size = 1;
  const std::size_t there = file.size() - header;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t extent = number(4 + 4 * i);
    if (extent != 0 && size > there / extent) damaged(name + ", extent " + std::to_string(i), "at most " + std::to_string(size > 0 ? there / size : 0) + " for the " + std::to_string(there) + " bytes that follow", std::to_string(extent));
    size *= extent;
    a.extents.push_back(extent);
  }
  if (size != there) damaged(name + ", data", std::to_string(size) + " bytes", std::to_string(there));
  file.erase(file.begin(), file.begin() + std::ptrdiff_t(header));
  a.bytes = std::move(file);
  return a;
}

/// Reads an IDX file of unsigned bytes, `parse_idx` of its content; (file) when it cannot be read. One compressed by gzip is
/// `parse_idx(read_file_or_gzip(path, most_bytes), path)`, with data/gzip.hpp.
inline ByteArray read_idx(const std::string& path) { return parse_idx(read_file(path), path); }

}  // namespace sinter::data
