// logcumsumexp of f32 for every instruction set. A total is the largest element so far and the sum
// of the exponentials of the differences from it; two such totals join in any grouping, so rows go
// through a vector at a time as in scan_ops.cpp. Not here: how lines are found and shared out
// (scan.cpp).
#include <algorithm>
#include <limits>

#include "plugins/simd/scan.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/scan_log.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/prefix-inl.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

constexpr float kNone = std::numeric_limits<float>::lowest();  // with a sum of 0: no elements

struct LogTotal {
  V most, sum;
};

HWY_INLINE LogTotal OfElement(V x) {
  const D d;
  const auto most = VMax(d, x, hn::Set(d, kNone));  // -inf counts as nothing
  return {most, hn::IfThenElseZero(hn::Eq(x, most), hn::Set(d, 1.0f))};
}

// The larger one's sum stays as it is, also where both are the same infinity.
HWY_INLINE LogTotal JoinLogs(const LogTotal& a, const LogTotal& b) {
  const D d;
  const auto less = hn::Lt(a.most, b.most);
  const auto most = VMax(d, a.most, b.most);
  const auto low = hn::IfThenElse(less, a.most, b.most),
             high = hn::IfThenElse(less, b.most, a.most);
  const auto low_sum = hn::IfThenElse(less, a.sum, b.sum);
  const auto high_sum = hn::IfThenElse(less, b.sum, a.sum);
  const auto shrink =
      hn::IfThenElse(hn::Eq(low, high), hn::Set(d, 1.0f), VExpNonPositive(d, hn::Sub(low, high)));
  return {most, hn::MulAdd(low_sum, shrink, high_sum)};
}

HWY_INLINE V LogOf(const LogTotal& t) {
  const D d;
  const auto large = hn::Gt(t.most, hn::Set(d, std::numeric_limits<float>::max()));
  return hn::IfThenElse(large, t.most, hn::Add(t.most, VLog(d, t.sum)));
}

// The carry of `width` columns: as many largest elements, then as many sums.
void LogStart(void* carry, std::int64_t width) {
  auto* c = static_cast<float*>(carry);
  std::fill_n(c, width, kNone);
  std::fill_n(c + width, width, 0.0f);
}

void LogJoin(void* carry, const void* next, std::int64_t width) {
  const D d;
  auto* a = static_cast<float*>(carry);
  const auto* b = static_cast<const float*>(next);
  for (std::int64_t c = 0; c < width; ++c) {
    const LogTotal t = JoinLogs({hn::Set(d, a[c]), hn::Set(d, a[width + c])},
                                {hn::Set(d, b[c]), hn::Set(d, b[width + c])});
    a[c] = hn::GetLane(t.most);
    a[width + c] = hn::GetLane(t.sum);
  }
}

void LogRow(const void* from, void* to, const ScanLine& line, void* carry) {
  const D d;
  const Prefix<D> prefix;
  const auto none = hn::Set(d, kNone), zero = hn::Zero(d);
  auto* c = static_cast<float*>(carry);
  for (std::int64_t r = 0; r < line.width; ++r) {
    LogTotal before{hn::Set(d, c[r]), hn::Set(d, c[line.width + r])};
    const auto step = [&](V x) HWY_ATTR {
      LogTotal t = OfElement(x);
      prefix.EachStep([&](const auto& reach) HWY_ATTR {
        t = JoinLogs({reach(t.most, none), reach(t.sum, zero)}, t);
      });
      const LogTotal mine =
          line.inclusive ? t : LogTotal{prefix.Behind(t.most, none), prefix.Behind(t.sum, zero)};
      const auto y = LogOf(JoinLogs(before, mine));
      before = JoinLogs(before, {prefix.Last(t.most), prefix.Last(t.sum)});
      return y;
    };
    const std::int64_t at = r * line.n;
    EachVector<Same<float>>(static_cast<const float*>(from) + at, static_cast<float*>(to) + at,
                            line, -std::numeric_limits<float>::infinity(), step);
    c[r] = hn::GetLane(before.most);
    c[line.width + r] = hn::GetLane(before.sum);
  }
}

void LogRowTotal(const void* from, const ScanLine& line, void* carry) {
  const D d;
  const auto* x = static_cast<const float*>(from);
  const std::int64_t lanes = LaneCount();
  HWY_ALIGN float most[hn::MaxLanes(d)], sum[hn::MaxLanes(d)];
  LogTotal t{hn::Set(d, kNone), hn::Zero(d)};
  for (std::int64_t i = 0; i < line.n; i += lanes) {
    const std::int64_t k = std::min(lanes, line.n - i);
    const auto none = hn::Set(d, -std::numeric_limits<float>::infinity());
    const auto v = k == lanes ? hn::LoadU(d, x + i)
                              : hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(k)),
                                               Single::Load(x + i, k), none);
    t = JoinLogs(t, OfElement(v));
  }
  hn::Store(t.most, d, most);
  hn::Store(t.sum, d, sum);
  for (std::int64_t k = 0; k < lanes; ++k) {
    const float one[2] = {most[k], sum[k]};
    LogJoin(carry, one, 1);
  }
}

template <bool kStore>
HWY_INLINE void LogDown(const float* x, float* y, const ScanLine& line, float* carry) {
  const D d;
  const std::int64_t lanes = LaneCount(), width = line.width;
  for (std::int64_t c = 0; c < width; c += lanes) {
    const std::int64_t k = std::min(lanes, width - c);
    LogTotal t{Single::Load(carry + c, k), Single::Load(carry + width + c, k)};
    for (std::int64_t j = 0; j < line.n; ++j) {
      const std::int64_t at = (line.reverse ? line.n - 1 - j : j) * line.step + c;
      const auto v = k == lanes ? hn::LoadU(d, x + at) : Single::Load(x + at, k);
      const LogTotal after = JoinLogs(t, OfElement(v));
      if (kStore) {
        const auto z = LogOf(line.inclusive ? after : t);
        if (k == lanes)
          hn::StoreU(z, d, y + at);
        else
          Single::Store(z, y + at, k);
      }
      t = after;
    }
    Single::Store(t.most, carry + c, k);
    Single::Store(t.sum, carry + width + c, k);
  }
}

void LogColumns(const void* from, void* to, const ScanLine& line, void* carry) {
  LogDown<true>(static_cast<const float*>(from), static_cast<float*>(to), line,
                static_cast<float*>(carry));
}
void LogColumnTotals(const void* from, const ScanLine& line, void* carry) {
  LogDown<false>(static_cast<const float*>(from), nullptr, line, static_cast<float*>(carry));
}

const ScanOps* GetScanLogOps() {
  static constexpr ScanOps ops{8,           LogStart,        LogRow, LogColumns,
                               LogRowTotal, LogColumnTotals, LogJoin};
  return &ops;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetScanLogOps);

const ScanOps* scan_log_ops() { return HWY_DYNAMIC_DISPATCH(GetScanLogOps)(); }

}  // namespace quern::simd
#endif
