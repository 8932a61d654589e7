// softmax, log_softmax and logsumexp of one row, for every instruction set.
// Not here: how rows are found and shared out (rows.cpp), norms (norm_ops.cpp).
#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/simd/rows.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/row_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/cell-inl.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr std::int64_t kBlock = 4096;

// NaN if there is one: then the row's results are NaN as well.
HWY_INLINE float RowMax(const float* x, std::int64_t n) {
  const D d;
  const std::int64_t lanes = LaneCount();
  auto a = hn::Set(d, -kInf), b = a;
  std::int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    a = VMax(d, a, hn::LoadU(d, x + i));
    b = VMax(d, b, hn::LoadU(d, x + i + lanes));
  }
  for (; i + lanes <= n; i += lanes) a = VMax(d, a, hn::LoadU(d, x + i));
  if (i < n) b = VMax(d, b, LoadPart(d, x + i, n - i, -kInf));
  a = VMax(d, a, b);
  const bool nan = !hn::AllTrue(d, hn::Eq(a, a));
  return nan ? std::numeric_limits<float>::quiet_NaN() : hn::GetLane(hn::MaxOfLanes(d, a));
}

// For rows whose sum turns NaN anyway when there is one.
HWY_INLINE float RowMaxOfNumbers(const float* x, std::int64_t n) {
  const D d;
  const std::int64_t lanes = LaneCount();
  auto a = hn::Set(d, -kInf), b = a, c = a, e = a;
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = hn::Max(hn::LoadU(d, x + i), a);
    b = hn::Max(hn::LoadU(d, x + i + lanes), b);
    c = hn::Max(hn::LoadU(d, x + i + 2 * lanes), c);
    e = hn::Max(hn::LoadU(d, x + i + 3 * lanes), e);
  }
  for (; i + lanes <= n; i += lanes) a = hn::Max(hn::LoadU(d, x + i), a);
  if (i < n) b = hn::Max(LoadPart(d, x + i, n - i, -kInf), b);
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(a, b), hn::Max(c, e))));
}

// The next row, or what lies as far ahead, while this one is computed.
HWY_INLINE void FetchAhead(const float* x, const float* y, std::int64_t n) {
  const std::int64_t far = std::min<std::int64_t>(n, 2048);
  __builtin_prefetch(x + far);
  __builtin_prefetch(y + far, 1);
}

// Sums f(x) over the row; kStore also writes f(x) to y. f maps the fill to zero.
template <bool kStore, class F>
HWY_INLINE double SumRow(const float* x, float* y, std::int64_t n, float fill, const F& f) {
  const D d;
  const std::int64_t lanes = LaneCount();
  double total = 0;
  for (std::int64_t start = 0; start < n; start += kBlock) {
    const std::int64_t end = std::min(n, start + kBlock);
    auto a = hn::Zero(d), b = a;
    std::int64_t i = start;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      const auto u = f(d, hn::LoadU(d, x + i)), v = f(d, hn::LoadU(d, x + i + lanes));
      if (kStore) {
        FetchAhead(x + i, y + i, n), FetchAhead(x + i + lanes, y + i + lanes, n);
        hn::StoreU(u, d, y + i), hn::StoreU(v, d, y + i + lanes);
      }
      a = hn::Add(a, u);
      b = hn::Add(b, v);
    }
    for (; i < end; i += lanes) {
      const std::int64_t k = std::min(lanes, end - i);
      const auto u = f(d, k == lanes ? hn::LoadU(d, x + i) : LoadPart(d, x + i, k, fill));
      if (kStore) {
        if (k == lanes)
          hn::StoreU(u, d, y + i);
        else
          StorePart(d, u, y + i, k);
      }
      a = hn::Add(a, u);
    }
    total += hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b)));
  }
  return total;
}

template <class F>
HWY_INLINE void MapRow(const float* x, float* y, std::int64_t n, const F& f) {
  const D d;
  const std::int64_t lanes = LaneCount();
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i);
  if (i < n) StorePart(d, f(d, LoadPart(d, x + i, n - i, 0.0f)), y + i, n - i);
}

struct ExpMinus {
  float m;
  HWY_INLINE V operator()(D d, V x) const { return VExpNonPositive(d, hn::Sub(x, hn::Set(d, m))); }
};
struct Scale {
  float s;
  HWY_INLINE V operator()(D d, V x) const { return hn::Mul(x, hn::Set(d, s)); }
};
struct MinusBoth {
  float m, l;
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Sub(hn::Sub(x, hn::Set(d, m)), hn::Set(d, l));
  }
};
void SoftmaxRow(const float* x, float* y, std::int64_t n) {
  const float m = RowMaxOfNumbers(x, n);
  const double sum = SumRow<true>(x, y, n, -kInf, ExpMinus{m});
  MapRow(y, y, n, Scale{static_cast<float>(1.0 / sum)});
}

void LogSoftmaxRow(const float* x, float* y, std::int64_t n) {
  const float m = RowMaxOfNumbers(x, n);
  const double sum = SumRow<false>(x, y, n, -kInf, ExpMinus{m});
  MapRow(x, y, n, MinusBoth{m, static_cast<float>(std::log(sum))});
}

float LogSumExpRow(const float* x, std::int64_t n) {
  const float m = RowMax(x, n);
  if (!(std::fabs(m) < kInf)) return m;
  return static_cast<float>(m + std::log(SumRow<false>(x, nullptr, n, -kInf, ExpMinus{m})));
}

const RowOps* GetRowOps() {
  static constexpr RowOps ops{SoftmaxRow, LogSoftmaxRow, LogSumExpRow};
  return &ops;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetRowOps);

const RowOps& row_ops() { return *HWY_DYNAMIC_DISPATCH(GetRowOps)(); }

}  // namespace quern::simd
#endif
