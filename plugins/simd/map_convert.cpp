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
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX3
QUERN_WIDE_VECTORS
#endif

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

// Floats to integers that are the low bits of a saturated i32.
template <class F, class To>
void Truncate(const void* const* src, void* dst, std::size_t n) {
  const hn::ScalableTag<F> d;
  const hn::Rebind<std::int32_t, decltype(d)> di;
  const hn::Rebind<std::uint32_t, decltype(d)> du;
  const hn::Rebind<To, decltype(d)> dt;
  const std::size_t lanes = hn::Lanes(d);
  const auto* a = static_cast<const F*>(src[0]);
  auto* out = static_cast<To*>(dst);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto x = hn::LoadU(d, a + i);
    x = hn::IfThenElseZero(hn::Eq(x, x), x);
    hn::Vec<decltype(di)> v;
    if constexpr (sizeof(F) == 4)
      v = hn::ConvertTo(di, x);
    else
      v = hn::DemoteTo(di, x);
    if constexpr (sizeof(To) == 4)
      hn::StoreU(v, dt, out + i);
    else
      hn::StoreU(hn::TruncateTo(dt, hn::BitCast(du, v)), dt, out + i);
  }
  for (; i < n; ++i) out[i] = Cast<To>(a[i]);
}

// The f32 beside x, away from 0 or towards it, that has an odd last bit, where x is not itself one.
HWY_INLINE float OddFloat(double x) {
  const double size = x < 0 ? -x : x;
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  const double near = std::bit_cast<float>(bits & 0x7fffffffu);
  if (near == size || (bits & 1u) || !(size < double{std::numeric_limits<float>::max()}))
    return std::bit_cast<float>(bits);
  return std::bit_cast<float>(near > size ? bits - 1 : bits + 1);
}

// The last bit of f32 takes up what is below it; numbers that are denormal in f32 have fewer bits.
template <class From>
void ToFloatOdd(const void* const* src, void* dst, std::size_t n) {
  const auto* a = static_cast<const From*>(src[0]);
  auto* out = static_cast<float*>(dst);
  constexpr std::uint64_t kBelow = (std::uint64_t{1} << 29) - 1;
  constexpr std::size_t kBlock = 256;
  for (std::size_t i = 0; i < n; i += kBlock) {
    const std::size_t end = n - i < kBlock ? n : i + kBlock;
    if constexpr (std::is_same_v<From, double>) {
      std::uint64_t small = 0;
      for (std::size_t k = i; k < end; ++k) {
        const std::uint64_t bits = std::bit_cast<std::uint64_t>(a[k]) << 1;
        small |= static_cast<std::uint64_t>(bits != 0) &
                 static_cast<std::uint64_t>(bits < std::uint64_t{897} << 53);  // 2^-126
      }
      if (small) {
        for (std::size_t k = i; k < end; ++k) out[k] = OddFloat(a[k]);
        continue;
      }
    } else {
      std::make_unsigned_t<From> high = 0;
      for (std::size_t k = i; k < end; ++k) {
        if constexpr (std::is_signed_v<From>)
          high |= static_cast<std::make_unsigned_t<From>>(a[k] ^ (a[k] >> (sizeof(From) * 8 - 1)));
        else
          high |= a[k];
      }
      if (high >> 24 == 0) {  // exact
        for (std::size_t k = i; k < end; ++k) out[k] = static_cast<float>(a[k]);
        continue;
      }
    }
    QUERN_VECTORS
    for (std::size_t k = i; k < end; ++k) {
      const auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(a[k]));
      const std::uint64_t odd = (bits & ~kBelow) | (bits & kBelow ? kBelow + 1 : 0);
      out[k] = static_cast<float>(std::bit_cast<double>(odd));
    }
  }
}

template <class From, class To>
MapFn ToInt32() {
  if constexpr (std::is_floating_point_v<From>)
    return Truncate<From, To>;
  else
    return Convert<From, To>;
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
      return ToInt32<From, std::uint8_t>();
    case Lane::kI16:
    case Lane::kU16:
      return ToInt32<From, std::uint16_t>();
    case Lane::kI32:
      return ToInt32<From, std::int32_t>();
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
