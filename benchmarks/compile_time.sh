#!/usr/bin/env bash
# What programs cost the compiler: user seconds, since a shared machine's wall time says little, and the largest memory,
# with kernels included (sinter::sinter) and linked (sinter::compiled), at the flags that README recommends. Medians of
# several runs, against the budgets below. Needs GNU time.
# Usage: benchmarks/compile_time.sh [compiler] [runs] [name or "curve"]
set -eu
cd "$(dirname "$0")/.."
compiler=${1:-g++} runs=${2:-3} only=${3:-}
case $("$compiler" --version | head -n 1) in
  *clang*) limits="-fconstexpr-steps=2000000000 -fbracket-depth=1024" ;;
  *) limits="-fconstexpr-ops-limit=4000000000 -fconstexpr-loop-limit=100000000 --param=ggc-min-heapsize=300000" ;;
esac
# median NAME FLAG…: "seconds MiB" of a program under benchmarks/, without its ending.
median() {
  local name=$1
  shift
  for _ in $(seq "$runs"); do
    /usr/bin/time -f "%U %M" "$compiler" -std=c++20 -O2 -march=native -fopenmp -Iinclude $limits "$@" \
      -c "benchmarks/$name.cpp" -o /dev/null 2>&1 | tail -n 1
  done | sort -n | sed -n "$(((runs + 1) / 2))p" | awk '{printf "%s %d\n", $1, $2 / 1024}'
}
memory=1024  # MiB

# point TEXT NAME MACRO N BUDGET: a program of depth N; the budget, in seconds, is linear in N
point() {
  read -r s m <<< "$(median "compile_time/$2" "-D$3=$4" -DSINTER_COMPILED)"
  awk -v t="$1" -v n="$4" -v s="$s" -v m="$m" -v budget="$5" 'BEGIN {
    printf "%-40s %4d  %7.2f s (%5.1f) %5d MiB  %s\n", t, n, s, budget, m, s <= budget ? "kept" : "EXCEEDED"}'
}
if [ "$only" = curve ]; then
  for n in 10 30 100 300 1000; do
    point "training of residual blocks" residual BLOCKS "$n" "$(awk -v n="$n" 'BEGIN {print 5 + 0.15 * n}')"
  done
  for n in 10 30 100 300; do
    point "gradient of steps of Runge and Kutta" runge_kutta STEPS "$n" "$(awk -v n="$n" 'BEGIN {print 8 + 1.5 * n}')"
  done
  exit
fi

report() {
  awk -v n="$1" -v a="$2" -v ma="$3" -v b="$4" -v mb="$5" -v ba="$6" -v bb="$7" -v limit=$memory 'BEGIN {
    printf "%-36s %6.2f s (%4.1f) %5d MiB   linked %6.2f s (%4.1f) %5d MiB  %s\n", n, a, ba, ma, b, bb, mb,
      a <= ba && b <= bb && ma <= limit && mb <= limit ? "kept" : "EXCEEDED"}'
}
# name, budget in seconds with kernels included, and linked
while read -r name included linked flags; do
  case $name in *"$only"*) ;; *) continue ;; esac
  read -r a ma <<< "$(median "$name" $flags)"
  read -r b mb <<< "$(median "$name" -DSINTER_COMPILED $flags)"
  report "$name" "$a" "$ma" "$b" "$mb" "$included" "$linked"
done << 'PROGRAMS'
compile_time/empty 1.6 1.6
compile_time/mlp_train 4.5 3.5
compile_time/gan 5.5 4.5
rows/lenet_train 8 5
rows/resnet18_cifar_train 16 10
rows/resnet18_infer 10 6
rows/minilm_infer 9 5
rows/mobilenet_v2_infer 16 10
compile_time/gpt_train 12 8
compile_time/residual 8 6
compile_time/runge_kutta 8 8
PROGRAMS
# Beyond another program: NAME OTHER BUDGET
while read -r name other budget; do
  case $name in *"$only"*) ;; *) continue ;; esac
  read -r few _ <<< "$(median "compile_time/$other")"
  read -r many m <<< "$(median "compile_time/$name")"
  read -r few_linked _ <<< "$(median "compile_time/$other" -DSINTER_COMPILED)"
  read -r many_linked m_linked <<< "$(median "compile_time/$name" -DSINTER_COMPILED)"
  report "$name, beyond $other" "$(awk -v a="$many" -v b="$few" 'BEGIN {d = a - b; print d > 0 ? d : 0}')" "$m" \
    "$(awk -v a="$many_linked" -v b="$few_linked" 'BEGIN {d = a - b; print d > 0 ? d : 0}')" "$m_linked" \
    "$budget" "$budget"
done << 'PAIRS'
eager_31 eager_1 3.5
scan_1000 scan_10 1
PAIRS
