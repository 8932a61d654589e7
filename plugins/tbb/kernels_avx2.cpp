// The kernels for x86-64 with AVX2 and FMA.
// Everything after the target pragma is local to this file: no such code may reach another one.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "plugins/tbb/kernels.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma")
#include "plugins/sdk/row_steps.hpp"

#define QUERN_VB 32
#define QUERN_MR 6
#define QUERN_NV 2
#define QUERN_PM 6
#define QUERN_PN 2

namespace quern::tbb {
namespace {

struct Tail {
  __m256i mask;
  explicit Tail(i64 lanes)
      : mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))) {}
  __m256 load(const float* p) const { return _mm256_maskload_ps(p, mask); }
  void store(float* p, __m256 v) const { _mm256_maskstore_ps(p, mask, v); }
};

#include "plugins/tbb/kernels-inl.h"

constexpr Kernels table{"avx2", kLanes,   kMr,    kPm,  kNr,   95.0,    pack,
                        packed, unpacked, direct, dots, inner, row_step};

}  // namespace
#pragma GCC pop_options

const Kernels& avx2_kernels() { return table; }

}  // namespace quern::tbb
#endif
