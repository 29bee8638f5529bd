// What a backend is: everything that a program needs of the hardware it runs on.
//
// A backend is a struct of types, constants and static functions; a policy names it and says how a program wants to be
// run: `struct Cpu { using Backend = cpu::Backend; int threads = 1; };`. Programs take a policy as their last argument.
//
//   Memory           owns bytes that steps can reach: Memory(n), data(), size(); moved, not copied
//   Context          what a running step sees; at least these members:
//     base           addresses: of the workspace, then of the inputs, then of the outputs
//     lengths        one for each symbolic dimension of the program
//     scratch        memory for the step alone, which the program sets
//   target           what the compiler's passes ask (compile/target.hpp); one that is all zeros is allowed
//   context(base, lengths, policy)        makes a Context
//   run<Kernel, Step>(arguments, context) runs one step. Kernel::body says what it does (compile/program/kernel.hpp);
//                    the arguments are its integers in the table (compile/program/table.hpp). Step is void; in
//                    straight-line programs a type whose `arguments` are the same as a constant; and of contractions,
//                    where the target has classes of methods, a StepsBy
//   enter<Program>(context, run)          calls run() once, which runs all steps; for whatever spans a whole program
//   run_chain<Most>(…)                    only where target.tiles.cache is not 0 (compile/chains.hpp)
//   Profile          what profiles ask (train/profile.hpp), or nothing: then they have no variants and no roof
//     variant(report, body)  how a step runs, in words: from its compile::StepReport and its kernel's RunTimeBody
//     roof(policy)           what the hardware can do at most, a Roof (roof.hpp)
//                    A backend may declare it, `struct Profile;`, and define it in a header that programs include only
//                    if they are profiled, as the CPU does (cpu/profile.hpp)
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "../compile/target.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {

template <class B>
concept Backend = requires(typename B::Context& c, std::size_t n) {
  { typename B::Memory(n).data() } -> std::convertible_to<std::byte*>;
  { B::target } -> std::convertible_to<const compile::Target&>;
  { c.base } -> std::convertible_to<std::byte* const*>;
  { c.lengths } -> std::convertible_to<const std::int64_t*>;
  c.scratch = static_cast<std::byte*>(nullptr);
};

template <class P>
concept Policy = Backend<typename P::Backend> &&
                 requires(std::byte* const* base, const std::int64_t* lengths, const P& policy) {
                   { P::Backend::context(base, lengths, policy) } -> std::same_as<typename P::Backend::Context>;
                 };

}  // namespace sinter::internals::backend
