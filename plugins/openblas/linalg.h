// Linear algebra ops: what is asked, and the tables of routines.
// The arithmetic is in elimination.cpp, orthogonal.cpp and spectral.cpp.
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "plugins/openblas/desk.h"

namespace quern::openblas {

// A stack of matrices as it lies in memory; strides in elements.
struct Stack {
  std::vector<i64> shape, strides;  // of the axes before the last two
  i64 rows = 0, columns = 0, row = 0, column = 0;

  i64 offset(i64 k) const {
    if (shape.size() == 1) return k * strides[0];
    i64 at = 0;
    for (std::size_t i = shape.size(); i-- > 0; k /= shape[i]) at += k % shape[i] * strides[i];
    return at;
  }
};

// Which matrices, and how much room LAPACK wants for one. Immutable once described.
struct Problem {
  std::uint32_t op = 0;
  qn_dtype dtype = 0;  // f32 or f64
  Stack x, b;          // b: the right sides of solve_system
  i64 count = 0;       // matrices
  bool upper = false;  // the triangle: cholesky's result, what eigh and solve_system read
  bool full = true;    // solve_system: no triangle
  i64 work = 0, integers = 0;

  i64 m() const { return x.rows; }
  i64 n() const { return x.columns; }
  i64 least() const { return std::min(x.rows, x.columns); }
};

// One matrix of a run.
struct Item {
  const Problem& p;
  const qn_run& run;
  i64 k;  // its number
  Desk& desk;
  Memory memory;

  template <class T>
  const T* in(unsigned i) const {
    return static_cast<const T*>(run.in[i].data) + (i ? p.b : p.x).offset(k);
  }
  // Outputs are row-major: `size` elements a matrix.
  template <class T>
  T* out(unsigned i, i64 size) const {
    return static_cast<T*>(run.out[i].data) + k * size;
  }
};

struct Routine {
  std::uint32_t op;
  const char* name;
  void (*describe[2])(Problem&);              // for f32 and f64: fills work and integers; or null
  std::uint64_t (*bytes[2])(const Problem&);  // of memory for one matrix
  void (*run[2])(Item&);
  double (*flops)(const Problem&);  // of one matrix, as if all went at the speed of a product
  double fixed_ns;                  // of a matrix however small
};
std::span<const Routine> elimination_routines();
std::span<const Routine> orthogonal_routines();
std::span<const Routine> spectral_routines();

}  // namespace quern::openblas
