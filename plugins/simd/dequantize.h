// Numbers packed as small integers, unpacked: the loop over a row.
#pragma once
#include <cstdint>

namespace quern::simd {

// y[k] = q[k] * scales[k / group] + biases[k / group] for n packed numbers of `bits` bits each, 1
// to 8, lowest first; n and group are multiples of 32.
using DequantizeFn = void (*)(const std::uint32_t* words, const float* scales, const float* biases,
                              std::int64_t bits, std::int64_t group, std::int64_t n, float* y);
DequantizeFn dequantize_row();

}  // namespace quern::simd
