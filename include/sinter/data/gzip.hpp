// Files compressed by gzip (RFC 1952). Needs zlib: link sinter::gzip.
#pragma once
#include <zlib.h>

#include <new>

#include "file.hpp"

namespace sinter::data {
namespace gzip {

/// A decompressor of zlib's that goes with its scope.
struct Inflater {
  z_stream z{};
  Inflater() {
    constexpr int gzip_only = 16 + MAX_WBITS;
    const int status = inflateInit2(&z, gzip_only);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status != Z_OK) throw Error(ErrorCode::unsupported, "zlib", "the library that runs, " + std::string(zlibVersion()) + ", does not fit the headers of " ZLIB_VERSION, "install both of one version");
  }
  ~Inflater() { inflateEnd(&z); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

inline bool begins(const Block& block, std::size_t have) { return have >= 2 && block[0] == 0x1f && block[1] == 0x8b; }

/// Unpacks what remains of a file, of which `have` bytes are in the block already.
inline std::vector<unsigned char> unpack(InputFile& file, Block& block, std::size_t have, std::size_t most_bytes) {
  const std::string& path = file.path();
  Inflater inflater;
  z_stream& z = inflater.z;
  BoundedBytes bytes(path, most_bytes);
  Block piece;
  std::size_t read = have;  // bytes of the file so far
  bool in_member = true;    // a file is one or more members, one behind another
  z.next_in = block.data();
  z.avail_in = uInt(have);
  const auto place = [&] { return path + ", byte " + std::to_string(read - z.avail_in) + " of the compressed data"; };
  for (;;) {
    if (z.avail_in == 0) {
      have = file.read(block);
      if (have == 0 && in_member) damaged(place(), "more of it", "the end of the file");
      if (have == 0) return bytes.take();
      read += have;
      z.next_in = block.data();
      z.avail_in = uInt(have);
    }
    if (!in_member) {
      if (*z.next_in != 0x1f) damaged(place(), "the end of the file or another gzip member", "a byte " + std::to_string(*z.next_in));
      inflateReset(&z);
      in_member = true;
    }
    z.next_out = piece.data();
    z.avail_out = uInt(piece.size());
    const int status = inflate(&z, Z_NO_FLUSH);
    bytes.add(piece.data(), piece.size() - z.avail_out);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_STREAM_END) in_member = false;
    else if (status != Z_OK && status != Z_BUF_ERROR) damaged(place(), "sound gzip data", z.msg != nullptr ? z.msg : "none");  // a buffer error asks for more input
  }
}

}  // namespace gzip

/// Unpacks a gzip file piece by piece, also one of several members. Memory follows what has been unpacked, never what a
/// header claims. Throws `Error` that names the file: (file) when it cannot be read, (format) when it is truncated, damaged (every
/// checksum is verified), followed by other bytes, or when more than `most_bytes` come out. Python: gzip.open(path).read().
inline std::vector<unsigned char> read_gzip(const std::string& path, std::size_t most_bytes) {
  InputFile file(path);
  Block block;
  const std::size_t have = file.read(block);
  if (!gzip::begins(block, have)) damaged(path + ", first bytes", "31 139, as of every gzip file", have < 2 ? "the end of the file" : std::to_string(block[0]) + " " + std::to_string(block[1]));
  return gzip::unpack(file, block, have, most_bytes);
}

/// The bytes of a file, unpacked if it is a gzip file: its first two bytes tell, not its name. Errors are those of `read_gzip` and `read_file`.
inline std::vector<unsigned char> read_file_or_gzip(const std::string& path, std::size_t most_bytes) {
  InputFile file(path);
  Block block;
  const std::size_t have = file.read(block);
  if (gzip::begins(block, have)) return gzip::unpack(file, block, have, most_bytes);
  return read_rest(file, block, have, most_bytes);
}

}  // namespace sinter::data
