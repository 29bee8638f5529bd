// Thirty-one distinct eager statements: at most 3 s more than one.
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 64, 48> a, b, c, r;
  Tensor<float, 48> v;
  r = tanh(a * b + c);
  r = exp(a - b) * c;
  r = a / (b * b + 1.f) - c;
  r = maximum(a, b) + c * 2.f;
  r = relu(a - b) * c;
  r = log(a * a + b * b + 1.f) + c;
  r = sqrt(a * a + 1.f) * b - c;
  r = sigmoid(a) * b + c;
  r = select(a > b, a, c) * b;
  r = a * 0.5f + stop_gradient(b) - c;
  r = (tanh(a * b + c)) * v;
  r = (exp(a - b) * c) * v;
  r = (a / (b * b + 1.f) - c) * v;
  r = (maximum(a, b) + c * 2.f) * v;
  r = (relu(a - b) * c) * v;
  r = (log(a * a + b * b + 1.f) + c) * v;
  r = (sqrt(a * a + 1.f) * b - c) * v;
  r = (sigmoid(a) * b + c) * v;
  r = (select(a > b, a, c) * b) * v;
  r = (a * 0.5f + stop_gradient(b) - c) * v;
  v = sum<0>(tanh(a * b + c));
  v = sum<0>(exp(a - b) * c);
  v = sum<0>(a / (b * b + 1.f) - c);
  v = sum<0>(maximum(a, b) + c * 2.f);
  v = sum<0>(relu(a - b) * c);
  v = sum<0>(log(a * a + b * b + 1.f) + c);
  v = sum<0>(sqrt(a * a + 1.f) * b - c);
  v = sum<0>(sigmoid(a) * b + c);
  v = sum<0>(select(a > b, a, c) * b);
  v = sum<0>(a * 0.5f + stop_gradient(b) - c);
  r = softmax(a + b);
  std::printf("%g\n", double(r(1, 1) + v(1)));
}
