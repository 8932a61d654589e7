// Reference matrix product, batched with broadcasting, summed in f64.
// Integers do not arrive here: the op's rule makes them floats.
#include <algorithm>

#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

// The two matrix axes of an operand; a 1-d operand is a row on the left and a column on the right.
struct Matrix {
  std::int64_t rows, columns, row_step = 0, column_step = 0;
  std::size_t batch_axes = 0;

  Matrix(const std::vector<std::int64_t>& shape, bool left) {
    const std::size_t n = shape.size();
    rows = n > 1 ? shape[n - 2] : left ? 1 : shape[0];
    columns = n > 1 || left ? shape[n - 1] : 1;
    batch_axes = n > 1 ? n - 2 : 0;
  }
  Matrix(const Operand& a, bool left) : Matrix(a.shape, left) {
    const std::size_t n = a.shape.size();
    if (n > 1) row_step = a.strides[n - 2];
    if (n > 1 || left)
      column_step = a.strides[n - 1];
    else
      row_step = a.strides[0];
  }
};

// Right-aligned strides along `axes` batch axes; 0 where the operand is repeated.
Strides batch_strides(const Operand& a, std::size_t own, std::size_t axes) {
  Strides s{};
  for (std::size_t i = 0; i < own; ++i) s[axes - own + i] = a.shape[i] == 1 ? 0 : a.strides[i];
  return s;
}

// The right operand's matrix as f64 or complex f64 [K][N], then one row of sums [N].
std::uint64_t matmul_workspace(const Problem& p) {
  const Matrix y(p.in[1].shape, false);
  const std::uint64_t item =
      p.in[1].dtype == QN_C64 ? sizeof(std::complex<double>) : sizeof(double);
  return item * static_cast<std::uint64_t>((y.rows + 1) * y.columns);
}

template <typename T>
void matmul(const Problem& p, const qn_run& run) {
  const Matrix x(p.in[0], true), y(p.in[1], false);
  const Operand& out = p.out[0];
  const std::size_t axes = std::max(x.batch_axes, y.batch_axes);

  // The result lacks the row or the column axis that a 1-d operand did not have.
  const bool lacks_one = out.shape.size() == axes + 1;
  const bool has_rows = out.shape.size() == axes + 2 || (lacks_one && x.rows != 1);
  const bool has_columns = out.shape.size() == axes + 2 || (lacks_one && !has_rows);
  const std::int64_t row_step = has_rows ? out.strides[axes] : 0;
  const std::int64_t column_step = has_columns ? out.strides[axes + (has_rows ? 1 : 0)] : 0;

  using Sum = accumulate_t<T>;
  Sum* packed = static_cast<Sum*>(run.workspace);
  Sum* sums = packed + y.rows * y.columns;
  std::int64_t packed_from = 0;
  bool is_packed = false;  // batches that share one right operand pack it once
  const std::array<Strides, 3> strides = {batch_strides(p.in[0], x.batch_axes, axes),
                                          batch_strides(p.in[1], y.batch_axes, axes),
                                          batch_strides(out, axes, axes)};
  for_each<3>({out.shape.data(), axes}, strides, [&](const auto& at) {
    if (!is_packed || packed_from != at[1]) {
      for (std::int64_t k = 0; k < y.rows; ++k) {
        for (std::int64_t n = 0; n < y.columns; ++n) {
          packed[k * y.columns + n] =
              load<T>(run.in[1].data, at[1] + k * y.row_step + n * y.column_step);
        }
      }
      packed_from = at[1];
      is_packed = true;
    }
    for (std::int64_t m = 0; m < x.rows; ++m) {
      std::fill_n(sums, y.columns, Sum{});
      for (std::int64_t k = 0; k < y.rows; ++k) {
        const Sum value = load<T>(run.in[0].data, at[0] + m * x.row_step + k * x.column_step);
        const Sum* __restrict row = packed + k * y.columns;
        for (std::int64_t n = 0; n < y.columns; ++n) sums[n] += value * row[n];
      }
      for (std::int64_t n = 0; n < y.columns; ++n) {
        store<T>(run.out[0].data, at[2] + m * row_step + n * column_step, sums[n]);
      }
    }
  });
}

qn_status run_matmul(const Problem& p, const qn_run& run) {
  if (p.out[0].count == 0) return QN_OK;
  if (p.in[0].dtype == QN_C64)
    matmul<C64>(p, run);
  else
    dispatch_float(p.in[0].dtype, [&](auto tag) { matmul<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

bool accepts_matmul(const qn_opdesc& op, std::string* why) {
  if (!accept_float_or_complex(op, why)) return false;
  if (op.in[0].dtype != op.in[1].dtype)
    *why = "takes operands of one dtype";
  else if (op.in[0].ndim == 0 || op.in[1].ndim == 0)
    *why = "takes no 0-d operand";
  else
    return true;
  return false;
}

double estimate(const qn_opdesc& op) {
  const double depth = static_cast<double>(op.in[0].shape[op.in[0].ndim - 1]);
  return 200 + depth * static_cast<double>(element_count(op.out[0]));
}

const Kernel kTable[] = {
    {QN_OP_MATMUL, "matmul", accepts_matmul, run_matmul, estimate, matmul_workspace},
};

}  // namespace

const KernelList matmul_kernels = kernel_list(kTable);

}  // namespace quern::naive
