// Python's slice arithmetic for slice and slice_update.
// Knows nothing of memory.
#pragma once
#include <cstdint>

#include "plugins/naive/naive.h"

namespace quern::naive {

struct AxisSlice {
  std::int64_t start, step, count;
};

// x[start:stop:step] on an axis of `size`; a stop below -size means before the first element.
inline AxisSlice axis_slice(std::int64_t start, std::int64_t stop, std::int64_t step,
                            std::int64_t size) {
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto clamp = [&](std::int64_t i) {
    if (i < 0) i += size;
    return i < low ? low : i > high ? high : i;
  };
  start = clamp(start);
  stop = clamp(stop);
  const std::int64_t span = step > 0 ? stop - start : start - stop,
                     stride = step > 0 ? step : -step;
  return {start, step, span > 0 ? (span - 1) / stride + 1 : 0};
}

// Axis `i` of the slice given by the attributes start, stop, step that begin at attribute 0.
inline AxisSlice axis_slice(const Problem& p, std::size_t i, std::int64_t size) {
  const auto start = p.ints(0), stop = p.ints(1), step = p.ints(2);
  if (i >= start.size()) return {0, 1, size};
  return axis_slice(start[i], stop[i], step.empty() ? 1 : step[i], size);
}

}  // namespace quern::naive
