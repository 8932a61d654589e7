// What convolution and pooling share: where the spatial axes are, attributes with an entry for each
// of them, and window arithmetic that cannot overflow.
#pragma once
#include "runtime/ops/convert.h"

namespace quern {

struct SpatialAxes {
  std::size_t count;    // 1 to 3
  std::size_t first;    // the first of them
  std::size_t channel;  // the channel axis; in a weight, that of the input channels
};

// Checks layout and number of axes (3 to 5) of `x`, called `what` in the error.
SpatialAxes spatial_axes(const Call& call, const char* what, IntSpan x, std::string_view layout);

// Attribute k gets an entry for each spatial axis; none may be below `least`.
void spread(Call& call, std::size_t k, const char* attribute, std::size_t count,
            std::int64_t least);

// floor((size + low + high - window) / stride) + 1 with size and window dilated; throws when a
// window does not fit or a size is beyond 2^62.
struct WindowAxis {
  std::int64_t size, window;
  std::int64_t stride = 1, low = 0, high = 0, dilation = 1, input_dilation = 1;
};
std::int64_t window_count(const char* op, std::size_t axis, const WindowAxis& a);

}  // namespace quern
