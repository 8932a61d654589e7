// The loops of a strided copy over one block, for each kind of neighbourhood.
// Not here: which one fits (strided_copy.cpp).
#pragma once
#include "plugins/simd/strided_copy.h"

namespace quern::simd {

enum class CopyKind : std::uint8_t {
  runs,          // both lines contiguous
  fill,          // one element of x for a line of y
  strided,       // any strides
  transpose,     // x is contiguous along the rows, y along the lines
  interleave,    // a transpose to lines of 2, 3 or 4, one behind the other
  deinterleave,  // a transpose to 2, 3 or 4 rows of lines that lie so in x
};

// y[j * k + i] = x[i][j] for i < k: 2, 3 or 4 arrays zipped into one.
using ZipFn = void (*)(const void* const* x, void* y, std::int64_t n);
ZipFn zip_fn(std::uint32_t itemsize, std::size_t k);

// itemsize: 1, 2, 4 or 8; n: of the (de)interleaved axis.
CopyBlockFn copy_block_fn(CopyKind kind, std::uint32_t itemsize, std::int64_t n);

}  // namespace quern::simd
