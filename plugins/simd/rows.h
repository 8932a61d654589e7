// Loops over contiguous rows of f32.
#pragma once
#include <cstdint>

namespace quern::simd {

struct RowOps {
  void (*softmax)(const float* x, float* y, std::int64_t n);
  void (*log_softmax)(const float* x, float* y, std::int64_t n);
  float (*logsumexp)(const float* x, std::int64_t n);
};

// Norms of `rows` contiguous rows of n elements, one after the other; w and b have n elements. y
// may be x.
struct NormOps {
  void (*layer_norm)(const float* x, const float* w, const float* b, float eps, float* y,
                     std::int64_t rows, std::int64_t n);
  void (*rms_norm)(const float* x, const float* w, float eps, float* y, std::int64_t rows,
                   std::int64_t n);
};

const RowOps& row_ops();
const NormOps& norm_ops();

}  // namespace quern::simd
