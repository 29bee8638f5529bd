// Einstein's summation: products over named axes, written as contractions.
#pragma once
#include <string_view>

#include "contract.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// A string as a template argument.
template <std::size_t N> struct Letters {
  std::array<char, N> text{};
  constexpr Letters(const char (&s)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = s[i];
  }
  constexpr Letters(const std::array<char, N>& s) : text(s) {}  // how nvcc writes one that is a template argument
  constexpr std::string_view view() const { return {text.data(), N - 1}; }
};

}  // namespace ops

// Undefined on purpose: the names are the errors.
template <ops::Letters Equation, class... X>
struct einsum_equation_must_name_every_axis_of_every_operand_once_and_the_results_axes_after_an_arrow;
template <ops::Letters Equation, class... X> struct einsum_axes_of_one_letter_have_different_extents;
template <class Sums, class... X> struct einsum_cannot_sum_these_dtypes_in_the_one_named;

namespace ops {

/// The axis that a letter names, −1 if none.
constexpr int axis_named(std::string_view axes, char letter) {
  const std::size_t at = axes.find(letter);
  return at == axes.npos ? -1 : int(at);
}

/// A value whose axes have names.
struct NamedValue {
  Value value;
  internals::Array<char, Shape::max_rank> name{};
  constexpr std::string_view axes() const { return {name.data(), std::size_t(value.extents().rank)}; }
};
/// The axes of v in the order of `to`, which names them all.
constexpr NamedValue in_order(const NamedValue& v, std::string_view to) {
  internals::Array<std::int64_t, Shape::max_rank> order{};
  NamedValue r = v;
  int n = 0;
  for (const char axis : to) {
    order[n] = axis_named(v.axes(), axis);
    r.name[n++] = axis;
  }
  r.value = {v.value.graph,
             v.value.graph->add(graph::primitive<Permute>, &v.value.id, 1, order.data(), n)};
  return r;
}
/// v summed, in this dtype, over the axes that `wanted` rejects.
constexpr NamedValue summed(const NamedValue& v, Dtype sums, auto wanted) {
  const Shape s = v.value.extents();
  std::int64_t axes = 0;
  Shape left;
  NamedValue r;
  for (int i = 0; i < s.rank; ++i) {
    if (wanted(v.name[i])) {
      r.name[left.rank] = v.name[i];
      left.push(s[i], s.symbol(i));
    } else {
      axes |= std::int64_t(1) << i;
    }
  }
  r.value = axes == 0 ? v.value : graph::reshape_to(reduced<Sum>(graph::cast_to(v.value, sums), axes), left);
  return r;
}
/// One product, summed in this dtype over the letters that neither `later` nor the result names.
constexpr NamedValue product(NamedValue a, NamedValue b, Dtype sums, std::string_view later) {
  const auto needed = [&](char c) { return later.find(c) != later.npos; };
  a = summed(a, sums, [&](char c) { return needed(c) || axis_named(b.axes(), c) >= 0; });
  b = summed(b, sums, [&](char c) { return needed(c) || axis_named(a.axes(), c) >= 0; });
  if (a.value.dtype() != b.value.dtype())  // one of them is a sum
    a.value = graph::cast_to(a.value, sums), b.value = graph::cast_to(b.value, sums);
  // Groups of axes: batch, of a alone, of b alone, contracted.
  internals::Array<char, Shape::max_rank> shared{}, left{}, right{}, inner{};
  int s = 0, l = 0, r = 0, k = 0;
  for (const char c : a.axes()) {
    if (axis_named(b.axes(), c) < 0) left[l++] = c;
    else if (needed(c)) shared[s++] = c;
    else inner[k++] = c;
  }
  for (const char c : b.axes())
    if (axis_named(a.axes(), c) < 0) right[r++] = c;
  internals::Array<char, Shape::max_rank> x{}, y{};
  NamedValue result;
  int n = 0, m = 0, z = 0;
  for (int i = 0; i < s; ++i) x[n++] = y[m++] = result.name[z++] = shared[i];
  for (int i = 0; i < l; ++i) x[n++] = result.name[z++] = left[i];
  for (int i = 0; i < r; ++i) y[m++] = result.name[z++] = right[i];
  for (int i = 0; i < k; ++i) x[n++] = y[m++] = inner[i];
  const Value p = in_order(a, {x.data(), std::size_t(n)}).value, q = in_order(b, {y.data(), std::size_t(m)}).value;
  result.value = Contract::apply(p.graph, p.id, q.id, s, k, sums);
  return result;
}

/// The dtype of an operation on tensors of all of these.
constexpr Dtype promoted(auto... d) {
  Dtype all = Dtype::boolean;
  ((all = promote(all, d)), ...);
  return all;
}

template <Letters Equation, class Sums = PromotedSums> struct Einsum {
  template <class... X> constexpr auto operator()(X... x) const {
    if constexpr ((is_sym_v<X> && ...)) {
      constexpr std::array<Shape, sizeof...(X)> shapes{X::shape...};
      if constexpr (!well_formed<sizeof...(X)>(shapes))
        return einsum_equation_must_name_every_axis_of_every_operand_once_and_the_results_axes_after_an_arrow<Equation,
                                                                                                               X...>{};
      else if constexpr (!extents_agree<sizeof...(X)>(shapes))
        return einsum_axes_of_one_letter_have_different_extents<Equation, X...>{};
      else if constexpr (!Sums::holds(promoted(X::dtype...)))
        return einsum_cannot_sum_these_dtypes_in_the_one_named<Sums, X...>{};
      else return graph::SymOf<Product<X...>>(nodes(x...));
    } else {
      return nodes(x...);
    }
  }

 private:
  static constexpr std::string_view text = Equation.view();
  static constexpr std::size_t arrow = text.find("->");
  static constexpr std::string_view result() {
    return arrow == text.npos ? std::string_view{} : text.substr(arrow + 2);
  }
  static constexpr std::string_view axes_of_operand(std::size_t i) {
    std::string_view rest = text.substr(0, arrow);
    for (; i > 0; --i) rest = rest.find(',') == rest.npos ? std::string_view{} : rest.substr(rest.find(',') + 1);
    return rest.substr(0, rest.find(','));
  }
  static constexpr bool once_each(std::string_view axes) {
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (axes[i] == ',' || axes[i] == ' ' || axes.find(axes[i], i + 1) != axes.npos) return false;
    return true;
  }
  template <std::size_t N> static constexpr bool well_formed(const std::array<Shape, N>& shapes) {
    if (arrow == text.npos) return false;
    std::size_t operands = 1;
    for (const char c : text.substr(0, arrow)) operands += c == ',' ? 1 : 0;
    bool good = operands == N && once_each(result()) && result().size() <= std::size_t(Shape::max_rank);
    for (std::size_t i = 0; i < N && good; ++i)
      good = once_each(axes_of_operand(i)) && int(axes_of_operand(i).size()) == shapes[i].rank;
    for (const char c : result()) good = good && text.substr(0, arrow).find(c) != text.npos;
    return good;
  }
  template <std::size_t N> static constexpr bool extents_agree(const std::array<Shape, N>& shapes) {
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t j = 0; j < i; ++j)
        for (int a = 0; a < shapes[i].rank; ++a)
          if (const int b = axis_named(axes_of_operand(j), axes_of_operand(i)[std::size_t(a)]);
              b >= 0 && (shapes[i][a] != shapes[j][b] || shapes[i].symbol(a) != shapes[j].symbol(b)))
            return false;
    return true;
  }
  template <class... X> struct Product {
    static constexpr Type type = [] {
      constexpr std::array<Shape, sizeof...(X)> shapes{X::shape...};
      Shape to;
      for (const char c : result())
        for (std::size_t i = 0; i < shapes.size(); ++i)
          if (const int a = axis_named(axes_of_operand(i), c); a >= 0) {
            to.push(shapes[i][a], shapes[i].symbol(a));
            break;
          }
      return Type{Sums::result(promoted(X::dtype...)), to};
    }();
  };

  static constexpr Value nodes(auto... x) {
    const std::array<Value, sizeof...(x)> v{Value(x)...};
    const Dtype d = promoted(Value(x).dtype()...), sums = Sums::sums(d);
    if (!Sums::holds(d)) graph::operands_do_not_fit(graph::primitive<Contract>, {});
    const auto named = [&](std::size_t i) {
      NamedValue n{graph::cast_to(v[i], d), {}};
      int a = 0;
      for (const char c : axes_of_operand(i)) n.name[a++] = c;
      return n;
    };
    NamedValue sum = named(0);
    for (std::size_t i = 1; i < v.size(); ++i) {
      std::array<char, 64> later{};  // letters of later operands and of the result
      std::size_t n = 0;
      for (std::size_t j = i + 1; j < v.size(); ++j)
        for (const char c : axes_of_operand(j)) later[n++] = c;
      for (const char c : result()) later[n++] = c;
      sum = product(sum, named(i), sums, {later.data(), n});
    }
    sum = in_order(summed(sum, sums, [](char c) { return axis_named(result(), c) >= 0; }), result());
    return graph::cast_to(sum.value, Sums::result(d));
  }
};

}  // namespace ops

/// Products of operands, summed over the axes that the result does not name:
/// `einsum<"bik,bkj->bij">(a, b)`. Any number of operands, from left to right; a letter occurs once in an operand, and
/// the arrow is required. Sums of narrow integers are int32, those of 16-bit floats are made in float32 and rounded.
/// PyTorch: torch.einsum.
template <ops::Letters Equation, class... X>
requires Operands<X...>
constexpr auto einsum(X&&... x) { return call<ops::Einsum<Equation>>(std::forward<X>(x)...); }
/// The same, summed in a type that holds the operands', which is the result's: `einsum<float, "bik,bkj->bij">(a, b)` of
/// bfloat16 is not rounded, `einsum<std::int64_t, "i,i->">(a, b)` of int8 does not overflow. PyTorch: torch.einsum of
/// operands converted first.
template <Element Sums, ops::Letters Equation, class... X>
requires Operands<X...>
constexpr auto einsum(X&&... x) {
  return call<ops::Einsum<Equation, ops::SumsIn<dtype_of<Sums>>>>(std::forward<X>(x)...);
}

}  // namespace sinter
