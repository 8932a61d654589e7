// The vector loops of element-wise programs, one a step, for every instruction set.
// Not here: which loop a program needs (map_plan.cpp) and ops without vector code (map_scalar.cpp).
#include <cmath>
#include <cstring>
#include <limits>

#include "plugins/simd/map.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

template <class D, class M>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> OneOrZero(D, M m) {
  const hn::RebindToSigned<D> di;
  return hn::And(hn::BitCast(di, hn::VecFromMask(D(), m)), hn::Set(di, 1));
}

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

QUERN_UNARY(OpCopy, x)
QUERN_UNARY(OpNeg, hn::Neg(x))
QUERN_UNARY(OpAbs, hn::Abs(x))
QUERN_UNARY(OpSquare, hn::Mul(x, x))
QUERN_UNARY(OpCube, hn::Mul(hn::Mul(x, x), x))
QUERN_UNARY(OpSqrt, hn::Sqrt(x))
QUERN_UNARY(OpRsqrt, hn::Div(hn::Set(d, 1.0f), hn::Sqrt(x)))
QUERN_UNARY(OpReciprocal, hn::Div(hn::Set(d, 1.0f), x))
QUERN_UNARY(OpExp, VExp(d, x))
QUERN_UNARY(OpLog, VLog(d, x))
QUERN_UNARY(OpLog1p, VLog1p(d, x))
QUERN_UNARY(OpTanh, VTanh(d, x))
QUERN_UNARY(OpSigmoid, VSigmoid(d, x))
QUERN_UNARY(OpErf, VErf(d, x))
QUERN_UNARY(OpErfinv, VErfinv(d, x))
QUERN_UNARY(OpSin, VSin(d, x))
QUERN_UNARY(OpCos, VCos(d, x))
QUERN_UNARY(OpFloor, hn::Floor(x))
QUERN_UNARY(OpCeil, hn::Ceil(x))
QUERN_UNARY(OpRound, hn::Round(x))
QUERN_UNARY(OpTrunc, hn::Trunc(x))
QUERN_UNARY(OpRelu, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x))
QUERN_UNARY(OpIsZero, OneOrZero(d, hn::Eq(x, hn::Zero(d))))
QUERN_UNARY(OpNotZero, OneOrZero(d, NonZero(d, x)))
QUERN_UNARY(OpIsNan, OneOrZero(d, hn::Not(hn::Eq(x, x))))
QUERN_UNARY(OpToFloat, hn::ConvertTo(hn::RebindToFloat<D>(), x))
// Both halves and the high half's product are exact, so the sum rounds once.
struct OpUintToFloat {
  template <class D, class V>
  static HWY_INLINE auto Do(D, V x, V, V) {
    const hn::RebindToFloat<D> df;
    const hn::RebindToSigned<D> di;
    const auto high = hn::ConvertTo(df, hn::BitCast(di, hn::ShiftRight<16>(x)));
    const auto low = hn::ConvertTo(df, hn::BitCast(di, hn::And(x, hn::Set(D(), 0xffffu))));
    return hn::MulAdd(high, hn::Set(df, 65536.0f), low);
  }
};
// Saturates; 0 for NaN.
QUERN_UNARY(OpToInt, hn::ConvertTo(hn::RebindToSigned<D>(), hn::IfThenElseZero(hn::Eq(x, x), x)))
QUERN_UNARY(OpNot, hn::Not(x))

QUERN_BINARY(OpAdd, hn::Add(x, y))
QUERN_BINARY(OpSub, hn::Sub(x, y))
QUERN_BINARY(OpMul, hn::Mul(x, y))
QUERN_BINARY(OpDiv, hn::Div(x, y))
QUERN_BINARY(OpMaxF, VMax(d, x, y))
QUERN_BINARY(OpMinF, VMin(d, x, y))
QUERN_BINARY(OpMax, hn::Max(x, y))
QUERN_BINARY(OpMin, hn::Min(x, y))
QUERN_BINARY(OpEq, OneOrZero(d, hn::Eq(x, y)))
QUERN_BINARY(OpNe, OneOrZero(d, hn::Not(hn::Eq(x, y))))
QUERN_BINARY(OpLt, OneOrZero(d, hn::Lt(x, y)))
QUERN_BINARY(OpLe, OneOrZero(d, hn::Le(x, y)))
QUERN_BINARY(OpLtInt, OneOrZero(d, hn::Lt(x, y)))
QUERN_BINARY(OpLeInt,
             hn::Sub(hn::Set(d, 1), hn::And(hn::VecFromMask(d, hn::Lt(y, x)), hn::Set(d, 1))))
QUERN_BINARY(OpAnd, hn::And(x, y))
QUERN_BINARY(OpOr, hn::Or(x, y))
QUERN_BINARY(OpXor, hn::Xor(x, y))
QUERN_BINARY(OpBothNonZero, OneOrZero(d, hn::And(NonZero(d, x), NonZero(d, y))))
QUERN_BINARY(OpAnyNonZero, OneOrZero(d, hn::Or(NonZero(d, x), NonZero(d, y))))

struct OpWhere {
  template <class D, class V>
  static HWY_INLINE V Do(D d, V c, V x, V y) {
    return hn::IfThenElse(hn::Ne(c, hn::Zero(d)), x, y);
  }
};

template <bool kUniform, class D, class T>
HWY_INLINE hn::Vec<D> Fetch(D d, const T* p, std::size_t i, hn::Vec<D> uniform) {
  if constexpr (kUniform) {
    (void)d, (void)p, (void)i;
    return uniform;
  } else {
    return hn::LoadU(d, p + i);
  }
}

// One step over n elements; the operands in kMask are uniform. The tail goes through a padded copy,
// so that no byte past the arrays is touched.
template <class Op, class T, int kArity, unsigned kMask>
void Loop(const void* const* src, void* dst, std::size_t n) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* a = static_cast<const T*>(src[0]);
  const T* b = static_cast<const T*>(kArity > 1 ? src[1] : src[0]);
  const T* c = static_cast<const T*>(kArity > 2 ? src[2] : src[0]);
  T* out = static_cast<T*>(dst);
  constexpr bool kA = kMask & 1, kB = kArity > 1 ? (kMask & 2) != 0 : kA,
                 kC = kArity > 2 ? (kMask & 4) != 0 : kA;
  const auto ua = hn::Set(d, kA ? *a : T(0)), ub = hn::Set(d, kB ? *b : T(0)),
             uc = hn::Set(d, kC ? *c : T(0));
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto y =
        Op::Do(d, Fetch<kA>(d, a, i, ua), Fetch<kB>(d, b, i, ub), Fetch<kC>(d, c, i, uc));
    hn::StoreU(hn::BitCast(d, y), d, out + i);
  }
  if (i == n) return;
  HWY_ALIGN T tail[3 * hn::MaxLanes(d)] = {};
  const std::size_t bytes = (n - i) * sizeof(T);
  if (!kA) std::memcpy(tail, a + i, bytes);
  if (!kB) std::memcpy(tail + lanes, b + i, bytes);
  if (!kC) std::memcpy(tail + 2 * lanes, c + i, bytes);
  const auto y = Op::Do(d, Fetch<kA>(d, tail, 0, ua), Fetch<kB>(d, tail + lanes, 0, ub),
                        Fetch<kC>(d, tail + 2 * lanes, 0, uc));
  hn::Store(hn::BitCast(d, y), d, tail);
  std::memcpy(out + i, tail, bytes);
}

struct OpQuartic {
  template <class D, class V>
  static HWY_INLINE V Do(D, V x, V, V) {
    const auto s = hn::Mul(x, x);
    return hn::Mul(s, s);
  }
};
// Unlike the root, the power is 0 for -0 and infinite for -inf.
struct OpPowerHalf {
  template <class D, class V>
  static HWY_INLINE V Do(D d, V x, V, V) {
    const auto inf = hn::Set(d, std::numeric_limits<float>::infinity());
    const auto y = hn::Sqrt(hn::Add(x, hn::Zero(d)));
    return hn::IfThenElse(hn::Eq(x, hn::Neg(inf)), inf, y);
  }
};

// x to an exponent that is one number, known when it runs.
void PowerUniform(const void* const* src, void* dst, std::size_t n) {
  const float* x = static_cast<const float*>(src[0]);
  const float e = *static_cast<const float*>(src[1]);
  if (e == 2) return Loop<OpSquare, float, 1, 0>(src, dst, n);
  if (e == 3) return Loop<OpCube, float, 1, 0>(src, dst, n);
  if (e == 4) return Loop<OpQuartic, float, 1, 0>(src, dst, n);
  if (e == 1) return Loop<OpCopy, float, 1, 0>(src, dst, n);
  if (e == -1) return Loop<OpReciprocal, float, 1, 0>(src, dst, n);
  if (e == 0.5f) return Loop<OpPowerHalf, float, 1, 0>(src, dst, n);
  auto* y = static_cast<float*>(dst);
  for (std::size_t i = 0; i < n; ++i) y[i] = std::pow(x[i], e);
}

void Widen8(const void* const* src, void* dst, std::size_t n) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const auto* a = static_cast<const std::uint8_t*>(src[0]);
  auto* out = static_cast<std::int32_t*>(dst);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d))
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(d8, a + i)), d, out + i);
  for (; i < n; ++i) out[i] = a[i];
}

void Narrow8(const void* const* src, void* dst, std::size_t n) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const auto* a = static_cast<const std::int32_t*>(src[0]);
  auto* out = static_cast<std::uint8_t*>(dst);
  std::size_t i = 0;
  const auto low = hn::Set(d, 255);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d))
    hn::StoreU(hn::DemoteTo(d8, hn::And(hn::LoadU(d, a + i), low)), d8, out + i);
  for (; i < n; ++i) out[i] = static_cast<std::uint8_t>(a[i]);
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

template <class First, class Second, bool kTurned>
MapFn Pair(unsigned mask) {
  using Op = OpPair<First, Second, kTurned>;
  switch (mask) {
    case 0:
      return Loop<Op, float, 3, 0>;
    case 1:
      return Loop<Op, float, 3, 1>;
    case 2:
      return Loop<Op, float, 3, 2>;
    case 4:
      return Loop<Op, float, 3, 4>;
    case 5:
      return Loop<Op, float, 3, 5>;
    case 6:
      return Loop<Op, float, 3, 6>;
    default:
      return nullptr;
  }
}

template <class First>
MapFn PairWith(std::uint32_t second, bool turned, unsigned mask) {
  switch (second) {
    case QN_OP_ADD:
      return Pair<First, OpAdd, false>(mask);
    case QN_OP_MULTIPLY:
      return Pair<First, OpMul, false>(mask);
    case QN_OP_SUBTRACT:
      return turned ? Pair<First, OpSub, true>(mask) : Pair<First, OpSub, false>(mask);
    default:
      return nullptr;
  }
}

MapFn GetPairFn(std::uint32_t first, std::uint32_t second, bool turned, unsigned mask) {
  switch (first) {
    case QN_OP_ADD:
      return PairWith<OpAdd>(second, turned, mask);
    case QN_OP_SUBTRACT:
      return PairWith<OpSub>(second, turned, mask);
    case QN_OP_MULTIPLY:
      return PairWith<OpMul>(second, turned, mask);
    default:
      return nullptr;
  }
}

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

using I = std::int32_t;
using U = std::uint32_t;

MapFn FloatUnary(std::uint32_t op) {
  switch (op) {
    case QN_OP_NEGATIVE:
      return Loop<OpNeg, float, 1, 0>;
    case QN_OP_ABS:
      return Loop<OpAbs, float, 1, 0>;
    case QN_OP_SQUARE:
      return Loop<OpSquare, float, 1, 0>;
    case kInstCube:
      return Loop<OpCube, float, 1, 0>;
    case QN_OP_SQRT:
      return Loop<OpSqrt, float, 1, 0>;
    case QN_OP_RSQRT:
      return Loop<OpRsqrt, float, 1, 0>;
    case QN_OP_RECIPROCAL:
      return Loop<OpReciprocal, float, 1, 0>;
    case QN_OP_EXP:
      return Loop<OpExp, float, 1, 0>;
    case QN_OP_LOG:
      return Loop<OpLog, float, 1, 0>;
    case QN_OP_LOG1P:
      return Loop<OpLog1p, float, 1, 0>;
    case QN_OP_TANH:
      return Loop<OpTanh, float, 1, 0>;
    case QN_OP_SIGMOID:
      return Loop<OpSigmoid, float, 1, 0>;
    case QN_OP_ERF:
      return Loop<OpErf, float, 1, 0>;
    case QN_OP_ERFINV:
      return Loop<OpErfinv, float, 1, 0>;
    case QN_OP_SIN:
      return Loop<OpSin, float, 1, 0>;
    case QN_OP_COS:
      return Loop<OpCos, float, 1, 0>;
    case QN_OP_FLOOR:
      return Loop<OpFloor, float, 1, 0>;
    case QN_OP_CEIL:
      return Loop<OpCeil, float, 1, 0>;
    case QN_OP_ROUND:
      return Loop<OpRound, float, 1, 0>;
    case QN_OP_TRUNC:
      return Loop<OpTrunc, float, 1, 0>;
    case QN_OP_RELU:
      return Loop<OpRelu, float, 1, 0>;
    case QN_OP_LOGICAL_NOT:
      return Loop<OpIsZero, float, 1, 0>;
    case QN_OP_ISNAN:
      return Loop<OpIsNan, float, 1, 0>;
    default:
      return nullptr;
  }
}

MapFn FloatBinary(std::uint32_t op, unsigned mask) {
  switch (op) {
    case QN_OP_ADD:
      return Two<OpAdd, float>(mask);
    case QN_OP_SUBTRACT:
      return Two<OpSub, float>(mask);
    case QN_OP_MULTIPLY:
      return Two<OpMul, float>(mask);
    case QN_OP_DIVIDE:
      return Two<OpDiv, float>(mask);
    case QN_OP_POWER:
      return mask == 2 ? PowerUniform : nullptr;
    case QN_OP_MAXIMUM:
      return Two<OpMaxF, float>(mask);
    case QN_OP_MINIMUM:
      return Two<OpMinF, float>(mask);
    case QN_OP_EQUAL:
      return Two<OpEq, float>(mask);
    case QN_OP_NOT_EQUAL:
      return Two<OpNe, float>(mask);
    case QN_OP_LESS:
      return Two<OpLt, float>(mask);
    case QN_OP_LESS_EQUAL:
      return Two<OpLe, float>(mask);
    case QN_OP_LOGICAL_AND:
      return mask ? nullptr : Loop<OpBothNonZero, float, 2, 0>;
    case QN_OP_LOGICAL_OR:
      return mask ? nullptr : Loop<OpAnyNonZero, float, 2, 0>;
    default:
      return nullptr;
  }
}

template <class T>
MapFn IntOp(std::uint32_t op, unsigned mask) {
  if (mask) return nullptr;
  switch (op) {
    case QN_OP_ADD:
      return Loop<OpAdd, T, 2, 0>;
    case QN_OP_SUBTRACT:
      return Loop<OpSub, T, 2, 0>;
    case QN_OP_MULTIPLY:
      return Loop<OpMul, T, 2, 0>;
    case QN_OP_MAXIMUM:
      return Loop<OpMax, T, 2, 0>;
    case QN_OP_MINIMUM:
      return Loop<OpMin, T, 2, 0>;
    case QN_OP_EQUAL:
      return Loop<OpEq, T, 2, 0>;
    case QN_OP_NOT_EQUAL:
      return Loop<OpNe, T, 2, 0>;
    case QN_OP_LESS:
      return Loop<OpLtInt, T, 2, 0>;
    case QN_OP_LESS_EQUAL:
      return Loop<OpLeInt, T, 2, 0>;
    case QN_OP_BITWISE_AND:
      return Loop<OpAnd, T, 2, 0>;
    case QN_OP_BITWISE_OR:
      return Loop<OpOr, T, 2, 0>;
    case QN_OP_BITWISE_XOR:
      return Loop<OpXor, T, 2, 0>;
    case QN_OP_BITWISE_INVERT:
      return Loop<OpNot, T, 1, 0>;
    case QN_OP_LOGICAL_AND:
      return Loop<OpBothNonZero, T, 2, 0>;
    case QN_OP_LOGICAL_OR:
      return Loop<OpAnyNonZero, T, 2, 0>;
    case QN_OP_LOGICAL_NOT:
      return Loop<OpIsZero, T, 1, 0>;
    case QN_OP_SQUARE:
      return Loop<OpSquare, T, 1, 0>;
    default:
      return nullptr;
  }
}

MapFn Convert(Lane in, Lane out) {
  if (in == out) return Loop<OpCopy, I, 1, 0>;
  if (out == Lane::kBool)
    return in == Lane::kFloat ? Loop<OpNotZero, float, 1, 0> : Loop<OpNotZero, I, 1, 0>;
  if (out == Lane::kFloat)
    return in == Lane::kUint ? Loop<OpUintToFloat, U, 1, 0> : Loop<OpToFloat, I, 1, 0>;
  if (in == Lane::kFloat) return out == Lane::kUint ? nullptr : Loop<OpToInt, float, 1, 0>;
  return Loop<OpCopy, I, 1, 0>;
}

MapFn GetMapFn(std::uint32_t op, Lane in, Lane out, unsigned mask) {
  switch (op) {
    case kInstFill:
      return Loop<OpCopy, I, 1, 1>;
    case kInstCopy:
    case QN_OP_COPY:
    case QN_OP_STOP_GRADIENT:
      return mask ? nullptr : Loop<OpCopy, I, 1, 0>;
    case kInstWiden8:
      return Widen8;
    case kInstNarrow8:
      return Narrow8;
    case QN_OP_ASTYPE:
      return mask ? nullptr : Convert(in, out);
    case QN_OP_WHERE:
      switch (mask) {
        case 0:
          return Loop<OpWhere, I, 3, 0>;
        case 2:
          return Loop<OpWhere, I, 3, 2>;
        case 4:
          return Loop<OpWhere, I, 3, 4>;
        case 6:
          return Loop<OpWhere, I, 3, 6>;
        default:
          return nullptr;
      }
    default:
      break;
  }
  if (in == Lane::kFloat) {
    if (MapFn f = FloatBinary(op, mask)) return f;
    return mask ? nullptr : FloatUnary(op);
  }
  if (in == Lane::kUint) return IntOp<U>(op, mask);
  if (in == Lane::kBool) return nullptr;
  if (op == QN_OP_NEGATIVE) return mask ? nullptr : Loop<OpNeg, I, 1, 0>;
  if (op == QN_OP_ABS) return mask ? nullptr : Loop<OpAbs, I, 1, 0>;
  return IntOp<I>(op, mask);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetMapFn);
HWY_EXPORT(GetPairFn);

void choose_target() { hwy::GetChosenTarget().Update(hwy::SupportedTargets()); }

MapFn map_fn(std::uint32_t op, Lane in, Lane out, unsigned uniform_mask) {
  if (op == kInstRoundF16 || op == kInstRoundBf16)
    return half_fns(op == kInstRoundF16 ? QN_F16 : QN_BF16).round;
  return HWY_DYNAMIC_DISPATCH(GetMapFn)(op, in, out, uniform_mask);
}

MapFn map_pair_fn(std::uint32_t first, std::uint32_t second, bool turned, unsigned uniform_mask) {
  return HWY_DYNAMIC_DISPATCH(GetPairFn)(first, second, turned, uniform_mask);
}

}  // namespace quern::simd
#endif
