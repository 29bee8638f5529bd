// safetensors: parameters under PyTorch's names, in a file that any framework opens. Link sinter::safetensors.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <functional>

#include "array.hpp"
#include "shards.hpp"

namespace sinter::inline SINTER_ABI {

template <class Net> struct load_makes_the_model_itself_write_load_of_the_net;  // undefined: the name is the error

/// Writes a model's parameters and buffers. The file is written whole or not at all; an old file survives a failure.
/// PyTorch: safetensors.torch.save_file(model.state_dict(), path).
template <class X> void save(const Model<X>& model, const std::string& path) {
  io::save_tensors(model.state_dict(), path);
}

/// What `load` does with tensors that the model does not have.
enum class ExtraTensors { refuse, ignore };
/// What it does with those that the file does not have.
enum class MissingTensors {
  refuse,
  keep  ///< as they are in the model
};

/// How `load` reads a file: `load(net, path, {.prefix = "encoder.", .extra = ExtraTensors::ignore})`.
struct LoadOptions {
  std::string prefix = {};  ///< what the names in the file begin with
  /// The name in the file, after the prefix, of a tensor of the model; by default the same
  std::function<std::string(const std::string&)> rename = {};
  MissingTensors missing = MissingTensors::refuse;
  ExtraTensors extra = ExtraTensors::refuse;  ///< of those with the prefix
  bool convert = true;                        ///< take numbers of other dtypes, converted as in PyTorch
};

namespace io {

/// What does not fit: all of it, for one error.
class Mismatches {
 public:
  explicit Mismatches(std::string file) : file_(std::move(file)) {}
  void add(std::string tensor, std::string problem, std::string remedy) {
    if (count_++ == 0) tensor_ = std::move(tensor), problem_ = std::move(problem), remedy_ = std::move(remedy);
    else if (count_ <= most) more_ += "; " + std::move(tensor) + ": " + std::move(problem);
  }
  bool any() const { return count_ > 0; }
  /// Throws them. One is named as such, several are counted, and the first twenty listed.
  [[noreturn]] SINTER_COLD void raise(const std::string& hint) const {
    const std::string& remedy = hint.empty() ? remedy_ : hint;
    if (count_ == 1) throw_error(ErrorCode::mismatch, file_ + ", " + tensor_, problem_, remedy);
    std::string all = std::to_string(count_) + " tensors do not fit: " + tensor_ + ": " + problem_ + more_;
    if (count_ > most) all += "; and " + std::to_string(count_ - most) + " more";
    throw_error(ErrorCode::mismatch, file_, all, remedy);
  }

 private:
  static constexpr std::size_t most = 20;
  std::string file_, tensor_, problem_, remedy_, more_;
  std::size_t count_ = 0;
};

/// How many letters two names differ by.
SINTER_COLD inline std::size_t letters_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j] ? 1 : 0)});
      diagonal = above;
    }
  }
  return row.back();
}
/// The name in a file that is most like another one, with as much of the end in common as of the letters; empty if none
/// is.
SINTER_COLD inline std::string nearest_name(const StoredTensors& f, const std::string& name) {
  if (name.size() > 200) return {};
  std::string best;
  std::size_t distance = name.size() / 2 + 1;
  const std::size_t looked_at = std::min<std::size_t>(f.tensors.size(), 2000);
  for (std::size_t i = 0; i < looked_at; ++i) {
    const std::string& other = f.tensors[i].entry->name;
    if (other.size() > 200) continue;
    const std::size_t d = other.ends_with("." + name) || name.ends_with("." + other) ? 0 : letters_between(name, other);
    if (d < distance) best = other, distance = d;
  }
  return best;
}
/// What all names of a file begin with, up to a point, if without it they are those that are missing.
SINTER_COLD inline std::string shared_prefix(const StoredTensors& f, const std::vector<std::string>& missing) {
  if (f.tensors.empty() || missing.empty()) return {};
  const std::string& first = f.tensors.front().entry->name;
  for (std::size_t dot = first.find('.'); dot != first.npos; dot = first.find('.', dot + 1)) {
    const std::string prefix = first.substr(0, dot + 1);
    bool all = true;
    for (const std::string& name : missing) all = all && f.find(prefix + name) != nullptr;
    if (all) return prefix;
  }
  return {};
}

/// Whether a stored tensor has the shape of a model's; a scalar may be stored as [1], as in old files of PyTorch.
inline bool fits(const std::vector<std::uint64_t>& stored, const Shape& shape) {
  if (shape.rank == 0 && stored.size() == 1 && stored[0] == 1) return true;
  if (stored.size() != std::size_t(shape.rank)) return false;
  for (std::size_t i = 0; i < stored.size(); ++i)
    if (stored[i] != std::uint64_t(shape[int(i)])) return false;
  return true;
}
/// Notes what is wrong with a stored tensor for one of a model, of element type T.
template <Element T> SINTER_COLD void look(const StoredTensor& t, const Shape& shape, bool convert, Mismatches& wrong) {
  const std::string where = safetensors_detail::tensor_named(t.entry->name);
  if (!fits(t.entry->shape, shape)) {
    const std::vector<std::uint64_t> expected(shape.extent, shape.extent + shape.rank);
    return wrong.add(where + ", shape", "expected " + to_string(expected) + ", found " + to_string(t.entry->shape),
                     "the file was made for another model");
  }
  const std::string dtype(safetensors_name(dtype_of<T>)), shown = t.entry->dtype.substr(0, 40);
  if (!with_stored_type(t.entry->dtype, [](auto) {}))
    return wrong.add(where + ", dtype", "expected " + dtype + " or a type that converts to it, found " + shown,
                     "save it with the dtype of the model");
  if (!convert && t.entry->dtype != dtype)
    return wrong.add(where + ", dtype", "expected " + dtype + ", found " + shown, "pass .convert = true");
  const auto size = std::size_t(shape.size());
  if (const std::size_t i = first_not_taken<T>(t.entry->dtype, t.data(), size); i < size)
    wrong.add(where + ", element " + std::to_string(i),
              t.entry->dtype == "BOOL" ? "expected 0 or 1 as BOOL, found another byte"
                                       : "expected a number that " + dtype + " holds, found another as " + shown,
              "save it with the dtype of the model");
}

/// Calls f<T>() with the element type T of a tensor of a model.
template <class X, class F> void with_element_of(Dtype dtype, F&& f) {
  for_each_dtype([&]<Dtype D>() {
    if constexpr (Model<X>::stores(D))
      if (dtype == D) f.template operator()<element_type<D>>();
  });
}

/// A model's tensors in a file, null for those that it keeps; throws if something does not fit.
template <class X>
std::vector<const StoredTensor*> find_all(const Model<X>& model, const StoredTensors& f, const LoadOptions& o) {
  std::vector<const StoredTensor*> found;
  std::vector<bool> known(f.tensors.size());
  std::vector<std::string> missing;
  Mismatches wrong(f.path);
  for (const auto& t : model.state_dict()) {
    const std::string name = o.prefix + (o.rename ? o.rename(t.name) : t.name);
    const StoredTensor* const s = f.find(name);
    found.push_back(s);
    if (s != nullptr) {
      known[std::size_t(s - f.tensors.data())] = true;
      with_element_of<X>(t.dtype, [&]<class T>() { look<T>(*s, t.shape, o.convert, wrong); });
    } else if (o.missing == MissingTensors::refuse && !t.name.ends_with("num_batches_tracked")) {  // not in old files
      missing.push_back(name);
      const std::string nearest = nearest_name(f, name);
      wrong.add(safetensors_detail::tensor_named(name),
                "expected by the model, found missing" +
                    (nearest.empty() ? std::string() : ", the nearest name is " + data::quoted(nearest, 100)),
                "the file was made for another model");
    }
  }
  const std::string prefix = shared_prefix(f, missing);
  if (o.extra == ExtraTensors::refuse && prefix.empty())
    for (std::size_t i = 0; i < known.size(); ++i)
      if (!known[i] && f.tensors[i].entry->name.starts_with(o.prefix))
        wrong.add(safetensors_detail::tensor_named(f.tensors[i].entry->name), "expected none of this name, found one",
                  "pass {.extra = ExtraTensors::ignore} to leave it out");
  if (wrong.any())
    wrong.raise(prefix.empty() ? prefix
                               : "all names begin with it: pass {.prefix = " + data::quoted(prefix, 100) + "}");
  return found;
}

}  // namespace io

/// Reads a model's parameters and buffers from a safetensors file, or from several by their index ("….index.json").
/// Numbers of other dtypes are converted as in PyTorch: any to floating-point types, rounded, from bfloat16, float16
/// and 8-bit floats too; to integers and bool only those that they represent exactly. Throws `Error`: (file) cannot be
/// read, (format) damaged, (mismatch) tensors are missing, extra, of another shape, or of a dtype or numbers that do
/// not convert: all of them in one message. The model is unchanged unless everything matches. PyTorch:
/// model.load_state_dict(safetensors.torch.load_file(path), strict=True), where integers may wrap around.
template <class X> void load(Model<X>& model, const std::string& path, const LoadOptions& options = {}) {
  const io::StoredTensors f = io::read_stored(path);
  const std::vector<const io::StoredTensor*> found = io::find_all(std::as_const(model), f, options);
  std::size_t i = 0;
  for (const auto& tensor : model.state_dict()) {
    const io::StoredTensor* const t = found[i++];
    if (t == nullptr) continue;
    io::with_element_of<X>(tensor.dtype, [&]<class T>() {
      io::convert(t->entry->dtype, t->data(), std::size_t(tensor.size()), reinterpret_cast<T*>(tensor.data));
    });
  }
}
template <class X> void load(Model<X>& model, const std::string& path, ExtraTensors extra) {
  load(model, path, LoadOptions{.extra = extra});
}
/// The same into a new model: `auto net = load<Mlp>("mlp.safetensors");`.
template <class Net> Model<Net> load(const std::string& path, const LoadOptions& options = {}) {
  if constexpr (requires { typename Net::Block; }) {
    return load_makes_the_model_itself_write_load_of_the_net<Net>{};
  } else {
    // what the file may lack begins as in any new model; all else is overwritten, and not drawn first
    const bool keeps = options.missing == MissingTensors::keep;
    Model<Net> model = keeps ? Model<Net>() : Model<Net>::without_random_numbers();
    load(model, path, options);
    return model;
  }
}
template <class Net> Model<Net> load(const std::string& path, ExtraTensors extra) {
  return load<Net>(path, LoadOptions{.extra = extra});
}

namespace io {
/// One tensor of a file, or of several by their index: `io::tensor<float, 30522, 384>(path, "embeddings.weight")`. A
/// bounded extent takes the stored one as its length; numbers are converted, and errors are those of `load`. PyTorch:
/// safetensors.safe_open(path, "pt").get_tensor(name).
template <Element T, auto... E>
SINTER_COLD Tensor<T, E...> tensor(const std::string& path, const std::string& name) {
  const StoredTensors f = read_stored(path);
  const StoredTensor* const t = f.find(name);
  const std::string where = safetensors_detail::tensor_in(path, name);
  if (t == nullptr) {
    const std::string nearest = nearest_name(f, name);
    throw_error(ErrorCode::mismatch, where, "expected in the file, found missing",
                nearest.empty() ? nearest : "the nearest name is " + data::quoted(nearest, 100));
  }
  const std::size_t n = elements_of<E...>(t->entry->shape, where);
  if (!with_stored_type(t->entry->dtype, [](auto) {}))
    throw_error(ErrorCode::mismatch, where + ", dtype",
                "expected a type that converts to " + std::string(name_of(dtype_of<T>)) + ", found " +
                    t->entry->dtype.substr(0, 40));
  return tensor_of_elements<T, E...>(t->entry->shape, false, t->entry->dtype, t->data(), n, where);
}
}  // namespace io

}  // namespace sinter

#include "../tensor/optimised_end.hpp"
