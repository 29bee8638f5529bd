// Parameters from one model into another, by name.
#pragma once
#include "model.hpp"

namespace sinter::inline SINTER_ABI {

/// Which tensors `copy_parameters` copies: those whose name begins with `from`, to the name with `to` in its place.
struct CopyOptions {
  std::string_view from = "", to = "";
};

namespace internals::train {

/// Copies the tensors of both lists whose names agree; none of them if one does not fit.
SINTER_COLD inline void copy_by_name(const std::vector<NamedTensor<const std::byte>>& from,
                                     const std::vector<NamedTensor<std::byte>>& to, const CopyOptions& options) {
  const auto source_of = [&](const std::string& name) -> const NamedTensor<const std::byte>* {
    if (!name.starts_with(options.to)) return nullptr;
    const std::string wanted = std::string(options.from) + name.substr(options.to.size());
    for (const auto& t : from)
      if (t.name == wanted) return &t;
    return nullptr;
  };
  const auto type_of = [](const auto& t) { return std::string(name_of(t.dtype)) + " " + to_string(t.shape); };
  int common = 0;
  std::string differ;
  for (const auto& t : to)
    if (const auto* source = source_of(t.name)) {
      ++common;
      if (source->dtype == t.dtype && source->shape == t.shape) continue;
      differ += (differ.empty() ? "" : "; ") + t.name + ": expected " + type_of(t) + ", found " + type_of(*source);
    }
  if (!differ.empty()) throw_error(ErrorCode::mismatch, "copy_parameters", differ);
  if (common == 0 && !to.empty())
    throw_error(ErrorCode::argument, "copy_parameters",
                "expected parameters of the same names, found none: the first are '" +
                    (from.empty() ? std::string() : from.front().name) + "' and '" + to.front().name + "'",
                "copy_parameters(from, to, {.from = \"backbone.\", .to = \"\"})");
  for (const auto& t : to)
    if (const auto* source = source_of(t.name))
      std::memmove(t.data, source->data, t.bytes());
}

}  // namespace internals::train

/// Copies the parameters and buffers that two models have under the same names; all others of `to` stay. Of a part:
/// `copy_parameters(pretrained, net, {.from = "backbone.", .to = "encoder."})`. Throws `Error`, and copies nothing,
/// where dtypes or shapes differ, which it lists, and where no name agrees. PyTorch:
/// to.load_state_dict(from.state_dict(), strict=False).
template <class From, class To>
void copy_parameters(const Model<From>& from, Model<To>& to, const CopyOptions& options = {}) {
  internals::train::copy_by_name(from.state_dict(), to.state_dict(), options);
}

}  // namespace sinter
