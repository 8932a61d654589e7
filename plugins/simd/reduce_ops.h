// The vector loops of reductions: sums in doubles of short f32 sums, so long arrays keep their
// accuracy.
#pragma once
#include <cstdint>

namespace quern::simd {

enum class Reduce : std::uint8_t { kSum, kMax, kMin };

struct ReduceOps {
  // All of x[0 .. n), in a fixed order.
  double (*row)(const float* x, std::int64_t n);
  // acc[c] = op(acc[c], x[row][c] over the rows given by address), c < n.
  void (*columns)(const float* const* rows, std::int64_t n_rows, std::int64_t n, double* acc);
};

const ReduceOps& reduce_ops(Reduce kind);

}  // namespace quern::simd
