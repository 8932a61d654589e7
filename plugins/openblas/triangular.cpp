// The recursion of triangular.h, and its small blocks as loops that the compiler makes vectors of,
// once for each instruction set.
#include "plugins/openblas/triangular.h"

#include <algorithm>
#include <cmath>

#include "plugins/openblas/each_isa.h"
#include "plugins/openblas/lapack.h"

namespace quern::openblas {
namespace {

constexpr i64 kBlock = 16;   // rows of a triangle that is solved by loops
constexpr i64 kBytes = 256;  // of a row of b that stays in registers meanwhile

// Rows of b behind a triangle of at most kBlock rows, `W` columns.
template <class T, i64 W>
[[gnu::always_inline]] inline void solve_columns(Triangle kind, const T* a, i64 lda, i64 n, T* b,
                                                 i64 ldb) {
  const bool upper = kind == Triangle::upper;
  for (i64 s = 0; s < n; ++s) {
    const i64 i = upper ? n - 1 - s : s;
    T sum[W];
    for (i64 j = 0; j < W; ++j) sum[j] = b[i * ldb + j];
    const i64 from = upper ? i + 1 : 0, to = upper ? n : i;
    for (i64 k = from; k < to; ++k) {
      const T factor = a[i * lda + k];
      for (i64 j = 0; j < W; ++j) sum[j] -= factor * b[k * ldb + j];
    }
    if (kind == Triangle::unit_lower) {
      for (i64 j = 0; j < W; ++j) b[i * ldb + j] = sum[j];
    } else {
      const T scale = 1 / a[i * lda + i];
      for (i64 j = 0; j < W; ++j) b[i * ldb + j] = sum[j] * scale;
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void solve_block(Triangle kind, const T* a, i64 lda, i64 n, T* b,
                                               i64 ldb, i64 columns) {
  constexpr i64 width = kBytes / sizeof(T), line = 64 / sizeof(T);
  i64 j = 0;
  for (; j + width <= columns; j += width) solve_columns<T, width>(kind, a, lda, n, b + j, ldb);
  for (; j + line <= columns; j += line) solve_columns<T, line>(kind, a, lda, n, b + j, ldb);
  for (; j + 4 <= columns; j += 4) solve_columns<T, 4>(kind, a, lda, n, b + j, ldb);
  for (; j < columns; ++j) solve_columns<T, 1>(kind, a, lda, n, b + j, ldb);
}

QUERN_EACH_ISA void small_solve(Triangle kind, const float* a, i64 lda, i64 n, float* b, i64 ldb,
                                i64 columns) {
  solve_block(kind, a, lda, n, b, ldb, columns);
}
QUERN_EACH_ISA void small_solve(Triangle kind, const double* a, i64 lda, i64 n, double* b, i64 ldb,
                                i64 columns) {
  solve_block(kind, a, lda, n, b, ldb, columns);
}

// The largest of |x[i]|, 0 where none compares.
template <class T>
[[gnu::always_inline]] inline i64 pivot_of(const T* x, i64 n) {
  T lane[16] = {};
  i64 i = 0;
  for (; i + 16 <= n; i += 16) {
    for (i64 l = 0; l < 16; ++l)
      lane[l] = std::abs(x[i + l]) > lane[l] ? std::abs(x[i + l]) : lane[l];
  }
  T largest = 0;
  for (; i < n; ++i) largest = std::abs(x[i]) > largest ? std::abs(x[i]) : largest;
  for (const T v : lane) largest = std::max(largest, v);
  // NaN at the head stays there, as it does when numbers are compared with it.
  if (!(largest > std::abs(x[0]))) return 0;
  for (i = 0; std::abs(x[i]) != largest;) ++i;
  return i;
}

// LU of the m x n columns in p (n <= kPanel), column j at p + j * m.
template <class T>
[[gnu::always_inline]] inline void panel_lu(T* p, i64 m, i64 n, std::uint32_t* pivot) {
  for (i64 k = 0; k < std::min(m, n); ++k) {
    T* column = p + k * m;
    const i64 best = k + pivot_of(column + k, m - k);
    pivot[k] = std::uint32_t(best);
    if (best != k) {
      for (i64 j = 0; j < n; ++j) std::swap(p[j * m + k], p[j * m + best]);
    }
    const T head = column[k];
    if (head == 0) continue;
    for (i64 i = k + 1; i < m; ++i) column[i] /= head;
    for (i64 j = k + 1; j < n; ++j) {
      T* other = p + j * m;
      const T factor = other[k];
      for (i64 i = k + 1; i < m; ++i) other[i] -= column[i] * factor;
    }
  }
}
QUERN_EACH_ISA void small_lu(float* p, i64 m, i64 n, std::uint32_t* pivot) {
  panel_lu(p, m, n, pivot);
}
QUERN_EACH_ISA void small_lu(double* p, i64 m, i64 n, std::uint32_t* pivot) {
  panel_lu(p, m, n, pivot);
}

// The same for a matrix too small for panels, in place.
constexpr i64 kTiny = 8;
template <class T>
void tiny_lu(const View<T>& a, std::uint32_t* pivot) {
  for (i64 k = 0; k < std::min(a.m, a.n); ++k) {
    i64 best = k;
    for (i64 i = k + 1; i < a.m; ++i)
      if (std::abs(*a.at(i, k)) > std::abs(*a.at(best, k))) best = i;
    pivot[k] = std::uint32_t(best);
    T* row = a.at(k, 0);
    if (best != k) std::swap_ranges(row, row + a.n, a.at(best, 0));
    if (row[k] == 0) continue;
    for (i64 i = k + 1; i < a.m; ++i) {
      T* other = a.at(i, 0);
      const T factor = other[k] /= row[k];
      for (i64 j = k + 1; j < a.n; ++j) other[j] -= factor * row[j];
    }
  }
}

// c -= a b.
template <class T>
void subtract_product(const View<const T>& a, const View<const T>& b, const View<T>& c) {
  if (c.m == 0 || c.n == 0 || a.n == 0) return;
  if (c.n == 1) {
    Lapack<T>::gemv(CblasRowMajor, CblasNoTrans, blasint(a.m), blasint(a.n), -1, a.data,
                    blasint(a.ld), b.data, blasint(b.ld), 1, c.data, blasint(c.ld));
    return;
  }
  Lapack<T>::gemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(c.m), blasint(c.n),
                  blasint(a.n), -1, a.data, blasint(a.ld), b.data, blasint(b.ld), 1, c.data,
                  blasint(c.ld));
}

template <class T>
View<const T> read(const View<T>& v) {
  return {v.data, v.m, v.n, v.ld};
}

// Half of n, at a multiple of `unit`, at least one.
i64 half(i64 n, i64 unit) { return std::max(unit, n / 2 / unit * unit); }

}  // namespace

std::uint32_t strips(double flops, i64 n) {
  // A strip of some 50 us, no narrower than the products like.
  const double want = std::min(flops / 4e6, double(n) / 48);
  return want < 2 ? 1 : std::uint32_t(std::min(want, 64.0));
}

template <class T>
void substitute(Triangle kind, const View<const T>& a, const View<T>& b) {
  const i64 n = a.n;
  if (n <= kBlock) return small_solve(kind, a.data, a.ld, n, b.data, b.ld, b.n);
  const i64 h = half(n, kBlock);
  const View<T> top = b.part(0, 0, h, b.n), bottom = b.part(h, 0, n - h, b.n);
  const View<const T> first = a.part(0, 0, h, h), last = a.part(h, h, n - h, n - h);
  if (kind == Triangle::upper) {
    substitute(kind, last, bottom);
    subtract_product<T>(a.part(0, h, h, n - h), read(bottom), top);
    substitute(kind, first, top);
  } else {
    substitute(kind, first, top);
    subtract_product<T>(a.part(h, 0, n - h, h), read(top), bottom);
    substitute(kind, last, bottom);
  }
}

template <class T>
void swap_rows(const View<T>& a, const std::uint32_t* pivot, i64 n) {
  for (i64 k = 0; k < n; ++k) {
    if (pivot[k] != k) std::swap_ranges(a.at(k, 0), a.at(k, a.n), a.at(pivot[k], 0));
  }
}

template <class T>
void factor_lu(const View<T>& a, std::uint32_t* pivot, T* panel, Desk& desk) {
  const i64 m = a.m, n = a.n, least = std::min(m, n);
  if (least == 0) return;
  if (m <= kTiny && n <= kTiny) return tiny_lu(a, pivot);
  if (n <= kPanel) {
    for (i64 i = 0; i < m; ++i) {
      for (i64 j = 0; j < n; ++j) panel[j * m + i] = *a.at(i, j);
    }
    small_lu(panel, m, n, pivot);
    for (i64 i = 0; i < m; ++i) {
      for (i64 j = 0; j < n; ++j) *a.at(i, j) = panel[j * m + i];
    }
    return;
  }
  // The left half with all of its rows, then what is right of it, in strips.
  const i64 h = least <= kPanel ? least : half(least, kPanel), w = n - h;
  const View<T> left = a.part(0, 0, m, h);
  factor_lu(left, pivot, panel, desk);
  const double flops = 2.0 * double(m) * double(h) * double(w);
  const std::uint32_t parts = strips(flops, w);
  desk.each(parts, [&](std::uint32_t i) {
    const i64 from = i64(i) * w / parts / kPanel * kPanel,
              to = i + 1 == parts ? w : i64(i + 1) * w / parts / kPanel * kPanel;
    const View<T> right = a.part(0, h + from, m, to - from);
    swap_rows(right, pivot, h);
    substitute(Triangle::unit_lower, read(left.part(0, 0, h, h)), right.part(0, 0, h, right.n));
    subtract_product<T>(read(left.part(h, 0, m - h, h)), read(right.part(0, 0, h, right.n)),
                        right.part(h, 0, m - h, right.n));
  });
  if (least == h) return;
  factor_lu(a.part(h, h, m - h, w), pivot + h, panel, desk);
  swap_rows(a.part(h, 0, m - h, h), pivot + h, least - h);
  for (i64 k = h; k < least; ++k) pivot[k] += std::uint32_t(h);
}

template void substitute(Triangle, const View<const float>&, const View<float>&);
template void substitute(Triangle, const View<const double>&, const View<double>&);
template void factor_lu(const View<float>&, std::uint32_t*, float*, Desk&);
template void factor_lu(const View<double>&, std::uint32_t*, double*, Desk&);
template void swap_rows(const View<float>&, const std::uint32_t*, i64);
template void swap_rows(const View<double>&, const std::uint32_t*, i64);

}  // namespace quern::openblas
