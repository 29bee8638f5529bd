// NumPy's files of one array, .npy.
//
//   const auto x = io::read_npy<float, 3, 4>("x.npy");   // numpy.save("x.npy", x)
//   io::write_npy("y.npy", y);                           // numpy.load("y.npy")
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "array.hpp"
#include "atomic_file.hpp"

namespace sinter::inline SINTER_ABI::io {

namespace npy_detail {

/// What the header says: a dictionary of Python with three entries.
struct Header {
  std::string descr;  ///< '<f4'
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
  std::size_t data = 0;  ///< offset of the elements
};

/// The names of NumPy's types, without their byte order, and safetensors' names of the same.
struct TypeName {
  std::string_view numpy, stored;
};
inline constexpr TypeName type_names[] = {{"f4", "F32"}, {"f8", "F64"}, {"f2", "F16"}, {"i1", "I8"},
                                          {"i2", "I16"}, {"i4", "I32"}, {"i8", "I64"}, {"u1", "U8"},
                                          {"u2", "U16"}, {"u4", "U32"}, {"u8", "U64"}, {"b1", "BOOL"}};
inline const TypeName* named(std::string_view numpy) {
  for (const TypeName& t : type_names)
    if (t.numpy == numpy) return &t;
  return nullptr;
}
inline const TypeName* stored_as(std::string_view stored) {
  for (const TypeName& t : type_names)
    if (t.stored == stored) return &t;
  return nullptr;
}

/// Reads Python's literals of the header one after another.
class HeaderText {
 public:
  HeaderText(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  SINTER_COLD Header read() {
    Header h;
    bool has[3]{};
    expect('{');
    while (!take('}')) {
      const std::string key = string();
      expect(':');
      const auto once = [&](bool& seen) {
        if (std::exchange(seen, true)) data::damaged(where_, "one entry '" + key + "'", "two");
      };
      if (key == "descr") once(has[0]), h.descr = string();
      else if (key == "fortran_order") once(has[1]), h.fortran_order = boolean();
      else if (key == "shape") once(has[2]), h.shape = numbers();
      else data::damaged(where_, "the entries 'descr', 'fortran_order' and 'shape'", data::quoted(key, 40));
      if (!take(',') && !peek('}')) data::damaged(where_, "a comma or the end of the dictionary", rest());
    }
    for (int i = 0; i < 3; ++i)
      if (!has[i]) data::damaged(where_, "the entries 'descr', 'fortran_order' and 'shape'", "one of them missing");
    return h;
  }

 private:
  void skip() {
    while (!text_.empty() && std::string_view(" \t\n").find(text_.front()) != std::string_view::npos)
      text_.remove_prefix(1);
  }
  bool peek(char c) {
    skip();
    return !text_.empty() && text_.front() == c;
  }
  bool take(char c) {
    if (!peek(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string rest() { return text_.empty() ? "the end" : data::quoted(text_.substr(0, 20), 40); }
  void expect(char c) {
    if (!take(c)) data::damaged(where_, std::string("'") + c + "'", rest());
  }
  std::string string() {
    skip();
    const char quote = text_.empty() ? '\0' : text_.front();
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, 1) : text_.npos;
    if (end == text_.npos) data::damaged(where_, "a string", rest());  // a list, of an array of records, for one
    const std::string s(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return s;
  }
  bool boolean() {
    skip();
    for (const bool b : {false, true}) {
      const std::string_view word = b ? "True" : "False";
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return b;
    }
    data::damaged(where_, "True or False", rest());
  }
  std::vector<std::uint64_t> numbers() {
    std::vector<std::uint64_t> all;
    expect('(');
    while (!take(')')) {
      skip();
      std::uint64_t n = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), n);
      if (error != std::errc()) data::damaged(where_, "a whole number below 2⁶⁴", rest());
      text_.remove_prefix(std::size_t(end - text_.data()));
      take('L');  // of Python 2
      all.push_back(n);
      if (all.size() > 32) data::damaged(where_, "at most 32 axes", "more");
      if (!take(',') && !peek(')')) data::damaged(where_, "a comma or the end of the shape", rest());
    }
    return all;
  }

  std::string_view text_;
  std::string where_;
};

SINTER_COLD inline Header read_header(std::string_view text, const std::string& path) {
  const auto byte = [&](std::size_t i) { return std::size_t(static_cast<unsigned char>(text[i])); };
  if (!text.starts_with("\x93NUMPY"))
    data::damaged(path + ", first bytes", "\\x93NUMPY", data::quoted(text.substr(0, 6), 40));
  if (text.size() < 10) data::damaged(path, "at least 10 bytes", std::to_string(text.size()));
  const auto version = int(byte(6));
  if (version < 1 || version > 3) data::damaged(path + ", version", "1, 2 or 3", std::to_string(version));
  const std::size_t begin = version == 1 ? 10 : 12;
  if (text.size() < begin) data::damaged(path, "at least 12 bytes", std::to_string(text.size()));
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > text.size() - begin)
    data::damaged(path + ", header length", "at most the " + std::to_string(text.size() - begin) + " bytes that follow",
                  std::to_string(length));
  Header h = HeaderText(text.substr(begin, length), path + ", header").read();
  h.data = begin + length;
  return h;
}

/// The type of the elements; throws where they are no numbers.
SINTER_COLD inline const TypeName& type_of(const std::string& descr, const std::string& path) {
  const char order = descr.empty() ? ' ' : descr[0];
  const TypeName* const type = named(descr.empty() ? "" : descr.substr(1));
  if (type == nullptr || (order != '<' && order != '>' && order != '|' && order != '='))
    throw_error(ErrorCode::mismatch, path + ", dtype", "expected numbers or bools, found " + data::quoted(descr, 40));
  return *type;
}

/// Reverses the bytes of each element.
inline void reverse(unsigned char* elements, std::size_t n, std::size_t bytes) {
  for (std::size_t i = 0; i < n; ++i) std::reverse(elements + i * bytes, elements + (i + 1) * bytes);
}

/// A file of a tensor.
template <Operand X> SINTER_COLD std::string file_of(const X& x, const std::string& path) {
  const auto tensor = eval(x);
  using Kept = std::remove_const_t<decltype(tensor)>;
  using T = typename Kept::element;
  constexpr Shape shape = Kept::shape;
  const npy_detail::TypeName* const type = npy_detail::stored_as(safetensors_name(dtype_of<T>));
  if (type == nullptr)
    throw_error(ErrorCode::unsupported, path,
                "expected a type that NumPy has, found " + std::string(name_of(dtype_of<T>)), "write cast<float>(x)");
  std::string header = std::string("{'descr': '") + (sizeof(T) == 1 ? '|' : '<') + std::string(type->numpy) +
                       "', 'fortran_order': False, 'shape': (";
  std::vector<std::uint64_t> lengths;
  for (int i = 0; i < shape.rank; ++i) {
    lengths.push_back(std::uint64_t(tensor.length_of_axis(i)));
    header += std::to_string(lengths.back()) + (i == 0 || i + 1 < shape.rank ? "," : "");
    if (i + 1 < shape.rank) header += ' ';
  }
  header += "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');  // data aligned to 64
  header += '\n';
  std::string head("\x93NUMPY\x01\x00", 8);
  head += char(header.size() & 255);
  head += char(header.size() >> 8);
  head += header;
  for_each_place(lengths, strides_of(shape), [&](std::size_t place) {
    head.append(reinterpret_cast<const char*>(tensor.data() + place), sizeof(T));
  });
  return head;
}

}  // namespace npy_detail

/// An array as a tensor. A bounded extent takes the array's as its length. Numbers of other types are converted as
/// `load` does; arrays of the other byte order and in Fortran's order are too. Throws `Error`: (file) cannot be read,
/// (format) damaged, (mismatch) another shape, a type that is no number, or numbers that do not convert. Python:
/// numpy.load(path).
template <Element T, auto... E> SINTER_COLD Tensor<T, E...> read_npy(const std::string& path) {
  std::vector<unsigned char> bytes = data::read_file(path);
  const npy_detail::Header h =
      npy_detail::read_header({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
  const std::size_t n = elements_of<E...>(h.shape, path);
  const npy_detail::TypeName& type = npy_detail::type_of(h.descr, path);
  const std::size_t size = std::size_t(bits_of(type.stored)) / 8;
  if (bytes.size() - h.data != n * size)
    data::damaged(path + ", data", std::to_string(n * size) + " bytes", std::to_string(bytes.size() - h.data));
  if (h.descr[0] == '>') npy_detail::reverse(bytes.data() + h.data, n, size);
  return tensor_of_elements<T, E...>(h.shape, h.fortran_order, type.stored, bytes.data() + h.data, n, path);
}

/// Writes a tensor, a view or an expression; of a bounded one what its lengths say. The file is written whole or not at
/// all. Python: numpy.save(path, x).
template <Operand X> SINTER_COLD void write_npy(const std::string& path, const X& x) {
  replace_file(path, {npy_detail::file_of(x, path)});
}

}  // namespace sinter::io

#include "../tensor/optimised_end.hpp"
