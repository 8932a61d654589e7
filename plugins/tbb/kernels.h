// The table of compute kernels that each instruction set fills.
// It knows nothing of plans, batches or threads.
#pragma once
#include <cstdint>

#include "plugins/sdk/matmul.hpp"

namespace quern::tbb {

using i64 = std::int64_t;

// What is asked for from memory while a panel of B is multiplied, because it is read next: a block
// of rows asks for four lines of kc floats, those of blocks i start at
// at + i / (nr / 16) * outer + i % (nr / 16) * inner.
struct Ahead {
  const float* at;
  i64 outer, inner;
  i64 quarter, line;  // floats from line to line, and from one line of the cache to the next
};

struct Kernels {
  const char* isa;
  i64 lanes;      // floats in a vector
  i64 rows;       // of a block read in place
  i64 mr, nr;     // rows of an A panel, columns of a B panel
  double gflops;  // one thread, large packed products
  // dst[k * width + i] = src[i * s_i + k * s_k], 0 for i >= n. width is mr or nr.
  void (*pack)(float* dst, i64 width, const float* src, i64 s_i, i64 s_k, i64 n, i64 kc);
  // C (m x n, n <= nr) = or += panels A (panel stride mr * kc) times one panel B.
  void (*packed)(i64 m, i64 n, i64 kc, const float* a, const float* b, const Ahead& ahead, float* c,
                 i64 ldc, bool add);
  // The same with A in place: its rows are a_m apart and contiguous along k.
  void (*unpacked)(i64 m, i64 n, i64 kc, const float* a, i64 a_m, const float* b,
                   const Ahead& ahead, float* c, i64 ldc, bool add);
  // C = A B, B row-major (last stride 1), A with any strides; nothing is packed.
  void (*direct)(i64 m, i64 n, i64 k, const float* a, i64 a_m, i64 a_k, const float* b, i64 b_k,
                 float* c, i64 ldc);
  // C = A W^T: rows of A and W contiguous along k.
  void (*dots)(i64 m, i64 n, i64 k, const float* a, i64 a_m, const float* w, i64 w_n, float* c,
               i64 ldc);
  // The dot product of k contiguous numbers.
  float (*inner)(i64 k, const float* a, const float* b);
  // A step of the epilogue, see sdk::row_step.
  void (*row_step)(sdk::RowStep::Kind, float* to, i64 n, const float* a, i64 s_a, const float* b,
                   i64 s_b);
};

const Kernels& generic_kernels();
#if defined(__x86_64__)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

// The widest set this CPU runs.
const Kernels& kernels();

}  // namespace quern::tbb
