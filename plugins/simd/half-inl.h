// f16 and bf16 to f32 lanes and back, rounded to nearest with ties to even.
// Included once for each instruction set, inside Highway's target namespace; holds no loops over
// arrays.
#if defined(QUERN_SIMD_HALF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_HALF_INL_H_
#undef QUERN_SIMD_HALF_INL_H_
#else
#define QUERN_SIMD_HALF_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using DU = hn::RebindToUnsigned<D>;
using DI = hn::RebindToSigned<D>;
using D16 = hn::Rebind<std::uint16_t, D>;
using V = hn::Vec<D>;
using VU = hn::Vec<DU>;
using V16 = hn::Vec<D16>;

HWY_INLINE V16 Low16(VU u) { return hn::DemoteTo(D16(), hn::BitCast(DI(), u)); }
HWY_INLINE hn::Mask<DU> Below(VU a, std::uint32_t b) {  // of numbers below 2^31
  const DI d;
  return hn::RebindMask(DU(), hn::Lt(hn::BitCast(d, a), hn::Set(d, static_cast<std::int32_t>(b))));
}

struct Brain {
  static HWY_INLINE V Widen(V16 h) {
    return hn::BitCast(D(), hn::ShiftLeft<16>(hn::PromoteTo(DU(), h)));
  }
  static HWY_INLINE V16 Narrow(V x) {
    const DU d;
    const auto u = hn::BitCast(d, x);
    const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(d, 1));
    const auto rounded = hn::Add(hn::Add(u, hn::Set(d, 0x7fff)), odd);
    const auto quiet = hn::Or(u, hn::Set(d, 0x400000));
    const auto number = hn::RebindMask(d, hn::Eq(x, x));
    return Low16(hn::ShiftRight<16>(hn::IfThenElse(number, rounded, quiet)));
  }
};

struct Ieee {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  static HWY_INLINE V Widen(V16 h) {
    return hn::PromoteTo(D(), hn::BitCast(hn::Rebind<hwy::float16_t, D>(), h));
  }
  static HWY_INLINE V16 Narrow(V x) {
    return hn::BitCast(D16(), hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), x));
  }
#else
  static HWY_INLINE V Widen(V16 half) {
    const DU d;
    const auto h = hn::PromoteTo(d, half);
    const auto magnitude = hn::And(h, hn::Set(d, 0x7fff));
    const auto sign = hn::ShiftLeft<16>(hn::Sub(h, magnitude));
    // The exponent's bias grows by 112, that of infinity and NaN once more.
    auto bits = hn::Add(hn::ShiftLeft<13>(magnitude), hn::Set(d, 112u << 23));
    bits = hn::IfThenElse(Below(magnitude, 0x7c00), bits, hn::Add(bits, hn::Set(d, 112u << 23)));
    const auto small =
        hn::Mul(hn::ConvertTo(D(), hn::BitCast(DI(), magnitude)), hn::Set(D(), 0x1p-24f));
    bits = hn::IfThenElse(Below(magnitude, 0x400), hn::BitCast(d, small), bits);
    return hn::BitCast(D(), hn::Or(bits, sign));
  }
  static HWY_INLINE V16 Narrow(V x) {
    const DU d;
    const auto u = hn::BitCast(d, x);
    const auto magnitude = hn::And(u, hn::Set(d, 0x7fffffff));
    const auto sign = hn::ShiftRight<16>(hn::Sub(u, magnitude));
    const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d, 1));
    auto h = hn::ShiftRight<13>(
        hn::Add(hn::Sub(magnitude, hn::Set(d, 112u << 23)), hn::Add(hn::Set(d, 0xfff), odd)));
    // Below 2^-14 the last bit of the sum with 0.5 weighs 2^-24: the addition rounds.
    const auto sum = hn::Add(hn::BitCast(D(), magnitude), hn::Set(D(), 0.5f));
    const auto small = hn::Sub(hn::BitCast(d, sum), hn::Set(d, 0x3f000000));
    h = hn::IfThenElse(Below(magnitude, 0x38800000), small, h);
    h = hn::IfThenElse(Below(magnitude, 0x47800000), h, hn::Set(d, 0x7c00));
    const auto nan =
        hn::Or(hn::Set(d, 0x7e00), hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d, 0x3ff)));
    h = hn::IfThenElse(Below(magnitude, 0x7f800001), h, nan);
    return Low16(hn::Or(h, sign));
  }
#endif
};

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#endif
