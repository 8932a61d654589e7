// Depthwise convolution: one filter for each channel. y[l] = sum_k w[k] x[(l * stride + k *
// dilation - padding) / spread], over the taps where that is an element of x.
// Not here: offers (depthwise.cpp), the loops (depthwise_ops.cpp).
#pragma once
#include <algorithm>
#include <cstdint>

#include "plugins/simd/channel_steps.h"

namespace quern::simd {

struct DepthwiseAxis {
  std::int64_t in, out, taps, stride, dilation, spread, padding;

  // Outputs meet taps and inputs alike when they are so many apart: those form a run.
  std::int64_t runs() const {
    return std::min(spread > 1 ? spread : stride > 1 ? 1 : dilation, out);
  }
  // Outputs of the longest run.
  std::int64_t longest_run() const { return (out + runs() - 1) / runs(); }
};

// Images (n, h, w, c), dense and channels-last. Of stride and dilation spread > 1 allows neither.
struct DepthwiseShape {
  std::int64_t images, c;
  DepthwiseAxis axis[2];

  // Work is cut into pairs of rows of a run.
  std::int64_t pairs() const { return (axis[0].longest_run() + 1) / 2; }
  // Pieces of long rows, of 64 outputs at least.
  std::int64_t segments() const { return std::max<std::int64_t>(1, axis[1].longest_run() / 64); }
  std::int64_t units() const { return images * axis[0].runs() * pairs() * segments(); }
};

// A part of the result: channels c0 .. c1 of some units. Channels of neighbouring parts meet at
// whole vectors, and each part has one at least when there are so many channels.
struct DepthwisePart {
  const float* x;
  float* y;
  const float* w;                 // [tap row][tap column][channel - c0]
  std::int64_t w_pitch;           // from tap to tap
  const float* shift;             // added to the sums, [channel - c0]
  Bounds bounds;                  // of what that gives
  const sdk::ConvEpilogue* rest;  // what is done then; may be null
  std::int64_t unit0, unit1, c0, c1;
};

using DepthwiseFn = void (*)(const DepthwiseShape& s, const DepthwisePart& part);
DepthwiseFn depthwise_loop();
std::int64_t depthwise_lanes();

}  // namespace quern::simd
