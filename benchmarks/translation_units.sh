#!/usr/bin/env bash
# A program of many files: a hundred that each run a small net or its like, compiled one after another and linked. User
# seconds in all, and the bytes of the stripped program. Beside it Eigen, xtensor, RTNeural (RTNEURAL=its folder) and
# libtorch (TORCH=folder of the Python package), as far as they are here.
# Usage: benchmarks/translation_units.sh [compiler] [files] [only NAME, as it is printed]
set -eu
cd "$(dirname "$0")/.."
compiler=${1:-g++} files=${2:-100} only=${3:-}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
sinter="-Iinclude -fconstexpr-ops-limit=4000000000 -fconstexpr-loop-limit=100000000"
case $("$compiler" --version | head -n 1) in *clang*) sinter="-Iinclude -fconstexpr-steps=2000000000" ;; esac

# build NAME FLAGS LIBRARIES: the files folder/NAME_*.cpp, their seconds and size
build() {
  case $1 in *"$only"*) ;; *) return ;; esac
  local name=$1 flags=$2 libraries=$3 total=0
  for source in "$folder/$name"_*.cpp; do
    s=$( { /usr/bin/time -f %U "$compiler" -std=c++20 -O2 -DNDEBUG -march=native $flags -c "$source" \
      -o "$source.o"; } 2>&1 | tail -n 1)
    total=$(awk -v a="$total" -v b="$s" 'BEGIN {print a + b}')
  done
  "$compiler" "$folder/$name"_*.o $libraries -o "$folder/$name"
  strip "$folder/$name"
  printf '%-36s %8.1f s  %8d KiB\n' "$name" "$total" "$(($(stat -c %s "$folder/$name") / 1024))"
}
main() {  # calls them all
  for i in $(seq "$files"); do printf 'float run_%d(const float*);\n' "$i"; done > "$folder/$1_main.cpp"
  { printf 'int main(int n, char**) {\n  const float x[16]{float(n)};\n  float y = 0;\n'
    for i in $(seq "$files"); do printf '  y += run_%d(x);\n' "$i"; done
    printf '  return y == 0.5f;\n}\n'; } >> "$folder/$1_main.cpp"
}
# one NAME TEXT: the same file `files` times, @ being its number
one() {
  for i in $(seq "$files"); do printf '%s\n' "${2//@/$i}" > "$folder/$1_$i.cpp"; done
  main "$1"
}
net='#include <sinter/sinter.hpp>
using namespace sinter;
namespace file_@ {
struct Net {
  nn::Linear<16, 32> a;
  nn::Linear<32, 4> b;
  constexpr auto operator()(auto x) const { return b(relu(a(x))); }
};
}
float run_@(const float* p) {
  static Model<file_@::Net> net(Seed{@});
  static auto infer = inference<Tensor<float, 1, 16>>(net);
  Tensor<float, 1, 16> x;
  for (int i = 0; i < 16; ++i) x.data()[i] = p[i];
  return infer(x)(0, 0);
}'
one sinter "$net"
build sinter "$sinter" ""

if [[ sinter_compiled == *"$only"* || sinter_precompiled == *"$only"* ]]; then
  # sinter::compiled, once for all programs
  s=0
  mkdir "$folder/kernels"
  for source in src/compiled/*.cpp; do
    seconds=$( { /usr/bin/time -f %U "$compiler" -std=c++20 -O3 -DNDEBUG -march=native $sinter -c "$source" \
      -o "$folder/kernels/$(basename "$source").o"; } 2>&1 | tail -n 1)
    s=$(awk -v a="$s" -v b="$seconds" 'BEGIN {print a + b}')
  done
  ar rcs "$folder/libsinter.a" "$folder/kernels/"*.o
  printf '%-36s %8.1f s\n' "the library of sinter::compiled" "$s"
  one sinter_compiled "$net"
  build sinter_compiled "$sinter -DSINTER_COMPILED" "$folder/libsinter.a"

  one sinter_precompiled "$net"  # the headers precompiled too
  mkdir "$folder/all"
  echo '#include <sinter/sinter.hpp>' > "$folder/all/all.hpp"
  /usr/bin/time -f "the precompiled header                    %U s" "$compiler" -std=c++20 -O2 -DNDEBUG -march=native \
    $sinter -DSINTER_COMPILED -x c++-header "$folder/all/all.hpp" -o "$folder/all/all.hpp.gch"
  build sinter_precompiled "$sinter -DSINTER_COMPILED -include $folder/all/all.hpp" "$folder/libsinter.a"
fi

eigen='#include <Eigen/Dense>
float run_@(const float* p) {
  static const Eigen::Matrix<float, 32, 16> a = Eigen::Matrix<float, 32, 16>::Random();
  static const Eigen::Matrix<float, 4, 32> b = Eigen::Matrix<float, 4, 32>::Random();
  const Eigen::Map<const Eigen::Matrix<float, 16, 1>> x(p);
  const Eigen::Matrix<float, 32, 1> h = (a * x).cwiseMax(0.f);
  return (b * h)(0);
}'
if echo '#include <Eigen/Dense>' | "$compiler" -I/usr/include/eigen3 -x c++ -fsyntax-only - 2> /dev/null; then
  one eigen "$eigen"
  build eigen -I/usr/include/eigen3 ""
fi
xtensor='#include <xtensor/xarray.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xrandom.hpp>
float run_@(const float* p) {
  static const xt::xtensor<float, 2> a = xt::random::randn<float>({32, 16}), b = xt::random::randn<float>({4, 32});
  xt::xtensor_fixed<float, xt::xshape<16>> x;
  for (int i = 0; i < 16; ++i) x(i) = p[i];
  const xt::xtensor<float, 1> h = xt::maximum(xt::sum(a * x, {1}), 0.f);
  const xt::xtensor<float, 1> y = xt::sum(b * h, {1});
  return y(0);
}'
if echo '#include <xtensor/xarray.hpp>' | "$compiler" -std=c++20 -x c++ -fsyntax-only - 2> /dev/null; then
  one xtensor "$xtensor"
  build xtensor "" ""
fi
rtneural='#include <RTNeural/RTNeural.h>
float run_@(const float* p) {
  using namespace RTNeural;
  static ModelT<float, 16, 4, DenseT<float, 16, 32>, ReLuActivationT<float, 32>, DenseT<float, 32, 4>> net;
  alignas(64) float x[16];
  for (int i = 0; i < 16; ++i) x[i] = p[i];
  net.forward(x);
  return net.getOutputs()[0];
}'
if [ -n "${RTNEURAL:-}" ]; then
  one rtneural "$rtneural"
  build rtneural "-I$RTNEURAL -I/usr/include/eigen3 -DRTNEURAL_USE_EIGEN=1 -DRTNEURAL_DEFAULT_ALIGNMENT=16 \
    -DRTNEURAL_NAMESPACE=RTNeural" ""
fi
torch='#include <torch/torch.h>
float run_@(const float* p) {
  static torch::nn::Sequential net(torch::nn::Linear(16, 32), torch::nn::ReLU(), torch::nn::Linear(32, 4));
  return net->forward(torch::from_blob(const_cast<float*>(p), {1, 16}))[0][0].item<float>();
}'
if [ -n "${TORCH:-}" ]; then
  one libtorch "$torch"
  build libtorch "-I$TORCH/include -I$TORCH/include/torch/csrc/api/include" \
    "-L$TORCH/lib -Wl,--no-as-needed,--unresolved-symbols=ignore-in-shared-libs,-rpath,$TORCH/lib -ltorch_cpu -lc10"
fi
