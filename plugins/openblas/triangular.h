// Elimination on matrices in rows: LU with partial pivoting and solutions behind triangles, cut in
// halves down to small blocks so that nearly all work is OpenBLAS's products, whose own triangular
// solver runs at a third of their speed.
#pragma once
#include "plugins/openblas/desk.h"

namespace quern::openblas {

template <class T>
struct View {
  T* data;
  i64 m, n, ld;  // rows, columns, elements from row to row

  T* at(i64 i, i64 j) const { return data + i * ld + j; }
  View part(i64 i, i64 j, i64 rows, i64 columns) const { return {at(i, j), rows, columns, ld}; }
};

// b becomes x with a x = b; a is n x n, its lower (with unit diagonal or not) or upper triangle is
// read. A diagonal 0 gives infinities or NaN.
enum class Triangle { unit_lower, lower, upper };
template <class T>
void substitute(Triangle kind, const View<const T>& a, const View<T>& b);

// Elements of T that factor_lu's panel takes.
constexpr i64 kPanel = 16;
// a = P L U in place; pivot[k] is the row that row k was swapped with. `panel` has kPanel * m
// numbers. A column of zeros is passed over; the first of equal pivots is taken.
template <class T>
void factor_lu(const View<T>& a, std::uint32_t* pivot, T* panel, Desk& desk);

// Exchanges row k with row pivot[k] for k < n, one after the other.
template <class T>
void swap_rows(const View<T>& a, const std::uint32_t* pivot, i64 n);

// Strips of columns that work of so many operations (of multiplication) on n columns is spread
// over; fixed by the sizes, so that results do not depend on the threads.
std::uint32_t strips(double flops, i64 n);

}  // namespace quern::openblas
