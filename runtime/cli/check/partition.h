// Partial orders, of which there are many: judged by what they promise.
#pragma once
#include <optional>

#include "runtime/cli/check/compare.h"

namespace quern_cli::check {

// Whether the dense indices `got` of argpartition name every place of a line once, the kth element
// at kth, none larger before and none smaller behind it; NaN is largest. Nothing for other ops.
std::optional<Difference> judge_partition(const Problem&, const std::vector<Bytes>& got);

}  // namespace quern_cli::check
