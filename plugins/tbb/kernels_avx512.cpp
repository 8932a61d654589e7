// The kernels for x86-64 with AVX-512.
// Everything after the target pragma is local to this file: no such code may reach another one.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "plugins/tbb/kernels.h"

#pragma GCC push_options
#pragma GCC target("avx512f,prefer-vector-width=512")
#include "plugins/sdk/row_steps.hpp"

#define QUERN_VB 64
#define QUERN_MR 14
#define QUERN_NV 2
#define QUERN_PM 8
#define QUERN_PN 3

namespace quern::tbb {
namespace {

struct Tail {
  __mmask16 mask;
  explicit Tail(i64 lanes) : mask(static_cast<__mmask16>((1u << lanes) - 1u)) {}
  __m512 load(const float* p) const { return _mm512_maskz_loadu_ps(mask, p); }
  void store(float* p, __m512 v) const { _mm512_mask_storeu_ps(p, mask, v); }
};

#include "plugins/tbb/kernels-inl.h"

constexpr Kernels table{"avx512", kLanes,   kMr,    kPm,  kNr,   180.0,   pack,
                        packed,   unpacked, direct, dots, inner, row_step};

}  // namespace
#pragma GCC pop_options

const Kernels& avx512_kernels() { return table; }

}  // namespace quern::tbb
#endif
