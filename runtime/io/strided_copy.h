// Strided memory into row-major memory. It does not convert dtypes.
#pragma once
#include <cstdint>

#include "runtime/core/shape.h"

namespace quern {

// dst: element_count(shape) * itemsize bytes. strides in elements, any sign; src need not be
// aligned.
void copy_to_dense(void* dst, const void* src, IntSpan shape, IntSpan strides,
                   std::uint32_t itemsize);

}  // namespace quern
