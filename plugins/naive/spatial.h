// Images and windows for convolution and pooling: every layout and rank seen as N, C and three
// spatial axes. No arithmetic on elements lives here.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "plugins/naive/naive.h"

namespace quern::naive {

inline constexpr int kSpatial = 3;
using Spatial = std::array<std::int64_t, kSpatial>;

// An image (first = N) or a filter (first = O). Missing spatial axes have size 1 and come first.
struct Image {
  std::int64_t first = 1, channels = 1;
  Spatial size{1, 1, 1};
  std::int64_t first_step = 0, channel_step = 0;
  Spatial step{};  // all steps in elements

  Image(const Operand& a, bool channels_last) {
    const int rank = static_cast<int>(a.ndim()) - 2, lead = kSpatial - rank;
    const std::size_t channel_axis = channels_last ? a.ndim() - 1 : 1,
                      spatial_axis = channels_last ? 1 : 2;
    first = a.shape[0];
    first_step = a.strides[0];
    channels = a.shape[channel_axis];
    channel_step = a.strides[channel_axis];
    for (int i = 0; i < rank; ++i) {
      size[lead + i] = a.shape[spatial_axis + i];
      step[lead + i] = a.strides[spatial_axis + i];
    }
  }
  std::int64_t pixels() const { return size[0] * size[1] * size[2]; }
  std::int64_t at(std::int64_t n, const Spatial& p) const {
    return n * first_step + p[0] * step[0] + p[1] * step[1] + p[2] * step[2];
  }
};

inline bool channels_last(std::string_view layout) { return layout == "nhwc"; }

// An attribute with one entry for each spatial axis, or one for all, or none (then `otherwise`).
inline Spatial spatial_attribute(std::span<const std::int64_t> v, std::size_t rank,
                                 std::int64_t missing, const Spatial& otherwise) {
  if (v.empty()) return otherwise;
  Spatial s{missing, missing, missing};
  for (std::size_t i = 0; i < rank; ++i) s[kSpatial - rank + i] = v.size() == 1 ? v[0] : v[i];
  return s;
}

// Calls f(p) for every position p below `size`, in row-major order.
template <typename F>
void for_each_position(const Spatial& size, F&& f) {
  Spatial p{};
  for (p[0] = 0; p[0] < size[0]; ++p[0]) {
    for (p[1] = 0; p[1] < size[1]; ++p[1]) {
      for (p[2] = 0; p[2] < size[2]; ++p[2]) f(static_cast<const Spatial&>(p));
    }
  }
}

// `accepts` for 1 to 3 spatial axes and operands of one floating dtype.
inline bool accept_spatial(const qn_opdesc& op, std::string* why) {
  if (!accept_float(op, why)) return false;
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    if (op.in[i].dtype != op.in[0].dtype) {
      *why = "takes operands of one dtype";
      return false;
    }
    if (op.in[i].ndim < 3 || op.in[i].ndim > 2 + kSpatial) {
      *why = "takes 1 to 3 spatial axes";
      return false;
    }
  }
  return true;
}

}  // namespace quern::naive
