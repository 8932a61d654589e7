// Where the largest or smallest element of a row, or of each of neighbouring columns, lies.
#pragma once
#include <cstdint>

#include "plugins/simd/cut.h"

namespace quern::simd {

constexpr std::int64_t kShortRow = 24;  // up to here a vector takes an element of many rows

// The first best one; a NaN is best.
struct ArgOps {
  // Its place in a row of n >= 1 elements.
  std::uint64_t (*row)(const void* x, std::int64_t n);
  // Is element b of x better than element a?
  bool (*better)(const void* x, std::int64_t a, std::int64_t b);
  // Its place down each of `width` columns of n elements, `step` apart.
  void (*columns)(const void* x, std::int64_t n, std::int64_t step, std::int64_t width,
                  std::uint32_t* y);
  // The same of rows of n <= kShortRow elements one behind the other; gives how many, from the
  // first, it did.
  std::int64_t (*short_rows)(const void* x, std::int64_t rows, std::int64_t n, std::uint32_t* y);
};

// NULL when the dtype is not served.
const ArgOps* arg_ops(qn_dtype dtype, bool largest);

}  // namespace quern::simd
