// expect: program_is_called_with_tensors_of_another_place_copy_them_by_to_Host<.*Device
#include <sinter/sinter.hpp>
using namespace sinter;

struct Device {};
template <> struct sinter::MemoryOf<Device> {
  static std::byte* allocate(std::size_t);
  static void release(std::byte*) noexcept;
  static void copy(std::byte*, const std::byte*, std::size_t, Transfer);
};

int main() {
  Model<nn::Linear<4, 2>> net;
  auto infer = inference<Tensor<float, 1, 4>>(net);
  TensorOn<Device, float, 1, 4> x;
  infer(x);
}
