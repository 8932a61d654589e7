// Header-only help for plugins written in C++: attribute access, layout descriptions, offering,
// table building. Not part of the ABI: a plugin may be written against kernel.h alone.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>

#include "quern/kernel.h"

namespace quern::sdk {

inline std::int64_t attr_int(const qn_opdesc& op, unsigned k) { return op.attr[k].v.i; }
inline double attr_float(const qn_opdesc& op, unsigned k) { return op.attr[k].v.f; }
inline const std::int64_t* attr_ints(const qn_opdesc& op, unsigned k) { return op.attr[k].v.is; }
inline unsigned attr_count(const qn_opdesc& op, unsigned k) { return op.attr[k].count; }
inline std::string_view attr_str(const qn_opdesc& op, unsigned k) {
  return {op.attr[k].v.s, op.attr[k].count};
}

inline unsigned itemsize(qn_dtype t) { return (t >> 8 & 0xffu) / 8u; }

inline std::int64_t element_count(const qn_array_desc& a) {
  std::int64_t n = 1;
  for (std::uint32_t i = 0; i < a.ndim; ++i) n *= a.shape[i];
  return n;
}

// True when every STRIDED operand axis of size > 1 has row-major strides.
inline bool is_row_major(const qn_array_desc& a) {
  if (a.layout.kind != QN_LAYOUT_STRIDED) return false;
  if (!a.layout.strides) return true;
  std::int64_t want = 1;
  for (std::uint32_t i = a.ndim; i-- > 0;) {
    if (a.shape[i] == 0) return true;
    if (a.shape[i] > 1 && a.layout.strides[i] != want) return false;
    want *= a.shape[i];
  }
  return true;
}

inline qn_layout any_strides() { return {QN_LAYOUT_STRIDED, 0, nullptr, {nullptr, 0}, 0}; }
inline qn_layout with_strides(const std::int64_t* s) {
  return {QN_LAYOUT_STRIDED, 0, s, {nullptr, 0}, 0};
}
inline qn_layout named(const std::string& n, std::uint64_t bytes) {
  return {QN_LAYOUT_NAMED, 0, nullptr, {n.data(), n.size()}, bytes};
}

// A candidate with all defaults: serial, any strides in, row-major out.
inline qn_candidate candidate(const char* name, std::uint32_t kernel_id, double est_ns) {
  qn_candidate c{};
  c.hdr.struct_size = sizeof c;
  c.name = {name, std::strlen(name)};
  c.kernel_id = kernel_id;
  c.est_ns = est_ns;
  c.confidence = QN_CONFIDENCE_GUESS;
  c.deterministic = 1;
  return c;
}

// Runs f() -> qn_status and turns exceptions into codes with text.
template <typename F>
qn_status guarded(const qn_host* host, qn_error_slot* slot, F&& f) noexcept {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    if (host) host->error(slot, "out of memory");
    return QN_E_RESOURCE_EXHAUSTED;
  } catch (const std::exception& e) {
    if (host) host->error(slot, e.what());
    return QN_E_INTERNAL;
  } catch (...) {
    if (host) host->error(slot, "unknown exception");
    return QN_E_INTERNAL;
  }
}

}  // namespace quern::sdk
