// The element-wise program as a list of vector steps over tiles that fit the first-level cache.
// Not here: how a program is turned into steps (map_plan.cpp) or the loops themselves
// (map_ops.cpp).
#pragma once
#include "plugins/simd/common.h"

namespace quern::simd {

// In a tile every value takes 4 bytes an element: f32, which f16 and bf16 become, i32, u32, or bool
// as 0 or 1.
enum class Lane : std::uint8_t { kFloat, kInt, kUint, kBool };

// src[k] points at n elements, or at one when bit k of the variant's mask says uniform. dst may be
// a src.
using MapFn = void (*)(const void* const* src, void* dst, std::size_t n);

// The vector loop for an op, NULL when there is none with that mask of uniform operands.
MapFn map_fn(std::uint32_t op, Lane in, Lane out, unsigned uniform_mask);
// Plain loops for the rest; never with uniform operands.
MapFn map_fn_scalar(std::uint32_t op, Lane in, Lane out);
// Nanoseconds an element of a step, by vector or plain loop.
double step_cost(std::uint32_t op, bool scalar);

constexpr std::uint32_t kInstFill = 0x10000u;    // dst[i] = src[0][0]
constexpr std::uint32_t kInstCopy = 0x10001u;    // dst[i] = src[0][i]
constexpr std::uint32_t kInstCube = 0x10002u;    // x * x * x
constexpr std::uint32_t kInstWiden8 = 0x10003u;  // 4-byte ints from unsigned bytes
constexpr std::uint32_t kInstNarrow8 = 0x10004u;
constexpr std::uint32_t kInstRoundF16 = 0x10005u;  // to the nearest number of f16, as f32
constexpr std::uint32_t kInstRoundBf16 = 0x10006u;

// The loop of second(first(a, b), c), or of second(c, first(a, b)) when `turned`, each step
// rounded, on f32; NULL unless both are add, subtract or multiply.
MapFn map_pair_fn(std::uint32_t first, std::uint32_t second, bool turned, unsigned uniform_mask);

// Memory elements of a narrow dtype to 4-byte lanes and back; NULL when the dtype is not supported.
using ConvertFn = void (*)(const void* src, void* dst, std::size_t n);
ConvertFn widen_fn(qn_dtype dtype);
ConvertFn narrow_fn(qn_dtype dtype);

constexpr bool is_half(qn_dtype dtype) { return dtype == QN_F16 || dtype == QN_BF16; }
struct HalfFns {
  ConvertFn widen, narrow;
  MapFn round;  // f32 to the nearest number of the dtype, as f32
};
HalfFns half_fns(qn_dtype dtype);  // of f16 or bf16

}  // namespace quern::simd
