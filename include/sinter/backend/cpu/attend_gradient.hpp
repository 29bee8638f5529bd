// Attention backward: blocks of queries iterate over the keys once more and recompute the probabilities from the
// logarithms of the sums.
//
// With P the probabilities, o the means and ct their cotangent: dv = Pᵀ ct;  dS = P ∘ (ct vᵀ − Σ ct ∘ o);  dq = scale ·
// dS k;  dk = scale · dSᵀ q. Each head of keys belongs to one thread, which adds up its queries in order: results do
// not depend on the number of threads.
#pragma once
#include "attend.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T> class AttendGradient {
  using Tile = AttendTile<T>;
  using Vector = typename Tile::Vector;
  static constexpr int W = Tile::width, R = Tile::registers, M = Tile::rows, C = Tile::columns;
  static constexpr int B = C * 2;                       ///< queries of a block
  static constexpr std::int64_t block = 64;             ///< keys of a block
  static_assert(B <= AttendScratch::block_of_queries && block % M == 0);
  enum Tensor { q, k, v, o, sums, ct };

 public:
  explicit AttendGradient(const CustomCall& c)
      : h_(c), mask_(c.operands > 6 ? 6 : -1), dq_(c.operands), dk_(c.operands + 1), dv_(c.operands + 2) {
    keys_ = Tile::up(h_.keys, M);
    d_ = Tile::up(h_.features, std::max(C, M));  // columns of products, and lines of the panels of key_features
    dv_width_ = Tile::up(h_.value_features, C);
    slot_ = Tile::up(keys_ * (2 * d_ + dv_width_) + B * (3 * d_ + 2 * dv_width_), 16);
    wants_scores_ = c.address[dq_] != nullptr || c.address[dk_] != nullptr;
  }

  void run() {
    const Context& c = h_.call.context;
    const std::int64_t at_once =
        std::min<std::int64_t>({h_.heads, AttendScratch::most_heads, std::max(1, c.threads)});
    for (std::int64_t first = 0; first < h_.heads; first += at_once)
      split(std::min(at_once, h_.heads - first), 1, 2, c.threads, [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t s = from; s < to; ++s) head(first + s, reinterpret_cast<T*>(c.scratch) + s * slot_);
      });
  }

 private:
  /// A head's packed operands and the current block of queries.
  struct Room {
    T *key_lines, *key_features, *value_lines;
    T *query, *query_lines, *cotangent, *cotangent_lines, *dq;
    Room(T* at, const AttendGradient& a)
        : key_lines(at),
          key_features(key_lines + a.keys_ * a.d_),
          value_lines(key_features + a.keys_ * a.d_),
          query(value_lines + a.keys_ * a.dv_width_),
          query_lines(query + B * a.d_),
          cotangent(query_lines + B * a.d_),
          cotangent_lines(cotangent + B * a.dv_width_),
          dq(cotangent_lines + B * a.dv_width_) {}
  };

  SINTER_OUTLINE void head(std::int64_t head, T* memory) const {
    const Room room(memory, *this);
    const auto& g = h_.geometry;
    const Matrix<const T> keys = h_.matrix<const T>(k, head, 0, g.keys(), g.features());
    pack_lines(keys, room.key_lines, h_.keys, h_.features);
    if (h_.call.address[dq_] != nullptr) pack_features(keys, room.key_features, h_.keys, h_.features);
    if (wants_scores_)
      pack_lines(h_.matrix<const T>(v, head, 0, g.keys(), g.value_features()), room.value_lines, h_.keys,
                 h_.value_features);
    clear(dk_, head, g.features(), h_.features);
    clear(dv_, head, g.value_features(), h_.value_features);
    for (std::int64_t group = 0; group < h_.groups; ++group)
      for (std::int64_t query = 0; query < h_.queries; query += B)
        queries(room, head, group, query, int(std::min<std::int64_t>(B, h_.queries - query)));
    mend(head);
  }
  /// Recomputes without masked keys what is not finite.
  void mend(std::int64_t head) const {
    const WrittenAttention<T> written(h_, mask_);
    if (!written.has_masked_keys()) return;
    const auto& g = h_.geometry;
    bool finite = all_finite(dk_, head, 0, g.keys(), g.features(), h_.keys, h_.features) &&
                  all_finite(dv_, head, 0, g.keys(), g.value_features(), h_.keys, h_.value_features);
    for (std::int64_t group = 0; group < h_.groups && finite; ++group)
      finite = all_finite(dq_, head, group, g.queries(), g.features(), h_.queries, h_.features);
    if (!finite) [[unlikely]] written.backward(head, dq_, dk_, dv_);
  }
  /// Whether squares of a result's matrix have a finite sum: four rows at once.
  bool all_finite(int tensor, std::int64_t head, std::int64_t group, int row, int column, std::int64_t rows,
                  std::int64_t columns) const {
    if (h_.call.address[tensor] == nullptr) return true;
    const Matrix<const T> result = h_.matrix<const T>(tensor, head, group, row, column);
    constexpr int together = 4;
    Vector squares[together];
    for (Vector& s : squares) s = Vector(0);
    const auto add = [&](std::int64_t i, std::int64_t d, int wide) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int r = 0; r < together; ++r) {
        const Vector x = load<T, W>(&result(std::min(i + r, rows - 1), d), wide);
        squares[r] = fma(x, x, squares[r]);
      }
    };
    for (std::int64_t i = 0; i < rows; i += together) {
      std::int64_t d = 0;
      for (; result.column == 1 && d + W <= columns; d += W) add(i, d, W);
      if (result.column == 1 && d < columns) add(i, d, int(columns - d));
      for (; result.column != 1 && d < columns; ++d) add(i, d, 1);
    }
    for (int r = 1; r < together; ++r) squares[0] = squares[0] + squares[r];
    return !WrittenAttention<T>::is_not_finite(squares[0], W);
  }
  void clear(int tensor, std::int64_t head, int loop, std::int64_t features) const {
    if (h_.call.address[tensor] == nullptr) return;
    const Matrix<T> to = h_.matrix<T>(tensor, head, 0, h_.geometry.keys(), loop);
    for (std::int64_t j = 0; j < h_.keys; ++j) std::fill(&to(j, 0), &to(j, 0) + features, T(0));
  }

  /// m queries from `first` on against all keys that they see.
  void queries(const Room& room, std::int64_t head, std::int64_t group, std::int64_t first, int m) const {
    const auto& g = h_.geometry;
    const Matrix<const T> query = h_.matrix<const T>(q, head, group, g.queries(), g.features()).from(first);
    const Matrix<const T> cotangent = h_.matrix<const T>(ct, head, group, g.queries(), g.value_features()).from(first);
    pack_rows(query, room.query, d_, m, h_.features, d_);
    for (std::int64_t i = 0; i < m * d_; i += W)
      store(load<T, W>(room.query + i, W) * Vector(T(g.scale)), room.query + i, W);
    pack_transposed<T>({room.query, d_, 1}, room.query_lines, B, m, B, h_.features);
    pack_rows(cotangent, room.cotangent, dv_width_, m, h_.value_features, dv_width_);
    pack_transposed<T>({room.cotangent, dv_width_, 1}, room.cotangent_lines, B, m, B, h_.value_features);
    std::fill(room.dq, room.dq + h_.features * B, T(0));
    alignas(64) PlainArray<T, B> logarithm, mean;
    find_means(room, head, group, first, m, logarithm, mean);

    const AttendMask<T> mask(h_, mask_, head, group);
    const std::int64_t end = h_.keys_before(first + m);
    alignas(64) PlainArray<T, block * B> p, ds;
    for (std::int64_t key = 0; key < end; key += block) {
      const std::int64_t n = std::min(block, end - key);
      lines_times_block(room.key_lines + key * h_.features, room.query_lines, h_.features, n, p);
      mask.apply(p, B, key, n, first, m, B);
      for (std::int64_t j = 0; j < n; ++j)
        for (int i = 0; i < B; i += W)
          store(exp(load<T, W>(p + j * B + i, W) - load<T, W>(logarithm + i, W)), p + j * B + i, W);
      add_lines(dv_, head, g.value_features(), key, n, p, room.cotangent, dv_width_, h_.value_features, m);
      if (!wants_scores_) continue;
      lines_times_block(room.value_lines + key * h_.value_features, room.cotangent_lines, h_.value_features, n, ds);
      for (std::int64_t j = 0; j < n * B; j += B)
        for (int i = 0; i < B; i += W)
          store(load<T, W>(p + j + i, W) * (load<T, W>(ds + j + i, W) - load<T, W>(mean + i, W)), ds + j + i, W);
      add_lines(dk_, head, g.features(), key, n, ds, room.query, d_, h_.features, m);
      if (h_.call.address[dq_] != nullptr)
        for (std::int64_t f = 0; f < h_.features; f += M)
          for (int i = 0; i < B; i += C)
            panel_products<T, R, M, 1, Sums::add>(n, room.key_features + f * h_.keys + key * M, ds + i, B,
                                                  room.dq + f * B + i, B);
    }
    write(room, head, group, first, m);
  }

  /// What is subtracted from scores and from their cotangents, one number per query; ∞ and 0 after the last.
  void find_means(const Room& room, std::int64_t head, std::int64_t group, std::int64_t first, int m, T* logarithm,
                  T* mean) const {
    const auto& g = h_.geometry;
    const Matrix<const T> sum = h_.matrix<const T>(sums, head, group, g.queries(), g.queries()).from(first);
    const Matrix<const T> output = h_.matrix<const T>(o, head, group, g.queries(), g.value_features()).from(first);
    std::fill(logarithm, logarithm + B, ops::unforeseen(ops::infinity<T>));
    std::fill(mean, mean + B, T(0));
    for (int i = 0; i < m; ++i) {
      logarithm[i] = sum(i, 0);
      const T* const cotangent = room.cotangent + i * dv_width_;
      std::int64_t d = 0;
      if (output.column == 1) {
        Vector products(0);
        for (; d + W <= h_.value_features; d += W)
          products = fma(load<T, W>(&output(i, d), W), load<T, W>(cotangent + d, W), products);
        mean[i] = fold_lanes<ops::Sum>(products);
      }
      for (; d < h_.value_features; ++d) mean[i] += output(i, d) * cotangent[d];
    }
  }

  /// to[line][query] for n lines in panels.
  void lines_times_block(const T* lines, const T* block_of_queries, std::int64_t inner, std::int64_t n, T* to) const {
    for (std::int64_t j = 0; j < n; j += M)
      for (int i = 0; i < B; i += C)
        panel_products<T, R, M, 1, Sums::set>(inner, lines + j * inner, block_of_queries + i, B, to + j * B + i, B);
  }

  /// Adds weight[key][query] · rows[query][feature] to the cotangent of keys or values.
  void add_lines(int tensor, std::int64_t head, int loop, std::int64_t key, std::int64_t n, const T* weight,
                 const T* rows, std::int64_t width, std::int64_t features, int m) const {
    if (h_.call.address[tensor] == nullptr) return;
    const Matrix<T> to = h_.matrix<T>(tensor, head, 0, h_.geometry.keys(), loop).from(key);
    for (std::int64_t j = 0; j < n; j += M)
      for (std::int64_t d = 0; d < features; d += C) {
        const std::int64_t wide = std::min<std::int64_t>(C, features - d);
        if (n - j >= M && wide > C - W) {
          panel_products<T, R, 1, B, Sums::add>(m, weight + j * B, rows + d, width, to.at + j * to.row + d, to.row,
                                                int(wide - (C - W)));
          continue;
        }
        alignas(64) PlainArray<T, M * C> sum;
        panel_products<T, R, 1, B, Sums::set>(m, weight + j * B, rows + d, width, sum, C);
        for (std::int64_t i = 0; i < std::min<std::int64_t>(M, n - j); ++i)
          for (std::int64_t x = 0; x < wide; ++x) to.at[(j + i) * to.row + d + x] += sum[i * C + x];
      }
  }

  void write(const Room& room, std::int64_t head, std::int64_t group, std::int64_t first, int m) const {
    if (h_.call.address[dq_] == nullptr) return;
    const auto& g = h_.geometry;
    const Vector scale(T(g.scale));
    for (std::int64_t i = 0; i < h_.features * B; i += W) store(load<T, W>(room.dq + i, W) * scale, room.dq + i, W);
    const Matrix<T> to = h_.matrix<T>(dq_, head, group, g.queries(), g.features()).from(first);
    transpose(room.dq, B, to.at, to.row, h_.features, m);
  }

  AttendHeads h_;
  int mask_, dq_, dk_, dv_;
  std::int64_t keys_, d_, dv_width_, slot_;
  bool wants_scores_;
};

template <class T, class> inline void CustomKernel<ops::AttentionGradient>::run(const CustomCall& c) {
  AttendGradient<T>(c).run();
}

}  // namespace sinter::cpu
