// layer_norm and rms_norm of contiguous rows, for every instruction set: while a row is written the
// next one is measured, so that memory is read and written all the time. Not here: how rows are
// found and shared out (rows.cpp).
#include <algorithm>
#include <cmath>

#include "plugins/simd/rows.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/norm_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

constexpr std::int64_t kBlock = 4096;
constexpr std::int64_t kAhead = 256;  // elements that are fetched before they are needed

// What is subtracted from a row and what the rest is multiplied with.
struct Norm {
  float mean, scale;
};

struct LayerNorm {
  static constexpr bool kCentred = true;
  const float *w, *b;

  HWY_INLINE V operator()(D d, V x, V mean, V scale, std::int64_t i) const {
    const auto c = hn::Mul(hn::Sub(x, mean), scale);
    return hn::MulAdd(c, hn::LoadU(d, w + i), hn::LoadU(d, b + i));
  }
  HWY_INLINE V part(D d, V x, V mean, V scale, std::int64_t i, std::int64_t k) const {
    const auto c = hn::Mul(hn::Sub(x, mean), scale);
    return hn::MulAdd(c, LoadPart(d, w + i, k, 0.0f), LoadPart(d, b + i, k, 0.0f));
  }
};

struct RmsNorm {
  static constexpr bool kCentred = false;
  const float* w;

  HWY_INLINE V operator()(D d, V x, V, V scale, std::int64_t i) const {
    return hn::Mul(hn::Mul(x, scale), hn::LoadU(d, w + i));
  }
  HWY_INLINE V part(D d, V x, V, V scale, std::int64_t i, std::int64_t k) const {
    return hn::Mul(hn::Mul(x, scale), LoadPart(d, w + i, k, 0.0f));
  }
};

// Sums of a row's distances from `from`, and of their squares.
struct Moments {
  double sum = 0, squares = 0;
};

// Measures the row `next` (kMeasure) and writes the row `x` to y (kWrite) in one pass.
template <bool kMeasure, bool kWrite, class F>
HWY_INLINE Moments Pass(const float* next, float from, const float* x, const Norm& norm,
                        const F& write, float* y, std::int64_t n) {
  const D d;
  const std::int64_t lanes = LaneCount();
  const auto shift = hn::Set(d, from), mean = hn::Set(d, norm.mean), scale = hn::Set(d, norm.scale);
  Moments m;
  for (std::int64_t start = 0; start < n; start += kBlock) {
    const std::int64_t end = std::min(n, start + kBlock);
    auto s0 = hn::Zero(d), s1 = s0, q0 = s0, q1 = s0;
    std::int64_t i = start;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      if (kMeasure) {
        auto u = hn::LoadU(d, next + i), v = hn::LoadU(d, next + i + lanes);
        if (F::kCentred) {
          u = hn::Sub(u, shift), v = hn::Sub(v, shift);
          s0 = hn::Add(s0, u), s1 = hn::Add(s1, v);
        }
        q0 = hn::MulAdd(u, u, q0), q1 = hn::MulAdd(v, v, q1);
      }
      if (kMeasure && kWrite) {
        __builtin_prefetch(next + i + kAhead), __builtin_prefetch(next + i + lanes + kAhead);
        __builtin_prefetch(y + i + kAhead, 1), __builtin_prefetch(y + i + lanes + kAhead, 1);
      }
      if (kWrite) {
        hn::StoreU(write(d, hn::LoadU(d, x + i), mean, scale, i), d, y + i);
        hn::StoreU(write(d, hn::LoadU(d, x + i + lanes), mean, scale, i + lanes), d, y + i + lanes);
      }
    }
    for (; i < end; i += lanes) {
      const std::int64_t k = std::min(lanes, end - i);
      if (kMeasure) {
        const auto u =
            hn::Sub(k == lanes ? hn::LoadU(d, next + i) : LoadPart(d, next + i, k, from), shift);
        s0 = hn::Add(s0, u);
        q0 = hn::MulAdd(u, u, q0);
      }
      if (kWrite && k == lanes)
        hn::StoreU(write(d, hn::LoadU(d, x + i), mean, scale, i), d, y + i);
      else if (kWrite)
        StorePart(d, write.part(d, LoadPart(d, x + i, k, 0.0f), mean, scale, i, k), y + i, k);
    }
    if (F::kCentred) m.sum += hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
    if (kMeasure) m.squares += hn::GetLane(hn::SumOfLanes(d, hn::Add(q0, q1)));
  }
  return m;
}

// A number near the row's mean: that of its first vector.
HWY_INLINE float NearMean(const float* x, std::int64_t n) {
  const D d;
  const std::int64_t lanes = LaneCount();
  if (n < lanes) return x[0];
  return hn::GetLane(hn::SumOfLanes(d, hn::LoadU(d, x))) / static_cast<float>(lanes);
}

// var = E[(x - from)^2] - (mean - from)^2, which loses no more than two bits when `from` is near;
// when it was not, the row is measured again from its mean.
template <class F>
HWY_INLINE Norm NormOf(const Moments& m, const float* x, float from, float eps, const F& write,
                       std::int64_t n) {
  const auto count = static_cast<double>(n);
  const double off = m.sum / count;
  const auto mean = static_cast<float>(static_cast<double>(from) + off);
  double var = m.squares / count - off * off;
  if (F::kCentred && !(off * off <= 3 * var))
    var = Pass<true, false>(x, mean, nullptr, Norm{}, write, nullptr, n).squares / count;
  return {mean, static_cast<float>(1.0 / std::sqrt(var + static_cast<double>(eps)))};
}

template <class F>
HWY_INLINE void NormRows(const float* x, const F& write, float eps, float* y, std::int64_t rows,
                         std::int64_t n) {
  if (rows == 0 || n == 0) return;
  const auto from_of = [&](const float* row) { return F::kCentred ? NearMean(row, n) : 0.0f; };
  float from = from_of(x);
  Moments m = Pass<true, false>(x, from, nullptr, Norm{}, write, nullptr, n);
  for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const Norm norm = NormOf(m, x, from, eps, write, n);
    if (r + 1 == rows) {
      Pass<false, true>(nullptr, 0.0f, x, norm, write, y, n);
      return;
    }
    from = from_of(x + n);
    m = Pass<true, true>(x + n, from, x, norm, write, y, n);
  }
}

void LayerNormRows(const float* x, const float* w, const float* b, float eps, float* y,
                   std::int64_t rows, std::int64_t n) {
  NormRows(x, LayerNorm{w, b}, eps, y, rows, n);
}

void RmsNormRows(const float* x, const float* w, float eps, float* y, std::int64_t rows,
                 std::int64_t n) {
  NormRows(x, RmsNorm{w}, eps, y, rows, n);
}

const NormOps* GetNormOps() {
  static constexpr NormOps ops{LayerNormRows, RmsNormRows};
  return &ops;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetNormOps);

const NormOps& norm_ops() { return *HWY_DYNAMIC_DISPATCH(GetNormOps)(); }

}  // namespace quern::simd
#endif
