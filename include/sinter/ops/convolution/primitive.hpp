// A convolution and its gradients as primitives: they keep their names and geometry until a target lowers them
// (compile/expand.hpp). One that lowers nothing runs their plain loops.
//
// All three are the derivatives of one trilinear form, Σ image · weight · sums, and so are their own: the gradients
// of a gradient are a convolution and the other gradient.
#pragma once
#include "../permute.hpp"
#include "../reduce.hpp"
#include "plain.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// What computes one of the three tensors from the two others; `shape`: of a gradient, that of what it computes.
constexpr Value convolution_part(ConvolutionTensor which, const internals::Array<Value, 3>& tensors, Geometry g,
                                 const Shape& shape);

template <class Self, ConvolutionTensor Result> struct ConvolutionPart : graph::Registered<Self> {
  using enum ConvolutionTensor;

  static constexpr Type type(const Signature& s) {
    if (s.count != 2 || s.attribute_count != Geometry::numbers || s.dtype(0) != s.dtype(1)) return Type::mismatch();
    const Geometry g = Geometry::of(s.attributes);
    const Shape &a = s.shape(0), &b = s.shape(1);
    const int first = g.lead, second = g.lead + 1, spatial = g.lead + 2;
    if (a.rank != spatial + g.axes || b.rank != a.rank || g.groups < 1) return Type::mismatch();
    Shape to;
    for (int i = 0; i < g.lead; ++i) {
      if (a[i] != b[i] || a.symbol(i) != b.symbol(i)) return Type::mismatch();
      to.push(a[i], a.symbol(i));
    }
    for (int i = second; i < a.rank; ++i)
      if (a.symbol(i) != 0 || b.symbol(i) != 0) return Type::mismatch();
    bool fits = true;
    if constexpr (Result == weight) {
      fits = a[first] == b[first] && a.symbol(first) == b.symbol(first) && a[second] % g.groups == 0 &&
             b[second] % g.groups == 0;
      to.push(a[second]);
      to.push(b[second] / g.groups);
    } else {
      fits = b.symbol(first) == 0 && b[first] % g.groups == 0 &&
             a[second] == (Result == sums ? b[second] * g.groups : b[first]);
      to.push(a[first], a.symbol(first));
      to.push(Result == sums ? b[first] : b[second] * g.groups);
    }
    for (int i = 0; i < g.axes; ++i) {
      const int x = a[spatial + i], y = b[spatial + i], extent = g.extent[i];
      const int windows = Result == sums    ? g.windows(i, x, y)
                          : Result == image ? g.windows(i, extent, y)
                                            : g.windows(i, y, extent);
      fits = fits && windows > 0 && (Result == sums || windows == x);
      to.push(Result == sums ? windows : extent);
    }
    return fits ? Type{g.sums < 0 ? s.dtype(0) : Dtype(g.sums), to} : Type::mismatch();
  }
  /// Loops: the leading axes, images, channels, filters, channels of a group; positions, kernel, windows.
  static constexpr int loop(const Signature& s, int tensor, int axis) {
    const Geometry g = Geometry::of(s.attributes);
    if (axis < g.lead) return axis;
    const ConvolutionTensor t = tensor < s.count ? convolution_operand(Result, tensor) : Result;
    const int k = axis - g.lead;
    if (k == 0) return g.lead + (t == weight ? 2 : 0);
    if (k == 1) return g.lead + (t == image ? 1 : t == weight ? 3 : 2);
    return g.lead + 4 + (t == image ? 0 : t == weight ? g.axes : 2 * g.axes) + k - 2;
  }
  static constexpr double flops_of_loops(const std::int64_t* extent, int loops, const std::int64_t* attributes) {
    const Geometry g = Geometry::of(attributes);
    double n = 2;
    for (int l = 0; l < loops; ++l)
      if (l != g.lead + 1 && (l < g.lead + 4 || l >= g.lead + 4 + g.axes)) n *= double(extent[l]);
    return n;
  }
  static constexpr double flops(const Signature& s, const Shape& result) {
    internals::Array<std::int64_t, Shape::max_rank + 13> extent{};
    const int spatial = 3 * Geometry::of(s.attributes).axes;
    for (int t = 0; t < 3; ++t) {
      const Shape& shape = t < 2 ? s.shape(t) : result;
      for (int i = 0; i < shape.rank; ++i) extent[loop(s, t, i)] = shape[i];
    }
    return flops_of_loops(extent.data(), int(s.attributes[2]) + 4 + spatial, s.attributes);
  }

  static constexpr Primitive describe() {
    Primitive p{.name = Self::name, .code = graph::code_of<Self>, .kind = Kind::kernel, .type = &type};
    p.vjp = &pull;
    p.jvp = [](const Site& s, int i, Value tangent) { return of(i == 0 ? tangent : s.operand(0),
                                                                i == 1 ? tangent : s.operand(1), s); };
    p.batch = &batch;
    p.flops = &flops;
    if constexpr (Result == sums) {
      p.kernel.weight = 1;
      p.kernel.channels = [](const std::int64_t* a) { return Geometry::of(a).lead == 0 ? 1 : -1; };
    }
    p.kernel.kind = graph::OwnKernel::convolve;
    p.kernel.flops = &flops_of_loops;
    p.kernel.loop = &loop;
    p.kernel.plain = [](const graph::Elements& e) { PlainConvolution(e, Result).run(); };
    return p;
  }

 private:
  /// The same of other operands.
  static constexpr Value of(Value a, Value b, const Site& s) {
    const internals::Array<int, 2> operands{a.id, b.id};
    const auto attributes = Geometry::of(s).attributes();
    return {a.graph,
            a.graph->add(graph::primitive<Self>, operands.data(), 2, attributes.data(), Geometry::numbers)};
  }
  /// In the dtype of the sums, which is the cotangent's, of narrow operands where those are: as contractions.
  static constexpr Value pull(const Site& s, int i, Value ct) {
    Geometry g = Geometry::of(s);
    const Dtype sums = ct.dtype();
    if (const Value narrow = graph::before_widening(ct); narrow.dtype() == s.operand(i).dtype()) ct = narrow;
    g.sums = sums == ct.dtype() ? -1 : int(sums);
    internals::Array<Value, 3> t{};
    t[int(Result)] = ct;
    t[int(convolution_operand(Result, 1 - i))] = graph::cast_to(s.operand(1 - i), ct.dtype());
    return graph::cast_to(convolution_part(convolution_operand(Result, i), t, g, s.operand(i).extents()),
                          s.operand(i).dtype());
  }

  // ---- vmap ----
  /// Where a batch axis goes: it is in front of the axis that one operand and the result have in common. Images of all
  /// samples are one batch of images, filters of all samples the filters of one convolution.
  struct BatchPosition {
    int axis = 0;        ///< without the batch axis
    bool grouped = false;  ///< whether that axis has the groups
  };
  static constexpr BatchPosition batch_position(ConvolutionTensor t, ConvolutionTensor other) {
    if (t != weight && other != weight) return {0, false};  // images
    if (t == image || other == image) return t == image ? BatchPosition{1, true} : BatchPosition{1, false};  // channels
    return {t == weight ? 0 : 1, true};  // filters
  }
  static constexpr Value joined(Value v, BatchPosition p, int groups) {
    const Shape s = v.extents();
    const int inside = p.grouped ? groups : 1;
    Shape split, whole;
    internals::Array<std::int64_t, Shape::max_rank> order{};
    split.push(s[0]);
    for (int i = 1; i < s.rank; ++i) {
      const bool here = i == p.axis + 1;
      whole.push(here ? s[i] * s[0] : s[i], s.symbol(i));
      if (here && inside > 1) split.push(inside);
      split.push(here ? s[i] / inside : s[i], s.symbol(i));
    }
    const int at = p.axis + (inside > 1 ? 1 : 0);  // where the batch axis goes
    for (int i = 0; i < split.rank; ++i) order[i] = i < at ? i + 1 : i == at ? 0 : i;
    return graph::reshape_to(permuted(graph::reshape_to(v, split), order), whole);
  }
  static constexpr Value separated(Value v, BatchPosition p, int groups, int extent) {
    const Shape s = v.extents();
    const int inside = p.grouped ? groups : 1;
    Shape split, whole;
    internals::Array<std::int64_t, Shape::max_rank> order{};
    whole.push(extent);
    for (int i = 0; i < s.rank; ++i) {
      const bool here = i == p.axis;
      if (here && inside > 1) split.push(inside);
      if (here) split.push(extent);
      split.push(here ? s[i] / (inside * extent) : s[i], s.symbol(i));
      whole.push(here ? s[i] / extent : s[i], s.symbol(i));
    }
    const int at = p.axis + (inside > 1 ? 1 : 0);
    for (int i = 0; i < split.rank; ++i) order[i] = i == 0 ? at : i <= at ? i - 1 : i;
    return graph::reshape_to(permuted(graph::reshape_to(v, split), order), whole);
  }
  static constexpr Value batch(const graph::Batching& b) {
    Geometry g = Geometry::of(b.attributes);
    internals::Array<int, 2> operands{b.operands[0], b.operands[1]};
    const int mapped = b.mapped[0] != 0 ? 0 : 1;
    const ConvolutionTensor t = convolution_operand(Result, mapped);
    const Shape s = b.operand(mapped).extents();
    const bool one = (b.mapped[0] != 0) != (b.mapped[1] != 0) && g.lead == 0;
    const BatchPosition from = batch_position(t, Result), to = batch_position(Result, t);
    const bool images = from.axis == 0 && !from.grouped;
    if (one && images && s.symbol(1) == 0 && s[1] == 1) {  // samples of one image each, of any length
      Shape whole;
      whole.push(s[0], s.symbol(0));
      for (int i = 2; i < s.rank; ++i) whole.push(s[i]);
      operands[mapped] = graph::reshape_to(b.operand(mapped), whole).id;
      const Value y = with(b.graph, operands, g);
      Shape each;
      for (int i = 0; i < y.extents().rank; ++i) {
        each.push(y.extents()[i], y.extents().symbol(i));
        if (i == 0) each.push(1);
      }
      return graph::reshape_to(y, each);
    }
    if (one && b.symbol == 0 && s[0] > 0 && (!images || s.symbol(1) == 0)) {
      operands[mapped] = joined(b.operand(mapped), from, g.groups).id;
      return separated(with(b.graph, operands, g), to, g.groups, s[0]);
    }
    ++g.lead;
    for (int i = 0; i < 2; ++i) operands[i] = graph::batched(b, i).id;
    return with(b.graph, operands, g);
  }
  static constexpr Value with(Builder* b, const internals::Array<int, 2>& operands, const Geometry& g) {
    const auto attributes = g.attributes();
    return {b, b->add(graph::primitive<Self>, operands.data(), 2, attributes.data(), Geometry::numbers)};
  }
};

/// image [N, C, spatial…] * weight [O, C / groups, kernel…] → [N, O, windows…]. attributes: Geometry.
struct Convolution : ConvolutionPart<Convolution, ConvolutionTensor::sums> {
  static constexpr const char* name = "convolution";
};
/// The cotangents of the sums [N, O, windows…] and the weight → that of the image.
struct ConvolutionImageGradient : ConvolutionPart<ConvolutionImageGradient, ConvolutionTensor::image> {
  static constexpr const char* name = "convolution_image_gradient";
};
/// The cotangents of the sums and the image → that of the weight.
struct ConvolutionWeightGradient : ConvolutionPart<ConvolutionWeightGradient, ConvolutionTensor::weight> {
  static constexpr const char* name = "convolution_weight_gradient";
};

constexpr Value convolution_part(ConvolutionTensor which, const internals::Array<Value, 3>& tensors, Geometry g,
                                 const Shape& shape) {
  const Value a = tensors[int(convolution_operand(which, 0))],
              b = tensors[int(convolution_operand(which, 1))];
  const internals::Array<int, 2> operands{a.id, b.id};
  g.extent = {};
  if (which != ConvolutionTensor::sums)
    for (int i = 0; i < g.axes; ++i) g.extent[i] = shape[g.lead + 2 + i];
  const auto attributes = g.attributes();
  const Primitive& op = which == ConvolutionTensor::sums    ? graph::primitive<Convolution>
                        : which == ConvolutionTensor::image ? graph::primitive<ConvolutionImageGradient>
                                                            : graph::primitive<ConvolutionWeightGradient>;
  return {a.graph, a.graph->add(op, operands.data(), 2, attributes.data(), Geometry::numbers)};
}

/// The convolution of an image [N, C, spatial…] with a weight [O, C / groups, kernel…], summed in a dtype.
constexpr Value convolve(Value image, Value weight, Geometry g, Dtype sums) {
  g.sums = sums == image.dtype() ? -1 : int(sums);
  return convolution_part(ConvolutionTensor::sums, {image, weight, Value{}}, g, Shape{});
}
constexpr Value convolve(Value image, Value weight, const Geometry& g) {
  return convolve(image, weight, g, image.dtype());
}

}  // namespace sinter::ops
