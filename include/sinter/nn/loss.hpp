// Losses: a scalar from outputs and targets, or one value each if the reduction is `none`. For 16-bit floats they are
// computed in float32 and rounded once.
#pragma once
#include "loss/differences.hpp"
#include "loss/labels.hpp"
#include "loss/probabilities.hpp"
