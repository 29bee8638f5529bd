// expect: incomplete type.*MemoryOf<.*Cuda|implicit instantiation of undefined template.*MemoryOf<.*Cuda
// clang: 39
#include <sinter/sinter.hpp>
using namespace sinter;

int main() { TensorOn<Cuda, float, 32> device; }
