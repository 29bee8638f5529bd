// The command line of the digits example.
#pragma once
#include <cstdint>
#include <string>

struct Options {
  int epochs = 30;
  float lr = 2e-3f;
  std::uint64_t seed = 1;
  std::string data, out = "digits.safetensors";
  int threads = 1;
};

/// Fills `options`; false, with an exit status, when the program should end here (help, or a line that makes no sense).
bool parse(int argc, char** argv, Options& options, int& status);
