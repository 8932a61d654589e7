// The order in which sort and searchsorted see elements.
// Knows nothing of arrays.
#pragma once
#include <cstdint>
#include <limits>
#include <type_traits>

namespace quern::naive {

// The longest axis whose places a 32-bit index can name.
inline constexpr std::int64_t kMaxOrdered = std::numeric_limits<std::uint32_t>::max();

// a < b, with NaN behind everything else and equal to itself.
template <typename T>
bool before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a < b || (b != b && a == a);
  else
    return a < b;
}

}  // namespace quern::naive
