// Compressed files: reading in chunks of any size gives the same as reading at once, and never more than the limit.
#include <sinter/data/gzip.hpp>

#include <optional>

#include "bytes.hpp"

using namespace sinter::data;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  constexpr std::size_t most = 1 << 16;
  const fuzz::File file({reinterpret_cast<const char*>(data) + 1, size - 1});
  std::optional<std::vector<unsigned char>> whole;
  try {
    whole = read_file_or_gzip(file.path(), most);
    fuzz::require(whole->size() <= most, "no more than was allowed");
  } catch (const sinter::Error&) {
  }
  std::vector<unsigned char> chunks;
  try {
    UnpackedFile unpacked(file.path());
    std::vector<unsigned char> chunk(std::size_t(data[0]) * 16 + 1);
    for (std::size_t have = chunk.size(); have == chunk.size() && chunks.size() <= most;) {
      have = unpacked.read(chunk.data(), chunk.size());
      chunks.insert(chunks.end(), chunk.begin(), chunk.begin() + std::ptrdiff_t(have));
    }
    fuzz::require(whole ? chunks == *whole : chunks.size() > most, "chunks change nothing");
  } catch (const sinter::Error&) {
    fuzz::require(!whole, "what is read at once is read in chunks");
  }
  return 0;
}
