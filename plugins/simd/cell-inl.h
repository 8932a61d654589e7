// Elements of a dtype as f32 lanes: loads and stores of whole vectors and of their first part.
// Included once for each instruction set, inside Highway's target namespace; holds no loops over
// arrays.
#if defined(QUERN_SIMD_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_CELL_INL_H_
#undef QUERN_SIMD_CELL_INL_H_
#else
#define QUERN_SIMD_CELL_INL_H_
#endif

#include <cstring>

#include "plugins/simd/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

HWY_INLINE std::int64_t LaneCount() { return static_cast<std::int64_t>(hn::Lanes(D())); }

// The first k < lanes elements; the other lanes hold `fill`.
template <class DT, class T>
HWY_INLINE hn::Vec<DT> LoadPart(DT d, const T* p, std::int64_t k, T fill) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const auto m = hn::FirstN(d, static_cast<std::size_t>(k));
  return hn::IfThenElse(m, hn::MaskedLoad(m, d, p), hn::Set(d, fill));
#else
  HWY_ALIGN T buf[hn::MaxLanes(d)];
  hn::Store(hn::Set(d, fill), d, buf);
  std::memcpy(buf, p, static_cast<std::size_t>(k) * sizeof(T));
  return hn::Load(d, buf);
#endif
}

template <class DT, class T>
HWY_INLINE void StorePart(DT d, hn::Vec<DT> v, T* p, std::int64_t k) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(k)), d, p);
#else
  HWY_ALIGN T buf[hn::MaxLanes(d)];
  hn::Store(v, d, buf);
  std::memcpy(p, buf, static_cast<std::size_t>(k) * sizeof(T));
#endif
}

struct Single {
  using T = float;
  static HWY_INLINE V Load(const float* p) { return hn::LoadU(D(), p); }
  static HWY_INLINE V Load(const float* p, std::int64_t k) { return LoadPart(D(), p, k, 0.0f); }
  static HWY_INLINE void Store(V v, float* p) { hn::StoreU(v, D(), p); }
  static HWY_INLINE void Store(V v, float* p, std::int64_t k) { StorePart(D(), v, p, k); }
};

template <class H>
struct Half {
  using T = std::uint16_t;
  static HWY_INLINE V Load(const T* p) { return H::Widen(hn::LoadU(D16(), p)); }
  static HWY_INLINE V Load(const T* p, std::int64_t k) {
    return H::Widen(LoadPart(D16(), p, k, T{0}));
  }
  static HWY_INLINE void Store(V v, T* p) { hn::StoreU(H::Narrow(v), D16(), p); }
  static HWY_INLINE void Store(V v, T* p, std::int64_t k) { StorePart(D16(), H::Narrow(v), p, k); }
};

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#endif
