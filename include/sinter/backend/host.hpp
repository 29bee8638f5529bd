// The backend of statements, and of programs whose policy nobody names.
#pragma once
#include "backend.hpp"
#include "cpu/backend.hpp"

namespace sinter::internals::backend {

using Host = Cpu;
using HostContext = Host::Backend::Context;
static_assert(Policy<Host>);

}  // namespace sinter::internals::backend
