// eigh and svd, and their values alone, by Jacobi rotations in f64: slow for large matrices,
// accurate for all. Signs of vectors are fixed: the largest component of each eigenvector and of
// each row of vt is positive; LAPACK's, and so MLX's, may be the opposite ones.
#include <algorithm>
#include <numeric>

#include "plugins/naive/linalg.h"

namespace quern::naive {
namespace {

constexpr int kSweeps = 60;  // it takes 6 to 12; NaN never converges

struct Rotation {
  double c, s;
};

// The rotation that makes the off-diagonal number of ((p, b), (b, q)) zero.
Rotation annihilate(double p, double b, double q) {
  const double theta = (q - p) / (2 * b);
  const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  return {c, t * c};
}

// Rows i and j of a matrix of rows of n numbers, `step` apart.
void rotate(double* x, double* y, std::int64_t n, std::int64_t step, const Rotation& r) {
  for (std::int64_t k = 0; k < n; ++k) {
    const double u = x[k * step], v = y[k * step];
    x[k * step] = r.c * u - r.s * v;
    y[k * step] = r.s * u + r.c * v;
  }
}

// a becomes diagonal; the rows of v the eigenvectors.
void diagonalize(double* a, double* v, std::int64_t n) {
  std::fill_n(v, n * n, 0.0);
  for (std::int64_t i = 0; i < n; ++i) v[i * n + i] = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool changed = false;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = i + 1; j < n; ++j) {
        const double b = a[i * n + j];
        if (std::abs(b) <= 1e-17 * std::sqrt(std::abs(a[i * n + i] * a[j * n + j])) ||
            std::abs(b) < 1e-300)
          continue;
        changed = true;
        const Rotation r = annihilate(a[i * n + i], b, a[j * n + j]);
        rotate(a + i, a + j, n, n, r);          // columns
        rotate(a + i * n, a + j * n, n, 1, r);  // rows
        rotate(v + i * n, v + j * n, n, 1, r);
      }
    }
    if (!changed) return;
  }
}

// True when the largest component of the row is negative.
bool points_down(const double* row, std::int64_t n) {
  const double* largest =
      std::max_element(row, row + n, [](double x, double y) { return std::abs(x) < std::abs(y); });
  return *largest < 0;
}

// Numbers 0 .. n - 1 in `order`, by ascending or descending value.
void sort_by(std::int64_t* order, const double* value, std::int64_t n, bool ascending) {
  std::iota(order, order + n, 0);
  std::sort(order, order + n, [&](std::int64_t x, std::int64_t y) {
    if (value[x] == value[y] || value[x] != value[x] || value[y] != value[y]) return x < y;
    return ascending == (value[x] < value[y]);
  });
}

std::uint64_t side(const Problem& p) {
  return static_cast<std::uint64_t>(std::max(rows_of(p.in[0]), columns_of(p.in[0])));
}

std::uint64_t workspace(const Problem& p) {
  const std::uint64_t n = side(p);
  return one_at_a_time(p, sizeof(double) * (4 * n * n + 4 * n));
}

qn_status run_eigh(const Problem& p, const qn_run& run) {
  const std::int64_t n = columns_of(p.in[0]);
  const bool lower = p.text(0) == "L";
  double *a = static_cast<double*>(run.workspace), *v = a + n * n, *sorted = v + n * n,
         *values = sorted + n * n;
  auto* order = reinterpret_cast<std::int64_t*>(values + n);
  const auto decompose = [&](std::int64_t at) {
    load_matrix(p.in[0], run.in[0].data, at, a);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < i; ++j)
        (lower ? a[j * n + i] : a[i * n + j]) = lower ? a[i * n + j] : a[j * n + i];
    }
    spread_nan(a, n * n);
    diagonalize(a, v, n);
    for (std::int64_t i = 0; i < n; ++i) values[i] = a[i * n + i];
    sort_by(order, values, n, true);
    for (std::int64_t k = 0; k < n; ++k) a[k] = values[order[k]];
  };
  if (p.op == QN_OP_EIGVALSH) {
    for_each_matrix<2>(p, [&](const auto& at) {
      decompose(at[0]);
      store_vector(p.out[0], run.out[0].data, at[1], a);
    });
    return QN_OK;
  }
  for_each_matrix<3>(p, [&](const auto& at) {
    decompose(at[0]);
    for (std::int64_t k = 0; k < n; ++k) {
      const double* row = v + order[k] * n;
      const double sign = points_down(row, n) ? -1 : 1;
      for (std::int64_t i = 0; i < n; ++i) sorted[i * n + k] = sign * row[i];
    }
    store_vector(p.out[0], run.out[0].data, at[1], a);
    store_matrix(p.out[1], run.out[1].data, at[2], sorted, n);
  });
  return QN_OK;
}

// Unit rows from number `have` on, orthogonal to the earlier ones: unit vectors with what lies
// along those taken off, twice for accuracy.
void complete(double* rows, std::int64_t have, std::int64_t n) {
  std::int64_t candidate = 0;
  for (std::int64_t k = have; k < n; ++k) {
    double size = 0;
    double* row = rows + k * n;
    for (; size < 0.1 / static_cast<double>(n) && candidate < 2 * n; ++candidate) {
      std::fill_n(row, n, 0.0);
      row[candidate % n] = 1;
      for (int pass = 0; pass < 2; ++pass) {
        for (std::int64_t i = 0; i < k; ++i) {
          const double along = std::inner_product(row, row + n, rows + i * n, 0.0);
          for (std::int64_t j = 0; j < n; ++j) row[j] -= along * rows[i * n + j];
        }
      }
      size = std::sqrt(std::inner_product(row, row + n, row, 0.0));
    }
    for (std::int64_t j = 0; j < n; ++j) row[j] /= size;
  }
}

// One-sided Jacobi (Hestenes): the rows of the smaller side are rotated until orthogonal; their
// lengths are the singular values. w: `few` rows of `many`; v gathers the rotations.
void orthogonalize(double* w, double* v, std::int64_t few, std::int64_t many) {
  std::fill_n(v, few * few, 0.0);
  for (std::int64_t i = 0; i < few; ++i) v[i * few + i] = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool changed = false;
    for (std::int64_t i = 0; i < few; ++i) {
      for (std::int64_t j = i + 1; j < few; ++j) {
        double *x = w + i * many, *y = w + j * many;
        const double xx = std::inner_product(x, x + many, x, 0.0),
                     yy = std::inner_product(y, y + many, y, 0.0),
                     xy = std::inner_product(x, x + many, y, 0.0);
        if (std::abs(xy) <= 1e-15 * std::sqrt(xx * yy) || std::abs(xy) < 1e-300) continue;
        changed = true;
        const Rotation r = annihilate(xx, xy, yy);
        rotate(x, y, many, 1, r);
        rotate(v + i * few, v + j * few, few, 1, r);
      }
    }
    if (!changed) return;
  }
}

qn_status run_svd(const Problem& p, const qn_run& run) {
  const Operand& x = p.in[0];
  const std::int64_t m = rows_of(x), n = columns_of(x), few = std::min(m, n), many = std::max(m, n);
  const bool tall = m >= n;  // then the columns of x are the rows that are rotated
  double *w = static_cast<double*>(run.workspace), *v = w + many * many, *left = v + few * few,
         *right = left + many * many, *values = right + few * few;
  auto* order = reinterpret_cast<std::int64_t*>(values + few);
  double* sorted = reinterpret_cast<double*>(order + few);
  const auto decompose = [&](std::int64_t at) {
    load_matrix(x, run.in[0].data, at, left);
    spread_nan(left, m * n);
    for (std::int64_t i = 0; i < few; ++i) {
      for (std::int64_t j = 0; j < many; ++j)
        w[i * many + j] = tall ? left[j * n + i] : left[i * n + j];
    }
    orthogonalize(w, v, few, many);
    for (std::int64_t i = 0; i < few; ++i)
      values[i] =
          std::sqrt(std::inner_product(w + i * many, w + (i + 1) * many, w + i * many, 0.0));
    sort_by(order, values, few, false);
    for (std::int64_t k = 0; k < few; ++k) sorted[k] = values[order[k]];
  };
  if (p.op == QN_OP_SINGULAR_VALUES) {
    for_each_matrix<2>(p, [&](const auto& at) {
      decompose(at[0]);
      store_vector(p.out[0], run.out[0].data, at[1], sorted);
    });
    return QN_OK;
  }
  for_each_matrix<4>(p, [&](const auto& at) {
    decompose(at[0]);
    // x = sum of values * long row * short row. Rows without length, or with that of rounding
    // errors alone, which need not be orthogonal, are made up.
    const double noise = few ? 1e-15 * static_cast<double>(many) * values[order[0]] : 0;
    std::int64_t rank = 0;
    for (std::int64_t k = 0; k < few; ++k) {
      const double *row = w + order[k] * many, *turned = v + order[k] * few;
      if (sorted[k] > noise) rank = k + 1;
      for (std::int64_t j = 0; j < many; ++j) left[k * many + j] = row[j] / sorted[k];
      std::copy_n(turned, few, right + k * few);
    }
    complete(left, rank, many);
    for (std::int64_t k = 0; k < few; ++k) {
      double *l = left + k * many, *r = right + k * few;
      if (!(tall ? points_down(r, few) : points_down(l, many))) continue;
      for (std::int64_t j = 0; j < many; ++j) l[j] = -l[j];
      for (std::int64_t j = 0; j < few; ++j) r[j] = -r[j];
    }
    const double* u = tall ? left : right;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < m; ++j) w[i * m + j] = u[j * m + i];
    }
    store_matrix(p.out[0], run.out[0].data, at[1], w, m);
    store_vector(p.out[1], run.out[1].data, at[2], sorted);
    store_matrix(p.out[2], run.out[2].data, at[3], tall ? right : left, n);
  });
  return QN_OK;
}

// Some ten sweeps of n^3 multiplications.
double estimate(const qn_opdesc& op) {
  const double elements = static_cast<double>(element_count(op.in[0]));
  return 1000 + 40 * elements * static_cast<double>(op.in[0].shape[op.in[0].ndim - 1]);
}

const Kernel kTable[] = {
    {QN_OP_EIGH, "eigh", accept_f32_f64, run_eigh, estimate, workspace},
    {QN_OP_EIGVALSH, "eigvalsh", accept_f32_f64, run_eigh, estimate, workspace},
    {QN_OP_SVD, "svd", accept_f32_f64, run_svd, estimate, workspace},
    {QN_OP_SINGULAR_VALUES, "singular_values", accept_f32_f64, run_svd, estimate, workspace},
};

}  // namespace

const KernelList linalg_jacobi_kernels = kernel_list(kTable);

}  // namespace quern::naive
