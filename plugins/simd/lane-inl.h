// Elements of any real dtype as lanes that are at least as wide: of f32 for halves, of i32 for
// narrower integers, else of the dtype itself.
// Included once for each instruction set, inside Highway's target namespace; holds no loops over
// arrays.
#if defined(QUERN_SIMD_LANE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_LANE_INL_H_
#undef QUERN_SIMD_LANE_INL_H_
#else
#define QUERN_SIMD_LANE_INL_H_
#endif

#include "plugins/simd/cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// T: as it lies in memory; Lane: as it is computed with; Tag: the vectors of lanes; kGathers: lanes
// can be gathered from memory as they are.
template <class Element>
struct Same {
  using T = Element;
  using Lane = Element;
  using Tag = hn::ScalableTag<Lane>;
  static constexpr bool kGathers = sizeof(T) >= 4;
  static HWY_INLINE hn::Vec<Tag> Load(const T* p) { return hn::LoadU(Tag(), p); }
  static HWY_INLINE hn::Vec<Tag> Load(const T* p, std::int64_t k) {
    return LoadPart(Tag(), p, k, T{});
  }
  static HWY_INLINE void Store(hn::Vec<Tag> v, T* p) { hn::StoreU(v, Tag(), p); }
  static HWY_INLINE void Store(hn::Vec<Tag> v, T* p, std::int64_t k) { StorePart(Tag(), v, p, k); }
  static HWY_INLINE Lane One(T x) { return x; }
  template <class A>
  static HWY_INLINE T Back(A x) {
    return static_cast<T>(x);
  }
};

template <class Element>
struct Promoted {
  using T = Element;
  using Lane = std::int32_t;
  using Tag = hn::ScalableTag<Lane>;
  using Narrow = hn::Rebind<T, Tag>;
  static constexpr bool kGathers = false;
  static HWY_INLINE hn::Vec<Tag> Load(const T* p) {
    return hn::PromoteTo(Tag(), hn::LoadU(Narrow(), p));
  }
  static HWY_INLINE hn::Vec<Tag> Load(const T* p, std::int64_t k) {
    return hn::PromoteTo(Tag(), LoadPart(Narrow(), p, k, T{}));
  }
  // The low bits.
  static HWY_INLINE hn::Vec<Narrow> Cut(hn::Vec<Tag> v) {
    const hn::RebindToUnsigned<Tag> wide;
    const hn::RebindToUnsigned<Narrow> narrow;
    return hn::BitCast(Narrow(), hn::TruncateTo(narrow, hn::BitCast(wide, v)));
  }
  static HWY_INLINE void Store(hn::Vec<Tag> v, T* p) { hn::StoreU(Cut(v), Narrow(), p); }
  static HWY_INLINE void Store(hn::Vec<Tag> v, T* p, std::int64_t k) {
    StorePart(Narrow(), Cut(v), p, k);
  }
  static HWY_INLINE Lane One(T x) { return x; }
  static HWY_INLINE T Back(Lane x) { return static_cast<T>(x); }
};

template <class H>
struct Widened : Half<H> {
  using Lane = float;
  using Tag = D;
  static constexpr bool kGathers = false;
  static HWY_INLINE Lane One(std::uint16_t x) { return hn::GetLane(H::Widen(hn::Set(D16(), x))); }
  template <class A>
  static HWY_INLINE std::uint16_t Back(A x) {
    return hn::GetLane(H::Narrow(hn::Set(D(), static_cast<float>(x))));
  }
};

#if HWY_HAVE_FLOAT64
// f32 as lanes of f64.
struct Doubled {
  using T = float;
  using Lane = double;
  using Tag = hn::ScalableTag<double>;
  using Narrow = hn::Rebind<float, Tag>;
  static constexpr bool kGathers = false;
  static HWY_INLINE hn::Vec<Tag> Load(const float* p) {
    return hn::PromoteTo(Tag(), hn::LoadU(Narrow(), p));
  }
  static HWY_INLINE hn::Vec<Tag> Load(const float* p, std::int64_t k) {
    return hn::PromoteTo(Tag(), LoadPart(Narrow(), p, k, 0.0f));
  }
  static HWY_INLINE void Store(hn::Vec<Tag> v, float* p) {
    hn::StoreU(hn::DemoteTo(Narrow(), v), Narrow(), p);
  }
  static HWY_INLINE void Store(hn::Vec<Tag> v, float* p, std::int64_t k) {
    StorePart(Narrow(), hn::DemoteTo(Narrow(), v), p, k);
  }
  static HWY_INLINE Lane One(float x) { return x; }
  static HWY_INLINE float Back(double x) { return static_cast<float>(x); }
};
#endif

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#endif
