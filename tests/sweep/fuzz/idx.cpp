// Arrays of bytes.
#include <sinter/data/idx.hpp>

#include "bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sinter::data::MemoryFile file({reinterpret_cast<const char*>(data), size});
  try {
    const sinter::data::ByteArray a = sinter::data::read_idx_from(file);
    std::size_t product = 1;
    for (const std::size_t e : a.extents) product *= e;
    fuzz::require(a.bytes.size() == product && a.bytes.capacity() <= size,
                  "as many bytes as the extents say, in memory once");
  } catch (const sinter::Error&) {
  }
  return 0;
}
