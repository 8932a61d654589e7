// The kernels for any CPU, on 16-byte vectors; and the choice among the sets at run time.
// It uses no intrinsics.
#include <algorithm>
#include <array>
#include <utility>

#include "plugins/sdk/isa.hpp"
#include "plugins/sdk/row_steps.hpp"
#include "plugins/tbb/kernels.h"

#define QUERN_VB 16
#define QUERN_MR 4
#define QUERN_NV 2
#define QUERN_PM 4
#define QUERN_PN 2

namespace quern::tbb {
namespace {

struct Tail {
  i64 n;
  explicit Tail(i64 lanes) : n(lanes) {}
  auto load(const float* p) const {
    float __attribute__((vector_size(QUERN_VB))) v{};
    for (i64 i = 0; i < n; ++i) v[i] = p[i];
    return v;
  }
  template <class V>
  void store(float* p, V v) const {
    for (i64 i = 0; i < n; ++i) p[i] = v[i];
  }
};

#include "plugins/tbb/kernels-inl.h"

}  // namespace

const Kernels& generic_kernels() {
  static const Kernels k{"generic", kLanes,   kMr,    kPm,  kNr,   34.0,    pack,
                         packed,    unpacked, direct, dots, inner, row_step};
  return k;
}

const Kernels& kernels() {
#if defined(__x86_64__)
  if (sdk::isa_allowed(QN_ISA_AVX512) && __builtin_cpu_supports("avx512f")) return avx512_kernels();
  if (sdk::isa_allowed(QN_ISA_AVX2) && __builtin_cpu_supports("avx2") &&
      __builtin_cpu_supports("fma"))
    return avx2_kernels();
#endif
  return generic_kernels();
}

}  // namespace quern::tbb
