// The element-wise program as a list of vector steps over tiles that fit the first-level cache.
// Not here: how a program is turned into steps (map_program.cpp) or the loops themselves
// (map_*.cpp).
#pragma once
#include "plugins/simd/common.h"

namespace quern::simd {

// What a value of a program is in a tile: the dtype's own bytes, but f16 and bf16 as the f32 that
// equals them. A bool is 0 or 1 where a step made it; read from memory, any byte but 0 is true.
enum class Lane : std::uint8_t {
  kFloat,
  kDouble,
  kComplex,
  kBool,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64
};

constexpr std::uint32_t lane_size(Lane l) {
  constexpr std::uint8_t kSize[] = {4, 8, 8, 1, 1, 1, 2, 2, 4, 4, 8, 8};
  return kSize[static_cast<int>(l)];
}
constexpr bool is_integer(Lane l) { return l >= Lane::kI8; }

// src[k] points at n elements, or at one when bit k of the variant's mask says uniform. dst may be
// a src whose elements have its size.
using MapFn = void (*)(const void* const* src, void* dst, std::size_t n);

// The loop for an op whose first operand lies in lane `in` and its result in `out`; the condition
// of where and the operands of logical ops are bool. NULL when there is none with that mask of
// uniform operands; with none uniform there is one for whatever a program may say.
MapFn map_fn(std::uint32_t op, Lane in, Lane out, unsigned uniform_mask);
// Nanoseconds an element of a step.
double step_cost(std::uint32_t op, Lane in);

constexpr std::uint32_t kInstFill = 0x10000u;  // dst[i] = src[0][0]
constexpr std::uint32_t kInstCopy = 0x10001u;  // dst[i] = src[0][i]
constexpr std::uint32_t kInstCube = 0x10002u;  // x * x * x
// To f32, rounded so that rounding once more, to f16 or bf16, is as one rounding of the f64.
constexpr std::uint32_t kInstToFloatOdd = 0x10003u;
constexpr std::uint32_t kInstMaxMin = 0x10004u;    // min(max(x, y), z)
constexpr std::uint32_t kInstMinMax = 0x10007u;    // max(min(x, y), z)
constexpr std::uint32_t kInstRoundF16 = 0x10005u;  // to the nearest number of f16, as f32
constexpr std::uint32_t kInstRoundBf16 = 0x10006u;

// The loop of second(first(a, b), c), or of second(c, first(a, b)) when `turned`, each step
// rounded, on f32; NULL unless both are add, subtract or multiply.
MapFn map_pair_fn(std::uint32_t first, std::uint32_t second, bool turned, unsigned uniform_mask);
// A maximum and a minimum, in either order, of x and two bounds; NULL for c64.
MapFn clamp_fn(Lane lane, bool maximum_first, unsigned uniform_mask);  // map_table.cpp

// The tables of loops, one a file, in which map_fn looks; NULL for what a table lacks.
MapFn float_fn(std::uint32_t op, unsigned uniform_mask);         // map_ops.cpp
MapFn float_math_fn(std::uint32_t op, unsigned uniform_mask);    // map_math.cpp
MapFn double_fn(std::uint32_t op, unsigned uniform_mask);        // map_double.cpp
MapFn complex_fn(std::uint32_t op);                              // map_complex.cpp
MapFn integer_fn(std::uint32_t op, Lane in);                     // map_int.cpp; and bool
MapFn divide_fn(Lane in, bool remainder, bool uniform_divisor);  // map_divide.cpp
MapFn move_fn(std::uint32_t op, std::uint32_t size, unsigned uniform_mask);  // map_int.cpp
MapFn convert_fn(Lane in, Lane out);                                         // map_convert.cpp
MapFn odd_fn(Lane in);                                                       // map_convert.cpp
MapFn scalar_fn(std::uint32_t op, Lane in);                                  // map_scalar.cpp

// Memory elements of f16 or bf16 to f32 and back.
using ConvertFn = void (*)(const void* src, void* dst, std::size_t n);
constexpr bool is_half(qn_dtype dtype) { return dtype == QN_F16 || dtype == QN_BF16; }
struct HalfFns {
  ConvertFn widen, narrow;
  MapFn round;  // f32 to the nearest number of the dtype, as f32
};
HalfFns half_fns(qn_dtype dtype);
// The loop of one op on elements of f16 or bf16 in memory, its uniform operands as f32; NULL for
// most ops.
MapFn half_fn(qn_dtype dtype, std::uint32_t op, unsigned uniform_mask);  // map_half.cpp

}  // namespace quern::simd
