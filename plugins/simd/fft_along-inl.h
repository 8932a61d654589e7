// Lines with neighbours in the lanes of a row: the step between lanes, convolution with a chirp,
// whole groups. Included once for each instruction set. Not here: passes over rows, real numbers.
#if defined(QUERN_SIMD_FFT_ALONG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_FFT_ALONG_INL_H_
#undef QUERN_SIMD_FFT_ALONG_INL_H_
#else
#define QUERN_SIMD_FFT_ALONG_INL_H_
#endif

#include "plugins/simd/fft_pass-inl.h"
#include "plugins/simd/fft_real-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// kL numbers of a line at `at`, of which `valid` are meant.
template <bool kSwap>
struct ToLine {
  float* p;
  static constexpr int Order(int lane) { return ZipOrder(lane); }
  HWY_INLINE void operator()(const Complex& c, std::int64_t at) const {
    Zip(kSwap ? Swapped(c) : c, p + 2 * at);
  }
  HWY_INLINE void InOrder(const Complex& c, std::int64_t at) const {
    Put(kSwap ? Swapped(c) : c, p + 2 * at);
  }
  HWY_INLINE void Some(const Complex& c, std::int64_t at, std::int64_t valid) const {
    ZipSome(kSwap ? Swapped(c) : c, valid, p + 2 * at);
  }
};

struct ToPlanes {
  Planes p;
  static constexpr int Order(int lane) { return lane; }
  HWY_INLINE void operator()(const Complex& c, std::int64_t at) const {
    hn::StoreU(c.re, D(), p.re + at);
    hn::StoreU(c.im, D(), p.im + at);
  }
  HWY_INLINE void InOrder(const Complex& c, std::int64_t at) const { (*this)(c, at); }
  HWY_INLINE void Some(const Complex& c, std::int64_t at, std::int64_t valid) const {
    StoreSome(c.re, valid, p.re + at);
    StoreSome(c.im, valid, p.im + at);
  }
};

// Rows k .. k + kL - 1, turned; of fewer than kL rows all there are.
template <int C, bool kSome, class Sink>
HWY_INLINE void CrossBlock(const FftTable& t, const float* rows, std::int64_t k, const Sink* lines,
                           std::int64_t count) {
  const float *from = rows + k * kRow, *turn = t.turn.data() + k * kRow;
  const std::int64_t m = t.rows;
  V re[kL], im[kL];
  HWY_UNROLL(16)
  for (int i = 0; i < kL; ++i) {
    std::int64_t row = Sink::Order(i);
    if (kSome && row >= m) row = m - 1;
    const Complex c = Times(Row(from + row * kRow), Row(turn + row * kRow));
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
      if constexpr (kSome)
        lines[line].Some(a[q], m * q, m);
      else
        lines[line](a[q], k + m * q);
    }
  }
}

// Turned rows, lane l of C having the transform of every C-th number from the l-th on, to lines:
// kL rows at once are transposed, so that lanes hold results that are neighbours.
template <int C, class Sink>
void Cross(const FftTable& t, const float* rows, const Sink* lines, std::int64_t count) {
  const std::int64_t m = t.rows;
  if (m < kL) return CrossBlock<C, true>(t, rows, 0, lines, count);
  for (std::int64_t k = 0; k < m; k += kL)
    CrossBlock<C, false>(t, rows, k > m - kL ? m - kL : k, lines, count);
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

// As many floats from each of kPieces places.
template <int kPieces>
HWY_INLINE V Pieces(const float* const* p, std::int64_t at) {
  const D d;
  const hn::Half<D> h;
  if constexpr (kPieces == 1) {
    return hn::LoadU(d, p[0] + at);
  } else if constexpr (kPieces == 2 || kL == 4) {
    return hn::Combine(d, hn::LoadU(h, p[1] + at), hn::LoadU(h, p[0] + at));
  } else {
    const hn::Half<decltype(h)> q;
    return hn::Combine(d, hn::Combine(h, hn::LoadU(q, p[3] + at), hn::LoadU(q, p[2] + at)),
                       hn::Combine(h, hn::LoadU(q, p[1] + at), hn::LoadU(q, p[0] + at)));
  }
}

template <int kPieces>
struct FromPlanes {
  const float *re[kPieces], *im[kPieces];
  HWY_INLINE Complex operator()(std::int64_t row) const {
    const std::int64_t at = row * (kL / kPieces);
    return {Pieces<kPieces>(re, at), Pieces<kPieces>(im, at)};
  }
};

template <int kPieces>
void BeginPlanes(const FftTable& t, const Planes* lines, std::int64_t count, float* rows) {
  FromPlanes<kPieces> from;
  for (int k = 0; k < kPieces; ++k) {
    const Planes& p = lines[k < count ? k : 0];
    from.re[k] = p.re;
    from.im[k] = p.im;
  }
  for (std::int64_t r = 0; r < t.rows; ++r) PutRow(from(r), rows + r * kRow);
}

// Rows transformed from planes, one for each line.
float* RowsOf(const FftTable& t, const Planes* lines, std::int64_t count, float* a, float* b) {
  if (t.across == kL)
    BeginPlanes<1>(t, lines, count, a);
  else if (t.across == kL / 2)
    BeginPlanes<2>(t, lines, count, a);
  else if constexpr (kL > 4)
    BeginPlanes<4>(t, lines, count, a);
  return Stages(t, 0, t.stages.size(), a, b);
}

// ---- convolution with a chirp, lines one at a time ----

// Of rows whose stages are done: the step between lanes, the product with the filter, and the way
// back, which is the same transform of numbers whose parts have changed places.
void Convolve(const FftTable& t, const float* rows, float* to) {
  const float* filter = t.filter.data();
  for (std::int64_t next = 0; next < t.rows; next += kL, filter += kL * kRow) {
    const std::int64_t k = next > t.rows - kL ? t.rows - kL : next;
    const float* turn = t.turn.data() + k * kRow;
    V re[kL], im[kL];
    Complex a[kL];
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      const Complex c = Times(Row(rows + (k + i) * kRow), Row(turn + i * kRow));
      re[i] = c.re;
      im[i] = c.im;
    }
    Transpose(re);
    Transpose(im);
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) a[i] = {re[i], im[i]};
    Butterfly<kL>(a);
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) a[i] = Swapped(Times(a[i], Row(filter + i * kRow)));
    Butterfly<kL>(a);
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i) {
      re[i] = a[i].re;
      im[i] = a[i].im;
    }
    Transpose(re);
    Transpose(im);
    HWY_UNROLL(16)
    for (int i = 0; i < kL; ++i)
      PutRow(Times({re[i], im[i]}, Row(turn + i * kRow)), to + (k + i) * kRow);
  }
}

// Source and sink have room for whole rows.
template <class Source, class Sink>
void Chirped(const FftTable& t, const Source& from, const Sink& to, float* a, float* b) {
  const std::int64_t rows = (t.n + kL - 1) / kL;
  const float* chirp = t.chirp.data();
  for (std::int64_t r = 0; r < rows; ++r)
    PutRow(Times(from(r), Row(chirp + r * kRow)), a + r * kRow);
  std::fill(a + rows * kRow, a + t.rows * kRow, 0.f);
  float* x = Stages(t, 0, t.stages.size(), a, b);
  float* y = x == a ? b : a;
  Convolve(t, x, y);
  const float* z = Stages(t, 0, t.stages.size(), y, x);
  for (std::int64_t r = 0; r < rows; ++r)
    to.InOrder(Times(Swapped(Row(z + r * kRow)), Row(chirp + r * kRow)), r * kL);
}

// ---- whole groups ----

template <bool kSwap>
void Finish(const FftTable& t, const float* rows, const FftLines& lines) {
  ToLine<kSwap> to[4] = {};
  for (std::int64_t i = 0; i < lines.count; ++i) to[i].p = lines.out[i];
  AnyCross(t, rows, to, lines.count);
}

template <bool kSwap>
void ComplexLines(const FftTable& t, const FftLines& lines, float* a, float* b) {
  if (t.chirp.empty()) return Finish<kSwap>(t, RowsOf(t, lines, kSwap, a, b), lines);
  Chirped(t, FromMemory<1>{{lines.in[0]}, kRow, kSwap}, ToLine<kSwap>{lines.out[0]}, a, b);
}

// Lines as they lie in memory, `spare` floats after two times the rows.
void ContiguousLines(const FftTask& task, const FftLines& lines, float* a, float* b, float* spare) {
  const FftTable& t = task.table;
  const std::int64_t count = lines.count;
  if (task.halves.empty()) {
    return task.swap ? ComplexLines<true>(t, lines, a, b) : ComplexLines<false>(t, lines, a, b);
  }
  const std::int64_t room = (t.n + kL - 1) / kL * kL;
  Planes planes[4] = {};
  for (std::int64_t i = 0; i < count; ++i)
    planes[i] = {spare + 2 * i * room, spare + (2 * i + 1) * room};
  if (task.from == FftForm::real) {
    if (t.chirp.empty()) {
      ToPlanes to[4] = {};
      for (std::int64_t i = 0; i < count; ++i) to[i].p = planes[i];
      AnyCross(t, RowsOf(t, lines, false, a, b), to, count);
    } else {
      Chirped(t, FromMemory<1>{{lines.in[0]}, kRow, false}, ToPlanes{planes[0]}, a, b);
    }
    for (std::int64_t i = 0; i < count; ++i) {
      Split(task, planes[i], lines.out[i]);
      if (task.to == FftForm::complex) Mirror(task.n, lines.out[i]);
    }
    return;
  }
  // The inverse, hence the parts change places twice.
  for (std::int64_t i = 0; i < count; ++i) {
    Merge(task, lines.in[i], planes[i]);
    std::fill(planes[i].re + t.n, planes[i].re + room, 0.f);
    std::fill(planes[i].im + t.n, planes[i].im + room, 0.f);
    planes[i] = {planes[i].im, planes[i].re};
  }
  if (t.chirp.empty())
    Finish<true>(t, RowsOf(t, planes, count, a, b), lines);
  else
    Chirped(t, FromPlanes<1>{{planes[0].re}, {planes[0].im}}, ToLine<true>{lines.out[0]}, a, b);
}

void Along(const FftTask& task, const FftLines& lines, float* scratch) {
  const FftTable& t = task.table;
  const std::int64_t size = t.rows * kRow;
  float *a = scratch, *b = a + size, *spare = b + size;
  if (!task.staged) return ContiguousLines(task, lines, a, b, spare);
  // Copies come after the planes.
  float* planes = spare;
  if (!task.halves.empty()) spare += kL / t.across * 2 * (t.n + kL);
  const std::int64_t room = 2 * (task.n + 2 * kL);
  FftLines copies = lines;
  for (std::int64_t i = 0; i < lines.count; ++i) {
    CopyIn(task, lines.in[i], lines.in_step, spare);
    // What the last row reads after the line; of half a spectrum rows are read later.
    if (!t.chirp.empty() && (task.halves.empty() || task.from == FftForm::real))
      std::fill(spare + 2 * t.n, spare + 2 * t.n + kRow, 0.f);
    copies.in[i] = copies.out[i] = spare;
    spare += room;
  }
  ContiguousLines(task, copies, a, b, planes);
  for (std::int64_t i = 0; i < lines.count; ++i)
    CopyOut(task, copies.out[i], lines.out_step, lines.out[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
