// expect: num_layers of a recurrent layer must be 1
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::LSTM<2, 3, RecurrentOptions{.num_layers = 0}> lstm;
}
