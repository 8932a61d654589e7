// Running sums, products and extremes for every instruction set. A row goes through a vector at a
// time: prefixes within it in steps that double their reach, on top of the total so far. f32 is
// summed and multiplied in f64. Not here: how lines are found and shared out (scan.cpp),
// logcumsumexp (scan_log.cpp).
#include <algorithm>
#include <limits>
#include <type_traits>

#include "plugins/simd/scan.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/scan_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/lane-inl.h"
#include "plugins/simd/prefix-inl.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

struct RunningSum {
  template <class T, class Lane>
  static constexpr Lane Start() {
    return 0;
  }
  template <class DT, class VT>
  static HWY_INLINE VT Join(DT, VT a, VT b) {
    return hn::Add(a, b);
  }
};
struct RunningProduct {
  template <class T, class Lane>
  static constexpr Lane Start() {
    return 1;
  }
  template <class DT, class VT>
  static HWY_INLINE VT Join(DT, VT a, VT b) {
    return hn::Mul(a, b);
  }
};
template <bool kLargest>
struct RunningExtreme {
  template <class T, class Lane>
  static constexpr Lane Start() {
    if constexpr (std::is_floating_point_v<Lane>) {
      constexpr Lane inf = std::numeric_limits<Lane>::infinity();
      return kLargest ? -inf : inf;
    } else {
      return kLargest ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
    }
  }
  template <class DT, class VT>
  static HWY_INLINE VT Join(DT d, VT a, VT b) {
    if constexpr (std::is_floating_point_v<hn::TFromD<DT>>)
      return kLargest ? VMax(d, a, b) : VMin(d, a, b);
    else
      return kLargest ? hn::Max(a, b) : hn::Min(a, b);
  }
};

// Truth values, stored as bytes: the product is the smallest, and there is no value beyond true.
struct Truth : Promoted<std::uint8_t> {};

template <class Op, class C>
struct Scan {
  using T = typename C::T;
  using Lane = typename C::Lane;
  using Tag = typename C::Tag;
  using Vec = hn::Vec<Tag>;

  static constexpr Lane First() {
    if (std::is_same_v<C, Truth>) return std::is_same_v<Op, RunningExtreme<false>> ? 1 : 0;
    return Op::template Start<T, Lane>();
  }
  static void Start(void* carry, std::int64_t width) {
    std::fill_n(static_cast<Lane*>(carry), width, First());
  }
  static HWY_INLINE Lane JoinOne(Lane a, Lane b) {
    const Tag d;
    return hn::GetLane(Op::Join(d, hn::Set(d, a), hn::Set(d, b)));
  }
  static void Join(void* to, const void* next, std::int64_t width) {
    auto* a = static_cast<Lane*>(to);
    const auto* b = static_cast<const Lane*>(next);
    for (std::int64_t c = 0; c < width; ++c) a[c] = JoinOne(a[c], b[c]);
  }

  static void Row(const void* from, void* to, const ScanLine& line, void* carry) {
    const Tag d;
    const Prefix<Tag> prefix;
    const auto first = hn::Set(d, First());
    auto* totals = static_cast<Lane*>(carry);
    for (std::int64_t r = 0; r < line.width; ++r) {
      auto before = hn::Set(d, totals[r]);
      const auto step = [&](Vec x) HWY_ATTR {
        prefix.EachStep([&](const auto& reach) HWY_ATTR { x = Op::Join(d, reach(x, first), x); });
        const auto y = Op::Join(d, before, line.inclusive ? x : prefix.Behind(x, first));
        before = Op::Join(d, before, prefix.Last(x));
        return y;
      };
      const std::int64_t at = r * line.n;
      EachVector<C>(static_cast<const T*>(from) + at, static_cast<T*>(to) + at, line, First(),
                    step);
      totals[r] = hn::GetLane(before);
    }
  }

  static void RowTotal(const void* from, const ScanLine& line, void* carry) {
    const Tag d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto* x = static_cast<const T*>(from);
    auto a = hn::Set(d, First()), b = a;
    std::int64_t i = 0;
    for (; i + 2 * lanes <= line.n; i += 2 * lanes) {
      a = Op::Join(d, a, C::Load(x + i));
      b = Op::Join(d, b, C::Load(x + i + lanes));
    }
    HWY_ALIGN Lane buf[hn::MaxLanes(d)];
    hn::Store(Op::Join(d, a, b), d, buf);
    Lane total = *static_cast<Lane*>(carry);
    for (std::int64_t k = 0; k < lanes; ++k) total = JoinOne(total, buf[k]);
    for (; i < line.n; ++i) total = JoinOne(total, C::One(x[i]));
    *static_cast<Lane*>(carry) = total;
  }

  template <bool kStore>
  static HWY_INLINE void Down(const T* x, T* y, const ScanLine& line, Lane* carry) {
    const Tag d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t whole = line.width / lanes * lanes, k = line.width - whole;
    HWY_ALIGN Lane rest[hn::MaxLanes(d)] = {};
    std::copy_n(carry + whole, k, rest);
    if (line.width <= lanes) {  // the carry stays in a register
      HWY_ALIGN Lane all[hn::MaxLanes(d)] = {};
      std::copy_n(carry, line.width, all);
      auto before = hn::Load(d, all);
      for (std::int64_t j = 0; j < line.n; ++j) {
        const std::int64_t row = (line.reverse ? line.n - 1 - j : j) * line.step;
        const auto e = k > 0 ? C::Load(x + row, k) : C::Load(x + row);
        const auto after = Op::Join(d, before, e);
        const auto result = line.inclusive ? after : before;
        if (kStore && k > 0)
          C::Store(result, y + row, k);
        else if (kStore)
          C::Store(result, y + row);
        before = after;
      }
      hn::Store(before, d, all);
      std::copy_n(all, line.width, carry);
      return;
    }
    for (std::int64_t j = 0; j < line.n; ++j) {
      const std::int64_t row = (line.reverse ? line.n - 1 - j : j) * line.step;
      for (std::int64_t c = 0; c < whole; c += lanes) {
        const auto before = hn::LoadU(d, carry + c);
        const auto after = Op::Join(d, before, C::Load(x + row + c));
        if (kStore) C::Store(line.inclusive ? after : before, y + row + c);
        hn::StoreU(after, d, carry + c);
      }
      if (k <= 0) continue;
      const auto before = hn::Load(d, rest);
      const auto after = Op::Join(d, before, C::Load(x + row + whole, k));
      if (kStore) C::Store(line.inclusive ? after : before, y + row + whole, k);
      hn::Store(after, d, rest);
    }
    std::copy_n(rest, k, carry + whole);
  }
  static void Columns(const void* from, void* to, const ScanLine& line, void* carry) {
    Down<true>(static_cast<const T*>(from), static_cast<T*>(to), line, static_cast<Lane*>(carry));
  }
  static void ColumnTotals(const void* from, const ScanLine& line, void* carry) {
    Down<false>(static_cast<const T*>(from), nullptr, line, static_cast<Lane*>(carry));
  }
};

template <class Op, class C>
const ScanOps* ScanOf() {
  using S = Scan<Op, C>;
  static constexpr ScanOps ops{sizeof(typename S::Lane), S::Start, S::Row, S::Columns, S::RowTotal,
                               S::ColumnTotals,          S::Join};
  return &ops;
}

// Of sums and products, which wrap; f32 and f64 are up to the caller.
template <class Op>
const ScanOps* ScanWrapping(qn_dtype t) {
  switch (t) {
    case QN_U8:
    case QN_I8:
      return ScanOf<Op, Promoted<std::uint8_t>>();
    case QN_U16:
    case QN_I16:
      return ScanOf<Op, Promoted<std::uint16_t>>();
    case QN_U32:
    case QN_I32:
      return ScanOf<Op, Same<std::uint32_t>>();
    case QN_U64:
    case QN_I64:
      return ScanOf<Op, Same<std::uint64_t>>();
#if HWY_HAVE_FLOAT64
    case QN_F32:
      return ScanOf<Op, Doubled>();
    case QN_F64:
      return ScanOf<Op, Same<double>>();
#endif
    default:
      return nullptr;
  }
}

template <class Op>
const ScanOps* ScanOrdered(qn_dtype t) {
  switch (t) {
    case QN_BOOL:
      return ScanOf<Op, Truth>();
    case QN_U8:
      return ScanOf<Op, Promoted<std::uint8_t>>();
    case QN_I8:
      return ScanOf<Op, Promoted<std::int8_t>>();
    case QN_U16:
      return ScanOf<Op, Promoted<std::uint16_t>>();
    case QN_I16:
      return ScanOf<Op, Promoted<std::int16_t>>();
    case QN_U32:
      return ScanOf<Op, Same<std::uint32_t>>();
    case QN_I32:
      return ScanOf<Op, Same<std::int32_t>>();
    case QN_U64:
      return ScanOf<Op, Same<std::uint64_t>>();
    case QN_I64:
      return ScanOf<Op, Same<std::int64_t>>();
    case QN_F16:
      return ScanOf<Op, Widened<Ieee>>();
    case QN_BF16:
      return ScanOf<Op, Widened<Brain>>();
    case QN_F32:
      return ScanOf<Op, Same<float>>();
#if HWY_HAVE_FLOAT64
    case QN_F64:
      return ScanOf<Op, Same<double>>();
#endif
    default:
      return nullptr;
  }
}

const ScanOps* GetScanOps(std::uint32_t op, qn_dtype t) {
  switch (op) {
    case QN_OP_CUMSUM:
      if (t == QN_F16) return ScanOf<RunningSum, Widened<Ieee>>();
      if (t == QN_BF16) return ScanOf<RunningSum, Widened<Brain>>();
      return ScanWrapping<RunningSum>(t);
    case QN_OP_CUMPROD:  // of halves in f64, so through f32
      if (t == QN_BOOL) return ScanOf<RunningExtreme<false>, Truth>();
      return ScanWrapping<RunningProduct>(t);
    case QN_OP_CUMMAX:
      return ScanOrdered<RunningExtreme<true>>(t);
    case QN_OP_CUMMIN:
      return ScanOrdered<RunningExtreme<false>>(t);
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetScanOps);

const ScanOps* scan_ops(std::uint32_t op, qn_dtype t) {
  return HWY_DYNAMIC_DISPATCH(GetScanOps)(op, t);
}

}  // namespace quern::simd
#endif
