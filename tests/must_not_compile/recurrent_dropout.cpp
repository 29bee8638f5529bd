// expect: dropout of a recurrent layer must be 0
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::LSTM<2, 3, NumLayers<2>, DropoutP(1.5)> lstm;
}
