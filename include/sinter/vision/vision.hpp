// Images as nets expect them, with torchvision's names and numbers: functions of tensors, views and symbols alike.
// Include it in addition to sinter/sinter.hpp.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include "crop.hpp"
#include "normalize.hpp"

#include "../tensor/optimised_end.hpp"
