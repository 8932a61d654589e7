// Mapping over a trace of placeholders: what was recorded for one example, for a batch of them.
#pragma once
#include "runtime/transforms/tracing.h"

namespace quern {

inline constexpr std::int64_t kNoAxis = INT64_MIN;

// Shape and dtype of one example of each input: without the axes (kNoAxis = not mapped).
// Throws INVALID_ARGUMENT for an axis out of range.
std::vector<Meta> example_metas(const char* op, std::span<const Array> in,
                                std::span<const std::int64_t> axes);
// t: of placeholders with the shapes of one example. The outputs with the batch at out_axes; one
// that does not depend on the batch is repeated, or stays as it is for kNoAxis. Throws
// INVALID_ARGUMENT when the sizes of the mapped axes differ or nothing is mapped.
ArrayList map_over(const Tracing& t, std::span<const Array> outputs, std::span<const Array> in,
                   std::span<const std::int64_t> in_axes, std::span<const std::int64_t> out_axes);

}  // namespace quern
