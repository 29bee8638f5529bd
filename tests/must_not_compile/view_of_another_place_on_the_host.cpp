// expect: a_statement_runs_on_the_host_copy_its_tensors_by_to_Host<.*Host.*Device
#include <sinter/sinter.hpp>
using namespace sinter;

struct Device {};
template <> struct sinter::MemoryOf<Device> {
  static std::byte* allocate(std::size_t);
  static void release(std::byte*) noexcept;
  static void copy(std::byte*, const std::byte*, std::size_t, Transfer);
};

int main() {
  TensorOn<Device, float, 4, 3> x;
  Tensor<float, 3> row = x(2);
}
