// The tensors of one file, or of several by their index.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <memory>
#include <set>

#include "pytorch.hpp"

namespace sinter::inline SINTER_ABI::io {

/// A tensor and the file that has it.
struct StoredTensor {
  const TensorEntry* entry = nullptr;
  const TensorFile* file = nullptr;
  const unsigned char* data() const { return file->bytes.data() + file->data + entry->begin; }
};
/// All tensors under a path.
struct StoredTensors {
  std::string path;
  std::vector<std::unique_ptr<TensorFile>> files;
  std::vector<StoredTensor> tensors;  ///< sorted by name

  const StoredTensor* find(std::string_view name) const {
    const auto at = std::lower_bound(tensors.begin(), tensors.end(), name,
                                     [](const StoredTensor& t, std::string_view n) { return t.entry->name < n; });
    return at != tensors.end() && at->entry->name == name ? &*at : nullptr;
  }
};

namespace safetensors_detail {
inline constexpr std::size_t most_shards = 10'000;

/// The files that an index names, in the order of their names. Throws `Error` (format) for another document.
SINTER_COLD inline std::set<std::string> shards_of(const std::string& path) {
  const std::vector<unsigned char> text = data::read_file(path);
  const LocaleOfC locale;
  const nlohmann::json index = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (index.is_discarded()) data::damaged(path, "JSON", "another text");
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    data::damaged(path, "an object with an object \"weight_map\"", "none");
  std::set<std::string> names;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string()) data::damaged(tensor_in(path, tensor), "the name of a file", "no string");
    const std::string& name = file.get_ref<const std::string&>();
    if (name.empty() || name.find('/') != name.npos || name.find('\0') != name.npos)  // only files beside the index
      data::damaged(tensor_in(path, tensor), "the name of a file in the same folder", data::quoted(name, 100));
    names.insert(name);
    if (names.size() > most_shards)
      data::damaged(path, "at most " + std::to_string(most_shards) + " files", "more");
  }
  return names;
}
}  // namespace safetensors_detail

/// Reads one file, in whichever format it is.
SINTER_COLD inline TensorFile read_tensor_file(const std::string& path) {
  std::vector<unsigned char> bytes = data::read_file(path);
  return is_zip(bytes) ? read_archive(std::move(bytes), path) : read_safetensors(std::move(bytes), path);
}

/// Reads a file, or all files of an index, which is named ….json. Throws `Error` as `read_safetensors` does.
SINTER_COLD inline StoredTensors read_stored(const std::string& path) {
  StoredTensors all;
  all.path = path;
  if (path.ends_with(".json")) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == path.npos ? std::string() : path.substr(0, slash + 1);
    for (const std::string& name : safetensors_detail::shards_of(path))
      all.files.push_back(std::make_unique<TensorFile>(read_tensor_file(folder + name)));
  } else {
    all.files.push_back(std::make_unique<TensorFile>(read_tensor_file(path)));
  }
  for (const auto& f : all.files)
    for (const TensorEntry& t : f->tensors) all.tensors.push_back({&t, f.get()});
  std::sort(all.tensors.begin(), all.tensors.end(),
            [](const StoredTensor& a, const StoredTensor& b) { return a.entry->name < b.entry->name; });
  for (std::size_t i = 1; i < all.tensors.size(); ++i)
    if (all.tensors[i - 1].entry->name == all.tensors[i].entry->name)
      data::damaged(safetensors_detail::tensor_in(path, all.tensors[i].entry->name), "one of this name", "two");
  return all;
}

}  // namespace sinter::io

#include "../tensor/optimised_end.hpp"
