// Unpacking of small integers for every instruction set: 32 numbers are as many words as each has
// bits, and a vector's lanes pick their words and shift them.
// Not here: which arrays are served (dequantize.cpp).
#include "plugins/simd/dequantize.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/dequantize_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Where lane l of the 32 finds its bits: two neighbouring words and a shift.
struct Places {
  alignas(64) std::int32_t low[32], high[32];
  alignas(64) std::uint32_t shift[32], rest[32];

  explicit Places(std::int64_t bits) {
    for (std::int64_t l = 0; l < 32; ++l) {
      const std::int64_t word = l * bits / 32, at = l * bits % 32;
      low[l] = static_cast<std::int32_t>(word);
      high[l] = static_cast<std::int32_t>(word + 1 < bits ? word + 1 : word);
      shift[l] = static_cast<std::uint32_t>(at);
      rest[l] = static_cast<std::uint32_t>(31 - at);  // and 1 more: 32 is no shift
    }
  }
};

void DequantizeRow(const std::uint32_t* words, const float* scales, const float* biases,
                   std::int64_t bits, std::int64_t group, std::int64_t n, float* y) {
  const Places places(bits);
  const std::uint32_t mask = (1u << bits) - 1;
#if HWY_TARGET != HWY_SCALAR && HWY_MAX_BYTES >= 32
  // All words of a block fit a vector.
  const hn::CappedTag<std::uint32_t, 16> du;
  const hn::RebindToSigned<decltype(du)> di;
  const hn::RebindToFloat<decltype(du)> df;
  constexpr std::size_t lanes = hn::MaxLanes(du);
  static_assert(lanes == 8 || lanes == 16);
  for (std::int64_t k = 0; k < n; k += 32, words += bits) {
    const auto scale = hn::Set(df, scales[k / group]), bias = hn::Set(df, biases[k / group]);
    alignas(64) std::uint32_t block[16] = {};
    for (std::int64_t w = 0; w < bits; ++w) block[w] = words[w];
    const auto all = hn::Load(du, block);
    for (std::size_t l = 0; l < 32; l += lanes) {
      const auto low = hn::TableLookupLanes(all, hn::SetTableIndices(du, places.low + l));
      const auto high = hn::TableLookupLanes(all, hn::SetTableIndices(du, places.high + l));
      const auto shift = hn::Load(du, places.shift + l), rest = hn::Load(du, places.rest + l);
      const auto upper = hn::Shl(hn::ShiftLeft<1>(high), rest);
      const auto q = hn::And(hn::Or(hn::Shr(low, shift), upper), hn::Set(du, mask));
      const auto value = hn::ConvertTo(df, hn::BitCast(di, q));
      hn::StoreU(hn::MulAdd(value, scale, bias), df, y + k + static_cast<std::int64_t>(l));
    }
  }
#else
  for (std::int64_t k = 0; k < n; k += 32, words += bits) {
    const float scale = scales[k / group], bias = biases[k / group];
    for (std::int64_t l = 0; l < 32; ++l) {
      const std::uint32_t low = words[places.low[l]], high = words[places.high[l]];
      const std::uint32_t q = (low >> places.shift[l] | high << 1 << places.rest[l]) & mask;
      y[k + l] = static_cast<float>(q) * scale + bias;
    }
  }
#endif
}

DequantizeFn GetDequantizeRow() { return DequantizeRow; }

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetDequantizeRow);

DequantizeFn dequantize_row() { return HWY_DYNAMIC_DISPATCH(GetDequantizeRow)(); }

}  // namespace quern::simd
#endif
