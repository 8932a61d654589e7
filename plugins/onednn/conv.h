// What the convolution kernels share: the problem's sizes and the layouts each variant asks for.
// Makes no primitive.
#pragma once
#include <cmath>
#include <stdexcept>

#include "plugins/onednn/onednn.h"

namespace quern::onednn {

enum Variant : std::uint32_t { kBlocked = 0, kLast = 1, kFirst = 2 };  // the memory order asked for
const char* variant_name(Variant v);

struct ConvMds {
  Md x, w, y;
};

struct ConvShape {
  bool last = true;  // the arrays' axes are (N, sp.., C)
  std::int64_t n = 0, groups = 1;
  Dims x, w, y;  // shapes of the arrays
  Dims stride, low, high, dilation;
  double flops = 0;  // of one image

  static std::optional<ConvShape> of(const qn_opdesc& op, const char** why);
  Axes axes() const { return {last, 0}; }
  Axes w_axes() const { return {last, groups > 1 ? groups : 0}; }
  ConvMds request(Variant v, std::int64_t batch) const;
  double image_ns() const;
  // Expected time of one image on one core by the implementation of that name.
  double kernel_ns(std::string_view impl, bool input_grad) const;
  static double element_count(const Dims& d);
};

}  // namespace quern::onednn
