// IDX, the format of MNIST: a magic number, extents, then bytes.
#pragma once
#include "file.hpp"

namespace sinter::inline SINTER_ABI::data {

/// An array of unsigned bytes of any rank, row-major.
struct ByteArray {
  std::vector<std::size_t> extents;
  std::vector<unsigned char> bytes;
};

namespace idx_detail {

/// The number of an element type of the format, with its name.
inline std::string type_name(int type) {
  for (const auto& [number, name] :
       {std::pair{9, "signed byte"}, {11, "int16"}, {12, "int32"}, {13, "float32"}, {14, "float64"}})
    if (number == type) return std::to_string(type) + " (" + name + ")";
  return std::to_string(type);
}

struct Header {
  std::vector<std::size_t> extents;
  std::size_t header_bytes = 0, data_bytes = 0;
};
/// Reads the header; data of more than `most_bytes` is refused.
template <class File> Header read_header(File& file, std::size_t most_bytes) {
  const std::string& name = file.path();
  unsigned char magic[4]{};
  if (const std::size_t have = file.read(magic, 4); have < 4)
    damaged(name + ", magic number", "4 bytes", std::to_string(have));
  if (magic[0] != 0 || magic[1] != 0)
    damaged(name + ", magic number", "two zero bytes", std::to_string(magic[0]) + " " + std::to_string(magic[1]));
  if (magic[2] != 8)
    throw_error(ErrorCode::mismatch, name + ", element type",
                "expected 8 (unsigned byte), found " + type_name(magic[2]),
                "only IDX files of unsigned bytes are read");
  Header h;
  const std::size_t rank = magic[3];
  h.header_bytes = 4 + 4 * rank;
  for (std::size_t i = 0; i < rank; ++i) {
    unsigned char e[4]{};
    if (const std::size_t have = file.read(e, 4); have < 4)
      damaged(name + ", header", std::to_string(h.header_bytes) + " bytes for rank " + std::to_string(rank),
              std::to_string(4 + 4 * i + have));
    h.extents.push_back(std::size_t(e[0]) << 24 | std::size_t(e[1]) << 16 | std::size_t(e[2]) << 8 | std::size_t(e[3]));
  }
  const std::size_t hint = file.size_hint(),
                    most = hint > 0 ? std::min(most_bytes, hint - std::min(hint, h.header_bytes)) : most_bytes;
  h.data_bytes = std::find(h.extents.begin(), h.extents.end(), 0) != h.extents.end() ? 0 : 1;
  for (std::size_t i = 0; i < rank && h.data_bytes > 0; ++i) {
    if (h.data_bytes > most / h.extents[i])
      damaged(name + ", extent " + std::to_string(i),
              "at most " + std::to_string(most / h.data_bytes) + " for the " + std::to_string(most) +
                  " bytes that may follow",
              std::to_string(h.extents[i]));
    h.data_bytes *= h.extents[i];
  }
  return h;
}

}  // namespace idx_detail

/// Reads an open IDX file of unsigned bytes: an `InputFile`, a `MemoryFile`, or an `UnpackedFile` of
/// data/gzip.hpp. Throws `Error` that names the file, the field, what was expected and what was found: (file) when it
/// cannot be read, (format) when it is truncated, too long, its header is wrong, or there are more than `most_bytes` of
/// data, (mismatch) for another element type. The data is in memory once; memory never exceeds the actual data.
template <class File> ByteArray read_idx_from(File& file, std::size_t most_bytes = any_size) {
  idx_detail::Header h = idx_detail::read_header(file, most_bytes);
  const auto wrong = [&](const std::string& found) {
    damaged(file.path() + ", data", std::to_string(h.data_bytes) + " bytes", found);
  };
  BoundedBytes bytes(file.path(), h.data_bytes);
  if (file.size_hint() > 0 || most_bytes < any_size) bytes.expect(h.data_bytes);
  Block block;
  for (std::size_t left = h.data_bytes; left > 0;) {
    const std::size_t have = file.read(block.data(), std::min(block.size(), left));
    if (have == 0) wrong(std::to_string(h.data_bytes - left));
    bytes.add(block.data(), have);
    left -= have;
  }
  if (file.read(block.data(), 1) > 0)
    wrong(file.size_hint() > h.header_bytes ? std::to_string(file.size_hint() - h.header_bytes) : "more");
  return {std::move(h.extents), bytes.take()};
}

/// Reads an IDX file of unsigned bytes that is not compressed.
inline ByteArray read_idx(const std::string& path) {
  InputFile file(path);
  return read_idx_from(file);
}

}  // namespace sinter::data
