// Reads operands that do not lie like the result. Not here: the copies of evenly spaced elements
// (strided_ops.cpp).
#include "plugins/simd/map_gather.h"

#include <cstring>

namespace quern::simd {
namespace {

// Bytes from the input's start to element lo, and its place along the last axis.
struct Place {
  std::int64_t index[kMaxDims];
  std::int64_t offset = 0;
  Place(const MapInput& in, std::int64_t lo) {
    for (int k = in.nd - 1; k >= 0; --k) {
      index[k] = lo % in.shape[k];
      lo /= in.shape[k];
      offset += index[k] * in.stride[k];
    }
    offset *= in.itemsize;
  }
};

// n elements along the last axis.
void copy_run(const MapInput& in, const char* src, std::int64_t n, char* dst) {
  in.copy(src, dst, {1, 0, 0}, {n, in.stride[in.nd - 1], 1});
}

// A row that repeats: one period is copied, then doubled.
void gather_period(const MapInput& in, const char* base, std::int64_t lo, std::int64_t n,
                   char* dst) {
  const std::int64_t period = in.shape[1], start = lo % period, s = in.stride[1],
                     size = in.itemsize;
  const std::int64_t head = std::min(n, period - start);
  copy_run(in, base + start * s * size, head, dst);
  std::int64_t have = head;
  if (have < n && start > 0) {
    const std::int64_t more = std::min(n - have, start);
    copy_run(in, base, more, dst + have * size);
    have += more;
  }
  while (have < n) {
    const std::int64_t more = std::min(n - have, have / period * period);
    std::memcpy(dst + have * size, dst, static_cast<std::size_t>(more * size));
    have += more;
  }
}

}  // namespace

const void* side_by_side(const MapInput& in, const void* data, std::int64_t lo, std::int64_t n) {
  const int last = in.nd - 1;
  if (in.stride[last] != 1 || n > in.shape[last] || lo % in.shape[last] + n > in.shape[last])
    return nullptr;
  return static_cast<const char*>(data) + Place(in, lo).offset;
}

void gather_elements(const MapInput& in, const void* data, std::int64_t lo, std::int64_t n,
                     void* to) {
  const char* base = static_cast<const char*>(data);
  char* dst = static_cast<char*>(to);
  const std::int64_t size = in.itemsize;
  if (in.nd == 2 && in.stride[0] == 0) return gather_period(in, base, lo, n, dst);
  const int last = in.nd - 1;
  Place at(in, lo);
  while (true) {
    const std::int64_t run = std::min(n, in.shape[last] - at.index[last]);
    copy_run(in, base + at.offset, run, dst);
    dst += run * size;
    n -= run;
    if (n == 0) return;
    at.offset -= at.index[last] * in.stride[last] * size;
    at.index[last] = 0;
    for (int k = last - 1; k >= 0; --k) {
      at.offset += in.stride[k] * size;
      if (++at.index[k] < in.shape[k]) break;
      at.offset -= at.index[k] * in.stride[k] * size;
      at.index[k] = 0;
    }
  }
}

}  // namespace quern::simd
