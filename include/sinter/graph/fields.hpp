// The members of a plain struct and their names, without macros.
//
// Members are found by decomposing an aggregate; names come from the compiler's own text for a pointer to the member of
// an object that is never defined. For compilers that give no names, `SINTER_FIELDS(a, b)` inside the struct lists
// them.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../tensor/pack.hpp"
#include "members.hpp"

/// Names the members of a struct by hand: `struct Net { …; SINTER_FIELDS(fc1, fc2) };`.
#define SINTER_FIELDS(...)                                                    \
  static constexpr std::string_view sinter_field_names = #__VA_ARGS__;        \
  constexpr auto sinter_fields() { return std::tie(__VA_ARGS__); }            \
  constexpr auto sinter_fields() const { return std::tie(__VA_ARGS__); }

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class M> struct module_must_be_an_aggregate_without_constructors_private_members_or_virtual_functions;
template <class M> struct module_has_a_base_class_make_it_a_member;
template <class M> struct module_has_a_c_array_write_std_array;
template <class M> struct module_has_more_than_32_members_group_them_in_structs;

namespace graph {
namespace fields {

/// Converts to a base of M, and to nothing else.
template <class M> struct BaseOf {
  template <class B> requires(std::is_base_of_v<B, M> && !std::is_same_v<B, M>) constexpr operator B() const;
};
/// Converts to anything but an array: an array takes one for each of its elements.
struct Anything {
  template <class T> constexpr operator T() const;
};
template <class M, std::size_t... Index> consteval bool takes_things(std::index_sequence<Index...>) {
  return requires { M{((void)Index, Anything{})...}; };
}

/// The members of a struct that cannot be default-initialised, as one of views: as many as it takes things.
template <class M> consteval int count_things() {
  return []<std::size_t... N>(std::index_sequence<N...>) {
    int most = 0;
    ((takes_things<M>(std::make_index_sequence<N + 1>{}) ? void(most = int(N) + 1) : void()), ...);
    return most;
  }(std::make_index_sequence<33>{});
}
template <class M, int N = 0> consteval int count_members() {
  if constexpr (N <= 32 && takes_braces<M, N + 1>()) return count_members<M, N + 1>();
  else if constexpr (N == 0 && !std::is_empty_v<M> && !std::is_default_constructible_v<M>) return count_things<M>();
  else return N;
}

/// What is wrong with a struct whose members shall be found: `type` is the error, void where there is none.
template <class Error> struct Fault {
  using type = Error;
  static constexpr bool exists = !std::is_void_v<Error>;
};
/// Makes the compiler name it.
template <class Error> constexpr auto report(Fault<Error>) { return Error{}; }
template <class M> consteval auto fault_of_struct() {
  if constexpr (requires { M::sinter_field_names; }) {
    if constexpr (requires { typename M::sinter_base; }) return Fault<void>{};
    else if constexpr (requires { M{BaseOf<M>{}}; }) return Fault<module_has_a_base_class_make_it_a_member<M>>{};
    else return Fault<void>{};
  } else if constexpr (!std::is_aggregate_v<M>) {
    return Fault<module_must_be_an_aggregate_without_constructors_private_members_or_virtual_functions<M>>{};
  } else if constexpr (requires { M{BaseOf<M>{}}; }) {
    return Fault<module_has_a_base_class_make_it_a_member<M>>{};
  } else if constexpr (count_members<M>() > 32) {
    return Fault<module_has_more_than_32_members_group_them_in_structs<M>>{};
  } else if constexpr (takes_things<M>(std::make_index_sequence<count_members<M>() + 1>{})) {
    return Fault<module_has_a_c_array_write_std_array<M>>{};
  } else {
    return Fault<void>{};
  }
}
template <class M> consteval int checked_count() {
  using Error = typename decltype(fault_of_struct<M>())::type;
  if constexpr (!std::is_void_v<Error>) return Error{};
  else return count_members<M>();
}

template <class M> struct Wrap {
  M value;
};
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"  // of a module in an unnamed namespace it is internal
#endif
template <class M> extern const Wrap<M> nowhere;  ///< never defined: only its members' names matter
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

template <class T> struct Address {
  const T* pointer;
};
template <class T> Address(const T*) -> Address<T>;
template <auto A> consteval std::string_view text() { return __PRETTY_FUNCTION__; }

/// The member's name: the last identifier in "… &nowhere<Net>.value.fc1)}]", without the aliases that g++ appends.
consteval std::string_view last_identifier(std::string_view s) {
  const auto in_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::size_t end = s.rfind("; std::string_view = ");
  if (end == s.npos) end = s.size();
  while (end > 0 && !in_name(s[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && in_name(s[begin - 1])) --begin;
  return s.substr(begin, end - begin);
}
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#endif
template <class M, int N> constexpr auto addresses() {
  return with_members<N>(nowhere<M>.value, []<class... T>(const T&... member) {
    return Pack<Address<T>...>{{Address<T>{&member}}...};
  });
}
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
template <class M, int N> consteval auto names() {
  return []<std::size_t... Index>(std::index_sequence<Index...>) {
    return std::array<std::string_view, sizeof...(Index)>{
        last_identifier(text<addresses<M, N>().template get<Index>()>())...};
  }(std::make_index_sequence<std::size_t(N)>{});
}
/// The names written in SINTER_FIELDS.
template <int N> consteval auto names_in(std::string_view list) {
  std::array<std::string_view, std::size_t(N)> r{};
  for (std::string_view& name : r) {
    const std::size_t comma = list.find(',');
    name = list.substr(0, comma);
    list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
    while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
  }
  return r;
}
template <class M> struct Members {
  static constexpr int count = checked_count<M>();
};
/// What `sinter_fields` returns: a std::tuple of references, a pair or a Pack.
template <class... T> std::type_identity<std::tuple<T...>> types_of(const std::tuple<T...>&);
template <class A, class B> std::type_identity<std::tuple<A, B>> types_of(const std::pair<A, B>&);
template <class Index, class... T>
std::type_identity<std::tuple<T...>> types_of(const tensor_detail::PackOf<Index, T...>&);
/// Calls f with all of its values.
template <class F, class T> constexpr void spread(const F& f, T&& values) {
  if constexpr (requires { values.spread(f); }) values.spread(f);
  else std::apply(f, values);
}
template <class M> using Listed = typename decltype(types_of(std::declval<M&>().sinter_fields()))::type;
template <class M> consteval int listed_count() {
  using Error = typename decltype(fault_of_struct<M>())::type;
  if constexpr (!std::is_void_v<Error>) return Error{};
  else return int(std::tuple_size_v<Listed<M>>);
}
/// The types of the members, in a tuple.
template <class M> constexpr auto member_types() {
  if constexpr (requires { M::sinter_field_names; })
    return std::type_identity<Listed<M>>{};
  else
    return decltype(with_members<Members<M>::count>(
        std::declval<const M&>(), []<class... T>(const T&...) { return std::type_identity<std::tuple<T...>>{}; })){};
}
template <class M> requires requires { M::sinter_field_names; } struct Members<M> {
  static constexpr int count = listed_count<M>();
};
/// Separate, since a program that neither loads nor saves needs no names.
template <class M> struct MemberNames {
  static constexpr auto name = names<M, Members<M>::count>();
};
template <class M> requires requires { M::sinter_field_names; } struct MemberNames<M> {
  static constexpr auto name = names_in<Members<M>::count>(M::sinter_field_names);
};

}  // namespace fields

/// Calls f(member) for every member of a plain struct, in declaration order.
template <class M, class F> constexpr void for_each_member(M& m, F&& f) {
  const auto visit = [&](auto&... member) { (f(member), ...); };
  if constexpr (requires { M::sinter_field_names; }) fields::spread(visit, m.sinter_fields());
  else fields::with_members<fields::Members<std::remove_const_t<M>>::count>(m, visit);
}

}  // namespace graph

}  // namespace sinter
