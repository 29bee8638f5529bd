// 01: tensors and statements. Shapes are types; a statement is traced, fused and run at the assignment.
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x{{1, 2, 3}, {4, 5, 6}};
  const Tensor<float, 3, 2> w{{1, 0}, {0, 1}, {1, 1}};

  // one kernel: the product, with subtraction and relu as its epilogue
  const Tensor<float, 2, 2> y = relu(matmul(x, w) - 5.f);
  print(y);
  print(softmax(x));              // any expression prints
  x = x / sum<1>(x, keepdims);    // broadcasts as NumPy does; the destination may appear in its expression
  print(x);

  float memory[8]{0, 10, 1, 11, 2, 12, 3, 13};
  const TensorView<float, 4> even(memory, {2});  // memory owned elsewhere, every other element
  print(even * even);

  // Does not compile: matmul_inner_extents_differ<Sym<float, 2, 3>, Sym<float, 2, 3>>
  // Tensor<float, 2, 3> wrong = matmul(x, x);
}
