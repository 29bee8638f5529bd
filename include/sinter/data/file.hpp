// Reading files, with errors that name them.
#pragma once
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <concepts>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "../tensor/error.hpp"

namespace sinter::inline SINTER_ABI::data {

/// Throws `Error` (file): what failed, and the system's reason.
[[noreturn]] SINTER_COLD inline void file_failed(const std::string& path, const char* what, int error) {
  throw_error(ErrorCode::file, path, std::string(what) + ": " + std::generic_category().message(error),
              "check the path and its permissions");
}
/// Throws `Error` (format): what a file should hold, and what it does.
[[noreturn]] SINTER_COLD inline void damaged(const std::string& context, const std::string& expected,
                                             const std::string& found) {
  throw_error(ErrorCode::format, context, "expected " + expected + ", found " + found,
              "the file is damaged or of another kind; nothing was taken from it");
}

/// A part of a file for messages: quoted, at most `most` bytes of it.
SINTER_COLD inline std::string quoted(std::string_view text, std::size_t most) {
  std::string s(1, '"');  // g++ 12 warns about + here when it inlines it
  s.append(text.substr(0, most)).append(text.size() > most ? "…\"" : "\"");
  return s;
}

/// What a path names if it is not a regular file: "a folder".
inline const char* kind_of_file(mode_t mode) {
  return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

/// What is read of a file at once.
using Block = std::array<unsigned char, 1 << 16>;

/// A file open for reading, or a pipe or device if the reader can stream. Throws `Error` (file) that names it when it
/// cannot be opened or read, or is of another kind.
class InputFile {
 public:
  enum class Kind { regular, any };

  explicit InputFile(std::string path, Kind kind = Kind::any) : path_(std::move(path)) {
    check(kind, ::stat(path_.c_str(), &status_));  // opening a pipe would wait for its writer
    file_.reset(std::fopen(path_.c_str(), "rb"));
    if (file_ == nullptr) file_failed(path_, "cannot be opened", errno);
    check(kind, ::fstat(::fileno(file_.get()), &status_));
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  /// The size in bytes of a regular file when it was opened: a hint, since others may write to it.
  std::size_t size_hint() const {
    return S_ISREG(status_.st_mode) && status_.st_size > 0 ? std::size_t(status_.st_size) : 0;
  }
  /// Reads `bytes` bytes; returns how many there were, fewer only at the end of the file.
  std::size_t read(void* to, std::size_t bytes) {
    std::size_t have = 0;
    while (have < bytes) {
      have += std::fread(static_cast<char*>(to) + have, 1, bytes - have, file_.get());
      if (have == bytes || std::feof(file_.get()) != 0) break;
      if (errno != EINTR) file_failed(path_, "cannot be read", errno);
      std::clearerr(file_.get());
    }
    return have;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void check(Kind kind, int failed) const {
    if (failed != 0) file_failed(path_, "cannot be opened", errno);
    if (S_ISDIR(status_.st_mode) || (kind == Kind::regular && !S_ISREG(status_.st_mode)))
      throw_error(ErrorCode::file, path_,
                  std::string("expected a ") + (kind == Kind::regular ? "regular " : "") + "file, found " +
                      kind_of_file(status_.st_mode),
                  "name a file");
  }

  std::string path_;
  struct stat status_ {};
  std::unique_ptr<std::FILE, Close> file_;
};

/// A file's content in memory, for readers of files: `MemoryFile file("1,2\n3,4\n", "table"); read_csv_from(file)`. The
/// name is for errors; the content is not copied.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content, std::string name = "memory")
      : rest_(content), size_(content.size()), name_(std::move(name)) {}
  template <std::same_as<std::string> S> explicit MemoryFile(S&&, std::string = {}) = delete;  // it would dangle

  const std::string& path() const { return name_; }
  std::size_t size_hint() const { return size_; }
  std::size_t read(void* to, std::size_t bytes) {
    const std::size_t have = rest_.copy(static_cast<char*>(to), bytes);
    rest_.remove_prefix(have);
    return have;
  }

 private:
  std::string_view rest_;
  std::size_t size_;
  std::string name_;
};

/// Bytes as they are read, up to a limit that the caller sets: memory grows with what was read, not with what a header
/// claims.
class BoundedBytes {
 public:
  BoundedBytes(const std::string& path, std::size_t most_bytes) : path_(path), most_(most_bytes) {}

  void add(const unsigned char* block, std::size_t n) {
    if (n > most_ - bytes_.size()) damaged(path_ + ", size", "at most " + std::to_string(most_) + " bytes", "more");
    if (bytes_.size() + n > bytes_.capacity()) bytes_.reserve(std::min(most_, 2 * (bytes_.size() + n)));
    bytes_.insert(bytes_.end(), block, block + n);
  }
  /// About `n` bytes are likely to follow.
  void expect(std::size_t n) { bytes_.reserve(std::min(most_, n)); }
  std::vector<unsigned char> take() { return std::move(bytes_); }

 private:
  const std::string& path_;
  std::size_t most_;
  std::vector<unsigned char> bytes_;
};

/// No limit of a file's size.
inline constexpr std::size_t any_size = std::numeric_limits<std::size_t>::max();

/// The whole content of a file: an `InputFile`, a `MemoryFile`, or another type with `path`, `size_hint` and `read`.
/// Throws `Error` (format) if it is more than `most_bytes`.
template <class File> std::vector<unsigned char> read_all(File& file, std::size_t most_bytes) {
  BoundedBytes bytes(file.path(), most_bytes);
  bytes.expect(file.size_hint());
  Block block;
  for (std::size_t have = block.size(); have == block.size();) {
    have = file.read(block.data(), block.size());
    bytes.add(block.data(), have);
  }
  return bytes.take();
}
/// The bytes of a file. Throws `Error`: (file) when it cannot be opened or read, or is not a regular file, (format)
/// when it has more bytes than `most_bytes`.
inline std::vector<unsigned char> read_file(const std::string& path, std::size_t most_bytes = any_size) {
  InputFile file(path, InputFile::Kind::regular);
  return read_all(file, most_bytes);
}

}  // namespace sinter::data
