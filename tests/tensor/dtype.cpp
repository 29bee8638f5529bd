// tensor/: the table of element types, and how two of them combine. Expected values are in reference/promotion.txt,
// written by PyTorch and NumPy.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <fstream>
#include <limits>
#include <map>

using namespace sinter;

namespace {

std::map<std::string, Dtype> dtypes() {
  std::map<std::string, Dtype> all;
  for (int d = 0; d < number_of_dtypes; ++d) all.emplace(name_of(Dtype(d)), Dtype(d));
  return all;
}

}  // namespace

TEST_CASE("a dtype and its C++ type name each other, and facts of one are those of the other") {
  int count = 0;
  for_each_dtype([&]<Dtype D>() {
    using T = element_type<D>;
    ++count;
    CAPTURE(name_of(D));
    static_assert(dtype_of<T> == D && dtype_of<const T> == D && Element<T>);
    CHECK(with_element_type(D, []<class U>(U) { return std::is_same_v<U, T>; }));
    CHECK(bytes_of(D) == int(sizeof(T)));
    CHECK(is_floating(D) == !std::is_integral_v<T>);
    CHECK(is_half(D) == (is_floating(D) && sizeof(T) == 2));
    CHECK(is_integer(D) == (std::is_integral_v<T> && !std::is_same_v<T, bool>));
    CHECK(is_signed(D) == (is_floating(D) || std::is_signed_v<T>));
    // arithmetic: as in C++, but 16-bit floats in float32
    using Computed = element_type<computed_as(D)>;
    if constexpr (std::is_integral_v<T>) CHECK(std::is_same_v<Computed, decltype(T() + T())>);
    else CHECK(std::is_same_v<Computed, decltype(T() + float())>);
    CHECK(with_computed_type(D, []<class U>(U) { return std::is_same_v<U, Computed>; }));
  });
  CHECK(count == number_of_dtypes);
  CHECK(dtypes().size() == std::size_t(number_of_dtypes));
  static_assert(!Element<char> && !Element<long double> && !Element<std::string>);
}

TEST_CASE("element types promote as in torch.promote_types, and as in NumPy where that is not defined") {
  const std::map<std::string, Dtype> all = dtypes();
  std::ifstream file(SINTER_TESTS "/reference/promotion.txt");
  int checked = 0;
  for (std::string a, b, c, who; file >> a >> b >> c >> who;) {
    if (all.count(a) == 0 || all.count(b) == 0) continue;
    CAPTURE(a);
    CAPTURE(b);
    ++checked;
    const Dtype found = promote(all.at(a), all.at(b));
    CHECK(found == promote(all.at(b), all.at(a)));
    if (all.count(c) != 0) CHECK(name_of(found) == c);
    else if (c == "none") CHECK(found == Dtype::int64);  // a choice: see docs/support.md
  }
  CHECK(checked == number_of_dtypes * number_of_dtypes);
}
