// Loops of c64: real and imaginary parts lie side by side and are told apart as they are loaded.
// What comes out infinite or NaN is computed once more by the C++ library in f64, which follows
// C99's rules for infinities. Not here: functions that are only in the library (map_scalar.cpp).
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>

#include "plugins/simd/map.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/map_complex.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/map_loop-inl.h"
#include "plugins/simd/vmath_inverse-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using M = hn::Mask<D>;
using Wide = std::complex<double>;

struct Z {
  V re, im;
};

HWY_INLINE Z LoadZ(const float* p) {
  V re, im;
  hn::LoadInterleaved2(D(), p, re, im);
  return {re, im};
}
HWY_INLINE void StoreZ(Z z, float* p) { hn::StoreInterleaved2(z.re, z.im, D(), p); }
HWY_INLINE V Num(double x) { return hn::Set(D(), static_cast<float>(x)); }

HWY_INLINE Z MulZ(Z x, Z y) {
  return {hn::MulSub(x.re, y.re, hn::Mul(x.im, y.im)), hn::MulAdd(x.re, y.im, hn::Mul(x.im, y.re))};
}

// x / y with y scaled, by a power of two, to near 1.
HWY_INLINE Z DivZ(Z x, Z y) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const auto size = hn::BitCast(du, hn::Max(hn::Abs(y.re), hn::Abs(y.im)));
  const auto exponent = hn::And(size, hn::Set(du, 0x7f800000u));
  const V s = hn::BitCast(d, hn::Sub(hn::Set(du, 254u << 23), exponent));
  const V re = hn::Mul(y.re, s), im = hn::Mul(y.im, s);
  const V r = hn::Div(s, hn::MulAdd(re, re, hn::Mul(im, im)));
  return {hn::Mul(hn::MulAdd(x.re, re, hn::Mul(x.im, im)), r),
          hn::Mul(hn::MulSub(x.im, re, hn::Mul(x.re, im)), r)};
}

// |z|, scaled where squares would leave f32; infinite where either part is.
HWY_INLINE V Modulus(Z z) {
  const D d;
  const V a = hn::Abs(z.re), b = hn::Abs(z.im), m = hn::Max(a, b);
  const auto large = hn::Lt(Num(0x1p60), m), small = hn::Lt(m, Num(0x1p-40));
  const V s = hn::IfThenElse(large, Num(0x1p-70), hn::IfThenElse(small, Num(0x1p100), Num(1)));
  const V back = hn::IfThenElse(large, Num(0x1p70), hn::IfThenElse(small, Num(0x1p-100), Num(1)));
  const V re = hn::Mul(a, s), im = hn::Mul(b, s);
  const V r = hn::Mul(hn::Sqrt(hn::MulAdd(re, re, hn::Mul(im, im))), back);
  return hn::IfThenElse(hn::Or(hn::Eq(a, hn::Inf(d)), hn::Eq(b, hn::Inf(d))), hn::Inf(d), r);
}

HWY_INLINE Z ExpZ(Z z) {
  const D d;
  const V e = VExp(d, z.re);
  return {hn::Mul(e, VCos(d, z.im)), hn::Mul(e, VSin(d, z.im))};
}

// Near the unit circle log|z| is half of log1p(|z|^2 - 1), of which the larger part gives
// (m - 1)(m + 1).
HWY_INLINE Z LogZ(Z z) {
  const D d;
  const V a = hn::Abs(z.re), b = hn::Abs(z.im), m = hn::Max(a, b), n = hn::Min(a, b);
  const auto near = hn::And(hn::Lt(Num(0.5), m), hn::Lt(m, Num(2)));
  const V over = hn::MulAdd(n, n, hn::Mul(hn::Sub(m, Num(1)), hn::Add(m, Num(1))));
  const V close = hn::Mul(Num(0.5), VLog1p(d, hn::IfThenElseZero(near, over)));
  return {hn::IfThenElse(near, close, VLog(d, Modulus(z))), VAtan2(d, z.im, z.re)};
}

HWY_INLINE Z SqrtZ(Z z) {
  const D d;
  const V half = Num(0.5), size = Modulus(z);
  const V t = hn::Sqrt(hn::MulAdd(half, hn::Abs(z.re), hn::Mul(half, size)));
  const V u = hn::IfThenZeroElse(hn::Eq(size, hn::Zero(d)), hn::Div(hn::Mul(half, z.im), t));
  const auto right = hn::Not(hn::Lt(z.re, hn::Zero(d)));
  return {hn::IfThenElse(right, t, hn::Abs(u)),
          hn::IfThenElse(right, hn::CopySign(u, z.im), hn::CopySign(t, z.im))};
}

#define QUERN_COMPLEX(Name, Vector, Library)                               \
  struct Name {                                                            \
    static HWY_INLINE Z Do(Z x, [[maybe_unused]] Z y) { return Vector; }   \
    static Wide Exact(Wide x, [[maybe_unused]] Wide y) { return Library; } \
  };

QUERN_COMPLEX(ComplexMul, MulZ(x, y), x* y)
QUERN_COMPLEX(ComplexSquare, MulZ(x, x), x* x)
QUERN_COMPLEX(ComplexDiv, DivZ(x, y), x / y)
QUERN_COMPLEX(ComplexReciprocal, DivZ(Z({Num(1), Num(0)}), x), 1.0 / x)
QUERN_COMPLEX(ComplexExp, ExpZ(x), std::exp(x))
QUERN_COMPLEX(ComplexLog, LogZ(x), std::log(x))
QUERN_COMPLEX(ComplexSqrt, SqrtZ(x), std::sqrt(x))
QUERN_COMPLEX(ComplexRsqrt, DivZ(Z({Num(1), Num(0)}), SqrtZ(x)), 1.0 / std::sqrt(x))

struct ComplexSin {
  static HWY_INLINE Z Do(Z x, Z) {
    const D d;
    return {hn::Mul(VSin(d, x.re), VCosh(d, x.im)), hn::Mul(VCos(d, x.re), VSinh(d, x.im))};
  }
  static Wide Exact(Wide x, Wide) { return std::sin(x); }
};
struct ComplexCos {
  static HWY_INLINE Z Do(Z x, Z) {
    const D d;
    return {hn::Mul(VCos(d, x.re), VCosh(d, x.im)),
            hn::Neg(hn::Mul(VSin(d, x.re), VSinh(d, x.im)))};
  }
  static Wide Exact(Wide x, Wide) { return std::cos(x); }
};
struct ComplexSinh {
  static HWY_INLINE Z Do(Z x, Z) {
    const D d;
    return {hn::Mul(VSinh(d, x.re), VCos(d, x.im)), hn::Mul(VCosh(d, x.re), VSin(d, x.im))};
  }
  static Wide Exact(Wide x, Wide) { return std::sinh(x); }
};
struct ComplexCosh {
  static HWY_INLINE Z Do(Z x, Z) {
    const D d;
    return {hn::Mul(VCosh(d, x.re), VCos(d, x.im)), hn::Mul(VSinh(d, x.re), VSin(d, x.im))};
  }
  static Wide Exact(Wide x, Wide) { return std::cosh(x); }
};
// 0 to a power with positive real part is 0; 0 to the 0 is 1 as for real numbers.
struct ComplexPower {
  // An exponent of more than 50 in either part would show the rounding of its logarithm.
  static HWY_INLINE Z Do(Z x, Z y) {
    const Z t = MulZ(y, LogZ(x));
    const auto near = hn::Le(hn::Max(hn::Abs(t.re), hn::Abs(t.im)), Num(50));
    const Z z = ExpZ(t);
    return {hn::IfThenElse(near, z.re, hn::Inf(D())), z.im};
  }
  static Wide Exact(Wide x, Wide y) {
    if (y == 0.0) return 1.0;
    if (x == 0.0 && y.real() > 0) return 0.0;
    return std::exp(y * std::log(x));
  }
};

HWY_INLINE M Endless(Z z) {
  // Only infinity and NaN less themselves are not 0.
  const D d;
  const V e = hn::Add(hn::Sub(z.re, z.re), hn::Sub(z.im, z.im));
  return hn::Not(hn::Eq(e, hn::Zero(d)));
}

// f on whole vectors, then on a padded copy of what is left.
template <class From, class To, std::size_t kArity, class F>
HWY_INLINE void Each(const void* const* src, void* dst, std::size_t n, const F& f) {
  constexpr std::size_t kFrom = sizeof(From) / sizeof(float);
  const std::size_t lanes = hn::Lanes(D());
  const auto *a = static_cast<const float*>(src[0]),
             *b = static_cast<const float*>(src[kArity - 1]);
  auto* out = static_cast<To*>(dst);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(a + i * kFrom, b + i * kFrom, out + i);
  if (i == n) return;
  HWY_ALIGN float tail[2 * 2 * hn::MaxLanes(D())] = {};
  HWY_ALIGN To last[hn::MaxLanes(D())];
  float* second = tail + (kArity - 1) * 2 * lanes;
  std::memcpy(tail, a + i * kFrom, (n - i) * sizeof(From));
  std::memcpy(second, b + i * kFrom, (n - i) * sizeof(From));
  f(tail, second, last);
  std::memcpy(out + i, last, (n - i) * sizeof(To));
}

using C64 = std::complex<float>;

template <class Op>
HWY_NOINLINE void Exactly(const float* a, const float* b, C64* out, M where) {
  HWY_ALIGN float flag[hn::MaxLanes(D())];
  hn::Store(hn::VecFromMask(D(), where), D(), flag);
  for (std::size_t k = 0; k < hn::Lanes(D()); ++k) {
    std::uint32_t set;
    std::memcpy(&set, flag + k, sizeof set);
    if (set)
      out[k] = C64(Op::Exact(Wide(double{a[2 * k]}, double{a[2 * k + 1]}),
                             Wide(double{b[2 * k]}, double{b[2 * k + 1]})));
  }
}

template <class Op, std::size_t kArity>
void Map(const void* const* src, void* dst, std::size_t n) {
  Each<C64, C64, kArity>(src, dst, n, [](const float* a, const float* b, C64* out) HWY_ATTR {
    const Z x = LoadZ(a), y = kArity > 1 ? LoadZ(b) : x;
    const Z z = Op::Do(x, y);
    const M odd = Endless(z);
    if (HWY_LIKELY(hn::AllFalse(D(), odd))) {
      StoreZ(z, reinterpret_cast<float*>(out));
      return;
    }
    // The result may lie on the operands.
    HWY_ALIGN float keep[2][2 * hn::MaxLanes(D())];
    StoreZ(x, keep[0]);
    StoreZ(y, keep[1]);
    StoreZ(z, reinterpret_cast<float*>(out));
    Exactly<Op>(keep[0], keep[1], out, odd);
  });
}

// Sums, differences and signs: of parts on their own.
template <class Op, int kArity>
void Parts(const void* const* src, void* dst, std::size_t n) {
  Loop<Op, float, kArity, 0>(src, dst, 2 * n);
}
void Conjugate(const void* const* src, void* dst, std::size_t n) {
  Each<C64, C64, 1>(src, dst, n, [](const float* a, const float*, C64* out) HWY_ATTR {
    const Z x = LoadZ(a);
    StoreZ({x.re, hn::Neg(x.im)}, reinterpret_cast<float*>(out));
  });
}

template <std::uint32_t kOp>
void Part(const void* const* src, void* dst, std::size_t n) {
  Each<C64, float, 1>(src, dst, n, [](const float* a, const float*, float* out) HWY_ATTR {
    const Z x = LoadZ(a);
    hn::StoreU(kOp == QN_OP_REAL ? x.re : kOp == QN_OP_IMAG ? x.im : Modulus(x), D(), out);
  });
}

void Join(const void* const* src, void* dst, std::size_t n) {
  Each<float, C64, 2>(src, dst, n, [](const float* a, const float* b, C64* out) HWY_ATTR {
    StoreZ({hn::LoadU(D(), a), hn::LoadU(D(), b)}, reinterpret_cast<float*>(out));
  });
}

template <std::uint32_t kOp, std::size_t kArity>
void Test(const void* const* src, void* dst, std::size_t n) {
  Each<C64, std::uint8_t, kArity>(
      src, dst, n, [](const float* a, const float* b, std::uint8_t* out) HWY_ATTR {
        const Z x = LoadZ(a), y = LoadZ(b);
        const M same = hn::And(hn::Eq(x.re, y.re), hn::Eq(x.im, y.im));
        M m = same;
        if constexpr (kOp == QN_OP_NOT_EQUAL || kOp == QN_OP_ISNAN) {
          m = hn::Not(same);
        } else if constexpr (kOp == QN_OP_ISINF) {
          m = hn::Or(hn::Eq(hn::Abs(x.re), hn::Inf(D())), hn::Eq(hn::Abs(x.im), hn::Inf(D())));
        } else if constexpr (kOp == QN_OP_LESS || kOp == QN_OP_LESS_EQUAL) {
          m = hn::Or(hn::Lt(x.re, y.re), hn::And(hn::Eq(x.re, y.re), hn::Lt(x.im, y.im)));
          if constexpr (kOp == QN_OP_LESS_EQUAL) m = hn::Or(m, same);
        }
        StoreTruth(D(), m, out);
      });
}

MapFn GetComplexFn(std::uint32_t op) {
  switch (op) {
    case QN_OP_COMPLEX:
      return Join;
    case QN_OP_ADD:
      return Parts<OpAdd, 2>;
    case QN_OP_SUBTRACT:
      return Parts<OpSub, 2>;
    case QN_OP_NEGATIVE:
      return Parts<OpNeg, 1>;
    case QN_OP_ROUND:
      return Parts<OpRound, 1>;
    case QN_OP_CONJUGATE:
      return Conjugate;
    case QN_OP_MULTIPLY:
      return Map<ComplexMul, 2>;
    case QN_OP_DIVIDE:
      return Map<ComplexDiv, 2>;
    case QN_OP_POWER:
      return Map<ComplexPower, 2>;
    case QN_OP_SQUARE:
      return Map<ComplexSquare, 1>;
    case QN_OP_RECIPROCAL:
      return Map<ComplexReciprocal, 1>;
    case QN_OP_EXP:
      return Map<ComplexExp, 1>;
    case QN_OP_LOG:
      return Map<ComplexLog, 1>;
    case QN_OP_SQRT:
      return Map<ComplexSqrt, 1>;
    case QN_OP_RSQRT:
      return Map<ComplexRsqrt, 1>;
    case QN_OP_SIN:
      return Map<ComplexSin, 1>;
    case QN_OP_COS:
      return Map<ComplexCos, 1>;
    case QN_OP_SINH:
      return Map<ComplexSinh, 1>;
    case QN_OP_COSH:
      return Map<ComplexCosh, 1>;
    case QN_OP_ABS:
      return Part<QN_OP_ABS>;
    case QN_OP_REAL:
      return Part<QN_OP_REAL>;
    case QN_OP_IMAG:
      return Part<QN_OP_IMAG>;
    case QN_OP_EQUAL:
      return Test<QN_OP_EQUAL, 2>;
    case QN_OP_NOT_EQUAL:
      return Test<QN_OP_NOT_EQUAL, 2>;
    case QN_OP_LESS:
      return Test<QN_OP_LESS, 2>;
    case QN_OP_LESS_EQUAL:
      return Test<QN_OP_LESS_EQUAL, 2>;
    case QN_OP_ISNAN:
      return Test<QN_OP_ISNAN, 1>;
    case QN_OP_ISINF:
      return Test<QN_OP_ISINF, 1>;
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetComplexFn);

MapFn complex_fn(std::uint32_t op) { return HWY_DYNAMIC_DISPATCH(GetComplexFn)(op); }

}  // namespace quern::simd
#endif
