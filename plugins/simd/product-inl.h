// Small matrix products with operands that lie in the cache: c (+)= a b, with a read one element at
// a time (any strides) and b by rows. Included once for each instruction set; packs nothing.
#if defined(QUERN_SIMD_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_PRODUCT_INL_H_
#undef QUERN_SIMD_PRODUCT_INL_H_
#else
#define QUERN_SIMD_PRODUCT_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Product {
  const float* a;
  std::int64_t a_row, a_depth;
  const float* b;
  std::int64_t b_row;
  float* c;
  std::int64_t c_row;
  std::int64_t rows, columns, depth;  // columns: a multiple of 4
  bool first;                         // c is written, not added to
};

// Accumulators that fit the registers beside a row of b.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kMaxRows = 12;
#else
constexpr int kMaxRows = 6;
#endif

template <class D, int kRows, int kVectors>
HWY_NOINLINE void ProductTile(const Product& p, std::int64_t row, std::int64_t column) {
  const D d;
  using V = hn::Vec<D>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float* HWY_RESTRICT a = p.a + row * p.a_row;
  const float* HWY_RESTRICT b = p.b + column;
  float* HWY_RESTRICT c = p.c + row * p.c_row + column;
  const std::int64_t a_row = p.a_row, a_depth = p.a_depth, b_row = p.b_row;
  V sum[kRows][kVectors];
  HWY_UNROLL(12)
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j)
      sum[i][j] = p.first ? hn::Zero(d) : hn::LoadU(d, c + i * p.c_row + j * lanes);
  for (std::int64_t k = p.depth; k > 0; --k) {
    V r[kVectors];
    for (int j = 0; j < kVectors; ++j) r[j] = hn::LoadU(d, b + j * lanes);
    HWY_UNROLL(12)
    for (int i = 0; i < kRows; ++i) {
      const V x = hn::Set(d, a[i * a_row]);
      for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(x, r[j], sum[i][j]);
    }
    a += a_depth;
    b += b_row;
  }
  HWY_UNROLL(12)
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j) hn::StoreU(sum[i][j], d, c + i * p.c_row + j * lanes);
}

template <class D, int kVectors, int kRows = kMaxRows>
HWY_INLINE void ProductRows(const Product& p, std::int64_t row, std::int64_t rows,
                            std::int64_t column) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return ProductTile<D, kRows, kVectors>(p, row, column);
    ProductRows<D, kVectors, kRows - 1>(p, row, rows, column);
  }
}

// All rows of some columns, in groups of about the same size.
template <class D, int kVectors>
HWY_INLINE void ProductPanel(const Product& p, std::int64_t column) {
  const std::int64_t groups = (p.rows + kMaxRows - 1) / kMaxRows;
  std::int64_t row = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t rows = (p.rows - row + groups - g - 1) / (groups - g);
    ProductRows<D, kVectors>(p, row, rows, column);
    row += rows;
  }
}

HWY_INLINE void Multiply(const Product& p) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 8> d8;
  const hn::CappedTag<float, 4> d4;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto lanes8 = static_cast<std::int64_t>(hn::Lanes(d8));
  const auto lanes4 = static_cast<std::int64_t>(hn::Lanes(d4));
  std::int64_t j = 0;
  for (; j + 2 * lanes <= p.columns; j += 2 * lanes) ProductPanel<decltype(d), 2>(p, j);
  for (; j + lanes <= p.columns; j += lanes) ProductPanel<decltype(d), 1>(p, j);
  for (; j + lanes8 <= p.columns; j += lanes8) ProductPanel<decltype(d8), 1>(p, j);
  for (; j + lanes4 <= p.columns; j += lanes4) ProductPanel<decltype(d4), 1>(p, j);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
