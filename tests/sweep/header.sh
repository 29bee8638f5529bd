#!/usr/bin/env bash
# tests/sweep/header.sh    every example with the single header that packaging/single_header.py makes. CXX names the
# compiler.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
exec cmake -DWAY=header -DEXAMPLES=ON -DSOURCE="$root" -DFOLDER="$root/build/single" -DCOMPILER="${CXX-g++}" \
  -P "$root/tests/consumer/check.cmake"
