// Attention by plain loops in double precision: what the reference interpreter computes.
#pragma once
#include <cmath>

#include "../../tensor/vector.hpp"
#include "geometry.hpp"

namespace sinter::inline SINTER_ABI::ops {

class PlainAttention {
 public:
  /// Operands: queries, keys, values; `mask`, `cotangent`: numbers of tensors, −1 where there is none.
  PlainAttention(const graph::Elements& e, int mask, int cotangent)
      : e_(e), g_(AttentionGeometry::of(e.rank(1), e.attributes)), mask_(mask), cotangent_(cotangent) {
    for (int i = 0; i < g_.batch; ++i) length_.push_back(e.length(1, i));
    for (int i = g_.batch; i < g_.batch + 2; ++i) length_.push_back(e.length(0, i));
    length_.push_back(e.length(1, g_.batch));
    length_.push_back(e.length(0, g_.batch + 2));
    length_.push_back(e.length(2, g_.batch + 1));
    index_.assign(length_.size(), 0);
  }

  /// Result 0: the values' means; 1: the logarithms of the sums of exponentials.
  void forward() {
    over(0, g_.keys(), [&] {
      const double total = row();
      if (e_.result == 1) {
        index(g_.keys()) = index(g_.features()) = 0;
        return put([&](int i) { return i <= g_.queries() ? i : -1; }, g_.batch + 2, total);
      }
      over(g_.value_features(), g_.value_features() + 1, [&] {
        double sum = 0;
        over(g_.keys(), g_.keys() + 1, [&] { sum += sees_[at_key()] ? p_[at_key()] * value() : 0; });
        put([&](int i) { return g_.output_loop(i); }, g_.batch + 3, sum);
      });
    });
  }
  /// Cotangents of queries (0), keys (1), values (2).
  void backward() {
    const int last = e_.result == 2 ? g_.value_features() : g_.features();
    if (e_.result == 0) {
      over(0, g_.keys(), [&] {
        scores();
        over(last, last + 1, [&] {
          double sum = 0;
          over(g_.keys(), g_.keys() + 1, [&] { sum += sees_[at_key()] ? d_[at_key()] * key() : 0; });
          put([&](int i) { return g_.moved(i, g_.batch + 1, g_.queries(), last); }, g_.batch + 3, sum * g_.scale);
        });
      });
      return;
    }
    const std::int64_t keys = length_[g_.keys()], features = length_[last];
    over(0, g_.batch, [&] {
      internals::Vector<double> sum(keys * features);
      over(g_.shared(), g_.keys(), [&] {
        scores();
        over(g_.keys(), g_.keys() + 1, [&] {
          const double w = e_.result == 2 ? p_[at_key()] : d_[at_key()] * g_.scale;
          if (sees_[at_key()])
            over(last, last + 1, [&] {
              sum[at_key() * features + index(last)] += w * (e_.result == 2 ? cotangent() : query());
            });
        });
      });
      over(g_.keys(), g_.keys() + 1, [&] {
        over(last, last + 1, [&] {
          put([&](int i) { return g_.moved(i, g_.batch, g_.keys(), last); }, g_.batch + 2,
              sum[at_key() * features + index(last)]);
        });
      });
    });
  }

 private:
  std::int64_t& index(int loop) { return index_[loop]; }
  std::int64_t at_key() const { return index_[g_.keys()]; }
  /// Calls f for all points of loops [first, last), and leaves their indices at 0.
  template <class F> void over(int first, int last, const F& f) {
    if (first == last) return f();
    for (index(first) = 0; index(first) < length_[first]; ++index(first)) over(first + 1, last, f);
    index(first) = 0;
  }
  template <class Loop> void find_position(Loop loop, int rank) {
    for (int i = 0; i < rank; ++i) position_[i] = index(loop(i));
  }
  template <class Loop> double get(int tensor, Loop loop, int rank) {
    find_position(loop, rank);
    return e_.get(tensor, position_);
  }
  template <class Loop> void put(Loop loop, int rank, double x) {
    find_position(loop, rank);
    e_.set(position_, x);
  }
  double query() { return get(0, [&](int i) { return g_.query_loop(i); }, g_.batch + 3); }
  double key() { return get(1, [&](int i) { return g_.key_loop(i, g_.features()); }, g_.batch + 2); }
  double value() { return get(2, [&](int i) { return g_.key_loop(i, g_.value_features()); }, g_.batch + 2); }
  double cotangent() { return get(cotangent_, [&](int i) { return g_.output_loop(i); }, g_.batch + 3); }

  /// Probabilities of the keys for one query; the logarithm of the sum of exponentials.
  double row() {
    const std::int64_t n = length_[g_.keys()];
    const double never = unforeseen(-infinity<double>);
    p_.assign(n, never);
    sees_.assign(n, false);
    double top = never;
    over(g_.keys(), g_.keys() + 1, [&] {
      if (g_.causal && index(g_.keys()) > index(g_.queries())) return;
      double s = 0;
      over(g_.features(), g_.features() + 1, [&] { s += query() * key(); });
      s *= g_.scale;
      if (mask_ >= 0) {
        const double m = get(mask_, [&](int i) { return g_.mask_loop(i); }, g_.batch + 3);
        if (m == (e_.boolean(mask_) ? 0 : never)) return;
        s += e_.boolean(mask_) ? 0 : m;
      }
      sees_[at_key()] = true;
      p_[at_key()] = s;
      top = s > top ? s : top;
    });
    double sum = 0;
    for (double& p : p_) sum += p = p == never ? 0 : std::exp(p - top);
    for (std::int64_t j = 0; j < n; ++j) p_[j] = sum == 0 || !sees_[j] ? 0 : p_[j] / sum;
    return sum == 0 ? unforeseen(infinity<double>) : top + std::log(sum);
  }
  /// Probabilities, and the cotangents of the scores.
  void scores() {
    row();
    d_.assign(p_.size(), 0);
    double mean = 0;
    over(g_.keys(), g_.keys() + 1, [&] {
      if (!sees_[at_key()]) return;
      over(g_.value_features(), g_.value_features() + 1, [&] { d_[at_key()] += cotangent() * value(); });
      mean += p_[at_key()] * d_[at_key()];
    });
    for (std::size_t j = 0; j < p_.size(); ++j) d_[j] = sees_[j] ? p_[j] * (d_[j] - mean) : 0;
  }

  const graph::Elements& e_;
  AttentionGeometry g_;
  int mask_, cotangent_;
  internals::Vector<std::int64_t> length_, index_;
  internals::Vector<double> p_, d_;
  internals::Vector<bool> sees_;  ///< keys of the query that are not masked
  std::int64_t position_[Shape::max_rank]{};
};

}  // namespace sinter::ops
