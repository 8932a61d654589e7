// A matmul opdesc as plain numbers: sizes, element strides, folded batch axes and the epilogue's
// operands. It computes nothing and picks no kernel.
#pragma once
#include <algorithm>
#include <cstdint>

#include "plugins/sdk/row_program.hpp"

namespace quern::sdk {

// C[batch.., M, N] (dense row-major) = A[batch.., M, K] B[batch.., K, N], then the epilogue.
struct Matmul {
  static constexpr unsigned max_axes = 8;
  struct Operand {  // a source of the epilogue: one stride a batch axis, then rows and columns
    std::int64_t batch[max_axes] = {};
    std::int64_t m = 0, n = 0;
  };
  std::int64_t M = 1, N = 1, K = 1, batch = 1;
  unsigned n_batch = 0;
  std::int64_t shape[max_axes] = {}, a_batch[max_axes] = {}, b_batch[max_axes] = {};
  std::int64_t a_m = 0, a_k = 0, b_k = 0, b_n = 0;
  RowProgram epilogue;
  Operand operand[RowProgram::max_sources];

  bool b_is_shared() const {
    for (unsigned i = 0; i < n_batch; ++i) {
      if (b_batch[i] != 0) return false;
    }
    return true;
  }
  double flops() const { return 2.0 * double(batch) * double(M) * double(N) * double(K); }

  static std::int64_t offset(const std::int64_t* strides, const Matmul& g, std::int64_t item) {
    std::int64_t at = 0;
    for (unsigned i = g.n_batch; i-- > 0;) {
      at += item % g.shape[i] * strides[i];
      item /= g.shape[i];
    }
    return at;
  }
};

// Element stride of axis `axis`; dense row-major when the layout gives none.
inline std::int64_t axis_stride(const qn_array_desc& a, unsigned axis) {
  if (a.shape[axis] == 1) return 0;
  if (a.layout.kind == QN_LAYOUT_STRIDED && a.layout.strides) return a.layout.strides[axis];
  std::int64_t s = 1;
  for (unsigned i = axis + 1; i < a.ndim; ++i) s *= a.shape[i];
  return s;
}

// Stride of `a` along axis `axis` (counted from the end, 1 = last) of an array it broadcasts to.
inline std::int64_t broadcast_stride(const qn_array_desc& a, unsigned from_end) {
  return from_end <= a.ndim ? axis_stride(a, a.ndim - from_end) : 0;
}

namespace detail {

inline void drop_unit_axes(Matmul& g) {
  unsigned w = 0;
  for (unsigned i = 0; i < g.n_batch; ++i) {
    if (g.shape[i] == 1) continue;
    g.shape[w] = g.shape[i];
    g.a_batch[w] = g.a_batch[i];
    g.b_batch[w] = g.b_batch[i];
    for (auto& o : g.operand) o.batch[w] = o.batch[i];
    ++w;
  }
  g.n_batch = w;
}

// Batch axes over which B is shared become rows of A where the strides allow it.
inline void fold_batch_into_rows(Matmul& g) {
  while (g.n_batch > 0 && g.M > 0) {
    const unsigned l = g.n_batch - 1;
    const bool single = g.M == 1;
    if (g.b_batch[l] != 0 || (!single && g.a_batch[l] != g.M * g.a_m)) return;
    for (unsigned s = 0; s < g.epilogue.n_sources; ++s) {
      if (!single && g.operand[s].batch[l] != g.M * g.operand[s].m) return;
    }
    if (single) {
      g.a_m = g.a_batch[l];
      for (auto& o : g.operand) o.m = o.batch[l];
    }
    g.M *= g.shape[l];
    g.batch = g.shape[l] ? g.batch / g.shape[l] : 0;
    --g.n_batch;
  }
}

}  // namespace detail

// False when there are too many axes. Strides of axes of size 1 read as 0.
inline bool describe_matmul(const qn_opdesc& op, Matmul& g, bool fold = true) {
  const qn_array_desc &a = op.in[0], &b = op.in[1], &c = op.out[0];
  const bool has_m = a.ndim > 1, has_n = b.ndim > 1;
  g = Matmul{};
  if (a.ndim == 0 || b.ndim == 0) return false;
  g.M = has_m ? a.shape[a.ndim - 2] : 1;
  g.K = a.shape[a.ndim - 1];
  g.N = has_n ? b.shape[b.ndim - 1] : 1;
  g.a_k = axis_stride(a, a.ndim - 1);
  g.a_m = has_m ? axis_stride(a, a.ndim - 2) : 0;
  g.b_n = has_n ? axis_stride(b, b.ndim - 1) : 0;
  g.b_k = has_n ? axis_stride(b, b.ndim - 2) : axis_stride(b, 0);
  // An operand that the caller gave as 1-d arrives as a matrix, and the output then lacks its axis.
  const unsigned most = a.ndim > b.ndim ? a.ndim : b.ndim;
  g.n_batch = has_m && has_n ? most - 2 : c.ndim - unsigned(has_m) - unsigned(has_n);
  if (g.n_batch > c.ndim || c.ndim - g.n_batch > 2 || g.n_batch > Matmul::max_axes) return false;
  const unsigned own = c.ndim - g.n_batch;
  const bool out_m = own == 2 || (own == 1 && g.M != 1), out_n = own == 2 || (own == 1 && g.M == 1);
  for (unsigned i = 0; i < g.n_batch; ++i) {
    const unsigned back = g.n_batch - i;
    g.shape[i] = c.shape[i];
    g.batch *= c.shape[i];
    g.a_batch[i] = has_m ? broadcast_stride(a, back + 2) : 0;
    g.b_batch[i] = has_n ? broadcast_stride(b, back + 2) : 0;
  }
  g.epilogue = match_rows(op, c.dtype == a.dtype ? a.dtype : 0);
  for (unsigned s = 0; s < g.epilogue.n_sources; ++s) {
    if (g.epilogue.source[s].input < 0) continue;
    const qn_array_desc& x = op.in[g.epilogue.source[s].input];
    Matmul::Operand& o = g.operand[s];
    for (unsigned i = 0; i < g.n_batch; ++i) o.batch[i] = broadcast_stride(x, c.ndim - i);
    if (out_n) o.n = broadcast_stride(x, 1);
    if (out_m) o.m = broadcast_stride(x, own);
  }
  detail::drop_unit_axes(g);
  if (fold) detail::fold_batch_into_rows(g);
  return true;
}

// A plain matrix whose batch axes, if any, have size 1.
inline bool one_matrix(const qn_array_desc& b) {
  for (std::uint32_t i = 0; i + 2 < b.ndim; ++i) {
    if (b.shape[i] != 1) return false;
  }
  return b.ndim >= 2;
}

// Where part i of `parts` even ones begins.
inline std::int64_t part(std::int64_t size, std::int64_t i, std::int64_t parts) {
  return size * i / parts;
}

struct Range {
  std::int64_t first, last;
};

// Part i of `size`, cut at multiples of `unit`.
inline Range unit_range(std::int64_t size, std::int64_t unit, std::int64_t i, std::int64_t parts) {
  const std::int64_t units = (size + unit - 1) / unit;
  return {std::min(size, part(units, i, parts) * unit),
          std::min(size, part(units, i + 1, parts) * unit)};
}

// The epilogue over rows [m0, m1) and columns [n0, n1) of batch item `item`; c is that item's C and
// row an instance of row_step.
template <class T>
inline void apply_epilogue(const Matmul& g, const qn_buffer* in, std::int64_t item, T* c,
                           std::int64_t m0, std::int64_t m1, std::int64_t n0, std::int64_t n1,
                           void (*row)(RowStep::Kind, T*, std::int64_t, const T*, std::int64_t,
                                       const T*, std::int64_t)) {
  const RowProgram& e = g.epilogue;
  if (e.n == 0) return;
  constexpr std::int64_t chunk = 2048 / sizeof(T);
  alignas(64) T beside[RowProgram::max_rows][chunk];
  const T* base[RowProgram::max_sources] = {};
  T imm[RowProgram::max_sources] = {};
  for (unsigned s = 0; s < e.n_sources; ++s) {
    imm[s] = static_cast<T>(e.source[s].imm);
    base[s] = e.source[s].input < 0 ? &imm[s]
                                    : static_cast<const T*>(in[e.source[s].input].data) +
                                          Matmul::offset(g.operand[s].batch, g, item);
  }
  const std::int64_t width = e.rows ? chunk : std::max<std::int64_t>(1, n1 - n0);
  for (std::int64_t m = m0; m < m1; ++m) {
    for (std::int64_t j = n0; j < n1; j += width) {
      T* const own = c + m * g.N + j;
      const auto at = [&](RowStep::Place p, std::int64_t& step) -> const T* {
        step = 1;
        if (p >= 0) return p ? beside[p - 1] : own;
        const Matmul::Operand& o = g.operand[~p];
        step = o.n;
        return base[~p] + m * o.m + j * o.n;
      };
      for (unsigned s = 0; s < e.n; ++s) {
        const RowStep& x = e.step[s];
        std::int64_t sa, sb;
        const T *a = at(x.a, sa), *b = at(x.b, sb);
        row(x.kind, x.to ? beside[x.to - 1] : own, std::min(width, n1 - j), a, sa, b, sb);
      }
    }
  }
}

}  // namespace quern::sdk
