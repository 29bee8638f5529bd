// Statements, and programs whose policy nobody names, on plain loops: -DSINTER_HOST=<this file>
#pragma once
#include "plain.hpp"

namespace sinter::internals::backend {
using HostPolicy = plain::Plain;
}
namespace sinter {
using Cpu = plain::Plain;  // examples name it
}
