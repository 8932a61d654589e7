// The loops of attention for every instruction set: block after block of keys, with a running
// maximum and sum for each query, so that the scores are never all in memory (Milakov and
// Gimelshein 2018). Not here: how tiles are made (attention.cpp).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "plugins/simd/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/attention_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/targets.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

using D = hn::CappedTag<float, kLanes>;
using V = hn::Vec<D>;
constexpr float kInf = std::numeric_limits<float>::infinity();

// c[r, 0 .. 2 vectors) += sum over k of a[r, k] * b[k, ..] for Rows rows.
template <int Rows>
HWY_INLINE void MultiplyBlock(const float* a, std::int64_t a_row, const float* b,
                              std::int64_t b_row, std::int64_t depth, float* c,
                              std::int64_t c_row) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V low[Rows], high[Rows];
  for (int r = 0; r < Rows; ++r) {
    low[r] = hn::LoadU(d, c + r * c_row);
    high[r] = hn::LoadU(d, c + r * c_row + lanes);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    const auto b0 = hn::LoadU(d, b + k * b_row), b1 = hn::LoadU(d, b + k * b_row + lanes);
    for (int r = 0; r < Rows; ++r) {
      const auto s = hn::Set(d, a[r * a_row + k]);
      low[r] = hn::MulAdd(s, b0, low[r]);
      high[r] = hn::MulAdd(s, b1, high[r]);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    hn::StoreU(low[r], d, c + r * c_row);
    hn::StoreU(high[r], d, c + r * c_row + lanes);
  }
}

// The same, one vector wide.
HWY_INLINE void MultiplyColumn(const float* a, const float* b, std::int64_t b_row,
                               std::int64_t depth, float* c) {
  const D d;
  V sum = hn::LoadU(d, c);
  for (std::int64_t k = 0; k < depth; ++k)
    sum = hn::MulAdd(hn::Set(d, a[k]), hn::LoadU(d, b + k * b_row), sum);
  hn::StoreU(sum, d, c);
}

// c += a b for `rows` rows and `columns` columns, a multiple of kLanes.
HWY_INLINE void Multiply(const float* a, std::int64_t a_row, const float* b, std::int64_t b_row,
                         std::int64_t rows, std::int64_t columns, std::int64_t depth, float* c,
                         std::int64_t c_row) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  std::int64_t j = 0;
  for (; j + 2 * lanes <= columns; j += 2 * lanes) {
    std::int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
      MultiplyBlock<4>(a + r * a_row, a_row, b + j, b_row, depth, c + r * c_row + j, c_row);
    for (; r < rows; ++r)
      MultiplyBlock<1>(a + r * a_row, a_row, b + j, b_row, depth, c + r * c_row + j, c_row);
  }
  for (; j < columns; j += lanes) {
    for (std::int64_t r = 0; r < rows; ++r)
      MultiplyColumn(a + r * a_row, b + j, b_row, depth, c + r * c_row + j);
  }
}

HWY_INLINE void AddMask(const AttentionTile& t, std::int64_t row, std::int64_t first,
                        std::int64_t n, float* s) {
  constexpr float hidden = std::numeric_limits<float>::lowest();
  const std::int64_t from = row * t.mask_row + first * t.mask_step;
  if (t.truth) {
    const auto* m = static_cast<const std::uint8_t*>(t.mask) + from;
    for (std::int64_t j = 0; j < n; ++j) s[j] = m[j * t.mask_step] ? s[j] * t.scale : hidden;
  } else if (t.mask_step == 0) {
    const float m = static_cast<const float*>(t.mask)[from];
    for (std::int64_t j = 0; j < n; ++j) s[j] = s[j] * t.scale + m;
  } else {
    const auto* m = static_cast<const float*>(t.mask) + from;
    for (std::int64_t j = 0; j < n; ++j) s[j] = s[j] * t.scale + m[j];
  }
  for (std::int64_t j = std::max<std::int64_t>(0, t.visible + row + 1 - first); j < n; ++j)
    s[j] = hidden;
}

// Scores s[0 .. n) to exp(s - maximum); the maximum so far and the sum so far follow, and what was
// summed up in `y` under the old maximum is scaled down. A NaN makes all of the row NaN.
HWY_INLINE void Weigh(float* s, std::int64_t n, float* y, std::int64_t out, float& most,
                      float& total) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t j = n; j < kKeys; ++j) s[j] = -kInf;
  V top = hn::Set(d, most);
  for (std::int64_t j = 0; j < kKeys; j += lanes) top = VMax(d, top, hn::LoadU(d, s + j));
  const bool nan = !hn::AllTrue(d, hn::Eq(top, top));
  const float now =
      nan ? std::numeric_limits<float>::quiet_NaN() : hn::GetLane(hn::MaxOfLanes(d, top));
  if (now == -kInf) {  // nothing seen yet, and -inf - -inf is no number
    std::fill_n(s, kKeys, 0.0f);
    return;
  }
  const auto m = hn::Set(d, now);
  auto sum = hn::Zero(d);
  for (std::int64_t j = 0; j < kKeys; j += lanes) {
    const auto p = VExp(d, hn::Sub(hn::LoadU(d, s + j), m));
    sum = hn::Add(sum, p);
    hn::StoreU(p, d, s + j);
  }
  const float shrink = most == -kInf ? 0.0f : std::exp(most - now);
  total = total * shrink + hn::GetLane(hn::SumOfLanes(d, sum));
  most = now;
  if (shrink == 1.0f) return;
  const auto by = hn::Set(d, shrink);
  for (std::int64_t e = 0; e < out; e += lanes)
    hn::StoreU(hn::Mul(hn::LoadU(d, y + e), by), d, y + e);
}

void Attend(const AttentionTile& t) {
  const std::int64_t out = padded(t.out_width);
  float* turned = t.scratch;
  float* values = turned + t.width * kKeys;
  float* sums = values + out * kKeys;
  float* scores = sums + out * kQueries;
  float* most = scores + kQueries * kKeys;
  float* total = most + kQueries;
  std::fill_n(sums, out * t.queries, 0.0f);
  std::fill_n(most, t.queries, -kInf);
  std::fill_n(total, t.queries, 0.0f);
  // Beyond the last key that the last query sees there is nothing to do, unless a query sees none:
  // then all keys count alike.
  const std::int64_t keys = t.visible < 0 ? t.keys : std::min(t.keys, t.visible + t.queries);
  for (std::int64_t first = 0; first < keys; first += kKeys) {
    const std::int64_t n = std::min(kKeys, keys - first);
    for (std::int64_t j = 0; j < n; ++j) {
      const float* key = t.k + (first + j) * t.width;
      for (std::int64_t i = 0; i < t.width; ++i) turned[i * kKeys + j] = key[i];
      const float* value = t.v + (first + j) * t.out_width;
      std::memcpy(values + j * out, value, static_cast<std::size_t>(t.out_width) * sizeof(float));
      std::fill(values + j * out + t.out_width, values + (j + 1) * out, 0.0f);
    }
    for (std::int64_t i = 0; n < kKeys && i < t.width; ++i)
      std::fill(turned + i * kKeys + n, turned + (i + 1) * kKeys, 0.0f);
    std::fill_n(scores, t.queries * kKeys, 0.0f);
    Multiply(t.q, t.width, turned, kKeys, t.queries, kKeys, t.width, scores, kKeys);
    for (std::int64_t r = 0; r < t.queries; ++r) {
      AddMask(t, r, first, n, scores + r * kKeys);
      Weigh(scores + r * kKeys, n, sums + r * out, out, most[r], total[r]);
    }
    Multiply(scores, kKeys, values, out, t.queries, out, n, sums, out);
  }
  for (std::int64_t r = 0; r < t.queries; ++r) {
    const float by = 1.0f / total[r];
    for (std::int64_t e = 0; e < t.out_width; ++e)
      t.y[r * t.out_width + e] = sums[r * out + e] * by;
  }
}

AttendFn GetAttend() { return Attend; }

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetAttend);

AttendFn attend() { return HWY_DYNAMIC_DISPATCH(GetAttend)(); }

}  // namespace quern::simd
#endif
