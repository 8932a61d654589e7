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
  using Target = float*;
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
  // As many numbers to each of kFolds lines, every `apart`-th from `to` on.
  template <int kFolds>
  static HWY_INLINE void Share(const Complex& c, const Target* to, int apart, std::int64_t at) {
    const D d;
    const hn::Half<D> h;
    const Complex s = kSwap ? Swapped(c) : c;
    const V low = hn::InterleaveLower(d, s.re, s.im), high = hn::InterleaveUpper(d, s.re, s.im);
    if constexpr (kFolds == 2) {
      hn::StoreU(low, d, to[0] + 2 * at);
      hn::StoreU(high, d, to[apart] + 2 * at);
    } else {
      hn::StoreU(hn::LowerHalf(h, low), h, to[0] + 2 * at);
      hn::StoreU(hn::UpperHalf(h, low), h, to[apart] + 2 * at);
      hn::StoreU(hn::LowerHalf(h, high), h, to[2 * apart] + 2 * at);
      hn::StoreU(hn::UpperHalf(h, high), h, to[3 * apart] + 2 * at);
    }
  }
};

struct ToPlanes {
  using Target = Planes;
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
  template <int kFolds>
  static HWY_INLINE void Share(const Complex& c, const Target* to, int apart, std::int64_t at) {
    const hn::Half<D> h;
    const auto a = hn::LowerHalf(h, c.re), b = hn::UpperHalf(h, c.re);
    const auto p = hn::LowerHalf(h, c.im), q = hn::UpperHalf(h, c.im);
    if constexpr (kFolds == 2) {
      hn::StoreU(a, h, to[0].re + at);
      hn::StoreU(b, h, to[apart].re + at);
      hn::StoreU(p, h, to[0].im + at);
      hn::StoreU(q, h, to[apart].im + at);
    } else {
      const hn::Half<decltype(h)> f;
      hn::StoreU(hn::LowerHalf(f, a), f, to[0].re + at);
      hn::StoreU(hn::UpperHalf(f, a), f, to[apart].re + at);
      hn::StoreU(hn::LowerHalf(f, b), f, to[2 * apart].re + at);
      hn::StoreU(hn::UpperHalf(f, b), f, to[3 * apart].re + at);
      hn::StoreU(hn::LowerHalf(f, p), f, to[0].im + at);
      hn::StoreU(hn::UpperHalf(f, p), f, to[apart].im + at);
      hn::StoreU(hn::LowerHalf(f, q), f, to[2 * apart].im + at);
      hn::StoreU(hn::UpperHalf(f, q), f, to[3 * apart].im + at);
    }
  }
};

// Rows k .. k + kL - 1, turned: of one group of lines; of kFolds groups; or, with kFolds = 0, of a
// group that has fewer.
template <int C, int kFolds, class Sink>
HWY_INLINE void CrossBlock(const FftTable& t, const float* rows, std::int64_t k,
                           const typename Sink::Target* lines, std::int64_t count) {
  const float *from = rows + k * kRow, *turn = t.turn.data() + k * kRow;
  const std::int64_t m = t.rows;
  V re[kL], im[kL];
  HWY_UNROLL(16)
  for (int i = 0; i < kL; ++i) {
    std::int64_t row = Sink::Order(i);
    if (kFolds == 0 && row >= m) row = m - 1;
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
      if constexpr (kFolds == 0)
        Sink{lines[line]}.Some(a[q], m * q, m);
      else if constexpr (kFolds == 1)
        Sink{lines[line]}(a[q], k + m * q);
      else
        Sink::template Share<kFolds>(a[q], lines + line, kL / C, m * q);
    }
  }
}

// Turned rows, lane l of C having the transform of every C-th number from the l-th on, to lines:
// kL rows at once are transposed, so that lanes hold results that are neighbours.
template <int C, class Sink>
void Cross(const FftTable& t, const float* rows, const typename Sink::Target* lines,
           std::int64_t count) {
  const std::int64_t m = t.rows;
  constexpr std::int64_t kLines = kL / C;
  if (m < kL) {
    if (t.folds == 2 && count == 2 * kLines)
      return CrossBlock<C, 2, Sink>(t, rows, 0, lines, kLines);
    if (t.folds == 4 && count == 4 * kLines)
      return CrossBlock<C, 4, Sink>(t, rows, 0, lines, kLines);
    for (std::int64_t i = 0; i < count; i += kLines, rows += m * kRow)
      CrossBlock<C, 0, Sink>(t, rows, 0, lines + i, count - i);
    return;
  }
  for (std::int64_t k = 0; k < m; k += kL)
    CrossBlock<C, 1, Sink>(t, rows, k > m - kL ? m - kL : k, lines, count);
}

template <class Sink>
void AnyCross(const FftTable& t, const float* rows, const typename Sink::Target* lines,
              std::int64_t count) {
  if (t.across == kL)
    Cross<kL, Sink>(t, rows, lines, count);
  else if (t.across == kL / 2)
    Cross<kL / 2, Sink>(t, rows, lines, count);
  else if constexpr (kL > 4)
    Cross<kL / 4, Sink>(t, rows, lines, count);
}

// Complex lines as they lie in memory; those missing are the last one again.
template <int kPieces>
HWY_INLINE bool BeginLines(const FftTable& t, const float* const* lines, std::int64_t count,
                           bool swap, float* rows) {
  FromMemory<kPieces> from{{}, 2 * t.across, swap};
  from.p[0] = lines[0];
  for (int k = 1; k < kPieces; ++k) from.p[k] = k < count ? lines[k] : from.p[k - 1];
  return Begin(t, from, rows);
}

// Rows transformed from complex lines.
float* RowsOf(const FftTable& t, const float* const* lines, std::int64_t count, bool swap, float* a,
              float* b) {
  const bool one = t.across == kL      ? BeginLines<1>(t, lines, count, swap, a)
                   : t.across < kL / 2 ? BeginLines<4>(t, lines, count, swap, a)
                                       : BeginLines<2>(t, lines, count, swap, a);
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
float* RowsOf(const FftTable& t, const Planes* lines, std::int64_t count, bool, float* a,
              float* b) {
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

// From lines (pointers or planes) to lines, t.folds groups at a time.
template <class Sink, class Line>
void Groups(const FftTable& t, const Line* lines, const typename Sink::Target* to,
            std::int64_t count, bool swap, float* a, float* b) {
  const std::int64_t each = kL / t.across, fold = t.rows * kRow;
  for (std::int64_t first = 0; first < count; first += t.folds * each) {
    const std::int64_t left = count - first < t.folds * each ? count - first : t.folds * each;
    const float* rows = nullptr;
    for (std::int64_t i = 0; i * each < left; ++i) {
      const float* group =
          RowsOf(t, lines + first + i * each, left - i * each, swap, a + i * fold, b + i * fold);
      if (i == 0) rows = group;
    }
    AnyCross<Sink>(t, rows, to + first, left);
  }
}

template <bool kSwap>
void ComplexLines(const FftTable& t, const FftLines& lines, float* a, float* b) {
  if (!t.chirp.empty())
    return Chirped(t, FromMemory<1>{{lines.in[0]}, kRow, kSwap}, ToLine<kSwap>{lines.out[0]}, a, b);
  Groups<ToLine<kSwap>>(t, lines.in, lines.out, lines.count, kSwap, a, b);
}

// Lines as they lie in memory, `spare` floats after two times the rows.
void ContiguousLines(const FftTask& task, const FftLines& lines, float* a, float* b, float* spare) {
  const FftTable& t = task.table;
  const std::int64_t count = lines.count;
  if (task.halves.empty()) {
    return task.swap ? ComplexLines<true>(t, lines, a, b) : ComplexLines<false>(t, lines, a, b);
  }
  const std::int64_t room = (t.n + kL - 1) / kL * kL;
  Planes planes[2 * kFftLanes];
  for (std::int64_t i = 0; i < count; ++i)
    planes[i] = {spare + 2 * i * room, spare + (2 * i + 1) * room};
  if (task.from == FftForm::real) {
    if (t.chirp.empty()) {
      Groups<ToPlanes>(t, lines.in, planes, count, false, a, b);
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
  if (!t.chirp.empty()) {
    const ToLine<true> to{lines.out[0]};
    return Chirped(t, FromPlanes<1>{{planes[0].re}, {planes[0].im}}, to, a, b);
  }
  Groups<ToLine<true>>(t, planes, lines.out, count, true, a, b);
}

void Along(const FftTask& task, const FftLines& lines, float* scratch) {
  const FftTable& t = task.table;
  const std::int64_t size = t.folds * t.rows * kRow;
  float *a = scratch, *b = a + size, *spare = b + size;
  if (!task.staged) return ContiguousLines(task, lines, a, b, spare);
  // Copies come after the planes.
  float* planes = spare;
  if (!task.halves.empty()) spare += task.group * 2 * (t.n + kL);
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
