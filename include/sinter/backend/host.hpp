// The backend of statements, and of programs whose policy nobody names.
#pragma once
#include "backend.hpp"

// Another backend than the CPU's: SINTER_HOST names a header that declares HostPolicy in this namespace.
#ifdef SINTER_HOST
#include SINTER_HOST
#else
#include "cpu/backend.hpp"
namespace sinter::inline SINTER_ABI::internals::backend {
using HostPolicy = Cpu;
}
#endif

namespace sinter::inline SINTER_ABI::internals::backend {

using Host = HostPolicy;
using HostContext = Host::Backend::Context;
static_assert(Policy<Host>);

}  // namespace sinter::internals::backend
