// Matrices brought from any strides into rows without gaps, and small questions about them.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "plugins/openblas/linalg.h"

namespace quern::openblas {

// to[i * n + j] = from[i * row + j * column]. With rows and columns exchanged it transposes.
template <class T>
void load(const T* from, i64 row, i64 column, i64 m, i64 n, T* to) {
  if (column == 1) {
    for (i64 i = 0; i < m; ++i) std::memcpy(to + i * n, from + i * row, sizeof(T) * std::size_t(n));
    return;
  }
  constexpr i64 block = 16;  // a line of the cache for f32
  for (i64 i0 = 0; i0 < m; i0 += block) {
    for (i64 j0 = 0; j0 < n; j0 += block) {
      const i64 i1 = std::min(m, i0 + block), j1 = std::min(n, j0 + block);
      for (i64 i = i0; i < i1; ++i) {
        for (i64 j = j0; j < j1; ++j) to[i * n + j] = from[i * row + j * column];
      }
    }
  }
}

template <class T>
void load_rows(const Stack& x, const T* from, T* to) {
  load(from, x.row, x.column, x.rows, x.columns, to);
}
// Columns one after the other, as LAPACK has it.
template <class T>
void load_columns(const Stack& x, const T* from, T* to) {
  load(from, x.column, x.row, x.columns, x.rows, to);
}

// No infinity and no NaN among n numbers.
template <class T>
bool finite(const T* x, i64 n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  Bits found = 0;
  for (i64 i = 0; i < n; ++i) found |= Bits((std::bit_cast<Bits>(x[i]) & exponent) == exponent);
  return found == 0;
}

template <class T>
void fill_nan(T* x, i64 n) {
  std::fill_n(x, n, std::numeric_limits<T>::quiet_NaN());
}

// True when the largest component, the first of equal ones, is negative.
template <class T>
bool points_down(const T* x, i64 n) {
  const T* largest = std::max_element(x, x + n, [](T a, T b) { return std::abs(a) < std::abs(b); });
  return n > 0 && *largest < 0;
}

}  // namespace quern::openblas
