// The loops that set elements or combine them with updates, for each mode and dtype.
// Halves can only be set: they are combined as f32.
#pragma once
#include "plugins/simd/common.h"

namespace quern::simd {

enum class Combine : std::uint8_t { set, add, prod, max, min };

// Lines of an update: m elements by these steps (elements).
struct UpdateLine {
  std::int64_t m = 1, array = 1, list = 1;
};

struct CombineFns {
  // For j < n in order: the line at y + off[j] is combined with the one at u + j * step.
  void (*lines)(void* y, const std::int64_t* off, std::int64_t n, const void* u, std::int64_t step,
                const UpdateLine& line) = nullptr;
  // The same for those j only whose off[j] lies in [lo, hi).
  void (*within)(void* y, const std::int64_t* off, std::int64_t n, const void* u, std::int64_t step,
                 const UpdateLine& line, std::int64_t lo, std::int64_t hi) = nullptr;
};

// Null functions where there are none.
CombineFns combine_fns(Combine mode, qn_dtype dtype);

}  // namespace quern::simd
