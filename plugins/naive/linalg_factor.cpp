// cholesky, lu, lu_factor, qr, det, slogdet and solve_system, all by elimination in f64.
// A matrix that is singular gives infinities and NaN, one that is not positive definite NaN, never
// an error.
#include <algorithm>
#include <limits>

#include "plugins/naive/linalg.h"

namespace quern::naive {

int factor_lu(double* a, std::int64_t m, std::int64_t n, std::int64_t* pivot) {
  int sign = 1;
  for (std::int64_t k = 0; k < std::min(m, n); ++k) {
    std::int64_t best = k;
    for (std::int64_t i = k + 1; i < m; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[best * n + k])) best = i;
    }
    pivot[k] = best;
    if (best != k) {
      std::swap_ranges(a + k * n, a + (k + 1) * n, a + best * n);
      sign = -sign;
    }
    if (a[k * n + k] == 0) continue;
    for (std::int64_t i = k + 1; i < m; ++i) {
      const double factor = a[i * n + k] /= a[k * n + k];
      for (std::int64_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return sign;
}

namespace {

double* doubles(const qn_run& run) { return static_cast<double*>(run.workspace); }

std::uint64_t matrix_bytes(const Operand& a) {
  return sizeof(double) * static_cast<std::uint64_t>(rows_of(a) * columns_of(a));
}

// One matrix and, behind it, two vectors as long as its sides.
std::uint64_t matrix_and_sides(const Operand& x) {
  return matrix_bytes(x) +
         2 * sizeof(double) * static_cast<std::uint64_t>(rows_of(x) + columns_of(x));
}

std::uint64_t matrix_workspace(const Problem& p) {
  return one_at_a_time(p, matrix_and_sides(p.in[0]));
}

qn_status run_cholesky(const Problem& p, const qn_run& run) {
  const std::int64_t n = columns_of(p.in[0]);
  const bool upper = p.integer(0) != 0;
  double* a = doubles(run);
  for_each_matrix<2>(p, [&](const auto& at) {
    load_matrix(p.in[0], run.in[0].data, at[0], a);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = j; i < n; ++i) {
        double sum = a[i * n + j];
        for (std::int64_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
        a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
      }
      for (std::int64_t i = 0; i < j; ++i) a[i * n + j] = 0;
    }
    // Not positive definite: no number of the factor means anything.
    bool good = true;
    for (std::int64_t j = 0; j < n; ++j) good = good && a[j * n + j] > 0;
    for (std::int64_t i = 0; i < n && !good; ++i)
      std::fill_n(a + i * n, i + 1, std::numeric_limits<double>::quiet_NaN());
    if (upper) {
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < i; ++j) std::swap(a[i * n + j], a[j * n + i]);
      }
    }
    store_matrix(p.out[0], run.out[0].data, at[1], a, n);
  });
  return QN_OK;
}

qn_status run_lu_factor(const Problem& p, const qn_run& run) {
  const std::int64_t m = rows_of(p.in[0]), n = columns_of(p.in[0]);
  double* a = doubles(run);
  auto* pivot = reinterpret_cast<std::int64_t*>(a + m * n);
  for_each_matrix<3>(p, [&](const auto& at) {
    load_matrix(p.in[0], run.in[0].data, at[0], a);
    factor_lu(a, m, n, pivot);
    store_matrix(p.out[0], run.out[0].data, at[1], a, n);
    for (std::int64_t k = 0; k < std::min(m, n); ++k)
      store<std::uint32_t>(run.out[1].data, at[2] + k * p.out[1].strides.back(), pivot[k]);
  });
  return QN_OK;
}

qn_status run_lu(const Problem& p, const qn_run& run) {
  const std::int64_t m = rows_of(p.in[0]), n = columns_of(p.in[0]), least = std::min(m, n);
  const Operand &l = p.out[1], &u = p.out[2];
  double* a = doubles(run);
  auto* pivot = reinterpret_cast<std::int64_t*>(a + m * n);
  std::int64_t* place = pivot + std::max(m, n);  // where each row of a has gone
  for_each_matrix<4>(p, [&](const auto& at) {
    load_matrix(p.in[0], run.in[0].data, at[0], a);
    factor_lu(a, m, n, pivot);
    std::int64_t* row = place;
    for (std::int64_t i = 0; i < m; ++i) row[i] = i;
    for (std::int64_t k = 0; k < least; ++k) std::swap(row[k], row[pivot[k]]);
    // x = l[p, :] @ u: p says for each row of x which row of l it is.
    for (std::int64_t i = 0; i < m; ++i)
      store<std::uint32_t>(run.out[0].data, at[1] + row[i] * p.out[0].strides.back(), i);
    const auto put = [&](const Operand& o, void* data, std::int64_t base, std::int64_t i,
                         std::int64_t j, double v) {
      const std::size_t k = o.shape.size();
      store_real(o, data, base + i * o.strides[k - 2] + j * o.strides[k - 1], v);
    };
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < least; ++j)
        put(l, run.out[1].data, at[2], i, j, i == j ? 1 : j < i ? a[i * n + j] : 0);
    }
    for (std::int64_t i = 0; i < least; ++i) {
      for (std::int64_t j = 0; j < n; ++j)
        put(u, run.out[2].data, at[3], i, j, j < i ? 0 : a[i * n + j]);
    }
  });
  return QN_OK;
}

// Householder reflections, with LAPACK's signs: the diagonal of r is opposite to the column's head.
qn_status run_qr(const Problem& p, const qn_run& run) {
  const std::int64_t m = rows_of(p.in[0]), n = columns_of(p.in[0]), least = std::min(m, n);
  double *a = doubles(run), *tau = a + m * n, *q = tau + m + n;
  for_each_matrix<3>(p, [&](const auto& at) {
    load_matrix(p.in[0], run.in[0].data, at[0], a);
    // After step k column k holds r above the diagonal and the reflection's vector below it.
    for (std::int64_t k = 0; k < least; ++k) {
      // Scaled, since squares of what is left of dependent columns may be below the smallest
      // number; and what is next to that itself counts as 0.
      double tail = 0, largest = 0;
      for (std::int64_t i = k; i < m; ++i) largest = std::max(largest, std::abs(a[i * n + k]));
      for (std::int64_t i = k + 1; i < m; ++i)
        tail += (a[i * n + k] / largest) * (a[i * n + k] / largest);
      const double head = a[k * n + k], scaled = head / largest;
      tau[k] = 0;
      if (tail == 0 || largest < 1e-290) continue;
      const double diagonal = -std::copysign(largest * std::sqrt(scaled * scaled + tail), head);
      tau[k] = (diagonal - head) / diagonal;
      for (std::int64_t i = k + 1; i < m; ++i) a[i * n + k] /= head - diagonal;
      a[k * n + k] = diagonal;
      for (std::int64_t j = k + 1; j < n; ++j) {
        double sum = a[k * n + j];
        for (std::int64_t i = k + 1; i < m; ++i) sum += a[i * n + k] * a[i * n + j];
        a[k * n + j] -= tau[k] * sum;
        for (std::int64_t i = k + 1; i < m; ++i) a[i * n + j] -= tau[k] * sum * a[i * n + k];
      }
    }
    std::fill_n(q, m * least, 0.0);
    for (std::int64_t j = 0; j < least; ++j) q[j * least + j] = 1;
    for (std::int64_t k = least; k-- > 0;) {
      for (std::int64_t j = k; j < least; ++j) {
        double sum = q[k * least + j];
        for (std::int64_t i = k + 1; i < m; ++i) sum += a[i * n + k] * q[i * least + j];
        q[k * least + j] -= tau[k] * sum;
        for (std::int64_t i = k + 1; i < m; ++i) q[i * least + j] -= tau[k] * sum * a[i * n + k];
      }
    }
    store_matrix(p.out[0], run.out[0].data, at[1], q, least);
    for (std::int64_t i = 0; i < least; ++i) std::fill_n(a + i * n, i, 0.0);
    store_matrix(p.out[1], run.out[1].data, at[2], a, n);
  });
  return QN_OK;
}

std::uint64_t qr_workspace(const Problem& p) {
  const Operand& x = p.in[0];
  const std::int64_t q = rows_of(x) * std::min(rows_of(x), columns_of(x));
  return one_at_a_time(p, matrix_and_sides(x) + sizeof(double) * static_cast<std::uint64_t>(q));
}

// Sign and logarithm of the absolute value, or their product for det.
qn_status run_det(const Problem& p, const qn_run& run) {
  const std::int64_t n = columns_of(p.in[0]);
  double* a = doubles(run);
  auto* pivot = reinterpret_cast<std::int64_t*>(a + n * n);
  const auto measure = [&](std::int64_t at, double& product, double& sign, double& log) {
    load_matrix(p.in[0], run.in[0].data, at, a);
    product = sign = factor_lu(a, n, n, pivot);
    log = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      const double d = a[k * n + k];
      product *= d;
      sign = d == 0 ? 0 : d < 0 ? -sign : sign;
      log += std::log(std::abs(d));
    }
  };
  double product, sign, log;
  if (p.op == QN_OP_DET) {
    for_each_matrix<2>(p, [&](const auto& at) {
      measure(at[0], product, sign, log);
      store_real(p.out[0], run.out[0].data, at[1], product);
    });
  } else {
    for_each_matrix<3>(p, [&](const auto& at) {
      measure(at[0], product, sign, log);
      store_real(p.out[0], run.out[0].data, at[1], sign);
      store_real(p.out[1], run.out[1].data, at[2], log);
    });
  }
  return QN_OK;
}

// The right sides b, an n x w matrix in place, behind the triangular n x n matrix a.
void substitute(const double* a, double* b, std::int64_t n, std::int64_t w, bool upper, bool unit) {
  for (std::int64_t s = 0; s < n; ++s) {
    const std::int64_t i = upper ? n - 1 - s : s;
    for (std::int64_t j = 0; j < w; ++j) {
      double sum = b[i * w + j];
      for (std::int64_t k = upper ? i + 1 : 0; k < (upper ? n : i); ++k)
        sum -= a[i * n + k] * b[k * w + j];
      b[i * w + j] = unit ? sum : sum / a[i * n + i];
    }
  }
}

qn_status run_solve(const Problem& p, const qn_run& run) {
  const std::int64_t n = columns_of(p.in[0]), w = columns_of(p.in[1]);
  double *a = doubles(run), *b = a + n * n;
  auto* pivot = reinterpret_cast<std::int64_t*>(b + n * w);
  const std::string_view kind = p.text(0);
  const Operand& x = p.in[0];
  for_each<3>({x.shape.data(), x.shape.size() - 2},
              {strides_of(x), strides_of(p.in[1]), strides_of(p.out[0])}, [&](const auto& at) {
                load_matrix(x, run.in[0].data, at[0], a);
                load_matrix(p.in[1], run.in[1].data, at[1], b);
                if (kind != "full") {
                  substitute(a, b, n, w, kind == "upper", false);
                } else {
                  factor_lu(a, n, n, pivot);
                  for (std::int64_t k = 0; k < n; ++k) {
                    if (pivot[k] != k)
                      std::swap_ranges(b + k * w, b + (k + 1) * w, b + pivot[k] * w);
                  }
                  substitute(a, b, n, w, false, true);
                  substitute(a, b, n, w, true, false);
                }
                store_matrix(p.out[0], run.out[0].data, at[2], b, w);
              });
  return QN_OK;
}

std::uint64_t solve_workspace(const Problem& p) {
  return one_at_a_time(p, matrix_and_sides(p.in[0]) + matrix_bytes(p.in[1]));
}

// n^3 multiplications a matrix.
double estimate(const qn_opdesc& op) {
  const double elements = static_cast<double>(element_count(op.in[0]));
  return 300 + 2 * elements * static_cast<double>(op.in[0].shape[op.in[0].ndim - 1]);
}

const Kernel kTable[] = {
    {QN_OP_CHOLESKY, "cholesky", accept_f32_f64, run_cholesky, estimate, matrix_workspace},
    {QN_OP_LU_FACTOR, "lu_factor", accept_f32_f64, run_lu_factor, estimate, matrix_workspace},
    {QN_OP_LU, "lu", accept_f32_f64, run_lu, estimate, matrix_workspace},
    {QN_OP_QR, "qr", accept_f32_f64, run_qr, estimate, qr_workspace},
    {QN_OP_DET, "det", accept_f32_f64, run_det, estimate, matrix_workspace},
    {QN_OP_SLOGDET, "slogdet", accept_f32_f64, run_det, estimate, matrix_workspace},
    {QN_OP_SOLVE_SYSTEM, "solve_system", accept_f32_f64, run_solve, estimate, solve_workspace},
};

}  // namespace

const KernelList linalg_factor_kernels = kernel_list(kTable);

}  // namespace quern::naive
