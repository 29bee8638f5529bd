// Reads a table of numbers: read_csv FILE prints seconds, rows, columns and the sum of all values.
// benchmarks/read_csv.py compares it with pandas.
#include <sinter/data/csv.hpp>

#include <chrono>
#include <cstdio>

int main(int count, char** argument) {
  if (count != 2) return std::fprintf(stderr, "usage: read_csv FILE\n"), 2;
  try {
    const auto start = std::chrono::steady_clock::now();
    const sinter::data::Table t = sinter::data::read_csv(argument[1]);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    double sum = 0;
    for (const float x : t.values) sum += double(x);
    std::printf("%.6f %zu %zu %.9g\n", seconds, t.rows, t.columns, sum);
  } catch (const sinter::Error& e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
  }
}
