// Which ops are only another way to look at the same memory, and with which strides.
// It moves no data.
#pragma once
#include "runtime/core/attr.h"

namespace quern {

struct ViewOf {
  Strides strides;
  std::int64_t offset = 0;  // elements, added to the base's
};

// False when the result of VIEW op `op` on (shape, strides) can't be had without a copy (some
// reshapes).
bool view_strides(std::uint32_t op, const AttrList& attrs, IntSpan shape, IntSpan strides,
                  IntSpan out_shape, ViewOf& out);

}  // namespace quern
