// Checks and sizes shared by convolution and pooling.
// Their rules are in conv.cpp and pool.cpp.
#include "runtime/ops/spatial.h"

namespace quern {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 62;

std::int64_t dilated(const char* op, std::size_t axis, std::int64_t n, std::int64_t by) {
  std::int64_t size = 0;
  if (n == 0) return 0;
  if (__builtin_mul_overflow(n - 1, by, &size) || size >= kLargest)
    fail_invalid("[", op, "] size ", n, " dilated by ", by, " is too large along spatial axis ",
                 axis);
  return size + 1;
}

}  // namespace

SpatialAxes spatial_axes(const Call& call, const char* what, IntSpan x, std::string_view layout) {
  if (layout != "nhwc" && layout != "nchw")
    fail_invalid("[", call.name, "] layout \"", layout, "\"; expected nhwc or nchw");
  if (x.size() < 3 || x.size() > 5)
    fail_invalid("[", call.name, "] ", what, " of shape ", to_string(x), "; expected 3 to 5 axes (",
                 layout == "nhwc" ? "batch, 1 to 3 spatial axes, channels)"
                                  : "batch, channels, 1 to 3 spatial axes)");
  if (layout == "nhwc") return {x.size() - 2, 1, x.size() - 1};
  return {x.size() - 2, 2, 1};
}

void spread(Call& call, std::size_t k, const char* attribute, std::size_t count,
            std::int64_t least) {
  Ints v = call.attrs.is(k);
  if (v.size() == 1) v.resize(count, v[0]);
  bool good = v.size() == count;
  for (std::int64_t n : v) good = good && n >= least && n <= kLargest;
  if (!good)
    fail_invalid("[", call.name, "] ", attribute, " ", to_string(v), "; expected one entry or ",
                 count, ", each from ", least, " to 2^62");
  call.attrs[k] = std::move(v);
}

std::int64_t window_count(const char* op, std::size_t axis, const WindowAxis& a) {
  const std::int64_t window = dilated(op, axis, a.window, a.dilation);
  std::int64_t size = dilated(op, axis, a.size, a.input_dilation);
  if (__builtin_add_overflow(size, a.low, &size) || __builtin_add_overflow(size, a.high, &size))
    fail_invalid("[", op, "] padding ", a.low, " and ", a.high, " is too large along spatial axis ",
                 axis);
  if (a.window < 1 || size < window)
    fail_invalid("[", op, "] a window of ", a.window, " (dilation ", a.dilation, ") over size ",
                 a.size, " with padding ", a.low, " and ", a.high, " along spatial axis ", axis,
                 "; expected room for at least one window of one element or more");
  return (size - window) / a.stride + 1;
}

}  // namespace quern
