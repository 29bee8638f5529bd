// Attention of few queries to many keys, as in autoregressive decoding: keys and values are read in place, once for
// every four queries.
#pragma once
#include "written_attention.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T> class AttendFew {
  using Tile = AttendTile<T>;
  using Vector = typename Tile::Vector;
  static constexpr int W = Tile::width;
  static constexpr int at_once = W < 4 ? W : 4;  ///< queries
  static constexpr std::int64_t block = 128;     ///< keys whose scores are in cache at once
  static constexpr int most = ops::AttentionGeometry::widest;
  enum Tensor { q, k, v };

 public:
  static constexpr std::int64_t most_queries = 12;  ///< from more on it pays to pack keys and values

  AttendFew(const AttendHeads& h, int mask, int output, int sums) : h_(h), mask_(mask), output_(output), sums_(sums) {}

  /// Features of keys and values must be contiguous.
  bool fits() const {
    return h_.queries <= most_queries && h_.call.stride(k)[h_.geometry.features()] == 1 &&
           h_.call.stride(v)[h_.geometry.value_features()] == 1;
  }
  void run() const {
    const std::int64_t work = std::max<std::int64_t>(1, h_.queries * h_.keys * (h_.features + h_.value_features));
    split(h_.heads * h_.groups, 1, std::max<std::int64_t>(2, 131072 / work), h_.call.context.threads,
          [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t i = from; i < to; ++i)
              for (std::int64_t query = 0; query < h_.queries; query += at_once) {
                const std::int64_t n = h_.queries - query;
                if (n == 1 || at_once == 1)
                  rows<1>(i / h_.groups, i % h_.groups, query);
                else if (n == 2 || at_once == 2)
                  rows<std::min(2, at_once)>(i / h_.groups, i % h_.groups, query);
                else
                  rows<at_once>(i / h_.groups, i % h_.groups, query);
              }
          });
  }

 private:
  /// Q queries from `first` on; where there are fewer, the last one is repeated for those that do not exist.
  template <int Q> SINTER_OUTLINE void rows(std::int64_t head, std::int64_t group, std::int64_t first) const {
    const auto& g = h_.geometry;
    const Matrix<const T> keys = h_.matrix<const T>(k, head, 0, g.keys(), g.features()),
                          values = h_.matrix<const T>(v, head, 0, g.keys(), g.value_features());
    alignas(64) PlainArray<T, Q * most> scaled, means;
    alignas(64) PlainArray<T, Q * block> score;
    PlainArray<T, Q> top, sum, factor;
    PlainArray<std::int64_t, Q> query;
    std::int64_t end = 0;
    for (int i = 0; i < Q; ++i) {
      query[i] = std::min(h_.queries - 1, first + i);
      end = std::max(end, h_.keys_before(query[i] + 1));
      const Matrix<const T> from = h_.matrix<const T>(q, head, group, g.queries(), g.features()).from(query[i]);
      for (std::int64_t d = 0; d < Tile::up(h_.features, W); ++d)
        scaled[i * most + d] = d < h_.features ? from(0, d) * T(g.scale) : T(0);
      std::fill(means + i * most, means + i * most + h_.value_features, T(0));
      top[i] = std::numeric_limits<T>::lowest(), sum[i] = 0;
    }

    const AttendMask<T> mask(h_, mask_, head, group);
    for (std::int64_t key = 0; key < end; key += block) {
      const std::int64_t n = std::min(block, end - key);
      for (std::int64_t j = 0; j < n; j += W / Q) products<Q>(scaled, keys.from(key + j), n - j, score + j);
      for (int i = 0; i < Q; ++i) {
        const std::int64_t sees = std::clamp<std::int64_t>(h_.keys_before(query[i] + 1) - key, 0, n);
        mask.apply_row(score + i * block, key, sees, query[i]);
        for (std::int64_t j = sees; j < Tile::up(n, W); ++j) score[i * block + j] = ops::unforeseen(-ops::infinity<T>);
        factor[i] = weigh(score + i * block, n, top[i], sum[i]);
      }
      add_values<Q>(values.from(key), score, n, factor, means);
    }
    const WrittenAttention<T> written(h_, mask_);
    for (int i = 0; i < Q; ++i) {
      if (h_.call.address[output_] != nullptr) {
        const Matrix<T> to = h_.matrix<T>(output_, head, group, g.queries(), g.value_features()).from(query[i]);
        const T part = sum[i] > 0 ? 1 / sum[i] : sum[i];
        for (std::int64_t d = 0; d < h_.value_features; ++d) to(0, d) = means[i * most + d] * part;
      }
      if (h_.call.address[sums_] != nullptr) {
        const bool has_keys = sum[i] != 0 || is_nan(Lanes<T, 1>(sum[i])).v;
        h_.matrix<T>(sums_, head, group, g.queries(), g.queries())(query[i], 0) =
            has_keys ? top[i] + std::log(sum[i]) : ops::unforeseen(ops::infinity<T>);
      }
      if (!written.has_masked_keys()) continue;
      Vector squares(sum[i] * sum[i]);
      for (std::int64_t d = 0; d < h_.value_features; d += W) {
        const Vector x = load<T, W>(means + i * most + d, int(std::min<std::int64_t>(W, h_.value_features - d)));
        squares = fma(x, x, squares);
      }
      if (written.is_not_finite(squares, W)) [[unlikely]] written.forward(head, group, query[i], output_, sums_);
    }
  }

  /// Products of Q queries with W / Q keys, of which n exist, (Q, features) × (features, W / Q) → (Q, W / Q): a
  /// register for each, then the sums of all registers together.
  template <int Q> void products(const T* queries, Matrix<const T> keys, std::int64_t n, T* score) const {
    constexpr int K = W / Q;
    PlainArray<Vector, W> sum;
    PlainArray<const T*, K> from;
#pragma GCC unroll 16
    for (int j = 0; j < K; ++j) from[j] = keys.at + std::min<std::int64_t>(j, n - 1) * keys.row;
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) sum[i] = Vector(0);
    const auto term = [&](std::int64_t d, int wide) __attribute__((always_inline)) {
      PlainArray<Vector, Q> query;
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i) query[i] = load<T, W>(queries + i * most + d, W);
#pragma GCC unroll 16
      for (int j = 0; j < K; ++j) {
        const Vector x = load<T, W>(from[j] + d, wide);
#pragma GCC unroll 4
        for (int i = 0; i < Q; ++i) sum[i * K + j] = fma(query[i], x, sum[i * K + j]);
      }
    };
    std::int64_t d = 0;
    for (; d + W <= h_.features; d += W) term(d, W);
    if (d < h_.features) term(d, int(h_.features - d));
    alignas(64) PlainArray<T, W> all;
    if constexpr (W == 1) all[0] = sum[0].v;
    else store(totals(sum), all, W);
    for (int i = 0; i < Q; ++i) std::copy_n(all + i * K, K, score + i * block);
  }

  /// Scores, −∞ after the last, become exponentials relative to the maximum so far; returns the factor of earlier sums.
  static T weigh(T* score, std::int64_t n, T& top, T& sum) {
    const T before = top;
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

  /// means = factor · means + Σ weight · value, for as many registers of features at a time as fit.
  template <int Q>
  void add_values(Matrix<const T> values, const T* weight, std::int64_t n, const T* factor, T* means) const {
    constexpr int V = std::min(4, (Tile::rows > 4 ? 16 : 8) / Q);
    std::int64_t d = 0;
    for (; d + V * W <= h_.value_features; d += V * W) add<Q, V>(values, weight, n, factor, means, d, W);
    for (; d < h_.value_features; d += W)
      add<Q, 1>(values, weight, n, factor, means, d, int(std::min<std::int64_t>(W, h_.value_features - d)));
  }
  template <int Q, int V> [[gnu::always_inline]] static void add(Matrix<const T> values, const T* weight,
                                                                 std::int64_t n, const T* factor, T* means,
                                                                 std::int64_t d, int last) {
    PlainArray<Vector, Q, V> sum;
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i)
#pragma GCC unroll 4
      for (int r = 0; r < V; ++r)
        sum[i][r] = load<T, W>(means + i * most + d + r * W, r + 1 == V ? last : W) * Vector(factor[i]);
    for (std::int64_t j = 0; j < n; ++j) {
      PlainArray<Vector, V> x;
#pragma GCC unroll 4
      for (int r = 0; r < V; ++r) x[r] = load<T, W>(values.at + j * values.row + d + r * W, r + 1 == V ? last : W);
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i) {
        const Vector p(weight[i * block + j]);
#pragma GCC unroll 4
        for (int r = 0; r < V; ++r) sum[i][r] = fma(p, x[r], sum[i][r]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i)
#pragma GCC unroll 4
      for (int r = 0; r < V; ++r) store(sum[i][r], means + i * most + d + r * W, r + 1 == V ? last : W);
  }

  const AttendHeads& h_;
  int mask_, output_, sums_;
};

}  // namespace sinter::cpu
