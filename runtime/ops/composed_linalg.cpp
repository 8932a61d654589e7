// Composed linear algebra: inverses, solving with vectors.
// Kernels and gradients are those of solve_system, qr and svd.
#include <algorithm>
#include <limits>

#include "runtime/ops/linalg.h"

namespace quern::composed {
namespace {

Array inverse(const Call& c, const Array& x, const char* kind) {
  if (x.ndim() < 2 || x.dim(-1) != x.dim(-2))
    fail_invalid("[", c.name, "] shape ", to_string(x.shape()), ", expected square matrices");
  const DType t = x.dtype() == DType::f64 ? DType::f64 : DType::f32;
  return ops::solve_system(x, identity_matrix(c.runtime, x.dim(-1), t), kind);
}

const char* triangle(bool upper) { return upper ? "upper" : "lower"; }

Array solved(const Call& c, const char* kind) {
  const Array &a = c.in[0], &b = c.in[1];
  if (b.ndim() != 1) return ops::solve_system(a, b, kind);
  const Array column = ops::solve_system(a, ops::expand_dims(b, Ints{-1}), kind);
  return ops::squeeze(column, Ints{-1});
}

}  // namespace

void solve(Call& c, ArrayList& out) { out.push_back(solved(c, "full")); }

void solve_triangular(Call& c, ArrayList& out) { out.push_back(solved(c, triangle(c.attrs.b(0)))); }

void inv(Call& c, ArrayList& out) { out.push_back(inverse(c, c.in[0], "full")); }

void tri_inv(Call& c, ArrayList& out) {
  out.push_back(inverse(c, c.in[0], triangle(c.attrs.b(0))));
}

// l^-T l^-1, or with the upper factor u = l^T: u^-1 u^-T.
void cholesky_inv(Call& c, ArrayList& out) {
  const bool upper = c.attrs.b(0);
  const Array half = inverse(c, c.in[0], triangle(upper)), turned = swap_matrix_axes(half);
  out.push_back(upper ? ops::matmul(half, turned) : ops::matmul(turned, half));
}

// Of a matrix that is not square only the triangular factor is decomposed: the vectors
// of svd would be as many as that side is long.
void pinv(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const bool long_rows = x.ndim() >= 2 && x.dim(-1) > x.dim(-2);
  const bool oblong = x.ndim() >= 2 && x.dim(-1) != x.dim(-2);
  Array q, square = x;
  if (oblong) {
    const ArrayList factors = ops::qr(long_rows ? swap_matrix_axes(x) : x);
    q = factors[0];
    square = factors[1];
  }
  const ArrayList parts = ops::svd(square);
  const Array &u = parts[0], &s = parts[1], &vt = parts[2];
  const double eps = x.dtype() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                             : std::numeric_limits<float>::epsilon();
  Array size = s;
  if (s.dim(-1) > 0) {
    const auto side = static_cast<double>(std::max(x.dim(-2), x.dim(-1)));
    const Array least = ops::multiply(ops::max(s, Ints{-1}, true), constant(s, eps * side));
    size = ops::where(ops::greater(s, least), ops::reciprocal(s), constant(s, 0));
  }
  const Array v = ops::multiply(swap_matrix_axes(vt), ops::expand_dims(size, Ints{-2}));
  const Array inverse = ops::matmul(v, swap_matrix_axes(u));
  if (!oblong)
    out.push_back(inverse);
  else if (long_rows)  // x = r^T q^T
    out.push_back(ops::matmul(q, swap_matrix_axes(inverse)));
  else
    out.push_back(ops::matmul(inverse, swap_matrix_axes(q)));
}

}  // namespace quern::composed
