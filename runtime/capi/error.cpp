// Error objects, status names and the mapping of exceptions to them; library facts.
// Nothing here is kept per thread.
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <stdexcept>

#include "runtime/capi/guard.h"

struct qn_error {
  qn_status code;
  const char* text;  // lies behind the struct, in one block
};

namespace quern::capi {
namespace {

// What stands in for an error that finds no memory: one for each code, so that the code is right.
constexpr qn_status kCodes = QN_E_DATA_LOSS + 1;
constexpr const char* kNoText = "out of memory (and none left for the error's text)";
const std::array<qn_error, kCodes> stand_ins = [] {
  std::array<qn_error, kCodes> all{};
  for (qn_status code = 0; code < kCodes; ++code)
    all[static_cast<std::size_t>(code)] = {code, kNoText};
  return all;
}();

bool is_stand_in(const qn_error* e) {
  const std::less<const qn_error*> before;
  return !before(e, stand_ins.data()) && before(e, stand_ins.data() + stand_ins.size());
}
// Freeing it does nothing, and nobody writes to it.
qn_error* stand_in(qn_status code) {
  const bool known = code > QN_OK && code < kCodes;
  return const_cast<qn_error*>(&stand_ins[static_cast<std::size_t>(known ? code : QN_E_UNKNOWN)]);
}

// ASan and TSan builds refuse plugins of another kind, so the build says what it is.
#if defined(__SANITIZE_ADDRESS__)
#define QN_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define QN_SANITIZER "thread"
#else
#define QN_SANITIZER "none"
#endif
#if defined(__clang__)
#define QN_COMPILER "clang " __clang_version__
#else
#define QN_COMPILER "gcc " __VERSION__
#endif

}  // namespace

qn_status set_error(qn_error** out, qn_status code, const char* text) noexcept {
  if (code == QN_OK) code = QN_E_UNKNOWN;
  if (!out) return code;
  const std::size_t n = std::strlen(text);
  void* block = ::operator new(sizeof(qn_error) + n + 1, std::nothrow);
  if (!block) {
    *out = stand_in(code);
    return code;
  }
  char* copy = static_cast<char*>(block) + sizeof(qn_error);
  std::memcpy(copy, text, n + 1);
  *out = new (block) qn_error{code, copy};
  return code;
}

qn_status translate(const char* fn, qn_error** out) noexcept {
  try {
    try {
      throw;
    } catch (const Error& e) {
      if (e.what()[0] == '[') return set_error(out, e.code(), e.what());
      return set_error(out, e.code(), str("[", fn, "] ", e.what()).c_str());
    } catch (const std::bad_alloc&) {
      return set_error(out, QN_E_RESOURCE_EXHAUSTED, str("[", fn, "] out of memory").c_str());
    } catch (const std::length_error&) {
      return set_error(out, QN_E_RESOURCE_EXHAUSTED,
                       str("[", fn, "] size beyond the address space").c_str());
    } catch (const std::exception& e) {
      return set_error(out, QN_E_INTERNAL, str("[", fn, "] ", e.what()).c_str());
    } catch (...) {
      return set_error(out, QN_E_UNKNOWN, str("[", fn, "] unknown exception").c_str());
    }
  } catch (...) {  // no memory to build the text
    if (out) *out = stand_in(QN_E_RESOURCE_EXHAUSTED);
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

void fail_null(const char* fn, const char* what) { fail_invalid("[", fn, "] ", what, " is NULL"); }

}  // namespace quern::capi

using namespace quern::capi;

uint32_t qn_abi_version(void) { return 1u << 16 | 0u; }

const char* qn_build_info(void) {
  return "version=1.0.0\nabi=1.0\ncompiler=" QN_COMPILER "\nsanitizer=" QN_SANITIZER "\n";
}

qn_proc qn_get_proc(const char*) { return nullptr; }

const char* qn_status_name(qn_status s) {
  switch (s) {
    case QN_OK:
      return "OK";
    case QN_E_CANCELLED:
      return "CANCELLED";
    case QN_E_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case QN_E_NOT_FOUND:
      return "NOT_FOUND";
    case QN_E_ALREADY_EXISTS:
      return "ALREADY_EXISTS";
    case QN_E_PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case QN_E_RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case QN_E_FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case QN_E_OUT_OF_RANGE:
      return "OUT_OF_RANGE";
    case QN_E_UNIMPLEMENTED:
      return "UNIMPLEMENTED";
    case QN_E_INTERNAL:
      return "INTERNAL";
    case QN_E_UNAVAILABLE:
      return "UNAVAILABLE";
    case QN_E_DATA_LOSS:
      return "DATA_LOSS";
    default:
      return "UNKNOWN";
  }
}

qn_status qn_error_code(const qn_error* e) { return e ? e->code : QN_OK; }

const char* qn_error_message(const qn_error* e) { return e ? e->text : ""; }

void qn_error_free(qn_error* e) {
  if (e && !is_stand_in(e)) ::operator delete(e);
}

qn_status qn_error_new(qn_status code, const char* message, qn_error** out) {
  return set_error(out, code, message ? message : "");
}
