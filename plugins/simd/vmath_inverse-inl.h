// Hyperbolic functions, inverse functions, tangent, powers and their like, for vectors of f32 and
// mostly f64: relative errors of a few units in the last place.
// Included once for each instruction set, inside Highway's target namespace; holds no loops over
// arrays. Highway's functions hold on the domain only: what lies outside is set right here.
#if defined(QUERN_SIMD_VMATH_INVERSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_VMATH_INVERSE_INL_H_
#undef QUERN_SIMD_VMATH_INVERSE_INL_H_
#else
#define QUERN_SIMD_VMATH_INVERSE_INL_H_
#endif

#include <cmath>
#include <limits>

#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

template <class D>
HWY_INLINE hn::Vec<D> Number(D d, double x) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(x));
}
template <class D, class V>
HWY_INLINE V KeepNan(D, V x, V y) {
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

// exp and exp(x) - 1 of any x.
template <class D, class V>
HWY_INLINE V Exponential(D d, V x) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    return VExp(d, x);
  } else {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
    // Max and Min give their second operand for NaN.
    x = hn::Min(hn::Set(d, 1000.0), hn::Max(hn::Set(d, -1000.0), x));
    const auto magic = hn::Set(d, 6755399441055744.0);
    const auto q = hn::Sub(hn::MulAdd(x, hn::Set(d, 1.44269504088896340736), magic), magic);
    auto r = hn::NegMulAdd(q, hn::Set(d, 0.69314718055994528623), x);
    r = hn::NegMulAdd(q, hn::Set(d, 2.3190468138462995584e-17), r);
    hn::impl::ExpImpl<double> impl;
    const auto y = hn::Add(impl.ExpPoly(d, r), hn::Set(d, 1.0));
    return V{_mm512_scalef_pd(y.raw, q.raw)};
#else
    const auto y = hn::Min(hn::Max(x, hn::Set(d, -800.0)), hn::Set(d, 710.0));
    return KeepNan(d, x, hn::Exp(d, y));
#endif
  }
}
template <class D, class V>
HWY_INLINE V VExpm1(D d, V x) {
  const auto high = Number(d, sizeof(hn::TFromD<D>) == 4 ? 89 : 710);
  const auto y = hn::Expm1(d, hn::Min(hn::Max(x, hn::Neg(high)), high));
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, KeepNan(d, x, y));
}

// exp(a) in two factors, so that half of it does not overflow before it must.
template <class D, class V>
HWY_INLINE V VCosh(D d, V x) {
  const auto half = Number(d, 0.5);
  const auto e = Exponential(d, hn::Mul(hn::Abs(x), half));
  const auto grows = hn::Mul(hn::Mul(half, e), e);
  return hn::Add(grows, hn::Div(Number(d, 0.25), grows));
}
template <class D, class V>
HWY_INLINE V VSinh(D d, V x) {
  const auto half = Number(d, 0.5), one = Number(d, 1);
  const auto a = hn::Abs(x);
  const auto m = VExpm1(d, hn::Min(a, Number(d, 20)));
  const auto near = hn::Mul(half, hn::Add(m, hn::Div(m, hn::Add(m, one))));
  const auto e = Exponential(d, hn::Mul(a, half));
  const auto far = hn::Mul(hn::Mul(half, e), e);
  const auto y = hn::IfThenElse(hn::Lt(a, Number(d, 20)), near, far);
  return KeepNan(d, x, hn::CopySign(y, x));
}

// Powers of the base give whole logarithms: the exponent is counted apart.
template <class D, class V>
HWY_INLINE V LogToBase(D d, V x, double of_two, double of_e) {
  using T = hn::TFromD<D>;
  const double high = static_cast<double>(static_cast<float>(of_two));
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(T) == 4) {
    const auto f = FractionOf(x), n = CountOf(d, x, f);
    const auto low = hn::Mul(LogOfFraction(d, f), Number(d, of_e));
    if (of_two == 1) return hn::Add(n, low);
    const auto y = hn::MulAdd(n, Number(d, of_two), hn::MulAdd(n, Number(d, of_two - high), low));
    return hn::IfThenElse(hn::Eq(hn::Abs(n), hn::Inf(d)), hn::Add(n, low), y);
  }
#endif
  const hn::RebindToSigned<D> di;
  using TI = hn::TFromD<decltype(di)>;
  constexpr int kBits = sizeof(T) == 4 ? 23 : 52;
  // From sqrt(1/2) on the exponent is -1 and below, from there to sqrt(2) it is 0.
  constexpr TI kRoot = sizeof(T) == 4 ? TI{0x3f3504f3} : static_cast<TI>(0x3fe6a09e667f3bcdll);
  const auto small = hn::Lt(x, hn::Set(d, std::numeric_limits<T>::min()));
  const auto scaled = hn::IfThenElse(small, hn::Mul(x, Number(d, std::ldexp(1.0, kBits + 2))), x);
  const auto bits = hn::BitCast(di, scaled);
  const auto e = hn::ShiftRight<kBits>(hn::Sub(bits, hn::Set(di, kRoot)));
  const auto m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<kBits>(e)));
  auto count = hn::ConvertTo(d, e);
  count = hn::Sub(count, hn::IfThenElseZero(small, Number(d, kBits + 2)));
  auto y = hn::Mul(count, Number(d, sizeof(T) == 4 ? of_two - high : 0));
  y = hn::MulAdd(hn::Log(d, m), Number(d, of_e), y);
  y = hn::MulAdd(count, Number(d, of_two), y);
  return FixLog(d, x, hn::Zero(d), y);
}

template <class D, class V>
HWY_INLINE V VAsinh(D d, V x) {
  const auto a = hn::Abs(x);
  const auto y = hn::IfThenElse(hn::Eq(a, hn::Inf(d)), a, hn::Asinh(d, a));
  return KeepNan(d, x, hn::CopySign(y, x));
}
template <class D, class V>
HWY_INLINE V VAcosh(D d, V x) {
  const auto one = Number(d, 1);
  const auto y = hn::IfThenElse(hn::Eq(x, hn::Inf(d)), x, hn::Acosh(d, x));
  return hn::IfThenElse(hn::Lt(x, one), Number(d, std::numeric_limits<double>::quiet_NaN()),
                        KeepNan(d, x, y));
}
template <class D, class V>
HWY_INLINE V VAtanh(D d, V x) {
  const auto a = hn::Abs(x);
  const auto y =
      hn::Mul(Number(d, 0.5), VLog1p(d, hn::Div(hn::Add(a, a), hn::Sub(Number(d, 1), a))));
  return hn::CopySign(y, x);
}

// arctan of p / q for p, q >= 0: pi / 2 less that of q / p where p is the larger one.
template <class D, class V>
HWY_INLINE V ArcOfQuotient(D d, V p, V q) {
  const auto steep = hn::Lt(q, p);
  const auto low = hn::Min(p, q), high = hn::Max(p, q);
  const auto equal = hn::IfThenElseZero(hn::Lt(hn::Zero(d), low), Number(d, 1));
  const auto t = hn::IfThenElse(hn::Eq(low, high), equal, hn::Div(low, high));
  hn::impl::AtanImpl<hn::TFromD<D>> impl;
  const auto y = impl.AtanPoly(d, t);
  return hn::IfThenElse(steep, hn::Sub(Number(d, 1.57079632679489661923), y), y);
}
template <class D, class V>
HWY_INLINE V VAtan(D d, V x) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const auto a = hn::Abs(x), one = Number(d, 1);
    const auto steep = hn::Lt(one, a);
    // Beyond 1e30 the quotient no longer counts, and its estimate must not meet infinity.
    const auto bounded = hn::Min(a, Number(d, 1e30));
    hn::impl::AtanImpl<float> impl;
    const auto y = impl.AtanPoly(d, hn::IfThenElse(steep, Quotient(d, one, bounded), a));
    const auto z = hn::IfThenElse(steep, hn::Sub(Number(d, 1.57079632679489661923), y), y);
    return KeepNan(d, x, hn::CopySign(z, x));
  } else {
    return hn::Atan(d, x);
  }
}
// The angle of the point (x, y).
template <class D, class V>
HWY_INLINE V VAtan2(D d, V y, V x) {
  const auto a = ArcOfQuotient(d, hn::Abs(y), hn::Abs(x));
  // The sign bit of x, that of -0 too.
  const auto left = hn::Lt(hn::CopySign(Number(d, 1), x), hn::Zero(d));
  const auto b = hn::IfThenElse(left, hn::Sub(Number(d, 3.14159265358979323846), a), a);
  const auto sum = hn::Add(x, y);
  const auto nan = hn::Not(hn::And(hn::Eq(x, x), hn::Eq(y, y)));
  return hn::IfThenElse(nan, sum, hn::CopySign(b, y));
}

// Both functions of what is left of x after quarter turns q, on [-pi/4, pi/4]: tan is their
// quotient, turned over where q is odd.
template <class D, class V>
HWY_INLINE V VTan(D d, V x) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    if (!FewTurns(d, x)) return PerLane(d, x, [](float t) { return std::tan(t); });
    const hn::RebindToSigned<D> di;
    const auto magic = Number(d, 12582912);
    const auto shifted = hn::MulAdd(x, Number(d, 0.636619772367581343), magic);
    const auto q = hn::Sub(shifted, magic);
    auto r = hn::NegMulAdd(q, Number(d, 1.5703125), x);
    r = hn::NegMulAdd(q, Number(d, 4.83512878417968750e-4), r);
    r = hn::NegMulAdd(q, Number(d, 3.13855707645416259766e-7), r);
    r = hn::NegMulAdd(q, Number(d, 6.07710062827670e-11), r);
    const auto z = hn::Mul(r, r);
    auto s = hn::MulAdd(z, Number(d, -1.9517293259e-4), Number(d, 8.3321780937e-3));
    s = hn::MulAdd(s, z, Number(d, -0.16666654943));
    s = hn::MulAdd(s, hn::Mul(z, r), r);
    auto c = hn::MulAdd(z, Number(d, 2.4390445347e-5), Number(d, -1.3886763727e-3));
    c = hn::MulAdd(c, z, Number(d, 4.1666623322e-2));
    c = hn::MulAdd(c, z, Number(d, -0.49999999725));
    c = hn::MulAdd(c, z, Number(d, 1));
    // The lowest bit of q, brought to the place of the sign, turns and negates.
    const auto odd = hn::MaskFromVec(
        hn::BitCast(d, hn::BroadcastSignBit(hn::ShiftLeft<31>(hn::BitCast(di, shifted)))));
    return Quotient(d, hn::IfThenElse(odd, hn::Neg(c), s), hn::IfThenElse(odd, s, c));
  } else {
    return hn::Div(VSin(d, x), VCos(d, x));
  }
}

// log(1 + e) for e in [0, 1]: 2 artanh(e / (2 + e)), whose series in the square of at most 1/9 ends
// soon.
template <class D, class V>
HWY_INLINE V Log1pOfFraction(D d, V e) {
  const auto s = Quotient(d, e, hn::Add(e, Number(d, 2)));
  const auto z = hn::Mul(s, s);
  auto p = hn::MulAdd(z, Number(d, 0.134360283), Number(d, 0.141165396));
  p = hn::MulAdd(p, z, Number(d, 0.200038598));
  p = hn::MulAdd(p, z, Number(d, 0.333333195));
  const auto twice = hn::Add(s, s);
  return hn::MulAdd(hn::Mul(p, z), twice, twice);
}

// Where both are one infinity their difference is no number: the larger one is the result.
template <class D, class V>
HWY_INLINE V VLogaddexp(D d, V x, V y) {
  const auto high = hn::Max(x, y), low = hn::Min(x, y);
  const auto gap = hn::Sub(low, high);
  V more;
  if constexpr (sizeof(hn::TFromD<D>) == 4)
    more = Log1pOfFraction(d, VExpNonPositive(d, gap));
  else
    more = VLog1p(d, Exponential(d, gap));
  // An infinity stays alone; of a gap that is no number only NaN remains.
  const auto endless = hn::Eq(hn::Abs(high), hn::Inf(d));
  const auto z = hn::IfThenElse(endless, high, hn::Add(high, more));
  const auto nan = hn::Not(hn::And(hn::Eq(x, x), hn::Eq(y, y)));
  return hn::IfThenElse(nan, hn::Add(x, y), z);
}

// x to the power y for f32 in the lanes of f64: exp2(y * log2(|x|)), whose logarithm (an artanh
// series, fitted) is exact to 2^-40 and whose exponential to 2^-28, then what C99 says of signs,
// zeros and infinities. Numbers beyond f32 become 0 and infinity when they are rounded to it.
template <class D, class V>
HWY_INLINE V PowerOfFloats(D d, V x, V y) {
  const hn::RebindToSigned<D> di;
  const auto one = hn::Set(d, 1.0), zero = hn::Zero(d), a = hn::Abs(x);
  const auto bits = hn::BitCast(di, a);
  constexpr std::int64_t kRoot = 0x3fe6a09e667f3bcdll;  // sqrt(1/2)
  const auto e = hn::ShiftRight<52>(hn::Sub(bits, hn::Set(di, kRoot)));
  const auto m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<52>(e)));
  const auto s = hn::Div(hn::Sub(m, one), hn::Add(m, one)), z = hn::Mul(s, s);
  auto p = hn::MulAdd(z, hn::Set(d, 0.096852044714551194), hn::Set(d, 0.11095465099828451));
  p = hn::MulAdd(p, z, hn::Set(d, 0.14285881970320891));
  p = hn::MulAdd(p, z, hn::Set(d, 0.19999999364464688));
  p = hn::MulAdd(p, z, hn::Set(d, 0.33333333333752974));
  p = hn::Mul(hn::MulAdd(p, z, one), hn::Mul(s, hn::Set(d, 2.8853900817779268)));
  auto log = hn::Add(hn::ConvertTo(d, e), p);
  log = hn::IfThenElse(hn::Eq(a, zero), hn::Neg(hn::Inf(d)), log);
  log = hn::IfThenElse(hn::Eq(a, hn::Inf(d)), a, log);

  // The sum with the magic number holds the rounded exponent, biased, in its lowest bits.
  const auto magic = hn::Set(d, 6755399441055744.0 + 1023);
  const auto limit = hn::Set(d, 1000.0);
  const auto t = hn::Max(hn::Min(hn::Mul(y, log), limit), hn::Neg(limit));
  const auto rounded = hn::Add(t, magic);
  const auto f = hn::Sub(t, hn::Sub(rounded, magic));
  auto q = hn::MulAdd(f, hn::Set(d, 1.5303702364213264e-05), hn::Set(d, 0.00015461447461439178));
  q = hn::MulAdd(q, f, hn::Set(d, 0.0013333478467631112));
  q = hn::MulAdd(q, f, hn::Set(d, 0.0096180566698915206));
  q = hn::MulAdd(q, f, hn::Set(d, 0.055504109063312768));
  q = hn::MulAdd(q, f, hn::Set(d, 0.24022650922342714));
  q = hn::MulAdd(q, f, hn::Set(d, 0.693147180556832));
  const auto scale = hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(di, rounded)));
  auto r = hn::Mul(hn::MulAdd(q, f, one), scale);

  const auto nan = hn::Not(hn::And(hn::Eq(x, x), hn::Eq(y, y)));
  r = hn::IfThenElse(nan, hn::Add(x, y), r);
  r = hn::IfThenElse(
      hn::Or(hn::And(hn::Eq(a, one), hn::Or(hn::Eq(x, one), hn::Eq(y, y))), hn::Eq(y, zero)), one,
      r);
  const auto minus = hn::Lt(hn::CopySign(one, x), zero);
  if (hn::AllFalse(d, minus)) return r;
  const auto half = hn::Mul(y, hn::Set(d, 0.5));
  const auto whole = hn::Eq(hn::Round(y), y), even = hn::Eq(hn::Round(half), half);
  r = hn::IfThenElse(hn::And(minus, hn::And(whole, hn::Not(even))), hn::Neg(r), r);
  const auto undefined = hn::And(hn::And(hn::Lt(x, zero), hn::Lt(a, hn::Inf(d))),
                                 hn::And(hn::Not(whole), hn::Eq(y, y)));
  return hn::IfThenElse(undefined, hn::Set(d, std::numeric_limits<double>::quiet_NaN()), r);
}

// The C library for lanes that vectors do not serve; f has two arguments.
template <class D, class V, class F>
HWY_INLINE V PerLane2(D d, V x, V y, F f) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T a[hn::MaxLanes(d)];
  HWY_ALIGN T b[hn::MaxLanes(d)];
  hn::Store(x, d, a);
  hn::Store(y, d, b);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) a[i] = f(a[i], b[i]);
  return hn::Load(d, a);
}

// The remainder of the division rounded towards 0, brought to the sign of y. A fused multiply-add
// makes it exact while the quotient, off by at most 1, is a whole number of few bits.
template <class D, class V>
HWY_INLINE V VRemainder(D d, V x, V y) {
  using T = hn::TFromD<D>;
  const auto c_library = [](T a, T b) {
    const T r = std::fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  };
#if HWY_NATIVE_FMA
  const auto q = hn::Trunc(hn::Div(x, y));
  const auto few = hn::Lt(hn::Abs(q), Number(d, sizeof(T) == 4 ? 0x1p22 : 0x1p51));
  if (HWY_LIKELY(hn::AllTrue(d, few))) {
    auto r = hn::NegMulAdd(q, y, x);
    // Products of 0 with infinity.
    r = hn::IfThenElse(hn::Eq(q, hn::Zero(d)), x, r);
    const auto zero = hn::Zero(d);
    const auto apart = hn::Or(hn::And(hn::Lt(r, zero), hn::Lt(zero, y)),
                              hn::And(hn::Lt(zero, r), hn::Lt(y, zero)));
    return hn::IfThenElse(apart, hn::Add(r, y), r);
  }
#endif
  return PerLane2(d, x, y, c_library);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
