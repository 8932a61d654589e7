// Binary search of a vector of values at once, for every instruction set; a line that is not sorted
// is probed as anywhere else. Not here: offers and plans (search.cpp).
#include <algorithm>
#include <bit>
#include <type_traits>

#include "plugins/simd/search.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/search_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// a before b, NaN behind everything else.
template <class DT, class VT>
HWY_INLINE hn::Mask<DT> SearchBefore(DT, VT a, VT b) {
  if constexpr (std::is_floating_point_v<hn::TFromD<DT>>) {
    const auto b_nan = hn::Not(hn::Eq(b, b));
    return hn::Or(hn::Lt(a, b), hn::And(b_nan, hn::Eq(a, a)));
  } else {
    return hn::Lt(a, b);
  }
}

template <class T>
void Search(const void* sorted, std::int64_t n, const void* from, std::int64_t n_values, bool right,
            std::uint32_t* places) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  using Index = hn::TFromD<decltype(di)>;
  constexpr int kBeside = 4;  // searches that wait for memory at the same time
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* x = static_cast<const T*>(sorted);
  const auto* values = static_cast<const T*>(from);
  HWY_ALIGN Index buf[hn::MaxLanes(di)];
  const int steps = std::bit_width(static_cast<std::uint64_t>(n));
  const auto one = hn::Set(di, Index{1});
  for (std::int64_t i = 0; i < n_values; i += kBeside * lanes) {
    hn::Vec<decltype(d)> value[kBeside];
    hn::Vec<decltype(di)> low[kBeside], high[kBeside];
    for (int b = 0; b < kBeside; ++b) {
      const std::int64_t left = n_values - i - b * lanes;
      low[b] = hn::Zero(di);
      high[b] = hn::Set(di, static_cast<Index>(n));
      if (left >= lanes)
        value[b] = hn::LoadU(d, values + i + b * lanes);
      else
        value[b] = left > 0 ? LoadPart(d, values + i + b * lanes, left, T{}) : hn::Zero(d);
    }
    for (int k = 0; k < steps; ++k)
      for (int b = 0; b < kBeside; ++b) {
        const auto open = hn::Lt(low[b], high[b]);
        const auto middle = hn::Add(low[b], hn::ShiftRight<1>(hn::Sub(high[b], low[b])));
        const auto e = hn::GatherIndex(d, x, hn::IfThenElseZero(open, middle));
        const auto before = hn::RebindMask(
            di, right ? hn::Not(SearchBefore(d, value[b], e)) : SearchBefore(d, e, value[b]));
        low[b] = hn::IfThenElse(hn::And(open, before), hn::Add(middle, one), low[b]);
        high[b] = hn::IfThenElse(hn::AndNot(before, open), middle, high[b]);
      }
    for (int b = 0; b < kBeside; ++b) {
      hn::Store(low[b], di, buf);
      const std::int64_t first = i + b * lanes;
      for (std::int64_t k = 0; k < std::min(lanes, n_values - first); ++k)
        places[first + k] = static_cast<std::uint32_t>(buf[k]);
    }
  }
}

SearchFn GetSearch(qn_dtype t) {
  switch (t) {
    case QN_U32:
      return Search<std::uint32_t>;
    case QN_I32:
      return Search<std::int32_t>;
    case QN_U64:
      return Search<std::uint64_t>;
    case QN_I64:
      return Search<std::int64_t>;
    case QN_F32:
      return Search<float>;
#if HWY_HAVE_FLOAT64
    case QN_F64:
      return Search<double>;
#endif
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetSearch);

SearchFn search_fn(qn_dtype t) { return HWY_DYNAMIC_DISPATCH(GetSearch)(t); }

}  // namespace quern::simd
#endif
