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

/// Fills `options`; false, with an exit status, if the program should end here (help, or an invalid command line).
bool parse(int argc, char** argv, const char* purpose, Options& options, int& status);
