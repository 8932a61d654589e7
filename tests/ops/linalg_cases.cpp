// Linear algebra: solving, inverses and determinants against elimination in f64; decompositions
// whose result is unique against their definition. The others are in linalg_test.cpp.
#include <algorithm>
#include <cmath>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

const Dtypes kWide = {QN_F32, QN_F64};

using Matrix = std::vector<double>;  // n x n, by rows

// Gauss-Jordan without pivoting: the inverse, and the determinant on the way. For matrices with a
// heavy diagonal.
Matrix inverse(Matrix a, std::size_t n, double* det = nullptr) {
  Matrix b(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) b[i * n + i] = 1;
  double product = 1;
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = a[k * n + k];
    product *= pivot;
    for (std::size_t j = 0; j < n; ++j) a[k * n + j] /= pivot, b[k * n + j] /= pivot;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[i * n + k];
      for (std::size_t j = 0; j < n; ++j) {
        a[i * n + j] -= factor * a[k * n + j];
        b[i * n + j] -= factor * b[k * n + j];
      }
    }
  }
  if (det) *det = product;
  return b;
}

enum class Kind { full, lower, upper };

// The triangle that is read.
Matrix read_part(Matrix a, std::size_t n, Kind kind) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if ((kind == Kind::lower && j > i) || (kind == Kind::upper && j < i)) a[i * n + j] = 0;
    }
  }
  return a;
}

// f of every matrix of v, whose results have shape `sides`.
template <typename F>
Value each(const Value& v, const Shape& sides, F f) {
  const auto n = static_cast<std::size_t>(v.shape.back());
  Value out{Shape(v.shape.begin(), v.shape.end() - 2), {}};
  out.shape.insert(out.shape.end(), sides.begin(), sides.end());
  for (std::size_t at = 0; at < v.data.size(); at += n * n) {
    const auto from = v.data.begin() + static_cast<std::ptrdiff_t>(at);
    const Matrix m = f(Matrix(from, from + static_cast<std::ptrdiff_t>(n * n)), n);
    out.data.insert(out.data.end(), m.begin(), m.end());
  }
  return out;
}

Value inverses(const Value& v, Kind kind) {
  const std::int64_t n = v.shape.back();
  return each(v, {n, n}, [kind](const Matrix& m, std::size_t size) {
    return inverse(read_part(m, size, kind), size);
  });
}

Value product(const Value& a, const Value& b) {
  Shape to = broadcast(Shape(a.shape.begin(), a.shape.end() - 2),
                       Shape(b.shape.begin(), b.shape.end() - 2));
  const std::size_t batch = to.size();
  to.push_back(a.shape[a.shape.size() - 2]);
  to.push_back(b.shape.back());
  return make(to, [&](const Shape& i) {
    Shape left = i, right = i;
    double sum = 0;
    for (std::int64_t k = 0; k < a.shape.back(); ++k) {
      left[batch + 1] = right[batch] = k;
      sum += broadcast_at(a, left) * broadcast_at(b, right);
    }
    return sum;
  });
}

Value solution(const Values& in, Kind kind) {
  Value b = in[1];
  const bool vector = b.shape.size() == 1;
  if (vector) b.shape.push_back(1);
  Value x = product(inverses(in[0], kind), b);
  if (vector) x.shape.pop_back();
  return x;
}

void heavy_diagonal(Values& in) {
  const auto n = static_cast<std::size_t>(in[0].shape.back());
  for (std::size_t i = 0; i < in[0].data.size(); ++i) {
    if (i / n % n == i % n) in[0].data[i] += 6;
  }
}

// Symmetric and positive definite.
void positive(Values& in) {
  heavy_diagonal(in);
  const auto n = static_cast<std::size_t>(in[0].shape.back());
  for (std::size_t at = 0; at < in[0].data.size(); at += n * n) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) in[0].data[at + j * n + i] = in[0].data[at + i * n + j];
    }
  }
}

Matrix cholesky(const Matrix& a, std::size_t n) {
  Matrix l(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(sum) : sum / l[j * n + j];
    }
  }
  return l;
}

Matrix transposed(const Matrix& a, std::size_t n) {
  Matrix t(n * n);
  for (std::size_t i = 0; i < n * n; ++i) t[i % n * n + i / n] = a[i];
  return t;
}

Case row(const char* op, const std::string& label, std::vector<Input> in, Reference f,
         std::vector<Attribute> attrs = {}, bool gradient = true,
         void (*prepare)(Values&) = heavy_diagonal) {
  return {op,       label, std::move(in), std::move(attrs), std::move(f), kWide, Result::same,
          gradient, 4,     prepare};
}

void add_solving(Cases& cases) {
  // A leading axis everywhere: the form `repeated` repeats matrices, not rows.
  const std::pair<Shape, Shape> pairs[] = {
      {{1, 4, 4}, {4}}, {{1, 4, 4}, {4, 2}}, {{2, 3, 3}, {2, 3, 2}}, {{1, 3, 3}, {2, 3, 1}},
      {{1, 1, 1}, {1}}, {{1, 4, 4}, {4, 0}}, {{0, 3, 3}, {3, 2}},
  };
  for (const auto& [a, b] : pairs) {
    const std::string name = label(a) + "_" + label(b);
    cases.push_back(
        row("solve", name, {{a}, {b}}, [](const Values& in) { return solution(in, Kind::full); }));
    for (bool upper : {false, true}) {
      const Kind kind = upper ? Kind::upper : Kind::lower;
      cases.push_back(row("solve_triangular", name + (upper ? "_upper" : "_lower"), {{a}, {b}},
                          [kind](const Values& in) { return solution(in, kind); },
                          {integer(upper)}));
    }
    if (b.size() > 1) {
      cases.push_back(row("solve_system", name, {{a}, {b}},
                          [](const Values& in) { return solution(in, Kind::full); }));
    }
  }
}

void add_inverses(Cases& cases) {
  for (const Shape& s :
       {Shape{1, 4, 4}, Shape{2, 3, 3}, Shape{1, 1, 1}, Shape{1, 0, 0}, Shape{1, 20, 20}}) {
    const bool gradient = count(s) < 50;
    cases.push_back(row(
        "inv", label(s), {{s}}, [](const Values& in) { return inverses(in[0], Kind::full); }, {},
        gradient));
    const auto det = [](const Matrix& m, std::size_t n) {
      double d = 1;
      inverse(m, n, &d);
      return Matrix{d};
    };
    if (s.back() == 0) continue;
    cases.push_back(row(
        "det", label(s), {{s}}, [det](const Values& in) { return each(in[0], {}, det); }, {},
        gradient));
    for (std::uint32_t which : {0u, 1u}) {
      cases.push_back(row(
          "slogdet", label(s) + (which ? "_log" : "_sign"), {{s}},
          [det, which](const Values& in) {
            Value v = each(in[0], {}, det);
            for (double& d : v.data) d = which ? std::log(std::abs(d)) : d < 0 ? -1 : 1;
            return v;
          },
          {}, gradient && which == 1));
      cases.back().n_out = 2;
      cases.back().which = which;
    }
    for (bool upper : {false, true}) {
      const Kind kind = upper ? Kind::upper : Kind::lower;
      const std::string name = label(s) + (upper ? "_upper" : "_lower");
      cases.push_back(row(
          "tri_inv", name, {{s}}, [kind](const Values& in) { return inverses(in[0], kind); },
          {integer(upper)}, gradient));
      cases.push_back(row(
          "cholesky", name, {{s}},
          [upper](const Values& in) {
            const std::int64_t n = in[0].shape.back();
            return each(in[0], {n, n}, [upper](const Matrix& m, std::size_t k) {
              return upper ? transposed(cholesky(m, k), k) : cholesky(m, k);
            });
          },
          {integer(upper)}, false, s.back() < 10 ? positive : nullptr));
      if (s.back() > 10) {
        cases.back().prepare = [](Values& in) {
          positive(in);
          for (std::size_t i = 0; i < 20; ++i) in[0].data[i * 21] += 40;
        };
      }
      cases.push_back(row(
          "cholesky_inv", name, {{s}},
          [kind](const Values& in) {
            const std::int64_t n = in[0].shape.back();
            return each(in[0], {n, n}, [kind](const Matrix& m, std::size_t k) {
              const Matrix f = read_part(m, k, kind), t = transposed(f, k);
              Matrix a(k * k, 0);
              const Matrix &l = kind == Kind::lower ? f : t, &u = kind == Kind::lower ? t : f;
              for (std::size_t i = 0; i < k * k; ++i) {
                for (std::size_t j = 0; j < k; ++j) a[i] += l[i / k * k + j] * u[j * k + i % k];
              }
              return inverse(a, k);
            });
          },
          {integer(upper)}, gradient));
    }
  }
}

}  // namespace

Cases linalg_cases() {
  Cases cases;
  add_solving(cases);
  add_inverses(cases);
  return cases;
}

}  // namespace quern::test
