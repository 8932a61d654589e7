// Decompositions by what defines them: factors multiply to the matrix, vectors are orthonormal,
// values are in order. For every dtype, shape and layout, degenerate matrices among them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

using Complex = std::complex<double>;

struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<Complex> data;
  Complex& at(std::int64_t i, std::int64_t j) {
    return data[static_cast<std::size_t>(i * columns + j)];
  }
  Complex at(std::int64_t i, std::int64_t j) const {
    return data[static_cast<std::size_t>(i * columns + j)];
  }
};

Matrix matrix(const Value& v) {
  Matrix m{v.shape[0], v.shape[1], {}};
  for (std::size_t i = 0; i < v.data.size(); ++i)
    m.data.push_back({v.data[i], v.imag.empty() ? 0 : v.imag[i]});
  return m;
}

Matrix times(const Matrix& a, const Matrix& b) {
  Matrix c{a.rows, b.columns, std::vector<Complex>(static_cast<std::size_t>(a.rows * b.columns))};
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < b.columns; ++j) {
      for (std::int64_t k = 0; k < a.columns; ++k) c.at(i, j) += a.at(i, k) * b.at(k, j);
    }
  }
  return c;
}

Matrix adjoint(const Matrix& a) {
  Matrix t{a.columns, a.rows, std::vector<Complex>(a.data.size())};
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) t.at(j, i) = std::conj(a.at(i, j));
  }
  return t;
}

void expect_near(const Matrix& a, const Matrix& b, double tolerance) {
  ASSERT_EQ(a.rows, b.rows);
  ASSERT_EQ(a.columns, b.columns);
  for (std::size_t i = 0; i < a.data.size(); ++i)
    ASSERT_NEAR(std::abs(a.data[i] - b.data[i]), 0, tolerance) << "element " << i;
}

void expect_orthonormal_columns(const Matrix& q, double tolerance) {
  Matrix one{q.columns, q.columns,
             std::vector<Complex>(static_cast<std::size_t>(q.columns * q.columns))};
  for (std::int64_t i = 0; i < q.columns; ++i) one.at(i, i) = 1;
  expect_near(times(adjoint(q), q), one, tolerance);
}

// Named kinds of matrices, the same each time.
Value example(const Shape& s, const std::string& kind) {
  const bool zero = kind == "zero", rank_one = kind == "rank_one", ones = kind == "ones";
  Value v = make(s, [&](const Shape& i) {
    const auto r = static_cast<double>(i[0]), c = static_cast<double>(i[1]);
    if (zero) return 0.0;
    if (kind == "constant")
      return 0.7;  // lengths of rounding errors alone beside one singular value
    if (ones) return i[0] == i[1] ? 1.0 : 0.0;
    if (rank_one) return (1 + r) * (2 - c);
    return std::sin(3.7 * r + 1.3 * c * c + 0.5) + (i[0] == i[1] ? 0.25 : 0);
  });
  if (kind == "symmetric") {
    for (std::int64_t i = 0; i < s[0]; ++i) {
      for (std::int64_t j = 0; j < i; ++j) at(v, {j, i}) = at(v, {i, j});
    }
  }
  return v;
}

struct Problem {
  Shape shape;
  std::string kind;
};

// f(array, the matrix it holds, tolerance) over dtypes and layouts.
template <typename F>
void over(const std::vector<Problem>& problems, F f) {
  Runtime& rt = Runtime::preferring("naive");
  for (const Problem& p : problems) {
    for (qn_dtype t : {QN_F32, QN_F64}) {
      for (Form form : {Form::dense, Form::transposed, Form::reversed, Form::gapped}) {
        SCOPED_TRACE(label(p.shape) + " " + p.kind + ", " + name(t) + ", " + name(form));
        Value v = example(p.shape, p.kind);
        for (double& x : v.data) x = rounded(x, t);
        double size = 1;
        for (double x : v.data) size += std::abs(x);
        f(rt, array(rt, v, t, form), matrix(v), (t == QN_F64 ? 1e-13 : 2e-6) * size);
      }
    }
  }
}

Value part(Runtime& rt, const char* op, const Array& x, std::uint32_t n, std::uint32_t which,
           std::vector<Attribute> attrs = {}) {
  return read(apply(rt, op, {x}, attrs, n, which));
}

const std::vector<Problem> kAnyShape = {
    {{4, 4}, "plain"},    {{5, 3}, "plain"},    {{3, 5}, "plain"},    {{1, 1}, "plain"},
    {{1, 4}, "plain"},    {{4, 1}, "plain"},    {{4, 4}, "zero"},     {{4, 3}, "rank_one"},
    {{3, 4}, "ones"},     {{12, 12}, "plain"},  {{6, 6}, "rank_one"}, {{5, 5}, "constant"},
    {{7, 4}, "constant"}, {{4, 9}, "constant"},
};
const std::vector<Problem> kSymmetric = {{{4, 4}, "symmetric"},
                                         {{1, 1}, "symmetric"},
                                         {{3, 3}, "zero"},
                                         {{4, 4}, "ones"},
                                         {{12, 12}, "symmetric"}};
const std::vector<Problem> kSquare = {{{4, 4}, "plain"},    {{1, 1}, "plain"}, {{2, 2}, "plain"},
                                      {{3, 3}, "zero"},     {{4, 4}, "ones"},  {{12, 12}, "plain"},
                                      {{5, 5}, "symmetric"}};

TEST(Linalg, Qr) {
  over(kAnyShape, [](Runtime& rt, const Array& x, const Matrix& m, double tolerance) {
    const Matrix q = matrix(part(rt, "qr", x, 2, 0)), r = matrix(part(rt, "qr", x, 2, 1));
    expect_near(times(q, r), m, tolerance);
    expect_orthonormal_columns(q, tolerance);
    for (std::int64_t i = 0; i < r.rows; ++i) {
      for (std::int64_t j = 0; j < std::min(i, r.columns); ++j) EXPECT_EQ(r.at(i, j), 0.0);
    }
  });
}

TEST(Linalg, Svd) {
  over(kAnyShape, [](Runtime& rt, const Array& x, const Matrix& m, double tolerance) {
    const Matrix u = matrix(part(rt, "svd", x, 3, 0)), vt = matrix(part(rt, "svd", x, 3, 2));
    const Value s = part(rt, "svd", x, 3, 1);
    ASSERT_EQ(u.rows, u.columns);
    ASSERT_EQ(vt.rows, vt.columns);
    expect_orthonormal_columns(u, tolerance);
    expect_orthonormal_columns(adjoint(vt), tolerance);
    Matrix middle{m.rows, m.columns, std::vector<Complex>(m.data.size())};
    for (std::size_t i = 0; i < s.data.size(); ++i) {
      middle.at(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i)) = s.data[i];
      EXPECT_GE(s.data[i], 0);
      if (i > 0) {
        EXPECT_LE(s.data[i], s.data[i - 1]);
      }
    }
    expect_near(times(times(u, middle), vt), m, tolerance);
    EXPECT_EQ(read(apply(rt, "singular_values", {x}, {})).data, s.data);
  });
}

TEST(Linalg, Eigh) {
  over(kSymmetric, [](Runtime& rt, const Array& x, const Matrix& m, double tolerance) {
    for (const char* uplo : {"L", "U"}) {
      const Value w = part(rt, "eigh", x, 2, 0, {text(uplo)});
      const Matrix v = matrix(part(rt, "eigh", x, 2, 1, {text(uplo)}));
      expect_orthonormal_columns(v, tolerance);
      EXPECT_TRUE(std::is_sorted(w.data.begin(), w.data.end()));
      Matrix scaled = v;
      for (std::int64_t i = 0; i < v.rows; ++i) {
        for (std::int64_t j = 0; j < v.columns; ++j)
          scaled.at(i, j) *= w.data[static_cast<std::size_t>(j)];
      }
      expect_near(times(m, v), scaled, tolerance);
      EXPECT_EQ(read(apply(rt, "eigvalsh", {x}, {text(uplo)})).data, w.data);
    }
  });
}

TEST(Linalg, EighReadsOneTriangle) {
  Runtime& rt = Runtime::preferring("naive");
  const Array x = array(rt, {{2, 2}, {2, 50, 1, 2}}, QN_F64);
  const Value lower = read(apply(rt, "eigvalsh", {x}, {text("L")})),
              upper = read(apply(rt, "eigvalsh", {x}, {text("U")}));
  EXPECT_NEAR(lower.data[0], 1, 1e-12);
  EXPECT_NEAR(lower.data[1], 3, 1e-12);
  EXPECT_NEAR(upper.data[1], 52, 1e-12);
}

TEST(Linalg, Eig) {
  over(kSquare, [](Runtime& rt, const Array& x, const Matrix& m, double tolerance) {
    const double loose = std::max(tolerance, 1e-5);  // c64 whatever the input
    const Value w = part(rt, "eig", x, 2, 0), vectors = part(rt, "eig", x, 2, 1);
    const Matrix v = matrix(vectors);
    for (std::int64_t j = 0; j < v.columns; ++j) {
      const auto k = static_cast<std::size_t>(j);
      const Complex lambda(w.data[k], w.imag[k]);
      double length = 0;
      for (std::int64_t i = 0; i < v.rows; ++i) {
        Complex sum = 0;
        for (std::int64_t n = 0; n < v.rows; ++n) sum += m.at(i, n) * v.at(n, j);
        EXPECT_NEAR(std::abs(sum - lambda * v.at(i, j)), 0, loose);
        length += std::norm(v.at(i, j));
      }
      EXPECT_NEAR(length, 1, 1e-5);
    }
    Complex trace = 0, total = 0;
    for (std::int64_t i = 0; i < m.rows; ++i) trace += m.at(i, i);
    for (std::size_t i = 0; i < w.data.size(); ++i) total += Complex(w.data[i], w.imag[i]);
    EXPECT_NEAR(std::abs(trace - total), 0, loose);
    EXPECT_EQ(read(apply(rt, "eigvals", {x}, {})).data, w.data);
  });
}

// A rotation by 90 degrees, and a matrix with one eigenvector only.
TEST(Linalg, EigOfRotationAndShear) {
  Runtime& rt = Runtime::preferring("naive");
  const Value w = read(apply(rt, "eigvals", {array(rt, {{2, 2}, {0, -1, 1, 0}}, QN_F64)}, {}));
  EXPECT_NEAR(std::abs(w.imag[0]), 1, 1e-6);
  EXPECT_NEAR(w.imag[0] + w.imag[1], 0, 1e-6);
  EXPECT_NEAR(w.data[0], 0, 1e-6);
  const Array shear = array(rt, {{2, 2}, {1, 1, 0, 1}}, QN_F64);
  const Value v = read(apply(rt, "eig", {shear}, {}, 2, 1));
  EXPECT_NEAR(std::abs(v.data[0]), 1, 1e-6);
  EXPECT_NEAR(std::abs(v.data[1]), 1, 1e-6);
}

TEST(Linalg, Lu) {
  over(kAnyShape, [](Runtime& rt, const Array& x, const Matrix& m, double tolerance) {
    const Value p = part(rt, "lu", x, 3, 0);
    const Matrix l = matrix(part(rt, "lu", x, 3, 1)), u = matrix(part(rt, "lu", x, 3, 2));
    const Matrix lu = times(l, u);
    Matrix back = lu;
    for (std::int64_t i = 0; i < m.rows; ++i) {
      for (std::int64_t j = 0; j < m.columns; ++j)
        back.at(i, j) = lu.at(static_cast<std::int64_t>(p.data[static_cast<std::size_t>(i)]), j);
    }
    expect_near(back, m, tolerance);
    for (std::int64_t i = 0; i < l.rows; ++i) {
      for (std::int64_t j = 0; j < l.columns; ++j) {
        if (j >= i) {
          EXPECT_EQ(l.at(i, j), i == j ? 1.0 : 0.0);
        }
        EXPECT_LE(std::abs(l.at(i, j)), 1 + tolerance);
      }
    }
    // The compact form holds the same numbers, and pivots that give the same permutation.
    const Matrix compact = matrix(part(rt, "lu_factor", x, 2, 0));
    const Value pivots = part(rt, "lu_factor", x, 2, 1);
    std::vector<double> row(static_cast<std::size_t>(m.rows));
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<double>(i);
    for (std::size_t k = 0; k < pivots.data.size(); ++k)
      std::swap(row[k], row[static_cast<std::size_t>(pivots.data[k])]);
    for (std::size_t i = 0; i < row.size(); ++i)
      EXPECT_EQ(p.data[static_cast<std::size_t>(row[i])], static_cast<double>(i));
    for (std::int64_t i = 0; i < m.rows; ++i) {
      for (std::int64_t j = 0; j < m.columns; ++j)
        EXPECT_EQ(compact.at(i, j), j < i ? l.at(i, j) : u.at(i, j));
    }
  });
}

TEST(Linalg, PseudoInverse) {
  over(kAnyShape, [](Runtime& rt, const Array& x, const Matrix& m, double tolerance) {
    const Matrix p = matrix(read(apply(rt, "pinv", {x}, {})));
    const double loose = tolerance * 100;
    expect_near(times(times(m, p), m), m, loose);
    const Matrix mp = times(m, p), pm = times(p, m);
    expect_near(mp, adjoint(mp), loose);
    expect_near(pm, adjoint(pm), loose);
  });
}

// Matrices that would not fit into any memory, none of them.
TEST(Linalg, NoMatricesNeedNoMemory) {
  Runtime& rt = Runtime::preferring("naive");
  constexpr std::int64_t n = std::int64_t{1} << 22;
  const Array x = array(rt, {{0, n, n}, {}}, QN_F32), b = array(rt, {{0, n, 1}, {}}, QN_F32);
  using Shape = std::vector<std::int64_t>;
  const Shape whole{0, n, n}, line{0, n}, one{0};
  const auto expect = [&](const char* op, const std::vector<Shape>& shapes) {
    SCOPED_TRACE(op);
    for (std::uint32_t k = 0; k < shapes.size(); ++k)
      EXPECT_EQ(read(apply(rt, op, {x}, {}, static_cast<std::uint32_t>(shapes.size()), k)).shape,
                shapes[k]);
  };
  expect("cholesky", {whole});
  expect("qr", {whole, whole});
  expect("svd", {whole, line, whole});
  expect("eigh", {line, whole});
  expect("eig", {line, whole});
  expect("det", {one});
  expect("slogdet", {one, one});
  EXPECT_EQ(read(apply(rt, "solve", {x, b}, {})).shape, (Shape{0, n, 1}));
}

// What has no answer gives numbers that say so, and no error.
TEST(Linalg, SingularMatrices) {
  Runtime& rt = Runtime::preferring("naive");
  const Array zero = array(rt, {{2, 2}, {0, 0, 0, 0}}, QN_F32);
  EXPECT_EQ(read(apply(rt, "det", {zero}, {})).data[0], 0);
  EXPECT_EQ(read(apply(rt, "slogdet", {zero}, {}, 2, 0)).data[0], 0);
  EXPECT_EQ(read(apply(rt, "slogdet", {zero}, {}, 2, 1)).data[0], -INFINITY);
  EXPECT_FALSE(std::isfinite(read(apply(rt, "inv", {zero}, {})).data[0]));
  const Array negative = array(rt, {{2, 2}, {-1, 0, 0, 1}}, QN_F32);
  EXPECT_TRUE(std::isnan(read(apply(rt, "cholesky", {negative}, {})).data[0]));
  const Array nan = array(rt, {{2, 2}, {NAN, 1, 1, 2}}, QN_F32);
  EXPECT_TRUE(std::isnan(read(apply(rt, "eigvalsh", {nan}, {})).data[0]));
  EXPECT_TRUE(std::isnan(read(apply(rt, "eigvals", {nan}, {})).data[0]));
  EXPECT_EQ(read(apply(rt, "singular_values", {nan}, {})).data.size(), 2u);
}

}  // namespace
}  // namespace quern::test
