#!/usr/bin/env bash
# tests/sweep/kill_saves.sh [KILLS [FOLDER]]    builds and runs kill_saves.cpp, in a temporary folder unless one is
# given (another file system, say). CXX names the compiler (g++).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
limits=(-fconstexpr-ops-limit=4000000000 -fconstexpr-loop-limit=100000000)
case $("${CXX:-g++}" --version | head -n 1) in *clang*) limits=(-fconstexpr-steps=2000000000) ;; esac
"${CXX:-g++}" -std=c++20 -O1 "${limits[@]}" -I"$root/include" "$root/tests/sweep/kill_saves.cpp" -o "$build/kill_saves"
"$build/kill_saves" "${2:-$build/saved}" "${1:-300}"
"${CXX:-g++}" -std=c++20 -O1 -fopenmp "${limits[@]}" -I"$root/include" "$root/tests/resume/run.cpp" -o "$build/run"
python3 "$root/tests/resume/kill.py" "$build/run" 100
