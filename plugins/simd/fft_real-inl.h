// Real lines as complex ones of half the length, and copies of lines. Included once for each
// instruction set. Not here: transforms.
#if defined(QUERN_SIMD_FFT_REAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_FFT_REAL_INL_H_
#undef QUERN_SIMD_FFT_REAL_INL_H_
#else
#define QUERN_SIMD_FFT_REAL_INL_H_
#endif

#include "plugins/simd/fft_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// Complex numbers in two arrays.
struct Planes {
  float *re, *im;
};

// Real numbers 2 j and 2 j + 1 are the parts of the complex number j.
//
// From the transform Z of n / 2 complex numbers to numbers 0 .. n / 2 of that of the real ones:
// with E = (Z[k] + conj Z[m]) / 2, O = (Z[k] - conj Z[m]) / 2i, m = n / 2 - k and w = exp(-2 pi i
// k / n), X[k] = E + w O and X[m] = conj(E - w O). Z comes halved.
HWY_INLINE void Split(const FftTask& task, const Planes& z, float* x) {
  const D d;
  const std::int64_t m = task.n / 2, last = m / 2;
  const float *cos = task.halves.data(), *sin = cos + task.n / 4 + 1;
  x[0] = 2 * (z.re[0] + z.im[0]);
  x[2 * m] = 2 * (z.re[0] - z.im[0]);
  x[1] = x[2 * m + 1] = 0;
  if (last < kL) {
    for (std::int64_t k = 1; k <= last; ++k) {
      const float a = z.re[k], b = z.im[k], p = z.re[m - k], q = z.im[m - k];
      const float er = a + p, ei = b - q, odd_r = b + q, odd_i = p - a;
      const float tr = cos[k] * odd_r + sin[k] * odd_i, ti = cos[k] * odd_i - sin[k] * odd_r;
      x[2 * (m - k)] = er - tr;
      x[2 * (m - k) + 1] = ti - ei;
      x[2 * k] = er + tr;
      x[2 * k + 1] = ei + ti;
    }
    return;
  }
  for (std::int64_t next = 1; next <= last; next += kL) {
    const std::int64_t k = next + kL - 1 > last ? last - kL + 1 : next, mirror = m - k - kL + 1;
    const V a = hn::LoadU(d, z.re + k), b = hn::LoadU(d, z.im + k);
    const V p = hn::Reverse(d, hn::LoadU(d, z.re + mirror)),
            q = hn::Reverse(d, hn::LoadU(d, z.im + mirror));
    const V c = hn::LoadU(d, cos + k), s = hn::LoadU(d, sin + k);
    const V er = hn::Add(a, p), ei = hn::Sub(b, q), odd_r = hn::Add(b, q), odd_i = hn::Sub(p, a);
    const V tr = hn::MulAdd(c, odd_r, hn::Mul(s, odd_i)),
            ti = hn::MulSub(c, odd_i, hn::Mul(s, odd_r));
    Put({hn::Reverse(d, hn::Sub(er, tr)), hn::Reverse(d, hn::Sub(ti, ei))}, x + 2 * mirror);
    Put({hn::Add(er, tr), hn::Add(ei, ti)}, x + 2 * k);
  }
}

// The rest of a spectrum of n numbers, n even, from its first n / 2 + 1.
HWY_INLINE void Mirror(std::int64_t n, float* x) {
  const D d;
  const std::int64_t last = n / 2 - 1;
  if (last < kL) {
    for (std::int64_t k = 1; k <= last; ++k) {
      x[2 * (n - k)] = x[2 * k];
      x[2 * (n - k) + 1] = -x[2 * k + 1];
    }
    return;
  }
  for (std::int64_t next = 1; next <= last; next += kL) {
    const std::int64_t k = next + kL - 1 > last ? last - kL + 1 : next;
    const Complex c = Parted(hn::LoadU(d, x + 2 * k), hn::LoadU(d, x + 2 * k + kL));
    Put({hn::Reverse(d, c.re), hn::Neg(hn::Reverse(d, c.im))}, x + 2 * (n - k - kL + 1));
  }
}

// The way back: Z[k] = E + i O and Z[m] = conj E + i conj O, with E = X[k] + conj X[m] and
// O = (X[k] - conj X[m]) conj w, of which the inverse transform is taken.
HWY_INLINE void Merge(const FftTask& task, const float* x, const Planes& z) {
  const D d;
  const std::int64_t m = task.n / 2, last = m / 2;
  const float *cos = task.halves.data(), *sin = cos + task.n / 4 + 1;
  z.re[0] = x[0] + x[2 * m];
  z.im[0] = x[0] - x[2 * m];
  if (last < kL) {
    for (std::int64_t k = 1; k <= last; ++k) {
      const float a = x[2 * k], b = x[2 * k + 1], p = x[2 * (m - k)], q = x[2 * (m - k) + 1];
      const float er = a + p, ei = b - q, dr = a - p, di = b + q;
      const float odd_r = cos[k] * dr - sin[k] * di, odd_i = cos[k] * di + sin[k] * dr;
      z.re[m - k] = er + odd_i;
      z.im[m - k] = odd_r - ei;
      z.re[k] = er - odd_i;
      z.im[k] = ei + odd_r;
    }
    return;
  }
  for (std::int64_t next = 1; next <= last; next += kL) {
    const std::int64_t k = next + kL - 1 > last ? last - kL + 1 : next, mirror = m - k - kL + 1;
    const Complex f = Parted(hn::LoadU(d, x + 2 * k), hn::LoadU(d, x + 2 * k + kL));
    const Complex g = Parted(hn::LoadU(d, x + 2 * mirror), hn::LoadU(d, x + 2 * mirror + kL));
    const V p = hn::Reverse(d, g.re), q = hn::Reverse(d, g.im);
    const V c = hn::LoadU(d, cos + k), s = hn::LoadU(d, sin + k);
    const V er = hn::Add(f.re, p), ei = hn::Sub(f.im, q), dr = hn::Sub(f.re, p),
            di = hn::Add(f.im, q);
    const V odd_r = hn::MulSub(c, dr, hn::Mul(s, di)), odd_i = hn::MulAdd(c, di, hn::Mul(s, dr));
    hn::StoreU(hn::Reverse(d, hn::Add(er, odd_i)), d, z.re + mirror);
    hn::StoreU(hn::Reverse(d, hn::Sub(odd_r, ei)), d, z.im + mirror);
    hn::StoreU(hn::Sub(er, odd_i), d, z.re + k);
    hn::StoreU(hn::Add(ei, odd_r), d, z.im + k);
  }
}

HWY_INLINE void CopyNumbers(const float* x, std::int64_t x_step, float* y, std::int64_t y_step,
                            std::int64_t n) {
  if (x_step == 1 && y_step == 1) {
    std::memcpy(y, x, static_cast<std::size_t>(n) * 2 * sizeof(float));
    return;
  }
  for (std::int64_t k = 0; k < n; ++k) {
    y[2 * k * y_step] = x[2 * k * x_step];
    y[2 * k * y_step + 1] = x[2 * k * x_step + 1];
  }
}

// A line's numbers, those that follow by symmetry too unless real ones are taken in pairs.
void CopyIn(const FftTask& task, const float* x, std::int64_t step, float* to) {
  const std::int64_t n = task.n;
  const bool pairs = !task.halves.empty();
  if (task.from == FftForm::real) {
    for (std::int64_t k = 0; k < n; ++k) {
      to[pairs ? k : 2 * k] = x[k * step];
      if (!pairs) to[2 * k + 1] = 0;
    }
    return;
  }
  const bool half = task.from == FftForm::half;
  CopyNumbers(x, step, to, 1, half ? n / 2 + 1 : n);
  if (!half || pairs) return;
  to[1] = 0;
  if (n % 2 == 0) to[n + 1] = 0;
  for (std::int64_t k = 1; 2 * k < n; ++k) {
    to[2 * (n - k)] = to[2 * k];
    to[2 * (n - k) + 1] = -to[2 * k + 1];
  }
}

void CopyOut(const FftTask& task, const float* x, std::int64_t step, float* to) {
  const std::int64_t n = task.n;
  if (task.to == FftForm::real) {
    const std::int64_t each = task.halves.empty() ? 2 : 1;
    for (std::int64_t k = 0; k < n; ++k) to[k * step] = x[each * k];
    return;
  }
  CopyNumbers(x, 1, to, step, task.to == FftForm::half ? n / 2 + 1 : n);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
