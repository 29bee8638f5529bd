// A primitive of kind kernel evaluated by its plain loops, for backends that have no kernel for it.
#pragma once
#include "../compile/program/kernel.hpp"
#include "../graph/primitive.hpp"
#include "../tensor/array.hpp"
#include "../tensor/vector.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {

/// The operands, then the results, of a primitive in memory. Tensors that nobody reads have no address.
class PlainKernel {
 public:
  struct Tensor {
    std::byte* address = nullptr;
    Dtype dtype = Dtype::float32;
    Shape shape;  ///< the run-time lengths
    Array<std::int64_t, Shape::max_rank> stride{};  ///< in elements
  };

  PlainKernel(const graph::Primitive& op, Vector<Tensor> tensors, int operands, const std::int64_t* attributes,
              int attribute_count)
      : op_(op),
        tensors_(std::move(tensors)),
        attributes_(attributes, attributes + attribute_count),
        operands_(operands) {}
  /// `micros`: those of the kernel; `extent`: of its loops; `stride(tensor, loop)`: in elements.
  template <class Micros, class Stride>
  PlainKernel(const graph::Primitive& op, const Micros& micros, const std::int64_t* extent, std::byte* const* address,
              int tensors, Stride&& stride)
      : op_(op), tensors_(tensors) {
    using What = compile::Micro::What;
    for (Tensor& t : tensors_) t.address = *address++;
    for (const compile::Micro& m : micros) {
      if (m.what == What::attribute) attributes_.push_back(std::int64_t(m.bits));
      if (m.what != What::load && m.what != What::store) continue;
      const bool reads = m.what == What::load;
      operands_ += reads ? 1 : 0;
      Tensor& t = tensors_[reads ? m.a : m.b];
      t.dtype = m.dtype;
      for (int k = 0; k < (reads ? m.b : m.a); ++k) t.shape.push(1);  // the rank
    }
    Vector<graph::Signature::Operand> room;
    for (const Tensor& t : tensors_) room.push_back({t.dtype, &t.shape});
    const graph::Signature s{room.data(), operands_, attributes_.data(), int(attributes_.size())};
    Vector<int> loop;
    for (int i = 0; i < tensors; ++i)
      for (int k = 0; k < tensors_[i].shape.rank; ++k) loop.push_back(op.kernel.loop(s, i, k));
    int n = 0;
    for (int i = 0; i < tensors; ++i)
      for (int k = 0; k < tensors_[i].shape.rank; ++k, ++n) {
        tensors_[i].shape.set(k, int(extent[loop[n]]));
        tensors_[i].stride[k] = stride(i, loop[n]);
      }
  }

  void run() {
    graph::Elements e{.self = this, .attributes = attributes_.data(), .operands = operands_};
    e.get_element = [](const void* self, int tensor, const std::int64_t* index) {
      const Tensor& t = of(self, tensor);
      return with_element_type(t.dtype, [&]<class T>(T) { return double(*element<T>(t, index)); });
    };
    e.set_element = [](const void* self, int tensor, const std::int64_t* index, double x) {
      const Tensor& t = of(self, tensor);
      with_element_type(t.dtype, [&]<class T>(T) { *element<T>(t, index) = static_cast<T>(x); });
    };
    e.length_of = [](const void* self, int tensor, int axis) { return std::int64_t(of(self, tensor).shape[axis]); };
    e.dtype_of = [](const void* self, int tensor) { return of(self, tensor).dtype; };
    e.rank_of = [](const void* self, int tensor) { return of(self, tensor).shape.rank; };
    for (; operands_ + e.result < std::ssize(tensors_); ++e.result)
      if (tensors_[operands_ + e.result].address != nullptr) op_.kernel.plain(e);
  }

 private:
  static const Tensor& of(const void* self, int tensor) {
    return static_cast<const PlainKernel*>(self)->tensors_[tensor];
  }
  template <class T> static T* element(const Tensor& t, const std::int64_t* index) {
    std::int64_t i = 0;
    for (int k = 0; k < t.shape.rank; ++k) i += index[k] * t.stride[k];
    return reinterpret_cast<T*>(t.address) + i;
  }

  const graph::Primitive& op_;
  Vector<Tensor> tensors_;
  Vector<std::int64_t> attributes_;
  int operands_ = 0;
};

}  // namespace sinter::internals::backend
