// expect: operands_live_in_different_places<.*Host.*Device
#include <sinter/sinter.hpp>
using namespace sinter;

struct Device {};
template <> struct sinter::MemoryOf<Device> {
  static std::byte* allocate(std::size_t);
  static void release(std::byte*) noexcept;
  static void copy(std::byte*, const std::byte*, std::size_t, Transfer);
};

int main() {
  Tensor<float, 32> host;
  TensorOn<Device, float, 32> device;
  auto sum = host + device;
}
