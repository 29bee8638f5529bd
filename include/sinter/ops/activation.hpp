// Activations: functions of primitives, which fusion makes part of the kernel before them.
#pragma once
#include "activation/piecewise.hpp"
#include "activation/smooth.hpp"
