// Python's pickles, as PyTorch writes them: numbers, texts, lists, dictionaries and tensors, and nothing that runs.
//
// A pickle is a program for a machine with a stack. This one knows the instructions that make values, and instead of
// calling what a pickle names it knows the few functions that make tensors of a storage; another name is an error.
// Source: Python's pickletools; torch/_weights_only_unpickler.py lists what PyTorch itself accepts.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../data/file.hpp"

namespace sinter::inline SINTER_ABI::io {

/// A value of a pickle. Texts, lists, dictionaries, storages and tensors are by number.
struct PickleValue {
  enum class Kind : unsigned char { none, integer, real, text, list, dictionary, name, storage, tensor, mark };
  Kind kind = Kind::none;
  std::int64_t number = 0;  ///< of an integer or bool; else which one
};
/// The elements of tensors: a member of the archive.
struct PickleStorage {
  std::string type, key;  ///< "FloatStorage", "0"
  std::uint64_t elements = 0;
};
/// A tensor that a pickle has made: a part of a storage.
struct PickleTensor {
  std::size_t storage = 0;
  std::string dtype;  ///< "float8_e4m3fn", of a storage without a type of its own; else empty
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> size, stride;  ///< in elements
};
/// What a pickle has made.
struct Pickle {
  PickleValue top;
  std::vector<std::string> texts;  ///< names too: "torch FloatStorage"
  std::vector<std::vector<PickleValue>> lists;
  std::vector<std::vector<std::pair<PickleValue, PickleValue>>> dictionaries;
  std::vector<PickleStorage> storages;
  std::vector<PickleTensor> tensors;
};

namespace pickle_detail {

class Machine {
 public:
  Machine(std::string_view program, const std::string& where) : program_(program), where_(where) {}

  SINTER_COLD Pickle run() {
    for (;;) {
      const auto op = static_cast<unsigned char>(take(1)[0]);
      if (op == '.') break;
      step(op);
    }
    p_.top = pop();
    return std::move(p_);
  }

 private:
  using Kind = PickleValue::Kind;

  [[noreturn]] void wrong(const std::string& expected, const std::string& found) const {
    data::damaged(where_ + ", byte " + std::to_string(at_), expected, found);
  }
  std::string_view take(std::uint64_t n) {
    if (n > program_.size() - at_) wrong(std::to_string(n) + " more bytes", std::to_string(program_.size() - at_));
    at_ += std::size_t(n);
    return program_.substr(at_ - std::size_t(n), std::size_t(n));
  }
  std::uint64_t number(int bytes) {
    std::uint64_t r = 0;
    int shift = 0;
    for (const char c : take(std::uint64_t(bytes))) {
      r |= std::uint64_t(static_cast<unsigned char>(c)) << shift;
      shift += 8;
    }
    return r;
  }
  std::string_view line() {
    const std::size_t end = program_.find('\n', at_);
    if (end == program_.npos) wrong("a line", "the end");
    const std::string_view text = take(end - at_);
    ++at_;
    return text;
  }

  void push(Kind kind, std::int64_t n = 0) { stack_.push_back({kind, n}); }
  template <class T> void push_new(Kind kind, std::vector<T>& all, T one) {
    all.push_back(std::move(one));
    push(kind, std::int64_t(all.size() - 1));
  }
  PickleValue& top() {
    if (stack_.empty()) wrong("a value on the stack", "none");
    return stack_.back();
  }
  PickleValue pop() {
    const PickleValue v = top();
    stack_.pop_back();
    return v;
  }
  PickleValue pop(Kind kind, const char* what) {
    const PickleValue v = pop();
    if (v.kind != kind) wrong(what, "another value");
    return v;
  }
  /// The values after the last mark, which they leave with it.
  std::vector<PickleValue> after_mark() {
    std::size_t begin = stack_.size();
    while (begin > 0 && stack_[begin - 1].kind != Kind::mark) --begin;
    if (begin == 0) wrong("a mark on the stack", "none");
    std::vector<PickleValue> all(stack_.begin() + std::ptrdiff_t(begin), stack_.end());
    stack_.resize(begin - 1);
    return all;
  }
  void keep(std::uint64_t place) { memo_[place] = top(); }
  void fetch(std::uint64_t place) {
    const auto at = memo_.find(place);
    if (at == memo_.end()) wrong("a value that was kept", "none of number " + std::to_string(place));
    stack_.push_back(at->second);
  }
  const std::string& text(const PickleValue& v) const {
    if (v.kind != Kind::text && v.kind != Kind::name) wrong("a text", "another value");
    return p_.texts[std::size_t(v.number)];
  }
  std::uint64_t count(const PickleValue& v) const {
    if (v.kind != Kind::integer || v.number < 0) wrong("a whole number from 0 on", "another value");
    return std::uint64_t(v.number);
  }
  const std::vector<PickleValue>& list(const PickleValue& v) const {
    if (v.kind != Kind::list) wrong("a tuple", "another value");
    return p_.lists[std::size_t(v.number)];
  }
  std::vector<std::uint64_t> counts(const PickleValue& v) const {
    std::vector<std::uint64_t> r;
    for (const PickleValue& each : list(v)) r.push_back(count(each));
    return r;
  }

  void tuple(std::size_t n) {
    std::vector<PickleValue> all(n);
    while (n-- > 0) all[n] = pop();
    push_new(Kind::list, p_.lists, std::move(all));
  }
  void name(std::string module, std::string_view item) {
    static constexpr std::string_view known[] = {
        "collections OrderedDict", "torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_tensor_v3", "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_parameter_with_state", "torch Size", "torch device", "torch.serialization _get_layout",
        "torch.storage UntypedStorage", "torch.torch_version TorchVersion", "builtins set", "__builtin__ set"};
    const std::string full = module + " " + std::string(item);
    bool is_known = module == "torch" && (item.ends_with("Storage") || is_dtype(item));
    for (const std::string_view k : known) is_known = is_known || k == full;
    if (!is_known)
      throw_error(ErrorCode::unsupported, where_,
                  "expected tensors, numbers, texts and lists of them, found " +
                      data::quoted(module + "." + std::string(item), 100) + ", which would have to be executed",
                  "torch.save(model.state_dict(), path)");
    push_new(Kind::name, p_.texts, full);
  }
  static bool is_dtype(std::string_view item) {
    for (const std::string_view begin : {"float", "bfloat", "int", "uint", "bool", "complex", "half", "double", "long",
                                         "short", "qint", "quint", "strided"})
      if (item.starts_with(begin) && item.size() <= 20) return true;
    return false;
  }

  /// What the call of a known name makes of its arguments.
  void call() {
    const PickleValue arguments = pop(), called = pop(Kind::name, "a function");
    const std::string f = text(called);  // copies: values are added below
    const std::vector<PickleValue> a = list(arguments);
    const auto needs = [&](std::size_t n) {
      if (a.size() < n) wrong(std::to_string(n) + " arguments of " + f, std::to_string(a.size()));
    };
    if (f == "collections OrderedDict") {
      push_new(Kind::dictionary, p_.dictionaries, {});
    } else if (f == "torch._utils _rebuild_parameter" || f == "torch._utils _rebuild_parameter_with_state") {
      needs(1);
      stack_.push_back(a[0]);
    } else if (f.starts_with("torch._utils _rebuild_tensor")) {
      needs(f.ends_with("v3") ? 7 : 4);
      if (a[0].kind != Kind::storage) wrong("a storage", "another value");
      PickleTensor t{std::size_t(a[0].number), {}, count(a[1]), counts(a[2]), counts(a[3])};
      if (f.ends_with("v3")) t.dtype = text(a[6]).substr(text(a[6]).find(' ') + 1);
      if (t.size.size() != t.stride.size() || t.size.size() > 64)
        wrong("as many strides as extents, at most 64", std::to_string(t.stride.size()) + " and " +
                                                            std::to_string(t.size.size()));
      push_new(Kind::tensor, p_.tensors, std::move(t));
    } else if (f == "torch Size" && a.size() == 1 && a[0].kind == Kind::list) {
      stack_.push_back(a[0]);
    } else {
      push(Kind::none);
    }
  }
  /// ('storage', type, key, place, elements)
  void persistent() {
    const std::vector<PickleValue> a = list(pop());
    if (a.size() < 5 || text(a[0]) != "storage") wrong("a storage", "another reference");
    const std::string& type = text(a[1]);
    push_new(Kind::storage, p_.storages, PickleStorage{type.substr(type.find(' ') + 1), text(a[2]), count(a[4])});
  }
  void set_items(const std::vector<PickleValue>& items) {
    if (items.size() % 2 != 0) wrong("keys with values", "a key alone");
    const PickleValue to = top();
    if (to.kind != Kind::dictionary) wrong("a dictionary", "another value");
    for (std::size_t i = 0; i < items.size(); i += 2)
      p_.dictionaries[std::size_t(to.number)].emplace_back(items[i], items[i + 1]);
  }
  void append(const std::vector<PickleValue>& items) {
    const PickleValue to = top();
    if (to.kind != Kind::list) wrong("a list", "another value");
    auto& all = p_.lists[std::size_t(to.number)];
    all.insert(all.end(), items.begin(), items.end());
  }
  void integer(int bytes) {
    const std::uint64_t bits = number(bytes);
    const int rest = 64 - 8 * bytes;  // the sign of the highest byte
    push(Kind::integer, bytes == 0 ? 0 : std::int64_t(bits << rest) >> rest);
  }

  void step(unsigned char op) {
    switch (op) {
      case 0x80: take(1); break;                        // PROTO
      case 0x95: take(8); break;                        // FRAME
      case '}': push_new(Kind::dictionary, p_.dictionaries, {}); break;
      case ']': case ')': case 0x8f: push_new(Kind::list, p_.lists, {}); break;
      case '(': push(Kind::mark); break;
      case 'q': keep(number(1)); break;
      case 'r': keep(number(4)); break;
      case 0x94: keep(memo_.size()); break;             // MEMOIZE
      case 'h': fetch(number(1)); break;
      case 'j': fetch(number(4)); break;
      case 'c': {                                       // GLOBAL
        std::string module(line());
        name(std::move(module), line());
        break;
      }
      case 0x93: {                                      // STACK_GLOBAL
        const std::string item = text(pop());
        name(text(pop()), item);
        break;
      }
      case 'X': case 'T': push_new(Kind::text, p_.texts, std::string(take(number(4)))); break;
      case 0x8c: case 'U': push_new(Kind::text, p_.texts, std::string(take(number(1)))); break;
      case 0x8d: push_new(Kind::text, p_.texts, std::string(take(number(8)))); break;
      case 'B': take(number(4)), push(Kind::none); break;  // bytes
      case 'C': take(number(1)), push(Kind::none); break;
      case 'J': integer(4); break;
      case 'K': push(Kind::integer, std::int64_t(number(1))); break;
      case 'M': push(Kind::integer, std::int64_t(number(2))); break;
      case 0x8a: {                                      // LONG1
        const auto bytes = int(number(1));
        if (bytes > 8) take(std::uint64_t(bytes)), push(Kind::none);
        else integer(bytes);
        break;
      }
      case 'G': take(8), push(Kind::real); break;
      case 0x88: push(Kind::integer, 1); break;
      case 0x89: push(Kind::integer, 0); break;
      case 'N': push(Kind::none); break;
      case 't': case 'l': push_new(Kind::list, p_.lists, after_mark()); break;
      case 0x85: tuple(1); break;
      case 0x86: tuple(2); break;
      case 0x87: tuple(3); break;
      case 'd': {
        const std::vector<PickleValue> items = after_mark();
        push_new(Kind::dictionary, p_.dictionaries, {});
        set_items(items);
        break;
      }
      case 's': {
        const PickleValue value = pop(), key = pop();
        set_items({key, value});
        break;
      }
      case 'u': set_items(after_mark()); break;
      case 'a': append({pop()}); break;
      case 'e': case 0x90: append(after_mark()); break;
      case 'R': call(); break;
      case 'b': pop(), top(); break;                    // attributes of a value
      case 'Q': persistent(); break;
      case '0': pop(); break;
      default:
        at_ -= 1;
        wrong("an instruction of PyTorch's pickles", "byte " + std::to_string(op));
    }
  }

  std::string_view program_;
  const std::string& where_;
  std::size_t at_ = 0;
  Pickle p_;
  std::vector<PickleValue> stack_;
  std::unordered_map<std::uint64_t, PickleValue> memo_;
};

}  // namespace pickle_detail

/// What a pickle of PyTorch makes. Nothing is executed. Throws `Error`: (format) damaged, (unsupported) it names a
/// function that makes no tensors. Memory and time stay within a multiple of its length.
SINTER_COLD inline Pickle read_pickle(std::string_view program, const std::string& where) {
  return pickle_detail::Machine(program, where).run();
}

}  // namespace sinter::io

#include "../tensor/optimised_end.hpp"
