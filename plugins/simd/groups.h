// Normalisation over the positions and groups of channels of items that lie channels-last.
// Not here: offers (groups.cpp), the loops (groups_ops.cpp).
#pragma once
#include <cstdint>

#include "plugins/simd/channel_steps.h"

namespace quern::simd {

// How each channel becomes (x - mean) * scale + shift, then within bounds, then what is left.
struct GroupOutput {
  const float *mean, *scale, *shift;  // one for each channel
  Bounds bounds;
  const sdk::ConvEpilogue* rest;  // may be null
};

struct GroupOps {
  // Sums of x - pivot and of its square down n positions, for each of c channels.
  void (*measure)(const float* x, std::int64_t n, std::int64_t c, const float* pivot, double* sum,
                  double* squares);
  // n positions of c channels, which begin at element `first` of x and of y; y may be x.
  void (*finish)(const float* x, float* y, std::int64_t first, std::int64_t n, std::int64_t c,
                 const GroupOutput& out);
};

const GroupOps& group_ops();

}  // namespace quern::simd
