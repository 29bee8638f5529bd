// A host program that has set a locale whose decimal separator is a comma.
#pragma once
#include <doctest/doctest.h>

#include <clocale>
#include <cstdlib>
#include <string>

#include "files.hpp"
#include "real_data.hpp"

namespace support {

/// Sets such a locale while it lives: one that is installed, or one that localedef makes. Counts a skip where there is
/// neither.
class CommaLocale {
 public:
  CommaLocale() {
    for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8", "nl_NL.UTF-8", "pt_BR.UTF-8"})
      if (set(name)) return;
    const std::string made = folder_.path() + "/de_DE.UTF-8";
    if (std::system(("localedef -i de_DE -f UTF-8 '" + made + "' >/dev/null 2>&1").c_str()) == 0) {
      ::setenv("LOCPATH", folder_.path().c_str(), 1);
      const bool is_set = set("de_DE.UTF-8");
      ::unsetenv("LOCPATH");
      if (is_set) return;
    }
    ++skips.count;
    MESSAGE("skipped: there is no locale with a decimal comma, and no localedef to make one");
  }
  ~CommaLocale() { std::setlocale(LC_ALL, before_.c_str()); }
  CommaLocale(const CommaLocale&) = delete;
  CommaLocale& operator=(const CommaLocale&) = delete;

  explicit operator bool() const { return is_set_; }

 private:
  bool set(const char* name) {
    return is_set_ = std::setlocale(LC_ALL, name) != nullptr && *std::localeconv()->decimal_point == ',';
  }

  std::string before_ = std::setlocale(LC_ALL, nullptr);
  TemporaryFolder folder_;
  bool is_set_ = false;
};

}  // namespace support
