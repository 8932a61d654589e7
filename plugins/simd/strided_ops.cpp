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

template <class T>
void Transpose(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  constexpr I kBlock = 64 / sizeof(T);  // a cache line of elements each way
  for (I k0 = 0; k0 < line.n; k0 += kBlock) {
    const I k1 = std::min(line.n, k0 + kBlock);
    for (I j0 = 0; j0 < rows.n; j0 += kBlock) {
      const I j1 = std::min(rows.n, j0 + kBlock);
      I k = k0;
#if HWY_TARGET != HWY_SCALAR
      if constexpr (sizeof(T) == 4) {
        const hn::CappedTag<T, 4> d;
        const hn::Repartition<std::uint64_t, decltype(d)> d2;
        for (; k + 4 <= k1; k += 4) {
          I j = j0;
          for (; j + 4 <= j1; j += 4) {
            const T* p = x + j + k * line.in;
            const auto r0 = hn::LoadU(d, p), r1 = hn::LoadU(d, p + line.in);
            const auto r2 = hn::LoadU(d, p + 2 * line.in), r3 = hn::LoadU(d, p + 3 * line.in);
            const auto a = hn::BitCast(d2, hn::InterleaveLower(d, r0, r1)),
                       b = hn::BitCast(d2, hn::InterleaveLower(d, r2, r3));
            const auto c = hn::BitCast(d2, hn::InterleaveUpper(d, r0, r1)),
                       e = hn::BitCast(d2, hn::InterleaveUpper(d, r2, r3));
            T* q = y + j * rows.out + k;
            hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d2, a, b)), d, q);
            hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d2, a, b)), d, q + rows.out);
            hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d2, c, e)), d, q + 2 * rows.out);
            hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d2, c, e)), d, q + 3 * rows.out);
          }
          for (; j < j1; ++j)
            for (I i = k; i < k + 4; ++i) y[j * rows.out + i] = x[j + i * line.in];
        }
      }
#endif
      for (; k < k1; ++k)
        for (I j = j0; j < j1; ++j) y[j * rows.out + k] = x[j + k * line.in];
    }
  }
}

template <class T, int kN>
void Interleave(const void* from, void* to, const Axis& rows, const Axis& line) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const I s = line.in;
  I r = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  const I lanes = static_cast<I>(hn::Lanes(d));
  for (; r + lanes <= rows.n; r += lanes) {
    const auto a = hn::LoadU(d, x + r), b = hn::LoadU(d, x + r + s);
    if constexpr (kN == 2)
      hn::StoreInterleaved2(a, b, d, y + r * 2);
    else if constexpr (kN == 3)
      hn::StoreInterleaved3(a, b, hn::LoadU(d, x + r + 2 * s), d, y + r * 3);
    else
      hn::StoreInterleaved4(a, b, hn::LoadU(d, x + r + 2 * s), hn::LoadU(d, x + r + 3 * s), d,
                            y + r * 4);
  }
#endif
  for (; r < rows.n; ++r)
    for (I k = 0; k < kN; ++k) y[r * kN + k] = x[r + k * s];
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

CopyBlockFn copy_block_fn(CopyKind kind, std::uint32_t itemsize, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(CopyBlock)(kind, itemsize, n);
}

}  // namespace quern::simd
#endif
