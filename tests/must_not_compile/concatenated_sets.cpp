// expect: concatenated_sets_need_samples_of_one_type<.*64.*28.*28
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  const data::Labelled<64> digits;
  const data::Labelled<28, 28> others;
  const auto all = data::concatenated(digits, others);
}
