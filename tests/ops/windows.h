// Images of any layout for the references of convolution and pooling: (n, c, position) whatever the
// axes' order.
#pragma once
#include <string>

#include "tests/ops/reference.h"

namespace quern::test {

// An image's or filter's index (n, c, p..) in the axis order of a layout.
inline Shape image_index(const std::string& layout, std::int64_t n, std::int64_t c,
                         const Shape& p) {
  Shape i = {n};
  if (layout == "nchw") i.push_back(c);
  i.insert(i.end(), p.begin(), p.end());
  if (layout == "nhwc") i.push_back(c);
  return i;
}
inline Shape image_shape(const std::string& layout, std::int64_t n, std::int64_t c,
                         const Shape& size) {
  return image_index(layout, n, c, size);
}
inline std::int64_t channels(const std::string& layout, const Shape& s) {
  return layout == "nhwc" ? s.back() : s[1];
}
inline Shape spatial(const std::string& layout, const Shape& s) {
  return layout == "nhwc" ? Shape(s.begin() + 1, s.end() - 1) : Shape(s.begin() + 2, s.end());
}

}  // namespace quern::test
