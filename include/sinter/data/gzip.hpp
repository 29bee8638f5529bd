// Files compressed by gzip (RFC 1952). Needs zlib: link sinter::gzip.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <zlib.h>

#include <new>

#include "file.hpp"

namespace sinter::inline SINTER_ABI::data {

/// A file that is decompressed while it is read, if it is a gzip file by its first two bytes, not its name. A gzip file
/// has one or more members, each with its checksum, and zeros between and after them as padding. Throws `Error` that
/// names the file: (file) when it cannot be opened or read, (format) when it is truncated, damaged, or followed by
/// other bytes. Python: gzip.open(path).
class UnpackedFile {
 public:
  explicit UnpackedFile(const std::string& path)
      : file_(path),
        have_(file_.read(block_.data(), block_.size())),
        is_gzip_(have_ >= 2 && block_[0] == 0x1f && block_[1] == 0x8b) {
    z_.next_in = block_.data();
    z_.avail_in = uInt(have_);
    if (!is_gzip_) return;
    constexpr int gzip_only = 16 + MAX_WBITS;
    const int status = inflateInit2(&z_, gzip_only);
    if (status == Z_MEM_ERROR) tensor_detail::raise(std::bad_alloc());
    if (status != Z_OK)
      throw_error(
          ErrorCode::unsupported, "zlib",
          "the library that runs, " + std::string(zlibVersion()) + ", does not fit the headers of " ZLIB_VERSION,
          "install both of one version");
  }
  ~UnpackedFile() {
    if (is_gzip_) inflateEnd(&z_);
  }
  UnpackedFile(const UnpackedFile&) = delete;
  UnpackedFile& operator=(const UnpackedFile&) = delete;

  bool is_gzip() const { return is_gzip_; }
  const std::string& path() const { return file_.path(); }
  /// The number of bytes if known: not for compressed files.
  std::size_t size_hint() const { return is_gzip_ ? 0 : file_.size_hint(); }
  /// The first two bytes of the file, for errors.
  std::string first_bytes() const {
    return have_ < 2 ? "the end of the file" : std::to_string(first_[0]) + " " + std::to_string(first_[1]);
  }

  /// Reads `bytes` bytes; returns how many there were, fewer only at the end, after the last checksum was verified.
  std::size_t read(void* to, std::size_t bytes) {
    auto* const out = static_cast<unsigned char*>(to);
    return is_gzip_ ? unpack(out, bytes) : copy(out, bytes);
  }

 private:
  std::size_t copy(unsigned char* out, std::size_t bytes) {
    const std::size_t held = std::min<std::size_t>(bytes, z_.avail_in);
    std::memcpy(out, z_.next_in, held);
    z_.next_in += held;
    z_.avail_in -= uInt(held);
    return held + (bytes > held ? file_.read(out + held, bytes - held) : 0);
  }
  std::size_t unpack(unsigned char* out, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes) {
      if (z_.avail_in == 0 && !fill()) break;
      if (!in_member_ && !next_member()) continue;
      z_.next_out = out + done;
      z_.avail_out = uInt(std::min<std::size_t>(bytes - done, 1 << 30));
      const int status = inflate(&z_, Z_NO_FLUSH);
      done = std::size_t(z_.next_out - out);
      if (status == Z_MEM_ERROR) tensor_detail::raise(std::bad_alloc());
      if (status == Z_STREAM_END)
        in_member_ = false;
      else if (status != Z_OK && status != Z_BUF_ERROR)
        damaged(where(), "sound gzip data", z_.msg != nullptr ? z_.msg : "none");  // a buffer error asks for more input
    }
    return done;
  }
  /// False at the end of the file.
  bool fill() {
    const std::size_t have = file_.read(block_.data(), block_.size());
    if (have == 0 && in_member_) damaged(where(), "more of it", "the end of the file");
    taken_ += have;
    z_.next_in = block_.data();
    z_.avail_in = uInt(have);
    return have > 0;
  }
  /// Skips zeros; false if the block holds nothing else.
  bool next_member() {
    while (z_.avail_in > 0 && *z_.next_in == 0) ++z_.next_in, --z_.avail_in;
    if (z_.avail_in == 0) return false;
    if (*z_.next_in != 0x1f)
      damaged(where(), "the end of the file or another gzip member", "a byte " + std::to_string(*z_.next_in));
    inflateReset(&z_);
    return in_member_ = true;
  }
  std::string where() const {
    return path() + ", byte " + std::to_string(taken_ - z_.avail_in) + " of the compressed data";
  }

  InputFile file_;
  Block block_{};
  std::size_t have_, taken_ = have_;
  std::array<unsigned char, 2> first_{block_[0], block_[1]};
  bool is_gzip_, in_member_ = true;
  z_stream z_{};
};

/// Decompresses a gzip file in chunks. Memory grows with the decompressed data, never with what a header claims. Throws
/// `Error`: those of `UnpackedFile`, and (format) if it is not a gzip file or has more than `most_bytes` decompressed.
/// Python: gzip.open(path).read(), which accepts an empty file.
inline std::vector<unsigned char> read_gzip(const std::string& path, std::size_t most_bytes) {
  UnpackedFile file(path);
  if (!file.is_gzip()) damaged(path + ", first bytes", "31 139, as of every gzip file", file.first_bytes());
  return read_all(file, most_bytes);
}

/// The bytes of a file, decompressed if it is a gzip file. Errors are those of `read_gzip` and `read_file`.
inline std::vector<unsigned char> read_file_or_gzip(const std::string& path, std::size_t most_bytes) {
  UnpackedFile file(path);
  return read_all(file, most_bytes);
}

}  // namespace sinter::data

#include "../tensor/optimised_end.hpp"
