// Calls into a plugin. The ABI forbids exceptions, yet a plugin can be built so that they pass:
// they end here, as a fault with a text. The floating-point state is put back after every call.
#pragma once
#include <exception>
#include <type_traits>

#include "quern/kernel.h"
#include "runtime/host/fp_state.h"
#include "runtime/host/plugin_host.h"

namespace quern {

// [any] slot may be null. f must not be null.
template <typename... P>
qn_status call_plugin(qn_error_slot* slot, qn_status (*f)(P...),
                      std::type_identity_t<P>... args) noexcept {
  const FpState keep;
  try {
    return f(args...);
  } catch (const std::exception& e) {
    try {
      if (slot) slot->text = std::string("an exception left the plugin: ") + e.what();
    } catch (...) {  // without memory the code alone tells
    }
  } catch (...) {
    try {
      if (slot) slot->text = "an exception left the plugin";
    } catch (...) {
    }
  }
  return QN_E_INTERNAL;
}

// For close and plan_free, which can't fail.
template <typename... P>
void call_plugin(void (*f)(P...), std::type_identity_t<P>... args) noexcept {
  const FpState keep;
  try {
    f(args...);
  } catch (...) {  // nobody is left to be told
  }
}

}  // namespace quern
