// Reading files, with errors that name them.
#pragma once
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../tensor/error.hpp"

namespace sinter::data {

[[noreturn]] SINTER_COLD inline void file_failed(const std::string& path, const char* what, int error) {
  throw Error(ErrorCode::file, path, std::string(what) + ": " + std::generic_category().message(error), "check the path and its permissions");
}
[[noreturn]] SINTER_COLD inline void damaged(const std::string& context, const std::string& expected, const std::string& found) {
  throw Error(ErrorCode::format, context, "expected " + expected + ", found " + found, "the file is damaged or of another kind; nothing was taken from it");
}

using Block = std::array<unsigned char, 1 << 16>;

/// A file open for reading. Throws `Error` (file) that names it when it cannot be opened or read.
class InputFile {
 public:
  explicit InputFile(std::string path) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "rb")) {
    if (file_ == nullptr) file_failed(path_, "cannot be opened", errno);
  }
  ~InputFile() { std::fclose(file_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  /// Fills the block; returns how many bytes there were, fewer than it holds only at the end of the file.
  std::size_t read(Block& block) {
    const std::size_t there = std::fread(block.data(), 1, block.size(), file_);
    if (there < block.size() && std::ferror(file_) != 0) file_failed(path_, "cannot be read", errno);
    return there;
  }

 private:
  std::string path_;
  std::FILE* file_;
};

/// Bytes as they arrive, up to a limit that the caller sets: memory follows what has arrived, not what a header claims.
class BoundedBytes {
 public:
  BoundedBytes(const std::string& path, std::size_t most_bytes) : path_(path), most_(most_bytes) {}

  void add(const unsigned char* block, std::size_t n) {
    if (n > most_ - bytes_.size()) damaged(path_ + ", size", "at most " + std::to_string(most_) + " bytes", "more");
    if (bytes_.size() + n > bytes_.capacity()) bytes_.reserve(std::min(most_, 2 * (bytes_.size() + n)));
    bytes_.insert(bytes_.end(), block, block + n);
  }
  std::vector<unsigned char> take() { return std::move(bytes_); }

 private:
  const std::string& path_;
  std::size_t most_;
  std::vector<unsigned char> bytes_;
};

inline constexpr std::size_t any_size = std::numeric_limits<std::size_t>::max();

/// What remains of a file, of which `have` bytes are in the block already.
inline std::vector<unsigned char> read_rest(InputFile& file, Block& block, std::size_t have, std::size_t most_bytes) {
  BoundedBytes bytes(file.path(), most_bytes);
  for (; have > 0; have = file.read(block)) bytes.add(block.data(), have);
  return bytes.take();
}
/// The bytes of a file. Throws `Error`: (file) when it cannot be opened or read, (format) when it has more bytes than `most_bytes`.
inline std::vector<unsigned char> read_file(const std::string& path, std::size_t most_bytes = any_size) {
  InputFile file(path);
  Block block;
  return read_rest(file, block, file.read(block), most_bytes);
}

}  // namespace sinter::data
