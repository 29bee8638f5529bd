#!/usr/bin/env bash
# tests/sweep/sanitizers.sh    builds the tests and the examples with clang's address and undefined-behaviour
# sanitizers, in build/sanitize, and runs them. CXX names the compiler (the newest clang++ that is found); g++ takes
# minutes a file.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
compiler=${CXX-}
for name in clang++-19 clang++-18 clang++-17 clang++-16 clang++; do
  [ -n "$compiler" ] || ! command -v "$name" >/dev/null || compiler=$name
done
[ -n "$compiler" ] || { echo "there is no clang++ (Debian: apt-get install clang-16)" >&2 && exit 1; }
cd "$root"
mkdir -p build/sanitize
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
fi
cmake --preset sanitize -DCMAKE_CXX_COMPILER="$compiler" "${launcher[@]}" -DSINTER_FETCH=OFF -DSINTER_THRUST=OFF \
  >build/sanitize/configure.log 2>&1 ||
  { tail -n 20 build/sanitize/configure.log >&2 && exit 1; }
programs=$(ninja -C build/sanitize -t targets all |
  sed -n 's/^\(examples\/[0-9a-z_]*\|tests\/sinter_[a-z_]*\): CXX_EXECUTABLE_LINKER.*/\1/p')
cmake --build build/sanitize -- $programs >build/sanitize/build.log 2>&1 ||
  { tail -n 40 build/sanitize/build.log >&2 && exit 1; }
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
exec ctest --test-dir build/sanitize --output-on-failure \
  -R '^(sinter|real_data|property|checks|portable|names\.macros|example\..*)$'
