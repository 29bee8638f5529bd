// Statements, and programs whose policy nobody names, on plain loops: -DSINTER_HOST=<this file>
#pragma once
#include "plain.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {
using HostPolicy = plain::Plain;
}
namespace sinter::inline SINTER_ABI {
using Cpu = plain::Plain;  // examples name it
}
