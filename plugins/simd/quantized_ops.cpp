// Products with packed small integers for every instruction set: a vector holds as many words as it
// has lanes, and each shift of it gives one number of every word; x lies in the same order.
// Not here: which arrays are served (quantized.cpp).
#include <algorithm>

#include "plugins/simd/quantized.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/quantized_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using DU = hn::CappedTag<std::uint32_t, 16>;
using DF = hn::RebindToFloat<DU>;
using DI = hn::RebindToSigned<DU>;

// A number for each lane: that of the group in which the lane's word lies. `first`: the word of
// lane 0, a multiple of the lanes; `words`: those of a group.
HWY_INLINE hn::Vec<DF> OfGroups(const float* p, std::int64_t first, std::int64_t words,
                                std::int64_t count) {
  const DF d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (words % lanes == 0) return hn::Set(d, p[first / words]);
  if (2 * words == lanes && count == lanes) {
    return hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(words)),
                          hn::Set(d, p[first / words]), hn::Set(d, p[first / words + 1]));
  }
  alignas(64) float each[16] = {};
  for (std::int64_t l = 0; l < count; ++l) each[l] = p[(first + l) / words];
  return hn::Load(d, each);
}

// Column j of rows m .. m + Rows.
template <int Rows>
HWY_INLINE void Column(const QuantizedTile& t, std::int64_t m, std::int64_t j) {
  const DU du;
  const DF df;
  const DI di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(du));
  const std::int64_t each = 32 / t.bits, words = t.depth / each;
  const std::int64_t blocks = (words + lanes - 1) / lanes, row = blocks * lanes * each;
  const std::uint32_t* from = t.words + j * words;
  const std::int64_t groups = t.depth / t.group, group_words = t.group / each;
  const float *scales = t.scales + j * groups, *biases = t.biases + j * groups;
  const float* x = t.turned + m * row;
  const auto mask = hn::Set(du, (1u << t.bits) - 1);
  const int bits = static_cast<int>(t.bits);
  hn::Vec<DF> sum[Rows], other[Rows];
  for (int r = 0; r < Rows; ++r) sum[r] = other[r] = hn::Zero(df);
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t count = std::min(lanes, words - b * lanes);
    hn::Vec<DU> v;
    if (count == lanes) {
      v = hn::LoadU(du, from + b * lanes);
    } else {
      alignas(64) std::uint32_t rest[16] = {};
      for (std::int64_t l = 0; l < count; ++l) rest[l] = from[b * lanes + l];
      v = hn::Load(du, rest);
    }
    const auto scale = OfGroups(scales, b * lanes, group_words, count);
    const auto bias = OfGroups(biases, b * lanes, group_words, count);
    for (std::int64_t q = 0; q < each; q += 2) {
      const auto number = [&](hn::Vec<DU> w) HWY_ATTR {
        const auto value = hn::ConvertTo(df, hn::BitCast(di, hn::And(w, mask)));
        return hn::MulAdd(value, scale, bias);
      };
      const auto w0 = number(v);
      v = hn::ShiftRightSame(v, bits);
      const auto w1 = number(v);
      v = hn::ShiftRightSame(v, bits);
      for (int r = 0; r < Rows; ++r) {
        sum[r] = hn::MulAdd(hn::LoadU(df, x + r * row + q * lanes), w0, sum[r]);
        other[r] = hn::MulAdd(hn::LoadU(df, x + r * row + (q + 1) * lanes), w1, other[r]);
      }
    }
    x += each * lanes;
  }
  for (int r = 0; r < Rows; ++r)
    t.y[(m + r) * t.y_row + j] = hn::GetLane(hn::SumOfLanes(df, hn::Add(sum[r], other[r])));
}

void QuantizedProduct(const QuantizedTile& t) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(DU()));
  const std::int64_t each = 32 / t.bits, words = t.depth / each;
  const std::int64_t row = (words + lanes - 1) / lanes * lanes * each;
  std::fill_n(t.turned, row * t.m, 0.0f);
  for (std::int64_t m = 0; m < t.m; ++m)
    for (std::int64_t w = 0; w < words; ++w)
      for (std::int64_t q = 0; q < each; ++q)
        t.turned[m * row + (w / lanes * each + q) * lanes + w % lanes] =
            t.x[m * t.depth + w * each + q];
  for (std::int64_t j = 0; j < t.n; ++j) {
    std::int64_t m = 0;
    for (; m + 4 <= t.m; m += 4) Column<4>(t, m, j);
    for (; m + 2 <= t.m; m += 2) Column<2>(t, m, j);
    if (m < t.m) Column<1>(t, m, j);
  }
}

QuantizedFn GetQuantizedProduct() { return QuantizedProduct; }

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetQuantizedProduct);

QuantizedFn quantized_product() { return HWY_DYNAMIC_DISPATCH(GetQuantizedProduct)(); }

}  // namespace quern::simd
#endif
