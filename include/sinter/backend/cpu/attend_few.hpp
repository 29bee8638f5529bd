// Attention of few queries to many keys, as when a text is continued word by word: everything is read where it lies, once for each query.
#pragma once
#include "attend_heads.hpp"

namespace sinter::cpu {

template <class T> class AttendFew {
  using Tile = AttendTile<T>;
  using Vector = typename Tile::Vector;
  static constexpr int W = Tile::width;
  static constexpr std::int64_t block = 128;  ///< keys whose scores are in cache at once
  static constexpr int most = ops::AttentionGeometry::widest;
  enum Tensor { q, k, v };

 public:
  static constexpr std::int64_t most_queries = 6;  ///< from more on it pays to pack keys and values

  AttendFew(const AttendHeads& h, int mask, int output, int sums) : h_(h), mask_(mask), output_(output), sums_(sums) {}

  /// Features of keys and values must lie side by side.
  bool fits() const {
    return h_.queries <= most_queries && h_.call.stride(k)[h_.geometry.features()] == 1 && h_.call.stride(v)[h_.geometry.value_features()] == 1;
  }
  void run() const {
    const std::int64_t work = std::max<std::int64_t>(1, h_.queries * h_.keys * (h_.features + h_.value_features));
    split(h_.heads * h_.groups, 1, std::max<std::int64_t>(2, 131072 / work), h_.call.context.threads, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i)
        for (std::int64_t query = 0; query < h_.queries; ++query) row(i / h_.groups, i % h_.groups, query);
    });
  }

 private:
  SINTER_OUTLINE void row(std::int64_t head, std::int64_t group, std::int64_t query) const {
    const auto& g = h_.geometry;
    const Matrix<const T> keys = h_.matrix<const T>(k, head, 0, g.keys(), g.features()), values = h_.matrix<const T>(v, head, 0, g.keys(), g.value_features());
    const Matrix<const T> from = h_.matrix<const T>(q, head, group, g.queries(), g.features()).from(query);
    alignas(64) T scaled[most], means[most], score[block];
    for (std::int64_t d = 0; d < Tile::up(h_.features, W); ++d) scaled[d] = d < h_.features ? from(0, d) * T(g.scale) : T(0);
    std::fill(means, means + h_.value_features, T(0));

    const AttendMask<T> mask(h_, mask_, head, group);
    T top = std::numeric_limits<T>::lowest(), sum = 0;
    const std::int64_t end = h_.keys_before(query + 1);
    for (std::int64_t key = 0; key < end; key += block) {
      const std::int64_t n = std::min(block, end - key);
      for (std::int64_t j = 0; j < n; j += W) products(scaled, keys.from(key + j), std::min<std::int64_t>(W, n - j), score + j);
      mask.apply_row(score, key, n, query);
      const T factor = weigh(score, n, top, sum);
      add_values(values.from(key), score, n, factor, means);
    }
    if (h_.call.address[output_] != nullptr) {
      const Matrix<T> to = h_.matrix<T>(output_, head, group, g.queries(), g.value_features()).from(query);
      const T part = sum > 0 ? 1 / sum : sum;
      for (std::int64_t d = 0; d < h_.value_features; ++d) to(0, d) = means[d] * part;
    }
    if (h_.call.address[sums_] != nullptr) h_.matrix<T>(sums_, head, group, g.queries(), g.queries())(query, 0) = sum == 0 ? std::numeric_limits<T>::infinity() : top + std::log(sum);
  }

  /// The query's products with n ≤ W keys, each in a lane: products feature by feature, then transposed and added up.
  void products(const T* query, Matrix<const T> keys, std::int64_t n, T* score) const {
    alignas(64) T part[W * W], turned[W * W];
    for (std::int64_t j = 0; j < n; ++j) {
      Vector sum(0);
      std::int64_t d = 0;
      for (; d + W <= h_.features; d += W) sum = fma(load<T, W>(query + d, W), load<T, W>(keys.at + j * keys.row + d, W), sum);
      if (d < h_.features) sum = fma(load<T, W>(query + d, W), load<T, W>(keys.at + j * keys.row + d, int(h_.features - d)), sum);
      store(sum, part + j * W, W);
    }
    std::fill(part + n * W, part + W * W, T(0));
    transpose(part, W, turned, W, W, W);
    Vector sum(0);
    for (int i = 0; i < W; ++i) sum = sum + load<T, W>(turned + i * W, W);
    store(sum, score, W);
  }

  /// Scores become exponentials below the maximum so far; returns what to multiply earlier sums by.
  static T weigh(T* score, std::int64_t n, T& top, T& sum) {
    const T before = top;
    for (std::int64_t j = n; j < Tile::up(n, W); ++j) score[j] = -std::numeric_limits<T>::infinity();
    Vector most_so_far(top), sums(0);
    for (std::int64_t j = 0; j < n; j += W) most_so_far = larger(load<T, W>(score + j, W), most_so_far);
    top = fold_lanes<ops::Amax>(most_so_far);
    for (std::int64_t j = 0; j < n; j += W) {
      const Vector p = exp(load<T, W>(score + j, W) - Vector(top));
      sums = sums + p;
      store(p, score + j, W);
    }
    const T factor = first(exp(Vector(before - top)));
    sum = sum * factor + fold_lanes<ops::Sum>(sums);
    return factor;
  }

  /// means = factor · means + Σ weight · value, four registers of features at a time.
  void add_values(Matrix<const T> values, const T* weight, std::int64_t n, T factor, T* means) const {
    std::int64_t d = 0;
    for (; d + 4 * W <= h_.value_features; d += 4 * W) add<4>(values, weight, n, factor, means, d, W);
    for (; d < h_.value_features; d += W) add<1>(values, weight, n, factor, means, d, int(std::min<std::int64_t>(W, h_.value_features - d)));
  }
  template <int V> [[gnu::always_inline]] static void add(Matrix<const T> values, const T* weight, std::int64_t n, T factor, T* means, std::int64_t d, int last) {
    Vector sum[V];
#pragma GCC unroll 4
    for (int r = 0; r < V; ++r) sum[r] = load<T, W>(means + d + r * W, r + 1 == V ? last : W) * Vector(factor);
    for (std::int64_t j = 0; j < n; ++j) {
      const Vector p(weight[j]);
#pragma GCC unroll 4
      for (int r = 0; r < V; ++r) sum[r] = fma(p, load<T, W>(values.at + j * values.row + d + r * W, r + 1 == V ? last : W), sum[r]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < V; ++r) store(sum[r], means + d + r * W, r + 1 == V ? last : W);
  }

  const AttendHeads& h_;
  int mask_, output_, sums_;
};

}  // namespace sinter::cpu
