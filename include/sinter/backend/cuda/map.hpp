// The map kernel on CUDA: the threads of a grid share the elements in a grid-stride loop.
#pragma once
#if !defined(__CUDACC__)
#error "sinter/backend/cuda is for nvcc: name the source file .cu"
#else
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "../../tensor/error.hpp"
#include "../element.hpp"

// Not sinter::cuda: that name would hide ::cuda, the namespace of libcu++, from code with `using namespace sinter`.
namespace sinter::inline SINTER_ABI::on_cuda {

template <class K, int Loops, int Pointers, int Lengths>
__global__ void map_kernel(const internals::backend::MapArguments<Loops, Pointers, Lengths> arguments,
                           std::int64_t elements) {
  const std::int64_t first = std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x,
                     step = std::int64_t(gridDim.x) * blockDim.x;
  for (std::int64_t i = first; i < elements; i += step)
    internals::backend::run_element<K>(arguments, i);
}

inline constexpr int block_threads = 256;
inline constexpr std::int64_t most_blocks = 1 << 16;  ///< beyond it a thread computes several elements

template <class K, int L, int P, int C>
inline cudaError_t launch_map(const internals::backend::MapArguments<L, P, C>& arguments, cudaStream_t stream) {
  const std::int64_t n = arguments.elements();
  if (n == 0) return cudaSuccess;  // a grid without blocks is an error
  const auto blocks = static_cast<unsigned>(std::min(most_blocks, (n + block_threads - 1) / block_threads));
  map_kernel<K><<<blocks, block_threads, 0, stream>>>(arguments, n);
  return cudaGetLastError();
}

/// Starts the map kernel K on a stream and does not wait for it. `table` and `c` are the host's; the addresses in
/// c.base are the device's. Throws `Error` when CUDA refuses the launch.
template <class K> inline void map(const std::int64_t* table, const cpu::Context& c, cudaStream_t stream = nullptr) {
  const cudaError_t e = launch_map<K>(internals::backend::MapArgumentsOf<K>(table, c), stream);
  if (e != cudaSuccess)
    throw_error(ErrorCode::unsupported, "map kernel", std::string("cuda: ") + cudaGetErrorString(e));
}

}  // namespace sinter::on_cuda
#endif
