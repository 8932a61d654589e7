// Rows times packed small integers: the loop over output columns.
#pragma once
#include <cstdint>

namespace quern::simd {

// y[m * y_row + j] = sum over k of x[m, k] (q[j, k] * scales[j, k / group] + biases[j, k / group])
// for rows m < m_count, j < n. q has `bits` bits, 1, 2, 4 or 8, lowest first; `depth` and group are
// multiples of 32.
struct QuantizedTile {
  const float* x;  // dense rows of `depth`
  const std::uint32_t* words;
  const float *scales, *biases;
  float* y;
  std::int64_t m, n, depth, y_row, bits, group;
  float* turned;  // quantized_scratch(depth, m) floats
};

constexpr std::int64_t kQuantizedRows = 16;  // at most, of x

// x with the numbers that meet one word each beside one another, whole blocks of them.
inline std::int64_t quantized_scratch(std::int64_t depth, std::int64_t m) {
  return (depth + 511) / 512 * 512 * m;
}

using QuantizedFn = void (*)(const QuantizedTile&);
QuantizedFn quantized_product();

}  // namespace quern::simd
