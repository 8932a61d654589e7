// Strided memory into row-major memory: axes are merged first, so that dense parts become memcpy.
// One thread; the callers are bounded by memory or a file.
#include "runtime/io/strided_copy.h"

#include <cstring>

namespace quern {
namespace {

template <std::size_t N>
void copy_row(char* dst, const char* src, std::int64_t n, std::int64_t step) {
  for (std::int64_t i = 0; i < n; ++i, dst += N, src += step) std::memcpy(dst, src, N);
}

void copy_row(char* dst, const char* src, std::int64_t n, std::int64_t step,
              std::uint32_t itemsize) {
  if (step == itemsize) {
    std::memcpy(dst, src, static_cast<std::size_t>(n) * itemsize);
    return;
  }
  switch (itemsize) {
    case 1:
      return copy_row<1>(dst, src, n, step);
    case 2:
      return copy_row<2>(dst, src, n, step);
    case 4:
      return copy_row<4>(dst, src, n, step);
    default:
      return copy_row<8>(dst, src, n, step);
  }
}

}  // namespace

void copy_to_dense(void* dst, const void* src, IntSpan shape, IntSpan strides,
                   std::uint32_t itemsize) {
  Shape size;
  Strides step;  // in bytes
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return;
    if (shape[i] == 1) continue;
    const std::int64_t bytes = strides[i] * itemsize;
    if (!size.empty() && step.back() == bytes * shape[i]) {
      size.back() *= shape[i];
      step.back() = bytes;
    } else {
      size.push_back(shape[i]);
      step.push_back(bytes);
    }
  }
  if (size.empty()) {
    std::memcpy(dst, src, itemsize);
    return;
  }
  const std::size_t outer = size.size() - 1;
  const std::int64_t row = size[outer];
  char* to = static_cast<char*>(dst);
  const char* from = static_cast<const char*>(src);
  Shape at(outer, 0);
  while (true) {
    copy_row(to, from, row, step[outer], itemsize);
    to += row * itemsize;
    std::size_t axis = outer;
    while (axis > 0) {
      --axis;
      from += step[axis];
      if (++at[axis] < size[axis]) break;
      from -= step[axis] * size[axis];
      at[axis] = 0;
      if (axis == 0) return;
    }
    if (outer == 0) return;
  }
}

}  // namespace quern
