// The command line of the two programs that train on images.
#pragma once
#include <cstdint>
#include <string>

struct Options {
  int epochs = 10;
  float lr = 2e-3f;
  std::uint64_t seed = 1;
  std::string data, out;
  int threads = 1;
};

/// Fills `options`; false, with an exit status, when the program should end here (help, or a line that makes no sense).
bool parse(int argc, char** argv, const char* purpose, Options& options, int& status);
