// Steps on integers of every width and on bool, and moves of elements of any dtype: plain loops
// that the compiler vectorises, once for each instruction set. Not here: conversions
// (map_convert.cpp), quotients (map_divide.cpp).
#include <cstring>
#include <limits>
#include <type_traits>

#include "plugins/simd/map.h"
#include "plugins/simd/plain_loop.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_int.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX3
QUERN_WIDE_VECTORS
#endif

// Arithmetic wraps: it is done on unsigned numbers and cut to T. Of bool, it is a test for
// non-zero.
template <class T>
using Wide =
    std::conditional_t<sizeof(T) == 8, std::uint64_t,
                       std::conditional_t<std::is_same_v<T, bool>, unsigned, std::uint32_t>>;
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

// The result of `Do` is cut to the operands' type, or to bool.
#define QUERN_STEP(Name, Gives, ...)                                        \
  struct Name {                                                             \
    static constexpr bool kTest = Gives;                                    \
    template <class T>                                                      \
    static HWY_INLINE auto Do([[maybe_unused]] T x, [[maybe_unused]] T y) { \
      [[maybe_unused]] const auto u = static_cast<Wide<T>>(x);              \
      [[maybe_unused]] const auto v = static_cast<Wide<T>>(y);              \
      return __VA_ARGS__;                                                   \
    }                                                                       \
  };

QUERN_STEP(IntAdd, false, u + v)
QUERN_STEP(IntSub, false, u - v)
QUERN_STEP(IntMul, false, u* v)
QUERN_STEP(IntMax, false, x < y ? y : x)
QUERN_STEP(IntMin, false, y < x ? y : x)
QUERN_STEP(IntAnd, false, u& v)
QUERN_STEP(IntOr, false, u | v)
QUERN_STEP(IntXor, false, u ^ v)
QUERN_STEP(IntSquare, false, u* u)
QUERN_STEP(IntRelu, false, x > T(0) ? x : T(0))
QUERN_STEP(IntSign, false, int(x > T(0)) - int(x < T(0)))
QUERN_STEP(IntZero, false, u ^ u)
QUERN_STEP(IntEq, true, x == y)
QUERN_STEP(IntNe, true, x != y)
QUERN_STEP(IntLt, true, x < y)
QUERN_STEP(IntLe, true, x <= y)
QUERN_STEP(IntNever, true, false)

// Of less than 32 bits these are done by operations that compilers do on narrow lanes.
template <class T>
HWY_INLINE Wide<T> Inverted(T x) {
  if constexpr (sizeof(T) < 4)
    return static_cast<std::make_unsigned_t<T>>(x) ^ Wide<T>{std::make_unsigned_t<T>(-1)};
  else
    return ~static_cast<Wide<T>>(x);
}
struct IntNot {
  static constexpr bool kTest = false;
  template <class T>
  static HWY_INLINE auto Do(T x, T) {
    if constexpr (std::is_same_v<T, bool>)
      return !x;
    else
      return Inverted(x);
  }
};
struct IntNeg {
  static constexpr bool kTest = false;
  template <class T>
  static HWY_INLINE auto Do(T x, T) {
    if constexpr (std::is_same_v<T, bool>)
      return x;
    else
      return Inverted(x) + 1u;
  }
};
struct IntAbs {
  static constexpr bool kTest = false;
  template <class T>
  static HWY_INLINE T Do(T x, T) {
    if constexpr (std::is_signed_v<T>) return x < 0 ? T(Wide<T>(0) - static_cast<Wide<T>>(x)) : x;
    return x;
  }
};
// A shift by a negative amount counts as one by the whole width or more.
struct IntShl {
  static constexpr bool kTest = false;
  template <class T>
  static HWY_INLINE T Do(T x, T y) {
    constexpr unsigned kBits = sizeof(T) * 8;
    const auto by = static_cast<std::make_unsigned_t<T>>(y);
    const auto z = static_cast<T>(static_cast<Wide<T>>(x) << (by & (kBits - 1)));
    return by < kBits ? z : T(0);
  }
};
struct IntShr {
  static constexpr bool kTest = false;
  template <class T>
  static HWY_INLINE T Do(T x, T y) {
    constexpr unsigned kBits = sizeof(T) * 8;
    const auto by = static_cast<std::make_unsigned_t<T>>(y);
    if constexpr (std::is_signed_v<T>) return static_cast<T>(x >> (by < kBits ? by : kBits - 1));
    const auto z = static_cast<T>(x >> (by & (kBits - 1)));
    return by < kBits ? z : T(0);
  }
};

template <class Op, class T, int kArity>
void Plain(const void* const* src, void* dst, std::size_t n) {
  using Out = std::conditional_t<Op::kTest, std::uint8_t, Stored<T>>;
  using Cut = std::conditional_t<Op::kTest, bool, T>;
  const auto* a = static_cast<const Stored<T>*>(src[0]);
  const auto* b = static_cast<const Stored<T>*>(src[kArity - 1]);
  auto* out = static_cast<Out*>(dst);
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) {
    const T x = static_cast<T>(a[i]), y = static_cast<T>(b[i]);
    out[i] = static_cast<Out>(static_cast<Cut>(Op::Do(x, y)));
  }
}

// x not below `low` and then not above `high`, or the other way round.
template <class T, bool kLowFirst>
void Clamp(const void* const* src, void* dst, std::size_t n) {
  const auto *x = static_cast<const T*>(src[0]), *first = static_cast<const T*>(src[1]),
             *second = static_cast<const T*>(src[2]);
  auto* out = static_cast<T*>(dst);
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) {
    const T low = kLowFirst ? first[i] : second[i], high = kLowFirst ? second[i] : first[i];
    const T y = kLowFirst ? (x[i] < low ? low : x[i]) : (high < x[i] ? high : x[i]);
    out[i] = kLowFirst ? (high < y ? high : y) : (y < low ? low : y);
  }
}

// Integers by squaring; 0 for a negative exponent.
template <class T>
void Power(const void* const* src, void* dst, std::size_t n) {
  const auto* a = static_cast<const Stored<T>*>(src[0]);
  const auto* b = static_cast<const Stored<T>*>(src[1]);
  auto* out = static_cast<Stored<T>*>(dst);
  for (std::size_t i = 0; i < n; ++i) {
    auto x = static_cast<Wide<T>>(static_cast<T>(a[i]));
    Wide<T> result = 1;
    for (auto e = static_cast<Wide<T>>(static_cast<T>(b[i])); e; e >>= 1) {
      if (e & 1u) result *= x;
      x *= x;
    }
    if constexpr (std::is_signed_v<T>)
      if (b[i] < 0) result = 0;
    out[i] = static_cast<Stored<T>>(static_cast<T>(result));
  }
}

template <class T>
MapFn ArithmeticFn(std::uint32_t op) {
  switch (op) {
    case kInstMaxMin:
      return Clamp<Stored<T>, true>;
    case kInstMinMax:
      return Clamp<Stored<T>, false>;
    case QN_OP_ADD:
      return Plain<IntAdd, T, 2>;
    case QN_OP_SUBTRACT:
      return Plain<IntSub, T, 2>;
    case QN_OP_MULTIPLY:
      return Plain<IntMul, T, 2>;
    case QN_OP_MAXIMUM:
      return Plain<IntMax, T, 2>;
    case QN_OP_MINIMUM:
      return Plain<IntMin, T, 2>;
    case QN_OP_EQUAL:
      return Plain<IntEq, T, 2>;
    case QN_OP_NOT_EQUAL:
      return Plain<IntNe, T, 2>;
    case QN_OP_LESS:
      return Plain<IntLt, T, 2>;
    case QN_OP_LESS_EQUAL:
      return Plain<IntLe, T, 2>;
    case QN_OP_BITWISE_AND:
      return Plain<IntAnd, T, 2>;
    case QN_OP_BITWISE_OR:
      return Plain<IntOr, T, 2>;
    case QN_OP_BITWISE_XOR:
      return Plain<IntXor, T, 2>;
    case QN_OP_POWER:
      return Power<T>;
    case QN_OP_BITWISE_INVERT:
      return Plain<IntNot, T, 1>;
    case QN_OP_NEGATIVE:
      return Plain<IntNeg, T, 1>;
    case QN_OP_SQUARE:
      return Plain<IntSquare, T, 1>;
    case QN_OP_ABS:
      return Plain<IntAbs, T, 1>;
    case QN_OP_SIGN:
      return Plain<IntSign, T, 1>;
    case QN_OP_RELU:
      return Plain<IntRelu, T, 1>;
    case QN_OP_IMAG:
      return Plain<IntZero, T, 1>;
    case QN_OP_ISNAN:
    case QN_OP_ISINF:
      return Plain<IntNever, T, 1>;
    default:
      break;
  }
  if constexpr (!std::is_same_v<T, bool>) {
    if (op == QN_OP_LEFT_SHIFT) return Plain<IntShl, T, 2>;
    if (op == QN_OP_RIGHT_SHIFT) return Plain<IntShr, T, 2>;
  }
  return nullptr;
}

MapFn BoolFn(std::uint32_t op) {
  switch (op) {
    case QN_OP_LOGICAL_AND:
    case QN_OP_FLOOR_DIVIDE:
      return Plain<IntAnd, bool, 2>;
    case QN_OP_LOGICAL_OR:
      return Plain<IntOr, bool, 2>;
    case QN_OP_LOGICAL_NOT:
      return Plain<IntNot, bool, 1>;
    case QN_OP_REMAINDER:
      return Plain<IntZero, bool, 2>;
    default:
      return ArithmeticFn<bool>(op);
  }
}

MapFn GetIntFn(std::uint32_t op, Lane in) {
  switch (in) {
    case Lane::kBool:
      return BoolFn(op);
    case Lane::kI8:
      return ArithmeticFn<std::int8_t>(op);
    case Lane::kU8:
      return ArithmeticFn<std::uint8_t>(op);
    case Lane::kI16:
      return ArithmeticFn<std::int16_t>(op);
    case Lane::kU16:
      return ArithmeticFn<std::uint16_t>(op);
    case Lane::kI32:
      return ArithmeticFn<std::int32_t>(op);
    case Lane::kU32:
      return ArithmeticFn<std::uint32_t>(op);
    case Lane::kI64:
      return ArithmeticFn<std::int64_t>(op);
    case Lane::kU64:
      return ArithmeticFn<std::uint64_t>(op);
    default:
      return nullptr;
  }
}

// ---- moves: what an element means does not matter

template <class T>
void Fill(const void* const* src, void* dst, std::size_t n) {
  const T x = *static_cast<const T*>(src[0]);
  auto* out = static_cast<T*>(dst);
  for (std::size_t i = 0; i < n; ++i) out[i] = x;
}

template <class T>
void Copy(const void* const* src, void* dst, std::size_t n) {
  std::memmove(dst, src[0], n * sizeof(T));
}

// x or y, each one element for all where its flag says so.
template <class T, bool kX, bool kY>
void Where(const void* const* src, void* dst, std::size_t n) {
  const auto* c = static_cast<const std::uint8_t*>(src[0]);
  const auto *x = static_cast<const T*>(src[1]), *y = static_cast<const T*>(src[2]);
  auto* out = static_cast<T*>(dst);
  const T x0 = kX ? *x : T(0), y0 = kY ? *y : T(0);
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) {
    const T p = kX ? x0 : x[i], q = kY ? y0 : y[i];
    out[i] = c[i] != 0 ? p : q;
  }
}

template <class T>
MapFn MoveFn(std::uint32_t op, unsigned mask) {
  if (op == kInstFill) return Fill<T>;
  if (op == kInstCopy) return Copy<T>;
  switch (mask) {
    case 0:
      return Where<T, false, false>;
    case 2:
      return Where<T, true, false>;
    case 4:
      return Where<T, false, true>;
    case 6:
      return Where<T, true, true>;
    default:
      return nullptr;
  }
}

MapFn GetMoveFn(std::uint32_t op, std::uint32_t size, unsigned mask) {
  switch (size) {
    case 1:
      return MoveFn<std::uint8_t>(op, mask);
    case 2:
      return MoveFn<std::uint16_t>(op, mask);
    case 4:
      return MoveFn<std::uint32_t>(op, mask);
    default:
      return MoveFn<std::uint64_t>(op, mask);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetIntFn);
HWY_EXPORT(GetMoveFn);

MapFn integer_fn(std::uint32_t op, Lane in) { return HWY_DYNAMIC_DISPATCH(GetIntFn)(op, in); }

MapFn move_fn(std::uint32_t op, std::uint32_t size, unsigned uniform_mask) {
  return HWY_DYNAMIC_DISPATCH(GetMoveFn)(op, size, uniform_mask);
}

}  // namespace quern::simd
#endif
