// expect: operands_live_in_different_places<.*Host.*Cuda
#include <sinter/sinter.hpp>
using namespace sinter;

// A tensor in a GPU's memory, as far as an expression is concerned.
template <class T, auto... E> class sinter::BasicTensor<T, Cuda, RowMajor, E...> {
 public:
  using element = T;
  using symbol = Sym<T, E...>;
  using place = Cuda;
  static constexpr Shape shape = shape_of<E...>;
};

int main() {
  Tensor<float, 32> host;
  TensorOn<Cuda, float, 32> device;
  auto sum = host + device;
}
