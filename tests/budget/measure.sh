#!/usr/bin/env bash
# What each pass spends of a compiler's constant-evaluation budget, in steps per node: tests/budget/measure.sh [compiler].
# The budgets in tests/CMakeLists.txt are these figures and a tenth.
set -eu
cd "$(dirname "$0")"
compiler=${1:-clang++}
case $("$compiler" --version | head -n 1) in
  *clang*) limit=-fconstexpr-steps=; also= ;;
  *) limit=-fconstexpr-ops-limit=; also=-fconstexpr-loop-limit=100000000 ;;
esac
compiles() { "$compiler" -std=c++20 -I../../include $also "$limit$2" -DSTAGE="$1" -fsyntax-only passes.cpp 2>/dev/null; }
nodes=$("$compiler" -std=c++20 -I../../include $also "$limit"2000000000 -DSTAGE=0 -fsyntax-only passes.cpp 2>&1 | grep -o 'Nodes<[0-9]*>' | head -n 1 | tr -dc 0-9)
echo "$nodes nodes"
before=0 stage=0
for pass in forward gradient simplify fuse order plan plan_of_buffers; do
  stage=$((stage + 1)) low=$before high=$((before > 0 ? 2 * before : 1000000))
  while ! compiles $stage $high; do low=$high high=$((2 * high)); done
  while [ $((high - low)) -gt $((high / 200)) ]; do
    middle=$(((low + high) / 2))
    if compiles $stage $middle; then high=$middle; else low=$middle; fi
  done
  echo "$pass: $(((high - before) / nodes)) steps a node, $high in all so far ($((high / nodes)))"
  before=$high
done
