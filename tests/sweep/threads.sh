#!/usr/bin/env bash
# tests/sweep/threads.sh    builds threads.cpp with clang's thread sanitizer and runs it. CXX names the compiler (clang++).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
"${CXX:-clang++}" -std=c++20 -O1 -g -fsanitize=thread -fconstexpr-steps=2000000000 -I"$root/include" "$root/tests/sweep/threads.cpp" -o "$build/threads" -pthread
TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS-}" "$build/threads"
