// Loops of one step over arrays of floats or doubles, and the cheap operations that both share.
// Included once for each instruction set, inside Highway's target namespace. Not here: functions
// that take more than a few instructions (vmath-inl.h, vmath_inverse-inl.h).
#if defined(QUERN_SIMD_MAP_LOOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_MAP_LOOP_INL_H_
#undef QUERN_SIMD_MAP_LOOP_INL_H_
#else
#define QUERN_SIMD_MAP_LOOP_INL_H_
#endif

#include <cmath>
#include <cstring>
#include <limits>

#include "hwy/highway.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// Also true for NaN: Highway's Ne is false for it on some targets, so it must not be used on
// floats.
template <class D, class V>
HWY_INLINE hn::Mask<D> NonZero(D d, V x) {
  return hn::Not(hn::Eq(x, hn::Zero(d)));
}

#define QUERN_UNARY(Name, ...)                  \
  struct Name {                                 \
    template <class D, class V>                 \
    static HWY_INLINE auto Do(D d, V x, V, V) { \
      (void)d;                                  \
      return __VA_ARGS__;                       \
    }                                           \
  };
#define QUERN_BINARY(Name, ...)                   \
  struct Name {                                   \
    template <class D, class V>                   \
    static HWY_INLINE auto Do(D d, V x, V y, V) { \
      (void)d;                                    \
      return __VA_ARGS__;                         \
    }                                             \
  };

QUERN_UNARY(OpNeg, hn::Neg(x))
QUERN_UNARY(OpAbs, hn::Abs(x))
QUERN_UNARY(OpSquare, hn::Mul(x, x))
QUERN_UNARY(OpSqrt, VSqrt(d, x))
QUERN_UNARY(OpRsqrt, VRsqrt(d, x))
QUERN_UNARY(OpReciprocal, hn::Div(hn::Set(d, 1), x))
QUERN_UNARY(OpFloor, hn::Floor(x))
QUERN_UNARY(OpCeil, hn::Ceil(x))
QUERN_UNARY(OpRound, hn::Round(x))
QUERN_UNARY(OpTrunc, hn::Trunc(x))
QUERN_UNARY(OpRelu, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x))
// 0 of the sign of x where it is neither above nor below 0.
QUERN_UNARY(OpSign,
            hn::IfThenElseZero(hn::Lt(hn::Zero(d), hn::Abs(x)), hn::CopySign(hn::Set(d, 1), x)))
QUERN_UNARY(OpIsNan, hn::Not(hn::Eq(x, x)))
QUERN_UNARY(OpIsInf, hn::Eq(hn::Abs(x), hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity())))

QUERN_BINARY(OpAdd, hn::Add(x, y))
QUERN_BINARY(OpSub, hn::Sub(x, y))
QUERN_BINARY(OpMul, hn::Mul(x, y))
QUERN_BINARY(OpDiv, hn::Div(x, y))
// By a divisor that all share, far from overflow. The quotient by its reciprocal is corrected by
// its remainder twice: the first time it comes within one unit in the last place, the second time
// it is rounded as a division (P. Markstein, IBM J. Res. Dev. 34(1), 1990). Where that would
// overflow or lose the remainder it stays within two units.
struct OpDivShared {
  template <class D, class V>
  static HWY_INLINE V Do(D d, V x, V y, V) {
    using T = hn::TFromD<D>;
    const auto r = hn::Div(hn::Set(d, T(1)), y);  // moved out of the loop
    const auto plain = hn::Mul(x, r);
    auto q = hn::MulAdd(hn::NegMulAdd(plain, y, x), r, plain);
    q = hn::MulAdd(hn::NegMulAdd(q, y, x), r, q);
    const auto size = hn::Abs(plain);
    const auto sure =
        hn::And(hn::Gt(size, hn::Set(d, T(1e-25))), hn::Lt(size, hn::Set(d, T(1e37))));
    return hn::IfThenElse(sure, q, plain);
  }
};
QUERN_BINARY(OpFloorDivide, hn::Floor(hn::Div(x, y)))
QUERN_BINARY(OpMax, VMax(d, x, y))
QUERN_BINARY(OpMin, VMin(d, x, y))
QUERN_BINARY(OpEq, hn::Eq(x, y))
QUERN_BINARY(OpNe, hn::Not(hn::Eq(x, y)))
QUERN_BINARY(OpLt, hn::Lt(x, y))
QUERN_BINARY(OpLe, hn::Le(x, y))

template <bool kUniform, class D, class T>
HWY_INLINE hn::Vec<D> Fetch(D d, const T* p, std::size_t i, hn::Vec<D> uniform) {
  if constexpr (kUniform) {
    (void)d, (void)p, (void)i;
    return uniform;
  } else {
    return hn::LoadU(d, p + i);
  }
}

// A mask as bytes of 0 and 1.
template <class D>
HWY_INLINE void StoreTruth(D d, hn::Mask<D> m, std::uint8_t* to) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  (void)d;
  const __m128i bytes = _mm_maskz_set1_epi8(static_cast<__mmask16>(m.raw), 1);
  if constexpr (hn::MaxLanes(D()) == 16)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  else
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), bytes);
#else
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<std::uint8_t, D> d8;
  const auto ones = hn::And(hn::BitCast(du, hn::VecFromMask(d, m)), hn::Set(du, 1));
  hn::StoreU(hn::TruncateTo(d8, ones), d8, to);
#endif
}

// One step over n elements; the operands in kMask are uniform, the result is of their type or, of
// ops that test, bytes. The tail goes through a padded copy, so that no byte past the arrays is
// touched.
template <class Op, class T, int kArity, unsigned kMask>
void Loop(const void* const* src, void* dst, std::size_t n) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr bool kTest = std::is_same_v<decltype(Op::Do(d, V(), V(), V())), hn::Mask<decltype(d)>>;
  using Out = std::conditional_t<kTest, std::uint8_t, T>;
  const auto store = [d](auto y, Out* to) HWY_ATTR {
    if constexpr (kTest)
      StoreTruth(d, y, to);
    else
      hn::StoreU(y, d, to);
  };
  const std::size_t lanes = hn::Lanes(d);
  const T* a = static_cast<const T*>(src[0]);
  const T* b = static_cast<const T*>(kArity > 1 ? src[1] : src[0]);
  const T* c = static_cast<const T*>(kArity > 2 ? src[2] : src[0]);
  Out* out = static_cast<Out*>(dst);
  constexpr bool kA = kMask & 1, kB = kArity > 1 ? (kMask & 2) != 0 : kA,
                 kC = kArity > 2 ? (kMask & 4) != 0 : kA;
  const auto ua = hn::Set(d, kA ? *a : T(0)), ub = hn::Set(d, kB ? *b : T(0)),
             uc = hn::Set(d, kC ? *c : T(0));
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    store(Op::Do(d, Fetch<kA>(d, a, i, ua), Fetch<kB>(d, b, i, ub), Fetch<kC>(d, c, i, uc)),
          out + i);
  if (i == n) return;
  HWY_ALIGN T tail[3 * hn::MaxLanes(d)] = {};
  HWY_ALIGN Out last[hn::MaxLanes(d)];
  const std::size_t bytes = (n - i) * sizeof(T);
  if (!kA) std::memcpy(tail, a + i, bytes);
  if (!kB) std::memcpy(tail + lanes, b + i, bytes);
  if (!kC) std::memcpy(tail + 2 * lanes, c + i, bytes);
  store(Op::Do(d, Fetch<kA>(d, tail, 0, ua), Fetch<kB>(d, tail + lanes, 0, ub),
               Fetch<kC>(d, tail + 2 * lanes, 0, uc)),
        last);
  std::memcpy(out + i, last, (n - i) * sizeof(Out));
}

// The variants of a binary op: both arrays, the first uniform, the second uniform.
template <class Op, class T>
MapFn Two(unsigned mask) {
  switch (mask) {
    case 0:
      return Loop<Op, T, 2, 0>;
    case 1:
      return Loop<Op, T, 2, 1>;
    case 2:
      return Loop<Op, T, 2, 2>;
    default:
      return nullptr;
  }
}

// x / y for one y: a product where y is a power of two, the same number then.
template <class T>
void DivideByOne(const void* const* src, void* dst, std::size_t n) {
  const T y = *static_cast<const T*>(src[1]);
  int exponent = 0;
  const T fraction = std::frexp(std::abs(y), &exponent);
  const bool middle = exponent > -80 && exponent < 80;  // false for infinity and NaN as well
  if (middle && fraction == T(0.5)) {
    const T r = 1 / y;
    const void* const by[2] = {src[0], &r};
    return Loop<OpMul, T, 2, 2>(by, dst, n);
  }
  if (middle && fraction > T(0.5) && fraction < 1) return Loop<OpDivShared, T, 2, 2>(src, dst, n);
  Loop<OpDiv, T, 2, 2>(src, dst, n);
}

// Two steps in one pass.
template <class First, class Second, bool kTurned>
struct OpPair {
  template <class D, class V>
  static HWY_INLINE V Do(D d, V x, V y, V z) {
    const V t = First::Do(d, x, y, y);
    if constexpr (kTurned) return Second::Do(d, z, t, t);
    return Second::Do(d, t, z, z);
  }
};

template <class First, class Second, class T, bool kTurned>
MapFn Pair(unsigned mask) {
  using Op = OpPair<First, Second, kTurned>;
  switch (mask) {
    case 0:
      return Loop<Op, T, 3, 0>;
    case 1:
      return Loop<Op, T, 3, 1>;
    case 2:
      return Loop<Op, T, 3, 2>;
    case 4:
      return Loop<Op, T, 3, 4>;
    case 5:
      return Loop<Op, T, 3, 5>;
    case 6:
      return Loop<Op, T, 3, 6>;
    default:
      return nullptr;
  }
}

// Ops of a few instructions on floats or doubles.
template <class T>
MapFn CheapFn(std::uint32_t op, unsigned mask) {
  switch (op) {
    case QN_OP_ADD:
      return Two<OpAdd, T>(mask);
    case QN_OP_SUBTRACT:
      return Two<OpSub, T>(mask);
    case QN_OP_MULTIPLY:
      return Two<OpMul, T>(mask);
    case QN_OP_DIVIDE:
      return mask == 2 ? DivideByOne<T> : Two<OpDiv, T>(mask);
    case QN_OP_FLOOR_DIVIDE:
      return Two<OpFloorDivide, T>(mask);
    case QN_OP_MAXIMUM:
      return Two<OpMax, T>(mask);
    case QN_OP_MINIMUM:
      return Two<OpMin, T>(mask);
    case kInstMaxMin:
      return Pair<OpMax, OpMin, T, false>(mask);
    case kInstMinMax:
      return Pair<OpMin, OpMax, T, false>(mask);
    case QN_OP_EQUAL:
      return Two<OpEq, T>(mask);
    case QN_OP_NOT_EQUAL:
      return Two<OpNe, T>(mask);
    case QN_OP_LESS:
      return Two<OpLt, T>(mask);
    case QN_OP_LESS_EQUAL:
      return Two<OpLe, T>(mask);
    default:
      break;
  }
  if (mask) return nullptr;
  switch (op) {
    case QN_OP_NEGATIVE:
      return Loop<OpNeg, T, 1, 0>;
    case QN_OP_ABS:
      return Loop<OpAbs, T, 1, 0>;
    case QN_OP_SIGN:
      return Loop<OpSign, T, 1, 0>;
    case QN_OP_SQUARE:
      return Loop<OpSquare, T, 1, 0>;
    case QN_OP_SQRT:
      return Loop<OpSqrt, T, 1, 0>;
    case QN_OP_RSQRT:
      return Loop<OpRsqrt, T, 1, 0>;
    case QN_OP_RECIPROCAL:
      return Loop<OpReciprocal, T, 1, 0>;
    case QN_OP_FLOOR:
      return Loop<OpFloor, T, 1, 0>;
    case QN_OP_CEIL:
      return Loop<OpCeil, T, 1, 0>;
    case QN_OP_ROUND:
      return Loop<OpRound, T, 1, 0>;
    case QN_OP_TRUNC:
      return Loop<OpTrunc, T, 1, 0>;
    case QN_OP_RELU:
      return Loop<OpRelu, T, 1, 0>;
    case QN_OP_ISNAN:
      return Loop<OpIsNan, T, 1, 0>;
    case QN_OP_ISINF:
      return Loop<OpIsInf, T, 1, 0>;
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
