// Random draws from a key: random_bits and element-wise ops, in the order that gives MLX's values.
// No generator state lives here: a key is an array, and a new one comes from random_split.
#include <algorithm>
#include <numbers>

#include "runtime/ops/support.h"

namespace quern::composed {
namespace {

void check_float(const char* op, DType dtype) {
  if (!is_float(dtype)) {
    fail_invalid("[", op, "] dtype ", name(dtype), ": expected f16, bf16, f32 or f64");
  }
}

// The shape to draw: as asked, or that of the parameters when none is asked.
Ints drawn_shape(const char* op, const Ints& asked, IntSpan parameters) {
  if (asked.empty()) return ints(parameters);
  const Shape both = broadcast_shapes(op, asked, parameters);
  if (!std::equal(both.begin(), both.end(), asked.begin(), asked.end())) {
    fail_invalid("[", op, "] parameters of shape ", to_string(parameters), " do not fit the shape ",
                 to_string(asked), " to draw");
  }
  return asked;
}

// f32 in [0, 1): the bits scaled by 2^-32 and kept below 1 also after rounding to `dtype`.
Array unit(const Array& key, const Ints& shape, DType dtype) {
  const double below = dtype == DType::f16 ? 0x1p-11 : dtype == DType::bf16 ? 0x1p-8 : 0x1p-24;
  const Array bits = ops::astype(ops::random_bits(key, shape, 4), DType::f32);
  return ops::minimum(ops::multiply(bits, constant(bits, 0x1p-32)), constant(bits, 1 - below));
}

}  // namespace

void random_uniform(Call& c, ArrayList& out) {
  const DType dtype = c.attrs.dtype(1);
  check_float(c.name, dtype);
  const Array low = cast(c.in[1], dtype);
  const Array range = ops::subtract(cast(c.in[2], dtype), low);
  const Ints shape = drawn_shape(c.name, c.attrs.is(0), range.shape());
  const Array u = cast(unit(c.in[0], shape, dtype), dtype);
  out.push_back(ops::add(ops::multiply(range, u), low));
}

void random_normal(Call& c, ArrayList& out) {
  const DType dtype = c.attrs.dtype(1);
  check_float(c.name, dtype);
  const Array loc = cast(c.in[1], dtype);
  const Array scale = cast(c.in[2], dtype);
  const Shape parameters = broadcast_shapes(c.name, loc.shape(), scale.shape());
  const Ints shape = drawn_shape(c.name, c.attrs.is(0), parameters);
  // Uniform on (-1, 1): the width of the interval rounds to 2 in f32.
  const Array u = unit(c.in[0], shape, DType::f32);
  const Array sides = ops::add(ops::multiply(constant(u, 2), u), constant(u, 0x1p-24 - 1));
  const Array z = cast(ops::erfinv(sides), dtype);
  const Array spread = ops::multiply(constant(scale, std::numbers::sqrt2), scale);
  out.push_back(ops::add(loc, ops::multiply(spread, z)));
}

void random_bernoulli(Call& c, ArrayList& out) {
  const Array p = cast(c.in[1], float_of(c.in[1].dtype()));
  check_float(c.name, p.dtype());
  const Ints shape = drawn_shape(c.name, c.attrs.is(0), p.shape());
  const Array bits = ops::random_bits(c.in[0], shape, 4);
  // The f32 next above 2^32, so that p = 1 is above all bits after they are rounded to f32.
  const Array limit = ops::multiply(p, scalar(c.runtime, 0x1p32 + 512, DType::f32));
  out.push_back(ops::less(bits, limit));
}

void random_split(Call& c, ArrayList& out) {
  const std::int64_t num = c.attrs.i(0);
  if (num < 1) fail_invalid("[random_split] num ", num, ", expected 1 or more");
  out.push_back(ops::random_bits(c.in[0], Ints{num, 2}, 4));
}

}  // namespace quern::composed
