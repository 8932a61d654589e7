// Vectors of complex numbers for Fourier transforms: arithmetic, butterflies, square transposes,
// neighbours in memory. Included once for each instruction set. Not here: lines and passes.
#if defined(QUERN_SIMD_FFT_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_FFT_VECTOR_INL_H_
#undef QUERN_SIMD_FFT_VECTOR_INL_H_
#else
#define QUERN_SIMD_FFT_VECTOR_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kFftLanes>;
using V = hn::Vec<D>;
inline constexpr int kL = static_cast<int>(hn::MaxLanes(D()));
static_assert(kL == 4 || kL == 8 || kL == 16);

// Its constructors are written out: those the compiler makes know nothing of the instruction set.
struct Complex {
  V re, im;
  HWY_INLINE Complex() {}
  HWY_INLINE Complex(V r, V i) : re(r), im(i) {}
};

inline constexpr std::int64_t kRow = 2 * kL;  // floats: real parts, then imaginary ones

HWY_INLINE Complex Row(const float* p) { return {hn::LoadU(D(), p), hn::LoadU(D(), p + kL)}; }
HWY_INLINE void PutRow(const Complex& c, float* p) {
  hn::StoreU(c.re, D(), p);
  hn::StoreU(c.im, D(), p + kL);
}
HWY_INLINE Complex Fill(const float* p) { return {hn::Set(D(), p[0]), hn::Set(D(), p[1])}; }
HWY_INLINE Complex Plus(const Complex& a, const Complex& b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
HWY_INLINE Complex Minus(const Complex& a, const Complex& b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
HWY_INLINE Complex Times(const Complex& a, const Complex& b) {
  return {hn::MulSub(a.re, b.re, hn::Mul(a.im, b.im)), hn::MulAdd(a.re, b.im, hn::Mul(a.im, b.re))};
}
HWY_INLINE Complex Scaled(const Complex& a, V by) { return {hn::Mul(a.re, by), hn::Mul(a.im, by)}; }
HWY_INLINE Complex Swapped(const Complex& a) { return {a.im, a.re}; }
// a - i b and a + i b.
HWY_INLINE Complex MinusI(const Complex& a, const Complex& b) {
  return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)};
}
HWY_INLINE Complex PlusI(const Complex& a, const Complex& b) {
  return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)};
}

HWY_INLINE void Four(Complex& a, Complex& b, Complex& c, Complex& d) {
  const Complex s = Plus(a, c), t = Plus(b, d), e = Minus(a, c), f = Minus(b, d);
  a = Plus(s, t);
  b = MinusI(e, f);
  c = Minus(s, t);
  d = PlusI(e, f);
}

// Times exp(-2 pi i / 8) and exp(-6 pi i / 8), without the factor sqrt(1/2).
HWY_INLINE Complex Eighth(const Complex& a) { return {hn::Add(a.re, a.im), hn::Sub(a.im, a.re)}; }
HWY_INLINE Complex ThreeEighths(const Complex& a) {
  return {hn::Sub(a.im, a.re), hn::Neg(hn::Add(a.re, a.im))};
}

// The transform of length R in place.
template <int R>
HWY_INLINE void Butterfly(Complex* HWY_RESTRICT a) {
  const D d;
  if constexpr (R == 2) {
    const Complex sum = Plus(a[0], a[1]);
    a[1] = Minus(a[0], a[1]);
    a[0] = sum;
  } else if constexpr (R == 4) {
    Four(a[0], a[1], a[2], a[3]);
  } else if constexpr (R == 8) {
    const auto half = hn::Set(d, 0.70710678118654752440f);
    Complex e0 = a[0], e1 = a[2], e2 = a[4], e3 = a[6], o0 = a[1], o1 = a[3], o2 = a[5], o3 = a[7];
    Four(e0, e1, e2, e3);
    Four(o0, o1, o2, o3);
    a[0] = Plus(e0, o0);
    a[4] = Minus(e0, o0);
    a[2] = MinusI(e2, o2);
    a[6] = PlusI(e2, o2);
    const Complex p = Eighth(o1), q = ThreeEighths(o3);
    a[1] = {hn::MulAdd(half, p.re, e1.re), hn::MulAdd(half, p.im, e1.im)};
    a[5] = {hn::NegMulAdd(half, p.re, e1.re), hn::NegMulAdd(half, p.im, e1.im)};
    a[3] = {hn::MulAdd(half, q.re, e3.re), hn::MulAdd(half, q.im, e3.im)};
    a[7] = {hn::NegMulAdd(half, q.re, e3.re), hn::NegMulAdd(half, q.im, e3.im)};
  } else if constexpr (R == 16) {
    const auto half = hn::Set(d, 0.70710678118654752440f);
    const auto c = hn::Set(d, 0.92387953251128675613f), s = hn::Set(d, 0.38268343236508977173f);
    const Complex one{c, hn::Neg(s)}, three{s, hn::Neg(c)};
    HWY_UNROLL(4)
    for (int k = 0; k < 4; ++k) Four(a[k], a[k + 4], a[k + 8], a[k + 12]);
    // Element 4 j + k times exp(-2 pi i j k / 16).
    a[5] = Times(a[5], one);
    a[6] = Scaled(Eighth(a[6]), half);
    a[7] = Times(a[7], three);
    a[9] = Scaled(Eighth(a[9]), half);
    a[10] = {a[10].im, hn::Neg(a[10].re)};
    a[11] = Scaled(ThreeEighths(a[11]), half);
    a[13] = Times(a[13], three);
    a[14] = Scaled(ThreeEighths(a[14]), half);
    a[15] = Times(a[15], {hn::Neg(c), s});
    HWY_UNROLL(4)
    for (int j = 0; j < 4; ++j) Four(a[4 * j], a[4 * j + 1], a[4 * j + 2], a[4 * j + 3]);
    // Element 4 j + k is the result j + 4 k.
    HWY_UNROLL(4)
    for (int j = 0; j < 4; ++j) {
      HWY_UNROLL(4)
      for (int k = j + 1; k < 4; ++k) {
        const Complex t = a[4 * j + k];
        a[4 * j + k] = a[4 * k + j];
        a[4 * k + j] = t;
      }
    }
  } else if constexpr (R > 1) {
    // Odd: elements j and R - j have the same cosine and opposite sines.
    const Circle<R>& circle = kCircle<R>;
    constexpr int kHalf = R / 2;
    Complex sum[kHalf], difference[kHalf], first = a[0];
    HWY_UNROLL(8)
    for (int j = 0; j < kHalf; ++j) {
      sum[j] = Plus(a[j + 1], a[R - 1 - j]);
      difference[j] = Minus(a[j + 1], a[R - 1 - j]);
      first = Plus(first, sum[j]);
    }
    HWY_UNROLL(8)
    for (int k = 1; k <= kHalf; ++k) {
      Complex even = a[0], odd{hn::Zero(d), hn::Zero(d)};
      HWY_UNROLL(8)
      for (int j = 0; j < kHalf; ++j) {
        const auto at = static_cast<std::size_t>((j + 1) * k % R);
        const auto cos = hn::Set(d, circle.cos[at]), sin = hn::Set(d, circle.sin[at]);
        even = {hn::MulAdd(cos, sum[j].re, even.re), hn::MulAdd(cos, sum[j].im, even.im)};
        odd = {hn::MulAdd(sin, difference[j].re, odd.re),
               hn::MulAdd(sin, difference[j].im, odd.im)};
      }
      a[k] = MinusI(even, odd);
      a[R - k] = PlusI(even, odd);
    }
    a[0] = first;
  }
}

// ---- order ----

// Complex numbers as they lie in memory, in two vectors.
HWY_INLINE Complex Parted(V a, V b) {
  return {hn::ConcatEven(D(), b, a), hn::ConcatOdd(D(), b, a)};
}

// The lane whose number must be the k-th for Zip to bring numbers in order: Interleave stays in
// blocks of four.
constexpr int ZipOrder(int lane) {
  const int block = lane / 4, j = lane % 4;
  return 2 * block + j % 2 + (j < 2 ? 0 : kL / 2);
}
// kL numbers in ZipOrder to memory.
HWY_INLINE void Zip(const Complex& c, float* p) {
  hn::StoreU(hn::InterleaveLower(D(), c.re, c.im), D(), p);
  hn::StoreU(hn::InterleaveUpper(D(), c.re, c.im), D(), p + kL);
}
// In the order of the lanes.
HWY_INLINE void Put(const Complex& c, float* p) { hn::StoreInterleaved2(c.re, c.im, D(), p); }

// The first `count` floats of a vector from memory, zeros after them, and to memory.
HWY_INLINE V LoadSome(const float* p, std::int64_t count) {
  const D d;
#if HWY_TARGET <= HWY_AVX2  // where masked accesses touch nothing else
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  float all[kL] = {};
  std::memcpy(all, p, static_cast<std::size_t>(count) * sizeof(float));
  return hn::LoadU(d, all);
#endif
}
HWY_INLINE void StoreSome(V v, std::int64_t count, float* p) {
  const D d;
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  float all[kL];
  hn::StoreU(v, d, all);
  std::memcpy(p, all, static_cast<std::size_t>(count) * sizeof(float));
#endif
}
// Of the numbers that Zip puts.
HWY_INLINE void ZipSome(const Complex& c, std::int64_t count, float* p) {
  const V low = hn::InterleaveLower(D(), c.re, c.im), high = hn::InterleaveUpper(D(), c.re, c.im);
  if (2 * count < kL) return StoreSome(low, 2 * count, p);
  hn::StoreU(low, D(), p);
  if (2 * count > kL) StoreSome(high, 2 * count - kL, p + kL);
}
// Of as many numbers in memory.
HWY_INLINE Complex PartedSome(const float* p, std::int64_t count) {
  const D d;
  if (2 * count < kL) return Parted(LoadSome(p, 2 * count), hn::Zero(d));
  const V low = hn::LoadU(d, p);
  return Parted(low, 2 * count > kL ? LoadSome(p + kL, 2 * count - kL) : hn::Zero(d));
}

// v[i] lane j <-> v[j] lane i.
HWY_INLINE void Transpose(V* HWY_RESTRICT v) {
  const D d;
  const hn::Repartition<std::uint64_t, D> pairs;
  HWY_UNROLL(4)
  for (int g = 0; g < kL; g += 4) {
    const auto a = hn::BitCast(pairs, hn::InterleaveLower(d, v[g], v[g + 1]));
    const auto b = hn::BitCast(pairs, hn::InterleaveUpper(d, v[g], v[g + 1]));
    const auto p = hn::BitCast(pairs, hn::InterleaveLower(d, v[g + 2], v[g + 3]));
    const auto q = hn::BitCast(pairs, hn::InterleaveUpper(d, v[g + 2], v[g + 3]));
    v[g] = hn::BitCast(d, hn::InterleaveLower(pairs, a, p));
    v[g + 1] = hn::BitCast(d, hn::InterleaveUpper(pairs, a, p));
    v[g + 2] = hn::BitCast(d, hn::InterleaveLower(pairs, b, q));
    v[g + 3] = hn::BitCast(d, hn::InterleaveUpper(pairs, b, q));
  }
  // Now v[4 g + j] has rows 4 g .. 4 g + 3 of column 4 b + j in its block b.
  if constexpr (kL == 8) {
    HWY_UNROLL(4)
    for (int j = 0; j < 4; ++j) {
      const V low = hn::ConcatLowerLower(d, v[4 + j], v[j]);
      v[4 + j] = hn::ConcatUpperUpper(d, v[4 + j], v[j]);
      v[j] = low;
    }
  } else if constexpr (kL == 16) {
    HWY_UNROLL(4)
    for (int j = 0; j < 4; ++j) {
      const V a = hn::ConcatLowerLower(d, v[8 + j], v[j]);
      const V b = hn::ConcatLowerLower(d, v[12 + j], v[4 + j]);
      const V p = hn::ConcatUpperUpper(d, v[8 + j], v[j]);
      const V q = hn::ConcatUpperUpper(d, v[12 + j], v[4 + j]);
      v[j] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(b), a);
      v[4 + j] = hn::OddEvenBlocks(b, hn::SwapAdjacentBlocks(a));
      v[8 + j] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(q), p);
      v[12 + j] = hn::OddEvenBlocks(q, hn::SwapAdjacentBlocks(p));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
