// Matmul on OpenBLAS: operand forms, split into tiles, gemm and gemv calls, epilogue in cache.
// It copies no operand: what OpenBLAS cannot read in place is asked for in dense form.
#include "plugins/sdk/matmul.hpp"

#include <cblas.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "plugins/openblas/plans.h"
#include "plugins/sdk/row_steps.hpp"

namespace quern::openblas {
namespace {

using sdk::Matmul;

// How BLAS reads one matrix of `rows` x `cols`.
struct Form {
  bool ok = false;
  CBLAS_TRANSPOSE trans = CblasNoTrans;
  blasint ld = 1;
};

Form form_of(std::int64_t rows, std::int64_t cols, std::int64_t s_row, std::int64_t s_col) {
  constexpr std::int64_t limit = std::numeric_limits<blasint>::max();
  const auto fits = [&](std::int64_t ld, std::int64_t n) { return ld >= n && ld <= limit; };
  if (rows == 0 || cols == 0) return {true, CblasNoTrans, 1};
  if (cols == 1) s_col = 1;
  if (rows == 1) s_row = s_col == 1 ? std::max<std::int64_t>(1, cols) : 1;
  if (s_col == 1 && fits(s_row, std::max<std::int64_t>(1, cols))) {
    return {true, CblasNoTrans, static_cast<blasint>(s_row)};
  }
  if (s_row == 1 && fits(s_col, std::max<std::int64_t>(1, rows))) {
    return {true, CblasTrans, static_cast<blasint>(s_col)};
  }
  return {};
}

struct Plan {
  Matmul g;
  Form a, b;
  bool f64 = false;
  std::uint32_t by_batch = 0, by_m = 1, by_n = 1;  // tiles; by_batch > 0: groups of whole products
};

// Fixed by the sizes alone, so that the bits do not depend on the number of workers.
void split(Plan& p) {
  const double flops = p.g.flops();
  std::uint32_t want = 1;
  if (flops > 1.2e10)
    want = 16;
  else if (flops > 3e9)
    want = 8;
  else if (flops > 6e7)
    want = 4;
  else if (flops > 2e6)
    want = 2;
  if (p.g.batch >= want || p.g.M * p.g.N < 64) {
    p.by_batch = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(p.g.batch, 1, want == 1 ? 1 : std::max(want, 4u)));
    return;
  }
  std::int64_t m = p.g.M, n = p.g.N;
  for (std::uint32_t k = 1; k < want; k *= 2) {
    if (m >= n && m >= 16) {
      p.by_m *= 2;
      m /= 2;
    } else if (n >= 32) {
      p.by_n *= 2;
      n /= 2;
    }
  }
}

// GFLOP/s of f32 on one thread. OpenBLAS asks the CPU itself: the host's limit is not its own.
double fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return 145;
  if (!__builtin_cpu_supports("avx2")) return 45;
#endif
  return 100;
}

double estimate(const Matmul& g, bool f64, const Plan& p, std::uint32_t workers) {
  const double size = f64 ? 8 : 4;
  const double tiles =
      p.by_batch ? p.by_batch : double(std::max<std::int64_t>(1, g.batch)) * p.by_m * p.by_n;
  const double parallel = std::min<double>(std::max(1u, workers), tiles);
  const double m = double(g.M), n = double(g.N), k = double(g.K);
  const double least = std::min({m, n, k});
  // Above this size, and with more than a vector, OpenBLAS packs both operands; below, its loops
  // are half as fast when the columns of B are contiguous.
  const bool large = m * n * k > 2e6, turned = g.b_k == 1 && g.b_n != 1 && least > 1 && !large;
  const double rate =
      fastest() * (f64 ? 0.48 : 1.0) * (least / (least + 8.0)) * (turned ? 0.55 : 1.0);
  const double packed = least > 1 && large ? m * k + k * n : 0.0;
  const double bytes = size * (m * k + k * n + m * n);
  const double item =
      40.0 + 0.04 * size * packed + std::max(2 * m * n * k / std::max(rate, 1.0), bytes / 35.0);
  const double epilogue = (f64 ? 3.0 : 2.0) * m * n * g.epilogue.ns();
  const double launch = tiles > 1 && workers > 1 ? 1500.0 : 0.0;
  return 40.0 + launch + double(std::max<std::int64_t>(1, g.batch)) * (item + epilogue) / parallel;
}

std::vector<std::int64_t> dense_strides(const qn_array_desc& a) {
  std::vector<std::int64_t> s(a.ndim, 1);
  for (std::uint32_t i = a.ndim; i-- > 1;) s[i - 1] = s[i] * a.shape[i];
  return s;
}

bool too_large(const Matmul& g) {
  constexpr std::int64_t limit = std::numeric_limits<blasint>::max();
  return g.M > limit || g.N > limit || g.K > limit;
}

void gemv(CBLAS_TRANSPOSE t, blasint rows, blasint cols, const float* a, blasint ld, const float* x,
          blasint incx, float* y) {
  cblas_sgemv(CblasRowMajor, t, rows, cols, 1, a, ld, x, incx, 0, y, 1);
}
void gemv(CBLAS_TRANSPOSE t, blasint rows, blasint cols, const double* a, blasint ld,
          const double* x, blasint incx, double* y) {
  cblas_dgemv(CblasRowMajor, t, rows, cols, 1, a, ld, x, incx, 0, y, 1);
}
void gemm(const Plan& p, blasint m, blasint n, blasint k, const float* a, const float* b, float* c,
          blasint ldc) {
  cblas_sgemm(CblasRowMajor, p.a.trans, p.b.trans, m, n, k, 1, a, p.a.ld, b, p.b.ld, 0, c, ldc);
}
void gemm(const Plan& p, blasint m, blasint n, blasint k, const double* a, const double* b,
          double* c, blasint ldc) {
  cblas_dgemm(CblasRowMajor, p.a.trans, p.b.trans, m, n, k, 1, a, p.a.ld, b, p.b.ld, 0, c, ldc);
}

// Matrix (as stored: rows x cols, or its transpose) times vector.
template <class T>
void matrix_vector(const Form& f, bool transpose, std::int64_t rows, std::int64_t cols, const T* a,
                   const T* x, std::int64_t incx, T* y) {
  const bool stored = f.trans == CblasNoTrans;
  const auto r = static_cast<blasint>(stored ? rows : cols);
  const auto c = static_cast<blasint>(stored ? cols : rows);
  gemv(transpose == stored ? CblasTrans : CblasNoTrans, r, c, a, f.ld, x,
       static_cast<blasint>(incx), y);
}

template <class T>
void block(const Plan& p, const qn_run* run, std::int64_t item, std::int64_t m0, std::int64_t m1,
           std::int64_t n0, std::int64_t n1) {
  const Matmul& g = p.g;
  if (m0 >= m1 || n0 >= n1) return;
  T* item_c = static_cast<T*>(run->out[0].data) + item * g.M * g.N;
  T* c = item_c + m0 * g.N + n0;
  if (g.K == 0) {
    for (std::int64_t m = m0; m < m1; ++m) std::fill_n(c + (m - m0) * g.N, n1 - n0, T(0));
  } else {
    const std::int64_t a_row = p.a.trans == CblasNoTrans ? p.a.ld : 1;
    const std::int64_t b_col = p.b.trans == CblasNoTrans ? 1 : p.b.ld;
    const T* a =
        static_cast<const T*>(run->in[0].data) + Matmul::offset(g.a_batch, g, item) + m0 * a_row;
    const T* b =
        static_cast<const T*>(run->in[1].data) + Matmul::offset(g.b_batch, g, item) + n0 * b_col;
    const std::int64_t a_k = p.a.trans == CblasNoTrans ? 1 : p.a.ld;
    const std::int64_t b_k = p.b.trans == CblasNoTrans ? p.b.ld : 1;
    if (g.N == 1) {
      matrix_vector(p.a, false, m1 - m0, g.K, a, b, b_k, c);
    } else if (g.M == 1) {
      matrix_vector(p.b, true, g.K, n1 - n0, b, a, a_k, c);
    } else {
      gemm(p, static_cast<blasint>(m1 - m0), static_cast<blasint>(n1 - n0),
           static_cast<blasint>(g.K), a, b, c, static_cast<blasint>(g.N));
    }
  }
  sdk::apply_epilogue<T>(g, run->in, item, item_c, m0, m1, n0, n1, sdk::row_step<T, 16, Plan>);
}

template <class T>
void tile_as(const Plan& p, const qn_run* run, std::uint32_t tile) {
  const Matmul& g = p.g;
  if (p.by_batch) {
    const std::int64_t first = g.batch * tile / p.by_batch;
    const std::int64_t last = g.batch * (tile + 1) / p.by_batch;
    for (std::int64_t i = first; i < last; ++i) block<T>(p, run, i, 0, g.M, 0, g.N);
    return;
  }
  const std::uint32_t grid = p.by_m * p.by_n;
  const std::int64_t m = tile % grid / p.by_n, n = tile % p.by_n;
  // Columns are cut at multiples of 16: one cache line of C belongs to one tile.
  const auto cut = [](std::int64_t size, std::int64_t i, std::int64_t parts, std::int64_t unit) {
    return i == parts ? size : std::min(size, size * i / parts / unit * unit);
  };
  block<T>(p, run, tile / grid, cut(g.M, m, p.by_m, 4), cut(g.M, m + 1, p.by_m, 4),
           cut(g.N, n, p.by_n, 16), cut(g.N, n + 1, p.by_n, 16));
}

class Product final : public Planned {
 public:
  Product(Regions& regions, const Plan& p) : regions_(regions), p_(p) {}
  void tile(const qn_run& run, std::uint32_t i, void*) const noexcept override {
    const Inside inside(regions_);
    p_.f64 ? tile_as<double>(p_, &run, i) : tile_as<float>(p_, &run, i);
  }

 private:
  Regions& regions_;
  Plan p_;
};

}  // namespace

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const bool f64 = op.in[0].dtype == QN_F64;
  const char* name = f64 ? "dgemm" : "sgemm";
  Plan p;
  if ((op.in[0].dtype != QN_F32 && !f64) || op.in[1].dtype != op.in[0].dtype) {
    return host.refuse(answer, "gemm", "dtype is not float32 or float64");
  }
  if (!sdk::describe_matmul(op, p.g)) return host.refuse(answer, name, "too many batch axes");
  if (too_large(p.g)) return host.refuse(answer, name, "an axis is above 2^31 - 1");
  split(p);
  const bool a_ok = form_of(p.g.M, p.g.K, p.g.a_m, p.g.a_k).ok;
  const bool b_ok = form_of(p.g.K, p.g.N, p.g.b_k, p.g.b_n).ok;
  const auto dense_a = dense_strides(op.in[0]), dense_b = dense_strides(op.in[1]);
  const auto layout = [](const qn_array_desc& d, bool ok, const std::vector<std::int64_t>& dense) {
    const bool keep = ok && d.layout.kind == QN_LAYOUT_STRIDED && d.layout.strides;
    return sdk::with_strides(keep ? d.layout.strides : dense.data());
  };
  std::vector<qn_layout> in(op.n_in, sdk::any_strides());
  in[0] = layout(op.in[0], a_ok, dense_a);
  in[1] = layout(op.in[1], b_ok, dense_b);
  qn_candidate c = sdk::candidate(name, 0, estimate(p.g, f64, p, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.in = in.data();
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = p.g.epilogue.taken;
  host.offer(answer, &c);
}

std::unique_ptr<Planned> plan_matmul(Regions& regions, const qn_opdesc& op, qn_plan_info& info) {
  Plan p;
  p.f64 = op.in[0].dtype == QN_F64;
  if (!sdk::describe_matmul(op, p.g) || too_large(p.g)) return nullptr;
  if (op.program && p.g.epilogue.taken != op.program->n_inst) return nullptr;
  p.a = form_of(p.g.M, p.g.K, p.g.a_m, p.g.a_k);
  p.b = form_of(p.g.K, p.g.N, p.g.b_k, p.g.b_n);
  if (!p.a.ok || !p.b.ok) {
    // Folded batch axes may give strides that BLAS cannot read where single products can.
    sdk::describe_matmul(op, p.g, false);
    p.a = form_of(p.g.M, p.g.K, p.g.a_m, p.g.a_k);
    p.b = form_of(p.g.K, p.g.N, p.g.b_k, p.g.b_n);
  }
  if (!p.a.ok || !p.b.ok) return nullptr;
  split(p);
  info.n_tiles = p.by_batch ? p.by_batch : static_cast<std::uint32_t>(p.g.batch) * p.by_m * p.by_n;
  regions.reserve(std::max(1u, op.max_workers));
  return std::make_unique<Product>(regions, p);
}

}  // namespace quern::openblas
