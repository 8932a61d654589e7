// Instructions of element-wise programs on complex numbers.
// Real instructions, casts, constants and `where` are map.cpp's.
#pragma once
#include <cstdint>

#include "plugins/naive/element.h"

namespace quern::naive {

// True when `op` takes c64 operands, or gives c64 from the parts.
bool is_complex_op(std::uint32_t op);
// The result's dtype for c64 operands; real and imag also take real operands, complex takes f32.
qn_dtype complex_result(std::uint32_t op);
// n elements of an op with is_complex_op; `a` and `b` hold C64 (f32 for the op complex), `out` what
// complex_result says.
void execute_complex(std::uint32_t op, const void* a, const void* b, void* out, std::int64_t n);

}  // namespace quern::naive
