// qr, svd, eigh, eig, eigvals, slogdet and solve_system in f64 and plain loops, one matrix after
// the other.
#include "runtime/cli/check/decomposition.h"

#include <algorithm>
#include <cmath>
#include <complex>

namespace quern_cli::check {
namespace {

using Complex = std::complex<double>;

struct Matrix {
  std::size_t m = 0, n = 0;
  std::vector<Complex> v;
  Matrix(std::size_t rows, std::size_t columns) : m(rows), n(columns), v(rows * columns) {}
  Complex& at(std::size_t i, std::size_t j) { return v[i * n + j]; }
  Complex at(std::size_t i, std::size_t j) const { return v[i * n + j]; }
};

// Number k of the stack; a vector is a matrix of one row.
Matrix matrix(const Bytes& b, const Meta& meta, std::size_t k, bool vector = false) {
  const std::size_t rank = meta.shape.size();
  Matrix a(vector ? 1 : static_cast<std::size_t>(meta.shape[rank - 2]),
           static_cast<std::size_t>(meta.shape[rank - 1]));
  for (std::size_t i = 0; i < a.v.size(); ++i) {
    const std::size_t at = k * a.v.size() + i;
    a.v[i] = {element(b, meta.dtype, at), meta.dtype == QN_C64 ? element(b, meta.dtype, at, 1) : 0};
  }
  return a;
}

Matrix times(const Matrix& a, const Matrix& b) {
  Matrix c(a.m, b.n);
  for (std::size_t i = 0; i < a.m; ++i)
    for (std::size_t k = 0; k < a.n; ++k)
      for (std::size_t j = 0; j < b.n; ++j) c.at(i, j) += a.at(i, k) * b.at(k, j);
  return c;
}

Matrix turned(const Matrix& a) {
  Matrix t(a.n, a.m);
  for (std::size_t i = 0; i < a.m; ++i)
    for (std::size_t j = 0; j < a.n; ++j) t.at(j, i) = std::conj(a.at(i, j));
  return t;
}

double largest(const Matrix& a) {
  double most = 0;
  for (const Complex& x : a.v) {
    const double size = std::abs(x);
    most = std::isfinite(size) ? std::max(most, size) : INFINITY;
  }
  return most;
}

double distance(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.v.size(); ++i) a.v[i] -= b.v[i];
  return largest(a);
}

// How far columns are from orthonormal ones.
double skew(const Matrix& q) {
  Matrix one(q.n, q.n);
  for (std::size_t i = 0; i < q.n; ++i) one.at(i, i) = 1;
  return distance(times(turned(q), q), one);
}

// Columns of a (the first of them) times the numbers in s.
Matrix scaled(const Matrix& a, const Matrix& s) {
  Matrix b(a.m, s.n);
  for (std::size_t i = 0; i < a.m; ++i)
    for (std::size_t j = 0; j < s.n; ++j) b.at(i, j) = a.at(i, j) * s.v[j];
  return b;
}

// The symmetric matrix of which a's lower or upper triangle is read.
Matrix symmetric(Matrix a, bool upper) {
  for (std::size_t i = 0; i < a.n; ++i)
    for (std::size_t j = 0; j < i; ++j)
      (upper ? a.at(i, j) : a.at(j, i)) = upper ? a.at(j, i) : a.at(i, j);
  return a;
}

// The part of a that solve_system reads.
Matrix read_part(Matrix a, const std::string& kind) {
  for (std::size_t i = 0; i < a.m; ++i)
    for (std::size_t j = 0; j < a.n; ++j)
      if ((kind == "lower" && j > i) || (kind == "upper" && j < i)) a.at(i, j) = 0;
  return a;
}

struct Judge {
  const Problem& p;
  const std::vector<Bytes>& got;
  std::size_t& which;
  double tolerance = 0;
  Difference worst{};

  void expect(double error, double scale, std::size_t output, const char* what, std::size_t k) {
    if (!worst.good || error <= tolerance * scale) return;
    which = output;
    worst = {false, std::string(what) + " by " + std::to_string(error) + " of " +
                        std::to_string(tolerance * scale) + ", matrix " + std::to_string(k)};
  }

  void one(std::size_t k) {
    const Matrix x = matrix(p.values[0], p.in[0], k);
    const double size = largest(x), side = static_cast<double>(x.m + x.n);
    if (!std::isfinite(size) || x.v.empty()) return;
    const auto part = [&](std::size_t i, bool vector = false) {
      return matrix(got[i], p.out[i], k, vector);
    };
    const char* const factors = "the factors do not give the matrix";
    const char* const basis = "vectors are not orthonormal";
    if (p.op == QN_OP_QR) {
      const Matrix q = part(0), r = part(1);
      expect(distance(times(q, r), x), size * side, 0, factors, k);
      expect(skew(q), side, 0, basis, k);
      double below = 0;
      for (std::size_t i = 0; i < r.m; ++i)
        for (std::size_t j = 0; j < std::min(i, r.n); ++j)
          below = std::max(below, std::abs(r.at(i, j)));
      expect(below, 0, 1, "r is not triangular", k);
    } else if (p.op == QN_OP_SVD) {
      const Matrix u = part(0), s = part(1, true), vt = part(2);
      Matrix first(s.n, vt.n);
      std::copy_n(vt.v.begin(), first.v.size(), first.v.begin());
      expect(distance(times(scaled(u, s), first), x), size * side, 0, factors, k);
      expect(skew(u), side, 0, basis, k);
      expect(skew(turned(vt)), side, 2, basis, k);
      expect(distance(s, matrix(p.want[1], p.out[1], k, true)), size * side, 1,
             "values are not the singular ones", k);
    } else if (p.op == QN_OP_EIGH) {
      const Matrix w = part(0, true), v = part(1);
      const Matrix whole = symmetric(x, p.attrs[0].s == "U");
      expect(distance(times(scaled(v, w), turned(v)), whole), size * side, 1, factors, k);
      expect(skew(v), side, 1, basis, k);
      expect(distance(w, matrix(p.want[0], p.out[0], k, true)), size * side, 0,
             "values are not the eigenvalues", k);
    } else if (p.op == QN_OP_SLOGDET) {
      // The determinants, relative to the product of the rows' lengths.
      double bound = 1;
      for (std::size_t i = 0; i < x.m; ++i) {
        double squares = 0;
        for (std::size_t j = 0; j < x.n; ++j) squares += std::norm(x.at(i, j));
        bound *= std::sqrt(squares);
      }
      const auto det = [&](const std::vector<Bytes>& from) {
        return element(from[0], p.out[0].dtype, k) * std::exp(element(from[1], p.out[1].dtype, k));
      };
      if (std::isfinite(bound))
        expect(std::abs(det(got) - det(p.want)), bound * side, 0, "another determinant", k);
    } else if (p.op == QN_OP_SOLVE_SYSTEM) {
      const Matrix y = part(0), b = matrix(p.values[1], p.in[1], k);
      const double want = largest(matrix(p.want[0], p.out[0], k));
      if (want < 1e6 * (1 + largest(b)))  // else next to singular
        expect(distance(times(read_part(x, p.attrs[0].s), y), b),
               side * (size * largest(y) + largest(b)), 0, "the product is not the right side", k);
    } else {
      const Matrix w = part(0, true);
      Complex trace = 0, sum = 0;
      for (std::size_t i = 0; i < x.n; ++i) trace += x.at(i, i), sum += w.v[i];
      expect(std::abs(trace - sum), size * side, 0, "the sum of values is not the trace", k);
      if (p.op == QN_OP_EIGVALS) return;
      const Matrix v = part(1);
      expect(distance(times(x, v), scaled(v, w)), size * side, 1, "vectors are no eigenvectors", k);
      for (std::size_t j = 0; j < v.n; ++j) {
        double length = 0;
        for (std::size_t i = 0; i < v.m; ++i) length += std::norm(v.at(i, j));
        expect(std::abs(length - 1), side, 1, "vectors are not of length 1", k);
      }
    }
  }
};

}  // namespace

std::optional<Difference> judge_decomposition(const Problem& p, const std::vector<Bytes>& got,
                                              std::size_t& which) {
  switch (p.op) {
    case QN_OP_QR:
    case QN_OP_SVD:
    case QN_OP_EIGH:
    case QN_OP_EIG:
    case QN_OP_EIGVALS:
    case QN_OP_SLOGDET:
    case QN_OP_SOLVE_SYSTEM:
      break;
    default:
      return std::nullopt;
  }
  const Meta& x = p.in[0];
  const std::size_t rank = x.shape.size();
  const std::int64_t size = x.shape[rank - 2] * x.shape[rank - 1];
  if (size == 0 || !std::isfinite(floor_of(p))) return std::nullopt;
  Judge judge{p, got, which, tolerance_of(p)};
  for (std::int64_t k = 0; k < x.count() / size; ++k) judge.one(static_cast<std::size_t>(k));
  return judge.worst;
}

}  // namespace quern_cli::check
