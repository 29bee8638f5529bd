// Pools and their derivatives as primitives: they keep their names and geometry until a target lowers them
// (compile/expand.hpp). One that lowers nothing runs their plain loops.
#pragma once
#include "../reduce.hpp"
#include "plain.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// The base of all: operands and result are images or have the shape of the windows, which is what vmap needs to know.
template <class Self> struct PoolPart : graph::Registered<Self> {
  static constexpr Value apply(const std::array<Value, 3>& x, const PoolGeometry& g) {
    const std::array<int, 3> operands{x[0].id, x[1].id, x[2].id};
    const auto attributes = g.attributes();
    return {x[0].graph, x[0].graph->add(graph::primitive<Self>, operands.data(), Self::operands, attributes.data(),
                                        PoolGeometry::numbers)};
  }
  /// Axes before the spatial ones, those of the image, those of the windows.
  static constexpr int loop(const Signature& s, int tensor, int axis) {
    const PoolGeometry g = PoolGeometry::of(s.attributes);
    return axis < g.front || Self::is_image(tensor) ? axis : axis + g.axes;
  }
  static constexpr double flops_of_loops(const std::int64_t* extent, int loops, const std::int64_t* attributes) {
    const PoolGeometry g = PoolGeometry::of(attributes);
    double n = Self::operations(g.window_size());
    for (int l = 0; l < loops; ++l)
      if (l < g.front || l >= g.front + g.axes) n *= double(extent[l]);
    return n;
  }
  static constexpr double flops(const Signature& s, const Shape& result) {
    const PoolGeometry g = PoolGeometry::of(s.attributes);
    const Shape windows = Self::is_image(Self::operands) ? s.shape(0) : result;
    return Self::operations(g.window_size()) * double(windows.size());
  }
  static constexpr Value batch(const graph::Batching& b) {
    internals::Array<Value, 3> x{};
    for (int i = 0; i < Self::operands; ++i) x[i] = graph::batched(b, i);
    PoolGeometry g = PoolGeometry::of(b.attributes);
    ++g.front;
    return apply(x, g);
  }
  static constexpr Primitive describe() {
    Primitive p{.name = Self::name, .code = graph::code_of<Self>, .kind = Kind::kernel, .type = &Self::type};
    p.vjp = &Self::pull;
    p.jvp = &Self::push;
    p.batch = &batch;
    p.flops = &flops;
    p.kernel.kind = graph::OwnKernel::pool;
    p.kernel.flops = &flops_of_loops;
    p.kernel.loop = &loop;
    p.kernel.plain = [](const graph::Elements& e) { Self::plain(PlainPool(e)); };
    return p;
  }
  /// Whether a shape is an image that has windows, none of them along a bounded axis.
  static constexpr bool is_pooled(const Shape& image, const PoolGeometry& g) {
    if (image.rank != g.front + g.axes) return false;
    for (int i = 0; i < g.axes; ++i)
      if (image.symbol(g.front + i) != 0 || g.windows(i, image[g.front + i]) < 1) return false;
    return true;
  }
};

/// The largest element of each window of an image; of a window with NaN it is NaN. attributes: PoolGeometry.
struct MaxPool : PoolPart<MaxPool> {
  static constexpr const char* name = "max_pool";
  static constexpr int operands = 1;
  static constexpr bool is_image(int tensor) { return tensor == 0; }
  static constexpr double operations(int window_size) { return window_size > 1 ? window_size - 1 : 1; }
  static constexpr Type type(const Signature& s) {
    const PoolGeometry g = PoolGeometry::of(s.attributes);
    return s.count == 1 && is_pooled(s.shape(0), g) ? Type{s.dtype(0), g.pooled(s.shape(0))} : Type::mismatch();
  }
  static constexpr Value pull(const Site& s, int, Value ct);
  static constexpr Value push(const Site& s, int, Value tangent);
  static void plain(PlainPool p) { p.maximum(); }
};

/// Operands: the cotangent of the maxima, the image, the maxima. It goes to the first of equal maxima in row-major
/// order, as in torch.max_pool2d, and of a window with NaN to the first NaN.
struct MaxPoolGradient : PoolPart<MaxPoolGradient> {
  static constexpr const char* name = "max_pool_gradient";
  static constexpr int operands = 3;
  static constexpr bool is_image(int tensor) { return tensor == 1 || tensor == 3; }
  static constexpr double operations(int window_size) { return 2.0 * window_size; }
  static constexpr Type type(const Signature& s) {
    const PoolGeometry g = PoolGeometry::of(s.attributes);
    if (s.count != 3 || !is_pooled(s.shape(1), g)) return Type::mismatch();
    const Shape maxima = g.pooled(s.shape(1));
    return s.shape(0) == maxima && s.shape(2) == maxima ? Type{s.dtype(0), s.shape(1)} : Type::mismatch();
  }
  static constexpr Value pull(const Site& s, int i, Value ct);
  static constexpr Value push(const Site& s, int i, Value tangent) {
    return i == 0 ? apply({tangent, s.operand(1), s.operand(2)}, PoolGeometry::of(s)) : Value{};
  }
  static void plain(PlainPool p) { p.maximum_gradient(); }
};

/// Operands: the tangent of the image, the image, the maxima. The tangent at the first maximum of each window.
struct MaxPoolTangent : PoolPart<MaxPoolTangent> {
  static constexpr const char* name = "max_pool_tangent";
  static constexpr int operands = 3;
  static constexpr bool is_image(int tensor) { return tensor < 2; }
  static constexpr double operations(int window_size) { return 2.0 * window_size; }
  static constexpr Type type(const Signature& s) {
    const PoolGeometry g = PoolGeometry::of(s.attributes);
    if (s.count != 3 || !is_pooled(s.shape(1), g) || !(s.shape(0) == s.shape(1))) return Type::mismatch();
    const Shape maxima = g.pooled(s.shape(1));
    return s.shape(2) == maxima ? Type{s.dtype(0), maxima} : Type::mismatch();
  }
  static constexpr Value pull(const Site& s, int i, Value ct) {
    return i == 0 ? MaxPoolGradient::apply({ct, s.operand(1), s.operand(2)}, PoolGeometry::of(s)) : Value{};
  }
  static constexpr Value push(const Site& s, int i, Value tangent) {
    return i == 0 ? apply({tangent, s.operand(1), s.operand(2)}, PoolGeometry::of(s)) : Value{};
  }
  static void plain(PlainPool p) { p.maximum_tangent(); }
};

constexpr Value MaxPool::pull(const Site& s, int, Value ct) {
  return MaxPoolGradient::apply({ct, s.operand(0), s.result()}, PoolGeometry::of(s));
}
constexpr Value MaxPool::push(const Site& s, int, Value tangent) {
  return MaxPoolTangent::apply({tangent, s.operand(0), s.result()}, PoolGeometry::of(s));
}
constexpr Value MaxPoolGradient::pull(const Site& s, int i, Value ct) {
  return i == 0 ? MaxPoolTangent::apply({ct, s.operand(1), s.operand(2)}, PoolGeometry::of(s)) : Value{};
}

/// The mean of each window of an image. attributes: PoolGeometry.
struct MeanPool : PoolPart<MeanPool> {
  static constexpr const char* name = "mean_pool";
  static constexpr int operands = 1;
  static constexpr bool is_image(int tensor) { return tensor == 0; }
  static constexpr double operations(int window_size) { return window_size + 1; }
  static constexpr Type type(const Signature& s) {
    const PoolGeometry g = PoolGeometry::of(s.attributes);
    return s.count == 1 && is_pooled(s.shape(0), g) ? Type{s.dtype(0), g.pooled(s.shape(0))} : Type::mismatch();
  }
  static constexpr Value pull(const Site& s, int, Value ct);
  static constexpr Value push(const Site& s, int, Value tangent) { return apply({tangent}, PoolGeometry::of(s)); }
  static void plain(PlainPool p) { p.mean(); }
};

/// The cotangent of the means → that of the image.
struct MeanPoolGradient : PoolPart<MeanPoolGradient> {
  static constexpr const char* name = "mean_pool_gradient";
  static constexpr int operands = 1;
  static constexpr bool is_image(int tensor) { return tensor == 1; }
  static constexpr double operations(int window_size) { return window_size + 1; }
  static constexpr Type type(const Signature& s) {
    const PoolGeometry g = PoolGeometry::of(s.attributes);
    if (s.count != 1 || s.shape(0).rank != g.front + g.axes) return Type::mismatch();
    Shape image = s.shape(0);
    for (int i = 0; i < g.axes; ++i) image.set(g.front + i, g.extent[i]);
    return is_pooled(image, g) && g.pooled(image) == s.shape(0) ? Type{s.dtype(0), image} : Type::mismatch();
  }
  static constexpr Value pull(const Site& s, int, Value ct) {
    PoolGeometry g = PoolGeometry::of(s);
    g.extent = {};
    return MeanPool::apply({ct}, g);
  }
  static constexpr Value push(const Site& s, int, Value tangent) { return apply({tangent}, PoolGeometry::of(s)); }
  static void plain(PlainPool p) { p.mean_gradient(); }
};

constexpr Value MeanPool::pull(const Site& s, int, Value ct) {
  PoolGeometry g = PoolGeometry::of(s);
  for (int i = 0; i < g.axes; ++i) g.extent[i] = s.operand(0).extents()[g.front + i];
  return MeanPoolGradient::apply({ct}, g);
}

}  // namespace sinter::ops
