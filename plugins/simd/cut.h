// Dense arrays seen as outer x n x inner, for ops along some of their axes.
#pragma once
#include <span>

#include "plugins/simd/common.h"

namespace quern::simd {

using AxisOrder = std::vector<std::uint32_t>;  // slowest first
using AxisSet = std::span<const std::int64_t>;

// n: along the op's axes; inner is 1 for rows.
struct Cut {
  std::int64_t outer = 1, n = 1, inner = 1;
};

AxisOrder row_major(const qn_array_desc& x);
// The op's axes behind the others.
AxisOrder moved_last(const qn_array_desc& x, AxisSet axes);
// The cut of x when its axes lie in this order; false when those of the op do not lie together.
bool cut_lines(const qn_array_desc& x, AxisSet axes, const AxisOrder& order, Cut& c);
// Do the axes that are not the op's keep their order? Then what has one element a line is
// row-major.
bool keeps_order(const qn_array_desc& x, AxisSet axes, const AxisOrder& order);

}  // namespace quern::simd
