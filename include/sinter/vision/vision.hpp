// Images as nets expect them, with torchvision's names and numbers: functions of tensors, views and symbols alike.
// Include it in addition to sinter/sinter.hpp.
#pragma once
#include "crop.hpp"
#include "normalize.hpp"
