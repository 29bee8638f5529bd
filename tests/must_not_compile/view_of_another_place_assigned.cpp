// expect: assigned_places_differ_copy_by_to<.*Device.*Host
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
  x(2) = Tensor<float, 3>{1, 2, 3};
}
