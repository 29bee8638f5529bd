// What the compiler knows about one primitive, as a value that a constexpr graph can point to.
//
// A primitive is a struct (see ops/): `struct Tanh : Elementwise<Tanh>`. `primitive<Tanh>` is its description. Passes
// ask the description and never mention a primitive by name; kernels find the struct again from its code.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "../tensor/dtype.hpp"
#include "../tensor/extents.hpp"
#include "../tensor/registry.hpp"

namespace sinter::inline SINTER_ABI::graph {

class Builder;
struct Value;
struct Site;
struct Batching;

/// What passes distinguish about an operation. The list is short on purpose: a backend implements kinds.
enum class Kind : unsigned char {
  input,        ///< an argument of the program
  constant,     ///< a number, rank 0
  generate,     ///< a value computed from the index alone: iota, a run-time length
  elementwise,  ///< one result from one element of each operand; operands broadcast as in NumPy
  reduce,       ///< folds some axes into extent 1
  scan,         ///< the running fold along one axis
  gather,       ///< elements of its first operand, at indices along one axis given by the second
  scatter,      ///< adds its second operand to zeros, at indices along one axis given by the first
  broadcast,    ///< repeats axes of extent 1; a view
  view,         ///< index arithmetic: reshape, permute, slice
  contract,     ///< sums of products over shared axes
  assemble,     ///< operands concatenated along an axis
  kernel,       ///< a kernel of its own, with one result or several
  loop,         ///< a graph of its own, the body, run for one step after another; several results
  result,       ///< a further result of its operand, which is of kind kernel or loop
  identity,     ///< its first operand, unchanged; exists for its derivative
};

/// Dtype and shape of a result. `valid` is false when the operands do not fit together.
struct Type {
  Dtype dtype = Dtype::float32;
  Shape shape;
  bool valid = true;
  static constexpr Type mismatch() { return {Dtype::float32, {}, false}; }
};

/// Operands and attributes as a shape rule sees them.
struct Signature {
  struct Operand {
    Dtype dtype;
    const Shape* shape;
  };
  const Operand* operands = nullptr;
  int count = 0;
  const std::int64_t* attributes = nullptr;
  int attribute_count = 0;

  constexpr const Shape& shape(int i) const { return *operands[i].shape; }
  constexpr Dtype dtype(int i) const { return operands[i].dtype; }
};

/// The most operands of any primitive except assembled tensors and loops.
inline constexpr int most_operands = 8;

/// How the elements of a tensor are stored in a buffer: element offset and one stride an axis, in elements.
struct Layout {
  std::int64_t offset = 0;
  bool gapless = false;  ///< row-major from the offset on; a shortcut, false is always allowed
  std::int64_t stride[Shape::max_rank]{};
  /// 0: stored as the strides say. Other values are a target's own, for operands of contractions that it has packed.
  unsigned char form = 0;

  static constexpr Layout row_major(const Shape& s, std::int64_t offset = 0) {
    Layout l{offset, true, {}};
    std::int64_t stride = 1;
    for (int i = s.rank - 1; i >= 0; --i) {
      l.stride[i] = stride;
      stride *= s.extent[i];
    }
    return l;
  }
};

/// The operands and results of a primitive of kind kernel for its evaluation by plain loops: each element as a double.
struct Elements {
  const void* self = nullptr;
  double (*get_element)(const void* self, int tensor, const std::int64_t* index) = nullptr;
  void (*set_element)(const void* self, int tensor, const std::int64_t* index, double value) = nullptr;
  std::int64_t (*length_of)(const void* self, int tensor, int axis) = nullptr;
  Dtype (*dtype_of)(const void* self, int tensor) = nullptr;
  int (*rank_of)(const void* self, int tensor) = nullptr;
  const std::int64_t* attributes = nullptr;
  int operands = 0;
  int result = 0;  ///< the one to compute; the first has the number `operands` among the tensors

  double get(int tensor, const std::int64_t* index) const { return get_element(self, tensor, index); }
  void set(const std::int64_t* index, double value) const { set_element(self, operands + result, index, value); }
  std::int64_t length(int tensor, int axis) const { return length_of(self, tensor, axis); }
  bool boolean(int tensor) const { return dtype_of(self, tensor) == Dtype::boolean; }
  int rank(int tensor) const { return rank_of(self, tensor); }
};

/// One element type's version of an elementwise evaluation over n contiguous elements; run-time graphs use it.
using Block = void (*)(const void* const* in, void* out, int n);

/// An elementwise primitive of x and p that scales or shifts x: x + p, x − p, x · p, x / p.
enum class Affine : unsigned char { none, adds, subtracts, multiplies, divides };
constexpr bool scales(Affine a) { return a == Affine::multiplies || a == Affine::divides; }
/// Whether p may be the first operand as well.
constexpr bool either_way(Affine a) { return a == Affine::adds || a == Affine::multiplies; }

/// What a kernel of a primitive's own computes, for profiles, and for backends with one function for all convolutions.
/// It becomes the kind of the kernel (compile/program/kernel.hpp).
enum class OwnKernel : unsigned char { custom, convolve, pool };

/// What all primitives have, and for each kind what it adds. Passes ask these properties; the one pass that exists for
/// a primitive may name it (tests/house.py lists them).
struct Primitive {
  const char* name = "";
  std::uint64_t code = 0;  ///< equal for equal structs, in every translation unit
  Kind kind = Kind::input;
  /// Shape rule.
  Type (*type)(const Signature&) = nullptr;
  /// A simpler value that equals the result, or none. Null when the primitive has no such rule.
  Value (*simplify)(Builder&, const int* operands, const std::int64_t* attributes, int attribute_count) = nullptr;
  /// Vector-Jacobian product: the cotangent of operand i, or none. Null when nothing flows back.
  Value (*vjp)(const Site&, int i, Value cotangent) = nullptr;
  /// Jacobian-vector product: the tangent of the result from that of operand i,
  /// or none. Null where it is derived from vjp (transform/forward.hpp).
  Value (*jvp)(const Site&, int i, Value tangent) = nullptr;
  /// Batching rule: the same application to operands some of which have a leading batch axis; so has the result, unless
  /// it depends on none of them. Null, or an empty Value from an application that the rule does not cover: the samples
  /// are those of what the kernel is composed of (`kernel.composed`); without that it is an Error of vmap.
  Value (*batch)(const Batching&) = nullptr;
  /// Floating-point operations of one application.
  double (*flops)(const Signature&, const Shape& result) = nullptr;
  /// Every application is a node of its own, however equal: its one attribute
  /// is a number that the graph gives to no other.
  bool unique = false;

  /// Of views and broadcasts.
  struct View {
    /// Rewrites the operand's layout into the result's; false when no strides can express it.
    bool (*layout)(Layout&, const Signature&, const Shape& result) = nullptr;
    bool keeps_order = false;    ///< all elements in their order: what computes the operand may read through it
    bool selects_range = false;  ///< elements at equal distances along one axis
    bool waits = false;          ///< the first operand, whose readers run once the second is computed
  } view{};

  struct Elementwise {
    int arity = 0;
    int first_promoted = 0;  ///< of the operands that are promoted to one dtype; those before it have their own
    Dtype (*operand_dtype)(int operand, Dtype promoted) = nullptr;  ///< in which an operand is read
    Dtype (*result_dtype)(Dtype promoted) = nullptr;
    const Primitive* accurate = nullptr;  ///< the primitive that accurate programs use instead
    Affine affine = Affine::none;
    bool converts = false;  ///< the element type alone
    bool copies = false;    ///< its operand into a buffer of its own
  } elementwise{};

  /// Of reduce and scan.
  struct Fold {
    double identity = 0;  ///< the value of an empty reduction
  } fold{};

  struct Identity {
    int innermost = -1;  ///< of a contraction: the axis that should be innermost in memory, or −1
    bool repeats = false;  ///< the backward pass computes the part of the graph again that begins at the second operand
  } identity{};

  /// Of kernels.
  struct Kernel {
    OwnKernel kind = OwnKernel::custom;
    /// The number of results. The node is the first, further ones are nodes of kind result; results that nothing reads
    /// are not computed.
    int results = 1;
    /// Dtype and shape of a further result.
    Type (*result_type)(const Signature&, int result) = nullptr;
    /// The batching rule of a further result; null: the first result is the kernel's, and the further ones have the
    /// same leading batch axis.
    Value (*batch_result)(const Batching&, int result) = nullptr;
    /// The loop that iterates over an axis of a tensor: operands count from 0, results follow. Every loop is an axis of
    /// some operand or of the first result.
    int (*loop)(const Signature&, int tensor, int axis) = nullptr;
    /// Floating-point operations where the loops have these extents.
    double (*flops)(const std::int64_t* extent, int loops, const std::int64_t* attributes) = nullptr;
    /// Writes all results with other primitives: derivatives in forward mode, and of what `vjp` and `batch` have none
    /// of, are those of these. The site is the only node of its graph that is not an input. Further results that
    /// nothing reads may be left; to read one that is left is an Error.
    void (*composed)(const Site&, Value* results) = nullptr;
    /// Bytes that a kernel of a user's primitive needs while it runs; null: none.
    std::int64_t (*scratch)(const Signature&) = nullptr;
    /// Of a layer, linear in its two operands: which of them is the weight, or −1, and the axis of the result that is
    /// the weight's axis 0; −1 where there is none.
    int weight = -1;
    int (*channels)(const std::int64_t* attributes) = nullptr;
    /// Evaluation by plain loops.
    void (*plain)(const Elements&) = nullptr;
  } kernel{};

  /// Of elementwise, reduce and scan: evaluation by element type of the first operand (null where undefined).
  internals::PerDtype<Block> block{};
};

/// The compiler's text that names T: "constexpr auto sinter::graph::type_text() [with T = sinter::ops::Tanh]".
template <class T> constexpr auto type_text() { return std::string_view(__PRETTY_FUNCTION__); }

/// Hashes the name of a type. A kernel's identity must be the same for both compilers of a CUDA program, and nvcc's
/// front end writes "[with T=" where g++, its host compiler, writes "[with T = ": only the text after "=", without its
/// spaces, is hashed. For the same reason a primitive that is a template takes enumerators, ints and classes, but no
/// arithmetic types ("signed long" for one, "long int" for the other), and is not in an unnamed namespace.
constexpr std::uint64_t hash_of(std::string_view text) {  // FNV-1a
  std::uint64_t h = 1469598103934665603ull;
  for (std::size_t i = text.find('=') + 1; i < text.size(); ++i)
    if (text[i] != ' ') h = (h ^ static_cast<unsigned char>(text[i])) * 1099511628211ull;
  return h;
}

template <class Op> inline constexpr std::uint64_t code_of = hash_of(type_text<Op>());

/// Kernels are shared by name between translation units, so kernels of a primitive known to only one of them would
/// clash with another's of the same name.
template <class Op> consteval bool is_named_everywhere() {
  return std::string_view(type_text<Op>()).find("anonymous") == std::string_view::npos;
}

/// Base of every primitive: enters it under its code, by which a kernel finds the struct again.
template <class Op> struct Registered : internals::Entry<Primitive, code_of<Op>, Op> {};

template <std::uint64_t N> using primitive_struct = internals::Entered<Primitive, N>;

/// The description of a primitive. Each family's base class (ops/) knows how to describe its members.
template <class Op> inline constexpr Primitive primitive = Op::describe();

}  // namespace sinter::graph
