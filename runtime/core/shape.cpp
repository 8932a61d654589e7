// Arithmetic on shapes and strides: sizes, dense strides, broadcasting, axes.
// No shape rules of ops: they are in runtime/ops.
#include "runtime/core/shape.h"

#include <algorithm>

#include "runtime/core/error.h"

namespace quern {

std::string to_string(IntSpan v) {
  std::string s = "(";
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i != 0) s += ", ";
    append(s, v[i]);
  }
  if (v.size() == 1) s += ",";
  return s + ")";
}

std::int64_t element_count(IntSpan shape) {
  constexpr std::int64_t limit = std::int64_t{1} << 62;
  // A zero anywhere makes the whole array empty, however large the other axes are.
  bool negative = false, empty = false, large = false;
  std::int64_t count = 1;
  for (std::int64_t n : shape) {
    negative |= n < 0;
    empty |= n == 0;
    large |= __builtin_mul_overflow(count, n, &count) || count > limit;
  }
  if (negative) fail_invalid("[shape] negative size in ", to_string(shape));
  if (empty) return 0;
  if (large) fail_invalid("[shape] too many elements in ", to_string(shape));
  return count;
}

Strides dense_strides(IntSpan shape) {
  Strides strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    // Strides of an empty array are never followed; this keeps them from overflowing.
    if (__builtin_mul_overflow(step, std::max<std::int64_t>(shape[i], 1), &step)) step = 0;
  }
  return strides;
}

bool is_dense(IntSpan shape, IntSpan strides) {
  std::int64_t step = 1;
  bool dense = true;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 0) return true;
    if (shape[i] == 1) continue;
    dense = dense && strides[i] == step;
    step *= dense ? shape[i] : 1;
  }
  return dense;
}

Shape broadcast_shapes(const char* op, IntSpan a, IntSpan b) {
  if (std::equal(a.begin(), a.end(), b.begin(), b.end()))
    return Shape(a.data(), a.data() + a.size());
  const std::size_t n = std::max(a.size(), b.size());
  Shape out(n, 1);
  for (std::size_t i = 1; i <= n; ++i) {
    const std::int64_t x = i <= a.size() ? a[a.size() - i] : 1;
    const std::int64_t y = i <= b.size() ? b[b.size() - i] : 1;
    if (x != y && x != 1 && y != 1) {
      fail_invalid("[", op, "] shapes ", to_string(a), " and ", to_string(b),
                   " do not broadcast: axis -", i, " has sizes ", x, " and ", y,
                   ", expected equal sizes or 1");
    }
    out[n - i] = x == 1 ? y : x;
  }
  return out;
}

Strides broadcast_strides(IntSpan shape, IntSpan strides, IntSpan to) {
  Strides out(to.size(), 0);
  const std::size_t lead = to.size() - shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool repeated = shape[i] == 1 && to[lead + i] != 1;
    out[lead + i] = repeated ? 0 : strides[i];
  }
  return out;
}

int normalize_axis(const char* op, std::int64_t axis, std::size_t ndim) {
  const auto n = static_cast<std::int64_t>(ndim);
  if (axis < -n || axis >= n) {
    if (n == 0) fail_invalid("[", op, "] axis ", axis, " of a 0-d array, which has no axes");
    fail_invalid("[", op, "] axis ", axis, " is out of range for ", n, " axes: expected -", n,
                 " to ", n - 1);
  }
  return static_cast<int>(axis < 0 ? axis + n : axis);
}

}  // namespace quern
