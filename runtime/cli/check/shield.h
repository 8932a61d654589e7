// Calls into a plugin that survive an exception. The ABI forbids exceptions; a plugin built without
// noexcept can throw all the same.
#pragma once
#include <type_traits>

#include "include/quern/kernel.h"

namespace quern_cli::check {

constexpr qn_status kThrew = -1000;

template <class... P>
qn_status shielded(qn_status (*f)(P...), std::type_identity_t<P>... p) {
  try {
    return f(p...);
  } catch (...) {
    return kThrew;
  }
}

}  // namespace quern_cli::check
