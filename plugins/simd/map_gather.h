// Reads an operand that does not lie like the result: broadcast, strided, permuted.
#pragma once
#include "plugins/simd/map_program.h"

namespace quern::simd {

// Where elements lo .. lo + n of the output's memory order lie side by side in the input; NULL when
// they do not.
const void* side_by_side(const MapInput& in, const void* data, std::int64_t lo, std::int64_t n);

// Copies these elements to `to`.
void gather_elements(const MapInput& in, const void* data, std::int64_t lo, std::int64_t n,
                     void* to);

}  // namespace quern::simd
