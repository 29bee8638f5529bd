// NumPy's files of several arrays, .npz.
//
//   io::write_npz("all.npz", std::pair{"x", x}, std::pair{"y", y});   // numpy.savez("all.npz", x=x, y=y)
//   const auto x = io::tensor<float, 3, 4>("all.npz", "x");           // numpy.load("all.npz")["x"], io/safetensors.hpp
//
// `load(net, "weights.npz")` reads a model's. Link sinter::safetensors for these two.
#pragma once
#include "npy.hpp"
#include "zip.hpp"

namespace sinter::inline SINTER_ABI::io {

namespace zip_detail {

/// Writes an archive of stored members.
SINTER_COLD inline void write_zip(const std::string& path,
                                  const std::vector<std::pair<std::string, std::string>>& all) {
  constexpr std::uint64_t most = 0xfffffffe;
  const auto number = [](std::string& to, std::uint64_t n, int bytes) {
    for (; bytes > 0; --bytes, n >>= 8) to += char(n & 255);
  };
  std::vector<std::string> heads;
  std::string directory;
  std::uint64_t at = 0;
  for (const auto& [name, bytes] : all) {
    std::string fields;  // of a member and of the directory alike
    number(fields, 20, 2), number(fields, 0x0800, 2);               // version 2.0; names are UTF-8
    number(fields, 0, 2), number(fields, 0, 2), number(fields, 0x21, 2);  // stored; 1 January 1980, 0:00
    number(fields, crc32(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()), 4);
    number(fields, bytes.size(), 4), number(fields, bytes.size(), 4), number(fields, name.size(), 2);
    number(fields, 0, 2);
    number(directory, 0x02014b50, 4), number(directory, 20, 2);
    directory += fields;
    number(directory, 0, 2), number(directory, 0, 2), number(directory, 0, 2), number(directory, 0, 4);
    number(directory, at, 4);
    directory += name;
    std::string& head = heads.emplace_back();
    number(head, 0x04034b50, 4);
    head += fields + name;
    if (name.size() > 0xffff || bytes.size() > most || (at += head.size() + bytes.size()) > most)
      throw_error(ErrorCode::unsupported, path, "expected an archive below 4 GiB, found a larger one",
                  "save safetensors");
  }
  std::string end;
  number(end, 0x06054b50, 4), number(end, 0, 4), number(end, all.size(), 2), number(end, all.size(), 2);
  number(end, directory.size(), 4), number(end, at, 4), number(end, 0, 2);
  std::vector<std::string_view> parts;
  for (std::size_t i = 0; i < all.size(); ++i) parts.insert(parts.end(), {heads[i], all[i].second});
  parts.insert(parts.end(), {directory, end});
  replace_file(path, parts);
}

}  // namespace zip_detail

/// Writes tensors, views or expressions under their names; of bounded ones what their lengths say. The file is written
/// whole or not at all, without compression. Python: numpy.savez(path, x=x, y=y).
template <class... Name, Operand... X>
SINTER_COLD void write_npz(const std::string& path, const std::pair<Name, X>&... named) {
  zip_detail::write_zip(path, {{std::string(named.first) + ".npy", npy_detail::file_of(named.second, path)}...});
}

}  // namespace sinter::io
