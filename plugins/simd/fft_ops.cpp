// The loops of Fourier transforms for every instruction set. Not here: tables and plans (fft.cpp).
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <numbers>

#include "plugins/simd/fft.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/fft_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef QUERN_SIMD_FFT_CIRCLE
#define QUERN_SIMD_FFT_CIRCLE
namespace quern::simd {

// Their series, summed up by the compiler; x in 0 .. 2 pi.
constexpr double series(double x, double term, int from) {
  double sum = 0;
  for (int i = from; i < 60; i += 2) {
    sum += term;
    term *= -x * x / ((i + 1) * (i + 2));
  }
  return sum;
}

// cos and sin of 2 pi k / R.
template <int R>
struct Circle {
  std::array<float, R> cos{}, sin{};
  constexpr Circle() {
    for (std::size_t k = 0; k < R; ++k) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(k) / R;
      cos[k] = static_cast<float>(series(angle, 1, 0));
      sin[k] = static_cast<float>(series(angle, angle, 1));
    }
  }
};

template <int R>
inline constexpr Circle<R> kCircle;

}  // namespace quern::simd
#endif

#if HWY_TARGET != HWY_SCALAR  // which has no vectors to permute
#include "plugins/simd/fft_beside-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR
const FftOps* GetFftOps() { return nullptr; }
#else
void Load(const float* x, std::int64_t n, std::int64_t step, bool swap, float* rows) {
  const FromMemory<1> from{{x}, 2 * step, swap};
  for (std::int64_t k = 0; k < n; ++k) PutRow(from(k), rows + k * kRow);
}

void Store(const float* rows, std::int64_t n, std::int64_t step, bool swap, float scale, float* y) {
  const ToMemory to{y, 2 * step, swap, scale};
  for (std::int64_t k = 0; k < n; ++k) to(Row(rows + k * kRow), k);
}

void Turn(const float* rows, std::int64_t n, const float* line, const float* lane, float* y) {
  for (std::int64_t k = 0; k < n; ++k)
    PutRow(Times(Row(rows + k * kRow), Times(Fill(line + 2 * k), Row(lane + k * kRow))),
           y + k * kRow);
}

void Fold(const float* rows, std::int64_t count, std::int64_t n, float* y) {
  const D d;
  V re[kL], im[kL];
  for (int l = 0; l < kL; ++l) {
    const Complex c = l < count ? Row(rows + l * kRow) : Complex(hn::Zero(d), hn::Zero(d));
    re[l] = c.re;
    im[l] = c.im;
  }
  Transpose(re);
  Transpose(im);
  for (std::int64_t e = 0; e < n; ++e) PutRow({re[e], im[e]}, y + e * kRow);
}

const FftOps* GetFftOps() {
  static const FftOps ops{kL, Along, Beside, Short, Transform, Load, Store, Turn, Fold};
  return &ops;
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetFftOps);

const FftOps* fft_ops() { return HWY_DYNAMIC_DISPATCH(GetFftOps)(); }

}  // namespace quern::simd
#endif
