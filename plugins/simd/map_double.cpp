// Loops of f64. Not here: functions that only the C library has (map_scalar.cpp).
#include <cmath>
#include <limits>

#include "plugins/simd/map.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_double.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/map_loop-inl.h"
#include "plugins/simd/vmath_inverse-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

template <class D, class V>
HWY_INLINE V SigmoidOfDouble(D d, V x) {
  const auto one = hn::Set(d, 1.0);
  const auto e = Exponential(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

QUERN_UNARY(DoubleExp, Exponential(d, x))
QUERN_UNARY(DoubleExpm1, VExpm1(d, x))
QUERN_UNARY(DoubleLog, VLog(d, x))
QUERN_UNARY(DoubleLog2, LogToBase(d, x, 1, 1.44269504088896340736))
QUERN_UNARY(DoubleLog10, LogToBase(d, x, 0.30102999566398119521, 0.43429448190325182765))
QUERN_UNARY(DoubleLog1p, VLog1p(d, x))
QUERN_UNARY(DoubleSin, VSin(d, x))
QUERN_UNARY(DoubleCos, VCos(d, x))
QUERN_UNARY(DoubleTan, VTan(d, x))
QUERN_UNARY(DoubleArcsin, hn::Asin(d, x))
QUERN_UNARY(DoubleArccos, hn::Acos(d, x))
QUERN_UNARY(DoubleArctan, VAtan(d, x))
QUERN_UNARY(DoubleSinh, VSinh(d, x))
QUERN_UNARY(DoubleCosh, VCosh(d, x))
QUERN_UNARY(DoubleTanh,
            KeepNan(d, x, hn::Tanh(d, hn::Min(hn::Max(x, hn::Set(d, -30.0)), hn::Set(d, 30.0)))))
QUERN_UNARY(DoubleArcsinh, VAsinh(d, x))
QUERN_UNARY(DoubleArccosh, VAcosh(d, x))
QUERN_UNARY(DoubleArctanh, VAtanh(d, x))
QUERN_UNARY(DoubleSigmoid, SigmoidOfDouble(d, x))
QUERN_UNARY(DoubleSoftplus, VLogaddexp(d, x, hn::Zero(d)))
QUERN_BINARY(DoubleArctan2, VAtan2(d, x, y))
QUERN_BINARY(DoubleLogaddexp, VLogaddexp(d, x, y))
QUERN_BINARY(DoubleRemainder, VRemainder(d, x, y))

MapFn GetDoubleFn(std::uint32_t op, unsigned mask) {
  if (MapFn f = CheapFn<double>(op, mask)) return f;
  if (mask) return nullptr;
  switch (op) {
    case QN_OP_EXP:
      return Loop<DoubleExp, double, 1, 0>;
    case QN_OP_EXPM1:
      return Loop<DoubleExpm1, double, 1, 0>;
    case QN_OP_LOG:
      return Loop<DoubleLog, double, 1, 0>;
    case QN_OP_LOG2:
      return Loop<DoubleLog2, double, 1, 0>;
    case QN_OP_LOG10:
      return Loop<DoubleLog10, double, 1, 0>;
    case QN_OP_LOG1P:
      return Loop<DoubleLog1p, double, 1, 0>;
    case QN_OP_SIN:
      return Loop<DoubleSin, double, 1, 0>;
    case QN_OP_COS:
      return Loop<DoubleCos, double, 1, 0>;
    case QN_OP_TAN:
      return Loop<DoubleTan, double, 1, 0>;
    case QN_OP_ARCSIN:
      return Loop<DoubleArcsin, double, 1, 0>;
    case QN_OP_ARCCOS:
      return Loop<DoubleArccos, double, 1, 0>;
    case QN_OP_ARCTAN:
      return Loop<DoubleArctan, double, 1, 0>;
    case QN_OP_SINH:
      return Loop<DoubleSinh, double, 1, 0>;
    case QN_OP_COSH:
      return Loop<DoubleCosh, double, 1, 0>;
    case QN_OP_TANH:
      return Loop<DoubleTanh, double, 1, 0>;
    case QN_OP_ARCSINH:
      return Loop<DoubleArcsinh, double, 1, 0>;
    case QN_OP_ARCCOSH:
      return Loop<DoubleArccosh, double, 1, 0>;
    case QN_OP_ARCTANH:
      return Loop<DoubleArctanh, double, 1, 0>;
    case QN_OP_SIGMOID:
      return Loop<DoubleSigmoid, double, 1, 0>;
    case QN_OP_SOFTPLUS:
      return Loop<DoubleSoftplus, double, 1, 0>;
    case QN_OP_ARCTAN2:
      return Loop<DoubleArctan2, double, 2, 0>;
    case QN_OP_LOGADDEXP:
      return Loop<DoubleLogaddexp, double, 2, 0>;
    case QN_OP_REMAINDER:
      return Loop<DoubleRemainder, double, 2, 0>;
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetDoubleFn);

MapFn double_fn(std::uint32_t op, unsigned uniform_mask) {
  return HWY_DYNAMIC_DISPATCH(GetDoubleFn)(op, uniform_mask);
}

}  // namespace quern::simd
#endif
