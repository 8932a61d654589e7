// Vector functions for f32 with a relative error of a few units in the last place.
// Included once for each instruction set, inside Highway's target namespace; holds no loops over
// arrays.
#if defined(QUERN_SIMD_VMATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_VMATH_INL_H_
#undef QUERN_SIMD_VMATH_INL_H_
#else
#define QUERN_SIMD_VMATH_INL_H_
#endif

#include <cmath>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class VI>
HWY_INLINE hn::Vec<D> Pow2(D d, VI e) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(e, hn::Set(di, 127))));
}

// p / q within two ulp, for q and 1 / q far from overflow: AVX-512 divides at the pace of
// thirty-two multiplications; its estimate of 14 bits and a step of Newton's need five.
template <class D, class V>
HWY_INLINE V Quotient(D d, V p, V q) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  auto r = hn::ApproximateReciprocal(q);
  r = hn::MulAdd(r, hn::NegMulAdd(q, r, hn::Set(d, 1.0f)), r);
  return hn::Mul(p, r);
#else
  (void)d;
  return hn::Div(p, q);
#endif
}

// exp(x) for x in [-104, 89] and NaN; the scaling in two steps reaches denormals and infinity.
template <class D, class V>
HWY_INLINE V ExpInRange(D d, V x) {
  const auto q = hn::NearestInt(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
  const auto qf = hn::ConvertTo(d, q);
  auto r = hn::NegMulAdd(qf, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(qf, hn::Set(d, -2.12194440e-4f), r);
  auto p = hn::MulAdd(r, hn::Set(d, 1.9875691500e-4f), hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  const auto y = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0f));
  const auto half = hn::ShiftRight<1>(q);
  return hn::Mul(hn::Mul(y, Pow2(d, half)), Pow2(d, hn::Sub(q, half)));
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
// y * 2^q; the exponent of x, and its fraction in [0.75, 1.5), NaN for negative numbers.
#define QUERN_VMATH_PARTS(V, Prefix, ...)                                                        \
  __VA_ARGS__ HWY_INLINE V ScaleByPow2(V y, V q) { return V{Prefix##_scalef_ps(y.raw, q.raw)}; } \
  __VA_ARGS__ HWY_INLINE V ExponentOf(V x) { return V{Prefix##_getexp_ps(x.raw)}; }              \
  __VA_ARGS__ HWY_INLINE V FractionOf(V x) {                                                     \
    return V{Prefix##_getmant_ps(x.raw, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan)};              \
  }
QUERN_VMATH_PARTS(hn::Vec512<float>, _mm512, )
QUERN_VMATH_PARTS(hn::Vec256<float>, _mm256, )
#define QUERN_VMATH_SHORT hn::Vec128<float, N>
QUERN_VMATH_PARTS(QUERN_VMATH_SHORT, _mm, template <std::size_t N>)
#undef QUERN_VMATH_SHORT
#undef QUERN_VMATH_PARTS

// log(m) of a fraction in [0.75, 1.5): the series r - r^2 / 2 + .., fitted.
template <class D, class V>
HWY_INLINE V LogOfFraction(D d, V m) {
  const auto r = hn::Sub(m, hn::Set(d, 1.0f));
  auto p = hn::MulAdd(r, hn::Set(d, -0.04490676818f), hn::Set(d, 0.1044803555f));
  p = hn::MulAdd(p, r, hn::Set(d, -0.1316218424f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.1448209524f));
  p = hn::MulAdd(p, r, hn::Set(d, -0.1664777546f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.1999060547f));
  p = hn::MulAdd(p, r, hn::Set(d, -0.2500005429f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.3333345446f));
  p = hn::MulAdd(p, r, hn::Set(d, -0.5000000082f));
  return hn::MulAdd(p, hn::Mul(r, r), r);
}
// The exponent that belongs to the fraction m.
template <class D, class V>
HWY_INLINE V CountOf(D d, V x, V m) {
  const auto e = ExponentOf(x), one = hn::Set(d, 1.0f);
  return hn::Add(e, hn::IfThenElseZero(hn::Lt(m, one), one));
}
#endif

template <class D, class V>
HWY_INLINE V VExp(D d, V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // 2^f of the fraction in base 2, scaled by an instruction that reaches 0 and infinity. Max and
  // Min give their second operand for NaN.
  x = hn::Min(hn::Set(d, 150.0f), hn::Max(hn::Set(d, -150.0f), x));
  const auto magic = hn::Set(d, 12582912.0f);
  const auto q = hn::Sub(hn::MulAdd(x, hn::Set(d, 1.44269504f), magic), magic);
  auto f = hn::MulSub(x, hn::Set(d, 1.44269504f), q);
  f = hn::MulAdd(x, hn::Set(d, 1.925963033e-8f), f);
  auto y = hn::MulAdd(f, hn::Set(d, 1.5474191915e-4f), hn::Set(d, 1.3400314294e-3f));
  y = hn::MulAdd(y, f, hn::Set(d, 9.6180118511e-3f));
  y = hn::MulAdd(y, f, hn::Set(d, 5.5503276257e-2f));
  y = hn::MulAdd(y, f, hn::Set(d, 2.4022651275e-1f));
  y = hn::MulAdd(y, f, hn::Set(d, 6.9314720639e-1f));
  return ScaleByPow2(hn::MulAdd(y, f, hn::Set(d, 1.0f)), q);
#else
  const auto clipped = hn::Min(hn::Max(x, hn::Set(d, -104.0f)), hn::Set(d, 89.0f));
  return hn::IfThenElse(hn::Eq(x, x), ExpInRange(d, clipped), x);
#endif
}

// exp(x) for x <= 0 and NaN; 0 may stand for what would be denormal. The rounded exponent sits in
// the low bits of a float near 1.5 * 2^23, from where a shift brings it, biased, to its place.
template <class D, class V>
HWY_INLINE V VExpNonPositive(D d, V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // 2^f of the fraction in base 2, scaled by an instruction that takes a hundred times as long when
  // it falls below the smallest normal number. Max gives its second operand for NaN.
  const auto magic = hn::Set(d, 12582912.0f), least = hn::Set(d, -87.33f);
  const auto vanishes = hn::Lt(x, least);
  x = hn::Max(least, x);
  const auto q = hn::Sub(hn::MulAdd(x, hn::Set(d, 1.44269504f), magic), magic);
  auto f = hn::MulSub(x, hn::Set(d, 1.44269504f), q);
  f = hn::MulAdd(x, hn::Set(d, 1.925963033e-8f), f);
  auto y = hn::MulAdd(f, hn::Set(d, 1.3264726838e-3f), hn::Set(d, 9.6715126653e-3f));
  y = hn::MulAdd(y, f, hn::Set(d, 5.5507337444e-2f));
  y = hn::MulAdd(y, f, hn::Set(d, 2.4022242085e-1f));
  y = hn::MulAdd(y, f, hn::Set(d, 6.9314697760e-1f));
  return hn::IfThenZeroElse(vanishes, ScaleByPow2(hn::MulAdd(y, f, hn::Set(d, 1.0f)), q));
#else
  const hn::RebindToSigned<D> di;
  const auto magic = hn::Set(d, 12582912.0f + 127.0f);
  const auto t = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), magic);
  const auto qf = hn::Sub(t, magic);
  auto r = hn::NegMulAdd(qf, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(qf, hn::Set(d, -2.12194440e-4f), r);
  auto p = hn::MulAdd(r, hn::Set(d, 1.393368364e-3f), hn::Set(d, 8.363203347e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.166646461e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.666657684e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.000000013e-1f));
  const auto y = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0f));
  const auto scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, t)));
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, -87.0f)), hn::Zero(d), hn::Mul(y, scale));
#endif
}

template <class D, class V>
HWY_INLINE V FixLog(D d, V x, V pole, V y) {
  const auto inf = hn::Set(d, std::numeric_limits<float>::infinity());
  y = hn::IfThenElse(hn::Eq(x, inf), inf, y);
  y = hn::IfThenElse(hn::Eq(x, pole), hn::Neg(inf), y);
  const auto nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  return hn::IfThenElse(hn::Ge(x, pole), y, nan);
}

template <class D, class V>
HWY_INLINE V VLog(D d, V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const auto m = FractionOf(x);
    return hn::MulAdd(CountOf(d, x, m), hn::Set(d, 0.69314718056f), LogOfFraction(d, m));
  }
#endif
  return FixLog(d, x, hn::Zero(d), hn::Log(d, x));
}

template <class D, class V>
HWY_INLINE V VLog1p(D d, V x) {
  const auto y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, hn::Log1p(d, x));
  return FixLog(d, x, hn::Set(d, -1.0f), y);
}

// x num(x^2) / den(x^2), fitted on the range in which tanh is not yet 1; at its end the quotient
// is. Both polynomials are 1 at 0, so that small numbers come out as they are.
template <class D, class V>
HWY_INLINE V VTanh(D d, V x0) {
  const auto one = hn::Set(d, 1.0f);
  const auto x = hn::Min(hn::Abs(x0), hn::Set(d, 9.02f));
  const auto s = hn::Mul(x, x);
  auto p = hn::MulAdd(s, hn::Set(d, 1.338406415e-8f), hn::Set(d, 2.063565367e-5f));
  p = hn::MulAdd(p, s, hn::Set(d, 3.497447319e-3f));
  p = hn::MulAdd(p, s, hn::Set(d, 1.338267855e-1f));
  p = hn::Mul(hn::MulAdd(p, s, one), x);
  auto q = hn::MulAdd(s, hn::Set(d, 7.790154677e-7f), hn::Set(d, 3.288500456e-4f));
  q = hn::MulAdd(q, s, hn::Set(d, 2.588432153e-2f));
  q = hn::MulAdd(q, s, hn::Set(d, 4.67159998e-1f));
  const auto y = hn::CopySign(hn::Min(Quotient(d, p, hn::MulAdd(q, s, one)), one), x0);
  return hn::IfThenElse(hn::Eq(x0, x0), y, x0);
}

template <class D, class V>
HWY_INLINE V VSigmoid(D d, V x) {
  // 1 / (1 + exp(-x)) or exp(x) / (1 + exp(x)): the exponential of the negative one does not
  // overflow.
  const auto one = hn::Set(d, 1.0f);
  const auto e = VExp(d, hn::Neg(hn::Abs(x)));
  return Quotient(d, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

template <class D, class V>
HWY_INLINE V VErf(D d, V x0) {
  const auto lim = hn::Set(d, 4.0f);
  const auto x = hn::Min(hn::Max(x0, hn::Neg(lim)), lim);
  const auto s = hn::Mul(x, x);
  auto p = hn::MulAdd(s, hn::Set(d, -2.72614225801306e-10f), hn::Set(d, 2.77068142495902e-08f));
  p = hn::MulAdd(p, s, hn::Set(d, -2.10102402082508e-06f));
  p = hn::MulAdd(p, s, hn::Set(d, -5.69250639462346e-05f));
  p = hn::MulAdd(p, s, hn::Set(d, -7.34990630326855e-04f));
  p = hn::MulAdd(p, s, hn::Set(d, -2.95459980854025e-03f));
  p = hn::Mul(hn::MulAdd(p, s, hn::Set(d, -1.60960333262415e-02f)), x);
  auto q = hn::MulAdd(s, hn::Set(d, -1.45660718464996e-05f), hn::Set(d, -2.13374055278905e-04f));
  q = hn::MulAdd(q, s, hn::Set(d, -1.68282697438203e-03f));
  q = hn::MulAdd(q, s, hn::Set(d, -7.37332916720468e-03f));
  q = hn::MulAdd(q, s, hn::Set(d, -1.42647390514189e-02f));
  return hn::IfThenElse(hn::Eq(x0, x0), Quotient(d, p, q), x0);
}

// Giles 2012, "Approximating the erfinv function": polynomials in w = -log(1 - x^2), or in its
// root.
template <class D, class V>
HWY_INLINE V VErfinv(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const auto w = hn::Neg(VLog(d, hn::Mul(hn::Sub(one, x), hn::Add(one, x))));
  const auto near = hn::Lt(w, hn::Set(d, 5.0f));
  const auto t =
      hn::IfThenElse(near, hn::Sub(w, hn::Set(d, 2.5f)), hn::Sub(hn::Sqrt(w), hn::Set(d, 3.0f)));
  constexpr float kNear[] = {2.81022636e-08f,  3.43273939e-07f, -3.5233877e-06f,
                             -4.39150654e-06f, 0.00021858087f,  -0.00125372503f,
                             -0.00417768164f,  0.246640727f,    1.50140941f};
  constexpr float kFar[] = {-0.000200214257f, 0.000100950558f, 0.00134934322f,
                            -0.00367342844f,  0.00573950773f,  -0.0076224613f,
                            0.00943887047f,   1.00167406f,     2.83297682f};
  auto p = hn::IfThenElse(near, hn::Set(d, kNear[0]), hn::Set(d, kFar[0]));
  for (int i = 1; i < 9; ++i)
    p = hn::MulAdd(p, t, hn::IfThenElse(near, hn::Set(d, kNear[i]), hn::Set(d, kFar[i])));
  const auto end = hn::Mul(x, hn::Set(d, std::numeric_limits<float>::infinity()));
  return hn::IfThenElse(hn::Eq(hn::Abs(x), one), end, hn::Mul(p, x));
}

// Highway's sine and cosine hold up to 39000; beyond, and for NaN, the C library does it.
template <class D, class V, class F>
HWY_INLINE V PerLane(D d, V x, F f) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T buf[hn::MaxLanes(d)];
  hn::Store(x, d, buf);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) buf[i] = f(buf[i]);
  return hn::Load(d, buf);
}
template <class D, class V>
HWY_INLINE bool FewTurns(D d, V x) {
  return HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), hn::Set(d, 39000))));
}

template <class D, class V>
HWY_INLINE V VSin(D d, V x) {
  if (FewTurns(d, x)) return hn::Sin(d, x);
  return PerLane(d, x, [](hn::TFromD<D> t) { return std::sin(t); });
}

template <class D, class V>
HWY_INLINE V VCos(D d, V x) {
  if (FewTurns(d, x)) return hn::Cos(d, x);
  return PerLane(d, x, [](hn::TFromD<D> t) { return std::cos(t); });
}

// NaN if either operand is. The vector instructions of x86 give their second operand for NaN.
template <class D, class V>
HWY_INLINE V VMax(D, V a, V b) {
  auto m = hn::IfThenElse(hn::Eq(a, a), hn::Max(a, b), a);
#if !HWY_ARCH_X86 || HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  m = hn::IfThenElse(hn::Eq(b, b), m, b);
#endif
  return m;
}
template <class D, class V>
HWY_INLINE V VMin(D, V a, V b) {
  auto m = hn::IfThenElse(hn::Eq(a, a), hn::Min(a, b), a);
#if !HWY_ARCH_X86 || HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  m = hn::IfThenElse(hn::Eq(b, b), m, b);
#endif
  return m;
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<float> RootGuess(hn::Vec512<float> x) {
  return hn::Vec512<float>{_mm512_rsqrt14_ps(x.raw)};
}
HWY_INLINE hn::Vec512<double> RootGuess(hn::Vec512<double> x) {
  return hn::Vec512<double>{_mm512_rsqrt14_pd(x.raw)};
}
#endif

// AVX-512's estimate of 1 / sqrt(x), of 14 bits, and steps of Newton's take a third of the time of
// its root and quotient. The last step corrects the root by its own error: nearly all come out as
// rounded once. 0 and infinity, where the steps give NaN, are their own roots.
template <class D, class V>
HWY_INLINE V VSqrt(D d, V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const auto half = hn::Set(d, 0.5);
  const auto y = RootGuess(x);
  auto g = hn::Mul(x, y), h = hn::Mul(half, y);
  for (int i = 0; i < (sizeof(hn::TFromD<D>) == 4 ? 1 : 2); ++i) {
    const auto r = hn::NegMulAdd(g, h, half);
    g = hn::MulAdd(g, r, g);
    h = hn::MulAdd(h, r, h);
  }
  g = hn::MulAdd(hn::NegMulAdd(g, g, x), h, g);
  const auto own = hn::Or(hn::Eq(x, hn::Zero(d)), hn::Eq(x, hn::Inf(d)));
  return hn::IfThenElse(own, x, g);
#else
  (void)d;
  return hn::Sqrt(x);
#endif
}
template <class D, class V>
HWY_INLINE V VRsqrt(D d, V x) {
  const auto one = hn::Set(d, 1);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const auto guess = RootGuess(x);
  auto y = guess;
  for (int i = 0; i < (sizeof(hn::TFromD<D>) == 4 ? 1 : 2); ++i) {
    const auto e = hn::NegMulAdd(hn::Mul(x, y), y, one);
    y = hn::MulAdd(hn::Mul(y, e), hn::MulAdd(e, hn::Set(d, 0.375), hn::Set(d, 0.5)), y);
  }
  const auto own = hn::Or(hn::Eq(x, hn::Zero(d)), hn::Eq(x, hn::Inf(d)));
  return hn::IfThenElse(own, guess, y);
#else
  return hn::Div(one, hn::Sqrt(x));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
