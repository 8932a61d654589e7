// A copy between two strided arrays of one shape, in pieces that may run in any order: runs, fills,
// transposes, interleaved lines. Elements of 1, 2, 4 or 8 bytes. Not here: opaque layouts.
#pragma once
#include <algorithm>

#include "plugins/simd/walk.h"

namespace quern::simd {

// Copies rows.n x line.n elements; strides count elements.
using CopyBlockFn = void (*)(const void* x, void* y, const Axis& rows, const Axis& line);

class StridedCopy {
 public:
  // Axes in any order, at most kMaxWalkAxes; no two may write one element. False when there is no
  // such copy. Allocates nothing.
  bool arrange(const Axis* axes, std::size_t n, std::uint32_t itemsize);
  std::int64_t units() const { return units_; }
  // Pieces lo .. hi of units(); x and y are the addresses of element (0, 0, ..).
  void run(const void* x, void* y, std::int64_t lo, std::int64_t hi) const noexcept;
  // Bytes of y that a row takes, or a few of them where x is transposed.
  std::int64_t line_bytes() const { return std::min(line_chunk_, line_.n) * size_; }
  // The copy of one contiguous line to every step-th element of y: its length, else 0.
  std::int64_t spread_line(std::int64_t step) const {
    return n_outer_ == 0 && rows_.n == 1 && line_.in == 1 && line_.out == step ? line_.n : 0;
  }
  // Cuts finer: at most so many rows, and bytes of a line, in a piece.
  void limit(std::int64_t rows, std::int64_t bytes);
  // Nanoseconds of one core beside memory traffic.
  double compute_ns() const { return ns_; }

 private:
  void choose_block();
  void cut();

  Axis outer_[kMaxWalkAxes];
  std::size_t n_outer_ = 0;
  Axis rows_{1, 0, 0}, line_{1, 1, 1};  // the line lies closest in y
  std::int64_t x_shift_ = 0, y_shift_ = 0;
  std::int64_t row_chunk_ = 1, line_chunk_ = 1, row_chunks_ = 1, line_chunks_ = 1, units_ = 0;
  std::uint32_t size_ = 4;
  CopyBlockFn block_ = nullptr;
  double ns_ = 0;
};

}  // namespace quern::simd
