// One step of a plan that was made at run time: the micro-operations are data.
//
// Works a block of elements at a time: every micro-operation runs over the block before the next one starts, so the
// cost of finding out what to do is paid once a block. Contractions use the CPU backend's tiles.
#pragma once
#include <map>
#include <utility>

#include "../../compile/steps.hpp"
#include "../../tensor/vector.hpp"
#include "../plain_kernel.hpp"
#include "kernels.hpp"

namespace sinter::inline SINTER_ABI::internals::generic {

using compile::Micro;
using compile::KernelKind;

using Body = compile::RunTimeBody;

/// The primitives of a program, by their code.
using Primitives = std::map<std::uint64_t, const graph::Primitive*>;

/// One step at work.
class Step {
  static constexpr int block = 128;

 public:
  Step(const Body& body, const Primitives& primitives, const std::int64_t* table,
       const cpu::Context& c)
      : b_(body), primitives_(primitives), c_(c), registers_(body.micros.size() * block * 8) {
    for (int i = 0; i < b_.loops; ++i) extent_.push_back(compile::TableExtent::of(table[i]).at(c.lengths));
    for (int p = 0; p < b_.pointers; ++p) {
      const auto q = compile::TablePointer::of(table, b_.loops, p);
      const bool exists = q.has_memory() && c.base[q.base()] != nullptr;  // an empty tensor has no memory
      base_.push_back(exists ? c.base[q.base()] + q.offset() : nullptr);
      form_.push_back(q.form());
      if (p == 0) method_ = cpu::ContractMethod::of(q.method());
      origin_.push_back(q.has_memory() ? 0 : q.offset());
      stride_.emplace_back(q.strides(), q.strides() + b_.loops);
    }
    index_.assign(b_.loops, 0);
  }

  void run() {
    if (is_own_kernel(b_.kind)) return own_kernel();
    for (int j = 0; j < std::ssize(b_.micros); ++j)
      if (b_.micros[j].level == 0) evaluate(j, 0, block);
    if (b_.kind == KernelKind::contract) contract();
    else if (b_.kind == KernelKind::row) rows();
    else map();
  }

 private:
  // ---- addresses ----
  std::int64_t offset(int p, int vector_loop, std::int64_t i) const {
    std::int64_t at = i * stride_[p][vector_loop];
    for (int l = 0; l < b_.loops; ++l)
      if (l != vector_loop) at += index_[l] * stride_[p][l];
    return at;
  }
  std::byte* value(int j) { return registers_.data() + j * block * 8; }
  int vector_loop() const {
    return vector_ >= 0                      ? vector_
           : b_.kind == KernelKind::contract ? compile::ContractLoops::of(b_).inner - 1
                                             : b_.loops - 1;
  }
  bool folds(int loop) const { return (b_.folded >> loop & 1) != 0; }

  /// Calls f() for every point of loops [first, last).
  template <class F> void for_each_point(int first, int last, F&& f) {
    if (first == last) return f();
    for (index_[first] = 0; index_[first] < extent_[first]; ++index_[first]) for_each_point(first + 1, last, f);
    index_[first] = 0;
  }

  // ---- one micro-operation on n elements from i on ----
  void evaluate(int j, std::int64_t i, int n) {
    const Micro& m = b_.micros[j];
    std::byte* const out = value(j);
    const int size = bytes_of(m.dtype);
    switch (m.what) {
      case Micro::What::load: load(j, m.a, i, n); break;
      case Micro::What::count:
        for (int k = 0; k < n; ++k)
          reinterpret_cast<std::int32_t*>(out)[k] =
              std::int32_t(origin_[m.a] + offset(m.a, vector_loop(), i + k));
        break;
      case Micro::What::length:
        for (int k = 0; k < n; ++k) reinterpret_cast<std::int32_t*>(out)[k] = std::int32_t(c_.lengths[m.a]);
        break;
      case Micro::What::constant:
        with_element_type(m.dtype, [&]<class T>(T) {
          std::fill_n(reinterpret_cast<T*>(out), n, ops::converted<T>(std::bit_cast<double>(origin_[m.a])));
        });
        break;
      case Micro::What::gather: {
        const auto axis = compile::IndexedAxis::of(origin_[m.a + 1]);
        for (int k = 0; k < n; ++k) {
          const std::int64_t position = position_at(m.b, k);
          if (position < 0 || position >= axis.extent)
            put(out, k, m.dtype, is_floating(m.dtype) ? ops::not_a_number<double> : 0);
          else
            std::memcpy(out + k * size,
                        base_[m.a] + (offset(m.a, vector_loop(), i + k) + position * axis.stride) * size,
                        std::size_t(size));
        }
        break;
      }
      case Micro::What::apply: {
        const short last = m.c >= 0 ? m.c : m.b >= 0 ? m.b : m.a;
        const void* in[]{value(m.a), m.b >= 0 ? value(m.b) : nullptr, m.c >= 0 ? value(m.c) : nullptr};
        primitives_.at(m.code)->block[b_.micros[last].dtype](in, out, n);
        break;
      }
      default: break;
    }
  }
  void load(int j, short pointer, std::int64_t i, int n) {
    const int size = bytes_of(b_.micros[j].dtype);
    for (int k = 0; k < n; ++k)
      std::memcpy(value(j) + k * size, base_[pointer] + offset(pointer, vector_loop(), i + k) * size,
                  std::size_t(size));
  }
  std::int64_t position_at(int j, int k) {
    const std::byte* v = value(j);
    return b_.micros[j].dtype == Dtype::int64 ? reinterpret_cast<const std::int64_t*>(v)[k]
                                              : reinterpret_cast<const std::int32_t*>(v)[k];
  }
  void scatter(int j, std::int64_t i, int n) {
    const Micro& m = b_.micros[j];
    const auto axis = compile::IndexedAxis::of(origin_[m.b + 1]);
    const int size = bytes_of(m.dtype);
    for (int k = 0; k < n; ++k) {
      const std::int64_t position = position_at(m.c, k);
      if (position < 0 || position >= axis.extent) continue;
      const std::int64_t at = offset(m.b, vector_loop(), i + k) + position * axis.stride;
      std::byte* const to = base_[m.b] + at * size;
      const std::byte* const from = value(m.a) + k * size;
      with_element_type(m.dtype, [&]<class T>(T) {
        if constexpr (computed_as(dtype_of<T>) == dtype_of<T>)
          *reinterpret_cast<T*>(to) =
              (ops::Lanes<T, 1>(*reinterpret_cast<T*>(to)) + ops::Lanes<T, 1>(*reinterpret_cast<const T*>(from))).v;
      });
    }
  }
  void store(int j, std::int64_t i, int n) {
    const Micro& m = b_.micros[j];
    const int size = bytes_of(m.dtype);
    for (int k = 0; k < n; ++k)
      std::memcpy(base_[m.b] + offset(m.b, vector_loop(), i + k) * size, value(m.a) + k * size, std::size_t(size));
  }
  static void put(std::byte* to, int k, Dtype d, double x) {
    with_element_type(d, [&]<class T>(T) {
      if constexpr (std::is_same_v<T, bool>) reinterpret_cast<T*>(to)[k] = x != 0;
      else reinterpret_cast<T*>(to)[k] = ops::element_from<T>(x);
    });
  }
  void elements(std::int64_t i, int n) {
    for (int j = 0; j < std::ssize(b_.micros); ++j) {
      if (b_.micros[j].what == Micro::What::store) store(j, i, n);
      else if (b_.micros[j].what == Micro::What::scatter) scatter(j, i, n);
      else if (b_.micros[j].level == 2) evaluate(j, i, n);
    }
  }
  template <class F> static void in_blocks(std::int64_t n, F&& f) {
    for (std::int64_t i = 0; i < n; i += block) f(i, int(std::min<std::int64_t>(block, n - i)));
  }

  // ---- kinds ----
  void map() {
    for (const Micro& m : b_.micros)
      if (m.what == Micro::What::scatter && base_[m.b] != nullptr)
        std::memset(base_[m.b], 0, std::size_t(origin_[m.b + 2] * bytes_of(m.dtype)));
    for_each_point(0, b_.loops - 1, [&] {
      for (int j = 0; j < std::ssize(b_.micros); ++j)
        if (b_.micros[j].level == 1) evaluate(j, 0, block_of_row());
      in_blocks(extent_.back(), [&](std::int64_t i, int n) { elements(i, n); });
    });
  }
  /// Level-1 values do not move along the vector loop, so any count will do where the loop is empty.
  int block_of_row() const { return extent_.back() > 0 ? block : 0; }

  void rows() {
    const bool along = folds(b_.loops - 1);
    int first = 0;
    while (!folds(first)) ++first;
    for_each_point(0, first, [&] {
      if (along) row(first, b_.loops - 1, 0, block);
      else in_blocks(extent_.back(), [&](std::int64_t i, int n) { row(first, b_.loops - 1, i, n); });
    });
  }
  /// One row, or the n rows from i on that lie side by side.
  void row(int first, int last, std::int64_t i, int n) {
    const bool along = folds(b_.loops - 1);
    kept_.resize(b_.kept * row_elements(first) * 8);
    for (int pass = 0; pass <= b_.passes; ++pass) {
      for (int j = 0; j < std::ssize(b_.micros); ++j) {
        const Micro& m = b_.micros[j];
        if (m.level != 1 || m.stage != pass || m.what == Micro::What::fold) continue;
        if (m.what == Micro::What::store) store(j, i, along ? 1 : n);
        else evaluate(j, i, n);
      }
      if (pass == b_.passes) break;
      const auto each_fold = [&](auto f) {
        for (int j = 0; j < std::ssize(b_.micros); ++j)
          if ((b_.micros[j].what == Micro::What::fold || b_.micros[j].what == Micro::What::scan) &&
              (b_.micros[j].passes >> pass & 1) != 0)
            f(j, *primitives_.at(b_.micros[j].code));
      };
      Vector<std::byte> sums(b_.micros.size() * block * 8);
      const auto sum = [&](int j) { return sums.data() + j * block * 8; };
      each_fold([&](int j, const graph::Primitive& op) {
        for (int k = 0; k < block; ++k) put(sum(j), k, b_.micros[j].dtype, op.fold.identity);
      });
      std::int64_t before = 0;  // elements of the row in earlier runs of the innermost loop
      for_each_point(first, last, [&] {
        const auto at = [&](std::int64_t x, int count) {
          for (int j = 0; j < std::ssize(b_.micros); ++j) {
            const Micro& m = b_.micros[j];
            if ((m.passes >> pass & 1) == 0) continue;
            if (m.what == Micro::What::store) {
              store(j, x, count);
            } else if (m.what == Micro::What::fold || m.what == Micro::What::scan) {
              const void* in[]{sum(j), value(m.a)};
              primitives_.at(m.code)->block[m.dtype](in, sum(j), count);
              if (m.what == Micro::What::scan)
                std::memcpy(value(j), sum(j), std::size_t(count * bytes_of(m.dtype)));
            } else if (m.stored >= 0 && (m.passes & ((1u << pass) - 1u)) != 0) {
              load(j, m.stored, x, count);
            } else if (m.kept < 0) {
              evaluate(j, x, count);
            } else {  // computed in its first pass, remembered in the others
              const int size = bytes_of(m.dtype);
              std::byte* const kept = kept_.data() + (m.kept * row_elements(first) + before + x) * 8;
              const bool now = (m.passes & ((1u << pass) - 1u)) == 0;
              if (now) evaluate(j, x, count);
              for (int k = 0; k < count; ++k)
                std::memcpy(now ? kept + k * 8 : value(j) + k * size, now ? value(j) + k * size : kept + k * 8,
                            std::size_t(size));
            }
          }
        };
        if (along) in_blocks(extent_.back(), at);
        else at(i, n);
        before += extent_.back();
      });
      each_fold([&](int j, const graph::Primitive& op) {
        const int size = bytes_of(b_.micros[j].dtype);
        if (along)
          for (int k = 1; k < block; ++k) {
            const void* in[]{sum(j), sum(j) + k * size};
            op.block[b_.micros[j].dtype](in, sum(j), 1);
          }
        for (int k = 0; k < block; ++k)
          std::memcpy(value(j) + k * size, sum(j) + (along ? 0 : k) * size, std::size_t(size));
      });
    }
  }

  std::int64_t row_elements(int first) const {
    std::int64_t n = 1;
    for (int l = first; l < b_.loops; ++l) n *= extent_[l];
    return n;
  }

  /// A primitive's own kernel: one that has registered, else its plain loops.
  void own_kernel() {
    const cpu::CustomBody<Vector<Micro>> body(b_.micros);
    const KernelRegistry::Run registered = KernelRegistry::find(body.code, body.result);
    if (registered == nullptr)
      return backend::PlainKernel(*primitives_.at(body.code), b_.micros, extent_.data(), base_.data(), b_.pointers,
                                  [&](int p, int l) { return stride_[p][l]; })
          .run();
    Vector<std::int64_t> attributes(body.attributes), strides;
    Vector<Dtype> dtypes(b_.pointers, body.result);
    body.read(b_.micros, attributes.data(), dtypes.data());
    for (const auto& s : stride_) strides.insert(strides.end(), s.begin(), s.end());
    registered({extent_.data(), b_.loops, base_.data(), strides.data(), dtypes.data(), body.operands,
                attributes.data(), c_});
  }

  void contract() {
    for (const Micro& m : b_.micros)
      if (m.what == Micro::What::result)
        cpu::with_sum_type(m.dtype, [&]<class T>(T) { contract_as<T>(compile::operands_of(m), m.dtype); });
  }
  template <class T> void contract_as(Dtype operands, Dtype sums) {
    const auto loops = compile::ContractLoops::of(b_);
    const auto nest = [&](int p, int first, int last) {
      cpu::Nest n;
      for (int l = first; l < last; ++l) n.add(extent_[l], stride_[p][l]);
      return n;
    };
    for_each_point(0, loops.rows, [&] {
      const auto at = [&](int p) {  // one that is computed has no memory
        const std::byte* const base = base_[p];
        return reinterpret_cast<const T*>(
            base != nullptr ? base + offset(p, vector_loop(), 0) * bytes_of(operands) : nullptr);
      };
      cpu::ProductOperand<T> left{at(0), nest(0, loops.rows, loops.columns),
                                              nest(0, loops.inner, b_.loops)},
          right{at(1),   nest(1, loops.columns, loops.inner),       nest(1, loops.inner, b_.loops),
                nullptr, nullptr, form_[1] == cpu::WeightForm::panels};
      for (const Micro& m : b_.micros)
        if (m.what == Micro::What::operand)
          (m.b == 0 ? left : right).fill = m.b == 0 ? &Step::fill<T, 0> : &Step::fill<T, 1>,
                             (m.b == 0 ? left : right).filler = this;
      const cpu::AnyWidenedOperand<T> x{operands, left}, y{operands, right};
      if (operands != sums) left = x.widened(), right = y.widened();
      const auto method = cpu::ProductMethod<T>::settled(method_, left, right);
      cpu::sum_products<T>({left, right, method, c_.scratch, 1, &Step::finish<T>, this});
    });
  }
  /// Lines of an operand that the kernel computes, each along the contracted axis.
  template <class T, int Side> static void fill(const void* self, T* to, int width, std::int64_t line, int lines,
                                                std::int64_t first, std::int64_t depth) {
    static_cast<Step*>(const_cast<void*>(self))->fill_panel<T>(Side, to, width, line, lines, first, depth);
  }
  template <class T>
  void fill_panel(int side, T* to, int width, std::int64_t line, int lines, std::int64_t first, std::int64_t depth) {
    const auto loops = compile::ContractLoops::of(b_);
    const Vector<std::int64_t> before = index_;
    vector_ = b_.loops - 1;
    std::fill(to, to + depth * width, T(0));
    for (int i = 0; i < lines; ++i) {
      move_to(side == 0 ? loops.rows : loops.columns, side == 0 ? loops.columns : loops.inner, line + i);
      for (std::int64_t k = 0; k < depth;) {
        move_to(loops.inner, b_.loops, first + k);
        const std::int64_t x = std::exchange(index_[vector_], 0);
        const auto n = int(std::min<std::int64_t>({block, depth - k, extent_[vector_] - x}));
        for (int m = 0; m < std::ssize(b_.micros); ++m) {
          if (b_.micros[m].side != side + 1) continue;
          // whatever its level: lanes may run along another loop here
          if (b_.micros[m].what != Micro::What::operand) evaluate(m, x, n);
          else
            for (int j = 0; j < n; ++j)
              to[(k + j) * width + i] = reinterpret_cast<const T*>(value(b_.micros[m].a))[j];
        }
        k += n;
      }
    }
    vector_ = -1;
    index_ = before;
  }
  template <class T> static void finish(const void* self, const T* tile, std::int64_t ld, std::int64_t row, int rows,
                                        std::int64_t column, int columns) {
    static_cast<Step*>(const_cast<void*>(self))->finish_tile(tile, ld, row, rows, column, columns);
  }
  template <class T>
  void finish_tile(const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns) {
    const auto loops = compile::ContractLoops::of(b_);
    const Vector<std::int64_t> before = index_;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns;) {
        move_to(loops.rows, loops.columns, row + i);
        move_to(loops.columns, loops.inner, column + j);
        const std::int64_t x = std::exchange(index_[loops.inner - 1], 0);
        const auto n = int(std::min<std::int64_t>(columns - j, extent_[loops.inner - 1] - x));
        for (int m = 0; m < std::ssize(b_.micros); ++m) {
          if (b_.micros[m].level == 1 && b_.micros[m].side == 0) evaluate(m, 0, block);
          if (b_.micros[m].what == Micro::What::result)
            std::memcpy(value(m), tile + i * ld + j, std::size_t(n) * sizeof(T));
        }
        for (int m = 0; m < std::ssize(b_.micros); ++m) {
          if (b_.micros[m].what == Micro::What::store) store(m, x, n);
          else if (b_.micros[m].level == 2 && b_.micros[m].side == 0 && b_.micros[m].what != Micro::What::result)
            evaluate(m, x, n);
        }
        j += n;
      }
    index_ = before;
  }
  /// Sets the indices of loops [first, last) to point i, counted in row-major order.
  void move_to(int first, int last, std::int64_t i) {
    for (int l = last - 1; l >= first; --l) {
      index_[l] = l > first ? i % extent_[l] : i;
      i /= extent_[l];
    }
  }

  const Body& b_;
  const Primitives& primitives_;
  cpu::Context c_;
  Vector<std::byte> registers_, kept_;
  Vector<std::int64_t> extent_, origin_, index_;
  int vector_ = -1;  ///< the loop of a block, where it is not the kernel's own
  Vector<std::byte*> base_;
  Vector<unsigned char> form_;
  cpu::ContractMethod method_;
  Vector<Vector<std::int64_t>> stride_;
};

}  // namespace sinter::internals::generic
