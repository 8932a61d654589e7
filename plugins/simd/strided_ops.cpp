// Loops that copy a block of rows and lines between strided arrays.
// Plain ones are left to the compiler's vectors; it is given the instruction set.
#include "plugins/simd/strided_ops.h"

#include <cstring>

#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/strided_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using I = std::int64_t;

template <class T>
void Runs(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const I n = line.n;
  if (n * I{sizeof(T)} >= 64) {
    for (I r = 0; r < rows.n; ++r)
      std::memcpy(y + r * rows.out, x + r * rows.in, static_cast<std::size_t>(n) * sizeof(T));
  } else {
    for (I r = 0; r < rows.n; ++r) {
      const T* a = x + r * rows.in;
      T* b = y + r * rows.out;
      for (I i = 0; i < n; ++i) b[i] = a[i];
    }
  }
}

template <class T>
void Fill(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  for (I r = 0; r < rows.n; ++r) std::fill_n(y + r * rows.out, line.n, x[r * rows.in]);
}

// Steps known to the compiler become shuffles.
template <class T, int kStep>
void Step(const T* HWY_RESTRICT x, T* HWY_RESTRICT y, I n) {
  for (I i = 0; i < n; ++i) y[i] = x[i * kStep];
}

template <class T>
void Strided(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const I n = line.n, s = line.in, t = line.out;
  for (I r = 0; r < rows.n; ++r, x += rows.in, y += rows.out) {
    if (t == 1 && s == -1)
      Step<T, -1>(x, y, n);
    else if (t == 1 && s == 2)
      Step<T, 2>(x, y, n);
    else
      for (I i = 0; i < n; ++i) y[i * t] = x[i * s];
  }
}

#if HWY_TARGET != HWY_SCALAR
// Writes the transpose of as many rows of x as a vector of 16 bytes has lanes: in each step the
// first half of the rows is interleaved with the second one.
template <class T>
HWY_INLINE void Square(const T* HWY_RESTRICT x, I x_step, T* HWY_RESTRICT y, I y_step) {
  constexpr int kN = 16 / sizeof(T);
  const hn::CappedTag<T, kN> d;
  using V = hn::VFromD<decltype(d)>;
  V a[kN], b[kN];
  HWY_UNROLL(16)
  for (int i = 0; i < kN; ++i) a[i] = hn::LoadU(d, x + i * x_step);
  HWY_UNROLL(4)
  for (int done = 1; done < kN; done *= 2) {
    HWY_UNROLL(8)
    for (int i = 0; i < kN / 2; ++i) {
      b[2 * i] = hn::InterleaveLower(d, a[i], a[i + kN / 2]);
      b[2 * i + 1] = hn::InterleaveUpper(d, a[i], a[i + kN / 2]);
    }
    HWY_UNROLL(16)
    for (int i = 0; i < kN; ++i) a[i] = b[i];
  }
  HWY_UNROLL(16)
  for (int i = 0; i < kN; ++i) hn::StoreU(a[i], d, y + i * y_step);
}
#endif

template <class T>
void Transpose(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  constexpr I kBlock = 64 / sizeof(T);  // a cache line of elements each way
  for (I k0 = 0; k0 < line.n; k0 += kBlock) {
    const I k1 = std::min(line.n, k0 + kBlock);
    I j = 0;
#if HWY_TARGET != HWY_SCALAR
    constexpr I kN = 16 / sizeof(T);
    for (; j + kN <= rows.n; j += kN) {
      I k = k0;
      for (; k + kN <= k1; k += kN)
        Square(x + j + k * line.in, line.in, y + j * rows.out + k, rows.out);
      for (; k < k1; ++k)
        for (I i = j; i < j + kN; ++i) y[i * rows.out + k] = x[i + k * line.in];
    }
#endif
    for (I j0 = j; j0 < rows.n; j0 += kBlock)
      for (I k = k0; k < k1; ++k)
        for (I i = j0; i < std::min(rows.n, j0 + kBlock); ++i)
          y[i * rows.out + k] = x[i + k * line.in];
  }
}

template <class T, int kN>
void Zip(const void* const* from, void* to, I n) {
  const T* x[kN];
  for (int i = 0; i < kN; ++i) x[i] = static_cast<const T*>(from[i]);
  T* y = static_cast<T*>(to);
  I j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  const I lanes = static_cast<I>(hn::Lanes(d));
  for (; j + lanes <= n; j += lanes) {
    const auto a = hn::LoadU(d, x[0] + j), b = hn::LoadU(d, x[1] + j);
    if constexpr (kN == 2)
      hn::StoreInterleaved2(a, b, d, y + j * 2);
    else if constexpr (kN == 3)
      hn::StoreInterleaved3(a, b, hn::LoadU(d, x[2] + j), d, y + j * 3);
    else
      hn::StoreInterleaved4(a, b, hn::LoadU(d, x[2] + j), hn::LoadU(d, x[3] + j), d, y + j * 4);
  }
#endif
  for (; j < n; ++j)
    for (int i = 0; i < kN; ++i) y[j * kN + i] = x[i][j];
}

template <class T, int kN>
void Interleave(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  const void* lines[kN];
  for (I i = 0; i < kN; ++i) lines[i] = x + i * line.in;
  Zip<T, kN>(lines, to, rows.n);
}

template <class T, int kN>
void Deinterleave(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const I s = rows.out;
  I i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  const I lanes = static_cast<I>(hn::Lanes(d));
  for (; i + lanes <= line.n; i += lanes) {
    hn::VFromD<decltype(d)> a, b, c, e;
    if constexpr (kN == 2)
      hn::LoadInterleaved2(d, x + i * 2, a, b);
    else if constexpr (kN == 3)
      hn::LoadInterleaved3(d, x + i * 3, a, b, c);
    else
      hn::LoadInterleaved4(d, x + i * 4, a, b, c, e);
    hn::StoreU(a, d, y + i);
    hn::StoreU(b, d, y + s + i);
    if constexpr (kN > 2) hn::StoreU(c, d, y + 2 * s + i);
    if constexpr (kN > 3) hn::StoreU(e, d, y + 3 * s + i);
  }
#endif
  for (; i < line.n; ++i)
    for (I k = 0; k < kN; ++k) y[k * s + i] = x[i * kN + k];
}

template <class T>
CopyBlockFn For(CopyKind kind, I n) {
  switch (kind) {
    case CopyKind::runs:
      return Runs<T>;
    case CopyKind::fill:
      return Fill<T>;
    case CopyKind::strided:
      return Strided<T>;
    case CopyKind::transpose:
      return Transpose<T>;
    case CopyKind::interleave:
      return n == 2 ? Interleave<T, 2> : n == 3 ? Interleave<T, 3> : Interleave<T, 4>;
    case CopyKind::deinterleave:
      return n == 2 ? Deinterleave<T, 2> : n == 3 ? Deinterleave<T, 3> : Deinterleave<T, 4>;
  }
  return nullptr;
}

template <class T>
ZipFn ZipFor(std::size_t k) {
  return k == 2 ? Zip<T, 2> : k == 3 ? Zip<T, 3> : Zip<T, 4>;
}

ZipFn ZipOf(std::uint32_t itemsize, std::size_t k) {
  switch (itemsize) {
    case 1:
      return ZipFor<std::uint8_t>(k);
    case 2:
      return ZipFor<std::uint16_t>(k);
    case 4:
      return ZipFor<std::uint32_t>(k);
    default:
      return ZipFor<std::uint64_t>(k);
  }
}

CopyBlockFn CopyBlock(CopyKind kind, std::uint32_t itemsize, I n) {
  switch (itemsize) {
    case 1:
      return For<std::uint8_t>(kind, n);
    case 2:
      return For<std::uint16_t>(kind, n);
    case 4:
      return For<std::uint32_t>(kind, n);
    default:
      return For<std::uint64_t>(kind, n);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(CopyBlock);
HWY_EXPORT(ZipOf);

ZipFn zip_fn(std::uint32_t itemsize, std::size_t k) {
  return HWY_DYNAMIC_DISPATCH(ZipOf)(itemsize, k);
}

CopyBlockFn copy_block_fn(CopyKind kind, std::uint32_t itemsize, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(CopyBlock)(kind, itemsize, n);
}

}  // namespace quern::simd
#endif
