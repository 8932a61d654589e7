// Shapes and strides (in elements) and the arithmetic on them. Sizes are checked against overflow.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "runtime/core/small_vector.h"

namespace quern {

using Shape = SmallVector<std::int64_t, 6>;
using Strides = SmallVector<std::int64_t, 6>;
using IntSpan = std::span<const std::int64_t>;

std::string to_string(IntSpan v);  // "(2, 3)"
std::int64_t element_count(
    IntSpan shape);                    // throws INVALID_ARGUMENT beyond 2^62 or on a negative size
Strides dense_strides(IntSpan shape);  // row-major
bool is_dense(IntSpan shape,
              IntSpan strides);  // row-major without gaps; axes of size 1 do not matter
// NumPy broadcasting; `op` names the caller in the error.
Shape broadcast_shapes(const char* op, IntSpan a, IntSpan b);
// Strides that read (shape, strides) as if it had shape `to`: 0 along repeated axes.
Strides broadcast_strides(IntSpan shape, IntSpan strides, IntSpan to);
// A negative axis counts from the end; throws with `op` in the text when out of range.
int normalize_axis(const char* op, std::int64_t axis, std::size_t ndim);

}  // namespace quern
