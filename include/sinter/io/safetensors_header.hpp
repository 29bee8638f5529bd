// The header of safetensors files: JSON, read by nlohmann-json. Link sinter::safetensors.
#pragma once
#include <locale.h>
#if __has_include(<xlocale.h>)
#include <xlocale.h>  // uselocale on Apple and BSD
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../data/file.hpp"

namespace sinter::inline SINTER_ABI::io {

/// One tensor of a file and its offsets in the data.
struct TensorEntry {
  std::string name, dtype;  ///< the dtype's name in the file, which may be unknown to this library
  std::vector<std::uint64_t> shape;
  std::size_t begin = 0, end = 0;
};

namespace safetensors_detail {

/// A file and a tensor of it, for errors.
inline std::string tensor_named(std::string_view name) { return "tensor " + data::quoted(name, 100); }
inline std::string tensor_in(const std::string& file, std::string_view name) {
  return file + ", " + tensor_named(name);
}

/// Receives a header's names and values from the parser, so that no JSON document is ever in memory. Checks that need
/// two tensors or the data are made later.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  std::vector<TensorEntry> take() { return std::move(tensors_); }

  bool null() override {
    return other([] { return "null"; });
  }
  bool boolean(bool x) override {
    return other([x] { return x ? "true" : "false"; });
  }
  bool number_integer(number_integer_t n) override {  // numbers with a sign
    return other([n] { return n == 0 ? "-0" : std::to_string(n); });
  }
  bool number_unsigned(number_unsigned_t n) override {
    if (at_ == At::extents) {
      if (tensor().shape.size() == most_axes) refuse("at most 256 axes", "more");
      tensor().shape.push_back(n);
    } else if (at_ == At::bounds) {
      if (bounds_ == 2) refuse("two numbers", "more");
      (bounds_++ == 0 ? tensor().begin : tensor().end) = n;
    } else {
      return other([n] { return std::to_string(n); });
    }
    return true;
  }
  bool number_float(number_float_t, const string_t& digits) override {
    return other([&] { return digits.substr(0, 40); });
  }
  bool string(string_t& s) override {
    if (at_ != At::dtype) return other([&] { return data::quoted(s, 40); });
    tensor().dtype = s;
    at_ = At::fields;
    return true;
  }
  bool binary(binary_t&) override {  // not JSON, but the interface requires it
    return other([] { return "bytes"; });
  }
  bool start_object(std::size_t) override {
    if (at_ == At::header)
      at_ = At::names;
    else if (at_ == At::tensor)
      at_ = At::fields;
    else
      ignored_begins("an object");
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ > 0) return true;
    if (at_ == At::names)
      tensor_begins(name);
    else
      field_begins(name);
    return true;
  }
  bool end_object() override {
    if (depth_ > 0) {
      --depth_;
      value_ended();
    } else if (at_ == At::fields) {
      for (const auto& [has, missing] :
           {std::pair{has_dtype_, "dtype"}, {has_shape_, "shape"}, {has_offsets_, "data_offsets"}})
        if (!has) refuse("a field \"" + std::string(missing) + "\"", "none");
      at_ = At::names;
    }
    return true;
  }
  bool start_array(std::size_t) override {
    if (at_ == At::shape)
      at_ = At::extents;
    else if (at_ == At::offsets)
      at_ = At::bounds;
    else
      ignored_begins("an array");
    return true;
  }
  bool end_array() override {
    if (depth_ > 0) {
      --depth_;
      value_ended();
      return true;
    }
    if (at_ == At::bounds && bounds_ < 2) refuse("two numbers", "fewer");
    at_ = At::fields;
    return true;
  }
  bool parse_error(std::size_t bytes, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 6: syntax error while parsing value - …; last
    // read: …", which may be the whole header.
    std::string_view why = error.what();
    why = why.substr(0, why.find("; last read"));
    for (const char* const begin : {"syntax error", "number overflow"})
      if (const std::size_t at = why.find(begin); at != why.npos) why.remove_prefix(at);
    data::damaged(file_ + ", header, byte " + std::to_string(bytes - 1), "JSON",
                  "a " + std::string(why.substr(0, 120)));
  }

 private:
  /// What comes next, or what the next value or name is part of.
  enum class At { header, names, tensor, fields, dtype, shape, extents, offsets, bounds, metadata, unknown };
  static constexpr std::size_t most_axes = 256;
  static constexpr int most_depth = 128;

  TensorEntry& tensor() { return tensors_.back(); }

  SINTER_COLD void tensor_begins(const std::string& name) {
    if (name == "__metadata__") {
      if (std::exchange(has_metadata_, true)) data::damaged(file_ + ", header", "one \"__metadata__\"", "two");
      at_ = At::metadata;
      return;
    }
    tensors_.push_back({name, {}, {}, 0, 0});
    has_dtype_ = has_shape_ = has_offsets_ = false;
    bounds_ = 0;
    at_ = At::tensor;
  }
  SINTER_COLD void field_begins(const std::string& name) {
    const auto once = [&](bool& has, At value) {
      if (std::exchange(has, true)) refuse("a field \"" + name + "\"", "two");
      at_ = value;
    };
    if (name == "dtype")
      once(has_dtype_, At::dtype);
    else if (name == "shape")
      once(has_shape_, At::shape);
    else if (name == "data_offsets")
      once(has_offsets_, At::offsets);
    else
      at_ = At::unknown;
  }

  /// A value that is ignored, or one of the wrong kind.
  template <class F> bool other(F&& found) {
    if (at_ != At::metadata && at_ != At::unknown) refuse(expected(), found());
    value_ended();
    return true;
  }
  SINTER_COLD void ignored_begins(const char* found) {
    if (at_ != At::metadata && at_ != At::unknown) refuse(expected(), found);
    if (depth_ == most_depth) refuse("at most 128 arrays and objects within each other", "more");
    ++depth_;
  }
  void value_ended() {
    if (depth_ == 0) at_ = at_ == At::metadata ? At::names : At::fields;
  }

  const char* expected() const {
    if (at_ == At::dtype) return "a string";
    if (at_ == At::shape || at_ == At::offsets) return "an array";
    if (at_ == At::extents || at_ == At::bounds) return "whole numbers below 2⁶⁴";
    return "an object";
  }
  const char* field() const {
    if (at_ == At::dtype) return ", dtype";
    if (at_ == At::shape || at_ == At::extents) return ", shape";
    if (at_ == At::offsets || at_ == At::bounds) return ", data_offsets";
    return "";
  }
  [[noreturn]] SINTER_COLD void refuse(const std::string& wanted, const std::string& found) const {
    const bool in_tensor = at_ != At::header && at_ != At::metadata;
    data::damaged((in_tensor ? tensor_in(file_, tensors_.back().name) : file_ + ", header") + field(), wanted, found);
  }

  const std::string& file_;
  std::vector<TensorEntry> tensors_;
  At at_ = At::header;
  bool has_metadata_ = false, has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  int bounds_ = 0, depth_ = 0;  // numbers read of data_offsets; open arrays and objects in an ignored value
};

/// C's locale for this thread while it lives. The parser reads numbers by strtod, with the first byte of the locale's
/// decimal separator instead of the point; if there are two, as in Pashto, it aborts the program.
class LocaleOfC {
 public:
  LocaleOfC() : c_(::newlocale(LC_ALL_MASK, "C", locale_t{})), before_(::uselocale(c_)) {}
  ~LocaleOfC() {
    ::uselocale(before_);
    if (c_ != locale_t{}) ::freelocale(c_);
  }
  LocaleOfC(const LocaleOfC&) = delete;
  LocaleOfC& operator=(const LocaleOfC&) = delete;

 private:
  locale_t c_, before_;
};

/// The tensors that a header names, in its order. Throws `Error` (format) that names file, tensor and field.
SINTER_COLD inline std::vector<TensorEntry> read_header(std::string_view text, const std::string& file) {
  // The parser treats a 0 byte as the end, and skips a byte order mark.
  if (const std::size_t zero = text.find('\0'); zero != text.npos)
    data::damaged(file + ", header", "JSON", "a zero at byte " + std::to_string(zero));
  if (text.starts_with("\xef\xbb\xbf")) data::damaged(file + ", header", "JSON", "a byte order mark");
  const LocaleOfC locale;
  HeaderReader reader(file);
  nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &reader);
  return reader.take();
}

}  // namespace safetensors_detail
}  // namespace sinter::io
