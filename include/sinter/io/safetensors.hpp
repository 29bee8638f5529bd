// safetensors: parameters under PyTorch's names, in a file that any framework opens. Needs RapidJSON.
//
// Format: the header's length (8 bytes, little-endian), a JSON header that names dtype, shape and place of every tensor, then
// the data without gaps.
#pragma once
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <bit>

#include "../train/model.hpp"
#include "atomic_file.hpp"

namespace sinter {
namespace io {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian, and are read and written as memory");

/// One tensor of a file: where it lies in the data.
struct TensorEntry {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0, end = 0;
};
/// A file that has been read and found sound.
struct TensorFile {
  std::vector<TensorEntry> tensors;
  std::vector<unsigned char> bytes;  ///< the whole file
  std::size_t data = 0;              ///< where the data begins
};

inline std::string to_string(const std::vector<std::int64_t>& shape) {
  std::string s = "[";
  for (const std::int64_t n : shape) s += (s.size() > 1 ? ", " : "") + std::to_string(n);
  return s + "]";
}

namespace safetensors_detail {

inline std::size_t bytes_of(const std::string& dtype) {
  for (const auto& [name, bytes] : {std::pair{"BOOL", 1}, {"U8", 1}, {"I8", 1}, {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4}, {"I64", 8}, {"U64", 8}, {"F64", 8}})
    if (dtype == name) return std::size_t(bytes);
  return 0;
}

/// One entry of the header, checked against the size of the data.
inline TensorEntry entry(const std::string& file, const std::string& name, const rapidjson::Value& v, std::size_t data_bytes) {
  const std::string where = file + ", tensor \"" + name + "\"";
  const auto member = [&](const char* key) -> const rapidjson::Value& {
    if (!v.IsObject() || !v.HasMember(key)) data::damaged(where, std::string("a field \"") + key + "\"", "none");
    return v[key];
  };
  TensorEntry t{name, {}, {}, 0, 0};
  if (!member("dtype").IsString()) data::damaged(where + ", dtype", "a string", "something else");
  t.dtype = member("dtype").GetString();
  std::size_t size = bytes_of(t.dtype);
  if (size == 0) data::damaged(where + ", dtype", "a known element type", "\"" + t.dtype + "\"");
  if (!member("shape").IsArray()) data::damaged(where + ", shape", "a list", "something else");
  for (const rapidjson::Value& n : member("shape").GetArray()) {
    if (!n.IsUint64()) data::damaged(where + ", shape", "whole numbers", "something else");
    const std::uint64_t extent = n.GetUint64();
    if (extent > data_bytes || (extent != 0 && size > data_bytes / extent)) data::damaged(where + ", shape", "a tensor within the " + std::to_string(data_bytes) + " bytes of data", "extent " + std::to_string(extent));
    size *= std::size_t(extent);
    t.shape.push_back(std::int64_t(extent));
  }
  const rapidjson::Value& offsets = member("data_offsets");
  if (!offsets.IsArray() || offsets.Size() != 2 || !offsets[0].IsUint64() || !offsets[1].IsUint64()) data::damaged(where + ", data_offsets", "two whole numbers", "something else");
  t.begin = offsets[0].GetUint64();
  t.end = offsets[1].GetUint64();
  if (t.begin > t.end || t.end > data_bytes) data::damaged(where + ", data_offsets", "a range within 0 … " + std::to_string(data_bytes), std::to_string(t.begin) + " … " + std::to_string(t.end));
  if (t.end - t.begin != size) data::damaged(where + ", data_offsets", std::to_string(size) + " bytes for " + t.dtype + " " + to_string(t.shape), std::to_string(t.end - t.begin));
  return t;
}

}  // namespace safetensors_detail

/// Reads a file and checks all that it claims. Throws `Error` naming file, tensor and field, expected and found. Memory stays
/// within a small multiple of the file's own size.
inline TensorFile read_safetensors(const std::string& path) {
  TensorFile f;
  f.bytes = data::read_file(path);
  if (f.bytes.size() < 8) data::damaged(path + ", header length", "8 bytes", std::to_string(f.bytes.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, f.bytes.data(), 8);
  if (length > f.bytes.size() - 8) data::damaged(path + ", header length", "at most the " + std::to_string(f.bytes.size() - 8) + " bytes that follow", std::to_string(length));
  f.data = std::size_t(8 + length);
  const std::size_t data_bytes = f.bytes.size() - f.data;
  rapidjson::Document header;
  header.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(reinterpret_cast<const char*>(f.bytes.data()) + 8, std::size_t(length));
  if (header.HasParseError()) data::damaged(path + ", header", "JSON", "an error at byte " + std::to_string(header.GetErrorOffset()));
  if (!header.IsObject()) data::damaged(path + ", header", "a JSON object", "something else");
  for (const auto& m : header.GetObject()) {
    const std::string name(m.name.GetString(), m.name.GetStringLength());
    if (name == "__metadata__") continue;
    f.tensors.push_back(safetensors_detail::entry(path, name, m.value, data_bytes));
  }
  std::vector<const TensorEntry*> by_place, by_name;
  for (const TensorEntry& t : f.tensors) by_place.push_back(&t), by_name.push_back(&t);
  std::sort(by_place.begin(), by_place.end(), [](auto* a, auto* b) { return a->begin != b->begin ? a->begin < b->begin : a->end < b->end; });
  std::sort(by_name.begin(), by_name.end(), [](auto* a, auto* b) { return a->name < b->name; });
  std::size_t at = 0;
  for (const TensorEntry* t : by_place) {
    if (t->begin != at) data::damaged(path + ", tensor \"" + t->name + "\", data_offsets", "a beginning at " + std::to_string(at) + ", where the tensor before it ends", std::to_string(t->begin));
    at = t->end;
  }
  if (at != data_bytes) data::damaged(path + ", data", std::to_string(at) + " bytes as the header says", std::to_string(data_bytes));
  for (std::size_t i = 1; i < by_name.size(); ++i)
    if (by_name[i - 1]->name == by_name[i]->name) data::damaged(path + ", header", "every name once", "\"" + by_name[i]->name + "\" twice");
  return f;
}

/// The format's name of an element type.
constexpr std::string_view safetensors_name(Dtype d) {
  constexpr std::string_view names[]{"BOOL", "U8", "I8", "I32", "I64", "F16", "BF16", "F32", "F64"};
  return names[int(d)];
}

}  // namespace io

/// Writes a model's parameters and buffers. The file appears whole or not at all; an old file survives a failure.
/// PyTorch: safetensors.torch.save_file(model.state_dict(), path).
template <class X> void save(const Model<X>& model, const std::string& path) {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> json(text);
  json.StartObject();
  json.Key("__metadata__");
  json.StartObject();
  json.Key("format");
  json.String("pt");
  json.EndObject();
  std::uint64_t at = 0;
  std::vector<std::string_view> parts(2);
  model.for_each_tensor([&](const std::string& name, const auto& p) {
    using Element = typename std::remove_cvref_t<decltype(p)>::element;
    const std::string_view dtype = io::safetensors_name(dtype_of<Element>);
    json.Key(name.c_str(), rapidjson::SizeType(name.size()));
    json.StartObject();
    json.Key("dtype");
    json.String(dtype.data(), rapidjson::SizeType(dtype.size()));
    json.Key("shape");
    json.StartArray();
    for (int i = 0; i < p.shape.rank; ++i) json.Int(p.shape[i]);
    json.EndArray();
    json.Key("data_offsets");
    json.StartArray();
    json.Uint64(at);
    parts.emplace_back(reinterpret_cast<const char*>(p.memory()), std::size_t(p.size()) * sizeof(Element));
    at += parts.back().size();
    json.Uint64(at);
    json.EndArray();
    json.EndObject();
  });
  json.EndObject();
  std::string header(text.GetString(), text.GetSize());
  header.resize((header.size() + 7) / 8 * 8, ' ');  // data aligned to 8
  const std::uint64_t length = header.size();
  parts[0] = {reinterpret_cast<const char*>(&length), 8};
  parts[1] = header;
  io::replace_file(path, parts);
}

/// What `load` does with tensors that the model does not have.
enum class ExtraTensors { refuse, ignore };

/// Reads a model's parameters and buffers. Throws `Error`: (file) cannot be read, (format) damaged, (mismatch) a tensor is missing, extra,
/// of another dtype or shape. The model is as it was unless everything fits.
/// PyTorch: model.load_state_dict(safetensors.torch.load_file(path), strict=True).
template <class X> void load(Model<X>& model, const std::string& path, ExtraTensors extra = ExtraTensors::refuse) {
  const io::TensorFile f = io::read_safetensors(path);
  std::vector<const io::TensorEntry*> found;
  model.for_each_tensor([&](const std::string& name, const auto& p) {
    constexpr std::string_view dtype = io::safetensors_name(dtype_of<typename std::remove_cvref_t<decltype(p)>::element>);
    const io::TensorEntry* t = nullptr;
    for (const io::TensorEntry& e : f.tensors)
      if (e.name == name) t = &e;
    const std::string where = path + ", tensor \"" + name + "\"";
    if (t == nullptr) throw Error(ErrorCode::mismatch, where, "expected by the model, found missing", "the file was made for another model");
    if (t->dtype != dtype) throw Error(ErrorCode::mismatch, where + ", dtype", "expected " + std::string(dtype) + ", found " + t->dtype, "save it with the dtype of the model");
    std::vector<std::int64_t> shape(p.shape.extent, p.shape.extent + p.shape.rank);
    if (t->shape != shape) throw Error(ErrorCode::mismatch, where + ", shape", "expected " + io::to_string(shape) + ", found " + io::to_string(t->shape), "the file was made for another model");
    found.push_back(t);
  });
  if (extra == ExtraTensors::refuse)
    for (const io::TensorEntry& e : f.tensors)
      if (std::find(found.begin(), found.end(), &e) == found.end()) throw Error(ErrorCode::mismatch, path + ", tensor \"" + e.name + "\"", "expected none of this name, found one", "pass ExtraTensors::ignore to leave it out");
  std::size_t i = 0;
  model.for_each_tensor([&](const std::string&, const auto& p) {
    const io::TensorEntry& t = *found[i++];
    std::memcpy(p.data(), f.bytes.data() + f.data + t.begin, t.end - t.begin);
  });
}
/// The same into a new model: `auto net = load<Mlp>("mlp.safetensors");`.
template <class Net> Model<Net> load(const std::string& path, ExtraTensors extra = ExtraTensors::refuse) {
  Model<Net> model;
  load(model, path, extra);
  return model;
}

}  // namespace sinter
