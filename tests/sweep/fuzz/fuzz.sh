#!/usr/bin/env bash
# tests/sweep/fuzz/fuzz.sh [SECONDS [TARGET…]]    builds the fuzzers of the readers (csv idx gzip safetensors archives) with
# clang's libFuzzer, address and undefined-behaviour sanitizers, and runs each for so many seconds (20). An input that
# fails is kept in the folder that is named then. CXX names the compiler (the newest clang++ that is found), FUZZ_FOLDER
# where programs and corpora stay from run to run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
seconds=${1:-20}
shift || true
[ $# -gt 0 ] || set -- csv idx gzip safetensors archives
folder=${FUZZ_FOLDER-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  clean=1
  trap '[ -z "$clean" ] || rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
rm -rf "$folder/seeds"
python3 "$here/seeds.py" "$folder/seeds"
compiler=${CXX-}
for name in clang++-19 clang++-18 clang++-17 clang++-16 clang++; do
  [ -n "$compiler" ] || ! command -v "$name" >/dev/null || compiler=$name
done
[ -n "$compiler" ] || { echo "there is no clang++ (Debian: apt-get install clang-16)" >&2 && exit 1; }
failed=0
for target in "$@"; do
  "$compiler" -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -fconstexpr-steps=2000000000 -I"$root/include" "$here/$target.cpp" -o "$folder/$target" -lz
  mkdir -p "$folder/$target.corpus" "$folder/$target.found"
  if "$folder/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 \
    -print_final_stats=1 -artifact_prefix="$folder/$target.found/" \
    "$folder/$target.corpus" "$folder/seeds/$target" >"$folder/$target.log" 2>&1; then
    printf '%-12s %s\n' "$target" \
      "$(sed -n 's/^stat::number_of_executed_units: */executions: /p' "$folder/$target.log"), no failure"
  else
    tail -n 40 "$folder/$target.log" >&2
    printf '%-12s failed; inputs and log are in %s\n' "$target" "$folder"
    clean= failed=1
  fi
done
exit $failed
