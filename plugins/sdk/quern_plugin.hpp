// Header-only help for plugins written in C++: attribute access, layout descriptions, offering,
// table building. Not part of the ABI: a plugin may be written against kernel.h alone.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <limits>
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

// The product of two counts; the largest number where it is larger. Neither is negative.
inline std::int64_t saturating_product(std::int64_t a, std::int64_t b) {
  std::int64_t n;
  return __builtin_mul_overflow(a, b, &n) ? std::numeric_limits<std::int64_t>::max() : n;
}

// Elements of the shape, which may be any: 0 with an axis of size 0 (or less), the largest number
// where there are more. What is `sound` has at most 2^60.
inline std::int64_t element_count(const qn_array_desc& a) {
  std::int64_t n = 1;
  for (std::uint32_t i = 0; i < a.ndim; ++i) {
    if (a.shape[i] <= 0) return 0;
    n = saturating_product(n, a.shape[i]);
  }
  return n;
}

inline bool known_dtype(qn_dtype t) {
  switch (t) {
    case QN_BOOL:
    case QN_U8:
    case QN_U16:
    case QN_U32:
    case QN_U64:
    case QN_I8:
    case QN_I16:
    case QN_I32:
    case QN_I64:
    case QN_F16:
    case QN_BF16:
    case QN_F32:
    case QN_F64:
    case QN_C64:
      return true;
    default:
      return false;
  }
}

namespace detail {

inline bool sound_array(const qn_array_desc& a) {
  if (a.hdr.struct_size < sizeof a || !known_dtype(a.dtype) || (a.ndim && !a.shape)) return false;
  // Sizes of 0 count as 1: strides are made from the others.
  std::int64_t left = (std::int64_t{1} << 60) / itemsize(a.dtype);
  for (std::uint32_t i = 0; i < a.ndim; ++i) {
    if (a.shape[i] < 0) return false;
    if (a.shape[i] > 1) left /= a.shape[i];
    if (left == 0) return false;
  }
  if (a.layout.kind == QN_LAYOUT_NAMED) return a.layout.name.ptr != nullptr;
  return a.layout.kind == QN_LAYOUT_STRIDED;
}

inline bool sound_program(const qn_program& p) {
  if (p.hdr.struct_size < sizeof p || p.version != 1) return false;
  if ((p.n_in && !p.in_dtype) || (p.n_inst && !p.inst) || (p.n_out && !p.out)) return false;
  for (std::uint32_t i = 0; i < p.n_in; ++i)
    if (!known_dtype(p.in_dtype[i])) return false;
  for (std::uint32_t i = 0; i < p.n_inst; ++i)
    if (!known_dtype(p.inst[i].dtype)) return false;
  return true;
}

}  // namespace detail

// False for a description that no kernel should look into further: a struct cut short, pointers
// that are missing, dtypes this header does not know, negative sizes, more bytes than there can be.
// For query and plan, before anything else reads op.
inline bool sound(const qn_opdesc& op) {
  if (op.hdr.struct_size < sizeof op || op.n_op_in > op.n_in) return false;
  if ((op.n_in && !op.in) || (op.n_out && !op.out) || (op.n_attr && !op.attr)) return false;
  for (std::uint32_t i = 0; i < op.n_in; ++i)
    if (!detail::sound_array(op.in[i])) return false;
  for (std::uint32_t i = 0; i < op.n_out; ++i)
    if (!detail::sound_array(op.out[i])) return false;
  return !op.program || detail::sound_program(*op.program);
}

// True when every STRIDED operand axis of size > 1 has row-major strides.
inline bool is_row_major(const qn_array_desc& a) {
  if (a.layout.kind != QN_LAYOUT_STRIDED) return false;
  if (!a.layout.strides) return true;
  std::int64_t want = 1;
  for (std::uint32_t i = a.ndim; i-- > 0;) {
    if (a.shape[i] == 0) return true;
    if (a.shape[i] > 1 && a.layout.strides[i] != want) return false;
    want = saturating_product(want, a.shape[i]);
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

// A relayout by tiles between the two layouts that op asks for.
inline qn_candidate relayout_candidate(const qn_opdesc& op, const char* name,
                                       std::uint32_t kernel_id, double est_ns) {
  qn_candidate c = candidate(name, kernel_id, est_ns);
  c.threading = QN_THREADING_TILES;
  c.n_in = c.n_out = 1;
  c.in = &op.in[0].layout;
  c.out = &op.out[0].layout;
  c.confidence = QN_CONFIDENCE_MODEL;
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
