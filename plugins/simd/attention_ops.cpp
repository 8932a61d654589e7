// The loops of attention for every instruction set: block after block of keys, with a running
// maximum and sum for each query, so that the scores are never all in memory (Milakov and
// Gimelshein 2018); of few queries with a row's numbers in the lanes. Not here: how tiles are made
// (attention.cpp).
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "plugins/simd/attention.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/attention_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

using D = hn::CappedTag<float, kLanes>;
using V = hn::Vec<D>;
constexpr float kInf = std::numeric_limits<float>::infinity();
// A block of products in registers, of which AVX-512 has 32 and the others 16.
constexpr int kRows = 6;
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif
constexpr std::int64_t kWide = kQueries;  // between rows in scratch, whose columns are queries

// A matrix whose rows are multiplied into: element (row, k).
struct Factor {
  const float* data;
  std::int64_t row, step;
};

// c[r, 0 .. Vectors vectors) += sum over k of a[r, k] * b[k, ..] for Rows rows; kFresh: c is not
// read.
template <int Rows, int Vectors, bool kFresh>
HWY_INLINE void MultiplyBlock(Factor a, const float* HWY_RESTRICT b, std::int64_t depth,
                              float* HWY_RESTRICT c) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r)
    for (int v = 0; v < Vectors; ++v)
      sum[r][v] = kFresh ? hn::Zero(d) : hn::LoadU(d, c + r * kWide + v * lanes);
  for (std::int64_t k = 0; k < depth; ++k) {
    V at[Vectors];
    for (int v = 0; v < Vectors; ++v) at[v] = hn::LoadU(d, b + k * kWide + v * lanes);
    for (int r = 0; r < Rows; ++r) {
      const auto s = hn::Set(d, a.data[r * a.row + k * a.step]);
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(s, at[v], sum[r][v]);
    }
  }
  for (int r = 0; r < Rows; ++r)
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sum[r][v], d, c + r * kWide + v * lanes);
}

template <int Vectors, bool kFresh>
HWY_INLINE void MultiplyStrip(Factor a, const float* b, std::int64_t rows, std::int64_t depth,
                              float* c) {
  std::int64_t r = 0;
  const auto block = [&](auto height) {
    constexpr int kHeight = decltype(height)::value;
    for (; r + kHeight <= rows; r += kHeight)
      MultiplyBlock<kHeight, Vectors, kFresh>({a.data + r * a.row, a.row, a.step}, b, depth,
                                              c + r * kWide);
  };
  block(std::integral_constant<int, kRows>());
  block(std::integral_constant<int, 4>());
  block(std::integral_constant<int, 1>());
}

// c = a b, or c += a b, for `rows` rows and `columns` columns, a multiple of kLanes.
template <bool kFresh>
HWY_INLINE void Multiply(Factor a, const float* b, std::int64_t rows, std::int64_t columns,
                         std::int64_t depth, float* c) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  std::int64_t j = 0;
  for (; j + kVectors * lanes <= columns; j += kVectors * lanes)
    MultiplyStrip<kVectors, kFresh>(a, b + j, rows, depth, c + j);
  for (; j < columns; j += lanes) MultiplyStrip<1, kFresh>(a, b + j, rows, depth, c + j);
}

// The mask onto the scores s of keys first .. first + n, a row for each key.
void AddMask(const AttentionTile& t, std::int64_t first, std::int64_t n, float* s) {
  constexpr float hidden = std::numeric_limits<float>::lowest();
  const std::int64_t from = first * t.mask_step;
  if (t.truth) {
    const auto* m = static_cast<const std::uint8_t*>(t.mask) + from;
    for (std::int64_t r = 0; r < t.queries; ++r)
      for (std::int64_t j = 0; j < n; ++j)
        if (!m[r * t.mask_row + j * t.mask_step]) s[j * kWide + r] = hidden;
  } else if (const auto* m = static_cast<const float*>(t.mask) + from;
             t.mask_row != 0 || t.mask_step != 0 || *m != 0) {
    for (std::int64_t r = 0; r < t.queries; ++r)
      for (std::int64_t j = 0; j < n; ++j) s[j * kWide + r] += m[r * t.mask_row + j * t.mask_step];
  }
  for (std::int64_t j = std::max<std::int64_t>(0, t.visible + 1 - first); j < n; ++j)
    std::fill_n(s + j * kWide, std::min(t.queries, first + j - t.visible), hidden);
}

// Scores s of n keys to exp(s - maximum), in `columns` columns; the maximum so far and the sum so
// far follow, and what was summed up in `sums` under the old maximum is scaled down. A NaN makes
// all of its query NaN.
HWY_INLINE void Weigh(float* s, std::int64_t n, std::int64_t columns, float* sums, std::int64_t out,
                      float* most, float* total) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < columns; c += lanes) {
    const auto before = hn::LoadU(d, most + c);
    auto top = before, other = before;
    std::int64_t j = 0;
    for (; j + 2 <= n; j += 2) {
      top = hn::Max(hn::LoadU(d, s + j * kWide + c), top);
      other = hn::Max(hn::LoadU(d, s + (j + 1) * kWide + c), other);
    }
    if (j < n) top = hn::Max(hn::LoadU(d, s + j * kWide + c), top);
    top = hn::Max(top, other);
    // Nothing but -inf seen yet: -inf - -inf is no number.
    const auto minus = hn::IfThenElse(hn::Eq(top, hn::Set(d, -kInf)), hn::Zero(d), top);
    const auto shrink = VExpNonPositive(d, hn::Sub(before, minus));
    auto sum = hn::Mul(hn::LoadU(d, total + c), shrink);
    for (j = 0; j < n; ++j) {
      const auto p = VExpNonPositive(d, hn::Sub(hn::LoadU(d, s + j * kWide + c), minus));
      sum = hn::Add(sum, p);
      hn::StoreU(p, d, s + j * kWide + c);
    }
    hn::StoreU(top, d, most + c);
    hn::StoreU(sum, d, total + c);
    if (hn::AllTrue(d, hn::Eq(shrink, hn::Set(d, 1.0f)))) continue;
    for (std::int64_t e = 0; e < out; ++e)
      hn::StoreU(hn::Mul(hn::LoadU(d, sums + e * kWide + c), shrink), d, sums + e * kWide + c);
  }
}

void Attend(const AttentionTile& t) {
  const std::int64_t columns = padded(t.queries);
  float* turned = t.scratch;
  float* sums = turned + t.width * kWide;
  float* scores = sums + t.out_width * kWide;
  float* most = scores + kKeys * kWide;
  float* total = most + kWide;
  for (std::int64_t i = 0; i < t.width; ++i) {
    for (std::int64_t r = 0; r < t.queries; ++r)
      turned[i * kWide + r] = t.q[r * t.q_row + i] * t.scale;
    std::fill(turned + i * kWide + t.queries, turned + i * kWide + columns, 0.0f);
  }
  std::fill_n(sums, t.out_width * kWide, 0.0f);
  std::fill_n(most, columns, -kInf);
  std::fill_n(total, columns, 0.0f);
  // Beyond the last key that the last query sees there is nothing to do, unless a query sees none,
  // as a mask may bring about: then all keys count alike.
  const std::int64_t keys =
      t.visible < 0 || t.truth ? t.keys : std::min(t.keys, t.visible + t.queries);
  for (std::int64_t first = 0; first < keys; first += kKeys) {
    const std::int64_t n = std::min(kKeys, keys - first);
    Multiply<true>({t.k + first * t.k_row, t.k_row, 1}, turned, n, columns, t.width, scores);
    AddMask(t, first, n, scores);
    Weigh(scores, n, columns, sums, t.out_width, most, total);
    Multiply<false>({t.v + first * t.v_row, 1, t.v_row}, scores, t.out_width, columns, n, sums);
  }
  for (std::int64_t r = 0; r < t.queries; ++r) {
    const float by = 1.0f / total[r];
    for (std::int64_t e = 0; e < t.out_width; ++e) t.y[r * t.y_row + e] = sums[e * kWide + r] * by;
  }
}

// s[j] = q . k[j] for Rows keys.
template <int Rows>
HWY_INLINE void Scores(const float* q, const float* k, std::int64_t k_row, std::int64_t width,
                       float* s) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[Rows];
  for (int r = 0; r < Rows; ++r) sum[r] = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    const auto at = hn::LoadU(d, q + i);
    for (int r = 0; r < Rows; ++r) sum[r] = hn::MulAdd(at, hn::LoadU(d, k + r * k_row + i), sum[r]);
  }
  for (int r = 0; r < Rows; ++r) {
    float rest = 0.0f;
    for (std::int64_t e = i; e < width; ++e) rest += q[e] * k[r * k_row + e];
    s[r] = hn::GetLane(hn::SumOfLanes(d, sum[r])) + rest;
  }
}

// y[0 .. Vectors vectors) += sum over n keys of p[j] * v[j, ..].
template <int Vectors>
HWY_INLINE void AddValues(const float* p, std::int64_t n, const float* v, std::int64_t v_row,
                          float* y) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[Vectors];
  for (int i = 0; i < Vectors; ++i) sum[i] = hn::LoadU(d, y + i * lanes);
  for (std::int64_t j = 0; j < n; ++j) {
    const auto by = hn::Set(d, p[j]);
    for (int i = 0; i < Vectors; ++i)
      sum[i] = hn::MulAdd(by, hn::LoadU(d, v + j * v_row + i * lanes), sum[i]);
  }
  for (int i = 0; i < Vectors; ++i) hn::StoreU(sum[i], d, y + i * lanes);
}

// As AddMask, of one query and n scores in a row.
void AddMaskOfOne(const AttentionTile& t, std::int64_t query, std::int64_t first, std::int64_t n,
                  float* s) {
  constexpr float hidden = std::numeric_limits<float>::lowest();
  const std::int64_t from = query * t.mask_row + first * t.mask_step;
  if (t.truth) {
    const auto* m = static_cast<const std::uint8_t*>(t.mask) + from;
    for (std::int64_t j = 0; j < n; ++j)
      if (!m[j * t.mask_step]) s[j] = hidden;
  } else if (const auto* m = static_cast<const float*>(t.mask) + from;
             t.mask_step != 0 || *m != 0) {
    for (std::int64_t j = 0; j < n; ++j) s[j] += m[j * t.mask_step];
  }
  for (std::int64_t j = std::max<std::int64_t>(0, t.visible + query + 1 - first); j < n; ++j)
    s[j] = hidden;
}

// Scores s of a block of keys, -inf behind the last, to exp(s - most); sums and total, so far under
// the old maximum, follow. A NaN makes the sum NaN.
HWY_INLINE void WeighOne(float* s, float* sums, std::int64_t out, float* most, float* total) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto tops = hn::Set(d, *most);
  for (std::int64_t j = 0; j < kKeys; j += lanes) tops = hn::Max(hn::LoadU(d, s + j), tops);
  const float top = hn::GetLane(hn::MaxOfLanes(d, tops));
  // Nothing but -inf seen yet: -inf - -inf is no number.
  const auto minus = hn::Set(d, top == -kInf ? 0.0f : top);
  const float shrink = hn::GetLane(VExpNonPositive(d, hn::Sub(hn::Set(d, *most), minus)));
  auto sum = hn::Zero(d);
  for (std::int64_t j = 0; j < kKeys; j += lanes) {
    const auto p = VExpNonPositive(d, hn::Sub(hn::LoadU(d, s + j), minus));
    sum = hn::Add(sum, p);
    hn::StoreU(p, d, s + j);
  }
  *total = *total * shrink + hn::GetLane(hn::SumOfLanes(d, sum));
  *most = top;
  if (shrink == 1.0f) return;
  for (std::int64_t e = 0; e < out; ++e) sums[e] *= shrink;
}

// Query after query over a block of keys and values, which stay in the first cache meanwhile.
void AttendFew(const AttentionTile& t) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const std::int64_t in = t.width, out = t.out_width;
  float* queries = t.scratch;
  float* sums = queries + t.queries * in;
  float* scores = sums + t.queries * out;
  float most[kFew], total[kFew];
  for (std::int64_t r = 0; r < t.queries; ++r) {
    for (std::int64_t i = 0; i < in; ++i) queries[r * in + i] = t.q[r * t.q_row + i] * t.scale;
    most[r] = -kInf, total[r] = 0.0f;
  }
  std::fill_n(sums, t.queries * out, 0.0f);
  const std::int64_t keys =
      t.visible < 0 || t.truth ? t.keys : std::min(t.keys, t.visible + t.queries);
  for (std::int64_t first = 0; first < keys; first += kKeys) {
    const std::int64_t n = std::min(kKeys, keys - first);
    const float *k = t.k + first * t.k_row, *v = t.v + first * t.v_row;
    for (std::int64_t r = 0; r < t.queries; ++r) {
      const float* q = queries + r * in;
      float* y = sums + r * out;
      std::int64_t j = 0;
      for (; j + 4 <= n; j += 4) Scores<4>(q, k + j * t.k_row, t.k_row, in, scores + j);
      for (; j < n; ++j) Scores<1>(q, k + j * t.k_row, t.k_row, in, scores + j);
      std::fill(scores + n, scores + kKeys, -kInf);
      AddMaskOfOne(t, r, first, n, scores);
      WeighOne(scores, y, out, most + r, total + r);
      std::int64_t e = 0;
      for (; e + 4 * lanes <= out; e += 4 * lanes) AddValues<4>(scores, n, v + e, t.v_row, y + e);
      for (; e + lanes <= out; e += lanes) AddValues<1>(scores, n, v + e, t.v_row, y + e);
      for (; e < out; ++e)
        for (j = 0; j < n; ++j) y[e] += scores[j] * v[j * t.v_row + e];
    }
  }
  for (std::int64_t r = 0; r < t.queries; ++r)
    for (std::int64_t e = 0; e < t.out_width; ++e)
      t.y[r * t.y_row + e] = sums[r * out + e] / total[r];
}

AttendFn GetAttend() { return Attend; }
AttendFn GetAttendFew() { return AttendFew; }

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetAttend);
HWY_EXPORT(GetAttendFew);

AttendFn attend() { return HWY_DYNAMIC_DISPATCH(GetAttend)(); }
AttendFn attend_few() { return HWY_DYNAMIC_DISPATCH(GetAttendFew)(); }

}  // namespace quern::simd
#endif
