// PyTorch's own files, .pt and .pth, and NumPy's of several arrays, .npz: read as files of tensors.
//
// A .pt file is a ZIP archive of a pickle, data.pkl, and of the storages that its tensors are views of, data/0, …; see
// io/pickle.hpp for what is read of the pickle. A .npz file is one of .npy files.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <algorithm>

#include "npy.hpp"
#include "pickle.hpp"
#include "tensor_file.hpp"
#include "zip.hpp"

namespace sinter::inline SINTER_ABI::io {

namespace archive_detail {

/// PyTorch's names of element types, of storages and of dtypes, with the bytes of an element.
struct TypeName {
  std::string_view torch, stored;
  std::uint64_t bytes;
};
inline constexpr TypeName types[] = {
    {"FloatStorage", "F32", 4}, {"DoubleStorage", "F64", 8}, {"HalfStorage", "F16", 2}, {"BFloat16Storage", "BF16", 2},
    {"LongStorage", "I64", 8}, {"IntStorage", "I32", 4}, {"ShortStorage", "I16", 2}, {"CharStorage", "I8", 1},
    {"ByteStorage", "U8", 1}, {"BoolStorage", "BOOL", 1}, {"ComplexFloatStorage", "C64", 8},
    {"ComplexDoubleStorage", "C128", 16}, {"uint16", "U16", 2}, {"uint32", "U32", 4}, {"uint64", "U64", 8},
    {"float8_e4m3fn", "F8_E4M3", 1}, {"float8_e5m2", "F8_E5M2", 1}, {"float8_e4m3fnuz", "F8_E4M3FNUZ", 1},
    {"float8_e5m2fnuz", "F8_E5M2FNUZ", 1}, {"float8_e8m0fnu", "F8_E8M0", 1}};

/// The elements of a view, one after another, where they are not so in the file: appended to its bytes.
class Gatherer {
 public:
  Gatherer(TensorFile& file, const std::string& path) : file_(file), path_(path), room_(4 * file.bytes.size() + 4096) {}

  /// Places a tensor of a member's elements; throws if it reaches beyond it.
  void place(TensorEntry& t, const ZipMember& m, std::uint64_t bytes, std::uint64_t offset,
             const std::vector<std::uint64_t>& stride) {
    if (std::find(t.shape.begin(), t.shape.end(), 0) != t.shape.end()) return;
    const std::uint64_t whole = m.size / bytes;
    std::uint64_t n = 1, last = offset, dense = 1;
    bool contiguous = true;
    for (std::size_t i = t.shape.size(); i-- > 0;) {
      if (t.shape[i] > 1) contiguous = contiguous && stride[i] == dense;
      if (t.shape[i] > ~std::uint64_t(0) / n) beyond(t, whole);
      n = dense *= t.shape[i];
      if (t.shape[i] > 1 && stride[i] > whole / (t.shape[i] - 1)) beyond(t, whole);
      last += (t.shape[i] - 1) * stride[i];
      if (last > whole) beyond(t, whole);
    }
    if (last >= whole) beyond(t, whole);
    if (contiguous) {
      t.begin = m.begin + std::size_t(offset * bytes);
      t.end = t.begin + std::size_t(n * bytes);
      return;
    }
    if (n > room_ / bytes) beyond(t, whole);
    room_ -= std::size_t(n * bytes);
    t.begin = file_.bytes.size();
    file_.bytes.resize(t.begin + std::size_t(n * bytes));
    t.end = file_.bytes.size();
    std::vector<std::uint64_t> at(t.shape.size());
    std::uint64_t from = offset;
    for (std::size_t to = t.begin; to < t.end; to += std::size_t(bytes)) {
      std::copy_n(file_.bytes.begin() + std::ptrdiff_t(m.begin + from * bytes), bytes,
                  file_.bytes.begin() + std::ptrdiff_t(to));
      for (std::size_t i = at.size(); i-- > 0;) {
        from += stride[i];
        if (++at[i] < t.shape[i]) break;
        from -= at[i] * stride[i];
        at[i] = 0;
      }
    }
  }

 private:
  [[noreturn]] void beyond(const TensorEntry& t, std::uint64_t elements) const {
    data::damaged(safetensors_detail::tensor_in(path_, t.name),
                  "a tensor within the " + std::to_string(elements) + " elements of its storage", to_string(t.shape));
  }
  TensorFile& file_;
  const std::string& path_;
  std::size_t room_;  ///< for copies: views may repeat elements
};

/// The tensors of nested dictionaries, under their keys joined by dots.
class Tensors {
 public:
  Tensors(const Pickle& pickle, const std::string& path) : p_(pickle), path_(path), room_(1000) {
    for (const auto& l : p_.lists) room_ += l.size();
    for (const auto& d : p_.dictionaries) room_ += d.size();
    room_ *= 4;
    visit(p_.top, {}, 0);
  }
  const std::vector<std::pair<std::string, std::size_t>>& found() const { return found_; }

 private:
  using Kind = PickleValue::Kind;
  void visit(const PickleValue& v, const std::string& name, int depth) {
    // values that contain themselves, or one another many times
    if (depth > 64 || room_-- == 0) data::damaged(path_, "a tree of dictionaries and lists", "another structure");
    const auto inside = [&](const std::string& key) { return name.empty() ? key : name + "." + key; };
    const auto i = std::size_t(v.number);
    if (v.kind == Kind::tensor) {
      found_.emplace_back(name, i);
    } else if (v.kind == Kind::dictionary) {
      for (const auto& [key, value] : p_.dictionaries[i]) {
        if (key.kind == Kind::text) visit(value, inside(p_.texts[std::size_t(key.number)]), depth + 1);
        else if (key.kind == Kind::integer) visit(value, inside(std::to_string(key.number)), depth + 1);
      }
    } else if (v.kind == Kind::list) {
      for (std::size_t k = 0; k < p_.lists[i].size(); ++k) visit(p_.lists[i][k], inside(std::to_string(k)), depth + 1);
    }
  }

  const Pickle& p_;
  const std::string& path_;
  std::size_t room_;
  std::vector<std::pair<std::string, std::size_t>> found_;
};

inline const ZipMember* find(const std::vector<ZipMember>& members, std::string_view name) {
  for (const ZipMember& m : members)
    if (m.name == name) return &m;
  return nullptr;
}

SINTER_COLD inline void add_pickled(TensorFile& f, const std::vector<ZipMember>& members, const ZipMember& pickle,
                                    const std::string& path) {
  const std::string folder = pickle.name.substr(0, pickle.name.size() - std::string_view("data.pkl").size());
  if (const ZipMember* order = find(members, folder + "byteorder"))
    if (std::string_view(reinterpret_cast<const char*>(f.bytes.data()) + order->begin, order->size) == "big")
      throw_error(ErrorCode::unsupported, path, "expected little-endian numbers, found big-endian ones");
  const Pickle p = read_pickle({reinterpret_cast<const char*>(f.bytes.data()) + pickle.begin, pickle.size},
                               path + ", " + pickle.name);
  std::vector<std::pair<std::string, const ZipMember*>> named;  // storages by their key
  for (const ZipMember& m : members)
    if (m.name.starts_with(folder + "data/")) named.emplace_back(m.name.substr(folder.size() + 5), &m);
  std::sort(named.begin(), named.end());
  Gatherer gatherer(f, path);
  const Tensors all(p, path);
  for (const auto& [name, number] : all.found()) {
    const PickleTensor& tensor = p.tensors[number];
    const PickleStorage& storage = p.storages[tensor.storage];
    const std::string& torch = tensor.dtype.empty() ? storage.type : tensor.dtype;
    const auto type =
        std::find_if(std::begin(types), std::end(types), [&](const TypeName& t) { return t.torch == torch; });
    const std::string where = safetensors_detail::tensor_in(path, name);
    if (type == std::end(types))
      throw_error(ErrorCode::unsupported, where, "expected numbers or bools, found " + data::quoted(torch, 40));
    const auto member = std::lower_bound(named.begin(), named.end(), storage.key,
                                         [](const auto& a, const std::string& key) { return a.first < key; });
    if (member == named.end() || member->first != storage.key)
      data::damaged(where, "a member data/" + storage.key.substr(0, 40), "none");
    TensorEntry t{name, std::string(type->stored), tensor.size, 0, 0};
    gatherer.place(t, *member->second, type->bytes, tensor.offset, tensor.stride);
    f.tensors.push_back(std::move(t));
  }
}

SINTER_COLD inline void add_arrays(TensorFile& f, const std::vector<ZipMember>& members, const std::string& path) {
  Gatherer gatherer(f, path);
  for (ZipMember m : members) {
    const std::string where = path + ", " + m.name.substr(0, 100);
    const std::string_view bytes(reinterpret_cast<const char*>(f.bytes.data()) + m.begin, m.size);
    const npy_detail::Header h = npy_detail::read_header(bytes, where);
    const npy_detail::TypeName& type = npy_detail::type_of(h.descr, where);
    const std::uint64_t size = std::uint64_t(bits_of(type.stored)) / 8;
    if (h.descr[0] == '>') npy_detail::reverse(f.bytes.data() + m.begin + h.data, (m.size - h.data) / size, size);
    TensorEntry t{m.name.substr(0, m.name.size() - 4), std::string(type.stored), h.shape, 0, 0};
    std::vector<std::uint64_t> stride(h.shape.size());
    std::uint64_t step = 1;
    for (std::size_t i = 0; i < stride.size(); ++i) {
      const std::size_t axis = h.fortran_order ? i : stride.size() - 1 - i;
      stride[axis] = step;
      step *= h.shape[axis];  // too large a shape is found when it is placed
    }
    m.begin += h.data;
    m.size -= h.data;
    gatherer.place(t, m, size, 0, stride);
    f.tensors.push_back(std::move(t));
  }
}

}  // namespace archive_detail

/// Reads the bytes of a .pt, .pth or .npz file. The tensors of nested dictionaries have names joined by dots,
/// "state_dict.fc.weight"; other values are left out. Throws `Error` naming file and tensor: (format) damaged,
/// (unsupported) the file holds what would have to be executed, or is compressed.
SINTER_COLD inline TensorFile read_archive(std::vector<unsigned char> bytes, const std::string& path) {
  TensorFile f;
  f.bytes = std::move(bytes);
  const std::vector<ZipMember> members = read_zip(f.bytes, path);
  const ZipMember* pickle = nullptr;
  bool only_arrays = !members.empty();
  for (const ZipMember& m : members) {
    if (m.name == "data.pkl" || m.name.ends_with("/data.pkl")) pickle = &m;
    only_arrays = only_arrays && m.name.ends_with(".npy");
  }
  if (pickle != nullptr) archive_detail::add_pickled(f, members, *pickle, path);
  else if (only_arrays) archive_detail::add_arrays(f, members, path);
  else if (!members.empty())
    throw_error(ErrorCode::unsupported, path, "expected a file of torch.save or numpy.savez, found another archive",
                "torch.save(model.state_dict(), path)");
  sort_by_name(f, path);
  return f;
}

}  // namespace sinter::io

#include "../tensor/optimised_end.hpp"
