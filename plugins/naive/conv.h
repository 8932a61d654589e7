// The geometry that conv and its two gradients share: which input pixel a filter tap meets at an
// output pixel. The sums themselves are in conv.cpp and conv_grad.cpp.
#pragma once
#include "plugins/naive/spatial.h"

namespace quern::naive {

struct ConvGeometry {
  Spatial stride, padding, dilation, input_dilation;
  std::int64_t groups;
  bool flip, last;

  // `k` is the place of `stride` among the attributes.
  ConvGeometry(const Problem& p, std::size_t k) {
    const std::size_t rank = p.in[0].ndim() - 2;
    const Spatial ones{1, 1, 1}, zeros{};
    stride = spatial_attribute(p.ints(k), rank, 1, ones);
    padding = spatial_attribute(p.ints(k + 1), rank, 0,
                                zeros);  // the high side shows in the output's size
    dilation = spatial_attribute(p.ints(k + 3), rank, 1, ones);
    input_dilation = spatial_attribute(p.ints(k + 4), rank, 1, ones);
    groups = p.integer(k + 5);
    flip = p.integer(k + 6) != 0;
    last = channels_last(p.text(k + 7));
  }

  // Index into the input along `axis` met by `tap` at output index `out`, or -1: padding, or a gap
  // between the elements of a dilated input.
  std::int64_t input_index(int axis, std::int64_t out, std::int64_t tap, std::int64_t size) const {
    const std::int64_t at = out * stride[axis] + tap * dilation[axis] - padding[axis];
    if (at < 0 || at % input_dilation[axis] != 0) return -1;
    const std::int64_t index = at / input_dilation[axis];
    return index < size ? index : -1;
  }

  // Calls f(input position, tap number in row-major order) for each filter tap that meets input at
  // `out`.
  template <typename F>
  void for_each_tap(const Spatial& out, const Spatial& filter, const Spatial& input, F&& f) const {
    Spatial p{};
    for (std::int64_t a = 0; a < filter[0]; ++a) {
      if ((p[0] = input_index(0, out[0], a, input[0])) < 0) continue;
      for (std::int64_t b = 0; b < filter[1]; ++b) {
        if ((p[1] = input_index(1, out[1], b, input[1])) < 0) continue;
        for (std::int64_t c = 0; c < filter[2]; ++c) {
          if ((p[2] = input_index(2, out[2], c, input[2])) < 0) continue;
          f(static_cast<const Spatial&>(p), (a * filter[1] + b) * filter[2] + c);
        }
      }
    }
  }

  // Offset in elements, channel and first axis aside, of the filter's tap at `position`.
  std::int64_t tap_offset(const Image& w, const Spatial& position) const {
    std::int64_t offset = 0;
    for (int i = 0; i < kSpatial; ++i) {
      offset += (flip ? w.size[i] - 1 - position[i] : position[i]) * w.step[i];
    }
    return offset;
  }
};

// y[i] += a * x[i]; y and x do not overlap.
inline void add_scaled(double* __restrict y, double a, const double* __restrict x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

// One nanosecond for each multiply-add of the forward convolution with output y and filter w.
inline double conv_est_ns(const qn_array_desc& y, const qn_array_desc& w) {
  const double filters = w.shape[0] ? static_cast<double>(w.shape[0]) : 1.0;
  return 1000 +
         static_cast<double>(element_count(y)) * (static_cast<double>(element_count(w)) / filters);
}

}  // namespace quern::naive
