// Tensors of any type under a name: what models, optimizers and training steps give to files.
#pragma once
#include <string>

#include "dtype.hpp"
#include "extents.hpp"

namespace sinter::inline SINTER_ABI {

/// A parameter or buffer of a model under its name in saved files, whatever its type: Model::state_dict.
template <class Byte> struct NamedTensor {
  std::string name;
  Dtype dtype = Dtype::float32;
  Shape shape{};
  bool is_buffer = false;
  Byte* data = nullptr;  ///< its elements, in row-major order

  std::ptrdiff_t size() const { return std::ptrdiff_t(shape.size()); }
  std::size_t bytes() const { return std::size_t(shape.size() * bytes_of(dtype)); }
};

}  // namespace sinter
