// The gradient of a recurrent cell over 1,000 steps.
#define STEPS 1000
#include "scan_10.cpp"
