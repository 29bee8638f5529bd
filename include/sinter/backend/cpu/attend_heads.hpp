// What forward and backward attention share: the matrices of one head, and which keys a query sees.
#pragma once
#include <limits>

#include "../../ops/attention.hpp"
#include "attend_tile.hpp"
#include "own.hpp"
#include "parallel.hpp"

namespace sinter::cpu {

/// The sizes of an attention and where its heads lie.
class AttendHeads {
 public:
  explicit AttendHeads(const OwnCall& c)
      : call(c), geometry(ops::AttentionGeometry::of(c.loops - 3, c.attributes)), groups(c.extent[geometry.shared()]), queries(c.extent[geometry.queries()]), keys(c.extent[geometry.keys()]),
        features(c.extent[geometry.features()]), value_features(c.extent[geometry.value_features()]) {
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

  const OwnCall& call;
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
    if (h.call.dtype[tensor] == Dtype::boolean) there_ = h.matrix<const bool>(tensor, head, group, h.geometry.queries(), h.geometry.keys());
    else added_ = h.matrix<const T>(tensor, head, group, h.geometry.queries(), h.geometry.keys());
  }

  /// Scores of keys [key, key + n) and the queries [query, query + m): −∞ where a key does not take part. `width` is a multiple of the register's.
  void apply(T* score, std::int64_t ld, std::int64_t key, std::int64_t n, std::int64_t query, std::int64_t m, int width) const {
    constexpr T never = -std::numeric_limits<T>::infinity();
    if (there_.at != nullptr) {
      for (std::int64_t j = 0; j < n; ++j) {
        if (there_.row == 0) {
          if (!there_(0, key + j)) std::fill(score + j * ld, score + j * ld + width, never);
        } else {
          for (std::int64_t i = 0; i < m; ++i) score[j * ld + i] = there_(query + i, key + j) ? score[j * ld + i] : never;
        }
      }
    }
    if (added_.at != nullptr) {
      for (std::int64_t j = 0; j < n; ++j) {
        if (added_.row == 0) {
          const Vector x(added_(0, key + j));
          for (int i = 0; i < width; i += W) store(load<T, W>(score + j * ld + i, W) + x, score + j * ld + i, W);
        } else {
          for (std::int64_t i = 0; i < m; ++i) score[j * ld + i] += added_(query + i, key + j);
        }
      }
    }
    if (causal_)
      for (std::int64_t j = std::max<std::int64_t>(0, query + 1 - key); j < n; ++j)
        std::fill(score + j * ld, score + j * ld + std::min<std::int64_t>(width, key + j - query), never);
  }

 private:
  bool causal_;
  Matrix<const bool> there_{nullptr, 0, 0};
  Matrix<const T> added_{nullptr, 0, 0};
};

}  // namespace sinter::cpu
