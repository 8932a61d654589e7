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

// f(runtime) for each plugin that has decompositions.
template <typename F>
void by_each_plugin(F f) {
  for (const char* plugin : {"naive", "openblas"}) {
    Runtime& rt = Runtime::preferring(plugin);
    if (!rt.has_plugin(plugin)) continue;
    SCOPED_TRACE(plugin);
    f(rt);
  }
}

// f(runtime, array, the matrix it holds, tolerance) over plugins, dtypes and layouts.
template <typename F>
void over(const std::vector<Problem>& problems, F f) {
  by_each_plugin([&](Runtime& rt) {
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
  });
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

Value part(Runtime& rt, const char* op, const Array& x, std::uint32_t n, std::uint32_t which,
           std::vector<Attribute> attrs = {}) {
  return read(apply(rt, op, {x}, attrs, n, which));
}

const std::vector<Problem> kAnyShape = {
    {{4, 4}, "plain"},    {{5, 3}, "plain"},    {{3, 5}, "plain"},    {{1, 1}, "plain"},
    {{1, 4}, "plain"},    {{4, 1}, "plain"},    {{4, 4}, "zero"},     {{4, 3}, "rank_one"},
    {{3, 4}, "ones"},     {{12, 12}, "plain"},  {{6, 6}, "rank_one"}, {{5, 5}, "constant"},
    {{7, 4}, "constant"}, {{4, 9}, "constant"}, {{45, 45}, "plain"},  {{70, 33}, "plain"},
    {{19, 50}, "plain"},
};
const std::vector<Problem> kSymmetric = {{{4, 4}, "symmetric"},   {{1, 1}, "symmetric"},
                                         {{3, 3}, "zero"},        {{4, 4}, "ones"},
                                         {{12, 12}, "symmetric"}, {{53, 53}, "symmetric"}};
const std::vector<Problem> kSquare = {
    {{4, 4}, "plain"}, {{1, 1}, "plain"},   {{2, 2}, "plain"},     {{3, 3}, "zero"},
    {{4, 4}, "ones"},  {{12, 12}, "plain"}, {{5, 5}, "symmetric"}, {{30, 30}, "plain"}};

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
    expect_near(read(apply(rt, "singular_values", {x}, {})).data, s.data, tolerance);
    for (std::int64_t i = 0; i < std::min(m.rows, m.columns); ++i) {
      double up = 0, down = 0;  // the largest component decides the sign
      for (std::int64_t j = 0; j < m.columns; ++j) {
        up = std::max(up, vt.at(i, j).real());
        down = std::max(down, -vt.at(i, j).real());
      }
      EXPECT_GT(up, down * (1 - 1e-5));
    }
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
      expect_near(read(apply(rt, "eigvalsh", {x}, {text(uplo)})).data, w.data, tolerance);
    }
  });
}

TEST(Linalg, OneTriangleIsRead) {
  by_each_plugin([](Runtime& rt) {
    const Array x = array(rt, {{2, 2}, {2, 50, 1, 2}}, QN_F64);
    for (const auto& [op, n] : {std::pair{"eigvalsh", 1u}, {"eigh", 2u}}) {
      const Value lower = part(rt, op, x, n, 0, {text("L")}),
                  upper = part(rt, op, x, n, 0, {text("U")});
      expect_near(lower.data, {1, 3}, 1e-12);
      expect_near(upper.data, {-48, 52}, 1e-12);
    }
    const double root = std::sqrt(1.5), nan = NAN;
    for (const bool up : {false, true}) {
      const Array y = array(rt, {{2, 2}, {4, nan, 2, 2.5}}, QN_F64);
      expect_near(read(apply(rt, "cholesky", {y}, {integer(up)})).data,
                  up ? std::vector<double>{2, 1, 0, root} : std::vector<double>{2, 0, 1, root},
                  1e-12);
    }
  });
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
    std::vector<double> alone = read(apply(rt, "eigvals", {x}, {})).data, with = w.data;
    std::sort(alone.begin(), alone.end());
    std::sort(with.begin(), with.end());
    expect_near(alone, with, loose);
  });
}

// A rotation by 90 degrees, and a matrix with one eigenvector only.
void rotation_and_shear(Runtime& rt) {
  const Value w = read(apply(rt, "eigvals", {array(rt, {{2, 2}, {0, -1, 1, 0}}, QN_F64)}, {}));
  EXPECT_NEAR(std::abs(w.imag[0]), 1, 1e-6);
  EXPECT_NEAR(w.imag[0] + w.imag[1], 0, 1e-6);
  EXPECT_NEAR(w.data[0], 0, 1e-6);
  const Array shear = array(rt, {{2, 2}, {1, 1, 0, 1}}, QN_F64);
  const Value v = read(apply(rt, "eig", {shear}, {}, 2, 1));
  EXPECT_NEAR(std::abs(v.data[0]), 1, 1e-6);
  EXPECT_NEAR(std::abs(v.data[1]), 1, 1e-6);
}
TEST(Linalg, EigOfRotationAndShear) { by_each_plugin(rotation_and_shear); }

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

// Many matrices and large ones are spread over threads: each is what it is alone.
TEST(Linalg, Stacks) {
  by_each_plugin([](Runtime& rt) {
    const auto check_stack = [&](std::int64_t count, std::int64_t n) {
      const Value v = make({count, n, n}, [&](const Shape& i) {
        const auto k = static_cast<double>(i[0]), r = static_cast<double>(i[1]),
                   c = static_cast<double>(i[2]);
        return std::cos(k + r * c) + (r == c ? 2.0 * static_cast<double>(n) : 0);
      });
      const Array x = array(rt, v, QN_F64);
      const std::size_t size = static_cast<std::size_t>(n * n);
      for (const char* op : {"inv", "cholesky"}) {
        const Value all = read(apply(rt, op, {x}, {}));
        for (std::size_t k : {std::size_t{0}, static_cast<std::size_t>(count) - 1}) {
          const auto from = [&](const Value& w) {
            return w.data.begin() + std::ptrdiff_t(k * size);
          };
          const Value one{{n, n}, {from(v), from(v) + std::ptrdiff_t(size)}};
          const Value alone = read(apply(rt, op, {array(rt, one, QN_F64)}, {}));
          EXPECT_TRUE(std::equal(alone.data.begin(), alone.data.end(), from(all)))
              << op << " " << k;
        }
      }
    };
    check_stack(200, 5);
    check_stack(3, 40);
    check_stack(1, 150);
    // One that is large enough for strips: a a^-1 = 1.
    const Value v = make({150, 150}, [](const Shape& i) {
      return std::sin(static_cast<double>(i[0] * 7 + i[1] * i[1])) + (i[0] == i[1] ? 9 : 0);
    });
    Matrix one{150, 150, std::vector<Complex>(150 * 150)};
    for (std::int64_t i = 0; i < 150; ++i) one.at(i, i) = 1;
    expect_near(times(matrix(v), matrix(read(apply(rt, "inv", {array(rt, v, QN_F64)}, {})))), one,
                1e-11);
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
void no_matrices(Runtime& rt) {
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
TEST(Linalg, NoMatricesNeedNoMemory) { by_each_plugin(no_matrices); }

TEST(Linalg, EmptyMatrices) {
  by_each_plugin([](Runtime& rt) {
    const Array tall = array(rt, {{3, 0}, {}}, QN_F32), wide = array(rt, {{2, 0, 3}, {}}, QN_F64);
    const std::vector<double> one = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    EXPECT_EQ(part(rt, "svd", tall, 3, 0).data, one);
    std::vector<double> two = one;
    two.insert(two.end(), one.begin(), one.end());
    EXPECT_EQ(part(rt, "svd", wide, 3, 2).data, two);
    EXPECT_EQ(part(rt, "qr", tall, 2, 0).shape, (Shape{3, 0}));
    EXPECT_EQ(part(rt, "qr", wide, 2, 1).shape, (Shape{2, 0, 3}));
    EXPECT_EQ(part(rt, "lu", wide, 3, 2).shape, (Shape{2, 0, 3}));
    const Array none = array(rt, {{0, 0}, {}}, QN_F32);
    EXPECT_EQ(part(rt, "det", none, 1, 0).data, (std::vector<double>{1}));
    EXPECT_EQ(part(rt, "slogdet", none, 2, 1).data, (std::vector<double>{0}));
    for (const auto& [op, n] : {std::pair{"eigh", 2u}, {"eig", 2u}, {"cholesky", 1u}, {"inv", 1u}})
      EXPECT_TRUE(part(rt, op, none, n, n - 1).data.empty()) << op;
  });
}

// What has no answer gives numbers that say so, and no error.
void no_answer(Runtime& rt) {
  const Array zero = array(rt, {{2, 2}, {0, 0, 0, 0}}, QN_F32);
  EXPECT_EQ(read(apply(rt, "det", {zero}, {})).data[0], 0);
  EXPECT_EQ(read(apply(rt, "slogdet", {zero}, {}, 2, 0)).data[0], 0);
  EXPECT_EQ(read(apply(rt, "slogdet", {zero}, {}, 2, 1)).data[0], -INFINITY);
  EXPECT_FALSE(std::isfinite(read(apply(rt, "inv", {zero}, {})).data[0]));
  for (const Value& v : {Value{{2, 2}, {-1, 0, 0, 1}}, Value{{2, 2}, {4, 0, 2, 0}},
                         Value{{2, 2}, {0, 0, 0, 1}}, Value{{2, 2}, {1, 0, NAN, 2}}}) {
    for (const bool up : {false, true}) {
      const Value l = read(apply(rt, "cholesky", {array(rt, v, QN_F32)}, {integer(up)}));
      EXPECT_TRUE(std::isnan(l.data[0]) && std::isnan(l.data[up ? 1 : 2]) && std::isnan(l.data[3]));
      EXPECT_EQ(l.data[up ? 2 : 1], 0);
    }
  }
  for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    for (const std::int64_t n : {2, 40}) {
      const Value v = make({n, n}, [&](const Shape& i) {
        return i[0] == n / 2 && i[1] == n / 2 ? bad
               : i[0] == i[1]                 ? 3
                                              : std::sin(static_cast<double>(i[0] * i[1]));
      });
      const Array x = array(rt, v, QN_F32);
      EXPECT_TRUE(std::isnan(read(apply(rt, "eigvalsh", {x}, {})).data[0]));
      EXPECT_TRUE(std::isnan(read(apply(rt, "eigvals", {x}, {})).data[0]));
      const auto bad_sizes = read(apply(rt, "singular_values", {x}, {})).data;
      EXPECT_FALSE(std::all_of(bad_sizes.begin(), bad_sizes.end(),
                               [](double s) { return std::isfinite(s); }));
      for (const auto& [op, outputs] :
           {std::pair{"eigh", 2u}, {"svd", 3u}, {"eig", 2u}, {"qr", 2u}, {"lu", 3u}, {"det", 1u}}) {
        const auto out = part(rt, op, x, outputs, outputs - 1).data;
        EXPECT_FALSE(std::all_of(out.begin(), out.end(), [](double s) { return std::isfinite(s); }))
            << op;
      }
    }
  }
}
TEST(Linalg, NoAnswer) { by_each_plugin(no_answer); }

}  // namespace
}  // namespace quern::test
