// The vector loops of reductions. Sums and products of floats gather in doubles, so that long
// arrays keep their accuracy.
#pragma once
#include <cstdint>

#include "quern/kernel.h"

namespace quern::simd {

constexpr std::int64_t kShortReduced = 24;  // up to here a vector takes an element of many rows

// Totals are opaque, acc_bytes each, and never hold anything but what start made of them.
struct ReduceOps {
  std::int64_t acc_bytes;
  bool gathers;  // short_rows takes rows that lie apart
  void (*start)(void* totals, std::int64_t n);
  // All of x[0 .. n) into one total, in a fixed order.
  void (*row)(const void* x, std::int64_t n, void* total);
  // x[row][c] over the rows given by address, at most 64, into totals[c], c < n.
  void (*columns)(const void* const* rows, std::int64_t n_rows, std::int64_t n, void* totals);
  void (*merge)(void* totals, const void* more, std::int64_t n);
  void (*store)(const void* totals, void* y, std::int64_t n, std::int64_t y_apart);
  // Results of rows of n <= kShortReduced elements that begin `apart` < 2^24 elements from each
  // other; n of them unless `gathers`.
  void (*short_rows)(const void* x, std::int64_t rows, std::int64_t n, std::int64_t apart, void* y,
                     std::int64_t y_apart);
};

// NULL when there is no loop for the dtype. Integers wrap; bool is any number for true.
const ReduceOps* total_ops(bool product, qn_dtype dtype);
const ReduceOps* extreme_ops(bool largest, qn_dtype dtype);

}  // namespace quern::simd
