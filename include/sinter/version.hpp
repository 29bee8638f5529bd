// The version of the library, for `#if SINTER_VERSION >= 200`. CMake reads it from here, and so do the packages that it
// writes.
#pragma once

#define SINTER_VERSION_MAJOR 0
#define SINTER_VERSION_MINOR 1
#define SINTER_VERSION_PATCH 0

/// 10000 · major + 100 · minor + patch
#define SINTER_VERSION (SINTER_VERSION_MAJOR * 10000 + SINTER_VERSION_MINOR * 100 + SINTER_VERSION_PATCH)

/// The namespace of this version within `sinter`, which names look through: what two versions define in one process has
/// different symbols. Before 1.0 every minor version has its own, afterwards every major one.
#define SINTER_ABI v0_1
