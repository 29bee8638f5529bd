#!/usr/bin/env bash
# How much slower a debug build trains: the digits example at -O0 with kernels linked (sinter::compiled) and at -O3,
# processor time of three epochs, medians of five. Usage: benchmarks/debug_build.sh [compiler]
set -eu
cd "$(dirname "$0")/.."
compiler=${1:-g++}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
case $("$compiler" --version | head -n 1) in
  *clang*) limits="-fconstexpr-steps=2000000000" ;;
  *) limits="-fconstexpr-ops-limit=4000000000 -fconstexpr-loop-limit=100000000" ;;
esac
flags="-std=c++20 -march=native -Iinclude $limits -DSINTER_DIGITS=\"data/digits.csv\""
objects=
for source in src/compiled/*.cpp; do
  "$compiler" $flags -O3 -c "$source" -o "$folder/$(basename "$source").o"
  objects="$objects $folder/$(basename "$source").o"
done
"$compiler" $flags -O0 -g -DSINTER_COMPILED examples/digits.cpp examples/options.cpp $objects -o "$folder/debug"
"$compiler" $flags -O3 examples/digits.cpp examples/options.cpp -o "$folder/release"
seconds() {
  for _ in 1 2 3 4 5; do
    /usr/bin/time -f %U "$folder/$1" --epochs "$2" --out "$folder/net.safetensors" 2>&1 > /dev/null | tail -n 1
  done | sort -n | sed -n 3p
}
# less what does not train
for build in release debug; do
  awk -v n=$build -v four="$(seconds $build 4)" -v one="$(seconds $build 1)" \
    'BEGIN {printf "%-8s %.3f s an epoch\n", n, (four - one) / 3}'
done | awk '{print; t[NR] = $2} END {printf "debug build: %.1f times as long\n", t[2] / t[1]}'
