// cholesky, lu, lu_factor, det, slogdet and solve_system. A matrix that is singular gives
// infinities and NaN, one that is not positive definite NaN, never an error.
#include <numeric>

#include "plugins/openblas/lapack.h"
#include "plugins/openblas/matrices.h"
#include "plugins/openblas/triangular.h"

namespace quern::openblas {
namespace {

// Row by row, for matrices that a call of LAPACK would be too much for. False where x is not
// positive definite.
constexpr i64 kTiny = 8;
template <class T>
bool tiny_cholesky(const Stack& x, const T* from, T* l, bool upper) {
  const i64 n = x.rows, row = upper ? 1 : n, column = upper ? n : 1;
  for (i64 i = 0; i < n; ++i) {
    for (i64 j = 0; j <= i; ++j) {
      T sum = from[i * x.row + j * x.column];
      for (i64 k = 0; k < j; ++k) sum -= l[i * row + k * column] * l[j * row + k * column];
      if (i == j && !(sum > 0)) return false;
      l[i * row + j * column] = i == j ? std::sqrt(sum) : sum / l[j * row + j * column];
    }
    for (i64 j = i + 1; j < n; ++j) l[i * row + j * column] = 0;
  }
  return true;
}

// Larger ones by LAPACK, always its lower triangle, which takes half the time of its upper one.
// What it leaves in columns are our rows of the upper factor.
template <class T>
void run_cholesky(Item& item) {
  const i64 n = item.p.n();
  T* out = item.out<T>(0, n * n);
  if (n <= kTiny) {
    if (tiny_cholesky(item.p.x, item.in<T>(0), out, item.p.upper)) return;
    fill_nan(out, n * n);
    for (i64 i = 0; i < n; ++i) {
      for (i64 j = 0; j < i; ++j) out[item.p.upper ? i * n + j : j * n + i] = 0;
    }
    return;
  }
  T* a = item.p.upper ? out : item.memory.take<T>(n * n);
  load_columns(item.p.x, item.in<T>(0), a);
  const auto size = blasint(n), ld = std::max(1, size);
  blasint info = 0;
  Lapack<T>::potrf("L", &size, a, &ld, &info, 1);
  bool good = info == 0;
  for (i64 i = 0; i < n; ++i) good = good && a[i * n + i] > 0;
  if (!good) fill_nan(a, n * n);
  for (i64 i = 0; i < n; ++i) std::fill_n(a + i * n, i, T(0));
  if (!item.p.upper) load(a, 1, n, n, n, out);
}

template <class T>
std::uint64_t cholesky_bytes(const Problem& p) {
  return p.upper ? 0 : sizeof(T) * std::uint64_t(p.n()) * std::uint64_t(p.n());
}

// A copy of the matrix, its factors then; the pivots; the panel.
template <class T>
struct Factors {
  View<T> a{};
  std::uint32_t* pivot;
  T* panel;

  Factors(const Problem& p, Memory& memory, bool own = true) {
    a = {own ? memory.take<T>(p.m() * p.n()) : nullptr, p.m(), p.n(), p.n()};
    pivot = memory.take<std::uint32_t>(p.least());
    panel = memory.take<T>(p.m() * kPanel);
  }
  void factor(const Item& item) {
    load_rows(item.p.x, item.in<T>(0), a.data);
    factor_lu(a, pivot, panel, item.desk);
  }
};

template <class T, bool own>
std::uint64_t factor_bytes(const Problem& p) {
  Memory memory;
  const Factors<T> counted(p, memory, own);
  return memory.used();
}

template <class T>
void run_lu_factor(Item& item) {
  Factors<T> f(item.p, item.memory, false);
  f.a.data = item.out<T>(0, f.a.m * f.a.n);
  f.factor(item);
  std::copy_n(f.pivot, item.p.least(), item.out<std::uint32_t>(1, item.p.least()));
}

template <class T>
void run_lu(Item& item) {
  const i64 m = item.p.m(), n = item.p.n(), least = item.p.least();
  Factors<T> f(item.p, item.memory);
  auto* row = item.memory.take<std::uint32_t>(m);
  f.factor(item);
  std::iota(row, row + m, 0u);
  for (i64 k = 0; k < least; ++k) std::swap(row[k], row[f.pivot[k]]);
  // x = l[p, :] @ u: p says for each row of x which row of l it is.
  auto* p = item.out<std::uint32_t>(0, m);
  for (i64 i = 0; i < m; ++i) p[row[i]] = std::uint32_t(i);
  T *l = item.out<T>(1, m * least), *u = item.out<T>(2, least * n);
  for (i64 i = 0; i < m; ++i) {
    const i64 below = std::min(i, least);
    std::copy_n(f.a.at(i, 0), below, l + i * least);
    std::fill_n(l + i * least + below, least - below, T(0));
    if (i >= least) continue;
    l[i * least + i] = 1;
    std::fill_n(u + i * n, i, T(0));
    std::copy_n(f.a.at(i, i), n - i, u + i * n + i);
  }
}

template <class T>
std::uint64_t lu_bytes(const Problem& p) {
  Memory memory;
  const Factors<T> counted(p, memory);
  memory.take<std::uint32_t>(p.m());
  return memory.used();
}

// Products and logarithms in f64: many factors leave the range of f32 where their product does not.
template <class T>
void run_det(Item& item) {
  const i64 n = item.p.n();
  Factors<T> f(item.p, item.memory);
  f.factor(item);
  double sign = 1, log = 0;
  for (i64 k = 0; k < n; ++k) {
    if (f.pivot[k] != std::uint32_t(k)) sign = -sign;
  }
  double product = sign;
  for (i64 k = 0; k < n; ++k) {
    const auto d = double(*f.a.at(k, k));
    product *= d;
    sign = d == 0 ? 0 : d < 0 ? -sign : sign;
    if (item.p.op == QN_OP_SLOGDET) log += std::log(std::abs(d));
  }
  *item.out<T>(0, 1) = T(item.p.op == QN_OP_DET ? product : sign);
  if (item.p.op == QN_OP_SLOGDET) *item.out<T>(1, 1) = T(log);
}

template <class T>
void run_solve(Item& item) {
  const Problem& p = item.p;
  const i64 n = p.n(), w = p.b.columns;
  const View<T> b{item.out<T>(0, n * w), n, w, w};
  load_rows(p.b, item.in<T>(1), b.data);
  Factors<T> f(p, item.memory);
  View<const T> a{f.a.data, n, n, n};
  if (p.full)
    f.factor(item);
  else if (p.x.column == 1 && p.x.row >= n && p.x.row <= std::numeric_limits<blasint>::max())
    a = {item.in<T>(0), n, n, p.x.row};
  else
    load_rows(p.x, item.in<T>(0), f.a.data);
  const std::uint32_t parts = strips(2.0 * double(n) * double(n) * double(w), w);
  item.desk.each(parts, [&](std::uint32_t i) {
    const i64 from = i64(i) * w / parts, to = i64(i + 1) * w / parts;
    const View<T> some = b.part(0, from, n, to - from);
    if (!p.full) return substitute(p.upper ? Triangle::upper : Triangle::lower, a, some);
    swap_rows(some, f.pivot, n);
    substitute(Triangle::unit_lower, a, some);
    substitute(Triangle::upper, a, some);
  });
}

double cube(const Problem& p) { return double(p.m()) * double(p.n()) * double(p.least()); }
double third(const Problem& p) { return cube(p) / 3; }
double two_thirds(const Problem& p) { return cube(p) * 2 / 3; }
double solution(const Problem& p) {
  return (p.full ? two_thirds(p) : 0) +
         (p.full ? 2.0 : 1.0) * double(p.n()) * double(p.n()) * double(p.b.columns);
}

const Routine kTable[] = {
    {QN_OP_CHOLESKY,
     "potrf",
     {},
     {cholesky_bytes<float>, cholesky_bytes<double>},
     {run_cholesky<float>, run_cholesky<double>},
     third,
     150},
    {QN_OP_LU_FACTOR,
     "lu_factor",
     {},
     {factor_bytes<float, false>, factor_bytes<double, false>},
     {run_lu_factor<float>, run_lu_factor<double>},
     two_thirds,
     150},
    {QN_OP_LU,
     "lu",
     {},
     {lu_bytes<float>, lu_bytes<double>},
     {run_lu<float>, run_lu<double>},
     two_thirds,
     200},
    {QN_OP_DET,
     "det",
     {},
     {factor_bytes<float, true>, factor_bytes<double, true>},
     {run_det<float>, run_det<double>},
     two_thirds,
     150},
    {QN_OP_SLOGDET,
     "slogdet",
     {},
     {factor_bytes<float, true>, factor_bytes<double, true>},
     {run_det<float>, run_det<double>},
     two_thirds,
     200},
    {QN_OP_SOLVE_SYSTEM,
     "solve",
     {},
     {factor_bytes<float, true>, factor_bytes<double, true>},
     {run_solve<float>, run_solve<double>},
     solution,
     200},
};

}  // namespace

std::span<const Routine> elimination_routines() { return kTable; }

}  // namespace quern::openblas
