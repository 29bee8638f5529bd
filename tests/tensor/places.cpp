// tensor/: tensors in memory of another place, here one that is only said to be elsewhere.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

using namespace sinter;

namespace places { struct Device {}; }

/// Addresses that the host must not use: those of the memory with all bits flipped.
template <> struct sinter::MemoryOf<places::Device> {
  static inline int blocks = 0;
  static std::byte* flipped(const std::byte* p) {
    return reinterpret_cast<std::byte*>(~reinterpret_cast<std::uintptr_t>(p));
  }
  static std::byte* allocate(std::size_t bytes) {
    ++blocks;
    return flipped(static_cast<std::byte*>(::operator new(bytes)));
  }
  static void release(std::byte* at) noexcept {
    --blocks;
    ::operator delete(flipped(at));
  }
  static void copy(std::byte* to, const std::byte* from, std::size_t bytes, Transfer way) {
    std::memcpy(way == Transfer::out ? to : flipped(to), way == Transfer::in ? from : flipped(from), bytes);
  }
};

using places::Device;
template <class X>
concept HasElements = requires(X x) { x.data(); } || requires(X x) { x(0); };

TEST_CASE("the place is part of a tensor's type, and of that of its expressions") {
  using On = TensorOn<Device, float, 3>;
  static_assert(!std::is_same_v<On, Tensor<float, 3>> && std::is_same_v<On::place, Device>);
  static_assert(std::is_same_v<Tensor<float, 3>::place, Host> && std::is_same_v<On::symbol, Sym<float, 3>>);
  static_assert(std::is_same_v<decltype(std::declval<On>() * 2.f + std::declval<On>())::place, Device>);
  static_assert(!std::is_convertible_v<On, Tensor<float, 3>> && !std::is_convertible_v<Tensor<float, 3>, On>);
  static_assert(!HasElements<On> && HasElements<Tensor<float, 3>>);
}

TEST_CASE("tensors are copied to another place and back, with their lengths") {
  CHECK(MemoryOf<Device>::blocks == 0);
  {
    const Tensor<float, 2, 3> x{{1, 2, 3}, {4, 5, 6}};
    TensorOn<Device, float, 2, 3> there = to<Device>(x);
    CHECK(equal(to<Host>(there), x));
    TensorOn<Device, float, 2, 3> copy = there;
    there = TensorOn<Device, float, 2, 3>();
    CHECK(equal(to<Host>(copy), x));
    CHECK(equal(to<Host>(there), Tensor<float, 2, 3>()));
    there = std::move(copy);
    copy = there;
    CHECK(equal(to<Host>(copy), x));
    CHECK(equal(to<Host>(to<Device>(copy)), to<Host>(x)));

    Tensor<std::uint16_t, upto<8, 'N'>> bounded(std::vector<std::uint16_t>{7, 8, 65535});
    const auto moved = to<Device>(bounded);
    CHECK(moved.length('N') == 3);
    const auto back = to<Host>(moved);
    CHECK((back.length<'N'>() == 3 && back(2) == 65535));
    const TensorOn<Device, int, 0> nothing;
    CHECK(nothing.address() == nullptr);
  }
  CHECK(MemoryOf<Device>::blocks == 0);
}
