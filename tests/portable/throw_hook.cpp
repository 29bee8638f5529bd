// An error goes where the program says; see no_exceptions.cmake.
#include <cstdio>
#include <cstdlib>
#include <exception>

[[noreturn]] void failed(const std::exception& error) {
  std::fprintf(stderr, "here: %s\n", error.what());
  std::_Exit(3);
}
#define SINTER_THROW(error) failed(error)
#include <sinter/tensor/tensor.hpp>

int main(int n, char**) { return int(sinter::Tensor<float, 3>()(n + 3)); }
