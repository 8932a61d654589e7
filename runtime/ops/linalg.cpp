// Shape rules and gradients of linear algebra on the last two axes; the composed ones are in
// composed_linalg.cpp. As in MLX the decompositions themselves have no gradient.
#include "runtime/ops/linalg.h"

#include "runtime/ops/convert.h"

namespace quern {

Array swap_matrix_axes(const Array& x) {
  Ints axes;
  for (std::size_t i = 0; i < x.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  std::swap(axes[x.ndim() - 2], axes[x.ndim() - 1]);
  return ops::transpose(x, std::move(axes));
}

namespace {

// Row numbers and column numbers that broadcast to an n x n matrix.
Array counting(Runtime& rt, std::int64_t n, bool rows) {
  const Array k = ops::arange(rt, 0, static_cast<double>(n), 1, DType::i32);
  return rows ? ops::reshape(k, Ints{n, 1}) : k;
}

void check_matrix(const Call& c, std::size_t i, bool square) {
  const Array& x = c.in[i];
  const Shape& s = x.shape();
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64)
    fail_invalid("[", c.name, "] dtype ", name(x.dtype()), ", expected f32 or f64");
  if (s.size() < 2)
    fail_invalid("[", c.name, "] shape ", to_string(s), ", expected at least two axes");
  if (square && x.dim(-1) != x.dim(-2))
    fail_invalid("[", c.name, "] shape ", to_string(s), ", expected square matrices");
}

// The leading axes of input 0, then `sides`.
Shape with(const Call& c, std::initializer_list<std::int64_t> sides) {
  const Shape& s = c.in[0].shape();
  Shape out(s.begin(), s.end() - 2);
  for (const std::int64_t n : sides) out.push_back(n);
  element_count(out);
  return out;
}

std::int64_t rows(const Call& c) { return c.in[0].dim(-2); }
std::int64_t columns(const Call& c) { return c.in[0].dim(-1); }
std::int64_t least(const Call& c) { return std::min(rows(c), columns(c)); }

}  // namespace

Array identity_matrix(Runtime& rt, std::int64_t n, DType dtype) {
  return cast(ops::equal(counting(rt, n, true), counting(rt, n, false)), dtype);
}

namespace shape {

void cholesky(Call& c) {
  check_matrix(c, 0, true);
  c.out.push_back({c.in[0].shape(), c.in[0].dtype()});
}

void qr(Call& c) {
  check_matrix(c, 0, false);
  c.out.push_back({with(c, {rows(c), least(c)}), c.in[0].dtype()});
  c.out.push_back({with(c, {least(c), columns(c)}), c.in[0].dtype()});
}

void svd(Call& c) {
  check_matrix(c, 0, false);
  c.out.push_back({with(c, {rows(c), rows(c)}), c.in[0].dtype()});
  c.out.push_back({with(c, {least(c)}), c.in[0].dtype()});
  c.out.push_back({with(c, {columns(c), columns(c)}), c.in[0].dtype()});
}

void eigh(Call& c) {
  check_matrix(c, 0, true);
  const std::string_view uplo = c.attrs.s(0);
  if (uplo != "L" && uplo != "U") fail_invalid("[", c.name, "] uplo '", uplo, "', expected L or U");
  c.out.push_back({with(c, {rows(c)}), c.in[0].dtype()});
  c.out.push_back({c.in[0].shape(), c.in[0].dtype()});
}

void eigvalsh(Call& c) {
  eigh(c);
  c.out.pop_back();
}

void singular_values(Call& c) {
  check_matrix(c, 0, false);
  c.out.push_back({with(c, {least(c)}), c.in[0].dtype()});
}

void eig(Call& c) {
  check_matrix(c, 0, true);
  c.out.push_back({with(c, {rows(c)}), DType::c64});
  c.out.push_back({c.in[0].shape(), DType::c64});
}

void eigvals(Call& c) {
  eig(c);
  c.out.pop_back();
}

void lu(Call& c) {
  check_matrix(c, 0, false);
  c.out.push_back({with(c, {rows(c)}), DType::u32});
  c.out.push_back({with(c, {rows(c), least(c)}), c.in[0].dtype()});
  c.out.push_back({with(c, {least(c), columns(c)}), c.in[0].dtype()});
}

void lu_factor(Call& c) {
  check_matrix(c, 0, false);
  c.out.push_back({c.in[0].shape(), c.in[0].dtype()});
  c.out.push_back({with(c, {least(c)}), DType::u32});
}

void det(Call& c) {
  c.in[0] = cast(c.in[0], float_of(c.in[0].dtype()));
  check_matrix(c, 0, true);
  c.out.push_back({with(c, {}), c.in[0].dtype()});
}

void slogdet(Call& c) {
  det(c);
  c.out.push_back(c.out[0]);
}

void solve_system(Call& c) {
  check_matrix(c, 0, true);
  check_matrix(c, 1, false);
  const Array &a = c.in[0], &b = c.in[1];
  if (b.dim(-2) != a.dim(-1))
    fail_invalid("[solve_system] shapes ", to_string(a.shape()), " and ", to_string(b.shape()),
                 ", expected as many rows in both");
  const std::string_view kind = c.attrs.s(0);
  if (kind != "full" && kind != "lower" && kind != "upper")
    fail_invalid("[solve_system] kind '", kind, "', expected full, lower or upper");
  const DType t = promote(a.dtype(), b.dtype());
  const Shape& as = a.shape();
  const Shape& bs = b.shape();
  Shape lead =
      broadcast_shapes(c.name, Shape(as.begin(), as.end() - 2), Shape(bs.begin(), bs.end() - 2));
  Shape left = lead, right = lead;
  for (int i : {-2, -1}) {
    left.push_back(a.dim(i));
    right.push_back(b.dim(i));
  }
  c.in[0] = broadcast(cast(a, t), left);
  c.in[1] = broadcast(cast(b, t), right);
  element_count(left);
  element_count(right);
  c.out.push_back({std::move(right), t});
}

}  // namespace shape

namespace grad {
namespace {

// The transposed inverse, times a number for each matrix.
Array inverse_times(const Array& x, const Array& g) {
  const Array eye = identity_matrix(x.runtime(), x.dim(-1), x.dtype());
  return ops::multiply(ops::expand_dims(g, Ints{-2, -1}),
                       ops::solve_system(swap_matrix_axes(x), eye));
}

}  // namespace

void det(Vjp& v) {
  if (wants(v, 0)) v.set(0, inverse_times(v.in(0), ops::multiply(v.cot(), v.out())));
}

void slogdet(Vjp& v) {
  if (wants(v, 0)) v.set(0, inverse_times(v.in(0), v.cot(1)));
}

// b' = a^-T g, and a' = -b' x^T where a is read.
void solve_system(Vjp& v) {
  const Array& a = v.in(0);
  const std::string kind(v.attrs.s(0));
  const std::string other = kind == "lower" ? "upper" : kind == "upper" ? "lower" : kind;
  const Array to_b = ops::solve_system(swap_matrix_axes(a), v.cot(), other);
  if (wants(v, 1)) v.set(1, to_b);
  if (!wants(v, 0)) return;
  const Array to_a = ops::negative(ops::matmul(to_b, swap_matrix_axes(v.out())));
  if (kind == "full") {
    v.set(0, to_a);
    return;
  }
  const Array i = counting(a.runtime(), a.dim(-1), true),
              j = counting(a.runtime(), a.dim(-1), false);
  const Array read = kind == "lower" ? ops::greater_equal(i, j) : ops::less_equal(i, j);
  v.set(0, ops::where(read, to_a, constant(to_a, 0)));
}

}  // namespace grad
}  // namespace quern
