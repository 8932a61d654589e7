// Binary search of a vector of values at once, for every instruction set: all lanes halve the same
// length, each from where it is. Not here: offers and plans (search.cpp).
#include <algorithm>
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
  for (std::int64_t i = 0; i < n_values; i += kBeside * lanes) {
    hn::Vec<decltype(d)> value[kBeside];
    hn::Vec<decltype(di)> base[kBeside];
    for (int b = 0; b < kBeside; ++b) {
      const std::int64_t left = n_values - i - b * lanes;
      base[b] = hn::Zero(di);
      if (left >= lanes)
        value[b] = hn::LoadU(d, values + i + b * lanes);
      else
        value[b] = left > 0 ? LoadPart(d, values + i + b * lanes, left, T{}) : hn::Zero(d);
    }
    // Among the elements from base on, `length` may still lie on either side.
    const auto advance = [&](std::int64_t at, std::int64_t by) HWY_ATTR {
      const auto ahead = hn::Set(di, static_cast<Index>(at)),
                 step = hn::Set(di, static_cast<Index>(by));
      for (int b = 0; b < kBeside; ++b) {
        const auto e = hn::GatherIndex(d, x, hn::Add(base[b], ahead));
        const auto passes =
            right ? hn::Not(SearchBefore(d, value[b], e)) : SearchBefore(d, e, value[b]);
        base[b] = hn::Add(base[b], hn::IfThenElseZero(hn::RebindMask(di, passes), step));
      }
    };
    for (std::int64_t length = n; length > 1;) {
      const std::int64_t half = length / 2;
      advance(half - 1, half);
      length -= half;
    }
    if (n > 0) advance(0, 1);
    for (int b = 0; b < kBeside; ++b) {
      hn::Store(base[b], di, buf);
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
