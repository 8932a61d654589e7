// Row and column reductions of f32 for every instruction set.
// Not here: how an array is cut into rows and columns (reduce.cpp).
#include "plugins/simd/reduce_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/reduce_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

struct SumOp {
  static constexpr float kStart = 0.0f;
  template <class D, class V>
  static HWY_INLINE V Vector(D, V a, V b) {
    return hn::Add(a, b);
  }
  static HWY_INLINE double Scalar(double a, double b) { return a + b; }
};

struct MaxOp {
  static constexpr float kStart = -std::numeric_limits<float>::infinity();
  template <class D, class V>
  static HWY_INLINE V Vector(D d, V a, V b) {
    return VMax(d, a, b);
  }
  static HWY_INLINE double Scalar(double a, double b) { return a > b || a != a ? a : b; }
};

struct MinOp {
  static constexpr float kStart = std::numeric_limits<float>::infinity();
  template <class D, class V>
  static HWY_INLINE V Vector(D d, V a, V b) {
    return VMin(d, a, b);
  }
  static HWY_INLINE double Scalar(double a, double b) { return a < b || a != a ? a : b; }
};

template <class Op>
double Row(const float* x, std::int64_t n) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr std::int64_t kBlock = 4096;
  double total = Op::kStart;
  while (n > 0) {
    const std::int64_t m = std::min(n, kBlock);
    const auto start = hn::Set(d, Op::kStart);
    auto a0 = start, a1 = start, a2 = start, a3 = start;
    std::int64_t i = 0;
    for (; i + 4 * lanes <= m; i += 4 * lanes) {
      a0 = Op::Vector(d, a0, hn::LoadU(d, x + i));
      a1 = Op::Vector(d, a1, hn::LoadU(d, x + i + lanes));
      a2 = Op::Vector(d, a2, hn::LoadU(d, x + i + 2 * lanes));
      a3 = Op::Vector(d, a3, hn::LoadU(d, x + i + 3 * lanes));
    }
    for (; i + lanes <= m; i += lanes) a0 = Op::Vector(d, a0, hn::LoadU(d, x + i));
    if (m >= lanes) {
      HWY_ALIGN float buf[hn::MaxLanes(d)];
      hn::Store(Op::Vector(d, Op::Vector(d, a0, a1), Op::Vector(d, a2, a3)), d, buf);
      for (std::int64_t k = 0; k < lanes; ++k) total = Op::Scalar(total, buf[k]);
    }
    for (; i < m; ++i) total = Op::Scalar(total, x[i]);
    x += m;
    n -= m;
  }
  return total;
}

template <class Op, int kVectors>
HWY_INLINE void Strip(const float* const* rows, std::int64_t n_rows, std::int64_t c, double* acc) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto start = hn::Set(d, Op::kStart);
  auto a0 = start, a1 = start, a2 = start, a3 = start;
  for (std::int64_t r = 0; r < n_rows; ++r) {
    const float* x = rows[r] + c;
    a0 = Op::Vector(d, a0, hn::LoadU(d, x));
    if (kVectors > 1) a1 = Op::Vector(d, a1, hn::LoadU(d, x + lanes));
    if (kVectors > 2) a2 = Op::Vector(d, a2, hn::LoadU(d, x + 2 * lanes));
    if (kVectors > 2) a3 = Op::Vector(d, a3, hn::LoadU(d, x + 3 * lanes));
  }
  HWY_ALIGN float buf[4 * hn::MaxLanes(d)];
  hn::Store(a0, d, buf);
  if (kVectors > 1) hn::Store(a1, d, buf + lanes);
  if (kVectors > 2) hn::Store(a2, d, buf + 2 * lanes);
  if (kVectors > 2) hn::Store(a3, d, buf + 3 * lanes);
  for (std::size_t k = 0; k < kVectors * lanes; ++k)
    acc[c + static_cast<std::int64_t>(k)] =
        Op::Scalar(acc[c + static_cast<std::int64_t>(k)], buf[k]);
}

template <class Op>
void Columns(const float* const* rows, std::int64_t n_rows, std::int64_t n, double* acc) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>()));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= n; c += 4 * lanes) Strip<Op, 4>(rows, n_rows, c, acc);
  for (; c + 2 * lanes <= n; c += 2 * lanes) Strip<Op, 2>(rows, n_rows, c, acc);
  for (; c + lanes <= n; c += lanes) Strip<Op, 1>(rows, n_rows, c, acc);
  for (std::int64_t r = 0; r < n_rows; ++r)
    for (std::int64_t k = c; k < n; ++k) acc[k] = Op::Scalar(acc[k], rows[r][k]);
}

const ReduceOps* GetReduceOps(int kind) {
  static constexpr ReduceOps ops[3] = {
      {Row<SumOp>, Columns<SumOp>}, {Row<MaxOp>, Columns<MaxOp>}, {Row<MinOp>, Columns<MinOp>}};
  return &ops[kind];
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetReduceOps);

const ReduceOps& reduce_ops(Reduce kind) {
  return *HWY_DYNAMIC_DISPATCH(GetReduceOps)(static_cast<int>(kind));
}

}  // namespace quern::simd
#endif
