// The passes of a mixed-radix transform over rows, the first from memory or rows, the last to rows
// or memory. Included once for each instruction set. Not here: the order of lanes.
#if defined(QUERN_SIMD_FFT_PASS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_FFT_PASS_INL_H_
#undef QUERN_SIMD_FFT_PASS_INL_H_
#else
#define QUERN_SIMD_FFT_PASS_INL_H_
#endif

#include "plugins/simd/fft_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

struct FromRows {
  const float* p;
  HWY_INLINE Complex operator()(std::int64_t row) const { return Row(p + row * kRow); }
};

// kL neighbours in memory, `step` floats from row to row; or half of them from each of two places,
// or a fourth from each of four.
template <int kPieces>
struct FromMemory {
  const float* p[kPieces];
  std::int64_t step;
  bool swap;
  HWY_INLINE Complex operator()(std::int64_t row) const {
    const D d;
    const std::int64_t at = row * step;
    Complex c;
    if constexpr (kPieces == 1) {
      c = Parted(hn::LoadU(d, p[0] + at), hn::LoadU(d, p[0] + at + kL));
    } else if constexpr (kPieces == 2) {
      c = Parted(hn::LoadU(d, p[0] + at), hn::LoadU(d, p[1] + at));
    } else {
      const hn::Half<D> h;
      c = Parted(hn::Combine(d, hn::LoadU(h, p[1] + at), hn::LoadU(h, p[0] + at)),
                 hn::Combine(d, hn::LoadU(h, p[3] + at), hn::LoadU(h, p[2] + at)));
    }
    return swap ? Swapped(c) : c;
  }
};

struct ToRows {
  float* p;
  HWY_INLINE void operator()(const Complex& c, std::int64_t row) const {
    PutRow(c, p + row * kRow);
  }
};

struct ToMemory {
  float* p;
  std::int64_t step;
  bool swap;
  float scale;
  HWY_INLINE void operator()(const Complex& c, std::int64_t row) const {
    const Complex s = Scaled(c, hn::Set(D(), scale));
    Put(swap ? Swapped(s) : s, p + row * step);
  }
};

template <int R, bool kTurn, class Source, class Sink>
void Pass(const FftStage& stage, const float* twiddles, const Source& from, const Sink& to) {
  const std::int64_t different = stage.different, same = stage.same;
  for (std::int64_t p = 0; p < different; ++p) {
    const float* w = twiddles + stage.twiddle + 2 * (R - 1) * p;
    for (std::int64_t q = 0; q < same; ++q) {
      Complex a[R];
      HWY_UNROLL(13)
      for (int k = 0; k < R; ++k) a[k] = from((k * different + p) * same + q);
      Butterfly<R>(a);
      to(a[0], p * R * same + q);
      HWY_UNROLL(13)
      for (int k = 1; k < R; ++k)
        to(kTurn ? Times(a[k], Fill(w + 2 * (k - 1))) : a[k], (p * R + k) * same + q);
    }
  }
}

template <int R, class Source>
HWY_INLINE void AnyPass(const FftStage& stage, const float* w, const Source& from, float* to) {
  if (stage.different == 1)
    Pass<R, false>(stage, w, from, ToRows{to});
  else
    Pass<R, true>(stage, w, from, ToRows{to});
}

// Only radices that begin a table with more than one stage.
template <class Source>
bool FirstPass(const FftTable& t, const Source& from, float* to) {
  if (t.stages.empty()) return false;
  switch (t.stages[0].radix) {
    case 4:
      AnyPass<4>(t.stages[0], t.twiddles.data(), from, to);
      return true;
    case 8:
      AnyPass<8>(t.stages[0], t.twiddles.data(), from, to);
      return true;
    default:
      return false;
  }
}

// Rows from a source; false when they are as they came, true when the first pass is done.
template <class Source>
bool Begin(const FftTable& t, const Source& from, float* rows) {
  if (FirstPass(t, from, rows)) return true;
  for (std::int64_t r = 0; r < t.rows; ++r) PutRow(from(r), rows + r * kRow);
  return false;
}

void RowPass(const FftTable& t, const FftStage& stage, const float* a, float* b) {
  const float* w = t.twiddles.data();
  const FromRows from{a};
  switch (stage.radix) {
    case 2:
      return AnyPass<2>(stage, w, from, b);
    case 3:
      return AnyPass<3>(stage, w, from, b);
    case 4:
      return AnyPass<4>(stage, w, from, b);
    case 5:
      return AnyPass<5>(stage, w, from, b);
    case 7:
      return AnyPass<7>(stage, w, from, b);
    case 8:
      return AnyPass<8>(stage, w, from, b);
    case 11:
      return AnyPass<11>(stage, w, from, b);
    default:
      return AnyPass<13>(stage, w, from, b);
  }
}

// The stages from `first` to before `end` on rows in `a`; returns the one that holds the result.
float* Stages(const FftTable& t, std::size_t first, std::size_t end, float* a, float* b) {
  for (std::size_t k = first; k < end; ++k) {
    RowPass(t, t.stages[k], a, b);
    float* c = a;
    a = b;
    b = c;
  }
  return a;
}

// The last stage to memory; false for a radix that does not end tables often.
bool LastPass(const FftTable& t, const float* rows, const ToMemory& to) {
  const FftStage& stage = t.stages.back();
  const FromRows from{rows};
  switch (stage.radix) {
    case 4:
      Pass<4, false>(stage, nullptr, from, to);
      return true;
    case 5:
      Pass<5, false>(stage, nullptr, from, to);
      return true;
    case 8:
      Pass<8, false>(stage, nullptr, from, to);
      return true;
    default:
      return false;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
