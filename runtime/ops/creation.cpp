// Shape rules of the ops that make arrays from nothing: arange and random_bits.
// full and linspace are composed of other ops, see composed.cpp.
#include <cmath>

#include "runtime/ops/support.h"

namespace quern::shape {

void arange(Call& c) {
  const double start = c.attrs.f(0);
  const double stop = c.attrs.f(1);
  const double step = c.attrs.f(2);
  const DType dtype = c.attrs.dtype(3);
  if (dtype == DType::boolean || is_complex(dtype)) {
    fail_invalid("[arange] dtype ", name(dtype), ": expected an integer or floating dtype");
  }
  if (step == 0 || !std::isfinite(start) || !std::isfinite(stop) || std::isnan(step)) {
    fail_invalid("[arange] start ", start, ", stop ", stop, ", step ", step,
                 ": expected finite bounds and a step that is not zero");
  }
  const double count = std::ceil((stop - start) / step);
  if (count > 0x1p62) fail_invalid("[arange] ", count, " elements, expected at most 2^62");
  c.out.push_back({Shape{count > 0 ? static_cast<std::int64_t>(count) : 0}, dtype});
}

void random_bits(Call& c) {
  const Array& key = c.in[0];
  if (key.dtype() != DType::u32 || key.ndim() != 1 || key.dim(0) != 2) {
    fail_invalid("[random_bits] key of shape ", to_string(key.shape()), " and dtype ",
                 name(key.dtype()), ", expected shape (2,) and dtype u32");
  }
  const Ints& shape = c.attrs.is(0);
  element_count(shape);
  const std::int64_t width = c.attrs.i(1);
  if (width != 1 && width != 2 && width != 4) {
    fail_invalid("[random_bits] width ", width, ", expected 1, 2 or 4 bytes");
  }
  const DType dtype = width == 1 ? DType::u8 : width == 2 ? DType::u16 : DType::u32;
  c.out.push_back({Shape(shape.begin(), shape.end()), dtype});
}

}  // namespace quern::shape
