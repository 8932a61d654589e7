// Lines beside each other, one in each lane: to and from rows, real lines in pairs, and lengths
// that are convolved with a chirp. Included once for each instruction set. Not here: passes.
#if defined(QUERN_SIMD_FFT_BESIDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_FFT_BESIDE_INL_H_
#undef QUERN_SIMD_FFT_BESIDE_INL_H_
#else
#define QUERN_SIMD_FFT_BESIDE_INL_H_
#endif

#include "plugins/simd/fft_along-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// Some lines of a group in memory, at most kL; `n` numbers of each.
template <class Pointer>
struct Side {
  const Pointer* line;
  std::int64_t count, n, step;
  bool adjacent;
  bool whole() const { return adjacent && count == kL; }
  Pointer at(std::int64_t i) const { return line[i < count ? i : count - 1]; }
};
using Sources = Side<const float*>;
using Sinks = Side<float*>;

void Gather(const Sources& x, bool swap, float* rows) {
  const D d;
  if (x.whole()) {
    const FromMemory<1> from{{x.line[0]}, 2 * x.step, swap};
    for (std::int64_t k = 0; k < x.n; ++k) PutRow(from(k), rows + k * kRow);
    return;
  }
  const std::int64_t re = swap ? kL : 0, im = kL - re;
  if (x.step != 1) {
    for (std::int64_t k = 0; k < x.n; ++k) {
      for (std::int64_t l = 0; l < kL; ++l) {
        const float* p = x.at(l) + 2 * k * x.step;
        rows[k * kRow + re + l] = p[0];
        rows[k * kRow + im + l] = p[1];
      }
    }
    return;
  }
  const std::int64_t full = x.n < kL ? x.n : kL;
  for (std::int64_t next = 0; next < x.n; next += kL) {
    const std::int64_t k = x.n - next < full ? x.n - full : next;
    V a[kL], b[kL];
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      const float* p = x.at(i) + 2 * k;
      const Complex c =
          full == kL ? Parted(hn::LoadU(d, p), hn::LoadU(d, p + kL)) : PartedSome(p, full);
      a[i] = c.re;
      b[i] = c.im;
    }
    Transpose(a);
    Transpose(b);
    for (std::int64_t j = 0; j < full; ++j) {
      hn::StoreU(a[j], d, rows + (k + j) * kRow + re);
      hn::StoreU(b[j], d, rows + (k + j) * kRow + im);
    }
  }
}

// Real numbers to one part of the rows; zeros when there is no line.
void GatherReal(const Sources& x, float* rows) {
  const D d;
  if (x.count <= 0) {
    for (std::int64_t k = 0; k < x.n; ++k) hn::StoreU(hn::Zero(d), d, rows + k * kRow);
    return;
  }
  if (x.whole()) {
    for (std::int64_t k = 0; k < x.n; ++k)
      hn::StoreU(hn::LoadU(d, x.line[0] + k * x.step), d, rows + k * kRow);
    return;
  }
  if (x.step != 1) {
    for (std::int64_t k = 0; k < x.n; ++k)
      for (std::int64_t l = 0; l < kL; ++l) rows[k * kRow + l] = x.at(l)[k * x.step];
    return;
  }
  const std::int64_t full = x.n < kL ? x.n : kL;
  for (std::int64_t next = 0; next < x.n; next += kL) {
    const std::int64_t k = x.n - next < full ? x.n - full : next;
    V a[kL];
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      a[i] = full == kL ? hn::LoadU(d, x.at(i) + k) : LoadSome(x.at(i) + k, full);
    }
    Transpose(a);
    for (std::int64_t j = 0; j < full; ++j) hn::StoreU(a[j], d, rows + (k + j) * kRow);
  }
}

void Scatter(const float* rows, bool swap, float scale, const Sinks& y) {
  const D d;
  const V by = hn::Set(d, scale);
  if (y.whole()) {
    const ToMemory to{y.line[0], 2 * y.step, swap, scale};
    for (std::int64_t k = 0; k < y.n; ++k) to(Row(rows + k * kRow), k);
    return;
  }
  const std::int64_t re = swap ? kL : 0, im = kL - re;
  if (y.step != 1) {
    for (std::int64_t k = 0; k < y.n; ++k) {
      for (std::int64_t l = 0; l < y.count; ++l) {
        float* p = y.line[l] + 2 * k * y.step;
        p[0] = rows[k * kRow + re + l] * scale;
        p[1] = rows[k * kRow + im + l] * scale;
      }
    }
    return;
  }
  const std::int64_t full = y.n < kL ? y.n : kL;
  for (std::int64_t next = 0; next < y.n; next += kL) {
    const std::int64_t k = y.n - next < full ? y.n - full : next;
    V a[kL], b[kL];
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      std::int64_t row = k + ZipOrder(i);
      if (row >= y.n) row = y.n - 1;
      a[i] = hn::Mul(hn::LoadU(d, rows + row * kRow + re), by);
      b[i] = hn::Mul(hn::LoadU(d, rows + row * kRow + im), by);
    }
    Transpose(a);
    Transpose(b);
    for (std::int64_t i = 0; i < y.count; ++i) {
      const ToLine<false> to{y.line[i]};
      if (full == kL)
        to({a[i], b[i]}, k);
      else
        to.Some({a[i], b[i]}, k, full);
    }
  }
}

// One part of the rows to real lines.
void ScatterReal(const float* rows, float scale, const Sinks& y) {
  const D d;
  const V by = hn::Set(d, scale);
  if (y.count <= 0) return;
  if (y.whole()) {
    for (std::int64_t k = 0; k < y.n; ++k)
      hn::StoreU(hn::Mul(hn::LoadU(d, rows + k * kRow), by), d, y.line[0] + k * y.step);
    return;
  }
  if (y.step != 1) {
    for (std::int64_t k = 0; k < y.n; ++k)
      for (std::int64_t l = 0; l < y.count; ++l) y.line[l][k * y.step] = rows[k * kRow + l] * scale;
    return;
  }
  const std::int64_t full = y.n < kL ? y.n : kL;
  for (std::int64_t next = 0; next < y.n; next += kL) {
    const std::int64_t k = y.n - next < full ? y.n - full : next;
    V a[kL];
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      const std::int64_t row = k + (i < full ? i : 0);
      a[i] = hn::Mul(hn::LoadU(d, rows + row * kRow), by);
    }
    Transpose(a);
    for (std::int64_t i = 0; i < y.count; ++i) {
      if (full == kL) {
        hn::StoreU(a[i], d, y.line[i] + k);
      } else {
        StoreSome(a[i], full, y.line[i] + k);
      }
    }
  }
}

// n rows in `a`, `b` as large; returns the one that holds the result. Both have room for t.rows.
float* Transform(const FftTable& t, float* a, float* b) {
  if (t.chirp.empty()) return Stages(t, 0, t.stages.size(), a, b);
  for (std::int64_t k = 0; k < t.n; ++k)
    PutRow(Times(Row(a + k * kRow), Fill(&t.chirp[static_cast<std::size_t>(2 * k)])), a + k * kRow);
  std::fill(a + t.n * kRow, a + t.rows * kRow, 0.f);
  float* z = Stages(t, 0, t.stages.size(), a, b);
  // The way back is the same transform of numbers whose parts have changed places.
  for (std::int64_t k = 0; k < t.rows; ++k) {
    float* row = z + k * kRow;
    PutRow(Swapped(Times(Row(row), Fill(&t.filter[static_cast<std::size_t>(2 * k)]))), row);
  }
  z = Stages(t, 0, t.stages.size(), z, z == a ? b : a);
  for (std::int64_t k = 0; k < t.n; ++k) {
    float* row = z + k * kRow;
    PutRow(Times(Swapped(Row(row)), Fill(&t.chirp[static_cast<std::size_t>(2 * k)])), row);
  }
  return z;
}

// Rows with a line in each part to the first n / 2 + 1 numbers of either's transform: rows for the
// real parts, after them rows for the imaginary ones.
void Separate(std::int64_t n, const float* z, float scale, float* to) {
  const V by = hn::Set(D(), scale / 2);
  const std::int64_t size = n / 2 + 1;
  for (std::int64_t k = 0; k < size; ++k) {
    const Complex a = Scaled(Row(z + k * kRow), by),
                  b = Scaled(Row(z + (k == 0 ? 0 : n - k) * kRow), by);
    PutRow({hn::Add(a.re, b.re), hn::Sub(a.im, b.im)}, to + k * kRow);
    PutRow({hn::Add(a.im, b.im), hn::Sub(b.re, a.re)}, to + (size + k) * kRow);
  }
}

// The way back: parts are those of numbers times i, for the inverse.
void Combine(std::int64_t n, const float* halves, float* z) {
  const std::int64_t size = n / 2 + 1;
  for (std::int64_t k = 0; k < size; ++k) {
    const Complex a = Row(halves + k * kRow), b = Row(halves + (size + k) * kRow);
    if (k == 0 || 2 * k == n) {
      PutRow({b.re, a.re}, z + k * kRow);
      continue;
    }
    PutRow({hn::Add(a.im, b.re), hn::Sub(a.re, b.im)}, z + k * kRow);
    PutRow({hn::Sub(b.re, a.im), hn::Add(a.re, b.im)}, z + (n - k) * kRow);
  }
}

// Lines of R numbers, one after the other in memory: kL * kL numbers at once.
template <int R>
void ShortLines(const FftTask& task, const float* x, float* y, std::int64_t numbers) {
  const D d;
  const V by = hn::Set(d, task.scale);
  for (std::int64_t at = 0; at < numbers; at += kL * kL) {
    const std::int64_t left = numbers - at;
    const float* from = x + 2 * at;
    float* to = y + 2 * at;
    V re[kL], im[kL];
    if (HWY_LIKELY(left >= kL * kL)) {
      HWY_UNROLL(16)
      for (int i = 0; i < kL; ++i) {
        const Complex c = Parted(hn::LoadU(d, from + i * kRow), hn::LoadU(d, from + i * kRow + kL));
        re[i] = c.re;
        im[i] = c.im;
      }
    } else {
      for (int i = 0; i < kL; ++i) {
        const std::int64_t some = std::clamp<std::int64_t>(left - i * kL, 0, kL);
        const Complex c = PartedSome(from + i * kRow, some);
        re[i] = c.re;
        im[i] = c.im;
      }
    }
    Transpose(re);
    Transpose(im);
    Complex all[kL];
    HWY_UNROLL(8)
    for (int u = 0; u < kL; u += R) {
      Complex a[R];
      HWY_UNROLL(16)
      for (int r = 0; r < R; ++r) a[r] = {re[u + r], im[u + r]};
      if (task.swap) {
        HWY_UNROLL(16)
        for (int r = 0; r < R; ++r) a[r] = Swapped(a[r]);
      }
      Butterfly<R>(a);
      HWY_UNROLL(16)
      for (int r = 0; r < R; ++r) all[u + r] = task.swap ? Swapped(a[r]) : a[r];
    }
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      re[i] = hn::Mul(all[ZipOrder(i)].re, by);
      im[i] = hn::Mul(all[ZipOrder(i)].im, by);
    }
    Transpose(re);
    Transpose(im);
    if (HWY_LIKELY(left >= kL * kL)) {
      HWY_UNROLL(16)
      for (int i = 0; i < kL; ++i) Zip({re[i], im[i]}, to + i * kRow);
    } else {
      for (int i = 0; i * kL < left; ++i)
        ZipSome({re[i], im[i]}, std::min<std::int64_t>(left - i * kL, kL), to + i * kRow);
    }
  }
}

void Short(const FftTask& task, const float* x, float* y, std::int64_t numbers) {
  if (task.n == 2) return ShortLines<2>(task, x, y, numbers);
  if (task.n == 4) return ShortLines<4>(task, x, y, numbers);
  if constexpr (kL >= 8)
    if (task.n == 8) return ShortLines<8>(task, x, y, numbers);
  if constexpr (kL >= 16)
    if (task.n == 16) return ShortLines<16>(task, x, y, numbers);
}

void Beside(const FftTask& task, const FftLines& lines, float* scratch) {
  const FftTable& t = task.table;
  const std::int64_t n = task.n, room = (t.rows > n + 2 ? t.rows : n + 2) * kRow;
  float *a = scratch, *b = a + room;
  const bool real = task.from == FftForm::real;
  const auto from = [&](std::int64_t first, std::int64_t size) -> Sources {
    const std::int64_t count = lines.count - first < kL ? lines.count - first : kL;
    return {lines.in + first, count, size, lines.in_step, lines.in_adjacent};
  };
  const auto to = [&](std::int64_t first, std::int64_t size) -> Sinks {
    const std::int64_t count = lines.count - first < kL ? lines.count - first : kL;
    return {lines.out + first, count, size, lines.out_step, lines.out_adjacent};
  };
  if (task.to == FftForm::complex) {
    const Sources x = from(0, n);
    const Sinks y = to(0, n);
    const float* rows = nullptr;
    const bool fused = t.chirp.empty() && t.stages.size() > 1;
    std::size_t begin = 0;
    if (fused && !real && x.whole())
      begin = FirstPass(t, FromMemory<1>{{x.line[0]}, 2 * x.step, task.swap}, a) ? 1 : 0;
    if (real) {
      GatherReal(x, a + (task.swap ? kL : 0));
      GatherReal({nullptr, 0, n, 1, false}, a + (task.swap ? 0 : kL));
    } else if (begin == 0) {
      Gather(x, task.swap, a);
    }
    if (fused && y.whole()) {
      rows = Stages(t, begin, t.stages.size() - 1, a, b);
      if (LastPass(t, rows, {y.line[0], 2 * y.step, task.swap, task.scale})) return;
      rows = Stages(t, t.stages.size() - 1, t.stages.size(), const_cast<float*>(rows),
                    rows == a ? b : a);
    } else {
      rows = begin == 0 ? Transform(t, a, b) : Stages(t, begin, t.stages.size(), a, b);
    }
    Scatter(rows, task.swap, task.scale, y);
    return;
  }
  const std::int64_t size = n / 2 + 1;
  if (real) {
    GatherReal(from(0, n), a);
    GatherReal(from(kL, n), a + kL);
    const float* z = Transform(t, a, b);
    float* halves = z == a ? b : a;
    Separate(n, z, task.scale, halves);
    Scatter(halves, false, 1, to(0, size));
    if (lines.count > kL) Scatter(halves + size * kRow, false, 1, to(kL, size));
    return;
  }
  Gather(from(0, size), false, a);
  if (lines.count > kL)
    Gather(from(kL, size), false, a + size * kRow);
  else
    std::fill(a + size * kRow, a + 2 * size * kRow, 0.f);
  Combine(n, a, b);
  const float* z = Transform(t, b, a);
  ScatterReal(z + kL, task.scale, to(0, n));
  ScatterReal(z, task.scale, to(kL, n));
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
