// Lines with neighbours in the lanes of a row: the step between lanes, and real lines as complex
// ones of half the length. Included once for each instruction set. Not here: passes over rows.
#if defined(QUERN_SIMD_FFT_ALONG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_FFT_ALONG_INL_H_
#undef QUERN_SIMD_FFT_ALONG_INL_H_
#else
#define QUERN_SIMD_FFT_ALONG_INL_H_
#endif

#include "plugins/simd/fft_pass-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// Complex numbers in two arrays.
struct Planes {
  float *re, *im;
};

// kL numbers of a line at `at`, of which `valid` are meant.
struct ToLine {
  float* p;
  bool swap;
  static constexpr int Order(int lane) { return ZipOrder(lane); }
  HWY_INLINE void operator()(const Complex& c, std::int64_t at) const {
    Zip(swap ? Swapped(c) : c, p + 2 * at);
  }
  HWY_INLINE void Some(const Complex& c, std::int64_t at, std::int64_t valid) const {
    ZipSome(swap ? Swapped(c) : c, valid, p + 2 * at);
  }
};

struct ToPlanes {
  Planes p;
  static constexpr int Order(int lane) { return lane; }
  HWY_INLINE void operator()(const Complex& c, std::int64_t at) const {
    hn::StoreU(c.re, D(), p.re + at);
    hn::StoreU(c.im, D(), p.im + at);
  }
  HWY_INLINE void Some(const Complex& c, std::int64_t at, std::int64_t valid) const {
    StoreSome(c.re, valid, p.re + at);
    StoreSome(c.im, valid, p.im + at);
  }
};

// Turned rows, lane l of C having the transform of every C-th number from the l-th on, to lines:
// kL rows at once are transposed, so that lanes hold results that are neighbours.
template <int C, class Sink>
void Cross(const FftTable& t, const float* rows, const Sink* lines, std::int64_t count) {
  const std::int64_t m = t.rows, full = m >= kL ? kL : m;
  for (std::int64_t next = 0; next < m; next += kL) {
    const std::int64_t k = m - next < full ? m - full : next;
    V re[kL], im[kL];
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      std::int64_t row = k + Sink::Order(i);
      if (row >= m) row = m - 1;
      const Complex c = Times(Row(rows + row * kRow), Row(t.turn.data() + row * kRow));
      re[i] = c.re;
      im[i] = c.im;
    }
    Transpose(re);
    Transpose(im);
    HWY_UNROLL(4)
    for (int line = 0; line < kL / C; ++line) {
      if (line >= count) break;
      Complex a[C];
      HWY_UNROLL(16)
      for (int l = 0; l < C; ++l) a[l] = {re[line * C + l], im[line * C + l]};
      Butterfly<C>(a);
      HWY_UNROLL(16)
      for (int q = 0; q < C; ++q) {
        if (HWY_LIKELY(full == kL))
          lines[line](a[q], k + m * q);
        else
          lines[line].Some(a[q], k + m * q, full);
      }
    }
  }
}

template <class Sink>
void AnyCross(const FftTable& t, const float* rows, const Sink* lines, std::int64_t count) {
  if (t.across == kL)
    Cross<kL>(t, rows, lines, count);
  else if (t.across == kL / 2)
    Cross<kL / 2>(t, rows, lines, count);
  else if constexpr (kL > 4)
    Cross<kL / 4>(t, rows, lines, count);
}

// Complex lines as they lie in memory; those missing are the last one again.
template <int kPieces>
HWY_INLINE bool BeginLines(const FftTable& t, const FftLines& lines, bool swap, float* rows) {
  FromMemory<kPieces> from{{}, 2 * t.across, swap};
  from.p[0] = lines.in[0];
  for (int k = 1; k < kPieces; ++k) from.p[k] = k < lines.count ? lines.in[k] : from.p[k - 1];
  return Begin(t, from, rows);
}

// Rows transformed from complex lines.
float* RowsOf(const FftTable& t, const FftLines& lines, bool swap, float* a, float* b) {
  const bool one = t.across == kL      ? BeginLines<1>(t, lines, swap, a)
                   : t.across < kL / 2 ? BeginLines<4>(t, lines, swap, a)
                                       : BeginLines<2>(t, lines, swap, a);
  return Stages(t, one ? 1 : 0, t.stages.size(), a, b);
}

// Rows transformed from planes, one for each line.
float* RowsOf(const FftTable& t, const Planes* lines, std::int64_t count, float* a, float* b) {
  const std::int64_t c = t.across;
  const D d;
  for (std::int64_t r = 0; r < t.rows; ++r) {
    float* row = a + r * kRow;
    if (c == kL) {
      PutRow({hn::LoadU(d, lines[0].re + r * c), hn::LoadU(d, lines[0].im + r * c)}, row);
      continue;
    }
    for (std::int64_t i = 0; i < kL / c; ++i) {
      const Planes& p = lines[i < count ? i : count - 1];
      for (std::int64_t l = 0; l < c; ++l) {
        row[i * c + l] = p.re[r * c + l];
        row[kL + i * c + l] = p.im[r * c + l];
      }
    }
  }
  return Stages(t, 0, t.stages.size(), a, b);
}

// ---- real lines: numbers 2 j and 2 j + 1 are the parts of the complex number j ----

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

void Along(const FftTask& task, const FftLines& lines, float* scratch) {
  const FftTable& t = task.table;
  const std::int64_t size = t.rows * kRow, count = lines.count;
  float *a = scratch, *b = a + size;
  if (task.to == FftForm::complex && task.from == FftForm::complex) {
    const float* rows = RowsOf(t, lines, task.swap, a, b);
    ToLine to[4] = {};
    for (std::int64_t i = 0; i < count; ++i) to[i] = {lines.out[i], task.swap};
    AnyCross(t, rows, to, count);
    return;
  }
  Planes planes[4] = {};
  for (std::int64_t i = 0; i < count; ++i) planes[i].re = b + size + i * 2 * t.n;
  for (std::int64_t i = 0; i < count; ++i) planes[i].im = planes[i].re + t.n;
  if (task.from == FftForm::real) {
    const float* rows = RowsOf(t, lines, false, a, b);
    ToPlanes to[4] = {};
    for (std::int64_t i = 0; i < count; ++i) to[i].p = planes[i];
    AnyCross(t, rows, to, count);
    for (std::int64_t i = 0; i < count; ++i) Split(task, planes[i], lines.out[i]);
    return;
  }
  // The inverse, hence the parts change places twice.
  ToLine to[4] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    Merge(task, lines.in[i], planes[i]);
    planes[i] = {planes[i].im, planes[i].re};
    to[i] = {lines.out[i], true};
  }
  AnyCross(t, RowsOf(t, planes, count, a, b), to, count);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
