// The elementary functions of single-precision lanes: the same arithmetic for one lane and for sixteen, so an element's
// value does not depend on its position, and for every backend.
//
// Polynomials are minimax fits of the relative error made for these files (Lawson iteration); errors are the largest
// found over all floats, in units in the last place. tests/ops/accuracy.cpp holds them to it.
#pragma once
#include "elementary/error_function.hpp"
#include "elementary/exponential.hpp"
#include "elementary/power.hpp"
#include "elementary/trigonometric.hpp"
