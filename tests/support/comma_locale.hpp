// Host programs that have set a locale in which the decimal separator is not a point.
#pragma once
#include <doctest/doctest.h>

#include <clocale>
#include <cstdlib>
#include <initializer_list>
#include <string>

#include "files.hpp"
#include "real_data.hpp"

namespace support {

/// Sets one of these locales while it lives: one that is installed, or the first, made by localedef. Counts a skip if
/// there is neither.
class SeparatorLocale {
 public:
  SeparatorLocale(const char* separator, std::initializer_list<const char*> names) : separator_(separator) {
    for (const char* name : names)
      if (set(name + std::string(".UTF-8"))) return;
    const std::string name = *names.begin(), made = name + ".UTF-8";
    const std::string command =
        "localedef -i " + name + " -f UTF-8 '" + folder_.path() + "/" + made + "' >/dev/null 2>&1";
    if (std::system(command.c_str()) == 0) {
      ::setenv("LOCPATH", folder_.path().c_str(), 1);
      const bool is_set = set(made);
      ::unsetenv("LOCPATH");
      if (is_set) return;
    }
    ++skips.count;
    MESSAGE("skipped: there is no locale with the separator ", separator_, ", and no localedef to make one");
  }
  ~SeparatorLocale() { std::setlocale(LC_ALL, before_.c_str()); }
  SeparatorLocale(const SeparatorLocale&) = delete;
  SeparatorLocale& operator=(const SeparatorLocale&) = delete;

  explicit operator bool() const { return is_set_; }

 private:
  bool set(const std::string& name) {
    return is_set_ = std::setlocale(LC_ALL, name.c_str()) != nullptr && std::localeconv()->decimal_point == separator_;
  }

  std::string separator_, before_ = std::setlocale(LC_ALL, nullptr);
  TemporaryFolder folder_;
  bool is_set_ = false;
};

struct CommaLocale : SeparatorLocale {
  CommaLocale() : SeparatorLocale(",", {"de_DE", "fr_FR", "ru_RU", "nl_NL", "pt_BR"}) {}
};
/// U+066B, two bytes in UTF-8.
struct ArabicSeparatorLocale : SeparatorLocale {
  ArabicSeparatorLocale() : SeparatorLocale("\xd9\xab", {"ps_AF"}) {}
};

}  // namespace support
