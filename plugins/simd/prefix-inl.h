// What running totals of a row are made of: lanes moved up a vector, and the walk over a row from
// either end.
// Included once for each instruction set, inside Highway's target namespace.
#if defined(QUERN_SIMD_PREFIX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_PREFIX_INL_H_
#undef QUERN_SIMD_PREFIX_INL_H_
#else
#define QUERN_SIMD_PREFIX_INL_H_
#endif

#include <algorithm>

#include "plugins/simd/lane-inl.h"
#include "plugins/simd/scan.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// Moves of the lanes of Tag's vectors, of 4 or 8 bytes.
template <class Tag>
class Prefix {
  using T = hn::TFromD<Tag>;
  using Vec = hn::Vec<Tag>;
  using Index = hn::TFromD<hn::RebindToSigned<Tag>>;

 public:
  // Lane k of the result is lane k - by, or `fill` where there is none.
  struct Move {
    decltype(hn::SetTableIndices(Tag(), static_cast<const Index*>(nullptr))) at;
    hn::Mask<Tag> real;
    HWY_INLINE Vec operator()(Vec x, Vec fill) const {
      return hn::IfThenElse(real, hn::TableLookupLanes(x, at), fill);
    }
  };

  HWY_INLINE Prefix()
      : step0_(By(1)), step1_(By(2)), step2_(By(4)), step3_(By(8)), last_(ToLast()) {}

  // f(move) for moves by 1, 2, 4 .. lanes.
  template <class F>
  HWY_INLINE void EachStep(const F& f) const {
    constexpr std::size_t most = hn::MaxLanes(Tag());
    static_assert(most <= 16);
    if (most > 1) f(step0_);
    if (most > 2) f(step1_);
    if (most > 4) f(step2_);
    if (most > 8) f(step3_);
  }
  // Every lane moved up by one.
  HWY_INLINE Vec Behind(Vec x, Vec fill) const { return step0_(x, fill); }
  // The last lane in all of them.
  HWY_INLINE Vec Last(Vec x) const { return hn::TableLookupLanes(x, last_.at); }

 private:
  static HWY_INLINE Move By(std::size_t by) {
    const Tag d;
    const hn::RebindToSigned<Tag> di;
    HWY_ALIGN Index at[hn::MaxLanes(di)];
    const std::size_t lanes = hn::Lanes(d);
    for (std::size_t k = 0; k < lanes; ++k) at[k] = static_cast<Index>(k < by ? 0 : k - by);
    return {hn::SetTableIndices(d, at), hn::Not(hn::FirstN(d, by))};
  }
  static HWY_INLINE Move ToLast() {
    const Tag d;
    const hn::RebindToSigned<Tag> di;
    HWY_ALIGN Index at[hn::MaxLanes(di)];
    const std::size_t lanes = hn::Lanes(d);
    std::fill_n(at, lanes, static_cast<Index>(lanes - 1));
    return {hn::SetTableIndices(d, at), hn::FirstN(d, lanes)};
  }
  Move step0_, step1_, step2_, step3_, last_;
};

// y = f(x) vector by vector, each in the order of the walk: with `reverse` the last element of x
// comes first. Lanes beyond the end hold `fill`.
template <class C, class F>
HWY_INLINE void EachVector(const typename C::T* x, typename C::T* y, const ScanLine& line,
                           typename C::Lane fill, const F& f) {
  const typename C::Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t n = line.n;
  std::int64_t i = 0;
  if (!line.reverse) {
    for (; i + lanes <= n; i += lanes) C::Store(f(C::Load(x + i)), y + i);
    if (i >= n) return;
    const auto some = hn::FirstN(d, static_cast<std::size_t>(n - i));
    C::Store(f(hn::IfThenElse(some, C::Load(x + i, n - i), hn::Set(d, fill))), y + i, n - i);
    return;
  }
  for (; i + lanes <= n; i += lanes) {
    const std::int64_t at = n - i - lanes;
    C::Store(hn::Reverse(d, f(hn::Reverse(d, C::Load(x + at)))), y + at);
  }
  const std::int64_t k = n - i;
  if (k <= 0) return;
  // The first k elements, at the end of a vector.
  typename C::T buf[hn::MaxLanes(d)] = {};
  std::copy_n(x, k, buf + lanes - k);
  const auto v = hn::Reverse(d, C::Load(buf));
  const auto some = hn::FirstN(d, static_cast<std::size_t>(k));
  C::Store(hn::Reverse(d, f(hn::IfThenElse(some, v, hn::Set(d, fill)))), buf);
  std::copy_n(buf + lanes - k, k, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#endif
