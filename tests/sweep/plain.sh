#!/usr/bin/env bash
# tests/sweep/plain.sh    the tests of primitives, gradients and modules, and the examples, on the backend of
# tests/backend/plain, in build/plain.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
mkdir -p build/plain
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake -S . -B build/plain -G Ninja -DCMAKE_BUILD_TYPE=Release "${launcher[@]}" -DSINTER_ALL_PLAIN_TESTS=ON \
  -DSINTER_FETCH=OFF >build/plain/configure.log 2>&1 ||
  { tail -n 20 build/plain/configure.log >&2 && exit 1; }
cmake --build build/plain -- tests/sinter_plain_tests examples/all >build/plain/build.log 2>&1 ||
  { tail -n 40 build/plain/build.log >&2 && exit 1; }
build/plain/tests/sinter_plain_tests
exec ctest --test-dir build/plain -R '^example' --output-on-failure
