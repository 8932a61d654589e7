// softmax and its kin down neighbouring columns, and of rows so short that a vector holds one
// element of many.
#pragma once
#include <cstdint>

#include "plugins/simd/cut.h"

namespace quern::simd {

double columns_ns(const qn_opdesc& op, const Cut& c);  // on one core
std::unique_ptr<Plan> plan_columns(const qn_opdesc& op, const Cut& c, qn_plan_info& info);

// Columns of n elements, `step` elements apart, `width` columns side by side; of f32, f16 or bf16.
// y lies as x does, or, for logsumexp, is one row. y may be x.
using ColumnFn = void (*)(const void* x, void* y, std::int64_t n, std::int64_t step,
                          std::int64_t width);
struct ColumnOps {
  ColumnFn softmax, log_softmax, logsumexp;
};
ColumnOps column_ops(qn_dtype dtype);

// Rows of n <= 24 elements one behind the other; gives how many of them, from the first, it did:
// all but less than a vector's lanes. y may be x.
using ShortRowFn = std::int64_t (*)(const float* x, float* y, std::int64_t rows, std::int64_t n);
struct ShortRowOps {
  ShortRowFn softmax, log_softmax, logsumexp;
};
ShortRowOps short_row_ops();

}  // namespace quern::simd
