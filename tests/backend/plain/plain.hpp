// A backend of plain loops, complete: every kind of kernel, one element at a time, on the caller's thread.
//
// It is written against backend/backend.hpp and the pages that it names, and includes no other backend: the proof that
// one can be written from the outside. Compiled with -DSINTER_HOST="\"backend/plain/host.hpp\"" tests run their
// statements and programs on it.
#pragma once
#include <sinter/backend/backend.hpp>
#include <sinter/backend/body.hpp>
#include <sinter/backend/plain_kernel.hpp>
#include <sinter/tensor/storage.hpp>

#include <array>
#include <cstring>

namespace plain {

using namespace sinter;
using namespace sinter::internals::backend;
namespace compile = sinter::internals::compile;
using compile::KernelKind;
using compile::Micro;

struct Context {
  std::byte* const* base;
  const std::int64_t* lengths;
  std::byte* scratch = nullptr;
};

/// What sums of elements of type T are kept in, so that a million small terms are not lost.
template <class T> using Wide = std::conditional_t<std::is_same_v<T, float>, double, T>;
template <class K, class> struct Sums;
template <class K, std::size_t... J> struct Sums<K, std::index_sequence<J...>>
    : Slot<int(J), Lanes<Wide<element_type<micro<K, int(J)>.dtype>>, 1>>... {};

/// One step at work. Its point is an index along each loop; registers hold the values at that point.
template <class K> class Step {
  static constexpr int L = K::body.loops, P = K::body.pointers;
  static constexpr std::uint64_t all = (std::uint64_t(1) << L) - 1, folded = K::body.folded;

 public:
  Step(const std::int64_t* arguments, const Context& c) : a_(arguments, c), c_(c), cursor_{a_.address, a_.origin} {}

  void run() {
    if constexpr (K::body.kind == KernelKind::row) rows();
    else if constexpr (K::body.kind == KernelKind::contract) contract();
    else if constexpr (is_own_kernel(K::body.kind)) own_kernel();
    else map();
  }

 private:
  /// Calls f() at every point of the loops in a set, in row-major order.
  template <class F> void for_each_point(std::uint64_t loops, const F& f, int l = 0) {
    while (l < L && (loops >> l & 1) == 0) ++l;
    if (l == L) return f();
    for (std::int64_t i = 0; i < a_.extent[std::size_t(l)]; ++i) {
      for_each_point(loops, f, l + 1);
      move(l, 1);
    }
    move(l, -a_.extent[std::size_t(l)]);
  }
  void move(int loop, std::int64_t steps) {
    static constexpr auto size = element_sizes<K>();
    for (std::size_t p = 0; p < std::size_t(P); ++p) {
      const std::int64_t by = steps * a_.stride[p][std::size_t(loop)];
      if (cursor_.address[p] != nullptr) cursor_.address[p] += by * size[p];
      cursor_.count[p] += by;
    }
  }

  // ---- micro-operations at the point ----
  static constexpr auto standing = [](int) { return std::int64_t(0); };  // the cursor is at the element already
  template <int J> void evaluate_one() { evaluate<K, 1, J>(r_, cursor_, Span{0, 1}, c_, standing); }
  template <int J> void evaluate_or_store() {
    if constexpr (micro<K, J>.what == Micro::What::store) write<K, 1, J>(r_, cursor_, Span{0, 1}, standing);
    else if constexpr (micro<K, J>.what == Micro::What::scatter)
      add_at_positions<K, 1, J>(r_, cursor_, Span{0, 1}, standing);
    else evaluate_one<J>();
  }

  // ---- maps, which scatters are too ----
  void map() {
    for_each_micro<K>([&]<int J>() {
      constexpr Micro m = micro<K, J>;
      if constexpr (m.what == Micro::What::scatter)  // memory is cleared first; two pointers later stands how much
        std::memset(a_.address[std::size_t(m.b)], 0,
                    std::size_t(a_.origin[std::size_t(m.b + 2)]) * sizeof(element_type<m.dtype>));
    });
    for_each_point(all, [&] { for_each_micro<K>([&]<int J>() { evaluate_or_store<J>(); }); });
  }

  // ---- rows: passes over what the folded loops span ----
  template <int J> using Fold = graph::primitive_struct<micro<K, J>.code>;
  template <int J> using Sum = Lanes<Wide<element_type<micro<K, J>.dtype>>, 1>;
  template <int J> Sum<J>& sum_of() { return static_cast<Slot<J, Sum<J>>&>(sum_).value; }
  template <int J> void fold(const RegisterType<K, 1, J>& x) {
    sum_of<J>() = Fold<J>::combine(sum_of<J>(), Sum<J>(x.v));
  }
  template <int J> void keep_sum() { at<J>(r_) = RegisterType<K, 1, J>(sum_of<J>().v); }
  void rows() {
    for_each_point(all & ~folded, [&] {
      for_each_micro<K, OfLevel<0>>([&]<int J>() { evaluate_one<J>(); });
      for (int pass = 0; pass < K::body.passes; ++pass) {
        values_of_row(pass);
        for_each_micro<K>([&]<int J>() {
          if constexpr (is_sum<J>)
            if (in_pass<J>(pass)) sum_of<J>() = ops::element_from<typename Sum<J>::element>(Fold<J>::identity);
        });
        for_each_point(folded, [&] { for_each_micro<K>([&]<int J>() { element<J>(pass); }); });
        for_each_micro<K>([&]<int J>() {
          if constexpr (micro<K, J>.what == Micro::What::fold)
            if (in_pass<J>(pass)) keep_sum<J>();
        });
      }
      values_of_row(K::body.passes);
    });
  }
  template <int J> static constexpr bool is_sum = micro<K, J>.what == Micro::What::fold ||
                                                  micro<K, J>.what == Micro::What::scan;
  template <int J> static bool in_pass(int pass) { return (micro<K, J>.passes >> pass & 1) != 0; }
  /// What is known of a row once so many passes are over.
  void values_of_row(int passes) {
    for_each_micro<K>([&]<int J>() {
      constexpr Micro m = micro<K, J>;
      if constexpr (m.level == 1 && m.what != Micro::What::fold)
        if (m.stage == passes) evaluate_or_store<J>();
    });
  }
  /// Micro-operation J at one element of a row.
  template <int J> void element(int pass) {
    constexpr Micro m = micro<K, J>;
    if (!in_pass<J>(pass)) return;
    if constexpr (m.what == Micro::What::fold) {
      fold<J>(at<m.a>(r_));
    } else if constexpr (m.what == Micro::What::scan) {
      fold<J>(at<m.a>(r_));
      keep_sum<J>();
    } else if constexpr (m.stored >= 0) {  // an earlier pass may have stored it
      if ((m.passes & ((1u << pass) - 1u)) == 0) evaluate_one<J>();
      else at<J>(r_) = read<element_type<m.dtype>, 1, m.stored, 1>(cursor_, Span{0, 1}, standing);
    } else {
      evaluate_or_store<J>();
    }
  }

  // ---- contractions: (M, K) × (K, N) → (M, N), and what follows each sum ----
  void contract() {
    constexpr auto loops = compile::ContractLoops::of(K::body);
    constexpr std::uint64_t results = (std::uint64_t(1) << loops.inner) - 1;
    constexpr Micro sums = [] {
      Micro found;
      for (const Micro& m : K::body.micros)
        if (m.what == Micro::What::result) found = m;
      return found;
    }();
    using T = element_type<sums.dtype>;
    using S = element_type<operands_of(sums)>;
    for_each_point(results, [&] {
      Wide<T> sum = 0;
      for_each_point(all & ~results, [&] {
        sum += Wide<T>(T(*reinterpret_cast<const S*>(cursor_.address[0]))) *
               Wide<T>(T(*reinterpret_cast<const S*>(cursor_.address[1])));
      });
      for_each_micro<K>([&]<int J>() {
        static_assert(micro<K, J>.side == 0, "its target lets no operand be computed");
        if constexpr (micro<K, J>.what == Micro::What::result) at<J>(r_) = T(sum);
        else evaluate_or_store<J>();
      });
    });
  }

  // ---- kernels that a primitive brings: its plain loops ----
  void own_kernel() {
    constexpr std::uint64_t code = [] {
      for (const Micro& m : K::body.micros)
        if (m.what == Micro::What::apply) return m.code;
      return std::uint64_t(0);
    }();
    PlainKernel(graph::primitive<graph::primitive_struct<code>>, K::body.micros, a_.extent.data(), a_.address.data(), P,
                [&](int p, int l) { return a_.stride[std::size_t(p)][std::size_t(l)]; })
        .run();
  }

  const Arguments<L, P> a_;
  const Context& c_;
  Cursor<P> cursor_;
  RegisterFile<K, 1> r_;
  Sums<K, std::make_index_sequence<std::size_t(micros<K>)>> sum_;
};

struct Backend {
  using Memory = tensor_detail::AlignedBlock<std::byte>;
  using Context = plain::Context;
  static constexpr compile::Target target{};

  template <class Policy>
  static Context context(std::byte* const* base, const std::int64_t* lengths, const Policy&) {
    return {base, lengths};
  }
  template <class K, class> static void run(const std::int64_t* arguments, const Context& c) {
    Step<K>(arguments, c).run();
  }
  template <class Program, class Run> static void enter(const Context&, Run&& run) { run(); }
};

/// The policy.
struct Plain {
  using Backend = plain::Backend;
  int threads = 1;
};

}  // namespace plain
