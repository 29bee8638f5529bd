// MNIST, and Fashion-MNIST, which has its format. Needs zlib: link sinter::gzip.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <filesystem>

#include "gzip.hpp"
#include "idx.hpp"
#include "samples.hpp"

namespace sinter::inline SINTER_ABI::data {

/// The training or the test set.
enum class Part { train, test };

namespace mnist_detail {

/// The path of a file with or without ".gz".
inline std::string find(const std::string& folder, const std::string& name, const std::string& source) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    throw_error(ErrorCode::file, folder, "there is no such folder", source);
  const std::string path = folder + "/" + name;
  for (const char* ending : {"", ".gz"})
    if (std::filesystem::exists(path + ending, ignored)) return path + ending;
  throw_error(ErrorCode::file, path, "the folder has neither " + name + " nor " + name + ".gz", source);
}

/// An IDX file of samples with these extents; far more samples than MNIST has are refused.
inline ByteArray read(const std::string& path, std::initializer_list<std::size_t> sample) {
  constexpr std::size_t most_samples = 200'000;
  std::size_t sample_bytes = 1;
  std::string expected = "n", found;
  for (const std::size_t e : sample) {
    sample_bytes *= e;
    expected += " x " + std::to_string(e);
  }
  UnpackedFile file(path);
  ByteArray a = read_idx_from(file, most_samples * sample_bytes);
  if (!a.extents.empty() && std::equal(a.extents.begin() + 1, a.extents.end(), sample.begin(), sample.end())) return a;
  for (const std::size_t e : a.extents) found += (found.empty() ? "" : " x ") + std::to_string(e);
  throw_error(ErrorCode::mismatch, path + ", extents",
              "expected " + expected + ", found " + (found.empty() ? "none" : found),
              "this is a file of another data set");
}

inline Images<1, 28, 28> load(const std::string& folder, Part part, const std::string& source) {
  const std::string prefix = part == Part::train ? "train" : "t10k";
  const std::string image_path = find(folder, prefix + "-images-idx3-ubyte", source),
                    label_path = find(folder, prefix + "-labels-idx1-ubyte", source);
  ByteArray images = read(image_path, {28, 28});
  const ByteArray labels = read(label_path, {});
  const std::size_t n = images.extents[0];
  if (labels.extents[0] != n)
    throw_error(ErrorCode::mismatch, label_path + ", number of labels",
                "expected " + std::to_string(n) + " as " + image_path + " has images, found " +
                    std::to_string(labels.extents[0]),
                "the two files belong to different parts or data sets");
  for (std::size_t i = 0; i < n; ++i)
    if (labels.bytes[i] > 9)
      damaged(label_path + ", label " + std::to_string(i), "0 … 9", std::to_string(labels.bytes[i]));
  return {std::move(images.bytes), std::vector<int>(labels.bytes.begin(), labels.bytes.end())};
}

}  // namespace mnist_detail

/// 60,000 handwritten digits for training or 10,000 for testing, 28×28 pixels of 0 … 1 (LeCun, Cortes and Burges),
/// from a folder with the files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
/// t10k-labels-idx1-ubyte, as they are or with ".gz". Throws `Error` that names file and field when one is missing,
/// damaged, or does not match the other. PyTorch: torchvision.datasets.MNIST(…, transform=ToTensor()).
inline Images<1, 28, 28> mnist(const std::string& folder, Part part) {
  return mnist_detail::load(folder, part,
                            "MNIST's four files, train-images-idx3-ubyte.gz and so on, are at "
                            "https://ossci-datasets.s3.amazonaws.com/mnist/");
}

/// The same for images of clothes: T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle
/// boot (Xiao, Rasul and Vollgraf, 2017). Debian's package dataset-fashion-mnist puts the files into
/// /usr/share/datasets/fashion-mnist. PyTorch: torchvision.datasets.FashionMNIST(…, transform=ToTensor()).
inline Images<1, 28, 28> fashion_mnist(const std::string& folder, Part part) {
  return mnist_detail::load(folder, part,
                            "Fashion-MNIST's four files, train-images-idx3-ubyte.gz and so on, come with Debian's "
                            "package dataset-fashion-mnist, into /usr/share/datasets/fashion-mnist");
}

}  // namespace sinter::data

#include "../tensor/optimised_end.hpp"
