// The scoreboard's workloads, written as a user would write them: float32, weights and inputs known at run time only.
#include "scoreboard.hpp"

#include <sinter/io/safetensors.hpp>

#include <cmath>

namespace scoreboard {

struct Source::File {
  io::TensorFile tensors;
};
Source::Source(Options o) : options(std::move(o)) {
  if (!options.check.empty()) file_ = std::make_unique<File>(File{io::read_safetensors(options.check)});
}
Source::~Source() = default;

bool Source::has(const std::string& name) const {
  for (const io::TensorEntry& e : file_->tensors.tensors)
    if (e.name == name) return true;
  return false;
}
void Source::read(const std::string& name, void* to, std::size_t bytes) const {
  for (const io::TensorEntry& e : file_->tensors.tensors) {
    if (e.name != name) continue;
    if (e.end - e.begin != bytes)
      throw Error(ErrorCode::mismatch, options.check + ", tensor \"" + name + "\"",
                  "expected " + std::to_string(bytes) + " bytes, found " + std::to_string(e.end - e.begin));
    std::memcpy(to, file_->tensors.bytes.data() + file_->tensors.data + e.begin, bytes);
    return;
  }
  throw Error(ErrorCode::mismatch, options.check, "expected a tensor \"" + name + "\", found none",
              "write the file with peer_values.py");
}

void report_time(const Source& source, const std::string& row, double microseconds) {
  std::printf("{\"workload\": \"%s\", \"peer\": \"sinter\", \"threads\": %d, \"us\": %.5f}\n", row.c_str(),
              source.options.threads, microseconds);
  std::fflush(stdout);
}
void report_difference(const std::string& row, const float* found, const float* expected, std::ptrdiff_t n) {
  double difference = 0, largest = 0, sum = 0, peers_sum = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const double d = std::abs(double(found[i]) - double(expected[i]));
    difference = d <= difference ? difference : d;  // a NaN stays
    largest = std::max(largest, std::abs(double(expected[i])));
    sum += double(found[i]);
    peers_sum += double(expected[i]);
  }
  std::printf(
      "{\"workload\": \"%s\", \"peer\": \"sinter\", \"sum\": %.7g, \"torch_sum\": %.7g, \"difference\": %.2g}\n",
      row.c_str(), sum, peers_sum, difference / std::max(largest, 1e-30));
  std::fflush(stdout);
}

}  // namespace scoreboard

int main(int argc, char** argv) {
  Options options;
  int status = 0;
  if (!parse(argc, argv, options, status)) return status;
  try {
    sinter::set_num_threads(options.threads);
    scoreboard::Source source(options);
    for (const auto run :
         {scoreboard::mlp_train, scoreboard::lenet_train, scoreboard::resnet18_cifar_train, scoreboard::resnet18_infer,
          scoreboard::mobilenet_v2_infer, scoreboard::minilm_infer, scoreboard::elementwise, scoreboard::products,
          scoreboard::attention_train, scoreboard::small_nets})
      run(source);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
