// Places of values in a sorted array.
#pragma once
#include <cstdint>

#include "quern/kernel.h"

namespace quern::simd {

// places[i] = how many of the n < 2^31 ascending elements (NaN behind all) lie before values[i], or
// with `right` not behind it.
using SearchFn = void (*)(const void* sorted, std::int64_t n, const void* values,
                          std::int64_t n_values, bool right, std::uint32_t* places);

// NULL when the dtype is not served.
SearchFn search_fn(qn_dtype dtype);

}  // namespace quern::simd
