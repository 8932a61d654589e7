// Element types of the naive kernels: f16 and bf16 in portable bit code, loads and stores, dispatch
// by dtype. Knows nothing of arrays, ops or plans.
#pragma once
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "quern/base.h"

namespace quern::naive {

inline std::uint32_t float_bits(float f) {
  std::uint32_t u;
  std::memcpy(&u, &f, sizeof u);
  return u;
}

inline float bits_float(std::uint32_t u) {
  float f;
  std::memcpy(&f, &u, sizeof f);
  return f;
}

inline float f16_to_f32(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000u) << 16;
  const std::uint32_t exponent = h >> 10 & 0x1fu, mantissa = h & 0x3ffu;
  if (exponent == 31) return bits_float(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in f32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return bits_float(sign | (exponent + 112u) << 23 | mantissa << 13);
}

// Round to nearest, ties to even; overflow to infinity; NaN stays a quiet NaN.
inline std::uint16_t f32_to_f16(float f) {
  const std::uint32_t u = float_bits(f), sign = u >> 16 & 0x8000u, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<std::uint16_t>(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // >= 65536
  if (magnitude < 0x38800000u) {  // below 2^-14: the sum's last bit weighs 2^-24, so the FPU rounds
    const float rounded = bits_float(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (float_bits(rounded) - 0x3f000000u));
  }
  const std::uint32_t odd = magnitude >> 13 & 1u;
  return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

inline float bf16_to_f32(std::uint16_t h) {
  return bits_float(static_cast<std::uint32_t>(h) << 16);
}

inline std::uint16_t f32_to_bf16(float f) {
  const std::uint32_t u = float_bits(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(u >> 16 | 0x40u);
  return static_cast<std::uint16_t>((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

// f64 -> f32 rounded to odd: a second rounding to 16 bits then gives the correctly rounded result.
inline float to_f32_odd(double d) {
  const float f = static_cast<float>(d);
  if (!(std::abs(d) < static_cast<double>(std::numeric_limits<float>::max())) || f == d) return f;
  std::uint32_t u = float_bits(f);
  if (!(u & 1u)) u = std::abs(static_cast<double>(f)) > std::abs(d) ? u - 1 : u + 1;
  return bits_float(u);
}

// Stored forms of the types C++ lacks. A bool is a byte: any non-zero value reads as true.
struct Bool {
  std::uint8_t byte;
};
struct F16 {
  std::uint16_t bits;
};
struct BF16 {
  std::uint16_t bits;
};

using C64 = std::complex<float>;

// compute_t<T>: the C++ type in which an element stored as T is computed.
template <typename T>
struct Compute {
  using type = T;
};
template <>
struct Compute<Bool> {
  using type = bool;
};
template <>
struct Compute<F16> {
  using type = float;
};
template <>
struct Compute<BF16> {
  using type = float;
};
template <typename T>
using compute_t = typename Compute<T>::type;

// The accumulator of T: f64 for all floats, complex f64 for c64, else the compute type.
template <typename T>
using accumulate_t = std::conditional_t<
    std::is_same_v<T, C64>, std::complex<double>,
    std::conditional_t<std::is_floating_point_v<compute_t<T>>, double, compute_t<T>>>;

template <typename T>
compute_t<T> decode(T v) {
  if constexpr (std::is_same_v<T, Bool>)
    return v.byte != 0;
  else if constexpr (std::is_same_v<T, F16>)
    return f16_to_f32(v.bits);
  else if constexpr (std::is_same_v<T, BF16>)
    return bf16_to_f32(v.bits);
  else
    return v;
}

// Takes the compute type or a double, which is rounded once.
template <typename T, typename V>
T encode(V v) {
  if constexpr (std::is_same_v<T, Bool>)
    return {static_cast<std::uint8_t>(v != V{})};
  else if constexpr (std::is_same_v<T, F16> && std::is_same_v<V, double>)
    return {f32_to_f16(to_f32_odd(v))};
  else if constexpr (std::is_same_v<T, F16>)
    return {f32_to_f16(static_cast<float>(v))};
  else if constexpr (std::is_same_v<T, BF16> && std::is_same_v<V, double>)
    return {f32_to_bf16(to_f32_odd(v))};
  else if constexpr (std::is_same_v<T, BF16>)
    return {f32_to_bf16(static_cast<float>(v))};
  else
    return static_cast<T>(v);
}

// Element `index` (counted in elements from base, may be negative); base may be unaligned.
template <typename T>
compute_t<T> load(const void* base, std::int64_t index) {
  T v;
  std::memcpy(&v, static_cast<const char*>(base) + index * static_cast<std::int64_t>(sizeof(T)),
              sizeof v);
  return decode<T>(v);
}

template <typename T, typename V>
void store(void* base, std::int64_t index, V value) {
  const T v = encode<T>(value);
  std::memcpy(static_cast<char*>(base) + index * static_cast<std::int64_t>(sizeof(T)), &v,
              sizeof v);
}

// Float to integer without undefined behaviour: truncates, saturates, NaN becomes 0.
template <typename I, typename F>
I saturate(F f) {
  static_assert(std::is_integral_v<I> && std::is_floating_point_v<F>);
  if (!(f == f)) return 0;
  constexpr F above = static_cast<F>(std::numeric_limits<I>::max() / 2 + 1) * 2;  // 2^bits, exact
  if (f >= above) return std::numeric_limits<I>::max();
  if (f <= static_cast<F>(std::numeric_limits<I>::min())) return std::numeric_limits<I>::min();
  return static_cast<I>(f);
}

// The op astype from float to integer: i32 and i64 saturate, narrower types keep the low bits of
// that i32, u32 and u64 the low bits of that i64, so that -1 becomes the largest number; above the
// i64 range u64 saturates on its own.
template <typename I, typename F>
I float_to_int(F f) {
  if constexpr (sizeof(I) < sizeof(std::int32_t))
    return static_cast<I>(saturate<std::int32_t>(f));
  else if constexpr (std::is_same_v<I, std::uint32_t>)
    return static_cast<I>(saturate<std::int64_t>(f));
  else if constexpr (std::is_same_v<I, std::uint64_t>)
    return f < 0 ? static_cast<I>(saturate<std::int64_t>(f)) : saturate<I>(f);
  else
    return saturate<I>(f);
}

inline bool is_float(qn_dtype t) {
  return t == QN_F16 || t == QN_BF16 || t == QN_F32 || t == QN_F64;
}
inline bool is_integer(qn_dtype t) { return (t & 0xffu) <= 1u; }
inline std::uint32_t item_bytes(qn_dtype t) { return (t >> 8 & 0xffu) / 8u; }

template <typename T>
struct Tag {
  using type = T;
};

// Calls f(Tag<T>{}) with the stored type of a floating dtype; false when it is none.
template <typename F>
bool dispatch_float(qn_dtype t, F&& f) {
  switch (t) {
    case QN_F16:
      f(Tag<F16>{});
      return true;
    case QN_BF16:
      f(Tag<BF16>{});
      return true;
    case QN_F32:
      f(Tag<float>{});
      return true;
    case QN_F64:
      f(Tag<double>{});
      return true;
    default:
      return false;
  }
}

template <typename F>
bool dispatch_integer(qn_dtype t, F&& f) {
  switch (t) {
    case QN_U8:
      f(Tag<std::uint8_t>{});
      return true;
    case QN_U16:
      f(Tag<std::uint16_t>{});
      return true;
    case QN_U32:
      f(Tag<std::uint32_t>{});
      return true;
    case QN_U64:
      f(Tag<std::uint64_t>{});
      return true;
    case QN_I8:
      f(Tag<std::int8_t>{});
      return true;
    case QN_I16:
      f(Tag<std::int16_t>{});
      return true;
    case QN_I32:
      f(Tag<std::int32_t>{});
      return true;
    case QN_I64:
      f(Tag<std::int64_t>{});
      return true;
    default:
      return false;
  }
}

// Every dtype but c64.
template <typename F>
bool dispatch(qn_dtype t, F&& f) {
  if (t == QN_BOOL) {
    f(Tag<Bool>{});
    return true;
  }
  return dispatch_float(t, f) || dispatch_integer(t, f);
}

// dispatch, and c64.
template <typename F>
bool dispatch_number(qn_dtype t, F&& f) {
  if (t == QN_C64) {
    f(Tag<C64>{});
    return true;
  }
  return dispatch(t, f);
}

inline bool is_real(qn_dtype t) {
  return dispatch(t, [](auto) {});
}
inline bool is_number(qn_dtype t) { return t == QN_C64 || is_real(t); }  // any known dtype

}  // namespace quern::naive
