#include "options.hpp"

#include <CLI/CLI.hpp>

bool parse(int argc, char** argv, Options& options, int& status) {
  CLI::App app{
      "Times sinter on the scoreboard's workloads, one JSON line each. Every time is the minimum over rounds of a "
      "step's mean wall time."};
  app.add_option("--threads", options.threads, "OpenMP threads")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--only", options.only, "just the workloads whose name contains this");
  app.add_option("--check", options.check,
                 "instead of timing, compute on the weights and inputs in this file (made by peer_values.py) and print "
                 "both results")
      ->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& e) {
    status = app.exit(e);
    return false;
  }
}
