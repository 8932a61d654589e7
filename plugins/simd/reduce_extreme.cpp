// Largest and smallest elements over rows and columns for every instruction set; of truth values
// they are any and all. Not here: how an array is cut into rows and columns (reduce.cpp), the loops
// (reduce-inl.h).
#include <algorithm>
#include <limits>
#include <type_traits>

#include "plugins/simd/reduce_ops.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/reduce_extreme.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/reduce-inl.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

template <class C, bool kLargest, bool kTruth = false>
struct ExtremeOp {
  using Cell = C;
  using Acc = typename C::Lane;
  using Out = typename C::T;
  static constexpr bool kWatched = std::is_floating_point_v<Acc>;
  static constexpr Acc Worst() {
    using Limits = std::numeric_limits<Acc>;
    if (kWatched) return kLargest ? -Limits::infinity() : Limits::infinity();
    return kLargest ? Limits::lowest() : Limits::max();
  }
  static constexpr Acc kStart = Worst();

  template <class DT, class VT>
  static HWY_INLINE VT Vector(DT, VT a, VT b) {
    return kLargest ? hn::Max(a, b) : hn::Min(a, b);
  }
  template <class DT, class VT>
  static HWY_INLINE VT Careful(DT d, VT a, VT b) {
    if constexpr (kWatched)
      return kLargest ? VMax(d, a, b) : VMin(d, a, b);
    else
      return Vector(d, a, b);
  }
  static HWY_INLINE Acc Scalar(Acc a, Acc b) {
    if (a != a) return a;
    return (kLargest ? a > b : a < b) ? a : b;
  }
  template <class DT, class VT>
  static HWY_INLINE Acc Lanes(DT d, VT v) {
    if constexpr (kWatched) {
      if (!hn::AllTrue(d, hn::Eq(v, v))) return std::numeric_limits<Acc>::quiet_NaN();
    }
    if constexpr (sizeof(Acc) == 1 && hn::MaxLanes(DT()) > 1) {
      // Both bytes of a pair, as wider numbers of the same sign.
      const hn::RepartitionToWide<DT> wide;
      const auto pair = hn::BitCast(wide, v), high = hn::ShiftRight<8>(pair),
                 low = hn::ShiftRight<8>(hn::ShiftLeft<8>(pair));
      return static_cast<Acc>(Best(wide, Vector(wide, low, high)));
    } else {
      return Best(d, v);
    }
  }
  template <class DT, class VT>
  static HWY_INLINE hn::TFromD<DT> Best(DT d, VT v) {
    using T = hn::TFromD<DT>;
    if constexpr (sizeof(T) == 8 && !kWatched) {
      HWY_ALIGN T buf[hn::MaxLanes(DT())];
      hn::Store(v, d, buf);
      for (std::size_t half = hn::Lanes(d) / 2; half > 0; half /= 2)
        for (std::size_t k = 0; k < half; ++k)
          buf[k] = kLargest ? std::max(buf[k], buf[k + half]) : std::min(buf[k], buf[k + half]);
      return buf[0];
    } else {
      return hn::GetLane(kLargest ? hn::MaxOfLanes(d, v) : hn::MinOfLanes(d, v));
    }
  }
  static HWY_INLINE Out Result(Acc total) {
    if constexpr (kTruth)
      return total != 0;
    else
      return C::Back(total);
  }
};

// Short rows of narrow integers become lanes that can be gathered.
template <class Op, class ShortOp>
constexpr ReduceOps kExtremes{
    sizeof(typename Op::Acc), CellOf<ShortOp>::kGathers, StartTotals<Op>, ReduceRow<Op>,
    ReduceColumns<Op>,        MergeTotals<Op>,           StoreTotals<Op>, ReduceShortRows<ShortOp>};

template <class C, bool kLargest>
constexpr const ReduceOps* Wide() {
  using Op = ExtremeOp<C, kLargest>;
  return &kExtremes<Op, Op>;
}
template <class T, bool kLargest, bool kTruth = false>
constexpr const ReduceOps* Narrow() {
  return &kExtremes<ExtremeOp<Same<T>, kLargest, kTruth>, ExtremeOp<Promoted<T>, kLargest, kTruth>>;
}

template <bool kLargest>
const ReduceOps* ExtremesOf(qn_dtype t) {
  switch (t) {
    case QN_BOOL:
      return Narrow<std::uint8_t, kLargest, true>();
    case QN_U8:
      return Narrow<std::uint8_t, kLargest>();
    case QN_I8:
      return Narrow<std::int8_t, kLargest>();
    case QN_U16:
      return Narrow<std::uint16_t, kLargest>();
    case QN_I16:
      return Narrow<std::int16_t, kLargest>();
    case QN_U32:
      return Wide<Same<std::uint32_t>, kLargest>();
    case QN_I32:
      return Wide<Same<std::int32_t>, kLargest>();
    case QN_U64:
      return Wide<Same<std::uint64_t>, kLargest>();
    case QN_I64:
      return Wide<Same<std::int64_t>, kLargest>();
    case QN_F16:
      return Wide<Widened<Ieee>, kLargest>();
    case QN_BF16:
      return Wide<Widened<Brain>, kLargest>();
    case QN_F32:
      return Wide<Same<float>, kLargest>();
#if HWY_HAVE_FLOAT64
    case QN_F64:
      return Wide<Same<double>, kLargest>();
#endif
    default:
      return nullptr;
  }
}

const ReduceOps* GetExtremeOps(bool largest, qn_dtype t) {
  return largest ? ExtremesOf<true>(t) : ExtremesOf<false>(t);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetExtremeOps);

const ReduceOps* extreme_ops(bool largest, qn_dtype t) {
  return HWY_DYNAMIC_DISPATCH(GetExtremeOps)(largest, t);
}

}  // namespace quern::simd
#endif
