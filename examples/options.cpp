#include "options.hpp"

#include <CLI/CLI.hpp>

bool parse(int argc, char** argv, const char* purpose, Options& options, int& status) {
  CLI::App app{purpose};
  app.add_option("--epochs", options.epochs, "passes over the training samples")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--lr", options.lr, "learning rate at the beginning")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of split, initial parameters, order of samples and dropout")
      ->capture_default_str();
  app.add_option("--data", options.data, "where the samples are")->capture_default_str();
  app.add_option("--out", options.out, "where the trained parameters go (safetensors)")->capture_default_str();
  app.add_option("--threads", options.threads, "OpenMP threads; the result is the same for any number")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& e) {
    status = app.exit(e);
    return false;
  }
}
