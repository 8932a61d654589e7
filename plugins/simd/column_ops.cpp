// softmax, log_softmax and logsumexp down columns, a vector of them at a time, for every
// instruction set. Not here: how columns are found and shared out (columns.cpp), rows
// (row_ops.cpp).
#include <algorithm>
#include <limits>

#include "plugins/simd/columns.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/column_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/cell-inl.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

enum class Kind { kSoftmax, kLogSoftmax, kLogSumExp };
constexpr std::int64_t kRows = 8;     // taken in at once: they fit the ways of a small cache
constexpr std::int64_t kRun = 64;     // of those before a second sum takes over
constexpr std::int64_t kStrip = 512;  // columns whose sums are kept in a small cache
constexpr std::int64_t kShort = 24;   // the longest of short rows
constexpr float kLowest = std::numeric_limits<float>::lowest();

// What is known of the columns of a strip: the largest element, and the sum of the exponentials of
// the differences from it, in two parts: of late, and before.
struct Strip {
  HWY_ALIGN float most[kStrip], late[kStrip], before[kStrip];
};

// A vector's worth of neighbouring columns.
template <class C>
struct Beside {
  using T = typename C::T;
  static HWY_INLINE V Load(const T* p) { return C::Load(p); }
  static HWY_INLINE void Store(V v, T* p) { C::Store(v, p); }
};
// The first k of them.
template <class C>
struct Some {
  using T = typename C::T;
  std::int64_t k;
  HWY_INLINE V Load(const T* p) const { return C::Load(p, k); }
  HWY_INLINE void Store(V v, T* p) const { C::Store(v, p, k); }
};

// Takes n <= kRows elements of each column into the strip's columns from `at`. The largest element
// only grows, and what was summed shrinks by as much.
template <Kind kKind, class Cell>
HWY_INLINE void TakeIn(const Cell& cell, const typename Cell::T* x, std::int64_t n,
                       std::int64_t step, bool flush, Strip& s, std::int64_t at) {
  const D d;
  const auto old = hn::Load(d, s.most + at);
  auto m = old;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto e = cell.Load(x + i * step);
    // Where a NaN is not kept here it comes back with the sum.
    m = kKind == Kind::kLogSumExp ? VMax(d, e, m) : hn::Max(e, m);
  }
  const auto shrink = VExpNonPositive(d, hn::Sub(old, m));
  auto sum = hn::Mul(hn::Load(d, s.late + at), shrink);
  for (std::int64_t i = 0; i < n; ++i)
    sum = hn::Add(sum, VExpNonPositive(d, hn::Sub(cell.Load(x + i * step), m)));
  auto before = hn::Mul(hn::Load(d, s.before + at), shrink);
  if (flush) before = hn::Add(before, sum), sum = hn::Zero(d);
  hn::Store(m, d, s.most + at);
  hn::Store(sum, d, s.late + at);
  hn::Store(before, d, s.before + at);
}

// Turns the sums into what the results take: a factor, or a logarithm.
template <Kind kKind>
HWY_INLINE void Settle(Strip& s, std::int64_t width) {
  const D d;
  for (std::int64_t c = 0; c < width; c += LaneCount()) {
    const auto sum = hn::Add(hn::Load(d, s.before + c), hn::Load(d, s.late + c));
    if constexpr (kKind == Kind::kSoftmax)
      hn::Store(hn::Div(hn::Set(d, 1.0f), sum), d, s.late + c);
    else
      hn::Store(VLog(d, sum), d, s.late + c);
  }
}

template <Kind kKind>
HWY_INLINE V Final(V x, V most, V settled) {
  const D d;
  if constexpr (kKind == Kind::kSoftmax)
    return hn::Mul(VExpNonPositive(d, hn::Sub(x, most)), settled);
  return hn::Sub(hn::Sub(x, most), settled);
}

HWY_INLINE V LogOfSum(V most, V settled) {
  const D d;
  const auto finite = hn::Lt(hn::Abs(most), hn::Set(d, std::numeric_limits<float>::infinity()));
  return hn::IfThenElse(finite, hn::Add(most, settled), most);
}

// At most kStrip columns.
template <Kind kKind, class C>
HWY_INLINE void DownStrip(const typename C::T* x, typename C::T* y, std::int64_t n,
                          std::int64_t step, std::int64_t width) {
  const D d;
  const std::int64_t lanes = LaneCount(), whole = width / lanes * lanes;
  const Some<C> some{width - whole};
  Strip s;
  for (std::int64_t c = 0; c < width; c += lanes) {
    hn::Store(hn::Set(d, kLowest), d, s.most + c);
    hn::Store(hn::Zero(d), d, s.late + c);
    hn::Store(hn::Zero(d), d, s.before + c);
  }
  for (std::int64_t i = 0; i < n; i += kRows) {
    const std::int64_t rows = std::min(kRows, n - i);
    const bool flush = i / kRows % kRun == kRun - 1;
    const auto* from = x + i * step;
    for (std::int64_t c = 0; c < whole; c += lanes)
      TakeIn<kKind>(Beside<C>(), from + c, rows, step, flush, s, c);
    if (whole < width) TakeIn<kKind>(some, from + whole, rows, step, flush, s, whole);
  }
  Settle<kKind>(s, width);
  if constexpr (kKind == Kind::kLogSumExp) {
    const auto result = [&](std::int64_t c) HWY_ATTR {
      return LogOfSum(hn::Load(d, s.most + c), hn::Load(d, s.late + c));
    };
    for (std::int64_t c = 0; c < whole; c += lanes) C::Store(result(c), y + c);
    if (whole < width) some.Store(result(whole), y + whole);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t row = i * step;
    const auto result = [&](V e, std::int64_t c) HWY_ATTR {
      return Final<kKind>(e, hn::Load(d, s.most + c), hn::Load(d, s.late + c));
    };
    for (std::int64_t c = 0; c < whole; c += lanes)
      C::Store(result(C::Load(x + row + c), c), y + row + c);
    if (whole < width) some.Store(result(some.Load(x + row + whole), whole), y + row + whole);
  }
}

template <Kind kKind, class C>
void SideBySide(const void* from, void* to, std::int64_t n, std::int64_t step, std::int64_t width) {
  const auto* x = static_cast<const typename C::T*>(from);
  auto* y = static_cast<typename C::T*>(to);
  for (std::int64_t c = 0; c < width; c += kStrip)
    DownStrip<kKind, C>(x + c, y + c, n, step, std::min(kStrip, width - c));
}

// Each row becomes a lane on the way in, and a row again on the way out.
template <Kind kKind>
std::int64_t ShortRows(const float* x, float* y, std::int64_t rows, std::int64_t n) {
  const D d;
  const DI di;
  const std::int64_t lanes = LaneCount();
  HWY_ALIGN float room[kShort * hn::MaxLanes(d)];
  const auto apart = hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<std::int32_t>(n)));
  std::int64_t r = 0;
  for (; r + lanes <= rows; r += lanes) {
    auto m = hn::Set(d, kLowest), sum = hn::Zero(d);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto e = hn::GatherIndex(d, x + r * n + i, apart);
      m = kKind == Kind::kLogSumExp ? VMax(d, e, m) : hn::Max(e, m);
      hn::Store(e, d, room + i * lanes);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const auto e = VExpNonPositive(d, hn::Sub(hn::Load(d, room + i * lanes), m));
      sum = hn::Add(sum, e);
      if constexpr (kKind == Kind::kSoftmax) hn::Store(e, d, room + i * lanes);
    }
    if constexpr (kKind == Kind::kLogSumExp) {
      hn::StoreU(LogOfSum(m, VLog(d, sum)), d, y + r);
      continue;
    }
    const auto settled = kKind == Kind::kSoftmax ? hn::Div(hn::Set(d, 1.0f), sum) : VLog(d, sum);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto e = hn::Load(d, room + i * lanes);
      const auto z =
          kKind == Kind::kSoftmax ? hn::Mul(e, settled) : hn::Sub(hn::Sub(e, m), settled);
      hn::ScatterIndex(z, d, y + r * n + i, apart);
    }
  }
  return r;
}

template <class C>
constexpr ColumnOps kOps{SideBySide<Kind::kSoftmax, C>, SideBySide<Kind::kLogSoftmax, C>,
                         SideBySide<Kind::kLogSumExp, C>};

ColumnOps GetColumnOps(qn_dtype t) {
  if (t == QN_F16) return kOps<Half<Ieee>>;
  if (t == QN_BF16) return kOps<Half<Brain>>;
  return kOps<Single>;
}

ShortRowOps GetShortRowOps() {
  return {ShortRows<Kind::kSoftmax>, ShortRows<Kind::kLogSoftmax>, ShortRows<Kind::kLogSumExp>};
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetColumnOps);
HWY_EXPORT(GetShortRowOps);

ColumnOps column_ops(qn_dtype t) { return HWY_DYNAMIC_DISPATCH(GetColumnOps)(t); }
ShortRowOps short_row_ops() { return HWY_DYNAMIC_DISPATCH(GetShortRowOps)(); }

}  // namespace quern::simd
#endif
