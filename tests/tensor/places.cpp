// tensor/: tensors in memory of another place, here one that is only said to be elsewhere.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

using namespace sinter;

namespace places { struct Device {}; }

/// Addresses that the host must not use: those of the memory with the highest bit flipped.
template <> struct sinter::MemoryOf<places::Device> {
  static inline int blocks = 0;
  static std::byte* flipped(const std::byte* p) {
    return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(p) ^ std::uintptr_t(1) << 63);
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
concept HasElements = requires(X x) { x.data(); } || requires(X x) { x.begin(); };

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

TEST_CASE("the place of a tensor is part of the type of its views") {
  using On = TensorOn<Device, float, 4, 3>;
  using View = TensorViewOn<Device, float, 3>;
  static_assert(std::is_same_v<TensorView<float, 3>, TensorViewOn<Host, float, 3>>);
  static_assert(std::is_same_v<View::place, Device> && std::is_same_v<TensorView<float, 3>::place, Host>);
  static_assert(std::is_same_v<decltype(std::declval<On&>()(1)), View>);
  static_assert(std::is_same_v<decltype(std::declval<On&>()[1]), View>);
  static_assert(std::is_same_v<decltype(std::declval<const On&>()(range<>, range<0, 3, 2>)),
                               TensorViewOn<Device, const float, 4, 2>>);
  static_assert(std::is_same_v<decltype(std::declval<On>()(1)), TensorOn<Device, float, 3>>);  // of a temporary
  static_assert(std::is_same_v<decltype(std::declval<View>() * 2.f)::place, Device>);
  static_assert(!HasElements<View> && HasElements<TensorView<float, 3>>);
  using HostView = TensorView<float, 3>;
  static_assert(!std::is_convertible_v<View, HostView> && !std::is_convertible_v<HostView, View>);
  static_assert(!std::is_convertible_v<View, float>);
}

TEST_CASE("views of another place are copied to the host and written from there") {
  {
    Tensor<int, 4, 3> x;
    for (int i = 0; i < 12; ++i) x.data()[i] = i;
    auto there = to<Device>(x);
    const Tensor<int, 3> row = x(2);
    CHECK(equal(to<Host>(there(2)), row));
    const Tensor<int, 2, 2> corners = x(range<0, 4, 3>, range<0, 3, 2>);
    CHECK(equal(to<Host>(there(range<0, 4, 3>, range<0, 3, 2>)), corners));
    const Tensor<int, 4> column = x(range<>, 1);
    CHECK(equal(to<Host>(std::as_const(there)(range<>, -2)), column));
    CHECK(equal(to<Host>(there(range<1, 4>)[1]), row));
    CHECK(equal(to<Host>(to<Device>(there(range<>, 1))), column));
    CHECK(equal(to<Host>(to<Device>(x(range<>, 1))), column));
    CHECK(equal(to<Host>(to<Device>(x)(2)), row));
    const TensorViewOn<Device, const int, 4, 3> all = there;
    CHECK(equal(to<Host>(all), x));
    CHECK_THROWS_WITH(there(4), doctest::Contains("expected -4 … 3, found 4"));

    there(range<>, 1) = to<Device>(Tensor<int, 4>{20, 21, 22, 23});
    x(range<>, 1) = Tensor<int, 4>{20, 21, 22, 23};
    CHECK(equal(to<Host>(there), x));
    there(range<1, 4>) = there(range<0, 3>);  // they overlap
    const Tensor<int, 3, 3> first = x(range<0, 3>);
    x(range<1, 4>) = first;
    CHECK(equal(to<Host>(there), x));
    there(range<>, range<0, 2>) = there(range<>, range<1, 3>);
    const Tensor<int, 4, 2> last = x(range<>, range<1, 3>);
    x(range<>, range<0, 2>) = last;
    CHECK(equal(to<Host>(there), x));

    Tensor<float, upto<8, 'N'>, 2> bounded;
    bounded.set_length('N', 3);
    bounded(2, 1) = 7;
    const auto part = to<Host>(to<Device>(bounded)(range<>, 1));
    CHECK((part.length('N') == 3 && part(2) == 7));
    const TensorOn<Device, int, 0, 4> nothing;
    CHECK(to<Host>(nothing(range<>, 1)).size() == 0);
  }
  CHECK(MemoryOf<Device>::blocks == 0);
}
