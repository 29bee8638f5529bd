// What the headers alone cost.
#include <sinter/sinter.hpp>

int main() {}
