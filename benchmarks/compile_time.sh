#!/usr/bin/env bash
# What programs cost the compiler, against their budgets, which are for a fast desktop: user seconds, since a shared machine's wall time says little, and
# the largest memory. Medians of several runs. Needs GNU time. Usage: benchmarks/compile_time.sh [compiler] [runs] [name]
set -eu
cd "$(dirname "$0")/.."
compiler=${1:-g++} runs=${2:-3} only=${3:-}
case $("$compiler" --version | head -n 1) in
  *clang*) limits="-fconstexpr-steps=2000000000 -fbracket-depth=1024" ;;
  *) limits="-fconstexpr-ops-limit=4000000000 -fconstexpr-loop-limit=100000000 --param=ggc-min-heapsize=900000" ;;
esac
# Prints "seconds MiB" of a program under benchmarks/, without its ending.
median() {
  for _ in $(seq "$runs"); do
    /usr/bin/time -f "%U %M" "$compiler" -std=c++20 -O3 -march=native -fopenmp -Iinclude $limits -c "benchmarks/$1.cpp" -o /dev/null 2>&1 | tail -n 1
  done | sort -n | sed -n "$(((runs + 1) / 2))p" | awk '{printf "%s %d\n", $1, $2 / 1024}'
}
memory=2048  # MiB
report() { awk -v n="$1" -v s="$2" -v m="$3" -v b="$4" -v limit=$memory 'BEGIN {printf "%-40s %7.2f s  budget %2d s  %5d MiB  %s\n", n, s, b, m, s <= b && m <= limit ? "kept" : "EXCEEDED"}'; }

while read -r name budget; do
  case $name in *"$only"*) ;; *) continue ;; esac
  read -r seconds mib <<< "$(median "$name")"
  report "$name" "$seconds" "$mib" "$budget"
done << 'PROGRAMS'
compile_time/mlp_train 4
compile_time/residual_48 8
rows/lenet_train 10
rows/resnet18_cifar_train 40
rows/resnet18_infer 20
rows/minilm_infer 15
compile_time/gpt_train 30
PROGRAMS
case eager_31 in
  *"$only"*)
    read -r one _ <<< "$(median compile_time/eager_1)"
    read -r many mib <<< "$(median compile_time/eager_31)"
    report "compile_time/eager_31, beyond eager_1" "$(awk -v a="$many" -v b="$one" 'BEGIN {print a - b}')" "$mib" 3 ;;
esac
case scan_1000 in
  *"$only"*)
    read -r few _ <<< "$(median compile_time/scan_10)"
    read -r many mib <<< "$(median compile_time/scan_1000)"
    beyond=$(awk -v a="$many" -v b="$few" 'BEGIN {d = a - b; print d > 0 ? d : 0}')
    report "compile_time/scan_1000, beyond scan_10" "$beyond" "$mib" 1 ;;
esac
