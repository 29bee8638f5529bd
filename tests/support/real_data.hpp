// Data that is not part of the repository: tests read it if it exists, and otherwise count a skip.
#pragma once
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace support {

/// Reports at the end of the program how many tests had no data.
struct Skips {
  int count = 0;
  ~Skips() {
    if (count > 0) std::printf("skipped: %d\n", count);
  }
};
inline Skips skips;

/// The path of a file or folder below the folder SINTER_DATA, which is ../shared/data next to the repository unless the
/// environment names another; nothing, and a skip, if it does not exist.
inline std::optional<std::string> real_data(const std::string& name) {
  const char* folder = std::getenv("SINTER_DATA");
  const std::string path = std::string(folder != nullptr ? folder : SINTER_SOURCE "/../shared/data") + "/" + name;
  if (std::filesystem::exists(path)) return path;
  ++skips.count;
  MESSAGE("skipped: there is no " << path);
  return std::nullopt;
}

}  // namespace support
