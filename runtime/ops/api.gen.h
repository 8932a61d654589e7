// Typed C++ functions that record ops, for gradients and composed ops. Generated from runtime/schema/ops.def by gen.py; do not edit.
#pragma once
#include <string>
#include <utility>

#include "runtime/ops/rules.h"

namespace quern::ops {

// Evenly spaced values in [start, stop): ceil((stop - start) / step) of them.
inline Array arange(Runtime& rt, double start, double stop, double step = 1, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(start));
  attrs_.push_back(std::move(stop));
  attrs_.push_back(std::move(step));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(&rt, QN_OP_ARANGE, ArrayList{}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// An array of the given shape whose every element is `value` (broadcast to it).
inline Array full(const Array& value, Ints shape) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  ArrayList out_;
  record(nullptr, QN_OP_FULL, ArrayList{value}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// `num` evenly spaced values from start to stop, both included.
inline Array linspace(Runtime& rt, double start, double stop, std::int64_t num = 50, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(start));
  attrs_.push_back(std::move(stop));
  attrs_.push_back(std::move(num));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(&rt, QN_OP_LINSPACE, ArrayList{}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Random unsigned integers of `width` bytes (1, 2 or 4) drawn by threefry2x32 from the uint32 key of shape (2,); the same bits as MLX for a key.
inline Array random_bits(const Array& key, Ints shape, std::int64_t width = 4) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(width));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_BITS, ArrayList{key}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x converted to another dtype. To bool tests for non-zero. Float to integer truncates: i32 and i64 saturate, narrower integers keep the low bits of that i32, u32 and u64 those of that i64 (u64 saturates above), NaN gives 0.
inline Array astype(const Array& x, DType dtype) {
  AttrList attrs_;
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_ASTYPE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// -x.
inline Array negative(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_NEGATIVE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Absolute value; for c64 the modulus, f32.
inline Array abs(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ABS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// -1, 0 or 1 by the sign of x; 0 for NaN. c64: x / |x|, 0 for 0.
inline Array sign(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SIGN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x * x.
inline Array square(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SQUARE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Square root.
inline Array sqrt(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SQRT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// 1 / sqrt(x).
inline Array rsqrt(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_RSQRT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// e to the power x.
inline Array exp(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_EXP, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// exp(x) - 1, accurate near 0.
inline Array expm1(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_EXPM1, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Natural logarithm.
inline Array log(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOG, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Logarithm to base 2.
inline Array log2(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOG2, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Logarithm to base 10.
inline Array log10(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOG10, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// log(1 + x), accurate near 0.
inline Array log1p(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOG1P, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Sine (radians).
inline Array sin(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SIN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Cosine (radians).
inline Array cos(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_COS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Tangent (radians).
inline Array tan(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_TAN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse sine.
inline Array arcsin(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ARCSIN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse cosine.
inline Array arccos(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ARCCOS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse tangent.
inline Array arctan(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ARCTAN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Hyperbolic sine.
inline Array sinh(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SINH, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Hyperbolic cosine.
inline Array cosh(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_COSH, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Hyperbolic tangent.
inline Array tanh(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_TANH, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse hyperbolic sine.
inline Array arcsinh(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ARCSINH, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse hyperbolic cosine.
inline Array arccosh(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ARCCOSH, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse hyperbolic tangent.
inline Array arctanh(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ARCTANH, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Largest integer not above x.
inline Array floor(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_FLOOR, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Smallest integer not below x.
inline Array ceil(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_CEIL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Nearest integer, halves to even.
inline Array round(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ROUND, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Integer part of x.
inline Array trunc(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_TRUNC, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// 1 / x.
inline Array reciprocal(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_RECIPROCAL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// 1 / (1 + exp(-x)).
inline Array sigmoid(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SIGMOID, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// max(x, 0); the gradient at 0 is 0.
inline Array relu(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_RELU, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Error function.
inline Array erf(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ERF, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse error function.
inline Array erfinv(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ERFINV, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where x is zero.
inline Array logical_not(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOGICAL_NOT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where x is not a number.
inline Array isnan(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ISNAN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where x is plus or minus infinity.
inline Array isinf(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ISINF, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Bitwise complement; logical not for bool.
inline Array bitwise_invert(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_BITWISE_INVERT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Real part: f32 for c64, x itself for real dtypes.
inline Array real(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_REAL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Imaginary part: f32 for c64, zeros for real dtypes.
inline Array imag(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_IMAG, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with its imaginary part negated; x itself for real dtypes.
inline Array conjugate(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_CONJUGATE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where x is neither infinite nor NaN; everywhere for integers.
inline Array isfinite(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ISFINITE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where x is plus infinity.
inline Array isposinf(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ISPOSINF, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where x is minus infinity.
inline Array isneginf(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ISNEGINF, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x * 180 / pi: an angle in radians, in degrees.
inline Array degrees(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_DEGREES, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x * pi / 180: an angle in degrees, in radians.
inline Array radians(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_RADIANS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with NaN replaced by `nan` and the infinities by posinf and neginf: one number each, none given = the largest and the lowest finite number of the dtype.
inline Array nan_to_num(const Array& x, double nan = 0, Floats posinf = Floats{}, Floats neginf = Floats{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(nan));
  attrs_.push_back(std::move(posinf));
  attrs_.push_back(std::move(neginf));
  ArrayList out_;
  record(nullptr, QN_OP_NAN_TO_NUM, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x rounded to `decimals` decimal places, halves to even; a negative number rounds to tens, hundreds and so on, integers exactly.
inline Array round_decimals(const Array& x, std::int64_t decimals = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(decimals));
  ArrayList out_;
  record(nullptr, QN_OP_ROUND_DECIMALS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// log(1 + exp(x)), without overflow.
inline Array softplus(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SOFTPLUS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x + y.
inline Array add(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ADD, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x - y.
inline Array subtract(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SUBTRACT, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x * y.
inline Array multiply(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_MULTIPLY, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x / y in floating point; integers become f32.
inline Array divide(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_DIVIDE, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// floor(x / y); an integer y of zero gives 0.
inline Array floor_divide(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_FLOOR_DIVIDE, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Remainder with the sign of y; an integer y of zero gives 0.
inline Array remainder(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_REMAINDER, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x to the power y. Integers wrap; a negative integer exponent gives 0. c64: exp(y * log(x)), and 1 for y = 0.
inline Array power(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_POWER, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The larger of x and y; NaN if either is.
inline Array maximum(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_MAXIMUM, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The smaller of x and y; NaN if either is.
inline Array minimum(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_MINIMUM, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Angle of the point (y, x): arctan(x / y) in the right quadrant.
inline Array arctan2(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_ARCTAN2, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// log(exp(x) + exp(y)) without overflow.
inline Array logaddexp(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOGADDEXP, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x == y.
inline Array equal(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_EQUAL, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x != y.
inline Array not_equal(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_NOT_EQUAL, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x < y.
inline Array less(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LESS, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x <= y.
inline Array less_equal(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LESS_EQUAL, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x > y.
inline Array greater(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_GREATER, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x >= y.
inline Array greater_equal(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_GREATER_EQUAL, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where both are non-zero.
inline Array logical_and(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOGICAL_AND, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where either is non-zero.
inline Array logical_or(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOGICAL_OR, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Bitwise and.
inline Array bitwise_and(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_BITWISE_AND, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Bitwise or.
inline Array bitwise_or(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_BITWISE_OR, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Bitwise exclusive or.
inline Array bitwise_xor(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_BITWISE_XOR, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x shifted left by y bits; 0 when y is not below the width.
inline Array left_shift(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LEFT_SHIFT, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x shifted right by y bits; 0, or -1 for a negative x, when y is not below the width.
inline Array right_shift(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_RIGHT_SHIFT, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x where condition is true, else y.
inline Array where(const Array& condition, const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_WHERE, ArrayList{condition, x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// min(max(x, low), high).
inline Array clip(const Array& x, const Array& low, const Array& high) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_CLIP, ArrayList{x, low, high}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// re + i * im (c64) of two real arrays, which become f32.
inline Array complex(const Array& re, const Array& im) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_COMPLEX, ArrayList{re, im}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// floor_divide(x, y) and remainder(x, y).
inline ArrayList divmod(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_DIVMOD, ArrayList{x, y}, std::move(attrs_), out_);
  return out_;
}

// True where exactly one is non-zero.
inline Array logical_xor(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LOGICAL_XOR, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where |x - y| <= atol + rtol * |y|; infinities are close to themselves only, NaN to NaN only with equal_nan.
inline Array isclose(const Array& x, const Array& y, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(rtol));
  attrs_.push_back(std::move(atol));
  attrs_.push_back(std::int64_t(equal_nan));
  ArrayList out_;
  record(nullptr, QN_OP_ISCLOSE, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True when isclose holds everywhere.
inline Array allclose(const Array& x, const Array& y, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(rtol));
  attrs_.push_back(std::move(atol));
  attrs_.push_back(std::int64_t(equal_nan));
  ArrayList out_;
  record(nullptr, QN_OP_ALLCLOSE, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True when x and y have one shape and equal elements; NaN equals NaN only with equal_nan.
inline Array array_equal(const Array& x, const Array& y, bool equal_nan = false) {
  AttrList attrs_;
  attrs_.push_back(std::int64_t(equal_nan));
  ArrayList out_;
  record(nullptr, QN_OP_ARRAY_EQUAL, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Sum. Booleans and integers below 32 bits are summed as i32.
inline Array sum(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_SUM, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Product.
inline Array prod(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_PROD, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Largest element; NaN if there is one. The gradient is shared equally among equal maxima.
inline Array max(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_MAX, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Smallest element; NaN if there is one. c64 is ordered by real part, then by imaginary part.
inline Array min(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_MIN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where every element is non-zero.
inline Array all(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_ALL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True where some element is non-zero.
inline Array any(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_ANY, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Index (u32) of the first largest element along one axis, or in the flattened array.
inline Array argmax(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_ARGMAX, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Index (u32) of the first smallest element.
inline Array argmin(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_ARGMIN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// log(sum(exp(x))) without overflow.
inline Array logsumexp(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_LOGSUMEXP, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Arithmetic mean in floating point.
inline Array mean(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_MEAN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Variance: mean squared deviation, divided by n - ddof.
inline Array var(const Array& x, Ints axes = Ints{}, bool keepdims = false, std::int64_t ddof = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  attrs_.push_back(std::move(ddof));
  ArrayList out_;
  record(nullptr, QN_OP_VAR, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Standard deviation: sqrt(var).
inline Array std(const Array& x, Ints axes = Ints{}, bool keepdims = false, std::int64_t ddof = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  attrs_.push_back(std::move(ddof));
  ArrayList out_;
  record(nullptr, QN_OP_STD, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// min(x) and max(x) over the same axes.
inline ArrayList minmax(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_MINMAX, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// Running sum along axis; from the end with reverse, of the elements before each one (0 for none) without inclusive. Booleans are summed as i32, every other dtype stays.
inline Array cumsum(const Array& x, std::int64_t axis = -1, bool reverse = false, bool inclusive = true) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  attrs_.push_back(std::int64_t(reverse));
  attrs_.push_back(std::int64_t(inclusive));
  ArrayList out_;
  record(nullptr, QN_OP_CUMSUM, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Running product along axis, options as in cumsum; 1 for no elements.
inline Array cumprod(const Array& x, std::int64_t axis = -1, bool reverse = false, bool inclusive = true) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  attrs_.push_back(std::int64_t(reverse));
  attrs_.push_back(std::int64_t(inclusive));
  ArrayList out_;
  record(nullptr, QN_OP_CUMPROD, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Running maximum along axis, options as in cumsum; for no elements the lowest value (-inf). NaN stays once met. The gradient goes to the latest of equal maxima.
inline Array cummax(const Array& x, std::int64_t axis = -1, bool reverse = false, bool inclusive = true) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  attrs_.push_back(std::int64_t(reverse));
  attrs_.push_back(std::int64_t(inclusive));
  ArrayList out_;
  record(nullptr, QN_OP_CUMMAX, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Running minimum along axis, as cummax.
inline Array cummin(const Array& x, std::int64_t axis = -1, bool reverse = false, bool inclusive = true) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  attrs_.push_back(std::int64_t(reverse));
  attrs_.push_back(std::int64_t(inclusive));
  ArrayList out_;
  record(nullptr, QN_OP_CUMMIN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// log(cumsum(exp(x))) along axis without overflow, options as in cumsum; -inf for no elements.
inline Array logcumsumexp(const Array& x, std::int64_t axis = -1, bool reverse = false, bool inclusive = true) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  attrs_.push_back(std::int64_t(reverse));
  attrs_.push_back(std::int64_t(inclusive));
  ArrayList out_;
  record(nullptr, QN_OP_LOGCUMSUMEXP, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x in ascending order along axis; stable, NaN last.
inline Array sort(const Array& x, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_SORT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Indices (u32) along axis that sort x; stable, NaN last.
inline Array argsort(const Array& x, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_ARGSORT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Indices (u32) along axis that put the kth smallest element (negative kth counts from the end) where sorting would, none larger before and none smaller behind it; the order within both parts is not specified.
inline Array argpartition(const Array& x, std::int64_t kth, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(kth));
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_ARGPARTITION, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with another shape of the same size, row-major; one entry may be -1.
inline Array reshape(const Array& x, Ints shape) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  ArrayList out_;
  record(nullptr, QN_OP_RESHAPE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Axes permuted; none given = reversed.
inline Array transpose(const Array& x, Ints axes = Ints{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  ArrayList out_;
  record(nullptr, QN_OP_TRANSPOSE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x repeated along new and size-1 axes.
inline Array broadcast_to(const Array& x, Ints shape) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  ArrayList out_;
  record(nullptr, QN_OP_BROADCAST_TO, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x[start:stop:step] on every axis with Python's meaning; a step may be negative, stop below -size means before the first.
inline Array slice(const Array& x, Ints start, Ints stop, Ints step = Ints{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(start));
  attrs_.push_back(std::move(stop));
  attrs_.push_back(std::move(step));
  ArrayList out_;
  record(nullptr, QN_OP_SLICE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// A copy of x with x[start:stop:step] replaced by update (broadcast).
inline Array slice_update(const Array& x, const Array& update, Ints start, Ints stop, Ints step = Ints{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(start));
  attrs_.push_back(std::move(stop));
  attrs_.push_back(std::move(step));
  ArrayList out_;
  record(nullptr, QN_OP_SLICE_UPDATE, ArrayList{x, update}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Arrays joined along an existing axis.
inline Array concatenate(const ArrayList& xs, std::int64_t axis = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_CONCATENATE, ArrayList(xs), std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Arrays joined along a new axis.
inline Array stack(const ArrayList& xs, std::int64_t axis = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_STACK, ArrayList(xs), std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x padded on every axis; mode constant (with `value`), edge, reflect (without the border) or symmetric (with it).
inline Array pad(const Array& x, const Array& value, Ints low, Ints high, std::string mode = "constant") {
  AttrList attrs_;
  attrs_.push_back(std::move(low));
  attrs_.push_back(std::move(high));
  attrs_.push_back(std::move(mode));
  ArrayList out_;
  record(nullptr, QN_OP_PAD, ArrayList{x, value}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Slices of x along axis at integer indices (negative ones count from the end); indices out of range are clamped into it.
inline Array take(const Array& x, const Array& indices, std::int64_t axis = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_TAKE, ArrayList{x, indices}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// out[.., i, ..] = x[.., indices[.., i, ..], ..]; other axes broadcast.
inline Array take_along_axis(const Array& x, const Array& indices, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_TAKE_ALONG_AXIS, ArrayList{x, indices}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// A copy of x with updates added to the slices along axis at indices; the transpose of take.
inline Array scatter_add(const Array& x, const Array& indices, const Array& updates, std::int64_t axis = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_SCATTER_ADD, ArrayList{x, indices, updates}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// A copy of x with updates added at take_along_axis positions.
inline Array scatter_add_along_axis(const Array& x, const Array& indices, const Array& updates, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_SCATTER_ADD_ALONG_AXIS, ArrayList{x, indices, updates}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x in new row-major memory.
inline Array copy(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_COPY, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x, through which no gradient flows.
inline Array stop_gradient(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_STOP_GRADIENT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x itself, as another node of the graph.
inline Array identity(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_IDENTITY, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The first of the inputs, not read before all the others are computed: work on it is repeated rather than shared with earlier work.
inline Array depends(const ArrayList& xs) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_DEPENDS, ArrayList(xs), std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with axes of size 1 inserted at the given places of the result.
inline Array expand_dims(const Array& x, Ints axes) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  ArrayList out_;
  record(nullptr, QN_OP_EXPAND_DIMS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x without the given axes of size 1 (none given = all of them).
inline Array squeeze(const Array& x, Ints axes = Ints{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  ArrayList out_;
  record(nullptr, QN_OP_SQUEEZE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Axes start_axis to end_axis merged into one.
inline Array flatten(const Array& x, std::int64_t start_axis = 0, std::int64_t end_axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(start_axis));
  attrs_.push_back(std::move(end_axis));
  ArrayList out_;
  record(nullptr, QN_OP_FLATTEN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Part `index` of x cut into `count` equal parts along axis.
inline Array split(const Array& x, std::int64_t index, std::int64_t count, std::int64_t axis = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  attrs_.push_back(std::move(index));
  attrs_.push_back(std::move(count));
  ArrayList out_;
  record(nullptr, QN_OP_SPLIT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x taken along axis at argpartition(x, kth).
inline Array partition(const Array& x, std::int64_t kth, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(kth));
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_PARTITION, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The k largest elements along axis, in no specified order; NaN counts as largest.
inline Array topk(const Array& x, std::int64_t k, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(k));
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_TOPK, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Middle element over axes (empty = all) in floating point, the mean of the two middle ones of an even count; NaN sorts last.
inline Array median(const Array& x, Ints axes = Ints{}, bool keepdims = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(keepdims));
  ArrayList out_;
  record(nullptr, QN_OP_MEDIAN, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Index (u32) at which each value would keep the 1-d ascending `sorted` in order: side left counts the elements below it, side right those not above it.
inline Array searchsorted(const Array& sorted, const Array& values, std::string side = "left") {
  AttrList attrs_;
  attrs_.push_back(std::move(side));
  ArrayList out_;
  record(nullptr, QN_OP_SEARCHSORTED, ArrayList{sorted, values}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Blocks of x cut at positions given by index arrays. xs = x, then an integer array for each entry of axes; they broadcast together to a shape I. out has shape I + slice_sizes: out[i] is the block of slice_sizes (an entry per axis of x) that starts at index arrays[i] on axes and at 0 on the others. Negative indices count from the end; out of range, the start is clamped so that the block lies inside x.
inline Array gather(const ArrayList& xs, Ints axes, Ints slice_sizes) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::move(slice_sizes));
  ArrayList out_;
  record(nullptr, QN_OP_GATHER, ArrayList(xs), std::move(attrs_), out_);
  return std::move(out_[0]);
}

// A copy of x in which blocks are set to, or combined with (mode set, add, prod, max or min), updates. xs = x, updates, then index arrays as in gather; updates has shape I + the block's shape (the part for I broadcasts). Where blocks overlap set keeps the last in row-major order of I and the others combine all. Starts are clamped as in gather.
inline Array scatter(const ArrayList& xs, Ints axes, std::string mode = "set") {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::move(mode));
  ArrayList out_;
  record(nullptr, QN_OP_SCATTER, ArrayList(xs), std::move(attrs_), out_);
  return std::move(out_[0]);
}

// A copy of x with out[.., indices[.., i, ..], ..] = values[.., i, ..], the last one where an index repeats; indices and values broadcast to x but for axis, out-of-range indices are clamped.
inline Array put_along_axis(const Array& x, const Array& indices, const Array& values, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_PUT_ALONG_AXIS, ArrayList{x, indices, values}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The bytes of x read as another dtype. When their sizes differ the last axis shrinks or grows by the ratio.
inline Array view(const Array& x, DType dtype) {
  AttrList attrs_;
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_VIEW, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// out[i, j, ..] = row-major element offset + i * strides[0] + j * strides[1] + .. of x, all inside x. Strides and offset count elements; strides default to row-major.
inline Array as_strided(const Array& x, Ints shape, Ints strides = Ints{}, std::int64_t offset = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(strides));
  attrs_.push_back(std::move(offset));
  ArrayList out_;
  record(nullptr, QN_OP_AS_STRIDED, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// An n by m matrix (m -1 = n) with ones on diagonal k (above the main one when positive) and zeros elsewhere.
inline Array eye(Runtime& rt, std::int64_t n, std::int64_t m = -1, std::int64_t k = 0, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(n));
  attrs_.push_back(std::move(m));
  attrs_.push_back(std::move(k));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(&rt, QN_OP_EYE, ArrayList{}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// An n by m matrix (m -1 = n) with ones on and below diagonal k and zeros above.
inline Array tri(Runtime& rt, std::int64_t n, std::int64_t m = -1, std::int64_t k = 0, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(n));
  attrs_.push_back(std::move(m));
  attrs_.push_back(std::move(k));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(&rt, QN_OP_TRI, ArrayList{}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with zeros above diagonal k of its last two axes.
inline Array tril(const Array& x, std::int64_t k = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(k));
  ArrayList out_;
  record(nullptr, QN_OP_TRIL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with zeros below diagonal k of its last two axes.
inline Array triu(const Array& x, std::int64_t k = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(k));
  ArrayList out_;
  record(nullptr, QN_OP_TRIU, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The diagonal of x along axis1 and axis2, which leave the shape, as a new last axis: elements with index on axis2 = index on axis1 + offset.
inline Array diagonal(const Array& x, std::int64_t offset = 0, std::int64_t axis1 = 0, std::int64_t axis2 = 1) {
  AttrList attrs_;
  attrs_.push_back(std::move(offset));
  attrs_.push_back(std::move(axis1));
  attrs_.push_back(std::move(axis2));
  ArrayList out_;
  record(nullptr, QN_OP_DIAGONAL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// A matrix with the 1-d x on diagonal k, or diagonal k of the 2-d x.
inline Array diag(const Array& x, std::int64_t k = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(k));
  ArrayList out_;
  record(nullptr, QN_OP_DIAG, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with elements moved on by shifts along axes, those beyond the end coming in at the start. One shift serves all axes; without axes the flattened x is rolled by the sum of shifts.
inline Array roll(const Array& x, Ints shifts, Ints axes = Ints{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(shifts));
  attrs_.push_back(std::move(axes));
  ArrayList out_;
  record(nullptr, QN_OP_ROLL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Each slice of x along axis repeated `repeats` times in place.
inline Array repeat(const Array& x, std::int64_t repeats, std::int64_t axis = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(repeats));
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_REPEAT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x laid out reps times along each axis; the shorter of reps and the shape is filled up with ones in front.
inline Array tile(const Array& x, Ints reps) {
  AttrList attrs_;
  attrs_.push_back(std::move(reps));
  ArrayList out_;
  record(nullptr, QN_OP_TILE, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Matrix product of the last two axes; leading axes broadcast; 1-d operands as in NumPy.
inline Array matmul(const Array& x, const Array& y) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_MATMUL, ArrayList{x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// alpha * (x @ y) + beta * c.
inline Array addmm(const Array& c, const Array& x, const Array& y, double alpha = 1, double beta = 1) {
  AttrList attrs_;
  attrs_.push_back(std::move(alpha));
  attrs_.push_back(std::move(beta));
  ArrayList out_;
  record(nullptr, QN_OP_ADDMM, ArrayList{c, x, y}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// General convolution (cross-correlation unless flip) over 1 to 3 spatial axes. layout nhwc: x (N, spatial.., C), w (O, spatial.., C/groups); nchw: x (N, C, spatial..), w (O, C/groups, spatial..).
inline Array conv(const Array& x, const Array& w, Ints stride = Ints{1}, Ints padding_low = Ints{0}, Ints padding_high = Ints{0}, Ints dilation = Ints{1}, Ints input_dilation = Ints{1}, std::int64_t groups = 1, bool flip = false, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding_low));
  attrs_.push_back(std::move(padding_high));
  attrs_.push_back(std::move(dilation));
  attrs_.push_back(std::move(input_dilation));
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::int64_t(flip));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_CONV, ArrayList{x, w}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Gradient of conv with respect to x, of shape input_shape.
inline Array conv_input_grad(const Array& dy, const Array& w, Ints input_shape, Ints stride = Ints{1}, Ints padding_low = Ints{0}, Ints padding_high = Ints{0}, Ints dilation = Ints{1}, Ints input_dilation = Ints{1}, std::int64_t groups = 1, bool flip = false, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(input_shape));
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding_low));
  attrs_.push_back(std::move(padding_high));
  attrs_.push_back(std::move(dilation));
  attrs_.push_back(std::move(input_dilation));
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::int64_t(flip));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_CONV_INPUT_GRAD, ArrayList{dy, w}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Gradient of conv with respect to w, of shape weight_shape.
inline Array conv_weight_grad(const Array& x, const Array& dy, Ints weight_shape, Ints stride = Ints{1}, Ints padding_low = Ints{0}, Ints padding_high = Ints{0}, Ints dilation = Ints{1}, Ints input_dilation = Ints{1}, std::int64_t groups = 1, bool flip = false, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(weight_shape));
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding_low));
  attrs_.push_back(std::move(padding_high));
  attrs_.push_back(std::move(dilation));
  attrs_.push_back(std::move(input_dilation));
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::int64_t(flip));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_CONV_WEIGHT_GRAD, ArrayList{x, dy}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// 1-D convolution: x (N, L, C), w (O, K, C/groups).
inline Array conv1d(const Array& x, const Array& w, std::int64_t stride = 1, std::int64_t padding = 0, std::int64_t dilation = 1, std::int64_t groups = 1, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(dilation));
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_CONV1D, ArrayList{x, w}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// 2-D convolution: x (N, H, W, C), w (O, KH, KW, C/groups).
inline Array conv2d(const Array& x, const Array& w, Ints stride = Ints{1}, Ints padding = Ints{0}, Ints dilation = Ints{1}, std::int64_t groups = 1, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(dilation));
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_CONV2D, ArrayList{x, w}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// 3-D convolution: x (N, D, H, W, C), w (O, KD, KH, KW, C/groups).
inline Array conv3d(const Array& x, const Array& w, Ints stride = Ints{1}, Ints padding = Ints{0}, Ints dilation = Ints{1}, std::int64_t groups = 1, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(dilation));
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_CONV3D, ArrayList{x, w}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Transposed convolution over 1 to 3 spatial axes. layout nhwc: w (O, spatial.., C/groups); nchw: w (O, C/groups, spatial..). Output size (n - 1) * stride - 2 * padding + dilation * (k - 1) + 1 + output_padding.
inline Array conv_transpose(const Array& x, const Array& w, Ints stride = Ints{1}, Ints padding = Ints{0}, Ints dilation = Ints{1}, Ints output_padding = Ints{0}, std::int64_t groups = 1, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(dilation));
  attrs_.push_back(std::move(output_padding));
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_CONV_TRANSPOSE, ArrayList{x, w}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Largest element of each window; stride defaults to kernel; padding counts as -inf.
inline Array max_pool(const Array& x, Ints kernel, Ints stride = Ints{}, Ints padding = Ints{0}, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(kernel));
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_MAX_POOL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Gradient of max_pool (y its result): dy goes to the first largest element of each window in row-major order.
inline Array max_pool_grad(const Array& x, const Array& y, const Array& dy, Ints kernel, Ints stride = Ints{}, Ints padding = Ints{0}, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(kernel));
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_MAX_POOL_GRAD, ArrayList{x, y, dy}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Mean of each window, padding counted as zeros.
inline Array avg_pool(const Array& x, Ints kernel, Ints stride = Ints{}, Ints padding = Ints{0}, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(kernel));
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_AVG_POOL, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Gradient of avg_pool, of shape input_shape.
inline Array avg_pool_grad(const Array& dy, Ints input_shape, Ints kernel, Ints stride = Ints{}, Ints padding = Ints{0}, std::string layout = "nhwc") {
  AttrList attrs_;
  attrs_.push_back(std::move(input_shape));
  attrs_.push_back(std::move(kernel));
  attrs_.push_back(std::move(stride));
  attrs_.push_back(std::move(padding));
  attrs_.push_back(std::move(layout));
  ArrayList out_;
  record(nullptr, QN_OP_AVG_POOL_GRAD, ArrayList{dy}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// exp(x) / sum(exp(x)) over axes, without overflow.
inline Array softmax(const Array& x, Ints axes = Ints{-1}) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  ArrayList out_;
  record(nullptr, QN_OP_SOFTMAX, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x - logsumexp(x) over axes.
inline Array log_softmax(const Array& x, Ints axes = Ints{-1}) {
  AttrList attrs_;
  attrs_.push_back(std::move(axes));
  ArrayList out_;
  record(nullptr, QN_OP_LOG_SOFTMAX, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// (x - mean) / sqrt(var + eps) * w + b over the last axis; w and b scalars or of that axis' size.
inline Array layer_norm(const Array& x, const Array& w = {}, const Array& b = {}, double eps = 1e-5) {
  AttrList attrs_;
  attrs_.push_back(std::move(eps));
  ArrayList out_;
  record(nullptr, QN_OP_LAYER_NORM, ArrayList{x, w, b}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x / sqrt(mean(x * x) + eps) * w over the last axis; w a scalar or of that axis' size.
inline Array rms_norm(const Array& x, const Array& w = {}, double eps = 1e-5) {
  AttrList attrs_;
  attrs_.push_back(std::move(eps));
  ArrayList out_;
  record(nullptr, QN_OP_RMS_NORM, ArrayList{x, w}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// (x - mean) / sqrt(var + eps) of x (N, .., C): mean and variance of each item over all its positions and the channels of a group, one of `groups` runs of neighbouring channels, or with interleaved every groups-th channel. groups divides C.
inline Array group_norm(const Array& x, std::int64_t groups, bool interleaved = false, double eps = 1e-5) {
  AttrList attrs_;
  attrs_.push_back(std::move(groups));
  attrs_.push_back(std::int64_t(interleaved));
  attrs_.push_back(std::move(eps));
  ArrayList out_;
  record(nullptr, QN_OP_GROUP_NORM, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Rotary position encoding (Su and others 2021) of x (B, .., T, D): pair i of the first dims entries of the last axis, (i, i + dims / 2) or with traditional (2 i, 2 i + 1), is turned by the angle (t + offset) * scale / base^(2 i / dims). offset is a number or one for each of B; freqs (dims / 2,), when it is not 0-d, stands for base^(2 i / dims).
inline Array rope(const Array& x, const Array& offset, const Array& freqs, std::int64_t dims, bool traditional = false, double base = 10000, double scale = 1) {
  AttrList attrs_;
  attrs_.push_back(std::move(dims));
  attrs_.push_back(std::int64_t(traditional));
  attrs_.push_back(std::move(base));
  attrs_.push_back(std::move(scale));
  ArrayList out_;
  record(nullptr, QN_OP_ROPE, ArrayList{x, offset, freqs}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// softmax(scale * q k' + mask) v with q (B, N, Tq, D), k (B, M, Tk, D), v (B, M, Tk, E); query head n uses key head n / (N / M). mask broadcasts to (B, N, Tq, Tk): bool keeps the scores where true, another is added. causal hides the keys behind each query, the last query seeing all. Where a truth value or causal hides every key, all count alike.
inline Array scaled_dot_product_attention(const Array& q, const Array& k, const Array& v, const Array& mask, double scale, bool causal = false) {
  AttrList attrs_;
  attrs_.push_back(std::move(scale));
  attrs_.push_back(std::int64_t(causal));
  ArrayList out_;
  record(nullptr, QN_OP_SCALED_DOT_PRODUCT_ATTENTION, ArrayList{q, k, v, mask}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// -log_probs at the integer targets along axis, one loss an item (no reduction).
inline Array nll_loss(const Array& log_probs, const Array& targets, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_NLL_LOSS, ArrayList{log_probs, targets}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// logsumexp(logits) - logits at the integer targets along axis, one loss an item.
inline Array cross_entropy(const Array& logits, const Array& targets, std::int64_t axis = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_CROSS_ENTROPY, ArrayList{logits, targets}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Uniform on [low, high).
inline Array random_uniform(const Array& key, const Array& low = {}, const Array& high = {}, Ints shape = Ints{}, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_UNIFORM, ArrayList{key, low, high}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Normal with mean loc and standard deviation scale.
inline Array random_normal(const Array& key, const Array& loc = {}, const Array& scale = {}, Ints shape = Ints{}, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_NORMAL, ArrayList{key, loc, scale}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// True with probability p.
inline Array random_bernoulli(const Array& key, const Array& p = {}, Ints shape = Ints{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_BERNOULLI, ArrayList{key, p}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// `num` new keys from one, shape (num, 2).
inline Array random_split(const Array& key, std::int64_t num = 2) {
  AttrList attrs_;
  attrs_.push_back(std::move(num));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_SPLIT, ArrayList{key}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Integers on [low, high), drawn as f32: beyond 2^24 not every one occurs.
inline Array random_randint(const Array& key, const Array& low, const Array& high, Ints shape = Ints{}, DType dtype = DType::i32) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_RANDINT, ArrayList{key, low, high}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Indices (u32) along axis of logits, drawn with the probabilities softmax(logits): of the shape of the other axes, or of `shape` to which they broadcast, or with num_samples >= 0 that many on a new last axis.
inline Array random_categorical(const Array& key, const Array& logits, std::int64_t axis = -1, Ints shape = Ints{}, std::int64_t num_samples = -1) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(num_samples));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_CATEGORICAL, ArrayList{key, logits}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Standard normal within [low, high].
inline Array random_truncated_normal(const Array& key, const Array& low, const Array& high, Ints shape = Ints{}, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_TRUNCATED_NORMAL, ArrayList{key, low, high}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with its slices along axis in random order. A permutation of 0 .. n-1 is argsort(random_bits(key, (n,))).
inline Array random_permutation(const Array& key, const Array& x, std::int64_t axis = 0) {
  AttrList attrs_;
  attrs_.push_back(std::move(axis));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_PERMUTATION, ArrayList{key, x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Standard Gumbel: -log(-log(u)) of uniform u.
inline Array random_gumbel(const Array& key, Ints shape = Ints{}, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_GUMBEL, ArrayList{key}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Laplace with mean loc and scale `scale`.
inline Array random_laplace(const Array& key, const Array& loc = {}, const Array& scale = {}, Ints shape = Ints{}, DType dtype = DType::f32) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  attrs_.push_back(std::move(dtype));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_LAPLACE, ArrayList{key, loc, scale}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Normal vectors (f32) with mean (.., n) and covariance (.., n, n), symmetric and positive semi-definite: one for each entry of `shape`, by default that of the leading axes. out has `shape` broadcast with the leading axes, + (n,).
inline Array random_multivariate_normal(const Array& key, const Array& mean, const Array& cov, Ints shape = Ints{}) {
  AttrList attrs_;
  attrs_.push_back(std::move(shape));
  ArrayList out_;
  record(nullptr, QN_OP_RANDOM_MULTIVARIATE_NORMAL, ArrayList{key, mean, cov}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// w (.., n) as integers of 1, 2, 3, 4, 5, 6 or 8 bits, packed without gaps into u32 words from the lowest bit up (.., n * bits / 32), with a scale and a bias for each group of 32, 64 or 128 (.., n / group_size): w is near integer * scale + bias. The same numbers as MLX's.
inline ArrayList quantize(const Array& w, std::int64_t group_size = 64, std::int64_t bits = 4) {
  AttrList attrs_;
  attrs_.push_back(std::move(group_size));
  attrs_.push_back(std::move(bits));
  ArrayList out_;
  record(nullptr, QN_OP_QUANTIZE, ArrayList{w}, std::move(attrs_), out_);
  return out_;
}

// integer * scale + bias for all integers of packed w, see quantize.
inline Array dequantize(const Array& w, const Array& scales, const Array& biases, std::int64_t group_size = 64, std::int64_t bits = 4) {
  AttrList attrs_;
  attrs_.push_back(std::move(group_size));
  attrs_.push_back(std::move(bits));
  ArrayList out_;
  record(nullptr, QN_OP_DEQUANTIZE, ArrayList{w, scales, biases}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x @ dequantize(w), or its transpose.
inline Array quantized_matmul(const Array& x, const Array& w, const Array& scales, const Array& biases, std::int64_t group_size = 64, std::int64_t bits = 4, bool transpose = true) {
  AttrList attrs_;
  attrs_.push_back(std::move(group_size));
  attrs_.push_back(std::move(bits));
  attrs_.push_back(std::int64_t(transpose));
  ArrayList out_;
  record(nullptr, QN_OP_QUANTIZED_MATMUL, ArrayList{x, w, scales, biases}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Discrete Fourier transform over axes: out[k] = sum(x[j] * exp(-2 pi i j k / n)), with +i when inverse.
inline Array fft(const Array& x, Ints n = Ints{}, Ints axes = Ints{-1}, bool inverse = false, std::string norm = "backward") {
  AttrList attrs_;
  attrs_.push_back(std::move(n));
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::int64_t(inverse));
  attrs_.push_back(std::move(norm));
  ArrayList out_;
  record(nullptr, QN_OP_FFT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// fft of a real array without the half that follows by symmetry: n / 2 + 1 numbers along the last of axes.
inline Array rfft(const Array& x, Ints n = Ints{}, Ints axes = Ints{-1}, std::string norm = "backward") {
  AttrList attrs_;
  attrs_.push_back(std::move(n));
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::move(norm));
  ArrayList out_;
  record(nullptr, QN_OP_RFFT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse of rfft: real, of size n along the last of axes; by default 2 * (m - 1) for m numbers.
inline Array irfft(const Array& x, Ints n = Ints{}, Ints axes = Ints{-1}, std::string norm = "backward") {
  AttrList attrs_;
  attrs_.push_back(std::move(n));
  attrs_.push_back(std::move(axes));
  attrs_.push_back(std::move(norm));
  ArrayList out_;
  record(nullptr, QN_OP_IRFFT, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Triangular factor l of a symmetric positive definite x = l @ l.T, of which the lower triangle is read; with `upper` the factor l.T.
inline Array cholesky(const Array& x, bool upper = false) {
  AttrList attrs_;
  attrs_.push_back(std::int64_t(upper));
  ArrayList out_;
  record(nullptr, QN_OP_CHOLESKY, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x = q @ r of (m, n): q (m, k) with orthonormal columns, r (k, n) upper triangular, k = min(m, n).
inline ArrayList qr(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_QR, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// x = u[:, :k] * s @ vt[:k] of (m, n): u (m, m) and vt (n, n) orthogonal, s (k,) descending, k = min(m, n).
inline ArrayList svd(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SVD, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// Ascending eigenvalues, and eigenvectors as columns, of a symmetric x, of which the lower (uplo L) or upper (U) triangle is read.
inline ArrayList eigh(const Array& x, std::string uplo = "L") {
  AttrList attrs_;
  attrs_.push_back(std::move(uplo));
  ArrayList out_;
  record(nullptr, QN_OP_EIGH, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// Eigenvalues, in no order, and eigenvectors of length 1 as columns, of a square x; both c64.
inline ArrayList eig(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_EIG, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// x = l[p] @ u of (m, n): l (m, k) unit lower triangular, u (k, n) upper triangular, p (m,) u32, k = min(m, n); partial pivoting.
inline ArrayList lu(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LU, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// Both factors of lu in one matrix, and for each step (u32) the row, from 0, that it was swapped with.
inline ArrayList lu_factor(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_LU_FACTOR, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// Determinant.
inline Array det(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_DET, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Sign and natural logarithm of the absolute value of the determinant; 0 and -inf when it is 0.
inline ArrayList slogdet(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SLOGDET, ArrayList{x}, std::move(attrs_), out_);
  return out_;
}

// x with a @ x = b for matrices a (n, n) and b (n, k); kind full, lower or upper says which triangle of a is read.
inline Array solve_system(const Array& a, const Array& b, std::string kind = "full") {
  AttrList attrs_;
  attrs_.push_back(std::move(kind));
  ArrayList out_;
  record(nullptr, QN_OP_SOLVE_SYSTEM, ArrayList{a, b}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// x with a @ x = b for a (.., n, n) and b (n,) or (.., n, k).
inline Array solve(const Array& a, const Array& b) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SOLVE, ArrayList{a, b}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// solve for a triangular a; the other triangle is not read.
inline Array solve_triangular(const Array& a, const Array& b, bool upper = false) {
  AttrList attrs_;
  attrs_.push_back(std::int64_t(upper));
  ArrayList out_;
  record(nullptr, QN_OP_SOLVE_TRIANGULAR, ArrayList{a, b}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse of a square x.
inline Array inv(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_INV, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse of a triangular x; the other triangle is not read.
inline Array tri_inv(const Array& x, bool upper = false) {
  AttrList attrs_;
  attrs_.push_back(std::int64_t(upper));
  ArrayList out_;
  record(nullptr, QN_OP_TRI_INV, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Inverse of the matrix whose cholesky factor is x.
inline Array cholesky_inv(const Array& x, bool upper = false) {
  AttrList attrs_;
  attrs_.push_back(std::int64_t(upper));
  ArrayList out_;
  record(nullptr, QN_OP_CHOLESKY_INV, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// Moore-Penrose inverse of (m, n), by svd: singular values below max(m, n) * eps of the largest count as 0.
inline Array pinv(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_PINV, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The values of eig alone.
inline Array eigvals(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_EIGVALS, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The values of eigh alone.
inline Array eigvalsh(const Array& x, std::string uplo = "L") {
  AttrList attrs_;
  attrs_.push_back(std::move(uplo));
  ArrayList out_;
  record(nullptr, QN_OP_EIGVALSH, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

// The s of svd alone.
inline Array singular_values(const Array& x) {
  AttrList attrs_;
  ArrayList out_;
  record(nullptr, QN_OP_SINGULAR_VALUES, ArrayList{x}, std::move(attrs_), out_);
  return std::move(out_[0]);
}

}  // namespace quern::ops
