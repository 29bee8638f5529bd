// PyTorch's and NumPy's archives, and the pickles in them: any bytes are tensors within the file, or an error.
#include <sinter/io/pytorch.hpp>

#include "bytes.hpp"

using namespace sinter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<unsigned char> bytes(data + 1, data + size);
  try {
    if (data[0] % 2 != 0) {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      const io::Pickle p = io::read_pickle(text, "pickle");
      const io::archive_detail::Tensors all(p, "pickle");
      fuzz::require(all.found().size() <= 8 * size + 4000, "no more names than values");
    } else {
      const io::TensorFile f = io::read_archive(bytes, "archive");
      fuzz::require(f.bytes.size() <= 5 * size + 4096, "copies of views are limited");
      for (const io::TensorEntry& t : f.tensors)
        fuzz::require(t.begin <= t.end && t.end <= f.bytes.size() && f.find(t.name) == &t, "tensors lie in the file");
    }
  } catch (const Error&) {
  }
  return 0;
}
