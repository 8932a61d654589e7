// Depthwise convolution: one filter for each channel. y[l] = sum_k w[k] x[(l * stride + k *
// dilation
// - padding) / spread], over the taps where that is an element of x.
// Not here: offers (depthwise.cpp), the loops (depthwise_ops.cpp).
#pragma once
#include <cstdint>

#include "plugins/sdk/conv.hpp"

namespace quern::simd {

struct DepthwiseAxis {
  std::int64_t in, out, taps, stride, dilation, spread, padding;
};

// Images (n, h, w, c), dense and channels-last. spread > 1 needs dilation 1.
struct DepthwiseShape {
  std::int64_t images, c;
  DepthwiseAxis axis[2];
};

inline constexpr std::int64_t kDepthwiseSegment = 64;  // outputs of a row, for each of its phases

// Outputs of a row in one unit of work: `spread` interleaved runs.
inline std::int64_t depthwise_segments(const DepthwiseAxis& w) {
  const std::int64_t length = kDepthwiseSegment * w.spread;
  return (w.out + length - 1) / length;
}

// Units lo .. hi of images * rows * segments. w: [tap row][tap column][channel].
using DepthwiseFn = void (*)(const DepthwiseShape& s, const float* x, const float* w, float* y,
                             const sdk::ConvEpilogue* e, std::int64_t lo, std::int64_t hi);
DepthwiseFn depthwise_loop();
std::int64_t depthwise_lanes();

}  // namespace quern::simd
