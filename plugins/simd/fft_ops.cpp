// The loops of Fourier transforms for every instruction set. Not here: tables and plans (fft.cpp).
#include <array>
#include <cstddef>
#include <numbers>
#include <utility>

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

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kFftLanes>;
using V = hn::Vec<D>;

// Its constructors are written out: those the compiler makes know nothing of the instruction set.
struct Complex {
  V re, im;
  HWY_INLINE Complex() {}
  HWY_INLINE Complex(V r, V i) : re(r), im(i) {}
};

HWY_INLINE std::int64_t Lanes() { return static_cast<std::int64_t>(hn::Lanes(D())); }
HWY_INLINE Complex Row(const float* p) { return {hn::LoadU(D(), p), hn::LoadU(D(), p + Lanes())}; }
HWY_INLINE void PutRow(const Complex& c, float* p) {
  hn::StoreU(c.re, D(), p);
  hn::StoreU(c.im, D(), p + Lanes());
}
HWY_INLINE Complex Plus(const Complex& a, const Complex& b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
HWY_INLINE Complex Minus(const Complex& a, const Complex& b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
HWY_INLINE Complex Times(const Complex& a, const Complex& b) {
  return {hn::MulSub(a.re, b.re, hn::Mul(a.im, b.im)), hn::MulAdd(a.re, b.im, hn::Mul(a.im, b.re))};
}
// a - i b and a + i b.
HWY_INLINE Complex MinusI(const Complex& a, const Complex& b) {
  return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)};
}
HWY_INLINE Complex PlusI(const Complex& a, const Complex& b) {
  return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)};
}

// The transform of length R in place.
template <int R>
HWY_INLINE void Butterfly(Complex (&a)[R]) {
  if constexpr (R == 2) {
    const Complex sum = Plus(a[0], a[1]);
    a[1] = Minus(a[0], a[1]);
    a[0] = sum;
  } else if constexpr (R == 4) {
    const Complex s = Plus(a[0], a[2]), d = Minus(a[0], a[2]), t = Plus(a[1], a[3]),
                  e = Minus(a[1], a[3]);
    a[0] = Plus(s, t);
    a[1] = MinusI(d, e);
    a[2] = Minus(s, t);
    a[3] = PlusI(d, e);
  } else {
    // Odd: elements j and R - j have the same cosine and opposite sines.
    const Circle<R>& circle = kCircle<R>;
    constexpr int kHalf = R / 2;
    const D d;
    Complex sum[kHalf], difference[kHalf], first = a[0];
    for (int j = 0; j < kHalf; ++j) {
      sum[j] = Plus(a[j + 1], a[R - 1 - j]);
      difference[j] = Minus(a[j + 1], a[R - 1 - j]);
      first = Plus(first, sum[j]);
    }
    for (int k = 1; k <= kHalf; ++k) {
      Complex even = a[0], odd{hn::Zero(d), hn::Zero(d)};
      for (int j = 0; j < kHalf; ++j) {
        const auto at = static_cast<std::size_t>((j + 1) * k % R);
        const auto c = hn::Set(d, circle.cos[at]), s = hn::Set(d, circle.sin[at]);
        even = {hn::MulAdd(c, sum[j].re, even.re), hn::MulAdd(c, sum[j].im, even.im)};
        odd = {hn::MulAdd(s, difference[j].re, odd.re), hn::MulAdd(s, difference[j].im, odd.im)};
      }
      a[k] = MinusI(even, odd);
      a[R - k] = PlusI(even, odd);
    }
    a[0] = first;
  }
}

template <int R, bool kTurn>
void Pass(const FftStage& stage, const float* twiddles, const float* HWY_RESTRICT x,
          float* HWY_RESTRICT y) {
  const D d;
  const std::int64_t row = 2 * Lanes(), far = stage.different * stage.same * row;
  for (std::int64_t p = 0; p < stage.different; ++p) {
    Complex w[R];
    for (int k = 1; kTurn && k < R; ++k) {
      const float* at =
          twiddles + stage.twiddle +
          2 * ((R - 1) * static_cast<std::size_t>(p) + static_cast<std::size_t>(k - 1));
      w[k] = {hn::Set(d, at[0]), hn::Set(d, at[1])};
    }
    const float* from = x + p * stage.same * row;
    float* to = y + p * R * stage.same * row;
    for (std::int64_t q = 0; q < stage.same; ++q, from += row, to += row) {
      Complex a[R];
      for (int k = 0; k < R; ++k) a[k] = Row(from + k * far);
      Butterfly<R>(a);
      PutRow(a[0], to);
      for (int k = 1; k < R; ++k)
        PutRow(kTurn ? Times(a[k], w[k]) : a[k], to + k * stage.same * row);
    }
  }
}

template <int R>
void AnyPass(const FftStage& stage, const float* twiddles, const float* x, float* y) {
  if (stage.different == 1)
    Pass<R, false>(stage, twiddles, x, y);
  else
    Pass<R, true>(stage, twiddles, x, y);
}

float* Transform(const FftTable& t, float* a, float* b) {
  for (const FftStage& stage : t.stages) {
    const float* w = t.twiddles.data();
    switch (stage.radix) {
      case 2:
        AnyPass<2>(stage, w, a, b);
        break;
      case 3:
        AnyPass<3>(stage, w, a, b);
        break;
      case 4:
        AnyPass<4>(stage, w, a, b);
        break;
      case 5:
        AnyPass<5>(stage, w, a, b);
        break;
      case 7:
        AnyPass<7>(stage, w, a, b);
        break;
      case 11:
        AnyPass<11>(stage, w, a, b);
        break;
      default:
        AnyPass<13>(stage, w, a, b);
        break;
    }
    std::swap(a, b);
  }
  return a;
}

void Load(const float* x, std::int64_t n, std::int64_t step, bool swap, float* rows) {
  const D d;
  const std::int64_t lanes = Lanes();
  for (std::int64_t k = 0; k < n; ++k, x += 2 * step, rows += 2 * lanes) {
    V re, im;
    hn::LoadInterleaved2(d, x, re, im);
    PutRow(swap ? Complex{im, re} : Complex{re, im}, rows);
  }
}

void Store(const float* rows, std::int64_t n, std::int64_t step, bool swap, float scale, float* y) {
  const D d;
  const std::int64_t lanes = Lanes();
  const auto by = hn::Set(d, scale);
  for (std::int64_t k = 0; k < n; ++k, y += 2 * step, rows += 2 * lanes) {
    const Complex c = Row(rows);
    const auto re = hn::Mul(c.re, by), im = hn::Mul(c.im, by);
    hn::StoreInterleaved2(swap ? im : re, swap ? re : im, d, y);
  }
}

void Turn(const float* rows, std::int64_t n, const float* line, const float* lane, float* y) {
  const D d;
  const std::int64_t row = 2 * Lanes();
  for (std::int64_t k = 0; k < n; ++k) {
    const Complex w{hn::Set(d, line[2 * k]), hn::Set(d, line[2 * k + 1])};
    PutRow(Times(Row(rows + k * row), Times(w, Row(lane + k * row))), y + k * row);
  }
}

const FftOps* GetFftOps() {
  static const FftOps ops{Lanes(), Transform, Load, Store, Turn};
  return &ops;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetFftOps);

const FftOps& fft_ops() { return *HWY_DYNAMIC_DISPATCH(GetFftOps)(); }

}  // namespace quern::simd
#endif
