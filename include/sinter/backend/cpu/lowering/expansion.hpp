// What a CPU writes with other primitives: convolutions, pools, and their gradients, and products of 16-bit floats.
#pragma once
#include "../../../compile/target.hpp"
#include "convolution_gradients.hpp"
#include "pool.hpp"
#include "widen.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// The form of one sample, batched where the operands have further leading axes.
template <class Form> constexpr Value of_each_sample(Value a, Value b, int lead, const Form& form) {
  if (lead == 0) return form(a, b);
  const Shape s = a.extents();
  graph::SampleTrace one(*a.graph, s[0], s.symbol(0));
  const Value x = one.sample(a), y = one.sample(b), each = of_each_sample(x, y, lead - 1, form);
  return one.whole(each);
}
constexpr Value expand_convolution(const graph::Site& s) {
  const Geometry g = Geometry::of(s);
  const Dtype sums = s.result().dtype();
  return of_each_sample(widened_operand(s, 0), widened_operand(s, 1), g.lead,
                        [&](Value image, Value weight) { return convolution_sums(image, weight, g, sums); });
}
constexpr Value expand_image_gradient(const graph::Site& s) {
  const Geometry g = Geometry::of(s);
  return of_each_sample(widened_operand(s, 0), widened_operand(s, 1), g.lead, [&g](Value ct, Value weight) {
    const Shape sums = ct.extents();
    Shape image;
    image.push(sums[0], sums.symbol(0));
    image.push(weight.extents()[1] * g.groups);
    for (int i = 0; i < g.axes; ++i) image.push(g.extent[i]);
    return convolution_image_gradient(ct, weight, g, image);
  });
}
constexpr Value expand_weight_gradient(const graph::Site& s) {
  const Geometry g = Geometry::of(s);
  return of_each_sample(widened_operand(s, 0), widened_operand(s, 1), g.lead, [&g](Value ct, Value image) {
    Shape weight;
    weight.push(ct.extents()[1]);
    weight.push(image.extents()[1] / g.groups);
    for (int i = 0; i < g.axes; ++i) weight.push(g.extent[i]);
    return convolution_weight_gradient(ct, image, g, weight);
  });
}
constexpr Value expand_max_pool(const graph::Site& s) { return max_pool(s.operand(0), PoolGeometry::of(s)); }
constexpr Value expand_max_pool_gradient(const graph::Site& s) {
  return max_pool_gradient(s.operand(0), s.operand(1), s.operand(2), PoolGeometry::of(s));
}
constexpr Value expand_max_pool_tangent(const graph::Site& s) {
  return max_pool_tangent(s.operand(0), s.operand(1), s.operand(2), PoolGeometry::of(s));
}
constexpr Value expand_mean_pool(const graph::Site& s) { return mean_pool(s.operand(0), PoolGeometry::of(s)); }
constexpr Value expand_mean_pool_gradient(const graph::Site& s) {
  return mean_pool_gradient(s.operand(0), PoolGeometry::of(s));
}

constexpr internals::compile::Expansion expansion(const graph::Primitive& op) {
  if (op.code == graph::code_of<ops::Contract>) return &expand_contraction;
  if (op.code == graph::code_of<ops::Convolution>) return &expand_convolution;
  if (op.code == graph::code_of<ops::ConvolutionImageGradient>) return &expand_image_gradient;
  if (op.code == graph::code_of<ops::ConvolutionWeightGradient>) return &expand_weight_gradient;
  if (op.code == graph::code_of<ops::MaxPool>) return &expand_max_pool;
  if (op.code == graph::code_of<ops::MaxPoolGradient>) return &expand_max_pool_gradient;
  if (op.code == graph::code_of<ops::MaxPoolTangent>) return &expand_max_pool_tangent;
  if (op.code == graph::code_of<ops::MeanPool>) return &expand_mean_pool;
  if (op.code == graph::code_of<ops::MeanPoolGradient>) return &expand_mean_pool_gradient;
  return nullptr;
}

}  // namespace sinter::cpu
