// Matrices of the linear algebra kernels: brought into f64, row-major, and written back.
// No decomposition here.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/naive/naive.h"

namespace quern::naive {

// `accepts` of the linear algebra kernels.
inline bool accept_f32_f64(const qn_opdesc& op, std::string* why) {
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    if (op.in[i].dtype != QN_F32 && op.in[i].dtype != QN_F64) *why = "takes f32 and f64 only";
  }
  return why->empty();
}

inline std::int64_t rows_of(const Operand& a) { return a.shape[a.shape.size() - 2]; }
inline std::int64_t columns_of(const Operand& a) { return a.shape.back(); }

// Workspace for one matrix after the other: none where an axis before the last two has size 0,
// however large the matrices would be.
inline std::uint64_t one_at_a_time(const Problem& p, std::uint64_t bytes) {
  const std::vector<std::int64_t>& s = p.in[0].shape;
  return std::find(s.begin(), s.end() - 2, 0) == s.end() - 2 ? bytes : 0;
}

// The matrix (last two axes) of `a` that begins at element `at`, row by row into `to`.
inline void load_matrix(const Operand& a, const void* data, std::int64_t at, double* to) {
  const std::size_t n = a.shape.size();
  const std::int64_t row = a.strides[n - 2], column = a.strides[n - 1];
  for (std::int64_t i = 0; i < a.shape[n - 2]; ++i) {
    for (std::int64_t j = 0; j < a.shape[n - 1]; ++j) {
      const std::int64_t from = at + i * row + j * column;
      *to++ = a.dtype == QN_F32 ? load<float>(data, from) : load<double>(data, from);
    }
  }
}

inline void store_real(const Operand& a, void* data, std::int64_t at, double v) {
  if (a.dtype == QN_F32)
    store<float>(data, at, v);
  else
    store<double>(data, at, v);
}

// The matrix of `a` at element `at` from rows of `width` numbers.
inline void store_matrix(const Operand& a, void* data, std::int64_t at, const double* from,
                         std::int64_t width) {
  const std::size_t n = a.shape.size();
  for (std::int64_t i = 0; i < a.shape[n - 2]; ++i) {
    for (std::int64_t j = 0; j < a.shape[n - 1]; ++j)
      store_real(a, data, at + i * a.strides[n - 2] + j * a.strides[n - 1], from[i * width + j]);
  }
}

// NaN everywhere in place of n numbers with an infinity or NaN: a decomposition of it has no
// values.
inline void spread_nan(double* a, std::int64_t n) {
  if (!std::all_of(a, a + n, [](double v) { return std::isfinite(v); }))
    std::fill_n(a, n, std::numeric_limits<double>::quiet_NaN());
}

// The last axis of `a` at element `at`.
inline void store_vector(const Operand& a, void* data, std::int64_t at, const double* from) {
  for (std::int64_t i = 0; i < a.shape.back(); ++i)
    store_real(a, data, at + i * a.strides.back(), from[i]);
}

// f(offsets) for every matrix of input 0: where it begins in input 0 and in outputs 0 .. N - 2,
// whose leading axes are the same.
template <std::size_t N, typename F>
void for_each_matrix(const Problem& p, F&& f) {
  const Operand& x = p.in[0];
  std::array<Strides, N> strides{strides_of(x)};
  for (std::size_t k = 1; k < N; ++k) strides[k] = strides_of(p.out[k - 1]);
  for_each<N>({x.shape.data(), x.shape.size() - 2}, strides, f);
}

// LU with partial pivoting of the m x n matrix a, in place: the unit lower and the upper factor.
// pivot[k] is the row that row k was swapped with. Returns the sign of the permutation.
int factor_lu(double* a, std::int64_t m, std::int64_t n, std::int64_t* pivot);

}  // namespace quern::naive
