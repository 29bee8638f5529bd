// Kills a process that saves, at random moments: kill_saves FOLDER KILLS [SEED]. After each kill the file must be one
// of the two that the process saves in turn, whole, and at most one temporary file may be left; after a last save there
// must be none.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

using namespace sinter;

namespace {

struct Net {
  Param<float, 1 << 18> w;  // a megabyte
};

[[noreturn]] void save_for_ever(const Model<Net>& one, const Model<Net>& two, const std::string& path) {
  for (;;) {
    save(one, path);
    save(two, path);
  }
}
std::size_t entries(const std::string& folder) {
  return std::size_t(std::distance(std::filesystem::directory_iterator(folder), {}));
}
int fail(const char* what, int kill) { return std::fprintf(stderr, "kill %d: %s\n", kill, what), 1; }

}  // namespace

int main(int count, char** argument) {
  if (count < 3) return std::fprintf(stderr, "usage: kill_saves FOLDER KILLS [SEED]\n"), 2;
  const std::string folder = argument[1], path = folder + "/net.safetensors";
  const int kills = std::atoi(argument[2]);
  const Philox random(Seed{count > 3 ? std::strtoull(argument[3], nullptr, 10) : 1});
  std::filesystem::create_directories(folder);
  if (entries(folder) != 0) return std::fprintf(stderr, "%s is not empty\n", folder.c_str()), 2;
  Model<Net> one, two;
  std::fill_n(one.data(), Model<Net>::parameters, 1.f);
  std::fill_n(two.data(), Model<Net>::parameters, 2.f);
  save(one, path);
  int found[3]{}, left = 0;
  for (int k = 0; k < kills; ++k) {
    const pid_t child = ::fork();
    if (child < 0) return std::perror("fork"), 2;
    if (child == 0) save_for_ever(one, two, path);
    ::usleep(useconds_t(1 + random.bits(std::uint64_t(k)) % 20'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) return fail("the saving process ended by itself", k);
    try {
      const Model<Net> net = load<Net>(path);
      const float first = net.data()[0];
      if (first != 1 && first != 2) return fail("a number that nobody saved", k);
      if (std::count(net.data(), net.data() + net.parameters, first) != net.parameters)
        return fail("parts of two files", k);
      ++found[int(first)];
    } catch (const Error& e) {
      return fail(e.what(), k);
    }
    if (entries(folder) > 2) return fail("more than one temporary file is left", k);
    left += entries(folder) == 2;
  }
  save(one, path);
  if (entries(folder) != 1) return fail("a temporary file is left after the last save", kills);
  std::printf(
      "%d kills: the file was whole each time (%d times the one, %d the other); %d left a temporary file, which the "
      "next save removed\n",
      kills, found[1], found[2], left);
}
