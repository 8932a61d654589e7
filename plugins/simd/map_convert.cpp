// Conversions between all lanes, as the op astype does them: plain loops that the compiler
// vectorises, once for each instruction set. Not here: f16 and bf16 in memory (half.cpp).
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "plugins/simd/map.h"
#include "plugins/simd/plain_loop.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_convert.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

struct Pair {
  float re, im;
};
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

// Truncates, saturates, 0 for NaN. The conversion itself always gets a number in range, so that no
// turn of a loop has to branch.
template <class I, class F>
HWY_INLINE I Saturate(F x) {
  constexpr F kLow = static_cast<F>(std::numeric_limits<I>::min()), kAbove = -kLow;
  // The last number below 2^31 or 2^63.
  constexpr F kHigh = std::numeric_limits<F>::digits >= std::numeric_limits<I>::digits
                          ? static_cast<F>(std::numeric_limits<I>::max())
                          : kAbove * (1 - std::numeric_limits<F>::epsilon() / 2);
  F y = x > kLow ? x : kLow;
  y = y < kHigh ? y : kHigh;
  y = x == x ? y : F(0);
  const I i = static_cast<I>(y);
  return x >= kAbove ? std::numeric_limits<I>::max() : i;
}

// i32 and i64 saturate, narrower integers keep the low bits of that i32, u32 and u64 of that i64;
// above its range u64 saturates on its own.
template <class I, class F>
HWY_INLINE I ToInteger(F x) {
  if constexpr (sizeof(I) < 4) {
    return static_cast<I>(Saturate<std::int32_t>(x));
  } else if constexpr (std::is_same_v<I, std::uint32_t>) {
    return static_cast<I>(Saturate<std::int64_t>(x));
  } else if constexpr (std::is_same_v<I, std::uint64_t>) {
    constexpr F kHalf = F(0x1p63);
    const auto high = static_cast<I>(Saturate<std::int64_t>(x - kHalf));
    const I z = x >= kHalf ? high + (I(1) << 63) : static_cast<I>(Saturate<std::int64_t>(x));
    return x >= 2 * kHalf ? std::numeric_limits<I>::max() : z;
  } else {
    return Saturate<I>(x);
  }
}

template <class To, class From>
HWY_INLINE To Cast(From x) {
  if constexpr (std::is_same_v<From, Pair>) {
    if constexpr (std::is_same_v<To, bool>)
      return !(x.re == 0) || !(x.im == 0);
    else
      return Cast<To>(x.re);
  } else if constexpr (std::is_same_v<To, Pair>) {
    return {static_cast<float>(x), 0};
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return ToInteger<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
void Convert(const void* const* src, void* dst, std::size_t n) {
  const auto* a = static_cast<const Stored<From>*>(src[0]);
  auto* out = static_cast<Stored<To>*>(dst);
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) {
    if constexpr (std::is_same_v<From, bool>)
      out[i] = static_cast<Stored<To>>(Cast<To>(a[i] != 0));
    else
      out[i] = static_cast<Stored<To>>(Cast<To>(a[i]));
  }
}

// The f32 beside x away from 0 or towards it that has an odd last bit, where x is not itself one.
template <class From>
void ToFloatOdd(const void* const* src, void* dst, std::size_t n) {
  const auto* a = static_cast<const From*>(src[0]);
  auto* out = static_cast<std::uint32_t*>(dst);
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(a[i]), size = x < 0 ? -x : x;
    const auto f = static_cast<float>(x);
    const auto bits = std::bit_cast<std::uint32_t>(f);
    const double near = std::bit_cast<float>(bits & 0x7fffffffu);
    const std::uint32_t odd = near > size ? bits - 1 : bits + 1;
    const bool keep = near == size || (bits & 1u) != 0 ||
                      !(size < static_cast<double>(std::numeric_limits<float>::max()));
    out[i] = keep ? bits : odd;
  }
}

template <class From>
MapFn FromLane(Lane out) {
  switch (out) {
    case Lane::kFloat:
      return Convert<From, float>;
    case Lane::kDouble:
      return Convert<From, double>;
    case Lane::kComplex:
      return Convert<From, Pair>;
    case Lane::kBool:
      return Convert<From, bool>;
    case Lane::kI8:
    case Lane::kU8:
      return Convert<From, std::uint8_t>;
    case Lane::kI16:
    case Lane::kU16:
      return Convert<From, std::uint16_t>;
    case Lane::kI32:
      return Convert<From, std::int32_t>;
    case Lane::kU32:
      return Convert<From, std::uint32_t>;
    case Lane::kI64:
      return Convert<From, std::int64_t>;
    case Lane::kU64:
      return Convert<From, std::uint64_t>;
  }
  return nullptr;
}

MapFn OddFn(Lane in) {
  switch (in) {
    case Lane::kDouble:
      return ToFloatOdd<double>;
    case Lane::kI32:
      return ToFloatOdd<std::int32_t>;
    case Lane::kU32:
      return ToFloatOdd<std::uint32_t>;
    case Lane::kI64:
      return ToFloatOdd<std::int64_t>;
    case Lane::kU64:
      return ToFloatOdd<std::uint64_t>;
    default:
      return nullptr;
  }
}

MapFn GetConvertFn(Lane in, Lane out) {
  switch (in) {
    case Lane::kFloat:
      return FromLane<float>(out);
    case Lane::kDouble:
      return FromLane<double>(out);
    case Lane::kComplex:
      return out == Lane::kComplex ? nullptr : FromLane<Pair>(out);
    case Lane::kBool:
      return FromLane<bool>(out);
    case Lane::kI8:
      return FromLane<std::int8_t>(out);
    case Lane::kU8:
      return FromLane<std::uint8_t>(out);
    case Lane::kI16:
      return FromLane<std::int16_t>(out);
    case Lane::kU16:
      return FromLane<std::uint16_t>(out);
    case Lane::kI32:
      return FromLane<std::int32_t>(out);
    case Lane::kU32:
      return FromLane<std::uint32_t>(out);
    case Lane::kI64:
      return FromLane<std::int64_t>(out);
    case Lane::kU64:
      return FromLane<std::uint64_t>(out);
  }
  return nullptr;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetConvertFn);
HWY_EXPORT(OddFn);

MapFn convert_fn(Lane in, Lane out) { return HWY_DYNAMIC_DISPATCH(GetConvertFn)(in, out); }
MapFn odd_fn(Lane in) { return HWY_DYNAMIC_DISPATCH(OddFn)(in); }

}  // namespace quern::simd
#endif
