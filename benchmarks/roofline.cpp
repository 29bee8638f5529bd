// The peaks of this machine: fused multiply-adds in registers, and bandwidth by working set, on one core and on all.
// Kernels are judged against these. `roofline` prints tables, `roofline --json` one JSON line per figure.
#include <sinter/backend/cpu/roof.hpp>

#include <cstdio>
#include <cstring>

#if defined(_OPENMP)
#include <omp.h>
#endif

using namespace sinter;

namespace {

struct Size {
  const char* name;
  std::size_t bytes;  ///< per thread, for caches private to a core
  bool own;
};
// Half of each cache level of usual processors, so that it fits; sizes in between show where a cache ends.
constexpr Size sizes[]{
    {"16 KiB (L1)", std::size_t(16) << 10, true}, {"256 KiB (L2)", std::size_t(256) << 10, true},
    {"2 MiB", std::size_t(2) << 20, true},        {"8 MiB (L3)", std::size_t(8) << 20, false},
    {"32 MiB", std::size_t(32) << 20, false},     {"256 MiB (memory)", std::size_t(256) << 20, false}};

void print(int threads, bool json) {
  const double single = cpu::peak_flops<float>(threads), twice = cpu::peak_flops<double>(threads);
  if (json) {
    std::printf(
        "{\"peak\": \"float\", \"threads\": %d, \"flops\": %.4g}\n{\"peak\": \"double\", \"threads\": %d, \"flops\": "
        "%.4g}\n",
        threads, single, threads, twice);
  } else {
    std::printf("%d thread%s: %.1f GFLOP/s of float, %.1f of double\n%-18s %12s %12s %12s   GB/s in all\n", threads,
                threads == 1 ? "" : "s", single / 1e9, twice / 1e9, "memory", "read", "write", "triad");
  }
  for (const Size& s : sizes) {
    const std::size_t bytes = s.own ? s.bytes * std::size_t(threads) : s.bytes;
    constexpr cpu::Traffic kinds[]{cpu::Traffic::read, cpu::Traffic::write, cpu::Traffic::triad};
    constexpr const char* names[]{"read", "write", "triad"};
    if (!json) std::printf("%-18s", s.name);
    for (int k = 0; k < 3; ++k) {
      const double rate = cpu::bandwidth(kinds[k], bytes, threads);
      if (json)
        std::printf("{\"bandwidth\": \"%s\", \"threads\": %d, \"bytes\": %zu, \"bytes_per_second\": %.4g}\n", names[k],
                    threads, bytes, rate);
      else std::printf(" %12.1f", rate / 1e9);
    }
    if (!json) std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  int all = 1;
#if defined(_OPENMP)
  all = omp_get_num_procs();
#endif
  print(1, json);
  if (all > 1) print(all, json);
}
