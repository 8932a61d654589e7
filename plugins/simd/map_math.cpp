// Loops of the rarer functions of f32: hyperbolic and inverse ones, tangent, power, remainder.
// Not here: exp, log, tanh and what else networks are full of (map_ops.cpp).
#include <cmath>
#include <cstring>
#include <limits>

#include "plugins/simd/map.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_math.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/map_loop-inl.h"
#include "plugins/simd/vmath_inverse-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

QUERN_UNARY(OpExpm1, VExpm1(d, x))
QUERN_UNARY(OpLog2, LogToBase(d, x, 1, 1.44269504088896340736))
QUERN_UNARY(OpLog10, LogToBase(d, x, 0.30102999566398119521, 0.43429448190325182765))
QUERN_UNARY(OpTan, VTan(d, x))
QUERN_UNARY(OpArcsin, hn::Asin(d, x))
QUERN_UNARY(OpArccos, hn::Acos(d, x))
QUERN_UNARY(OpArctan, VAtan(d, x))
QUERN_UNARY(OpSinh, VSinh(d, x))
QUERN_UNARY(OpCosh, VCosh(d, x))
QUERN_UNARY(OpArcsinh, VAsinh(d, x))
QUERN_UNARY(OpArccosh, VAcosh(d, x))
QUERN_UNARY(OpArctanh, VAtanh(d, x))
QUERN_UNARY(OpSoftplus, VLogaddexp(d, x, hn::Zero(d)))
QUERN_BINARY(OpArctan2, VAtan2(d, x, y))
QUERN_BINARY(OpLogaddexp, VLogaddexp(d, x, y))
QUERN_BINARY(OpRemainder, VRemainder(d, x, y))

// Half a vector of floats in a vector of doubles at a time.
template <bool kUniform>
void Power(const void* const* src, void* dst, std::size_t n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> df;
  const std::size_t lanes = hn::Lanes(d);
  const auto *a = static_cast<const float*>(src[0]), *b = static_cast<const float*>(src[1]);
  auto* out = static_cast<float*>(dst);
  const auto same = hn::Set(d, kUniform ? static_cast<double>(*b) : 0);
  const auto step = [=](const float* x, const float* y, float* to) HWY_ATTR {
    const auto e = kUniform ? same : hn::PromoteTo(d, hn::LoadU(df, y));
    const auto r = PowerOfFloats(d, hn::PromoteTo(d, hn::LoadU(df, x)), e);
    hn::StoreU(hn::DemoteTo(df, r), df, to);
  };
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) step(a + i, kUniform ? b : b + i, out + i);
  if (i == n) return;
  HWY_ALIGN float tail[2 * hn::MaxLanes(d)] = {};
  std::memcpy(tail, a + i, (n - i) * sizeof(float));
  if (!kUniform) std::memcpy(tail + lanes, b + i, (n - i) * sizeof(float));
  step(tail, tail + lanes, tail);
  std::memcpy(out + i, tail, (n - i) * sizeof(float));
}

MapFn GetFloatMathFn(std::uint32_t op, unsigned mask) {
  if (op == QN_OP_POWER) return mask == 0 ? Power<false> : mask == 2 ? Power<true> : nullptr;
  if (mask) return nullptr;
  switch (op) {
    case QN_OP_EXPM1:
      return Loop<OpExpm1, float, 1, 0>;
    case QN_OP_LOG2:
      return Loop<OpLog2, float, 1, 0>;
    case QN_OP_LOG10:
      return Loop<OpLog10, float, 1, 0>;
    case QN_OP_TAN:
      return Loop<OpTan, float, 1, 0>;
    case QN_OP_ARCSIN:
      return Loop<OpArcsin, float, 1, 0>;
    case QN_OP_ARCCOS:
      return Loop<OpArccos, float, 1, 0>;
    case QN_OP_ARCTAN:
      return Loop<OpArctan, float, 1, 0>;
    case QN_OP_SINH:
      return Loop<OpSinh, float, 1, 0>;
    case QN_OP_COSH:
      return Loop<OpCosh, float, 1, 0>;
    case QN_OP_ARCSINH:
      return Loop<OpArcsinh, float, 1, 0>;
    case QN_OP_ARCCOSH:
      return Loop<OpArccosh, float, 1, 0>;
    case QN_OP_ARCTANH:
      return Loop<OpArctanh, float, 1, 0>;
    case QN_OP_SOFTPLUS:
      return Loop<OpSoftplus, float, 1, 0>;
    case QN_OP_ARCTAN2:
      return Loop<OpArctan2, float, 2, 0>;
    case QN_OP_LOGADDEXP:
      return Loop<OpLogaddexp, float, 2, 0>;
    case QN_OP_REMAINDER:
      return Loop<OpRemainder, float, 2, 0>;
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetFloatMathFn);

MapFn float_math_fn(std::uint32_t op, unsigned uniform_mask) {
  return HWY_DYNAMIC_DISPATCH(GetFloatMathFn)(op, uniform_mask);
}

}  // namespace quern::simd
#endif
