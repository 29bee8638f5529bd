// Atomic replacement of a file: readers see the old one or the new one, whole.
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string_view>
#include <vector>

#include "../data/file.hpp"
#include "../tensor/utf8.hpp"

namespace sinter::inline SINTER_ABI::io {
namespace atomic_file {

/// A file descriptor that closes with its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

/// The destination of a file: its folder, open, and its name there. Symbolic links are followed, so that a link stays a
/// link.
struct Target {
  std::string path;  ///< as given, for errors
  std::string name;
  Descriptor folder;
  bool exists = false;
  struct stat old {};  ///< of the existing file
};

/// The target as it is now; nothing where the path changed while it was looked up: another saver replaced the file.
SINTER_COLD inline std::optional<Target> try_find_target(const std::string& path) {
  Target t{path, path, Descriptor(), false, {}};
  t.exists = ::stat(path.c_str(), &t.old) == 0;
  if (!t.exists && errno != ENOENT) data::file_failed(path, "cannot be written", errno);
  if (t.exists && !S_ISREG(t.old.st_mode))
    throw_error(ErrorCode::file, path,
                std::string("expected a regular file or none, found ") + data::kind_of_file(t.old.st_mode),
                "name a file");
  if (t.exists && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
    data::file_failed(path, "cannot be written", errno);  // the folder may be writable, but the file is not
  std::string folder;
  for (int links = 0;; ++links) {
    if (links > 40) data::file_failed(path, "cannot be written", ELOOP);
    const std::size_t slash = t.name.rfind('/');
    if (slash != t.name.npos) {
      if (t.name[0] == '/') folder.clear();
      folder += t.name.substr(0, slash + 1);
      t.name.erase(0, slash + 1);
    }
    char link[4096];
    const ssize_t n = ::readlink((folder + t.name).c_str(), link, sizeof link);
    if (n < 0) break;
    t.name.assign(link, std::size_t(n));
  }
  if (t.name.empty()) data::file_failed(path, "cannot be written", ENOENT);
  const std::string shown = folder.empty() ? "." : folder;
  t.folder = Descriptor(::open(shown.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
#ifdef O_PATH
  if (t.folder.get() < 0 && errno == EACCES)
    t.folder = Descriptor(::open(shown.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
#endif
  if (t.folder.get() < 0) data::file_failed(path, "cannot be written", errno);
  struct stat found {};
  const bool is_there = ::fstatat(t.folder.get(), t.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
  const bool is_same = is_there == t.exists &&
                       (!is_there || (found.st_ino == t.old.st_ino && found.st_dev == t.old.st_dev));
  return is_same ? std::optional(std::move(t)) : std::nullopt;
}

SINTER_COLD inline Target find_target(const std::string& path) {
  constexpr int most_attempts = 1000;  // savers sync before they replace: two in a row hardly ever change
  for (int i = 0; i < most_attempts; ++i)
    if (std::optional<Target> t = try_find_target(path)) return std::move(*t);
  data::file_failed(path, "cannot be written", ENOENT);  // such as a link of /proc to a file that was removed
}

/// The prefix of the names of a target's temporary files: its own name, shortened if that would be too long with what
/// follows.
inline std::string prefix_of(const Target& t) {
  constexpr std::size_t longest_suffix = 32;
  const long limit = ::fpathconf(t.folder.get(), _PC_NAME_MAX);
  const std::size_t most = (limit > 64 ? std::size_t(limit) : 255) - longest_suffix;
  if (t.name.size() <= most) return t.name + ".";
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : t.name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::string text(16, '0');
  for (char& digit : text) {
    digit = "0123456789abcdef"[hash & 15];
    hash >>= 4;
  }
  std::size_t kept = 0;
  while (kept + 4 + text.size() < most)
    kept += std::max<std::size_t>(1, tensor_detail::utf8_length(std::string_view(t.name).substr(kept)));
  return t.name.substr(0, kept) + "-" + text + ".";
}

/// Whether the name is that of a temporary file: "net.safetensors.4711-0.part" for the prefix "net.safetensors.".
inline bool is_temporary(std::string_view name, std::string_view prefix) {
  const auto digits = [&name] {
    const std::size_t n = std::min(name.find_first_not_of("0123456789"), name.size());
    name.remove_prefix(n);
    return n > 0;
  };
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  if (!digits() || !name.starts_with('-')) return false;
  name.remove_prefix(1);
  return digits() && name == ".part";
}

/// Removes the temporary files of processes that were killed. Running ones hold a lock on theirs.
SINTER_COLD inline void remove_abandoned(const Target& t, const std::string& prefix) {
  const int again = ::openat(t.folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const list = again >= 0 ? ::fdopendir(again) : nullptr;
  if (list == nullptr) {
    if (again >= 0) ::close(again);
    return;
  }
  while (const dirent* entry = ::readdir(list)) {
    if (!is_temporary(entry->d_name, prefix)) continue;
    const Descriptor file(::openat(t.folder.get(), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat opened {
    }, named{};
    if (file.get() < 0 || ::fstat(file.get(), &opened) != 0 || !S_ISREG(opened.st_mode) ||
        ::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
      continue;
    if (::fstatat(t.folder.get(), entry->d_name, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == opened.st_ino)
      ::unlinkat(t.folder.get(), entry->d_name, 0);
  }
  ::closedir(list);
}

/// A file next to the target that only its owner can read; removed with this object unless it has replaced the target.
class Temporary {
 public:
  SINTER_COLD explicit Temporary(const Target& target) : Temporary(target, prefix_of(target)) {
    remove_abandoned(target, prefix_);
    for (int i = 0;; ++i) {
      name_ = prefix_ + std::to_string(::getpid()) + "-" + std::to_string(i) + ".part";
      file_ = Descriptor(::openat(target.folder.get(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                  target.exists ? 0600 : 0666));
      if (file_.get() < 0 && errno == EEXIST) continue;
      if (file_.get() < 0) fail("cannot be written");
      struct stat made {};
      if (::fstat(file_.get(), &made) != 0) fail("cannot be written");
      // The mode of a new file is 0666 as changed by umask and folder. It is restored when the file is complete:
      // whoever opens the empty file now could also read the complete one.
      mode_ = target.exists ? target.old.st_mode & 07777 : made.st_mode & 07777;
      ::fchmod(file_.get(), 0600);
      while (::flock(file_.get(), LOCK_EX) != 0 && errno == EINTR) {
      }
      if (::fstat(file_.get(), &made) == 0 && made.st_nlink > 0)
        return;  // else another process removed it as a leftover, before it was locked
    }
  }
  ~Temporary() {
    if (!name_.empty() && file_.get() >= 0) ::unlinkat(target_.folder.get(), name_.c_str(), 0);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  const std::string& name() const { return name_; }
  SINTER_COLD void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_.get(), bytes.data(), std::min(bytes.size(), std::size_t(1) << 30));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("cannot be written");
      bytes.remove_prefix(std::size_t(n));
    }
  }
  /// Gives the file the target's owner, mode and name, and syncs both to disk.
  SINTER_COLD void replace_target() {
    take_owner_and_mode();
    while (::fsync(file_.get()) != 0)
      if (errno != EINTR) fail("cannot be synced");
    const int folder = target_.folder.get();
    if (::renameat(folder, name_.c_str(), folder, target_.name.c_str()) != 0) fail("cannot be replaced");
    name_.clear();
    ::fsync(folder);  // where the system supports it
  }

 private:
  Temporary(const Target& target, std::string prefix) : target_(target), prefix_(std::move(prefix)) {}

  void take_owner_and_mode() {
    struct stat now {};
    if (target_.exists && ::fstat(file_.get(), &now) == 0 &&
        (now.st_uid != target_.old.st_uid || now.st_gid != target_.old.st_gid)) {
      if (::fchown(file_.get(), target_.old.st_uid, target_.old.st_gid) != 0 &&
          ::fchown(file_.get(), uid_t(-1), target_.old.st_gid) != 0)
        mode_ &= ~mode_t(070) | (mode_ & 07) << 3;  // a group that may be another one gets no more than others
      if (::fstat(file_.get(), &now) != 0 || now.st_uid != target_.old.st_uid || now.st_gid != target_.old.st_gid)
        mode_ &= 01777;
    }
    if (::fchmod(file_.get(), mode_) != 0 && errno != EPERM && errno != ENOTSUP)
      fail("cannot take its permissions");  // some file systems have no permissions
  }
  [[noreturn]] SINTER_COLD void fail(const char* what) const { data::file_failed(target_.path, what, errno); }

  const Target& target_;
  std::string prefix_, name_;
  Descriptor file_;
  mode_t mode_ = 0600;
};

}  // namespace atomic_file

/// Writes the parts one after another to a temporary file next to `path`, syncs it, and renames it into place. A link
/// stays a link, to the new file; owner and mode of the old file are kept as far as the process may set them, a new one
/// gets 0666 less the umask. Concurrent writers of one path all succeed, and the last one's file stays; files left by
/// killed ones are removed by the next. On any failure the temporary file is removed, `path` is unchanged, and `Error`
/// (file) says what failed; so too for folders, pipes and devices, and for files that the process may not write.
SINTER_COLD inline void replace_file(const std::string& path, const std::vector<std::string_view>& parts) {
  const atomic_file::Target target = atomic_file::find_target(path);
  atomic_file::Temporary temporary(target);
  for (const std::string_view part : parts) temporary.write(part);
  temporary.replace_target();
}

}  // namespace sinter::io
