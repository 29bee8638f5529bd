// io/: saving. Readers see the old file or the new one, whole, and unrelated files are unchanged.
#include <doctest/doctest.h>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include "../support/files.hpp"
#include "../support/throws.hpp"

using namespace sinter;
namespace fs = std::filesystem;
using support::TemporaryFolder;

namespace {

struct Small {
  Param<float, 2> w{nn::init::constant(3)};
};
struct Large {
  Param<float, 1 << 16> w{nn::init::constant(3)};
};

struct stat status(const std::string& path) {
  struct stat s {};
  REQUIRE(::lstat(path.c_str(), &s) == 0);
  return s;
}
mode_t mode(const std::string& path) { return status(path).st_mode & 07777; }
std::size_t entries(const std::string& folder) {
  return std::size_t(std::distance(fs::directory_iterator(folder), {}));
}
std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
/// Gives the process the rights of user nobody within its scope, if it is root.
struct Nobody {
  const bool is;
  explicit Nobody(bool wanted) : is(wanted && ::seteuid(65534) == 0) { REQUIRE(is == wanted); }
  ~Nobody() {
    if (is) CHECK(::seteuid(0) == 0);
  }
};
std::string error_of_saving(const std::string& path) {
  const Error e = support::thrown([&] { save(Model<Small>(), path); });
  CHECK(e.code() == ErrorCode::file);
  return e.what();
}

}  // namespace

TEST_CASE("replacing a file keeps its mode and owner") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  folder.write("net.safetensors", "old");
  for (const mode_t m : {0640, 0600, 0644, 0604}) {
    CAPTURE(m);
    ::chmod(path.c_str(), m);
    save(Model<Small>(), path);
    CHECK(mode(path) == m);
    CHECK(load<Small>(path)->w(0) == 3);
  }
  if (::getuid() != 0) return;  // only root may change a file's owner
  REQUIRE(::chown(path.c_str(), 12345, 23456) == 0);
  save(Model<Small>(), path);
  CHECK(status(path).st_uid == 12345);
  CHECK(status(path).st_gid == 23456);
}

TEST_CASE("a file that the process may not write stays, as Python's open(path, \"w\") leaves it; root may write all") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors", link = folder.path() + "/link";
  folder.write("net.safetensors", "old");
  REQUIRE(::chmod(path.c_str(), 0444) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  fs::create_symlink("net.safetensors", link);
  const bool is_root = ::geteuid() == 0;
  {
    const Nobody nobody(is_root);
    for (const std::string& name : {path, link})
      CHECK(error_of_saving(name).find(name + ": cannot be written: " + std::strerror(EACCES)) == 0);
  }
  CHECK(content(path) == "old");
  CHECK(entries(folder.path()) == 2);
  if (!is_root) return;
  save(Model<Small>(), path);
  CHECK(mode(path) == 0444);
  CHECK(load<Small>(path)->w(0) == 3);
}

TEST_CASE("a new file has the mode that the umask leaves, and until then nobody else reads it") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  for (const auto& [mask, expected] : {std::pair{027, 0640}, {0, 0666}, {077, 0600}}) {
    const mode_t before = ::umask(mode_t(mask));
    const io::atomic_file::Target target = io::atomic_file::find_target(path);
    {
      io::atomic_file::Temporary file(target);
      file.write("whole");
      CHECK(mode(folder.path() + "/" + file.name()) == 0600);
      file.replace_target();
    }
    ::umask(before);
    CHECK(mode(path) == mode_t(expected));
    CHECK(content(path) == "whole");
    folder.remove("net.safetensors");
  }
  CHECK(entries(folder.path()) == 0);
}

TEST_CASE("saving to a link keeps the link and replaces what it names") {
  const TemporaryFolder folder;
  const std::string& at = folder.path();
  fs::create_directory(at + "/store");
  fs::create_directory(at + "/links");
  fs::create_symlink("../store/net", at + "/links/relative");
  fs::create_symlink(at + "/links/relative", at + "/absolute");                   // a link to a link
  for (const char* link : {"/links/relative", "/absolute", "/links/relative"}) {  // the first time there is no file yet
    CAPTURE(link);
    save(Model<Small>(), at + link);
    CHECK(fs::is_symlink(at + link));
    CHECK(fs::is_regular_file(fs::symlink_status(at + "/store/net")));
    CHECK(load<Small>(at + link)->w(1) == 3);
  }
  CHECK(entries(at + "/store") == 1);
  CHECK(entries(at + "/links") == 1);
  fs::create_symlink("round", at + "/round");
  CHECK(error_of_saving(at + "/round").find(at + "/round: cannot be written: ") == 0);
}

TEST_CASE("folders, pipes and devices are refused, by saving and by loading, and nobody waits") {
  const TemporaryFolder folder;
  const std::string pipe = folder.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const auto error_of_loading = [](const std::string& path) {
    return std::string(support::thrown([&] { load<Small>(path); }).what());
  };
  for (const auto& [path, kind] :
       {std::pair<std::string, std::string>{pipe, "a pipe"}, {folder.path(), "a folder"}, {"/dev/null", "a device"}}) {
    CHECK(error_of_saving(path) == path + ": expected a regular file or none, found " + kind + "; name a file");
    CHECK(error_of_loading(path) == path + ": expected a regular file, found " + kind + "; name a file");
  }
  CHECK(error_of_saving(folder.path() + "/new/").find(": cannot be written: ") != std::string::npos);
  CHECK(error_of_saving("").find(": cannot be written: ") == 0);
  CHECK(
      error_of_saving("/no/such/folder/net.safetensors").find("/no/such/folder/net.safetensors: cannot be written: ") ==
      0);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("names as long as the file system takes them") {
  const TemporaryFolder folder;
  for (const std::string& name :
       {std::string(255, 'x'), std::string(224, 'y'), std::string(223, 'y'), std::string("ab") + [] {
          std::string s;
          for (int i = 0; i < 84; ++i) s += "∑";  // three bytes
          return s;
        }()}) {
    CAPTURE(name.size());
    folder.write(name, "old");
    save(Model<Small>(), folder.path() + "/" + name);
    CHECK(load<Small>(folder.path() + "/" + name)->w(0) == 3);
    const io::atomic_file::Target target = io::atomic_file::find_target(folder.path() + "/" + name);
    const io::atomic_file::Temporary file(target);
    CHECK(file.name().size() <= 255);
    CHECK(tensor_detail::printable(file.name()) == file.name());  // characters are whole
    CHECK(io::atomic_file::is_temporary(file.name(), io::atomic_file::prefix_of(target)));
  }
  CHECK(entries(folder.path()) == 4);
  CHECK(error_of_saving(folder.path() + "/" + std::string(256, 'x')).find(": cannot be written: ") !=
        std::string::npos);
}

TEST_CASE("what a killed saver left is removed by the next one, and nothing else") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  const io::atomic_file::Target target = io::atomic_file::find_target(path);
  for (const char* left : {"net.safetensors.4194305-0.part", "net.safetensors.1-17.part"})
    folder.write(left, "half of it");
  for (const char* other : {"net.safetensors.final.part", "net.safetensors.1-.part", "net.safetensors.1-0.part.gz",
                            "net.safetensors.1-0", "other.1-0.part", "anet.safetensors.1-0.part"})
    folder.write(other, "somebody's");
  fs::create_directory(folder.path() + "/net.safetensors.2-0.part");
  const std::string living = [&] {
    io::atomic_file::Temporary other_saver(target);
    other_saver.write("half of");
    save(Model<Small>(), path);
    CHECK(fs::exists(folder.path() + "/" + other_saver.name()));
    return other_saver.name();
  }();
  CHECK_FALSE(fs::exists(folder.path() + "/" + living));
  CHECK(entries(folder.path()) == 1 + 6 + 1);  // the file, and unrelated ones
  CHECK(load<Small>(path)->w(0) == 3);
}

TEST_CASE("savers of one path at a time all succeed") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  const Model<Large> one(Seed{1});
  Model<Large> two(Seed{2});
  two->w = two->w * 2.f;
  const auto run = [&](const Model<Large>& net) {
    for (int i = 0; i < 30; ++i) {
      save(net, path);
      const Model<Large> found = load<Large>(path);
      const float first = found->w.memory()[0];
      CHECK((first == 3 || first == 6));
      CHECK(std::count(found->w.memory(), found->w.memory() + found->w.size(), first) == found->w.size());
    }
  };
  std::string failed[2];
  const auto run_and_tell = [&](const Model<Large>& net, std::string& error) {
    try {
      run(net);
    } catch (const std::exception& e) {
      error = e.what();
    }
  };
  std::thread other([&] { run_and_tell(two, failed[1]); });
  run_and_tell(one, failed[0]);
  other.join();
  CHECK(failed[0] == "");
  CHECK(failed[1] == "");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a target that others replace at every moment is found") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors", next = folder.path() + "/next";
  folder.write("net.safetensors", "old");
  std::atomic<bool> is_done = false;
  std::thread other([&] {
    while (!is_done) {
      folder.write("next", "new");
      ::rename(next.c_str(), path.c_str());
    }
  });
  std::string failed;
  try {
    for (int i = 0; i < 20000; ++i) io::atomic_file::find_target(path);
  } catch (const Error& e) {
    failed = e.what();
  }
  is_done = true;
  other.join();
  CHECK(failed == "");
}

TEST_CASE("where the disk takes no more, all is as it was") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  folder.write("net.safetensors", "old");
  ::chmod(path.c_str(), 0640);
  struct rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 100'000, before.rlim_max };
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Error e = support::thrown([&] { save(Model<Large>(), path); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(std::string(e.what()).find(path + ": cannot be written: ") == 0);
  CHECK(content(path) == "old");
  CHECK(mode(path) == 0640);
  CHECK(entries(folder.path()) == 1);
}
