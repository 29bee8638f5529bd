// Attention query by query and key by key, by its definition: for rows whose tiles multiplied what is not finite by 0.
//
// The tiles give a masked key the weight 0. Times an infinity or NaN, in a masked key or value or in the cotangent of a
// query without keys, that is NaN. Results show it: where one is not finite, its row is computed again here, without
// the masked keys.
#pragma once
#include <cmath>

#include "attend_heads.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T> class WrittenAttention {
  using Vector = typename AttendTile<T>::Vector;
  static constexpr int W = AttendTile<T>::width;
  enum Tensor { q, k, v, o, sums, ct };

 public:
  /// `mask`: the number of its tensor, or −1.
  WrittenAttention(const AttendHeads& h, int mask) : h_(h), mask_(mask) {}

  /// Whether keys may be masked at all.
  bool has_masked_keys() const { return mask_ >= 0 || h_.geometry.causal; }
  static constexpr auto position = [] {
    std::array<T, std::size_t(W)> p{};
    for (int i = 1; i < W; ++i) p[std::size_t(i)] = T(i);
    return p;
  }();
  /// Whether one of the first n lanes is not finite.
  static bool is_not_finite(const Vector& x, int n) {
    if constexpr (W == 1) return n > 0 && !is_finite(x).v;
    else return any(!is_finite(x) && Vector::load(position.data()) < Vector(T(n)));
  }

  /// The mean of one query's values, and the logarithm of its sum of exponentials; `output`, `logarithms`: tensors, of
  /// which either may be absent.
  SINTER_COLD void forward(std::int64_t head, std::int64_t group, std::int64_t query, int output,
                           int logarithms) const {
    const auto& g = h_.geometry;
    const Scores scores(h_, mask_, head, group);
    const Matrix<const T> values = h_.matrix<const T>(v, head, 0, g.keys(), g.value_features());
    T top = std::numeric_limits<T>::lowest(), sum = 0, means[ops::AttentionGeometry::widest]{};
    const T infinity = ops::unforeseen(ops::infinity<T>), no_number = ops::unforeseen(ops::not_a_number<T>);
    bool is_number = true;
    for (std::int64_t j = 0; j < h_.keys_before(query + 1); ++j) {
      if (!scores.sees(query, j)) continue;
      const T score = scores(query, j);
      if (is_nan(Lanes<T, 1>(score)).v || score == infinity) {  // ∞ − ∞
        is_number = false;
        break;
      }
      const T before = top;
      top = std::max(top, score);
      const T factor = std::exp(before - top), p = std::exp(score - top);
      sum = sum * factor + p;
      for (std::int64_t d = 0; d < h_.value_features; ++d) means[d] = means[d] * factor + p * values(j, d);
    }
    if (h_.call.address[output] != nullptr) {
      const Matrix<T> to = h_.matrix<T>(output, head, group, g.queries(), g.value_features());
      const T part = sum == 0 ? T(0) : 1 / sum;
      for (std::int64_t d = 0; d < h_.value_features; ++d) to(query, d) = is_number ? means[d] * part : no_number;
    }
    if (h_.call.address[logarithms] != nullptr) {
      const T logarithm = sum == 0 ? infinity : top + std::log(sum);
      h_.matrix<T>(logarithms, head, group, g.queries(), g.queries())(query, 0) = is_number ? logarithm : no_number;
    }
  }

  /// The cotangents of one head of keys and values, and of all its queries; tensors, of which some may be absent.
  SINTER_COLD void backward(std::int64_t head, int dq, int dk, int dv) const {
    const auto& g = h_.geometry;
    const Matrix<const T> keys = h_.matrix<const T>(k, head, 0, g.keys(), g.features());
    const Matrix<const T> values = h_.matrix<const T>(v, head, 0, g.keys(), g.value_features());
    const Matrix<T> to_keys = result(dk, head, 0, g.keys(), g.features());
    const Matrix<T> to_values = result(dv, head, 0, g.keys(), g.value_features());
    const bool has_numbers = has_a_number(head);
    for (std::int64_t j = 0; j < h_.keys; ++j) {
      if (!has_numbers && is_seen(head, j)) continue;
      clear(to_keys, j, h_.features);
      clear(to_values, j, h_.value_features);
    }
    if (!has_numbers) return;
    for (std::int64_t group = 0; group < h_.groups; ++group) {
      const Scores scores(h_, mask_, head, group);
      const Matrix<const T> cotangent = h_.matrix<const T>(ct, head, group, g.queries(), g.value_features());
      const Matrix<const T> output = h_.matrix<const T>(o, head, group, g.queries(), g.value_features());
      const Matrix<const T> logarithm = h_.matrix<const T>(sums, head, group, g.queries(), g.queries());
      const Matrix<T> to_queries = result(dq, head, group, g.queries(), g.features());
      for (std::int64_t i = 0; i < h_.queries; ++i) {
        clear(to_queries, i, h_.features);
        T mean = 0;
        for (std::int64_t d = 0; d < h_.value_features; ++d) mean += output(i, d) * cotangent(i, d);
        for (std::int64_t j = 0; j < h_.keys_before(i + 1); ++j) {
          if (!scores.sees(i, j)) continue;
          const T p = std::exp(scores(i, j) - logarithm(i, 0));
          T products = 0;
          for (std::int64_t d = 0; d < h_.value_features; ++d) {
            products += cotangent(i, d) * values(j, d);
            if (to_values.at != nullptr) to_values(j, d) += p * cotangent(i, d);
          }
          const T ds = p * (products - mean) * T(g.scale);
          for (std::int64_t d = 0; d < h_.features; ++d) {
            if (to_keys.at != nullptr) to_keys(j, d) += ds * scores.queries(i, d);
            if (to_queries.at != nullptr) to_queries(i, d) += ds * keys(j, d);
          }
        }
      }
    }
  }

 private:
  /// The scores of one head's queries.
  struct Scores {
    Matrix<const T> queries, keys, added{nullptr, 0, 0};
    Matrix<const bool> there{nullptr, 0, 0};
    std::int64_t features;
    T scale, never = ops::unforeseen(-ops::infinity<T>);

    Scores(const AttendHeads& h, int mask, std::int64_t head, std::int64_t group)
        : queries(h.matrix<const T>(q, head, group, h.geometry.queries(), h.geometry.features())),
          keys(h.matrix<const T>(k, head, 0, h.geometry.keys(), h.geometry.features())), features(h.features),
          scale(T(h.geometry.scale)) {
      const int row = h.geometry.queries(), column = h.geometry.keys();
      if (mask < 0) return;
      if (h.call.dtype[mask] == Dtype::boolean) there = h.matrix<const bool>(mask, head, group, row, column);
      else added = h.matrix<const T>(mask, head, group, row, column);
    }
    bool sees(std::int64_t query, std::int64_t key) const {
      if (added.at != nullptr && is_nan(Lanes<T, 1>(added(query, key))).v) return true;
      return (there.at == nullptr || there(query, key)) && (added.at == nullptr || added(query, key) != never);
    }
    T operator()(std::int64_t query, std::int64_t key) const {
      T score = added.at != nullptr ? added(query, key) : T(0);
      for (std::int64_t d = 0; d < features; ++d) score += queries(query, d) * scale * keys(key, d);
      return score;
    }
  };

  /// A result's matrix, at nullptr where it is absent.
  Matrix<T> result(int tensor, std::int64_t head, std::int64_t group, int row, int column) const {
    if (h_.call.address[tensor] == nullptr) return {nullptr, 0, 0};
    return h_.matrix<T>(tensor, head, group, row, column);
  }
  static void clear(const Matrix<T>& to, std::int64_t row, std::int64_t features) {
    for (std::int64_t d = 0; d < features && to.at != nullptr; ++d) to(row, d) = 0;
  }
  /// Whether a query sees the key.
  bool is_seen(std::int64_t head, std::int64_t key) const {
    for (std::int64_t group = 0; group < h_.groups; ++group) {
      const Scores scores(h_, mask_, head, group);
      for (std::int64_t i = h_.queries - 1; i >= 0 && key < h_.keys_before(i + 1); --i)
        if (scores.sees(i, key)) return true;
    }
    return false;
  }
  /// Whether the result of a query is not NaN. Where all are, so are the cotangents of all keys that a query sees, and
  /// of all queries: a training that has diverged keeps its speed.
  bool has_a_number(std::int64_t head) const {
    const int query = h_.geometry.queries();
    for (std::int64_t group = 0; group < h_.groups; ++group) {
      const Matrix<const T> logarithm = h_.matrix<const T>(sums, head, group, query, query);
      for (std::int64_t i = 0; i < h_.queries; ++i)
        if (!is_nan(Lanes<T, 1>(logarithm(i, 0))).v) return true;
    }
    return false;
  }

  const AttendHeads& h_;
  int mask_;
};

}  // namespace sinter::cpu
