#include <sinter/data/mnist.hpp>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

float second(const sinter::Tensor<float, 2, 2>& x);  // another translation unit includes the library too

// The version's namespace, through which names look.
#if SINTER_VERSION / 100 == 1
static_assert(std::is_same_v<sinter::Error, sinter::v0_1::Error>);
#else
#error "expected SINTER_ABI of this minor version, and this test to name it"
#endif

int main() {
  const sinter::Tensor<float, 2, 2> x{{1, 2}, {3, 4}};
  const sinter::Tensor<float, 2, 2> y = matmul(x, x) + 1.f;
  bool refused = false;  // zlib is linked
  try {
    sinter::data::read_gzip(__FILE__, 10);
  } catch (const sinter::Error& e) {
    refused = e.code() == sinter::ErrorCode::format;
  }
  return y(1, 1) == 23 && second(x) == 10 && refused ? 0 : 1;
}
