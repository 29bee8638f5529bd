// A growable array for constant evaluation.
//
// Every pass of the compiler runs inside g++, clang and nvcc, where a function call costs about a microsecond. There
// std::vector::push_back takes 48 us an element (g++ 12) and this 10; clang 16 moreover rejects
// libstdc++'s std::vector(n). Loops over many elements go through `data()`.
#pragma once
#include <utility>

#include "../tensor/language.hpp"

#ifdef SINTER_WATCHDOG
#include <cstdint>
#include <limits>
#include <type_traits>

#include "../tensor/error.hpp"
#endif

namespace sinter::inline SINTER_ABI::graph {

// Tests count the accesses of passes that run at run time, and end one that does far more than its graph has nodes.
#ifdef SINTER_WATCHDOG
struct Watchdog {
  static inline std::int64_t steps = 0, most = std::numeric_limits<std::int64_t>::max();
  static constexpr void count() {
    if (!std::is_constant_evaluated() && ++steps > most) bark();
  }
  [[noreturn]] static void bark() {
    throw_error(ErrorCode::internal, "watchdog",
                "expected at most " + std::to_string(most) + " steps of a pass, found more");
  }
};
#define SINTER_COUNT_STEP Watchdog::count();
#else
#define SINTER_COUNT_STEP
#endif

template <class T> class List {
 public:
  constexpr List() = default;
  constexpr List(int n, T value) { resize(n, value); }
  constexpr List(const List& other)
      : data_(other.size_ > 0 ? new T[unsigned(other.size_)] : nullptr), size_(other.size_), capacity_(other.size_) {
    T* const to = data_;
    const T* const from = other.data_;
    const int count = size_;
    for (int i = 0; i < count; ++i) to[i] = from[i];
  }
  constexpr List(List&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  constexpr List& operator=(const List& other) {
    List copy(other);
    return *this = static_cast<List&&>(copy);
  }
  // a parameter by value would not be destroyed in nvcc's constant evaluation
  constexpr List& operator=(List&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  constexpr ~List() { delete[] data_; }

  constexpr void push(const T& value) {
    SINTER_COUNT_STEP
    if (size_ == capacity_) {
      const T kept = value;  // `value` may be one of our own elements
      reserve(capacity_ > 0 ? 2 * capacity_ : 16);
      data_[size_++] = kept;
    } else {
      data_[size_++] = value;
    }
  }
  constexpr void resize(int n, T value) {
    make_room(n);
    T* const to = data_;
    for (int i = size_; i < n; ++i) to[i] = value;
    size_ = n;
  }
  /// n more elements, left as they are: the caller writes them all, through the pointer returned.
  constexpr T* extend(int n) {
    make_room(size_ + n);
    size_ += n;
    return data_ + (size_ - n);
  }
  constexpr void pop() { --size_; }
  constexpr void clear() { size_ = 0; }
  /// Removes the element at i, keeping the order of the rest.
  constexpr void erase(int i) {
    for (int j = i + 1; j < size_; ++j) data_[j - 1] = data_[j];
    --size_;
  }
  /// Puts a value before the element at i.
  constexpr void insert(int i, const T& value) {
    push(value);
    for (int j = size_ - 1; j > i; --j) data_[j] = data_[j - 1];
    data_[i] = value;
  }

  constexpr int size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* data() { return data_; }
  constexpr const T* data() const { return data_; }
  constexpr T& operator[](int i) {
    SINTER_COUNT_STEP
    return data_[i];
  }
  constexpr const T& operator[](int i) const {
    SINTER_COUNT_STEP
    return data_[i];
  }
  constexpr T& back() { return data_[size_ - 1]; }
  constexpr const T& back() const { return data_[size_ - 1]; }
  constexpr T* begin() { return data_; }
  constexpr T* end() { return data_ + size_; }
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }

 private:
  /// Capacity always grows by doubling: passes add a node at a time to lists of all nodes.
  constexpr void make_room(int n) {
    if (n > capacity_) reserve(n > 2 * capacity_ ? n : 2 * capacity_);
  }
  constexpr void reserve(int n) {
    T* const bigger = new T[unsigned(n)];
    const T* const from = data_;
    const int count = size_;
    for (int i = 0; i < count; ++i) bigger[i] = from[i];
    delete[] data_;
    data_ = bigger;
    capacity_ = n;
  }

  T* data_ = nullptr;
  int size_ = 0, capacity_ = 0;
};

#undef SINTER_COUNT_STEP

}  // namespace sinter::graph
