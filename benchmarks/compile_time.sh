#!/usr/bin/env bash
# Times the compiler on four programs and compares with the budgets, which are for a fast desktop. Medians of several runs, in user seconds, since a shared
# machine's wall time says little. Usage: benchmarks/compile_time.sh [compiler] [runs]
set -eu
cd "$(dirname "$0")/.."
compiler=${1:-g++} runs=${2:-5}
case $("$compiler" --version | head -n 1) in
  *clang*) limits="-fconstexpr-steps=2000000000 -fbracket-depth=1024" ;;
  *) limits="-fconstexpr-ops-limit=4000000000 -fconstexpr-loop-limit=100000000" ;;
esac
median() {
  for _ in $(seq "$runs"); do
    { TIMEFORMAT=%U; time "$compiler" -std=c++20 -O3 -march=native -fopenmp -Iinclude $limits -c "benchmarks/compile_time/$1.cpp" -o /dev/null; } 2>&1 | tail -n 1
  done | sort -n | sed -n "$(((runs + 1) / 2))p"
}
one=$(median eager_1)
for row in mlp_train:4 residual_48:8 eager_31:3; do
  name=${row%:*} budget=${row#*:} seconds=$(median "${row%:*}")
  [ "$name" != eager_31 ] || { name="thirty more eager statements"; seconds=$(echo "$seconds $one" | awk '{printf "%.2f", $1 - $2}'); }
  awk -v n="$name" -v s="$seconds" -v b="$budget" 'BEGIN {printf "%-30s %6.2f s  budget %d s  %s\n", n, s, b, s <= b ? "kept" : "EXCEEDED"}'
done
