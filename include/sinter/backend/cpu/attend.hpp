// Attention forward: tiles of queries iterate over the keys with a running maximum and sum (online softmax).
#pragma once
#include "attend_few.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T> class Attend {
  using Tile = AttendTile<T>;
  using Vector = typename Tile::Vector;
  static constexpr int W = Tile::width, M = Tile::rows, C = Tile::columns;
  static constexpr std::int64_t block = 128;  ///< keys whose scores are in cache at once
  static constexpr int most = ops::AttentionGeometry::widest;
  enum Tensor { q, k, v };

 public:
  explicit Attend(const CustomCall& c)
      : h_(c), mask_(c.operands > 3 ? 3 : -1), output_(c.operands), sums_(c.operands + 1) {
    keys_ = Tile::up(h_.keys, M);
    slot_ = keys_ * (h_.features + Tile::up(h_.value_features, M));
    tiles_ = (h_.queries + C - 1) / C;
  }

  /// One head after another on one thread, so that what is packed stays in cache; several at once on several threads.
  void run() {
    if (const AttendFew<T> few(h_, mask_, output_, sums_); few.fits()) return few.run();
    const Context& c = h_.call.context;
    const std::int64_t at_once = c.threads > 1 ? std::min(h_.heads, AttendScratch::most_heads) : 1;
    const std::int64_t work = std::max<std::int64_t>(1, C * h_.keys * (h_.features + h_.value_features));
    for (std::int64_t first = 0; first < h_.heads; first += at_once) {
      const std::int64_t n = std::min(at_once, h_.heads - first);
      split(n, 1, std::max<std::int64_t>(2, 65536 / std::max<std::int64_t>(1, slot_)), c.threads,
            [&](std::int64_t from, std::int64_t to) {
              for (std::int64_t s = from; s < to; ++s) pack(first + s, slot(s));
            });
      split(n * h_.groups * tiles_, 1, std::max<std::int64_t>(2, 262144 / work), c.threads,
            [&](std::int64_t from, std::int64_t to) {
              for (std::int64_t i = from; i < to; ++i) {
                const std::int64_t s = i / (h_.groups * tiles_), g = i / tiles_ % h_.groups,
                                   first_query = i % tiles_ * C,
                                   m = std::min<std::int64_t>(C, h_.queries - first_query);
                if (m > W || Tile::registers == 1)
                  tile<Tile::registers>(first + s, g, slot(s), first_query, int(m));
                else
                  tile<1>(first + s, g, slot(s), first_query, int(m));
              }
            });
    }
  }

 private:
  T* slot(std::int64_t s) const { return reinterpret_cast<T*>(h_.call.context.scratch) + s * slot_; }
  void pack(std::int64_t head, T* to) const {
    const auto& g = h_.geometry;
    pack_lines(h_.matrix<const T>(k, head, 0, g.keys(), g.features()), to, h_.keys, h_.features);
    pack_features(h_.matrix<const T>(v, head, 0, g.keys(), g.value_features()), to + keys_ * h_.features, h_.keys,
                  h_.value_features);
  }

  /// m queries from `query` on, in V registers of lanes.
  template <int V>
  SINTER_OUTLINE void tile(std::int64_t head, std::int64_t group, const T* packed, std::int64_t query, int m) const {
    constexpr int N = V * W;
    const auto& g = h_.geometry;
    alignas(64) PlainArray<T, most * N> queries;
    alignas(64) PlainArray<T, (most + M) * N> means;
    alignas(64) PlainArray<T, block * N> score;
    alignas(64) PlainArray<T, N> factor;
    pack_transposed(h_.matrix<const T>(q, head, group, g.queries(), g.features()).from(query), queries, N, m, N,
                    h_.features);
    for (std::int64_t i = 0; i < h_.features * N; i += W)
      store(load<T, W>(queries + i, W) * Vector(T(g.scale)), queries + i, W);
    std::fill(means, means + Tile::up(h_.value_features, M) * N, T(0));

    const AttendMask<T> mask(h_, mask_, head, group);
    PlainArray<Vector, V> top, sum;
    for (int r = 0; r < V; ++r) top[r] = Vector(std::numeric_limits<T>::lowest()), sum[r] = Vector(0);
    const std::int64_t end = h_.keys_before(query + m);
    for (std::int64_t key = 0; key < end; key += block) {
      const std::int64_t n = std::min(block, end - key);
      for (std::int64_t j = 0; j < n; j += M)
        panel_products<T, V, M, 1, Sums::set>(h_.features, packed + (key + j) * h_.features, queries, N, score + j * N,
                                              N);
      mask.apply(score, N, key, n, query, m, N);
      weigh<V>(score, n, top, sum, factor);
      const T* const values = packed + keys_ * h_.features;
      for (std::int64_t d = 0; d < h_.value_features; d += M)
        panel_products<T, V, M, 1, Sums::scale_and_add>(n, values + d * h_.keys + key * M, score, N, means + d * N, N,
                                                        W, factor);
    }
    write<V>(head, group, query, m, top, sum, means);
  }

  /// Scores become exponentials relative to the maximum so far; earlier sums are to be multiplied by `factor`.
  template <int V>
  [[gnu::always_inline]] static void weigh(T* score, std::int64_t n, Vector* top, Vector* sum, T* factor) {
    constexpr int N = V * W;
    PlainArray<Vector, V> most_so_far, sum_so_far;  // local copies, which stay in registers
#pragma GCC unroll 4
    for (int r = 0; r < V; ++r) most_so_far[r] = top[r];
    for (std::int64_t j = 0; j < n; ++j) {
#pragma GCC unroll 4
      for (int r = 0; r < V; ++r) most_so_far[r] = larger(load<T, W>(score + j * N + r * W, W), most_so_far[r]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < V; ++r) {
      const Vector f = exp(top[r] - most_so_far[r]);
      store(f, factor + r * W, W);
      sum_so_far[r] = sum[r] * f;
    }
    for (std::int64_t j = 0; j < n; ++j) {
#pragma GCC unroll 4
      for (int r = 0; r < V; ++r) {
        const Vector p = exp(load<T, W>(score + j * N + r * W, W) - most_so_far[r]);
        sum_so_far[r] = sum_so_far[r] + p;
        store(p, score + j * N + r * W, W);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < V; ++r) top[r] = most_so_far[r], sum[r] = sum_so_far[r];
  }

  /// A query that sees no key has the sum 0: its mean is 0, its logarithm ∞, so that no key has a weight in the
  /// gradient.
  template <int V> void write(std::int64_t head, std::int64_t group, std::int64_t query, int m, const Vector* top,
                              const Vector* sum, T* means) const {
    constexpr int N = V * W;
    const auto& g = h_.geometry;
    alignas(64) PlainArray<T, N> total, part, logarithm;
    for (int r = 0; r < V; ++r) {
      store(sum[r], total + r * W, W);
      store(top[r] + log(sum[r]), logarithm + r * W, W);
    }
    for (int i = 0; i < N; ++i) {
      part[i] = total[i] > 0 ? 1 / total[i] : total[i];  // 0, or NaN
      if (total[i] == 0 && !is_nan(Lanes<T, 1>(total[i])).v) logarithm[i] = ops::unforeseen(ops::infinity<T>);
    }
    PlainArray<Vector, V> squares;  // of all results of a query: finite only if they are
    for (int r = 0; r < V; ++r) squares[r] = sum[r] * sum[r];
    if (h_.call.address[output_] != nullptr) {
      for (std::int64_t d = 0; d < h_.value_features; ++d)
        for (int r = 0; r < V; ++r) {
          const Vector x = load<T, W>(means + d * N + r * W, W) * load<T, W>(part + r * W, W);
          squares[r] = fma(x, x, squares[r]);
          store(x, means + d * N + r * W, W);
        }
      const Matrix<T> to = h_.matrix<T>(output_, head, group, g.queries(), g.value_features()).from(query);
      if (to.column == 1) transpose(means, N, to.at, to.row, h_.value_features, m);
      else
        for (int i = 0; i < m; ++i)
          for (std::int64_t d = 0; d < h_.value_features; ++d) to(i, d) = means[d * N + i];
    }
    if (h_.call.address[sums_] != nullptr) {
      const Matrix<T> to = h_.matrix<T>(sums_, head, group, g.queries(), g.queries()).from(query);
      for (int i = 0; i < m; ++i) to(i, 0) = logarithm[i];
    }
    const WrittenAttention<T> written(h_, mask_);
    if (!written.has_masked_keys()) return;
    for (int r = 0; r < V; ++r) {
      if (!written.is_not_finite(squares[r], m - r * W)) [[likely]] continue;
      alignas(64) PlainArray<T, W> of_query;
      store(squares[r], of_query, W);
      for (int i = 0; i < W && r * W + i < m; ++i)
        if (!is_finite(Lanes<T, 1>(of_query[i])).v) written.forward(head, group, query + r * W + i, output_, sums_);
    }
  }

  AttendHeads h_;
  int mask_, output_, sums_;
  std::int64_t keys_, slot_, tiles_;
};

template <class T, class> inline void CustomKernel<ops::Attention>::run(const CustomCall& c) { Attend<T>(c).run(); }

}  // namespace sinter::cpu
