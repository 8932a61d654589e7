// The vector loops of element-wise programs on f32, one a step, for every instruction set: cheap
// ops, those of neural networks, and two arithmetic steps in one. Not here: which loop a program
// needs (map_table.cpp) and rarer functions (map_math.cpp).
#include <limits>

#include "plugins/sdk/isa.hpp"
#include "plugins/simd/map.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/map_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

QUERN_UNARY(OpCopy, x)
QUERN_UNARY(OpCube, hn::Mul(hn::Mul(x, x), x))
QUERN_UNARY(OpExp, VExp(d, x))
QUERN_UNARY(OpLog, VLog(d, x))
QUERN_UNARY(OpLog1p, VLog1p(d, x))
QUERN_UNARY(OpTanh, VTanh(d, x))
QUERN_UNARY(OpSigmoid, VSigmoid(d, x))
QUERN_UNARY(OpErf, VErf(d, x))
QUERN_UNARY(OpErfinv, VErfinv(d, x))
QUERN_UNARY(OpSin, VSin(d, x))
QUERN_UNARY(OpCos, VCos(d, x))

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
  const float e = *static_cast<const float*>(src[1]);
  if (e == 2) return Loop<OpSquare, float, 1, 0>(src, dst, n);
  if (e == 3) return Loop<OpCube, float, 1, 0>(src, dst, n);
  if (e == 4) return Loop<OpQuartic, float, 1, 0>(src, dst, n);
  if (e == 1) return Loop<OpCopy, float, 1, 0>(src, dst, n);
  if (e == -1) return Loop<OpReciprocal, float, 1, 0>(src, dst, n);
  if (e == 0.5f) return Loop<OpPowerHalf, float, 1, 0>(src, dst, n);
  float_math_fn(QN_OP_POWER, 2)(src, dst, n);
}

template <class First>
MapFn PairWith(std::uint32_t second, bool turned, unsigned mask) {
  switch (second) {
    case QN_OP_ADD:
      return Pair<First, OpAdd, float, false>(mask);
    case QN_OP_MULTIPLY:
      return Pair<First, OpMul, float, false>(mask);
    case QN_OP_SUBTRACT:
      return turned ? Pair<First, OpSub, float, true>(mask)
                    : Pair<First, OpSub, float, false>(mask);
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

MapFn GetFloatFn(std::uint32_t op, unsigned mask) {
  if (op == QN_OP_POWER && mask == 2) return PowerUniform;
  if (MapFn f = CheapFn<float>(op, mask)) return f;
  if (mask) return nullptr;
  switch (op) {
    case kInstCube:
      return Loop<OpCube, float, 1, 0>;
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
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetFloatFn);
HWY_EXPORT(GetPairFn);

void choose_target() {
  auto targets = hwy::SupportedTargets();
#if HWY_ARCH_X86  // wider sets have lower bits
  if (!sdk::isa_allowed(QN_ISA_SSE4))
    targets &= -HWY_STATIC_TARGET;
  else if (!sdk::isa_allowed(QN_ISA_AVX2))
    targets &= -HWY_SSE4;
  else if (!sdk::isa_allowed(QN_ISA_AVX512))
    targets &= -HWY_AVX2;
  else if (!sdk::isa_allowed(QN_ISA_AVX512_VNNI))
    targets &= -HWY_AVX3;
#endif
  hwy::GetChosenTarget().Update(targets);
}

MapFn float_fn(std::uint32_t op, unsigned uniform_mask) {
  return HWY_DYNAMIC_DISPATCH(GetFloatFn)(op, uniform_mask);
}

MapFn map_pair_fn(std::uint32_t first, std::uint32_t second, bool turned, unsigned uniform_mask) {
  return HWY_DYNAMIC_DISPATCH(GetPairFn)(first, second, turned, uniform_mask);
}

}  // namespace quern::simd
#endif
