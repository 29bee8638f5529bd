// Replacing a file so that whoever looks sees the old one or the new one, whole.
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <vector>

#include "../data/file.hpp"

namespace sinter::io {

/// Writes the parts one after another to a temporary file beside `path`, syncs it, and renames it into place. On any failure
/// the temporary file goes, `path` is as it was, and `Error` (file) says what failed.
inline void replace_file(const std::string& path, const std::vector<std::string_view>& parts) {
  struct Temporary {
    std::string name;
    int descriptor = -1;
    bool keep = false;
    ~Temporary() {
      if (descriptor >= 0) ::close(descriptor);
      if (!keep && !name.empty()) ::unlink(name.c_str());
    }
  } t;
  for (int i = 0; t.descriptor < 0; ++i) {
    const std::string name = path + "." + std::to_string(::getpid()) + "-" + std::to_string(i) + ".part";
    t.descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (t.descriptor >= 0) t.name = name;
    else if (errno != EEXIST) data::file_failed(path, "cannot be written", errno);
  }
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0 && ::fchmod(t.descriptor, old.st_mode & 07777) != 0) data::file_failed(t.name, "cannot take the permissions of the file it replaces", errno);
  for (std::string_view part : parts)
    while (!part.empty()) {
      const ssize_t n = ::write(t.descriptor, part.data(), part.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) data::file_failed(t.name, "cannot be written", errno);
      part.remove_prefix(std::size_t(n));
    }
  if (::fsync(t.descriptor) != 0) data::file_failed(t.name, "cannot be synced", errno);
  if (::rename(t.name.c_str(), path.c_str()) != 0) data::file_failed(path, "cannot be replaced", errno);
  t.keep = true;
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (const int d = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY); d >= 0) {  // the name itself reaches the disk
    ::fsync(d);
    ::close(d);
  }
}

}  // namespace sinter::io
