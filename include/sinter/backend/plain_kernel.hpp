// A primitive of kind kernel evaluated by its plain loops, for backends that have no kernel for it.
#pragma once
#include <vector>

#include "../compile/program/kernel.hpp"
#include "../graph/primitive.hpp"

namespace sinter::internals::backend {

/// The operands, then the results, of a custom kernel in memory. Tensors that nobody reads have no address.
class PlainKernel {
  struct Tensor {
    std::byte* address = nullptr;
    Dtype dtype = Dtype::float32;
    Shape shape;
    std::int64_t stride[Shape::max_rank]{};
  };

 public:
  /// `micros`: those of the kernel; `extent`: of its loops; `stride(tensor, loop)`: in elements.
  template <class Micros, class Stride>
  PlainKernel(const graph::Primitive& op, const Micros& micros, const std::int64_t* extent, std::byte* const* address,
              int tensors, Stride&& stride)
      : op_(op), tensors_(std::size_t(tensors)) {
    using What = compile::Micro::What;
    for (int i = 0; i < tensors; ++i) at(i).address = address[i];
    for (const compile::Micro& m : micros) {
      if (m.what == What::attribute) attributes_.push_back(std::int64_t(m.bits));
      if (m.what != What::load && m.what != What::store) continue;
      const bool reads = m.what == What::load;
      operands_ += reads ? 1 : 0;
      Tensor& t = at(reads ? m.a : m.b);
      t.dtype = m.dtype;
      for (int k = 0; k < (reads ? m.b : m.a); ++k) t.shape.push(1);  // the rank
    }
    std::vector<graph::Signature::Operand> room;
    for (const Tensor& t : tensors_) room.push_back({t.dtype, &t.shape});
    const graph::Signature s{room.data(), operands_, attributes_.data(), int(attributes_.size())};
    std::vector<int> loop;
    for (int i = 0; i < tensors; ++i)
      for (int k = 0; k < at(i).shape.rank; ++k) loop.push_back(op.kernel.loop(s, i, k));
    std::size_t n = 0;
    for (int i = 0; i < tensors; ++i)
      for (int k = 0; k < at(i).shape.rank; ++k, ++n) {
        at(i).shape.set(k, int(extent[loop[n]]));
        at(i).stride[k] = stride(i, loop[n]);
      }
  }

  void run() {
    graph::Elements e{.self = this, .attributes = attributes_.data(), .operands = operands_};
    e.get_element = [](const void* self, int tensor, const std::int64_t* index) {
      const Tensor& t = of(self).at(tensor);
      return with_element_type(t.dtype, [&]<class T>(T) { return double(*element<T>(t, index)); });
    };
    e.set_element = [](const void* self, int tensor, const std::int64_t* index, double x) {
      const Tensor& t = of(self).at(tensor);
      with_element_type(t.dtype, [&]<class T>(T) { *element<T>(t, index) = static_cast<T>(x); });
    };
    e.length_of = [](const void* self, int tensor, int axis) { return std::int64_t(of(self).at(tensor).shape[axis]); };
    e.dtype_of = [](const void* self, int tensor) { return of(self).at(tensor).dtype; };
    e.rank_of = [](const void* self, int tensor) { return of(self).at(tensor).shape.rank; };
    for (; operands_ + e.result < int(tensors_.size()); ++e.result)
      if (at(operands_ + e.result).address != nullptr) op_.kernel.plain(e);
  }

 private:
  static PlainKernel& of(const void* self) { return *static_cast<PlainKernel*>(const_cast<void*>(self)); }
  Tensor& at(int tensor) { return tensors_[std::size_t(tensor)]; }
  template <class T> static T* element(const Tensor& t, const std::int64_t* index) {
    std::int64_t i = 0;
    for (int k = 0; k < t.shape.rank; ++k) i += index[k] * t.stride[k];
    return reinterpret_cast<T*>(t.address) + i;
  }

  const graph::Primitive& op_;
  std::vector<Tensor> tensors_;
  std::vector<std::int64_t> attributes_;
  int operands_ = 0;
};

}  // namespace sinter::internals::backend
