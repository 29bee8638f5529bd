// Weights of convolutions transformed in advance for Winograd's minimal filtering.
//
// F(m × m, k × k) computes m² results from a tile of (m + k − 1)² positions, each of which multiplies by a matrix of
// weights of its own: `TransformedFilters` computes these matrices, `Filters` is the view of them that has the weights'
// shape again, for contractions only.
#pragma once
#include "panels.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// One axis of the transform of k weights: value i is the weights' polynomial at the i-th of the points 0, 1, −1, 2,
/// −2, ∞ (0, 1, −1, ∞ for tiles of four positions), divided by the products of its distances from the others. Signs are
/// as the other transforms expect.
struct FilterTransform {
  int positions = 6, taps = 3;

  constexpr double weight(int position, int tap) const {
    if (position == positions - 1) return tap == taps - 1 ? 1 : 0;
    constexpr double point[]{0, 1, -1, 2, -2};
    double power = 1, distances = 1;
    for (int k = 0; k < tap; ++k) power *= point[position];
    for (int k = 0; k + 1 < positions; ++k) distances *= k == position ? 1 : point[position] - point[k];
    return power / (positions == 4 && position == 0 ? -distances : distances);
  }
};

/// w [O, C, k, k] → [(m + k − 1)² + k², panels, C, width]: the matrices of all positions, and the weights as they are,
/// for tiles with numbers that are not finite; filters in panels, zeros after the last. attributes = {m, width}.
struct TransformedFilters : graph::Registered<TransformedFilters> {
  static constexpr const char* name = "transformed_filters";
  enum Loop : int { filter, channel, row, column };
  static constexpr ops::Type type(const Signature& s) {
    const Shape& w = s.shape(0);
    if (s.count != 1 || s.attribute_count != 2 || w.rank != 4 || w[2] != w[3] || s.dtype(0) != Dtype::float32)
      return ops::Type::mismatch();
    const int side = int(s.attributes[0]) + w[2] - 1, width = int(s.attributes[1]);
    Shape to;
    to.push(side * side + w[2] * w[2]);
    to.push((w[0] + width - 1) / width);
    to.push(w[1]);
    to.push(width);
    return {s.dtype(0), to};
  }
  static constexpr graph::Primitive describe() {
    graph::Primitive p{
        .name = name, .code = graph::code_of<TransformedFilters>, .kind = graph::Kind::kernel, .type = &type};
    p.kernel.loop = [](const Signature&, int tensor, int axis) -> int {
      return tensor == 0 ? axis : axis == 0 ? row : axis == 1 ? filter : axis == 2 ? channel : column;
    };
    p.kernel.plain = &plain;
    p.flops = [](const Signature&, const Shape& to) { return 4.0 * double(to.size()); };
    p.kernel.flops = [](const std::int64_t* extent, int, const std::int64_t* attributes) {
      const double side = double(attributes[0] + extent[row] - 1);
      return 4.0 * (side * side + double(extent[row] * extent[row])) * double(extent[filter]) * double(extent[channel]);
    };
    return p;
  }

 private:
  static void plain(const graph::Elements& e) {
    const std::int64_t filters = e.length(0, 0), channels = e.length(0, 1), taps = e.length(0, 2),
                       width = e.attributes[1];
    const FilterTransform f{int(e.attributes[0] + taps - 1), int(taps)};
    std::int64_t to[4];
    for (to[0] = 0; to[0] < f.positions * f.positions; ++to[0])
      for (to[1] = 0; to[1] * width < filters; ++to[1])
        for (to[2] = 0; to[2] < channels; ++to[2])
          for (to[3] = 0; to[3] < width; ++to[3]) {
            std::int64_t from[4]{to[1] * width + to[3], to[2], 0, 0};
            double sum = 0;
            for (from[2] = 0; from[2] < taps && from[0] < filters; ++from[2])
              for (from[3] = 0; from[3] < taps; ++from[3])
                sum += e.get(0, from) * f.weight(int(to[0]) / f.positions, int(from[2])) *
                       f.weight(int(to[0]) % f.positions, int(from[3]));
            e.set(to, sum);
          }
    for (; to[0] < f.positions * f.positions + taps * taps; ++to[0])
      for (to[1] = 0; to[1] * width < filters; ++to[1])
        for (to[2] = 0; to[2] < channels; ++to[2])
          for (to[3] = 0; to[3] < width; ++to[3]) {
            const std::int64_t at = to[0] - f.positions * f.positions,
                               from[4]{to[1] * width + to[3], to[2], at / taps, at % taps};
            e.set(to, from[0] < filters ? e.get(0, from) : 0);
          }
  }
};

/// A view of transformed weights.
struct Filters : ops::View<Filters> {
  static constexpr const char* name = "filters";

  /// attributes = {m, the shape [O, C, k, k]}. Strides are those of the weights, and only distinguish the loops.
  static constexpr ops::Type type(const Signature& s) {
    return {s.dtype(0), ops::unpacked(s.attributes + 1, s.attribute_count - 1)};
  }
  static constexpr bool view(Layout& l, const Signature& s, const Shape& to) {
    l = Layout::row_major(to, l.offset);
    l.gapless = false;
    l.form = WeightForm::transformed(int(s.attributes[0]));
    return true;
  }
  // It is inserted after differentiation and vmap.
  static constexpr Value pull(const graph::Site&, Value) { return {}; }
  static constexpr Value batch(const graph::Batching&) { return {}; }
};

constexpr Value transformed(Value w, int m, int width) {
  const std::array<std::int64_t, 2> attributes{m, width};
  return {w.graph, w.graph->add(graph::primitive<TransformedFilters>, &w.id, 1, attributes.data(), 2)};
}
/// The weights, in their own shape, from what `transformed` has made of them.
constexpr Value filters(Value from, const Shape& shape, int m) { return as_weights<Filters>(from, shape, m); }

}  // namespace sinter::cpu
