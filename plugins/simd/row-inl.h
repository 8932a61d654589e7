// Parts of vectors at the end of a row, for files that are compiled once for each instruction set.
// Not here: loops over rows (row_ops.cpp, norm_ops.cpp).
#if defined(QUERN_SIMD_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_ROW_INL_H_
#undef QUERN_SIMD_ROW_INL_H_
#else
#define QUERN_SIMD_ROW_INL_H_
#endif

#include <cstring>

#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// The last k < lanes elements; the other lanes hold `fill`.
HWY_INLINE V LoadPart(D d, const float* p, std::int64_t k, float fill) {
#if HWY_TARGET == HWY_AVX3
  const auto m = hn::FirstN(d, static_cast<std::size_t>(k));
  return hn::IfThenElse(m, hn::MaskedLoad(m, d, p), hn::Set(d, fill));
#else
  HWY_ALIGN float buf[hn::MaxLanes(d)];
  hn::Store(hn::Set(d, fill), d, buf);
  std::memcpy(buf, p, static_cast<std::size_t>(k) * sizeof(float));
  return hn::Load(d, buf);
#endif
}

HWY_INLINE void StorePart(D d, V v, float* p, std::int64_t k) {
#if HWY_TARGET == HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(k)), d, p);
#else
  HWY_ALIGN float buf[hn::MaxLanes(d)];
  hn::Store(v, d, buf);
  std::memcpy(p, buf, static_cast<std::size_t>(k) * sizeof(float));
#endif
}

HWY_INLINE std::int64_t LaneCount() { return static_cast<std::int64_t>(hn::Lanes(D())); }

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#endif
