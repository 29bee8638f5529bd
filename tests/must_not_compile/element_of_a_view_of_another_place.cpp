// expect: elements_of_another_place_are_read_and_written_through_copies_to_Host<.*float, 4.*Device
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
  float first = x(range<>, 1)(0);
}
