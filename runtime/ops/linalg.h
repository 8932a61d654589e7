// What the rules and the composed ops of linear algebra share.
// No rules here.
#pragma once
#include "runtime/ops/support.h"

namespace quern {

// x with its last two axes swapped.
Array swap_matrix_axes(const Array& x);
// 1 on the diagonal, else 0, of shape (n, n).
Array identity_matrix(Runtime& rt, std::int64_t n, DType dtype);

}  // namespace quern
