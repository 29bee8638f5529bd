// Work sharing between threads: every tile once, in one parallel region for a whole program; products, scatters and
// their borders, bit-identical for every number of threads.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <vector>

#include "../support/any_threads.hpp"

using namespace sinter;
using namespace support;

namespace {

/// xᵀ y with a long contracted axis, and the same with an epilogue, against sums in double precision.
template <int Inner, int Rows, int Columns> void long_products() {
  CAPTURE(Inner);
  CAPTURE(Rows);
  CAPTURE(Columns);
  const auto x = drawn<Tensor<float, Inner, Rows>>(1);
  const auto y = drawn<Tensor<float, Inner, Columns>>(2);
  const auto bias = drawn<Tensor<float, Rows, 1>>(3);
  const auto plain = on_any_threads<Tensor<float, Rows, Columns>>([&](auto& out) { out = matmul(transpose(x), y); });
  const auto following =
      on_any_threads<Tensor<float, Rows, Columns>>([&](auto& out) { out = relu(matmul(transpose(x), y) + bias); });
  for (int i = 0; i < Rows; i += 3)
    for (int j = 0; j < Columns; j += 5) {
      double sum = 0, magnitude = 1;
      for (int k = 0; k < Inner; ++k)
        sum += double(x(k, i)) * double(y(k, j)), magnitude += std::abs(double(x(k, i)) * double(y(k, j)));
      CHECK(difference(plain(i, j), sum, magnitude) < 2e-6);
      CHECK(difference(following(i, j), std::max(0., sum + double(bias(i, 0))), magnitude) < 2e-6);
    }
}
template <int Rows, int Columns, int Inner> void uneven_products() {
  CAPTURE(Rows);
  CAPTURE(Columns);
  const auto x = drawn<Tensor<float, Rows, Inner>>(4);
  const auto y = drawn<Tensor<float, Inner, Columns>>(5);
  const auto p = on_any_threads<Tensor<float, Rows, Columns>>([&](auto& out) { out = matmul(x, y); });
  for (int i = 0; i < Rows; i += 7)
    for (int j = 0; j < Columns; ++j) {
      double sum = 0, magnitude = 1;
      for (int k = 0; k < Inner; ++k)
        sum += double(x(i, k)) * double(y(k, j)), magnitude += std::abs(double(x(i, k)) * double(y(k, j)));
      CHECK(difference(p(i, j), sum, magnitude) < 2e-6);
    }
}

/// The gradient of an embedding whose ids repeat, sums in the order of the ids.
template <int Vocabulary, int Width, int Count> void embedding_gradients() {
  CAPTURE(Width);
  const auto table = drawn<Tensor<float, Vocabulary, Width>>(6);
  const auto weight = drawn<Tensor<float, Count, Width>>(7);
  Tensor<int, Count> ids;
  const Philox random(Seed{8}, 0);
  for (int i = 0; i < Count; ++i) ids(i) = int(random.below(std::uint64_t(i), unsigned(Vocabulary)));
  const auto d = on_any_threads<Tensor<float, Vocabulary, Width>>([&](auto& out) {
    out = grad([](auto t, auto i, auto w) { return sum(take(t, i) * w); }, wrt<0>)(table, ids, weight);
  });
  std::vector<float> expected(std::size_t(Vocabulary * Width));
  for (int i = 0; i < Count; ++i)
    for (int k = 0; k < Width; ++k)
      expected[std::size_t(ids(i) * Width + k)] += weight(i, k);
  bool same = true;
  for (int v = 0; v < Vocabulary; ++v)
    for (int k = 0; k < Width; ++k) same = same && d(v, k) == expected[std::size_t(v * Width + k)];
  CHECK(same);
}

bool exits_with_0(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
template <class F> bool holds_in_child(F&& f) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);  // if it waits for threads that do not exist
    ::_exit(f() ? 0 : 1);
  }
  return exits_with_0(child);
}

}  // namespace

TEST_CASE("a team runs every chunk once, round after round, and less than a team where it may not") {
  for (const int threads : {1, 2, 3, 8}) {
    CAPTURE(threads);
    std::vector<std::atomic<int>> visits(1000);
    int rounds = 0;
    cpu::Team::run(threads, [&] {
      for (; rounds < 50; ++rounds)
        cpu::split(1000, 1 + rounds, 2, threads, [&](std::int64_t from, std::int64_t to) {
          for (std::int64_t i = from; i < to; ++i) ++visits[std::size_t(i)];
          cpu::split(2, 1, 2, threads, [](std::int64_t, std::int64_t) {});                           // within a share
          // no team within a team
          cpu::Team::run(threads, [&] { CHECK((threads == 1 || cpu::Team::mine() == nullptr)); });
        });
    });
    CHECK(cpu::Team::mine() == nullptr);
    bool all = true;
    for (const auto& n : visits) all = all && n == rounds;
    CHECK(all);
  }
}

TEST_CASE("a team treats denormals as its caller does") {
  const cpu::DenormalMode::Mode mode = cpu::DenormalMode::now();
  std::atomic<int> others = 0;
  const auto count = [&](std::int64_t, std::int64_t) {
    others += cpu::DenormalMode::now() == cpu::DenormalMode::flushing() ? 0 : 1;
  };
  {
    const cpu::DenormalMode flush(cpu::DenormalMode::flushing());
    cpu::Team::run(3, [&] { cpu::split(3, 1, 2, 3, count); });
    cpu::split(3, 1, 2, 3, count);
  }
  CHECK(others == 0);
  CHECK(cpu::DenormalMode::now() == mode);
}

TEST_CASE("products with a long contracted axis: chunks of it, added in their order") {
  long_products<4096, 1, 1>();
  long_products<9001, 5, 33>();
  long_products<12544, 32, 100>();
  long_products<20000, 15, 25>();
}

TEST_CASE("the gradient of few weights over many short lines of an image") {
  const auto x = drawn<Tensor<float, 32, 16, 67, 18>>(12);
  const auto w = drawn<Tensor<float, 8, 16, 1, 2>>(13);
  const auto c = drawn<Tensor<float, 32, 8, 67, 17>>(14);
  const auto d = on_any_threads<Tensor<float, 8, 16, 1, 2>>([&](auto& out) {
    out = grad([](auto image, auto weight, auto ct) { return sum(conv2d(image, weight) * ct); }, wrt<1>)(x, w, c);
  });
  for (const auto [o, i, k] : {std::array{0, 0, 0}, std::array{7, 15, 1}, std::array{3, 9, 0}, std::array{4, 2, 1}}) {
    double sum = 0, magnitude = 1;
    for (int b = 0; b < 32; ++b)
      for (int row = 0; row < 67; ++row)
        for (int j = 0; j < 17; ++j)
          sum += double(x(b, i, row, j + k)) * double(c(b, o, row, j)),
              magnitude += std::abs(double(x(b, i, row, j + k)) * double(c(b, o, row, j)));
    CHECK(difference(d(o, i, 0, k), sum, magnitude) < 2e-6);
  }
}

TEST_CASE("products whose panels threads cannot share evenly") {
  uneven_products<100, 300, 70>();
  uneven_products<64, 100, 300>();
  uneven_products<200, 37, 129>();
  uneven_products<129, 1000, 40>();
}

TEST_CASE("what is added at shared indices is added in order, whoever adds it") {
  embedding_gradients<300, 384, 500>();
  embedding_gradients<50, 7, 9000>();
  embedding_gradients<2000, 1, 3000>();
  const auto x = drawn<Tensor<float, 40, 300>>(9);
  const auto w = drawn<Tensor<float, 90, 300>>(10);
  Tensor<int, 90, 300> indices;
  const Philox random(Seed{11}, 0);
  for (int i = 0; i < indices.size(); ++i) indices.data()[i] = int(random.below(std::uint64_t(i), 40));
  const auto d = on_any_threads<Tensor<float, 40, 300>>([&](auto& out) {
    out = grad([](auto v, auto p, auto c) { return sum(gather<0>(v, p) * c); }, wrt<0>)(x, indices, w);
  });
  Tensor<float, 40, 300> expected = x - x;
  for (int i = 0; i < 90; ++i)
    for (int j = 0; j < 300; ++j) expected(indices(i, j), j) += w(i, j);
  CHECK(same_bits(d, expected));
}

TEST_CASE("a process that forks after it has used threads has a child that computes the same") {
  set_num_threads(2);
  const auto x = drawn<Tensor<float, 512, 512>>(1);
  const Tensor<float, 512, 512> product = matmul(x, x), sums = exp(x) * 2.f;
  CHECK(holds_in_child([&] {
    const Tensor<float, 512, 512> again = matmul(x, x), same = exp(x) * 2.f;
    return same_bits(again, product) && same_bits(same, sums);
  }));
  set_num_threads(1);
}

// Runs in a separate process, which the next test starts: this one has already used threads, and the test needs a
// process whose first threads are the user's.
TEST_CASE("in a new process: children before and after a region of the user's own" * doctest::skip()) {
  const auto x = drawn<Tensor<float, 512, 512>>(1);
  const Tensor<float, 512, 512> product = matmul(x, x);
  const auto computes = [&] {
    set_num_threads(2);
    const Tensor<float, 512, 512> again = matmul(x, x);
    return same_bits(again, product);
  };
#if defined(__linux__)
  CHECK(holds_in_child([&] { return cpu::has_threads() && computes(); }));  // it has threads of its own
#endif
  std::atomic<int> members = 0;
#if defined(_OPENMP)
#pragma omp parallel num_threads(2)
#endif
  ++members;
  CHECK(members > 0);
  CHECK(holds_in_child(computes));
  CHECK(computes());
  set_num_threads(1);
}

TEST_CASE("a process that forks after a region of its own has a child that computes the same") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // this process may have run something on threads of the library's before
    ::execl("/proc/self/exe", "tests", "--minimal", "--no-skip", "--test-case=in a new process: children*", nullptr);
    ::_exit(::access("/proc/self/exe", X_OK) == 0 ? 1 : 0);
  }
  CHECK(exits_with_0(child));
}
