// Programs of one op on f16 or bf16 in one pass: elements become f32 in registers, and the result
// is rounded there. Not here: longer programs, which go through tiles of f32 (map_run.cpp).
#include <cstring>

#include "plugins/simd/map.h"
#include "plugins/simd/plain_loop.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_half.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/half-inl.h"
#include "plugins/simd/map_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

QUERN_UNARY(HalfExp, VExp(d, x))
QUERN_UNARY(HalfTanh, VTanh(d, x))
QUERN_UNARY(HalfSigmoid, VSigmoid(d, x))

// The operands in kMask are uniform: one f32.
template <class H, class Op, int kArity, unsigned kMask>
void Direct(const void* const* src, void* dst, std::size_t n) {
  const D d;
  const D16 d16;
  const std::size_t lanes = hn::Lanes(d);
  constexpr bool kA = kMask & 1, kB = kArity > 1 && (kMask & 2);
  const auto *a = static_cast<const std::uint16_t*>(src[0]),
             *b = static_cast<const std::uint16_t*>(src[kArity - 1]);
  auto* out = static_cast<std::uint16_t*>(dst);
  const V ua = hn::Set(d, kA ? *static_cast<const float*>(src[0]) : 0.0f),
          ub = hn::Set(d, kB ? *static_cast<const float*>(src[1]) : 0.0f);
  const auto step = [=](const std::uint16_t* x, const std::uint16_t* y, std::uint16_t* to)
                        HWY_ATTR {
                          const V p = kA ? ua : H::Widen(hn::LoadU(d16, x));
                          const V q = kArity == 1 ? p : kB ? ub : H::Widen(hn::LoadU(d16, y));
                          hn::StoreU(H::Narrow(Op::Do(d, p, q, q)), d16, to);
                        };
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) step(kA ? a : a + i, kB ? b : b + i, out + i);
  if (i == n) return;
  HWY_ALIGN std::uint16_t tail[2 * hn::MaxLanes(d)] = {};
  if (!kA) std::memcpy(tail, a + i, (n - i) * sizeof *a);
  if (!kB) std::memcpy(tail + lanes, b + i, (n - i) * sizeof *b);
  step(tail, tail + lanes, tail);
  std::memcpy(out + i, tail, (n - i) * sizeof *out);
}

// Signs alone need no f32.
template <std::uint16_t kAnd, std::uint16_t kXor>
void SignBits(const void* const* src, void* dst, std::size_t n) {
  const auto* a = static_cast<const std::uint16_t*>(src[0]);
  auto* out = static_cast<std::uint16_t*>(dst);
  QUERN_VECTORS
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint16_t>((a[i] & kAnd) ^ kXor);
}

template <class H, class Op>
MapFn DirectTwo(unsigned mask) {
  switch (mask) {
    case 0:
      return Direct<H, Op, 2, 0>;
    case 1:
      return Direct<H, Op, 2, 1>;
    case 2:
      return Direct<H, Op, 2, 2>;
    default:
      return nullptr;
  }
}

template <class H>
MapFn DirectOf(std::uint32_t op, unsigned mask) {
  switch (op) {
    case QN_OP_ADD:
      return DirectTwo<H, OpAdd>(mask);
    case QN_OP_SUBTRACT:
      return DirectTwo<H, OpSub>(mask);
    case QN_OP_MULTIPLY:
      return DirectTwo<H, OpMul>(mask);
    case QN_OP_DIVIDE:
      return DirectTwo<H, OpDiv>(mask);
    case QN_OP_MAXIMUM:
      return DirectTwo<H, OpMax>(mask);
    case QN_OP_MINIMUM:
      return DirectTwo<H, OpMin>(mask);
    default:
      break;
  }
  if (mask) return nullptr;
  switch (op) {
    case QN_OP_ABS:
      return SignBits<0x7fff, 0>;
    case QN_OP_NEGATIVE:
      return SignBits<0xffff, 0x8000>;
    case QN_OP_SQUARE:
      return Direct<H, OpSquare, 1, 0>;
    case QN_OP_SQRT:
      return Direct<H, OpSqrt, 1, 0>;
    case QN_OP_RSQRT:
      return Direct<H, OpRsqrt, 1, 0>;
    case QN_OP_RECIPROCAL:
      return Direct<H, OpReciprocal, 1, 0>;
    case QN_OP_RELU:
      return Direct<H, OpRelu, 1, 0>;
    case QN_OP_EXP:
      return Direct<H, HalfExp, 1, 0>;
    case QN_OP_TANH:
      return Direct<H, HalfTanh, 1, 0>;
    case QN_OP_SIGMOID:
      return Direct<H, HalfSigmoid, 1, 0>;
    default:
      return nullptr;
  }
}

MapFn GetDirectFn(bool brain, std::uint32_t op, unsigned mask) {
  return brain ? DirectOf<Brain>(op, mask) : DirectOf<Ieee>(op, mask);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetDirectFn);

MapFn half_fn(qn_dtype dtype, std::uint32_t op, unsigned uniform_mask) {
  return HWY_DYNAMIC_DISPATCH(GetDirectFn)(dtype == QN_BF16, op, uniform_mask);
}

}  // namespace quern::simd
#endif
