// Checkpoints of a run: what training goes on from after an interruption, bit for bit.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <set>

#include "../data/loader.hpp"
#include "../train/optimizer.hpp"
#include "../train/training.hpp"
#include "safetensors.hpp"

namespace sinter::inline SINTER_ABI {

namespace io {

/// What of a run can be saved: steps, optimizers and models, by `state_dict()`, and loaders.
template <class P>
concept Resumable = requires(P& p) { p.state_dict(); } || requires(P& p) { p.seek(p.position()); };

/// The state of some parts of a run under names that begin with the part's number. What two parts share, such as the
/// net of two steps, is there once.
class RunState {
 public:
  template <class... Parts> explicit RunState(Parts&... parts) : positions_(sizeof...(Parts)) {
    std::size_t part = 0;
    (add(parts, part++), ...);
  }
  RunState(const RunState&) = delete;  // tensors point to its positions
  RunState& operator=(const RunState&) = delete;
  const std::vector<NamedTensor<std::byte>>& tensors() const { return tensors_; }
  /// Sets loaders to the positions, which may have been read since.
  template <class... Parts> void seek(Parts&... parts) const {
    std::size_t part = 0;
    const auto one = [&](auto& p, const std::array<std::uint64_t, 2>& at) {
      if constexpr (requires { p.seek(p.position()); }) p.seek({at[0], at[1]});
    };
    (one(parts, positions_[part++]), ...);
  }

 private:
  template <class P> void add(P& part, std::size_t number) {
    const std::string prefix = std::to_string(number) + ".";
    if constexpr (requires { part.seek(part.position()); }) {
      const auto at = part.position();
      positions_[number] = {at.epoch, at.samples};
      Shape two;
      two.push(2);
      tensors_.push_back({prefix + "position", dtype_of<std::uint64_t>, two, true,
                          reinterpret_cast<std::byte*>(positions_[number].data())});
    } else {
      for (NamedTensor<std::byte>& t : part.state_dict()) {
        if (t.size() > 0 && !known_.insert(t.data).second) continue;
        t.name.insert(0, prefix);
        tensors_.push_back(std::move(t));
      }
    }
  }

  std::vector<std::array<std::uint64_t, 2>> positions_;
  std::vector<NamedTensor<std::byte>> tensors_;
  std::set<const std::byte*> known_;
};

/// The tensor of a file with the name, dtype and shape of this one.
SINTER_COLD inline const TensorEntry& same_tensor(const TensorFile& f, const std::string& path,
                                                  const NamedTensor<std::byte>& t) {
  const TensorEntry* const found = f.find(t.name);
  const std::string where = safetensors_detail::tensor_in(path, t.name);
  const char* const other = "the file is of another run";
  if (found == nullptr) throw_error(ErrorCode::mismatch, where, "expected by the run, found missing", other);
  if (found->dtype != safetensors_name(t.dtype))
    throw_error(ErrorCode::mismatch, where + ", dtype",
                "expected " + std::string(safetensors_name(t.dtype)) + ", found " + found->dtype.substr(0, 40), other);
  const std::vector<std::uint64_t> expected(t.shape.extent, t.shape.extent + t.shape.rank);
  if (found->shape != expected)
    throw_error(ErrorCode::mismatch, where + ", shape",
                "expected " + to_string(expected) + ", found " + to_string(found->shape), other);
  return *found;
}
/// Throws `Error` if a file has tensors beside these.
SINTER_COLD inline void refuse_others(const TensorFile& f, const std::string& path,
                                      const std::vector<const TensorEntry*>& known) {
  const std::set<const TensorEntry*> all(known.begin(), known.end());
  for (const TensorEntry& t : f.tensors)
    if (all.count(&t) == 0)
      throw_error(ErrorCode::mismatch, safetensors_detail::tensor_in(path, t.name),
                  "expected none of this name, found one", "the file is of another run");
}

}  // namespace io

/// Writes all that a run depends on to one safetensors file: parameters, buffers, the optimizer's numbers and moments,
/// the number of steps, seeds, and the loader's epoch and place in it. The file is written whole or not at all, so that
/// a run may be killed at any moment.
///
///   if (std::filesystem::exists("run.safetensors")) resume("run.safetensors", step, batches);
///   for (auto epoch = batches.epoch(); epoch < epochs; ++epoch)
///     for (auto [x, y] : batches) {
///       step(x, y);
///       if (step.steps() % 100 == 0) save_checkpoint("run.safetensors", step, batches);
///     }
///
/// Parts are training steps, optimizers of loose tensors, models and loaders, given to `resume` in the same order. The
/// n-th part's tensors are named "n.…": `load<Net>(path, {.prefix = "0.model."})` reads the net alone. PyTorch:
/// torch.save({"model": …, "optimizer": …, "epoch": …}, path), which has no place in a loader's epoch.
template <io::Resumable... Parts> void save_checkpoint(const std::string& path, Parts&... parts) {
  const io::RunState state(parts...);
  io::save_tensors(state.tensors(), path);
}

/// Reads such a file into the parts of a run, which goes on as if it had not been interrupted. Throws `Error`: (file)
/// cannot be read, (format) damaged, (mismatch) a tensor is missing, extra, or of another dtype or shape: the file is
/// of another run. Nothing changes unless everything matches.
template <io::Resumable... Parts> void resume(const std::string& path, Parts&... parts) {
  const io::TensorFile f = io::read_safetensors(path);
  const io::RunState state(parts...);
  std::vector<const io::TensorEntry*> found;
  for (const NamedTensor<std::byte>& t : state.tensors()) found.push_back(&io::same_tensor(f, path, t));
  io::refuse_others(f, path, found);
  std::size_t i = 0;
  for (const NamedTensor<std::byte>& t : state.tensors()) {
    const io::TensorEntry& from = *found[i++];
    if (t.bytes() > 0) std::memcpy(t.data, f.bytes.data() + f.data + from.begin, t.bytes());
  }
  state.seek(parts...);
}

}  // namespace sinter

#include "../tensor/optimised_end.hpp"
