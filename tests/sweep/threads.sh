#!/usr/bin/env bash
# tests/sweep/threads.sh    builds threads.cpp with clang's thread sanitizer and runs it. CXX names the compiler (the
# newest clang++ that is found).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
compiler=${CXX-}
for name in clang++-19 clang++-18 clang++-17 clang++-16 clang++; do
  [ -n "$compiler" ] || ! command -v "$name" >/dev/null || compiler=$name
done
[ -n "$compiler" ] || { echo "there is no clang++ (Debian: apt-get install clang-16)" >&2 && exit 1; }
"$compiler" -std=c++20 -O1 -g -fsanitize=thread -fconstexpr-steps=2000000000 -I"$root/include" \
  "$root/tests/sweep/threads.cpp" -o "$build/threads" -pthread
TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS-}" "$build/threads"
