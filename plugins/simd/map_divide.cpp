// Quotients and remainders of integers, rounded down, 0 where the divisor is 0: no instruction set
// divides vectors of integers, so they go through floats that hold every quotient exactly.
// Not here: division of floats, and of bool (map_int.cpp).
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "plugins/simd/map.h"
#include "plugins/simd/plain_loop.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_divide.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX3
QUERN_WIDE_VECTORS
#endif

// Quotients of 16 bits fit f32, those of 32 bits f64: q = x / y, rounded to 24 or 53 bits, is a
// whole number only where x / y is one, for that lies 1 / y away from the next otherwise. Half of
// that added to x leaves room for the rounding of a product with 1 / y.
template <class T>
struct Through {
  using F = std::conditional_t<sizeof(T) <= 2, float, double>;
  using B = std::conditional_t<sizeof(T) <= 2, std::uint32_t, std::uint64_t>;
  using U = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  // Added, it leaves the nearest whole number in the lowest bits.
  static constexpr F kMagic = sizeof(T) <= 2 ? F(12582912.0) : F(6755399441055744.0);

  static HWY_INLINE U Down(F q) {
    F t = (q + kMagic) - kMagic;
    t -= t > q ? F(1) : F(0);
    const B bits = std::bit_cast<B>(t + kMagic);
    return static_cast<U>(sizeof(T) == 8 ? bits - std::bit_cast<B>(kMagic) : bits);
  }
};

template <class T, bool kRemainder>
HWY_INLINE T Result(T x, T y, typename Through<T>::U q) {
  using U = typename Through<T>::U;
  const auto z =
      kRemainder ? static_cast<T>(static_cast<U>(x) - q * static_cast<U>(y)) : static_cast<T>(q);
  return y != 0 ? z : T(0);
}

template <class T, bool kRemainder>
HWY_INLINE void ByFloats(const T* x, const T* y, T* out, std::size_t n) {
  using F = typename Through<T>::F;
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) {
    const T d = y[i];
    const T safe = d != 0 ? d : T(1);
    const auto q = Through<T>::Down(static_cast<F>(x[i]) / static_cast<F>(safe));
    out[i] = Result<T, kRemainder>(x[i], d, q);
  }
}

template <class T, bool kRemainder>
HWY_INLINE void ByFloats(const T* x, T y, T* out, std::size_t n) {
  using F = typename Through<T>::F;
  if (y == 0) {
    std::memset(out, 0, n * sizeof(T));
    return;
  }
  const F inverse = F(1) / static_cast<F>(y), half = y > 0 ? F(0.5) : F(-0.5);
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) {
    const auto q = Through<T>::Down((static_cast<F>(x[i]) + half) * inverse);
    out[i] = Result<T, kRemainder>(x[i], y, q);
  }
}

// 64 bits: below 2^50 through f64 as well.
template <class T>
HWY_INLINE bool AllSmall(const T* x, std::size_t n) {
  std::uint64_t high = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if constexpr (std::is_signed_v<T>)
      high |= static_cast<std::uint64_t>(x[i] ^ (x[i] >> 63));
    else
      high |= x[i];
  }
  return high >> 50 == 0;
}

template <class T, bool kRemainder>
T Exactly(T x, T y) {
  if (y == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (y == -1) return kRemainder ? T(0) : static_cast<T>(0u - static_cast<std::uint64_t>(x));
    const T q = x / y, r = x % y;
    const bool down = r != 0 && (r < 0) != (y < 0);
    if (kRemainder) return down ? r + y : r;
    return down ? q - 1 : q;
  }
  return kRemainder ? x % y : x / y;
}

template <class T, bool kRemainder, bool kUniform>
void Divide(const void* const* src, void* dst, std::size_t n) {
  const auto *x = static_cast<const T*>(src[0]), *y = static_cast<const T*>(src[1]);
  auto* out = static_cast<T*>(dst);
  if constexpr (sizeof(T) < 8) {
    if constexpr (kUniform)
      ByFloats<T, kRemainder>(x, *y, out, n);
    else
      ByFloats<T, kRemainder>(x, y, out, n);
  } else {
    const T y0 = kUniform ? *y : T(0);
    constexpr std::size_t kBlock = 256;
    for (std::size_t i = 0; i < n; i += kBlock) {
      const std::size_t m = n - i < kBlock ? n - i : kBlock;
      if (!AllSmall(x + i, m) || !AllSmall(kUniform ? &y0 : y + i, kUniform ? 1 : m)) {
        for (std::size_t k = i; k < i + m; ++k)
          out[k] = Exactly<T, kRemainder>(x[k], kUniform ? y0 : y[k]);
      } else if constexpr (kUniform) {
        ByFloats<T, kRemainder>(x + i, y0, out + i, m);
      } else {
        ByFloats<T, kRemainder>(x + i, y + i, out + i, m);
      }
    }
  }
}

template <class T>
MapFn DivideOf(bool remainder, bool uniform) {
  if (remainder) return uniform ? Divide<T, true, true> : Divide<T, true, false>;
  return uniform ? Divide<T, false, true> : Divide<T, false, false>;
}

MapFn GetDivideFn(Lane in, bool remainder, bool uniform) {
  switch (in) {
    case Lane::kI8:
      return DivideOf<std::int8_t>(remainder, uniform);
    case Lane::kU8:
      return DivideOf<std::uint8_t>(remainder, uniform);
    case Lane::kI16:
      return DivideOf<std::int16_t>(remainder, uniform);
    case Lane::kU16:
      return DivideOf<std::uint16_t>(remainder, uniform);
    case Lane::kI32:
      return DivideOf<std::int32_t>(remainder, uniform);
    case Lane::kU32:
      return DivideOf<std::uint32_t>(remainder, uniform);
    case Lane::kI64:
      return DivideOf<std::int64_t>(remainder, uniform);
    case Lane::kU64:
      return DivideOf<std::uint64_t>(remainder, uniform);
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetDivideFn);

MapFn divide_fn(Lane in, bool remainder, bool uniform) {
  return HWY_DYNAMIC_DISPATCH(GetDivideFn)(in, remainder, uniform);
}

}  // namespace quern::simd
#endif
