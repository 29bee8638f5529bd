// What forward and backward attention share: the matrices of one head, and which keys a query sees.
#pragma once
#include <limits>

#include "attend_tile.hpp"
#include "custom_kernels.hpp"
#include "parallel.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// The sizes of an attention and the addresses of its heads.
class AttendHeads {
 public:
  explicit AttendHeads(const CustomCall& c)
      : call(c),
        geometry(ops::AttentionGeometry::of(c.loops - 3, c.attributes)),
        groups(c.extent[geometry.shared()]),
        queries(c.extent[geometry.queries()]),
        keys(c.extent[geometry.keys()]),
        features(c.extent[geometry.features()]),
        value_features(c.extent[geometry.value_features()]) {
    for (int l = 0; l < geometry.batch; ++l) heads *= c.extent[l];
  }

  /// A tensor's matrix of rows along one loop and columns along another, for a head of the keys and one of its group.
  template <class T> Matrix<T> matrix(int tensor, std::int64_t head, std::int64_t group, int row, int column) const {
    const std::int64_t* const stride = call.stride(tensor);
    std::int64_t at = group * stride[geometry.shared()];
    for (int l = geometry.batch - 1; l >= 0; --l) {
      at += head % call.extent[l] * stride[l];
      head /= call.extent[l];
    }
    return {call.at<T>(tensor) + at, stride[row], stride[column]};
  }

  const CustomCall& call;
  ops::AttentionGeometry geometry;
  std::int64_t heads = 1, groups, queries, keys, features, value_features;

  /// How many keys the queries before `end` see.
  std::int64_t keys_before(std::int64_t end) const { return geometry.causal ? std::min(keys, end) : keys; }
};

/// Which keys take part, for a tile of scores [key][query].
template <class T> class AttendMask {
  using Tile = AttendTile<T>;
  using Vector = typename Tile::Vector;
  static constexpr int W = Tile::width;

 public:
  /// `tensor`: the mask's number, or −1.
  AttendMask(const AttendHeads& h, int tensor, std::int64_t head, std::int64_t group) : causal_(h.geometry.causal) {
    if (tensor < 0) return;
    if (h.call.dtype[tensor] == Dtype::boolean)
      there_ = h.matrix<const bool>(tensor, head, group, h.geometry.queries(), h.geometry.keys());
    else added_ = h.matrix<const T>(tensor, head, group, h.geometry.queries(), h.geometry.keys());
  }

  /// Scores of keys [key, key + n) and the queries [query, query + m): −∞ where
  /// a key does not take part. `width` is a multiple of the register's.
  void apply(T* score, std::int64_t ld, std::int64_t key, std::int64_t n, std::int64_t query, int m, int width) const {
    const T never = ops::unforeseen(-ops::infinity<T>);
    if (there_.at != nullptr && there_.row == 0) {
      for (std::int64_t j = 0; j < n; ++j)
        if (!there_(0, key + j)) std::fill(score + j * ld, score + j * ld + width, never);
    } else if (added_.at != nullptr && added_.row == 0) {
      for (std::int64_t j = 0; j < n; ++j) add(score + j * ld, Vector(added_(0, key + j)), width);
    } else if (there_.at != nullptr || added_.at != nullptr) {
      add_transposed(score, ld, key, n, query, m, width);
    }
    if (causal_)
      for (std::int64_t j = std::max<std::int64_t>(0, query + 1 - key); j < n; ++j)
        std::fill(score + j * ld, score + j * ld + std::min<std::int64_t>(width, key + j - query), never);
  }

  /// The same for one query with contiguous scores; keys after it must not be among them.
  void apply_row(T* score, std::int64_t key, std::int64_t n, std::int64_t query) const {
    const T never = ops::unforeseen(-ops::infinity<T>);
    if (there_.at != nullptr)
      for (std::int64_t j = 0; j < n; ++j) score[j] = there_(query, key + j) ? score[j] : never;
    if (added_.at != nullptr)
      for (std::int64_t j = 0; j < n; ++j) score[j] += added_(query, key + j);
  }

 private:
  static void add(T* score, Vector x, int width) {
    for (int i = 0; i < width; i += W) store(load<T, W>(score + i, W) + x, score + i, W);
  }
  void to_add(const bool* there, T* to, int n) const {
    const T never = ops::unforeseen(-ops::infinity<T>);
    if constexpr (lanes > 1 && W == lanes) {
      if (n == W && there_.column == 1)
        return store(select(Lanes<bool, W>::load(there), Vector(0), Vector(never)), to, W);
    }
    for (int x = 0; x < n; ++x) to[x] = there[x * there_.column] ? T(0) : never;
  }
  /// Adds a mask that differs per query: a few keys at a time become numbers to add, and are transposed.
  void add_transposed(T* score, std::int64_t ld, std::int64_t key, std::int64_t n, std::int64_t query, int m,
                  int width) const {
    constexpr int keys = W > 8 ? W : 8, queries = 64;
    alignas(64) PlainArray<T, queries * keys> straight;
    alignas(64) PlainArray<T, keys * queries> transposed;
    std::fill(transposed, transposed + keys * queries, T(0));
    for (std::int64_t j = 0; j < n; j += keys) {
      const int some = int(std::min<std::int64_t>(keys, n - j));
      if (there_.at != nullptr) {
        for (std::int64_t i = 0; i < m; ++i) to_add(&there_(query + i, key + j), straight + i * keys, some);
        transpose(straight, keys, transposed, queries, m, some);
      } else {
        pack_transposed<T>({&added_(query, key + j), added_.row, added_.column}, transposed, queries, m, m, some);
      }
      for (std::int64_t x = 0; x < some; ++x)
        for (int i = 0; i < width; i += W)
          store(load<T, W>(score + (j + x) * ld + i, W) + load<T, W>(transposed + x * queries + i, W),
                score + (j + x) * ld + i, W);
    }
  }

  bool causal_;
  Matrix<const bool> there_{nullptr, 0, 0};
  Matrix<const T> added_{nullptr, 0, 0};
};

}  // namespace sinter::cpu
