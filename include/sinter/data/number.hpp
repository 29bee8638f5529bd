// Decimal numbers as floats: the nearest float, as std::from_chars finds it, several times faster.
//
// The first 19 digits are an integer, whose product with a power of ten costs one multiplication or division of
// doubles. With the roundings of the integer, the power and the product, and the digits left out, the result is within
// 4 ULP (of the double) of the number. Rounding it to float is correct unless a boundary between two floats is that
// close; there, and for subnormal floats, std::from_chars decides.
#pragma once
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#if !defined(__cpp_lib_to_chars)
#include <locale>
#include <sstream>
#endif

#include "../ops/lanes.hpp"

namespace sinter::inline SINTER_ABI::data {
namespace number_detail {

constexpr int most_digits = 19;  // of any integer below 2⁶⁴
inline constexpr double power_of_ten[]{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23,
                                       1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35,
                                       1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47,
                                       1e48, 1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59};
inline constexpr std::uint64_t whole_power_of_ten[]{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
inline constexpr int most_power = int(sizeof power_of_ten / sizeof *power_of_ten) - 1;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Appends the digits at p to m, which may overflow; returns what follows them.
inline const char* digits(const char* p, const char* end, std::uint64_t& m) {
  if constexpr (std::endian::native == std::endian::little)
    while (end - p >= 8) {  // up to eight in one register: combined in pairs, then fours, then eights
      constexpr std::uint64_t zeros = 0x3030303030303030, high = 0xf0f0f0f0f0f0f0f0;
      std::uint64_t text = 0;
      std::memcpy(&text, p, 8);
      const std::uint64_t others = ((text & high) ^ zeros) | (((text + 0x0606060606060606) & high) ^ zeros);
      const int count = std::countr_zero(others) / 8;
      if (count == 0) return p;
      text = (text - zeros) << (64 - 8 * count);  // leading zeros
      text = text * 10 + (text >> 8);
      text = ((text & 0x000000ff000000ff) * (100 + (1000000ULL << 32)) +
              ((text >> 16) & 0x000000ff000000ff) * (1 + (10000ULL << 32))) >>
             32;
      m = m * whole_power_of_ten[count] + std::uint32_t(text);
      p += count;
      if (count < 8) return p;
    }
  for (; p < end && is_digit(*p); ++p) m = m * 10 + std::uint64_t(*p - '0');
  return p;
}

/// The slow path, for the number in [begin, end) with this decimal point; ±0 or ±∞ out of range. `magnitude`: it is
/// below ten to this power.
[[gnu::noinline, gnu::cold]] inline float nearest(const char* begin, const char* end, char point,
                                                  std::int64_t magnitude) {
  std::string with_point;
  if (point != '.') {
    with_point.assign(begin, end);
    for (char& c : with_point)
      if (c == point) c = '.';
    begin = with_point.data();
    end = begin + with_point.size();
  }
  float value = 0;
#if defined(__cpp_lib_to_chars)
  const bool is_out_of_range = std::from_chars(begin, end, value).ec == std::errc::result_out_of_range;
#else  // libc++ before 20
  std::istringstream text(std::string(begin, end));  // in the classic locale
  text.imbue(std::locale::classic());
  const bool is_out_of_range = (text >> value).fail() && (magnitude > 0 || value == 0);
#endif
  if (is_out_of_range) return magnitude > 0 ? ops::infinity<float> : 0.f;
  return value;
}

}  // namespace number_detail

/// Reads the number at `begin`: digits with an optional decimal point, sign and exponent. Returns what follows it,
/// `begin` if there is none. Numbers too large for a float become infinite, too small ones 0, as in a cast from double.
inline const char* read_number(const char* const begin, const char* const end, char point, float& value) {
  using namespace number_detail;
  const char* p = begin;
  const char sign = p < end ? *p : ' ';
  const bool negative = sign == '-';
  p += int(negative) | int(sign == '+');  // without a branch: signs are hard to predict
  const char* const unsigned_begin = p;
  std::uint64_t m = 0;
  p = digits(p, end, m);
  std::int64_t count = p - unsigned_begin, exponent = 0;
  if (p < end && *p == point) {
    const char* const fraction = ++p;
    p = digits(p, end, m);
    exponent = fraction - p;
    count -= exponent;
  }
  if (count == 0) return begin;
  const char* const digits_end = p;
  if (p < end && (*p | 0x20) == 'e') {
    const char* e = p + 1;
    const bool below = e < end && *e == '-';
    if (below || (e < end && *e == '+')) ++e;
    if (e < end && is_digit(*e)) {
      std::int64_t written = 0;
      for (; e < end && is_digit(*e); ++e)
        written = written < 1'000'000'000'000'000'000 / 10 ? written * 10 + (*e - '0') : written;
      exponent += below ? -written : written;
      p = e;
    }
  }
  if (count > most_digits) {  // for a long number the first digits that are not leading zeros
    m = 0;
    count = 0;
    for (const char* d = unsigned_begin; d < digits_end; ++d) {
      if (*d == point || (*d == '0' && count == 0)) continue;
      if (++count <= most_digits) m = m * 10 + std::uint64_t(*d - '0');
    }
    if (count > most_digits) exponent += count - most_digits;
  }
  if (m == 0) {
    value = negative ? -0.f : 0.f;
    return p;
  }
  float nearest_float = 0;
  bool decided = exponent == 0 && m <= std::uint64_t(1) << 53;  // the double is the number itself
  if (decided) {
    nearest_float = float(double(m));
  } else if (exponent >= -most_power && exponent <= most_power) {
    const double nearly = exponent < 0 ? double(m) / power_of_ten[-exponent] : double(m) * power_of_ten[exponent];
    constexpr std::uint64_t rest = (std::uint64_t(1) << 29) - 1, boundary = std::uint64_t(1) << 28,
                            error = 4;  // a float has 29 bits fewer
    const std::uint64_t from_boundary = (std::bit_cast<std::uint64_t>(nearly) & rest) - (boundary - error);
    decided = nearly >= double(std::numeric_limits<float>::min()) * 2 &&
              nearly < double(std::numeric_limits<float>::max()) && from_boundary > 2 * error;
    if (decided) nearest_float = float(nearly);
  }
  if (!decided)
    nearest_float = nearest(unsigned_begin, p, point, exponent + std::min<std::int64_t>(count, most_digits));
  value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(nearest_float) | std::uint32_t(negative) << 31);
  return p;
}

}  // namespace sinter::data
