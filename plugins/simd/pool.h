// The geometry of 2-d pooling as the vector loops see it.
#pragma once
#include <cstdint>

namespace quern::simd {

// One window at a time for channels-last; strides in elements. 1-d pooling has height 1.
struct PoolShape {
  std::int64_t n, c, h, w, oh, ow;
  std::int64_t kh, kw, sh, sw, ph, pw;
  bool channels_last;
  // Windows neither overlap nor leave the image: each input element belongs to one window at most.
  bool disjoint() const { return sh >= kh && sw >= kw && ph == 0 && pw == 0; }
};

// What follows a gradient: where x is above a bound it stays, elsewhere it becomes another value;
// the gradient of a ReLU before the pooling. x lies like the gradient.
struct PoolMask {
  const float *x, *above, *other;
};

struct PoolOps {
  // Output rows lo .. hi of all n * oh (channels-last) or n * c * oh (channels-first) ones.
  void (*max)(const PoolShape& s, const float* x, float* y, std::int64_t lo, std::int64_t hi);
  void (*avg)(const PoolShape& s, const float* x, float* y, std::int64_t lo, std::int64_t hi);
  // mask may be null. Units lo .. hi: strips of rows below one output row when disjoint, else whole
  // images or planes.
  void (*max_grad)(const PoolShape& s, const float* x, const float* y, const float* dy, float* dx,
                   const PoolMask* mask, std::int64_t lo, std::int64_t hi);
  void (*avg_grad)(const PoolShape& s, const float* dy, float* dx, std::int64_t lo,
                   std::int64_t hi);
};

const PoolOps& pool_ops();

}  // namespace quern::simd
