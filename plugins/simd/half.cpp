// Arrays of f16 and bf16 to f32 and back, for every instruction set.
// Not here: which programs need them (map_program.cpp), the conversions (half-inl.h).
#include <cstring>

#include "plugins/simd/map.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/half.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// f over n elements; the tail goes through padded copies.
template <class To, class From, class F>
HWY_INLINE void Each(const void* src, void* dst, std::size_t n, const F& f) {
  const auto* x = static_cast<const From*>(src);
  auto* y = static_cast<To*>(dst);
  const std::size_t lanes = hn::Lanes(D());
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(x + i, y + i);
  if (i == n) return;
  HWY_ALIGN From from[hn::MaxLanes(D())] = {};
  HWY_ALIGN To to[hn::MaxLanes(D())];
  std::memcpy(from, x + i, (n - i) * sizeof(From));
  f(from, to);
  std::memcpy(y + i, to, (n - i) * sizeof(To));
}

template <class H>
void Widen(const void* src, void* dst, std::size_t n) {
  Each<float, std::uint16_t>(src, dst, n, [](const std::uint16_t* x, float* y) HWY_ATTR {
    hn::StoreU(H::Widen(hn::LoadU(D16(), x)), D(), y);
  });
}
template <class H>
void Narrow(const void* src, void* dst, std::size_t n) {
  Each<std::uint16_t, float>(src, dst, n, [](const float* x, std::uint16_t* y) HWY_ATTR {
    hn::StoreU(H::Narrow(hn::LoadU(D(), x)), D16(), y);
  });
}
template <class H>
void Round(const void* const* src, void* dst, std::size_t n) {
  Each<float, float>(src[0], dst, n, [](const float* x, float* y) HWY_ATTR {
    hn::StoreU(H::Widen(H::Narrow(hn::LoadU(D(), x))), D(), y);
  });
}

HalfFns GetHalf(bool brain) {
  if (brain) return {Widen<Brain>, Narrow<Brain>, Round<Brain>};
  return {Widen<Ieee>, Narrow<Ieee>, Round<Ieee>};
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetHalf);

HalfFns half_fns(qn_dtype dtype) { return HWY_DYNAMIC_DISPATCH(GetHalf)(dtype == QN_BF16); }

}  // namespace quern::simd
#endif
