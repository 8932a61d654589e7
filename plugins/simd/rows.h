// Loops over one contiguous row of f32.
#pragma once
#include <cstdint>

namespace quern::simd {

struct RowOps {
  void (*softmax)(const float* x, float* y, std::int64_t n);
  void (*log_softmax)(const float* x, float* y, std::int64_t n);
  float (*logsumexp)(const float* x, std::int64_t n);
  // w and b have n elements.
  void (*layer_norm)(const float* x, const float* w, const float* b, float eps, float* y,
                     std::int64_t n);
  // w has n elements.
  void (*rms_norm)(const float* x, const float* w, float eps, float* y, std::int64_t n);
  // First index of the largest element; a NaN is largest.
  std::uint32_t (*argmax)(const float* x, std::int64_t n);
};

const RowOps& row_ops();

}  // namespace quern::simd
