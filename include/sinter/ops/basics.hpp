// The families of elementwise primitives, views and reductions, and the primitives that their rules use: casts,
// broadcasts, reshapes and sums. The gradient of an operand that was repeated is a sum, the sum of narrow numbers is
// cast, a cast is elementwise: these rules use each other, so they are one unit, which ops/apply.hpp includes.
#pragma once
#include "basics/broadcast.hpp"
#include "basics/cast.hpp"
#include "basics/elementwise.hpp"
#include "basics/reshape.hpp"
#include "basics/sum.hpp"
#include "basics/view.hpp"
