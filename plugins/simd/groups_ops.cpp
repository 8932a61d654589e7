// The loops of group_norm: sums down positions with channels in the lanes, and the results.
// Not here: groups themselves (groups.cpp).
#include <algorithm>

#include "plugins/simd/groups.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/groups_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/conv_epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Positions whose sums are kept in f32.
constexpr std::int64_t kRun = 128;

// kVectors vectors of channels, the last one of `count` channels.
template <int kVectors>
HWY_INLINE void MeasureSome(const float* x, std::int64_t n, std::int64_t c, std::int64_t count,
                            const float* pivot, double* sum, double* squares) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto load = [&](const float* p, int k) HWY_ATTR {
    return k + 1 < kVectors ? hn::LoadU(d, p + k * lanes) : LoadSome(d, p + k * lanes, count);
  };
  HWY_ALIGN float part[HWY_MAX_BYTES / 4];
  V from[kVectors];
  HWY_UNROLL(4)
  for (int k = 0; k < kVectors; ++k) from[k] = load(pivot, k);
  for (std::int64_t start = 0; start < n; start += kRun) {
    V s[kVectors], q[kVectors];
    HWY_UNROLL(4)
    for (int k = 0; k < kVectors; ++k) s[k] = q[k] = hn::Zero(d);
    const std::int64_t end = std::min(n, start + kRun);
    for (std::int64_t i = start; i < end; ++i) {
      HWY_UNROLL(4)
      for (int k = 0; k < kVectors; ++k) {
        const V v = hn::Sub(load(x + i * c, k), from[k]);
        s[k] = hn::Add(s[k], v);
        q[k] = hn::MulAdd(v, v, q[k]);
      }
    }
    for (int k = 0; k < kVectors; ++k) {
      const std::int64_t here = k + 1 < kVectors ? lanes : std::min(lanes, count);
      hn::Store(s[k], d, part);
      for (std::int64_t j = 0; j < here; ++j) sum[k * lanes + j] += static_cast<double>(part[j]);
      hn::Store(q[k], d, part);
      for (std::int64_t j = 0; j < here; ++j)
        squares[k * lanes + j] += static_cast<double>(part[j]);
    }
  }
}

void Measure(const float* x, std::int64_t n, std::int64_t c, const float* pivot, double* sum,
             double* squares) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  std::fill_n(sum, c, 0.0);
  std::fill_n(squares, c, 0.0);
  std::int64_t k = 0;
  for (; k + 4 * lanes <= c; k += 4 * lanes)
    MeasureSome<4>(x + k, n, c, lanes, pivot + k, sum + k, squares + k);
  for (; k < c; k += lanes)
    MeasureSome<1>(x + k, n, c, std::min(lanes, c - k), pivot + k, sum + k, squares + k);
}

void FinishAll(const float* x, float* y, std::int64_t first, std::int64_t n, std::int64_t c,
               const GroupOutput& out) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V low = hn::Set(d, out.bounds.low), high = hn::Set(d, out.bounds.high);
  for (std::int64_t i = 0, at = first; i < n; ++i, at += c) {
    for (std::int64_t k = 0; k < c; k += lanes) {
      const std::int64_t count = c - k;
      V v = hn::Sub(LoadSome(d, x + at + k, count), LoadSome(d, out.mean + k, count));
      v = hn::MulAdd(v, LoadSome(d, out.scale + k, count), LoadSome(d, out.shift + k, count));
      if (out.bounds.bounded) v = Bounded(d, v, low, high);
      if (out.rest) v = Finish(d, v, *out.rest, k, at + k, count);
      StoreSome(v, d, y + at + k, count);
    }
  }
}

const GroupOps* GetGroupOps() {
  static constexpr GroupOps ops{Measure, FinishAll};
  return &ops;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetGroupOps);

const GroupOps& group_ops() { return *HWY_DYNAMIC_DISPATCH(GetGroupOps)(); }

}  // namespace quern::simd
#endif
