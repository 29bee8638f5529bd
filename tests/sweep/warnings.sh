#!/usr/bin/env bash
# tests/sweep/warnings.sh    compiles all headers, and every example, with more warnings than the project's own, each an
# error: programs that include sinter may have them on. With g++ and with clang where they are.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
both=(-std=c++20 -O1 -march=native -I"$root/include" "-DSINTER_DIGITS=\"digits.csv\"" -Werror
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wold-style-cast -Woverloaded-virtual -Wnon-virtual-dtor -Wdouble-promotion -Wformat=2
  -Wcast-align -Wcast-qual -Wredundant-decls)
gnu=(-fopenmp -fconstexpr-ops-limit=4000000000 -fconstexpr-loop-limit=100000000 -Wduplicated-cond
  -Wduplicated-branches -Wlogical-op)
llvm=(-fconstexpr-steps=2000000000 -Wextra-semi -Wimplicit-fallthrough -Wunreachable-code -Wnewline-eof
  -Wdeprecated -Wdocumentation
  -Wno-documentation-unknown-command)

# All headers but those of other people's libraries and of GPUs.
(cd "$root/include" &&
  find sinter -name '*.hpp' ! -path '*/cuda/*' ! -path '*/thrust/*' |
  sort | sed 's/.*/#include <&>/') >"$folder/headers.cpp"
failed=0
check() {  # check COMPILER FILE OPTIONS…
  local compiler=$1 file=$2 started=$SECONDS
  shift 2
  if "$compiler" "${both[@]}" "$@" -c "$file" -o "$folder/out.o" 2>"$folder/log"; then
    printf '%-12s %-24s no warning (%d s)\n' "$compiler" "$(basename "$file")" $((SECONDS - started))
  else
    printf '%-12s %-24s warnings:\n' "$compiler" "$(basename "$file")"
    grep -E 'error|warning' "$folder/log" | sort -u | head -n 20
    failed=1
  fi
}
for compiler in ${CXX:-g++ clang++-19 clang++-16}; do
  command -v "$compiler" >/dev/null || continue
  options=("${gnu[@]}")
  case $("$compiler" --version | head -n 1) in *clang*) options=("${llvm[@]}") ;; esac
  for file in "$folder/headers.cpp" "$root"/examples/*.cpp; do
    if grep -q 'CLI/CLI.hpp\|options.hpp' "$file"; then  # needs another library
      printf '#include <CLI/CLI.hpp>\n' | "$compiler" -std=c++20 -E -x c++ - >/dev/null 2>&1 || continue
    fi
    check "$compiler" "$file" "${options[@]}"
  done
  # clang's own standard library, where it is
  if echo '#include <vector>' | "$compiler" -stdlib=libc++ -Werror -fsyntax-only -x c++ - 2> /dev/null; then
    check "$compiler" "$root/tests/warnings/programs.cpp" "${options[@]}" -stdlib=libc++
  fi
done
exit $failed
