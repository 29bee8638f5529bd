#!/bin/sh
# Bytes that a small net adds to a program: the tiny MLP of the scoreboard, stripped, less an empty program. Fails above
# 20 KiB, with clang, which inlines more at -Os, above 21.
# usage: binary_size.sh COMPILER SOURCE_DIRECTORY [FLAG...]
set -e
compiler=$1 source=$2
shift 2
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
echo 'int main() {}' > "$folder/empty.cpp"
for name in empty tiny_mlp; do
  file=$folder/empty.cpp
  [ $name = empty ] || file=$source/benchmarks/binary_size/$name.cpp
  "$compiler" -std=c++20 -Os -DNDEBUG -ffunction-sections -fdata-sections -Wl,--gc-sections -I"$source/include" "$@" "$file" -o "$folder/$name"
  strip "$folder/$name"
done
libraries=$(ldd "$folder/tiny_mlp" | grep -Ev 'linux-vdso|ld-linux|lib(c|m|stdc\+\+|gcc_s)\.so' || true)
[ -z "$libraries" ] || { echo "needs other libraries: $libraries"; exit 1; }
bytes=$(($(stat -c %s "$folder/tiny_mlp") - $(stat -c %s "$folder/empty")))
echo "tiny_mlp: $bytes bytes beyond an empty program"
most=20480
case $("$compiler" --version) in *clang*) most=21504 ;; esac
[ $bytes -le $most ]
