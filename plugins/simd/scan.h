// Running totals along rows and down neighbouring columns.
#pragma once
#include <cstdint>

#include "quern/kernel.h"

namespace quern::simd {

constexpr std::int64_t kScanStrip = 512;  // columns or rows of one call at most

// Where a scan runs: n elements `step` apart in each of `width` columns, or `width` rows one behind
// the other; from the last on with `reverse`; `inclusive` of the element itself.
struct ScanLine {
  std::int64_t n, step, width;
  bool reverse, inclusive;
};

// A carry is the total of what came before, carry_bytes for each column or row; those of one call
// lie together and are known by their count.
struct ScanOps {
  std::int64_t carry_bytes;
  void (*start)(void* carry, std::int64_t width);
  // y may be x; the carry becomes the total behind the line.
  void (*row)(const void* x, void* y, const ScanLine& line, void* carry);
  void (*columns)(const void* x, void* y, const ScanLine& line, void* carry);
  // Only the carry; of one row.
  void (*row_total)(const void* x, const ScanLine& line, void* carry);
  void (*column_totals)(const void* x, const ScanLine& line, void* carry);
  // carry = carry and then next.
  void (*join)(void* carry, const void* next, std::int64_t width);
};

// NULL when the dtype is not served; of cumsum, cumprod, cummax, cummin, and of f32 logcumsumexp.
const ScanOps* scan_ops(std::uint32_t op, qn_dtype dtype);
const ScanOps* scan_log_ops();

}  // namespace quern::simd
