// Reading a whole file, with errors that name it.
#pragma once
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <cerrno>

#include "../tensor/error.hpp"

namespace sinter::data {

[[noreturn]] SINTER_COLD inline void file_failed(const std::string& path, const char* what, int error) {
  throw Error(ErrorCode::file, path, std::string(what) + ": " + std::generic_category().message(error), "check the path and its permissions");
}
[[noreturn]] SINTER_COLD inline void damaged(const std::string& context, const std::string& expected, const std::string& found) {
  throw Error(ErrorCode::format, context, "expected " + expected + ", found " + found, "the file is damaged or of another kind; nothing was taken from it");
}

/// The bytes of a file. Throws `Error` (file) when it cannot be opened or read.
inline std::vector<unsigned char> read_file(const std::string& path) {
  struct Closer {
    std::FILE* f;
    ~Closer() { if (f != nullptr) std::fclose(f); }
  } file{std::fopen(path.c_str(), "rb")};
  if (file.f == nullptr) file_failed(path, "cannot be opened", errno);
  std::vector<unsigned char> bytes;
  unsigned char block[1 << 16];
  for (;;) {
    const std::size_t n = std::fread(block, 1, sizeof block, file.f);
    bytes.insert(bytes.end(), block, block + n);
    if (n < sizeof block) break;
  }
  if (std::ferror(file.f) != 0) file_failed(path, "cannot be read", errno);
  return bytes;
}

}  // namespace sinter::data
