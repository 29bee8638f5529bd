#!/usr/bin/env bash
# tests/sweep/sweep.sh [SECONDS [PART…]]    what takes too long for every change, one line for each part at the end:
#   warnings     all headers and examples with strict warnings
#   sanitizers   tests and examples with address and undefined-behaviour sanitizers
#   threads      programs that share a model, with the thread sanitizer
#   kills        a process that saves is killed 300 times, and a training run 100 times, which is resumed
#   plain        tests on a backend of plain loops
#   header       the examples with the single header
#   fuzz         the readers of files, each for SECONDS (60)
# Every part runs, whatever the others find.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-60}
shift || true
[ $# -gt 0 ] || set -- warnings sanitizers threads kills plain header fuzz
summary=() failed=0
for part in "$@"; do
  case $part in
    warnings | sanitizers | threads | plain | header) command=("$here/$part.sh") ;;
    kills) command=("$here/kill_saves.sh" 300) ;;
    fuzz) command=("$here/fuzz/fuzz.sh" "$seconds") ;;
    *) echo "sweep: expected one of warnings sanitizers threads kills plain header fuzz, found $part" >&2 && exit 2 ;;
  esac
  printf '\n==== %s\n' "$part"
  started=$SECONDS
  if "${command[@]}"; then result=passed; else result=FAILED failed=1; fi
  summary+=("$(printf '%-12s %-7s %4d s' "$part" "$result" $((SECONDS - started)))")
done
printf '\n'
printf '%s\n' "${summary[@]}"
exit $failed
