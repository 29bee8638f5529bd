// expect: incomplete type.*MemoryOf<.*Cuda|implicit instantiation of undefined template.*MemoryOf<.*Cuda
#include <sinter/sinter.hpp>
using namespace sinter;

int main() { TensorOn<Cuda, float, 32> device; }
