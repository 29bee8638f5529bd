// ZIP archives: what PyTorch's and NumPy's files of several tensors are. Members are stored, not compressed.
//
// Format: members, each after a header of its own, then a directory of them, then its place; with fields of 64 bits
// beside those of 32 where an archive is large. Source: PKWARE's APPNOTE.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../data/file.hpp"

namespace sinter::inline SINTER_ABI::io {

/// A member of an archive, and where its bytes are in the file.
struct ZipMember {
  std::string name;
  std::size_t begin = 0, size = 0;
  std::uint32_t crc = 0;
};

namespace zip_detail {

/// Tables for eight bytes at a time.
inline constexpr auto crc_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xedb88320u ^ c >> 1 : c >> 1;
    t[0][i] = c;
  }
  for (std::size_t i = 0; i < 256; ++i)
    for (std::size_t k = 1; k < 8; ++k) t[k][i] = t[0][t[k - 1][i] & 255] ^ t[k - 1][i] >> 8;
  return t;
}();
/// CRC-32 as in ZIP and zlib.
inline std::uint32_t crc32(const unsigned char* p, std::size_t n) {
  const auto& t = crc_tables;
  std::uint32_t c = 0xffffffffu;
  for (; n >= 8; n -= 8, p += 8)
    c = t[7][(c ^ p[0]) & 255] ^ t[6][(c >> 8 ^ p[1]) & 255] ^ t[5][(c >> 16 ^ p[2]) & 255] ^
        t[4][(c >> 24 ^ p[3]) & 255] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]];
  for (; n > 0; --n) c = t[0][(c ^ *p++) & 255] ^ c >> 8;
  return ~c;
}

/// Little-endian numbers of a file. Positions outside of it are errors.
class Bytes {
 public:
  Bytes(const std::vector<unsigned char>& bytes, const std::string& path) : bytes_(bytes), path_(path) {}
  std::size_t size() const { return bytes_.size(); }
  void need(std::uint64_t at, std::uint64_t n, const char* what) const {
    if (at > bytes_.size() || n > bytes_.size() - at)
      data::damaged(path_ + ", " + what, "a range within its " + std::to_string(bytes_.size()) + " bytes",
                    std::to_string(at) + " + " + std::to_string(n));
  }
  std::uint64_t number(std::uint64_t at, int width) const {
    need(at, std::uint64_t(width), "archive");
    std::uint64_t r = 0;
    for (int i = width; i-- > 0;) r = r << 8 | bytes_[std::size_t(at) + std::size_t(i)];
    return r;
  }
  std::string text(std::uint64_t at, std::uint64_t n) const {
    need(at, n, "name of a member");
    return {reinterpret_cast<const char*>(bytes_.data()) + at, std::size_t(n)};
  }

 private:
  const std::vector<unsigned char>& bytes_;
  const std::string& path_;
};

struct Directory {
  std::uint64_t entries = 0, size = 0, at = 0;
};
SINTER_COLD inline Directory find_directory(const Bytes& file, const std::string& path) {
  constexpr std::uint64_t end_bytes = 22, most_comment = 0xffff;
  const std::uint64_t size = file.size();
  for (std::uint64_t back = end_bytes; back <= size && back <= end_bytes + most_comment; ++back) {
    const std::uint64_t at = size - back;
    if (file.number(at, 4) != 0x06054b50 || file.number(at + 20, 2) != back - end_bytes) continue;
    Directory d{file.number(at + 10, 2), file.number(at + 12, 4), file.number(at + 16, 4)};
    if ((d.entries == 0xffff || d.size == 0xffffffff || d.at == 0xffffffff) && at >= 20 &&
        file.number(at - 20, 4) == 0x07064b50) {
      const std::uint64_t wide = file.number(at - 12, 8);
      if (file.number(wide, 4) != 0x06064b50) data::damaged(path, "the end of a ZIP archive of 64 bits", "none");
      d = {file.number(wide + 32, 8), file.number(wide + 40, 8), file.number(wide + 48, 8)};
    }
    file.need(d.at, d.size, "directory");
    return d;
  }
  data::damaged(path, "the end of a ZIP archive", "none");
}

}  // namespace zip_detail

/// Whether these bytes begin as a ZIP archive does: with a member, or, of none, with the end.
inline bool is_zip(const std::vector<unsigned char>& bytes) {
  return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] == 'K' &&
         ((bytes[2] == 3 && bytes[3] == 4) || (bytes[2] == 5 && bytes[3] == 6));
}

/// The members of an archive, as its directory lists them. Throws `Error`: (format) damaged, (unsupported) compressed
/// or encrypted members.
SINTER_COLD inline std::vector<ZipMember> read_zip(const std::vector<unsigned char>& bytes, const std::string& path) {
  const zip_detail::Bytes file(bytes, path);
  const zip_detail::Directory d = zip_detail::find_directory(file, path);
  std::vector<ZipMember> members;
  std::uint64_t at = d.at;
  for (std::uint64_t i = 0; i < d.entries; ++i) {
    if (file.number(at, 4) != 0x02014b50)
      data::damaged(path + ", directory", std::to_string(d.entries) + " members", std::to_string(i));
    const std::uint64_t name = file.number(at + 28, 2), extra = file.number(at + 30, 2),
                        comment = file.number(at + 32, 2);
    ZipMember m{file.text(at + 46, name), 0, 0, std::uint32_t(file.number(at + 16, 4))};
    const std::string where = path + ", member " + data::quoted(m.name, 100);
    if ((file.number(at + 8, 2) & 1) != 0)
      throw_error(ErrorCode::unsupported, where, "expected one that is not encrypted, found another");
    if (file.number(at + 10, 2) != 0)
      throw_error(ErrorCode::unsupported, where, "expected one that is stored, found a compressed one",
                  "torch.save and numpy.savez store them");
    std::uint64_t stored = file.number(at + 20, 4), whole = file.number(at + 24, 4), local = file.number(at + 42, 4);
    for (std::uint64_t e = at + 46 + name, end = e + extra; e + 4 <= end;) {  // fields of 64 bits
      const std::uint64_t id = file.number(e, 2), n = file.number(e + 2, 2);
      std::uint64_t field = e + 4;
      e = field + n;
      if (id != 1 || e > end) continue;
      for (std::uint64_t* x : {&whole, &stored, &local})
        if (*x == 0xffffffff && field + 8 <= e) *x = file.number(field, 8), field += 8;
    }
    if (stored != whole) data::damaged(where, "one size", std::to_string(stored) + " and " + std::to_string(whole));
    if (file.number(local, 4) != 0x04034b50) data::damaged(where, "a header at its place", "none");
    const std::uint64_t begin = local + 30 + file.number(local + 26, 2) + file.number(local + 28, 2);
    file.need(begin, whole, "member");
    m.begin = std::size_t(begin);
    m.size = std::size_t(whole);
    if (zip_detail::crc32(bytes.data() + m.begin, m.size) != m.crc)
      data::damaged(where, "bytes of its checksum", "others");
    members.push_back(std::move(m));
    at += 46 + name + extra + comment;
  }
  return members;
}

}  // namespace sinter::io

#include "../tensor/optimised_end.hpp"
