// The command line of the scoreboard.
#pragma once
#include <string>

struct Options {
  int threads = 1;
  std::string only, check;
};

/// Fills `options`; false, with an exit status, if the program should end here.
bool parse(int argc, char** argv, Options& options, int& status);
