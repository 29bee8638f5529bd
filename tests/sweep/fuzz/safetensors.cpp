// Checkpoints: a model is changed only by a valid and matching file, and what it saves is valid.
#include <sinter/io/safetensors.hpp>

#include "bytes.hpp"

using namespace sinter;

namespace {

struct Net {
  Param<float, 2> w;
  Buffer<std::int64_t> n;
  Buffer<bool, 2> b;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::File file({reinterpret_cast<const char*>(data), size});
  static Model<Net> net;
  std::fill_n(net.data(), 2, 7.f);
  net->n.data()[0] = 7;
  net->b.data()[1] = true;
  try {
    const io::TensorFile f = io::read_safetensors(file.path());
    fuzz::require(f.bytes.size() == size, "a file in memory once");
    std::size_t bytes = 0;
    for (const io::TensorEntry& t : f.tensors) {
      fuzz::require(t.begin <= t.end && t.end <= size - f.data && f.find(t.name) == &t,
                    "tensors lie in the data and are found");
      bytes += t.end - t.begin;
    }
    fuzz::require(bytes == size - f.data, "tensors fill the data");
  } catch (const Error&) {
  }
  try {
    load(net, file.path(), ExtraTensors::ignore);
  } catch (const Error&) {
    fuzz::require(net->w.memory()[0] == 7 && net->w.memory()[1] == 7 && net->n.memory()[0] == 7 && net->b.memory()[1],
                  "a file that does not fit changes nothing");
  }
  return 0;
}
