#include "extern.hpp"

SINTER_INSTANTIATE(extern_programs::Train);
SINTER_INSTANTIATE(extern_programs::Infer);
