// The one place where exceptions become status codes and qn_error objects.
// It does not decide what is an error; the entry points and the runtime throw.
#pragma once
#include <utility>

#include "quern/quern.h"
#include "runtime/core/error.h"

namespace quern::capi {

// Makes an error in *out (when out is not null) and returns code. Never fails: without memory for
// the text a static error stands in.
qn_status set_error(qn_error** out, qn_status code, const char* text) noexcept;
// Only inside a catch block: maps the current exception. `fn` names the entry point.
qn_status translate(const char* fn, qn_error** out) noexcept;

template <typename F>
qn_status guard(const char* fn, qn_error** error, F&& body) noexcept {
  try {
    std::forward<F>(body)();
    return QN_OK;
  } catch (...) {
    return translate(fn, error);
  }
}

[[noreturn]] void fail_null(const char* fn, const char* what);

template <typename T>
inline void need(const T* p, const char* fn, const char* what) {
  if (!p) [[unlikely]]
    fail_null(fn, what);
}

}  // namespace quern::capi
