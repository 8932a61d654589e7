// eig and eigvals: a general matrix, by the complex Schur form. Hessenberg reduction, shifted QR
// steps with Givens rotations, eigenvectors by back substitution (Golub and Van Loan, Matrix
// Computations, 7). All in complex f64; symmetric matrices are better served by eigh.
#include <algorithm>
#include <complex>

#include "plugins/naive/linalg.h"

namespace quern::naive {
namespace {

using Complex = std::complex<double>;

constexpr int kStepsPerValue = 60;  // two or three are usual; NaN never converges
constexpr double kEps = std::numeric_limits<double>::epsilon();

// n x n matrices by rows: h becomes upper triangular, z the unitary matrix with x = z h z^H.
struct Schur {
  Complex *h, *z;
  std::int64_t n;

  Complex& at(Complex* a, std::int64_t i, std::int64_t j) const { return a[i * n + j]; }

  // Rows i and i + 1 of h from column `from` on, by ((c, s), (-conj(s), c)).
  void rotate_rows(std::int64_t i, std::int64_t k, std::int64_t from, double c, Complex s) const {
    for (std::int64_t j = from; j < n; ++j) {
      const Complex u = at(h, i, j), v = at(h, k, j);
      at(h, i, j) = c * u + s * v;
      at(h, k, j) = -std::conj(s) * u + c * v;
    }
  }
  // Columns i and k of a, the rows before `to`, by the conjugate transpose of that.
  void rotate_columns(Complex* a, std::int64_t i, std::int64_t k, std::int64_t to, double c,
                      Complex s) const {
    for (std::int64_t j = 0; j < to; ++j) {
      const Complex u = at(a, j, i), v = at(a, j, k);
      at(a, j, i) = c * u + std::conj(s) * v;
      at(a, j, k) = -s * u + c * v;
    }
  }
  // The rotation that takes (x, y) to (r, 0).
  static void rotation(const Complex& x, const Complex& y, double& c, Complex& s) {
    const double size = std::hypot(std::abs(x), std::abs(y));
    c = size == 0 ? 1 : std::abs(x) / size;
    const Complex phase = std::abs(x) == 0 ? Complex(1) : x / std::abs(x);
    s = size == 0 ? Complex(0) : phase * std::conj(y) / size;
  }

  void reduce() const {
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = n - 1; i > j + 1; --i) {
        if (at(h, i, j) == 0.0) continue;
        double c;
        Complex s;
        rotation(at(h, i - 1, j), at(h, i, j), c, s);
        rotate_rows(i - 1, i, j, c, s);
        rotate_columns(h, i - 1, i, n, c, s);
        rotate_columns(z, i - 1, i, n, c, s);
        at(h, i, j) = 0;
      }
    }
  }

  // The eigenvalue of the last 2 x 2 block before `end` that is nearer to its last number.
  Complex shift(std::int64_t end) const {
    const Complex a = at(h, end - 1, end - 1), b = at(h, end - 1, end), c = at(h, end, end - 1),
                  d = at(h, end, end), half = (a - d) * 0.5, root = std::sqrt(half * half + b * c);
    const Complex mean = (a + d) * 0.5, first = mean + root, second = mean - root;
    return std::abs(first - d) < std::abs(second - d) ? first : second;
  }

  void iterate() const {
    std::int64_t end = n - 1;
    for (int step = 0; end > 0;) {
      std::int64_t start = end;
      for (; start > 0; --start) {
        const double near = std::abs(at(h, start, start)) + std::abs(at(h, start - 1, start - 1));
        if (std::abs(at(h, start, start - 1)) <= kEps * near) break;
      }
      if (start > 0) at(h, start, start - 1) = 0;
      if (start == end || step == kStepsPerValue) {
        at(h, end, end - 1) = 0;
        --end;
        step = 0;
        continue;
      }
      ++step;
      // An unusual shift now and then leaves cycles.
      const Complex mu =
          step % 11 == 10 ? at(h, end, end) + std::abs(at(h, end, end - 1)) : shift(end);
      for (std::int64_t i = start; i <= end; ++i) at(h, i, i) -= mu;
      double c = 1;
      Complex s = 0;
      for (std::int64_t i = start; i < end; ++i) {
        double c_now;
        Complex s_now;
        rotation(at(h, i, i), at(h, i + 1, i), c_now, s_now);
        rotate_rows(i, i + 1, i, c_now, s_now);
        at(h, i + 1, i) = 0;
        if (i > start) finish(i - 1, c, s);
        c = c_now;
        s = s_now;
      }
      finish(end - 1, c, s);
      for (std::int64_t i = start; i <= end; ++i) at(h, i, i) += mu;
    }
  }
  void finish(std::int64_t i, double c, const Complex& s) const {
    rotate_columns(h, i, i + 1, i + 2, c, s);
    rotate_columns(z, i, i + 1, n, c, s);
  }
};

// The eigenvector of number k: back substitution in h, turned by z, of length 1.
void eigenvector(const Schur& t, std::int64_t k, Complex* y, Complex* v) {
  const std::int64_t n = t.n;
  double norm = 0;
  for (std::int64_t i = 0; i < n * n; ++i) norm = std::max(norm, std::abs(t.h[i]));
  y[k] = 1;
  for (std::int64_t i = k; i-- > 0;) {
    Complex sum = 0;
    for (std::int64_t j = i + 1; j <= k; ++j) sum += t.at(t.h, i, j) * y[j];
    Complex gap = t.at(t.h, k, k) - t.at(t.h, i, i);
    if (std::abs(gap) <= kEps * norm) gap = kEps * norm + 1e-300;
    y[i] = sum / gap;
  }
  double size = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    v[i] = 0;
    for (std::int64_t j = 0; j <= k; ++j) v[i] += t.at(t.z, i, j) * y[j];
    size += std::norm(v[i]);
  }
  for (std::int64_t i = 0; i < n; ++i) v[i] /= std::sqrt(size);
}

qn_status run_eig(const Problem& p, const qn_run& run) {
  const Operand& x = p.in[0];
  const std::int64_t n = columns_of(x);
  auto* memory = static_cast<Complex*>(run.workspace);
  const Schur t{memory, memory + n * n, n};
  Complex *y = t.z + n * n, *v = y + n;
  auto* real = reinterpret_cast<double*>(v + n);
  const auto decompose = [&](std::int64_t at) {
    load_matrix(x, run.in[0].data, at, real);
    spread_nan(real, n * n);
    std::copy_n(real, n * n, t.h);
    std::fill_n(t.z, n * n, Complex{});
    for (std::int64_t i = 0; i < n; ++i) t.z[i * n + i] = 1;
    t.reduce();
    t.iterate();
  };
  const auto store_value = [&](std::int64_t at, std::int64_t k) {
    store<C64>(run.out[0].data, at + k * p.out[0].strides.back(), t.h[k * n + k]);
  };
  if (p.op == QN_OP_EIGVALS) {
    for_each_matrix<2>(p, [&](const auto& at) {
      decompose(at[0]);
      for (std::int64_t k = 0; k < n; ++k) store_value(at[1], k);
    });
    return QN_OK;
  }
  for_each_matrix<3>(p, [&](const auto& at) {
    decompose(at[0]);
    const std::int64_t row = p.out[1].strides[x.ndim() - 2],
                       column = p.out[1].strides[x.ndim() - 1];
    for (std::int64_t k = 0; k < n; ++k) {
      store_value(at[1], k);
      eigenvector(t, k, y, v);
      for (std::int64_t i = 0; i < n; ++i)
        store<C64>(run.out[1].data, at[2] + i * row + k * column, v[i]);
    }
  });
  return QN_OK;
}

std::uint64_t workspace(const Problem& p) {
  if (p.in[0].count == 0) return 0;
  const auto n = static_cast<std::uint64_t>(columns_of(p.in[0]));
  return sizeof(Complex) * (2 * n * n + 2 * n) + sizeof(double) * n * n;
}

double estimate(const qn_opdesc& op) {
  const double elements = static_cast<double>(element_count(op.in[0]));
  return 1000 + 100 * elements * static_cast<double>(op.in[0].shape[op.in[0].ndim - 1]);
}

const Kernel kTable[] = {
    {QN_OP_EIG, "eig", accept_f32_f64, run_eig, estimate, workspace},
    {QN_OP_EIGVALS, "eigvals", accept_f32_f64, run_eig, estimate, workspace},
};

}  // namespace

const KernelList linalg_eig_kernels = kernel_list(kTable);

}  // namespace quern::naive
