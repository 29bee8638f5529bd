// Files of tensors in the format safetensors: read, checked, written.
//
// Format: the header's length (8 bytes, little-endian), a JSON header with name, dtype, shape and offsets of every
// tensor, then the data without gaps. Needs nlohmann-json: link sinter::safetensors.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <algorithm>
#include <bit>

#include "../train/model.hpp"
#include "atomic_file.hpp"
#include "element_types.hpp"
#include "json_string.hpp"
#include "safetensors_header.hpp"

namespace sinter::inline SINTER_ABI {

namespace io {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, and are read and written as memory");

/// A file that has been read and validated.
struct TensorFile {
  std::vector<TensorEntry> tensors;  ///< sorted by name
  std::vector<unsigned char> bytes;  ///< the whole file
  std::size_t data = 0;              ///< offset of the data

  /// The tensor with this name; nullptr if there is none.
  const TensorEntry* find(std::string_view name) const {
    const auto at = std::lower_bound(tensors.begin(), tensors.end(), name,
                                     [](const TensorEntry& t, std::string_view n) { return t.name < n; });
    return at != tensors.end() && at->name == name ? &*at : nullptr;
  }
};

/// "[2, 3]", for messages.
inline std::string to_string(const std::vector<std::uint64_t>& shape) {
  std::string s = "[";
  for (const std::uint64_t n : shape) s += (s.size() > 1 ? ", " : "") + std::to_string(n);
  return s + "]";
}

namespace safetensors_detail {

constexpr std::size_t most_header_bytes = 100'000'000;  // as in safetensors itself

/// Checks a tensor's header entry against the size of the data; for unknown dtypes only the offsets.
SINTER_COLD inline void check(const TensorEntry& t, const std::string& file, std::size_t data_bytes) {
  const auto where = [&](const char* field) { return tensor_in(file, t.name) + ", " + field; };
  if (t.begin > t.end || t.end > data_bytes)
    data::damaged(where("data_offsets"), "a range within 0 … " + std::to_string(data_bytes),
                  std::to_string(t.begin) + " … " + std::to_string(t.end));
  const int bits = bits_of(t.dtype);
  if (bits == 0) return;
  std::uint64_t elements = std::find(t.shape.begin(), t.shape.end(), 0) != t.shape.end() ? 0 : 1;
  for (const std::uint64_t extent : t.shape) {
    if (elements != 0 && extent > data_bytes * 8 / std::uint64_t(bits) / elements)
      data::damaged(where("shape"), "a tensor within the " + std::to_string(data_bytes) + " bytes of data",
                    to_string(t.shape));
    elements *= extent;
  }
  if (elements * std::uint64_t(bits) != (t.end - t.begin) * 8)
    data::damaged(
        where("data_offsets"),
        std::to_string(elements * std::uint64_t(bits) / 8) + " bytes for " + t.dtype + " " + to_string(t.shape),
        std::to_string(t.end - t.begin));
}

/// Appends the entry of one tensor to a header.
SINTER_COLD inline void append_entry(std::string& header, const std::string& name, Dtype dtype, const Shape& shape,
                                     std::uint64_t begin, std::uint64_t end) {
  header.append(",").append(json_string(name)).append(":{\"dtype\":\"").append(safetensors_name(dtype));
  header.append("\",\"shape\":[");
  for (int i = 0; i < shape.rank; ++i) header.append(i > 0 ? "," : "").append(std::to_string(shape[i]));
  header.append("],\"data_offsets\":[").append(std::to_string(begin)).append(",");
  header.append(std::to_string(end)).append("]}");
}

}  // namespace safetensors_detail

/// Sorts the tensors of a file; throws where two have one name.
SINTER_COLD inline void sort_by_name(TensorFile& f, const std::string& path) {
  std::sort(f.tensors.begin(), f.tensors.end(),
            [](const TensorEntry& a, const TensorEntry& b) { return a.name < b.name; });
  for (std::size_t i = 1; i < f.tensors.size(); ++i)
    if (f.tensors[i - 1].name == f.tensors[i].name)
      data::damaged(safetensors_detail::tensor_in(path, f.tensors[i].name), "one of this name", "two");
}

/// Reads the bytes of a file and checks all that it claims. Throws `Error` naming file, tensor and field, expected and
/// found: (format) when it is damaged. Accepts what the format's own readers accept, and unknown dtypes. Memory stays
/// within a small multiple of the file's own size, time within a multiple of n log n for n tensors.
SINTER_COLD inline TensorFile read_safetensors(std::vector<unsigned char> bytes, const std::string& path) {
  using namespace safetensors_detail;
  TensorFile f;
  f.bytes = std::move(bytes);
  const std::string_view first(reinterpret_cast<const char*>(f.bytes.data()), std::min<std::size_t>(4, f.bytes.size()));
  if (first == "\x80\x02\x8a\x0a")  // a pickle of a number
    throw_error(ErrorCode::unsupported, path, "expected safetensors or an archive, found a file of PyTorch before 1.6",
                "torch.save(torch.load(path), path)");
  if (f.bytes.size() < 8) data::damaged(path + ", header length", "8 bytes", std::to_string(f.bytes.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, f.bytes.data(), 8);
  if (length > f.bytes.size() - 8)
    data::damaged(path + ", header length", "at most the " + std::to_string(f.bytes.size() - 8) + " bytes that follow",
                  std::to_string(length));
  if (length > most_header_bytes)
    data::damaged(path + ", header length", "at most " + std::to_string(most_header_bytes), std::to_string(length));
  f.data = 8 + length;
  f.tensors = read_header({reinterpret_cast<const char*>(f.bytes.data()) + 8, std::size_t(length)}, path);

  const std::size_t data_bytes = f.bytes.size() - f.data;
  std::vector<const TensorEntry*> by_place;
  for (const TensorEntry& t : f.tensors) {
    check(t, path, data_bytes);
    by_place.push_back(&t);
  }
  std::sort(by_place.begin(), by_place.end(),
            [](auto* a, auto* b) { return a->begin != b->begin ? a->begin < b->begin : a->end < b->end; });
  std::size_t at = 0;
  for (const TensorEntry* t : by_place) {
    if (t->begin != at)
      data::damaged(tensor_in(path, t->name) + ", data_offsets",
                    "a beginning at " + std::to_string(at) + ", where the tensor before it ends",
                    std::to_string(t->begin));
    at = t->end;
  }
  if (at != data_bytes)
    data::damaged(path + ", data", std::to_string(at) + " bytes as the header says", std::to_string(data_bytes));
  sort_by_name(f, path);
  return f;
}
/// The same of a file. Throws `Error` (file) when it cannot be read or is not a regular file.
SINTER_COLD inline TensorFile read_safetensors(const std::string& path) {
  return read_safetensors(data::read_file(path), path);
}

}  // namespace io

namespace io {
/// Writes tensors under their names. The file is written whole or not at all; an old file survives a failure.
template <class Byte> void save_tensors(const std::vector<NamedTensor<Byte>>& tensors, const std::string& path) {
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  std::uint64_t at = 0;
  std::vector<std::string_view> parts(2);
  for (const auto& t : tensors) {
    parts.emplace_back(reinterpret_cast<const char*>(t.data), t.bytes());
    safetensors_detail::append_entry(header, t.name, t.dtype, t.shape, at, at + t.bytes());
    at += t.bytes();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');  // data aligned to 8
  const std::uint64_t length = header.size();
  parts[0] = {reinterpret_cast<const char*>(&length), 8};
  parts[1] = header;
  replace_file(path, parts);
}
}  // namespace io

}  // namespace sinter

#include "../tensor/optimised_end.hpp"
