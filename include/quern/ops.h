/* ops.h - typed functions over qn_op. Generated from runtime/schema/ops.def by gen.py; do not edit.
 *
 * Every function returns QN_OK and writes *out (a new reference), or an error code and leaves *out
 * alone; error may be NULL. Shapes and dtypes are checked at once, the work is done when needed. */
#ifndef QN_OPS_H
#define QN_OPS_H
#include <string.h>

#include "op_ids.h"
#include "quern.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* Evenly spaced values in [start, stop): ceil((stop - start) / step) of them.
 * step usually 1; dtype 0 = f32. */
static inline qn_status qn_arange(qn_runtime* rt, double start, double stop, double step,
    qn_dtype dtype, qn_array** out, qn_error** error) {
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = start;
  attr_[1].type = QN_ATTR_FLOAT;
  attr_[1].count = 0;
  attr_[1].v.f = stop;
  attr_[2].type = QN_ATTR_FLOAT;
  attr_[2].count = 0;
  attr_[2].v.f = step;
  attr_[3].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[3].count = 0;
  attr_[3].v.i = dtype;
  return qn_op(rt, QN_OP_ARANGE, NULL, 0, attr_, 4, out, 1, error);
}

/* An array of the given shape whose every element is `value` (broadcast to it). */
static inline qn_status qn_full(qn_runtime* rt, qn_array* value, const int64_t* shape,
    uint32_t n_shape, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = value;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  return qn_op(rt, QN_OP_FULL, in_, 1, attr_, 1, out, 1, error);
}

/* `num` evenly spaced values from start to stop, both included.
 * num usually 50; dtype 0 = f32. */
static inline qn_status qn_linspace(qn_runtime* rt, double start, double stop, int64_t num,
    qn_dtype dtype, qn_array** out, qn_error** error) {
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = start;
  attr_[1].type = QN_ATTR_FLOAT;
  attr_[1].count = 0;
  attr_[1].v.f = stop;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = num;
  attr_[3].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[3].count = 0;
  attr_[3].v.i = dtype;
  return qn_op(rt, QN_OP_LINSPACE, NULL, 0, attr_, 4, out, 1, error);
}

/* Random unsigned integers of `width` bytes (1, 2 or 4) drawn by threefry2x32 from the uint32
 * key of shape (2,); the same bits as MLX for a key.
 * width usually 4. */
static inline qn_status qn_random_bits(qn_runtime* rt, qn_array* key, const int64_t* shape,
    uint32_t n_shape, int64_t width, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = key;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = width;
  return qn_op(rt, QN_OP_RANDOM_BITS, in_, 1, attr_, 2, out, 1, error);
}

/* x converted to another dtype. To bool tests for non-zero. Float to integer truncates: i32 and
 * i64 saturate, narrower integers keep the low bits of that i32, u32 and u64 those of that i64
 * (u64 saturates above), NaN gives 0. */
static inline qn_status qn_astype(qn_runtime* rt, qn_array* x, qn_dtype dtype, qn_array**
    out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_DTYPE;
  attr_[0].count = 0;
  attr_[0].v.i = dtype;
  return qn_op(rt, QN_OP_ASTYPE, in_, 1, attr_, 1, out, 1, error);
}

/* -x. */
static inline qn_status qn_negative(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_NEGATIVE, in_, 1, NULL, 0, out, 1, error);
}

/* Absolute value; for c64 the modulus, f32. */
static inline qn_status qn_abs(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ABS, in_, 1, NULL, 0, out, 1, error);
}

/* -1, 0 or 1 by the sign of x; 0 for NaN. c64: x / |x|, 0 for 0. */
static inline qn_status qn_sign(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SIGN, in_, 1, NULL, 0, out, 1, error);
}

/* x * x. */
static inline qn_status qn_square(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SQUARE, in_, 1, NULL, 0, out, 1, error);
}

/* Square root. */
static inline qn_status qn_sqrt(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SQRT, in_, 1, NULL, 0, out, 1, error);
}

/* 1 / sqrt(x). */
static inline qn_status qn_rsqrt(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_RSQRT, in_, 1, NULL, 0, out, 1, error);
}

/* e to the power x. */
static inline qn_status qn_exp(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_EXP, in_, 1, NULL, 0, out, 1, error);
}

/* exp(x) - 1, accurate near 0. */
static inline qn_status qn_expm1(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_EXPM1, in_, 1, NULL, 0, out, 1, error);
}

/* Natural logarithm. */
static inline qn_status qn_log(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_LOG, in_, 1, NULL, 0, out, 1, error);
}

/* Logarithm to base 2. */
static inline qn_status qn_log2(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_LOG2, in_, 1, NULL, 0, out, 1, error);
}

/* Logarithm to base 10. */
static inline qn_status qn_log10(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_LOG10, in_, 1, NULL, 0, out, 1, error);
}

/* log(1 + x), accurate near 0. */
static inline qn_status qn_log1p(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_LOG1P, in_, 1, NULL, 0, out, 1, error);
}

/* Sine (radians). */
static inline qn_status qn_sin(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SIN, in_, 1, NULL, 0, out, 1, error);
}

/* Cosine (radians). */
static inline qn_status qn_cos(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_COS, in_, 1, NULL, 0, out, 1, error);
}

/* Tangent (radians). */
static inline qn_status qn_tan(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_TAN, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse sine. */
static inline qn_status qn_arcsin(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ARCSIN, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse cosine. */
static inline qn_status qn_arccos(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ARCCOS, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse tangent. */
static inline qn_status qn_arctan(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ARCTAN, in_, 1, NULL, 0, out, 1, error);
}

/* Hyperbolic sine. */
static inline qn_status qn_sinh(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SINH, in_, 1, NULL, 0, out, 1, error);
}

/* Hyperbolic cosine. */
static inline qn_status qn_cosh(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_COSH, in_, 1, NULL, 0, out, 1, error);
}

/* Hyperbolic tangent. */
static inline qn_status qn_tanh(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_TANH, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse hyperbolic sine. */
static inline qn_status qn_arcsinh(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ARCSINH, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse hyperbolic cosine. */
static inline qn_status qn_arccosh(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ARCCOSH, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse hyperbolic tangent. */
static inline qn_status qn_arctanh(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ARCTANH, in_, 1, NULL, 0, out, 1, error);
}

/* Largest integer not above x. */
static inline qn_status qn_floor(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_FLOOR, in_, 1, NULL, 0, out, 1, error);
}

/* Smallest integer not below x. */
static inline qn_status qn_ceil(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_CEIL, in_, 1, NULL, 0, out, 1, error);
}

/* Nearest integer, halves to even. */
static inline qn_status qn_round(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ROUND, in_, 1, NULL, 0, out, 1, error);
}

/* Integer part of x. */
static inline qn_status qn_trunc(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_TRUNC, in_, 1, NULL, 0, out, 1, error);
}

/* 1 / x. */
static inline qn_status qn_reciprocal(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_RECIPROCAL, in_, 1, NULL, 0, out, 1, error);
}

/* 1 / (1 + exp(-x)). */
static inline qn_status qn_sigmoid(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SIGMOID, in_, 1, NULL, 0, out, 1, error);
}

/* max(x, 0); the gradient at 0 is 0. */
static inline qn_status qn_relu(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_RELU, in_, 1, NULL, 0, out, 1, error);
}

/* Error function. */
static inline qn_status qn_erf(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ERF, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse error function. */
static inline qn_status qn_erfinv(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ERFINV, in_, 1, NULL, 0, out, 1, error);
}

/* True where x is zero. */
static inline qn_status qn_logical_not(qn_runtime* rt, qn_array* x, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_LOGICAL_NOT, in_, 1, NULL, 0, out, 1, error);
}

/* True where x is not a number. */
static inline qn_status qn_isnan(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ISNAN, in_, 1, NULL, 0, out, 1, error);
}

/* True where x is plus or minus infinity. */
static inline qn_status qn_isinf(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ISINF, in_, 1, NULL, 0, out, 1, error);
}

/* Bitwise complement; logical not for bool. */
static inline qn_status qn_bitwise_invert(qn_runtime* rt, qn_array* x, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_BITWISE_INVERT, in_, 1, NULL, 0, out, 1, error);
}

/* Real part: f32 for c64, x itself for real dtypes. */
static inline qn_status qn_real(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_REAL, in_, 1, NULL, 0, out, 1, error);
}

/* Imaginary part: f32 for c64, zeros for real dtypes. */
static inline qn_status qn_imag(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_IMAG, in_, 1, NULL, 0, out, 1, error);
}

/* x with its imaginary part negated; x itself for real dtypes. */
static inline qn_status qn_conjugate(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_CONJUGATE, in_, 1, NULL, 0, out, 1, error);
}

/* True where x is neither infinite nor NaN; everywhere for integers. */
static inline qn_status qn_isfinite(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ISFINITE, in_, 1, NULL, 0, out, 1, error);
}

/* True where x is plus infinity. */
static inline qn_status qn_isposinf(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ISPOSINF, in_, 1, NULL, 0, out, 1, error);
}

/* True where x is minus infinity. */
static inline qn_status qn_isneginf(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_ISNEGINF, in_, 1, NULL, 0, out, 1, error);
}

/* x * 180 / pi: an angle in radians, in degrees. */
static inline qn_status qn_degrees(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_DEGREES, in_, 1, NULL, 0, out, 1, error);
}

/* x * pi / 180: an angle in degrees, in radians. */
static inline qn_status qn_radians(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_RADIANS, in_, 1, NULL, 0, out, 1, error);
}

/* x with NaN replaced by `nan` and the infinities by posinf and neginf: one number each, none
 * given = the largest and the lowest finite number of the dtype.
 * nan usually 0; posinf NULL = empty; neginf NULL = empty. */
static inline qn_status qn_nan_to_num(qn_runtime* rt, qn_array* x, double nan, const double*
    posinf, uint32_t n_posinf, const double* neginf, uint32_t n_neginf, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = nan;
  attr_[1].type = posinf ? QN_ATTR_FLOATS : QN_ATTR_DEFAULT;
  attr_[1].count = n_posinf;
  attr_[1].v.fs = posinf;
  attr_[2].type = neginf ? QN_ATTR_FLOATS : QN_ATTR_DEFAULT;
  attr_[2].count = n_neginf;
  attr_[2].v.fs = neginf;
  return qn_op(rt, QN_OP_NAN_TO_NUM, in_, 1, attr_, 3, out, 1, error);
}

/* x rounded to `decimals` decimal places, halves to even; a negative number rounds to tens,
 * hundreds and so on, integers exactly.
 * decimals usually 0. */
static inline qn_status qn_round_decimals(qn_runtime* rt, qn_array* x, int64_t decimals,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = decimals;
  return qn_op(rt, QN_OP_ROUND_DECIMALS, in_, 1, attr_, 1, out, 1, error);
}

/* log(1 + exp(x)), without overflow. */
static inline qn_status qn_softplus(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SOFTPLUS, in_, 1, NULL, 0, out, 1, error);
}

/* x + y. */
static inline qn_status qn_add(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_ADD, in_, 2, NULL, 0, out, 1, error);
}

/* x - y. */
static inline qn_status qn_subtract(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_SUBTRACT, in_, 2, NULL, 0, out, 1, error);
}

/* x * y. */
static inline qn_status qn_multiply(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_MULTIPLY, in_, 2, NULL, 0, out, 1, error);
}

/* x / y in floating point; integers become f32. */
static inline qn_status qn_divide(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_DIVIDE, in_, 2, NULL, 0, out, 1, error);
}

/* floor(x / y); an integer y of zero gives 0. */
static inline qn_status qn_floor_divide(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_FLOOR_DIVIDE, in_, 2, NULL, 0, out, 1, error);
}

/* Remainder with the sign of y; an integer y of zero gives 0. */
static inline qn_status qn_remainder(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_REMAINDER, in_, 2, NULL, 0, out, 1, error);
}

/* x to the power y. Integers wrap; a negative integer exponent gives 0. c64: exp(y * log(x)),
 * and 1 for y = 0. */
static inline qn_status qn_power(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_POWER, in_, 2, NULL, 0, out, 1, error);
}

/* The larger of x and y; NaN if either is. */
static inline qn_status qn_maximum(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_MAXIMUM, in_, 2, NULL, 0, out, 1, error);
}

/* The smaller of x and y; NaN if either is. */
static inline qn_status qn_minimum(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_MINIMUM, in_, 2, NULL, 0, out, 1, error);
}

/* Angle of the point (y, x): arctan(x / y) in the right quadrant. */
static inline qn_status qn_arctan2(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_ARCTAN2, in_, 2, NULL, 0, out, 1, error);
}

/* log(exp(x) + exp(y)) without overflow. */
static inline qn_status qn_logaddexp(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_LOGADDEXP, in_, 2, NULL, 0, out, 1, error);
}

/* x == y. */
static inline qn_status qn_equal(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_EQUAL, in_, 2, NULL, 0, out, 1, error);
}

/* x != y. */
static inline qn_status qn_not_equal(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_NOT_EQUAL, in_, 2, NULL, 0, out, 1, error);
}

/* x < y. */
static inline qn_status qn_less(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_LESS, in_, 2, NULL, 0, out, 1, error);
}

/* x <= y. */
static inline qn_status qn_less_equal(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_LESS_EQUAL, in_, 2, NULL, 0, out, 1, error);
}

/* x > y. */
static inline qn_status qn_greater(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_GREATER, in_, 2, NULL, 0, out, 1, error);
}

/* x >= y. */
static inline qn_status qn_greater_equal(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_GREATER_EQUAL, in_, 2, NULL, 0, out, 1, error);
}

/* True where both are non-zero. */
static inline qn_status qn_logical_and(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_LOGICAL_AND, in_, 2, NULL, 0, out, 1, error);
}

/* True where either is non-zero. */
static inline qn_status qn_logical_or(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_LOGICAL_OR, in_, 2, NULL, 0, out, 1, error);
}

/* Bitwise and. */
static inline qn_status qn_bitwise_and(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_BITWISE_AND, in_, 2, NULL, 0, out, 1, error);
}

/* Bitwise or. */
static inline qn_status qn_bitwise_or(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_BITWISE_OR, in_, 2, NULL, 0, out, 1, error);
}

/* Bitwise exclusive or. */
static inline qn_status qn_bitwise_xor(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_BITWISE_XOR, in_, 2, NULL, 0, out, 1, error);
}

/* x shifted left by y bits; 0 when y is not below the width. */
static inline qn_status qn_left_shift(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_LEFT_SHIFT, in_, 2, NULL, 0, out, 1, error);
}

/* x shifted right by y bits; 0, or -1 for a negative x, when y is not below the width. */
static inline qn_status qn_right_shift(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_RIGHT_SHIFT, in_, 2, NULL, 0, out, 1, error);
}

/* x where condition is true, else y. */
static inline qn_status qn_where(qn_runtime* rt, qn_array* condition, qn_array* x, qn_array*
    y, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = condition;
  in_[1] = x;
  in_[2] = y;
  return qn_op(rt, QN_OP_WHERE, in_, 3, NULL, 0, out, 1, error);
}

/* min(max(x, low), high). */
static inline qn_status qn_clip(qn_runtime* rt, qn_array* x, qn_array* low, qn_array* high,
    qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = x;
  in_[1] = low;
  in_[2] = high;
  return qn_op(rt, QN_OP_CLIP, in_, 3, NULL, 0, out, 1, error);
}

/* re + i * im (c64) of two real arrays, which become f32. */
static inline qn_status qn_complex(qn_runtime* rt, qn_array* re, qn_array* im, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = re;
  in_[1] = im;
  return qn_op(rt, QN_OP_COMPLEX, in_, 2, NULL, 0, out, 1, error);
}

/* floor_divide(x, y) and remainder(x, y).
 * out has room for 2: quotient, remainder. */
static inline qn_status qn_divmod(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_DIVMOD, in_, 2, NULL, 0, out, 2, error);
}

/* True where exactly one is non-zero. */
static inline qn_status qn_logical_xor(qn_runtime* rt, qn_array* x, qn_array* y, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_LOGICAL_XOR, in_, 2, NULL, 0, out, 1, error);
}

/* True where |x - y| <= atol + rtol * |y|; infinities are close to themselves only, NaN to NaN
 * only with equal_nan.
 * rtol usually 1e-5; atol usually 1e-8; equal_nan usually 0. */
static inline qn_status qn_isclose(qn_runtime* rt, qn_array* x, qn_array* y, double rtol,
    double atol, int64_t equal_nan, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = rtol;
  attr_[1].type = QN_ATTR_FLOAT;
  attr_[1].count = 0;
  attr_[1].v.f = atol;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = equal_nan;
  return qn_op(rt, QN_OP_ISCLOSE, in_, 2, attr_, 3, out, 1, error);
}

/* True when isclose holds everywhere.
 * rtol usually 1e-5; atol usually 1e-8; equal_nan usually 0. */
static inline qn_status qn_allclose(qn_runtime* rt, qn_array* x, qn_array* y, double rtol,
    double atol, int64_t equal_nan, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = rtol;
  attr_[1].type = QN_ATTR_FLOAT;
  attr_[1].count = 0;
  attr_[1].v.f = atol;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = equal_nan;
  return qn_op(rt, QN_OP_ALLCLOSE, in_, 2, attr_, 3, out, 1, error);
}

/* True when x and y have one shape and equal elements; NaN equals NaN only with equal_nan.
 * equal_nan usually 0. */
static inline qn_status qn_array_equal(qn_runtime* rt, qn_array* x, qn_array* y, int64_t
    equal_nan, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = equal_nan;
  return qn_op(rt, QN_OP_ARRAY_EQUAL, in_, 2, attr_, 1, out, 1, error);
}

/* Sum. Booleans and integers below 32 bits are summed as i32.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_sum(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_SUM, in_, 1, attr_, 2, out, 1, error);
}

/* Product.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_prod(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_PROD, in_, 1, attr_, 2, out, 1, error);
}

/* Largest element; NaN if there is one. The gradient is shared equally among equal maxima.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_max(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_MAX, in_, 1, attr_, 2, out, 1, error);
}

/* Smallest element; NaN if there is one. c64 is ordered by real part, then by imaginary part.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_min(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_MIN, in_, 1, attr_, 2, out, 1, error);
}

/* True where every element is non-zero.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_all(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_ALL, in_, 1, attr_, 2, out, 1, error);
}

/* True where some element is non-zero.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_any(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_ANY, in_, 1, attr_, 2, out, 1, error);
}

/* Index (u32) of the first largest element along one axis, or in the flattened array.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_argmax(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_ARGMAX, in_, 1, attr_, 2, out, 1, error);
}

/* Index (u32) of the first smallest element.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_argmin(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_ARGMIN, in_, 1, attr_, 2, out, 1, error);
}

/* log(sum(exp(x))) without overflow.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_logsumexp(qn_runtime* rt, qn_array* x, const int64_t* axes,
    uint32_t n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_LOGSUMEXP, in_, 1, attr_, 2, out, 1, error);
}

/* Arithmetic mean in floating point.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_mean(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_MEAN, in_, 1, attr_, 2, out, 1, error);
}

/* Variance: mean squared deviation, divided by n - ddof.
 * axes NULL = empty; keepdims usually 0; ddof usually 0. */
static inline qn_status qn_var(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, int64_t ddof, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = ddof;
  return qn_op(rt, QN_OP_VAR, in_, 1, attr_, 3, out, 1, error);
}

/* Standard deviation: sqrt(var).
 * axes NULL = empty; keepdims usually 0; ddof usually 0. */
static inline qn_status qn_std(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, int64_t ddof, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = ddof;
  return qn_op(rt, QN_OP_STD, in_, 1, attr_, 3, out, 1, error);
}

/* min(x) and max(x) over the same axes.
 * axes NULL = empty; keepdims usually 0; out has room for 2: low, high. */
static inline qn_status qn_minmax(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_MINMAX, in_, 1, attr_, 2, out, 2, error);
}

/* Running sum along axis; from the end with reverse, of the elements before each one (0 for
 * none) without inclusive. Booleans are summed as i32, every other dtype stays.
 * axis usually -1; reverse usually 0; inclusive usually 1. */
static inline qn_status qn_cumsum(qn_runtime* rt, qn_array* x, int64_t axis, int64_t reverse,
    int64_t inclusive, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = reverse;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = inclusive;
  return qn_op(rt, QN_OP_CUMSUM, in_, 1, attr_, 3, out, 1, error);
}

/* Running product along axis, options as in cumsum; 1 for no elements.
 * axis usually -1; reverse usually 0; inclusive usually 1. */
static inline qn_status qn_cumprod(qn_runtime* rt, qn_array* x, int64_t axis, int64_t
    reverse, int64_t inclusive, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = reverse;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = inclusive;
  return qn_op(rt, QN_OP_CUMPROD, in_, 1, attr_, 3, out, 1, error);
}

/* Running maximum along axis, options as in cumsum; for no elements the lowest value (-inf). NaN
 * stays once met. The gradient goes to the latest of equal maxima.
 * axis usually -1; reverse usually 0; inclusive usually 1. */
static inline qn_status qn_cummax(qn_runtime* rt, qn_array* x, int64_t axis, int64_t reverse,
    int64_t inclusive, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = reverse;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = inclusive;
  return qn_op(rt, QN_OP_CUMMAX, in_, 1, attr_, 3, out, 1, error);
}

/* Running minimum along axis, as cummax.
 * axis usually -1; reverse usually 0; inclusive usually 1. */
static inline qn_status qn_cummin(qn_runtime* rt, qn_array* x, int64_t axis, int64_t reverse,
    int64_t inclusive, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = reverse;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = inclusive;
  return qn_op(rt, QN_OP_CUMMIN, in_, 1, attr_, 3, out, 1, error);
}

/* log(cumsum(exp(x))) along axis without overflow, options as in cumsum; -inf for no elements.
 * axis usually -1; reverse usually 0; inclusive usually 1. */
static inline qn_status qn_logcumsumexp(qn_runtime* rt, qn_array* x, int64_t axis, int64_t
    reverse, int64_t inclusive, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = reverse;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = inclusive;
  return qn_op(rt, QN_OP_LOGCUMSUMEXP, in_, 1, attr_, 3, out, 1, error);
}

/* x in ascending order along axis; stable, NaN last.
 * axis usually -1. */
static inline qn_status qn_sort(qn_runtime* rt, qn_array* x, int64_t axis, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_SORT, in_, 1, attr_, 1, out, 1, error);
}

/* Indices (u32) along axis that sort x; stable, NaN last.
 * axis usually -1. */
static inline qn_status qn_argsort(qn_runtime* rt, qn_array* x, int64_t axis, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_ARGSORT, in_, 1, attr_, 1, out, 1, error);
}

/* Indices (u32) along axis that put the kth smallest element (negative kth counts from the end)
 * where sorting would, none larger before and none smaller behind it; the order within both
 * parts is not specified.
 * axis usually -1. */
static inline qn_status qn_argpartition(qn_runtime* rt, qn_array* x, int64_t kth, int64_t
    axis, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = kth;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = axis;
  return qn_op(rt, QN_OP_ARGPARTITION, in_, 1, attr_, 2, out, 1, error);
}

/* x with another shape of the same size, row-major; one entry may be -1. */
static inline qn_status qn_reshape(qn_runtime* rt, qn_array* x, const int64_t* shape,
    uint32_t n_shape, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  return qn_op(rt, QN_OP_RESHAPE, in_, 1, attr_, 1, out, 1, error);
}

/* Axes permuted; none given = reversed.
 * axes NULL = empty. */
static inline qn_status qn_transpose(qn_runtime* rt, qn_array* x, const int64_t* axes,
    uint32_t n_axes, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  return qn_op(rt, QN_OP_TRANSPOSE, in_, 1, attr_, 1, out, 1, error);
}

/* x repeated along new and size-1 axes. */
static inline qn_status qn_broadcast_to(qn_runtime* rt, qn_array* x, const int64_t* shape,
    uint32_t n_shape, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  return qn_op(rt, QN_OP_BROADCAST_TO, in_, 1, attr_, 1, out, 1, error);
}

/* x[start:stop:step] on every axis with Python's meaning; a step may be negative, stop below
 * -size means before the first.
 * step NULL = empty. */
static inline qn_status qn_slice(qn_runtime* rt, qn_array* x, const int64_t* start, uint32_t
    n_start, const int64_t* stop, uint32_t n_stop, const int64_t* step, uint32_t n_step,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_start;
  attr_[0].v.is = start;
  attr_[1].type = QN_ATTR_INTS;
  attr_[1].count = n_stop;
  attr_[1].v.is = stop;
  attr_[2].type = step ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_step;
  attr_[2].v.is = step;
  return qn_op(rt, QN_OP_SLICE, in_, 1, attr_, 3, out, 1, error);
}

/* A copy of x with x[start:stop:step] replaced by update (broadcast).
 * step NULL = empty. */
static inline qn_status qn_slice_update(qn_runtime* rt, qn_array* x, qn_array* update, const
    int64_t* start, uint32_t n_start, const int64_t* stop, uint32_t n_stop, const int64_t* step,
    uint32_t n_step, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = update;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_start;
  attr_[0].v.is = start;
  attr_[1].type = QN_ATTR_INTS;
  attr_[1].count = n_stop;
  attr_[1].v.is = stop;
  attr_[2].type = step ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_step;
  attr_[2].v.is = step;
  return qn_op(rt, QN_OP_SLICE_UPDATE, in_, 2, attr_, 3, out, 1, error);
}

/* Arrays joined along an existing axis.
 * axis usually 0. */
static inline qn_status qn_concatenate(qn_runtime* rt, qn_array* const* xs, uint32_t n_xs,
    int64_t axis, qn_array** out, qn_error** error) {
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_CONCATENATE, xs, n_xs, attr_, 1, out, 1, error);
}

/* Arrays joined along a new axis.
 * axis usually 0. */
static inline qn_status qn_stack(qn_runtime* rt, qn_array* const* xs, uint32_t n_xs, int64_t
    axis, qn_array** out, qn_error** error) {
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_STACK, xs, n_xs, attr_, 1, out, 1, error);
}

/* x padded on every axis; mode constant (with `value`), edge, reflect (without the border) or
 * symmetric (with it).
 * value may be NULL (0); mode NULL = constant. */
static inline qn_status qn_pad(qn_runtime* rt, qn_array* x, qn_array* value, const int64_t*
    low, uint32_t n_low, const int64_t* high, uint32_t n_high, const char* mode, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = value;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_low;
  attr_[0].v.is = low;
  attr_[1].type = QN_ATTR_INTS;
  attr_[1].count = n_high;
  attr_[1].v.is = high;
  attr_[2].type = mode ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[2].count = (uint32_t)(mode ? strlen(mode) : 0);
  attr_[2].v.s = mode;
  return qn_op(rt, QN_OP_PAD, in_, 2, attr_, 3, out, 1, error);
}

/* Slices of x along axis at integer indices (negative ones count from the end); indices out of
 * range are clamped into it.
 * axis usually 0. */
static inline qn_status qn_take(qn_runtime* rt, qn_array* x, qn_array* indices, int64_t axis,
    qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = indices;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_TAKE, in_, 2, attr_, 1, out, 1, error);
}

/* out[.., i, ..] = x[.., indices[.., i, ..], ..]; other axes broadcast.
 * axis usually -1. */
static inline qn_status qn_take_along_axis(qn_runtime* rt, qn_array* x, qn_array* indices,
    int64_t axis, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = indices;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_TAKE_ALONG_AXIS, in_, 2, attr_, 1, out, 1, error);
}

/* A copy of x with updates added to the slices along axis at indices; the transpose of take.
 * axis usually 0. */
static inline qn_status qn_scatter_add(qn_runtime* rt, qn_array* x, qn_array* indices,
    qn_array* updates, int64_t axis, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = x;
  in_[1] = indices;
  in_[2] = updates;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_SCATTER_ADD, in_, 3, attr_, 1, out, 1, error);
}

/* A copy of x with updates added at take_along_axis positions.
 * axis usually -1. */
static inline qn_status qn_scatter_add_along_axis(qn_runtime* rt, qn_array* x, qn_array*
    indices, qn_array* updates, int64_t axis, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = x;
  in_[1] = indices;
  in_[2] = updates;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_SCATTER_ADD_ALONG_AXIS, in_, 3, attr_, 1, out, 1, error);
}

/* x in new row-major memory. */
static inline qn_status qn_copy(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_COPY, in_, 1, NULL, 0, out, 1, error);
}

/* x, through which no gradient flows. */
static inline qn_status qn_stop_gradient(qn_runtime* rt, qn_array* x, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_STOP_GRADIENT, in_, 1, NULL, 0, out, 1, error);
}

/* x itself, as another node of the graph. */
static inline qn_status qn_identity(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_IDENTITY, in_, 1, NULL, 0, out, 1, error);
}

/* The first of the inputs, not read before all the others are computed: work on it is repeated
 * rather than shared with earlier work. */
static inline qn_status qn_depends(qn_runtime* rt, qn_array* const* xs, uint32_t n_xs,
    qn_array** out, qn_error** error) {
  return qn_op(rt, QN_OP_DEPENDS, xs, n_xs, NULL, 0, out, 1, error);
}

/* x with axes of size 1 inserted at the given places of the result. */
static inline qn_status qn_expand_dims(qn_runtime* rt, qn_array* x, const int64_t* axes,
    uint32_t n_axes, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  return qn_op(rt, QN_OP_EXPAND_DIMS, in_, 1, attr_, 1, out, 1, error);
}

/* x without the given axes of size 1 (none given = all of them).
 * axes NULL = empty. */
static inline qn_status qn_squeeze(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  return qn_op(rt, QN_OP_SQUEEZE, in_, 1, attr_, 1, out, 1, error);
}

/* Axes start_axis to end_axis merged into one.
 * start_axis usually 0; end_axis usually -1. */
static inline qn_status qn_flatten(qn_runtime* rt, qn_array* x, int64_t start_axis, int64_t
    end_axis, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = start_axis;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = end_axis;
  return qn_op(rt, QN_OP_FLATTEN, in_, 1, attr_, 2, out, 1, error);
}

/* Part `index` of x cut into `count` equal parts along axis.
 * axis usually 0. */
static inline qn_status qn_split(qn_runtime* rt, qn_array* x, int64_t axis, int64_t index,
    int64_t count, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = index;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = count;
  return qn_op(rt, QN_OP_SPLIT, in_, 1, attr_, 3, out, 1, error);
}

/* x taken along axis at argpartition(x, kth).
 * axis usually -1. */
static inline qn_status qn_partition(qn_runtime* rt, qn_array* x, int64_t kth, int64_t axis,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = kth;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = axis;
  return qn_op(rt, QN_OP_PARTITION, in_, 1, attr_, 2, out, 1, error);
}

/* The k largest elements along axis, in no specified order; NaN counts as largest.
 * axis usually -1. */
static inline qn_status qn_topk(qn_runtime* rt, qn_array* x, int64_t k, int64_t axis,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = k;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = axis;
  return qn_op(rt, QN_OP_TOPK, in_, 1, attr_, 2, out, 1, error);
}

/* Middle element over axes (empty = all) in floating point, the mean of the two middle ones of
 * an even count; NaN sorts last.
 * axes NULL = empty; keepdims usually 0. */
static inline qn_status qn_median(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, int64_t keepdims, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = keepdims;
  return qn_op(rt, QN_OP_MEDIAN, in_, 1, attr_, 2, out, 1, error);
}

/* Index (u32) at which each value would keep the 1-d ascending `sorted` in order: side left
 * counts the elements below it, side right those not above it.
 * side NULL = left. */
static inline qn_status qn_searchsorted(qn_runtime* rt, qn_array* sorted, qn_array* values,
    const char* side, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = sorted;
  in_[1] = values;
  qn_attr attr_[1];
  attr_[0].type = side ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[0].count = (uint32_t)(side ? strlen(side) : 0);
  attr_[0].v.s = side;
  return qn_op(rt, QN_OP_SEARCHSORTED, in_, 2, attr_, 1, out, 1, error);
}

/* Blocks of x cut at positions given by index arrays. xs = x, then an integer array for each
 * entry of axes; they broadcast together to a shape I. out has shape I + slice_sizes: out[i] is
 * the block of slice_sizes (an entry per axis of x) that starts at index arrays[i] on axes and
 * at 0 on the others. Negative indices count from the end; out of range, the start is clamped so
 * that the block lies inside x. */
static inline qn_status qn_gather(qn_runtime* rt, qn_array* const* xs, uint32_t n_xs, const
    int64_t* axes, uint32_t n_axes, const int64_t* slice_sizes, uint32_t n_slice_sizes,
    qn_array** out, qn_error** error) {
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = QN_ATTR_INTS;
  attr_[1].count = n_slice_sizes;
  attr_[1].v.is = slice_sizes;
  return qn_op(rt, QN_OP_GATHER, xs, n_xs, attr_, 2, out, 1, error);
}

/* A copy of x in which blocks are set to, or combined with (mode set, add, prod, max or min),
 * updates. xs = x, updates, then index arrays as in gather; updates has shape I + the block's
 * shape (the part for I broadcasts). Where blocks overlap set keeps the last in row-major order
 * of I and the others combine all. Starts are clamped as in gather.
 * mode NULL = set. */
static inline qn_status qn_scatter(qn_runtime* rt, qn_array* const* xs, uint32_t n_xs, const
    int64_t* axes, uint32_t n_axes, const char* mode, qn_array** out, qn_error** error) {
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  attr_[1].type = mode ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[1].count = (uint32_t)(mode ? strlen(mode) : 0);
  attr_[1].v.s = mode;
  return qn_op(rt, QN_OP_SCATTER, xs, n_xs, attr_, 2, out, 1, error);
}

/* A copy of x with out[.., indices[.., i, ..], ..] = values[.., i, ..], the last one where an
 * index repeats; indices and values broadcast to x but for axis, out-of-range indices are
 * clamped.
 * axis usually -1. */
static inline qn_status qn_put_along_axis(qn_runtime* rt, qn_array* x, qn_array* indices,
    qn_array* values, int64_t axis, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = x;
  in_[1] = indices;
  in_[2] = values;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_PUT_ALONG_AXIS, in_, 3, attr_, 1, out, 1, error);
}

/* The bytes of x read as another dtype. When their sizes differ the last axis shrinks or grows
 * by the ratio. */
static inline qn_status qn_view(qn_runtime* rt, qn_array* x, qn_dtype dtype, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_DTYPE;
  attr_[0].count = 0;
  attr_[0].v.i = dtype;
  return qn_op(rt, QN_OP_VIEW, in_, 1, attr_, 1, out, 1, error);
}

/* out[i, j, ..] = row-major element offset + i * strides[0] + j * strides[1] + .. of x, all
 * inside x. Strides and offset count elements; strides default to row-major.
 * strides NULL = empty; offset usually 0. */
static inline qn_status qn_as_strided(qn_runtime* rt, qn_array* x, const int64_t* shape,
    uint32_t n_shape, const int64_t* strides, uint32_t n_strides, int64_t offset, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = strides ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_strides;
  attr_[1].v.is = strides;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = offset;
  return qn_op(rt, QN_OP_AS_STRIDED, in_, 1, attr_, 3, out, 1, error);
}

/* An n by m matrix (m -1 = n) with ones on diagonal k (above the main one when positive) and
 * zeros elsewhere.
 * m usually -1; k usually 0; dtype 0 = f32. */
static inline qn_status qn_eye(qn_runtime* rt, int64_t n, int64_t m, int64_t k, qn_dtype
    dtype, qn_array** out, qn_error** error) {
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = n;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = m;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = k;
  attr_[3].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[3].count = 0;
  attr_[3].v.i = dtype;
  return qn_op(rt, QN_OP_EYE, NULL, 0, attr_, 4, out, 1, error);
}

/* An n by m matrix (m -1 = n) with ones on and below diagonal k and zeros above.
 * m usually -1; k usually 0; dtype 0 = f32. */
static inline qn_status qn_tri(qn_runtime* rt, int64_t n, int64_t m, int64_t k, qn_dtype
    dtype, qn_array** out, qn_error** error) {
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = n;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = m;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = k;
  attr_[3].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[3].count = 0;
  attr_[3].v.i = dtype;
  return qn_op(rt, QN_OP_TRI, NULL, 0, attr_, 4, out, 1, error);
}

/* x with zeros above diagonal k of its last two axes.
 * k usually 0. */
static inline qn_status qn_tril(qn_runtime* rt, qn_array* x, int64_t k, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = k;
  return qn_op(rt, QN_OP_TRIL, in_, 1, attr_, 1, out, 1, error);
}

/* x with zeros below diagonal k of its last two axes.
 * k usually 0. */
static inline qn_status qn_triu(qn_runtime* rt, qn_array* x, int64_t k, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = k;
  return qn_op(rt, QN_OP_TRIU, in_, 1, attr_, 1, out, 1, error);
}

/* The diagonal of x along axis1 and axis2, which leave the shape, as a new last axis: elements
 * with index on axis2 = index on axis1 + offset.
 * offset usually 0; axis1 usually 0; axis2 usually 1. */
static inline qn_status qn_diagonal(qn_runtime* rt, qn_array* x, int64_t offset, int64_t
    axis1, int64_t axis2, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = offset;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = axis1;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = axis2;
  return qn_op(rt, QN_OP_DIAGONAL, in_, 1, attr_, 3, out, 1, error);
}

/* A matrix with the 1-d x on diagonal k, or diagonal k of the 2-d x.
 * k usually 0. */
static inline qn_status qn_diag(qn_runtime* rt, qn_array* x, int64_t k, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = k;
  return qn_op(rt, QN_OP_DIAG, in_, 1, attr_, 1, out, 1, error);
}

/* x with elements moved on by shifts along axes, those beyond the end coming in at the start.
 * One shift serves all axes; without axes the flattened x is rolled by the sum of shifts.
 * axes NULL = empty. */
static inline qn_status qn_roll(qn_runtime* rt, qn_array* x, const int64_t* shifts, uint32_t
    n_shifts, const int64_t* axes, uint32_t n_axes, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_shifts;
  attr_[0].v.is = shifts;
  attr_[1].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_axes;
  attr_[1].v.is = axes;
  return qn_op(rt, QN_OP_ROLL, in_, 1, attr_, 2, out, 1, error);
}

/* Each slice of x along axis repeated `repeats` times in place.
 * axis usually 0. */
static inline qn_status qn_repeat(qn_runtime* rt, qn_array* x, int64_t repeats, int64_t axis,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = repeats;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = axis;
  return qn_op(rt, QN_OP_REPEAT, in_, 1, attr_, 2, out, 1, error);
}

/* x laid out reps times along each axis; the shorter of reps and the shape is filled up with
 * ones in front. */
static inline qn_status qn_tile(qn_runtime* rt, qn_array* x, const int64_t* reps, uint32_t
    n_reps, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_reps;
  attr_[0].v.is = reps;
  return qn_op(rt, QN_OP_TILE, in_, 1, attr_, 1, out, 1, error);
}

/* Matrix product of the last two axes; leading axes broadcast; 1-d operands as in NumPy. */
static inline qn_status qn_matmul(qn_runtime* rt, qn_array* x, qn_array* y, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = y;
  return qn_op(rt, QN_OP_MATMUL, in_, 2, NULL, 0, out, 1, error);
}

/* alpha * (x @ y) + beta * c.
 * alpha usually 1; beta usually 1. */
static inline qn_status qn_addmm(qn_runtime* rt, qn_array* c, qn_array* x, qn_array* y,
    double alpha, double beta, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = c;
  in_[1] = x;
  in_[2] = y;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = alpha;
  attr_[1].type = QN_ATTR_FLOAT;
  attr_[1].count = 0;
  attr_[1].v.f = beta;
  return qn_op(rt, QN_OP_ADDMM, in_, 3, attr_, 2, out, 1, error);
}

/* General convolution (cross-correlation unless flip) over 1 to 3 spatial axes. layout nhwc: x
 * (N, spatial.., C), w (O, spatial.., C/groups); nchw: x (N, C, spatial..), w (O, C/groups,
 * spatial..).
 * stride NULL = 1; padding_low NULL = 0; padding_high NULL = 0; dilation NULL = 1;
 * input_dilation NULL = 1; groups usually 1; flip usually 0; layout NULL = nhwc. */
static inline qn_status qn_conv(qn_runtime* rt, qn_array* x, qn_array* w, const int64_t*
    stride, uint32_t n_stride, const int64_t* padding_low, uint32_t n_padding_low, const int64_t*
    padding_high, uint32_t n_padding_high, const int64_t* dilation, uint32_t n_dilation, const
    int64_t* input_dilation, uint32_t n_input_dilation, int64_t groups, int64_t flip, const char*
    layout, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = w;
  qn_attr attr_[8];
  attr_[0].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_stride;
  attr_[0].v.is = stride;
  attr_[1].type = padding_low ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_padding_low;
  attr_[1].v.is = padding_low;
  attr_[2].type = padding_high ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_padding_high;
  attr_[2].v.is = padding_high;
  attr_[3].type = dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[3].count = n_dilation;
  attr_[3].v.is = dilation;
  attr_[4].type = input_dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[4].count = n_input_dilation;
  attr_[4].v.is = input_dilation;
  attr_[5].type = QN_ATTR_INT;
  attr_[5].count = 0;
  attr_[5].v.i = groups;
  attr_[6].type = QN_ATTR_INT;
  attr_[6].count = 0;
  attr_[6].v.i = flip;
  attr_[7].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[7].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[7].v.s = layout;
  return qn_op(rt, QN_OP_CONV, in_, 2, attr_, 8, out, 1, error);
}

/* Gradient of conv with respect to x, of shape input_shape.
 * stride NULL = 1; padding_low NULL = 0; padding_high NULL = 0; dilation NULL = 1;
 * input_dilation NULL = 1; groups usually 1; flip usually 0; layout NULL = nhwc. */
static inline qn_status qn_conv_input_grad(qn_runtime* rt, qn_array* dy, qn_array* w, const
    int64_t* input_shape, uint32_t n_input_shape, const int64_t* stride, uint32_t n_stride, const
    int64_t* padding_low, uint32_t n_padding_low, const int64_t* padding_high, uint32_t
    n_padding_high, const int64_t* dilation, uint32_t n_dilation, const int64_t* input_dilation,
    uint32_t n_input_dilation, int64_t groups, int64_t flip, const char* layout, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = dy;
  in_[1] = w;
  qn_attr attr_[9];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_input_shape;
  attr_[0].v.is = input_shape;
  attr_[1].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_stride;
  attr_[1].v.is = stride;
  attr_[2].type = padding_low ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_padding_low;
  attr_[2].v.is = padding_low;
  attr_[3].type = padding_high ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[3].count = n_padding_high;
  attr_[3].v.is = padding_high;
  attr_[4].type = dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[4].count = n_dilation;
  attr_[4].v.is = dilation;
  attr_[5].type = input_dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[5].count = n_input_dilation;
  attr_[5].v.is = input_dilation;
  attr_[6].type = QN_ATTR_INT;
  attr_[6].count = 0;
  attr_[6].v.i = groups;
  attr_[7].type = QN_ATTR_INT;
  attr_[7].count = 0;
  attr_[7].v.i = flip;
  attr_[8].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[8].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[8].v.s = layout;
  return qn_op(rt, QN_OP_CONV_INPUT_GRAD, in_, 2, attr_, 9, out, 1, error);
}

/* Gradient of conv with respect to w, of shape weight_shape.
 * stride NULL = 1; padding_low NULL = 0; padding_high NULL = 0; dilation NULL = 1;
 * input_dilation NULL = 1; groups usually 1; flip usually 0; layout NULL = nhwc. */
static inline qn_status qn_conv_weight_grad(qn_runtime* rt, qn_array* x, qn_array* dy, const
    int64_t* weight_shape, uint32_t n_weight_shape, const int64_t* stride, uint32_t n_stride,
    const int64_t* padding_low, uint32_t n_padding_low, const int64_t* padding_high, uint32_t
    n_padding_high, const int64_t* dilation, uint32_t n_dilation, const int64_t* input_dilation,
    uint32_t n_input_dilation, int64_t groups, int64_t flip, const char* layout, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = dy;
  qn_attr attr_[9];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_weight_shape;
  attr_[0].v.is = weight_shape;
  attr_[1].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_stride;
  attr_[1].v.is = stride;
  attr_[2].type = padding_low ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_padding_low;
  attr_[2].v.is = padding_low;
  attr_[3].type = padding_high ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[3].count = n_padding_high;
  attr_[3].v.is = padding_high;
  attr_[4].type = dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[4].count = n_dilation;
  attr_[4].v.is = dilation;
  attr_[5].type = input_dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[5].count = n_input_dilation;
  attr_[5].v.is = input_dilation;
  attr_[6].type = QN_ATTR_INT;
  attr_[6].count = 0;
  attr_[6].v.i = groups;
  attr_[7].type = QN_ATTR_INT;
  attr_[7].count = 0;
  attr_[7].v.i = flip;
  attr_[8].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[8].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[8].v.s = layout;
  return qn_op(rt, QN_OP_CONV_WEIGHT_GRAD, in_, 2, attr_, 9, out, 1, error);
}

/* 1-D convolution: x (N, L, C), w (O, K, C/groups).
 * stride usually 1; padding usually 0; dilation usually 1; groups usually 1; layout NULL = nhwc. */
static inline qn_status qn_conv1d(qn_runtime* rt, qn_array* x, qn_array* w, int64_t stride,
    int64_t padding, int64_t dilation, int64_t groups, const char* layout, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = w;
  qn_attr attr_[5];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = stride;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = padding;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = dilation;
  attr_[3].type = QN_ATTR_INT;
  attr_[3].count = 0;
  attr_[3].v.i = groups;
  attr_[4].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[4].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[4].v.s = layout;
  return qn_op(rt, QN_OP_CONV1D, in_, 2, attr_, 5, out, 1, error);
}

/* 2-D convolution: x (N, H, W, C), w (O, KH, KW, C/groups).
 * stride NULL = 1; padding NULL = 0; dilation NULL = 1; groups usually 1; layout NULL = nhwc. */
static inline qn_status qn_conv2d(qn_runtime* rt, qn_array* x, qn_array* w, const int64_t*
    stride, uint32_t n_stride, const int64_t* padding, uint32_t n_padding, const int64_t*
    dilation, uint32_t n_dilation, int64_t groups, const char* layout, qn_array** out, qn_error**
    error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = w;
  qn_attr attr_[5];
  attr_[0].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_stride;
  attr_[0].v.is = stride;
  attr_[1].type = padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_padding;
  attr_[1].v.is = padding;
  attr_[2].type = dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_dilation;
  attr_[2].v.is = dilation;
  attr_[3].type = QN_ATTR_INT;
  attr_[3].count = 0;
  attr_[3].v.i = groups;
  attr_[4].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[4].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[4].v.s = layout;
  return qn_op(rt, QN_OP_CONV2D, in_, 2, attr_, 5, out, 1, error);
}

/* 3-D convolution: x (N, D, H, W, C), w (O, KD, KH, KW, C/groups).
 * stride NULL = 1; padding NULL = 0; dilation NULL = 1; groups usually 1; layout NULL = nhwc. */
static inline qn_status qn_conv3d(qn_runtime* rt, qn_array* x, qn_array* w, const int64_t*
    stride, uint32_t n_stride, const int64_t* padding, uint32_t n_padding, const int64_t*
    dilation, uint32_t n_dilation, int64_t groups, const char* layout, qn_array** out, qn_error**
    error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = w;
  qn_attr attr_[5];
  attr_[0].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_stride;
  attr_[0].v.is = stride;
  attr_[1].type = padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_padding;
  attr_[1].v.is = padding;
  attr_[2].type = dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_dilation;
  attr_[2].v.is = dilation;
  attr_[3].type = QN_ATTR_INT;
  attr_[3].count = 0;
  attr_[3].v.i = groups;
  attr_[4].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[4].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[4].v.s = layout;
  return qn_op(rt, QN_OP_CONV3D, in_, 2, attr_, 5, out, 1, error);
}

/* Transposed convolution over 1 to 3 spatial axes. layout nhwc: w (O, spatial.., C/groups);
 * nchw: w (O, C/groups, spatial..). Output size (n - 1) * stride - 2 * padding + dilation * (k -
 * 1) + 1 + output_padding.
 * stride NULL = 1; padding NULL = 0; dilation NULL = 1; output_padding NULL = 0; groups usually
 * 1; layout NULL = nhwc. */
static inline qn_status qn_conv_transpose(qn_runtime* rt, qn_array* x, qn_array* w, const
    int64_t* stride, uint32_t n_stride, const int64_t* padding, uint32_t n_padding, const
    int64_t* dilation, uint32_t n_dilation, const int64_t* output_padding, uint32_t
    n_output_padding, int64_t groups, const char* layout, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = w;
  qn_attr attr_[6];
  attr_[0].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_stride;
  attr_[0].v.is = stride;
  attr_[1].type = padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_padding;
  attr_[1].v.is = padding;
  attr_[2].type = dilation ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_dilation;
  attr_[2].v.is = dilation;
  attr_[3].type = output_padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[3].count = n_output_padding;
  attr_[3].v.is = output_padding;
  attr_[4].type = QN_ATTR_INT;
  attr_[4].count = 0;
  attr_[4].v.i = groups;
  attr_[5].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[5].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[5].v.s = layout;
  return qn_op(rt, QN_OP_CONV_TRANSPOSE, in_, 2, attr_, 6, out, 1, error);
}

/* Largest element of each window; stride defaults to kernel; padding counts as -inf.
 * stride NULL = empty; padding NULL = 0; layout NULL = nhwc. */
static inline qn_status qn_max_pool(qn_runtime* rt, qn_array* x, const int64_t* kernel,
    uint32_t n_kernel, const int64_t* stride, uint32_t n_stride, const int64_t* padding, uint32_t
    n_padding, const char* layout, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_kernel;
  attr_[0].v.is = kernel;
  attr_[1].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_stride;
  attr_[1].v.is = stride;
  attr_[2].type = padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_padding;
  attr_[2].v.is = padding;
  attr_[3].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[3].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[3].v.s = layout;
  return qn_op(rt, QN_OP_MAX_POOL, in_, 1, attr_, 4, out, 1, error);
}

/* Gradient of max_pool (y its result): dy goes to the first largest element of each window in
 * row-major order.
 * stride NULL = empty; padding NULL = 0; layout NULL = nhwc. */
static inline qn_status qn_max_pool_grad(qn_runtime* rt, qn_array* x, qn_array* y, qn_array*
    dy, const int64_t* kernel, uint32_t n_kernel, const int64_t* stride, uint32_t n_stride, const
    int64_t* padding, uint32_t n_padding, const char* layout, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = x;
  in_[1] = y;
  in_[2] = dy;
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_kernel;
  attr_[0].v.is = kernel;
  attr_[1].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_stride;
  attr_[1].v.is = stride;
  attr_[2].type = padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_padding;
  attr_[2].v.is = padding;
  attr_[3].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[3].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[3].v.s = layout;
  return qn_op(rt, QN_OP_MAX_POOL_GRAD, in_, 3, attr_, 4, out, 1, error);
}

/* Mean of each window, padding counted as zeros.
 * stride NULL = empty; padding NULL = 0; layout NULL = nhwc. */
static inline qn_status qn_avg_pool(qn_runtime* rt, qn_array* x, const int64_t* kernel,
    uint32_t n_kernel, const int64_t* stride, uint32_t n_stride, const int64_t* padding, uint32_t
    n_padding, const char* layout, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_kernel;
  attr_[0].v.is = kernel;
  attr_[1].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_stride;
  attr_[1].v.is = stride;
  attr_[2].type = padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_padding;
  attr_[2].v.is = padding;
  attr_[3].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[3].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[3].v.s = layout;
  return qn_op(rt, QN_OP_AVG_POOL, in_, 1, attr_, 4, out, 1, error);
}

/* Gradient of avg_pool, of shape input_shape.
 * stride NULL = empty; padding NULL = 0; layout NULL = nhwc. */
static inline qn_status qn_avg_pool_grad(qn_runtime* rt, qn_array* dy, const int64_t*
    input_shape, uint32_t n_input_shape, const int64_t* kernel, uint32_t n_kernel, const int64_t*
    stride, uint32_t n_stride, const int64_t* padding, uint32_t n_padding, const char* layout,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = dy;
  qn_attr attr_[5];
  attr_[0].type = QN_ATTR_INTS;
  attr_[0].count = n_input_shape;
  attr_[0].v.is = input_shape;
  attr_[1].type = QN_ATTR_INTS;
  attr_[1].count = n_kernel;
  attr_[1].v.is = kernel;
  attr_[2].type = stride ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[2].count = n_stride;
  attr_[2].v.is = stride;
  attr_[3].type = padding ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[3].count = n_padding;
  attr_[3].v.is = padding;
  attr_[4].type = layout ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[4].count = (uint32_t)(layout ? strlen(layout) : 0);
  attr_[4].v.s = layout;
  return qn_op(rt, QN_OP_AVG_POOL_GRAD, in_, 1, attr_, 5, out, 1, error);
}

/* exp(x) / sum(exp(x)) over axes, without overflow.
 * axes NULL = -1. */
static inline qn_status qn_softmax(qn_runtime* rt, qn_array* x, const int64_t* axes, uint32_t
    n_axes, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  return qn_op(rt, QN_OP_SOFTMAX, in_, 1, attr_, 1, out, 1, error);
}

/* x - logsumexp(x) over axes.
 * axes NULL = -1. */
static inline qn_status qn_log_softmax(qn_runtime* rt, qn_array* x, const int64_t* axes,
    uint32_t n_axes, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_axes;
  attr_[0].v.is = axes;
  return qn_op(rt, QN_OP_LOG_SOFTMAX, in_, 1, attr_, 1, out, 1, error);
}

/* (x - mean) / sqrt(var + eps) * w + b over the last axis; w and b scalars or of that axis'
 * size.
 * w may be NULL (1); b may be NULL (0); eps usually 1e-5. */
static inline qn_status qn_layer_norm(qn_runtime* rt, qn_array* x, qn_array* w, qn_array* b,
    double eps, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = x;
  in_[1] = w;
  in_[2] = b;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = eps;
  return qn_op(rt, QN_OP_LAYER_NORM, in_, 3, attr_, 1, out, 1, error);
}

/* x / sqrt(mean(x * x) + eps) * w over the last axis; w a scalar or of that axis' size.
 * w may be NULL (1); eps usually 1e-5. */
static inline qn_status qn_rms_norm(qn_runtime* rt, qn_array* x, qn_array* w, double eps,
    qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = x;
  in_[1] = w;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = eps;
  return qn_op(rt, QN_OP_RMS_NORM, in_, 2, attr_, 1, out, 1, error);
}

/* (x - mean) / sqrt(var + eps) of x (N, .., C): mean and variance of each item over all its
 * positions and the channels of a group, one of `groups` runs of neighbouring channels, or with
 * interleaved every groups-th channel. groups divides C.
 * interleaved usually 0; eps usually 1e-5. */
static inline qn_status qn_group_norm(qn_runtime* rt, qn_array* x, int64_t groups, int64_t
    interleaved, double eps, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = groups;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = interleaved;
  attr_[2].type = QN_ATTR_FLOAT;
  attr_[2].count = 0;
  attr_[2].v.f = eps;
  return qn_op(rt, QN_OP_GROUP_NORM, in_, 1, attr_, 3, out, 1, error);
}

/* Rotary position encoding (Su and others 2021) of x (B, .., T, D): pair i of the first dims
 * entries of the last axis, (i, i + dims / 2) or with traditional (2 i, 2 i + 1), is turned by
 * the angle (t + offset) * scale / base^(2 i / dims). offset is a number or one for each of B;
 * freqs (dims / 2,), when it is not 0-d, stands for base^(2 i / dims).
 * offset may be NULL (0); freqs may be NULL (0); traditional usually 0; base usually 10000;
 * scale usually 1. */
static inline qn_status qn_rope(qn_runtime* rt, qn_array* x, qn_array* offset, qn_array*
    freqs, int64_t dims, int64_t traditional, double base, double scale, qn_array** out,
    qn_error** error) {
  qn_array* in_[3];
  in_[0] = x;
  in_[1] = offset;
  in_[2] = freqs;
  qn_attr attr_[4];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = dims;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = traditional;
  attr_[2].type = QN_ATTR_FLOAT;
  attr_[2].count = 0;
  attr_[2].v.f = base;
  attr_[3].type = QN_ATTR_FLOAT;
  attr_[3].count = 0;
  attr_[3].v.f = scale;
  return qn_op(rt, QN_OP_ROPE, in_, 3, attr_, 4, out, 1, error);
}

/* softmax(scale * q k' + mask) v with q (B, N, Tq, D), k (B, M, Tk, D), v (B, M, Tk, E); query
 * head n uses key head n / (N / M). mask broadcasts to (B, N, Tq, Tk): bool keeps the scores
 * where true, another is added. causal hides the keys behind each query, the last query seeing
 * all. Where a truth value or causal hides every key, all count alike.
 * mask may be NULL (0); causal usually 0. */
static inline qn_status qn_scaled_dot_product_attention(qn_runtime* rt, qn_array* q,
    qn_array* k, qn_array* v, qn_array* mask, double scale, int64_t causal, qn_array** out,
    qn_error** error) {
  qn_array* in_[4];
  in_[0] = q;
  in_[1] = k;
  in_[2] = v;
  in_[3] = mask;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_FLOAT;
  attr_[0].count = 0;
  attr_[0].v.f = scale;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = causal;
  return qn_op(rt, QN_OP_SCALED_DOT_PRODUCT_ATTENTION, in_, 4, attr_, 2, out, 1, error);
}

/* -log_probs at the integer targets along axis, one loss an item (no reduction).
 * axis usually -1. */
static inline qn_status qn_nll_loss(qn_runtime* rt, qn_array* log_probs, qn_array* targets,
    int64_t axis, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = log_probs;
  in_[1] = targets;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_NLL_LOSS, in_, 2, attr_, 1, out, 1, error);
}

/* logsumexp(logits) - logits at the integer targets along axis, one loss an item.
 * axis usually -1. */
static inline qn_status qn_cross_entropy(qn_runtime* rt, qn_array* logits, qn_array* targets,
    int64_t axis, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = logits;
  in_[1] = targets;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_CROSS_ENTROPY, in_, 2, attr_, 1, out, 1, error);
}

/* Uniform on [low, high).
 * low may be NULL (0); high may be NULL (1); shape NULL = empty; dtype 0 = f32. */
static inline qn_status qn_random_uniform(qn_runtime* rt, qn_array* key, qn_array* low,
    qn_array* high, const int64_t* shape, uint32_t n_shape, qn_dtype dtype, qn_array** out,
    qn_error** error) {
  qn_array* in_[3];
  in_[0] = key;
  in_[1] = low;
  in_[2] = high;
  qn_attr attr_[2];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[1].count = 0;
  attr_[1].v.i = dtype;
  return qn_op(rt, QN_OP_RANDOM_UNIFORM, in_, 3, attr_, 2, out, 1, error);
}

/* Normal with mean loc and standard deviation scale.
 * loc may be NULL (0); scale may be NULL (1); shape NULL = empty; dtype 0 = f32. */
static inline qn_status qn_random_normal(qn_runtime* rt, qn_array* key, qn_array* loc,
    qn_array* scale, const int64_t* shape, uint32_t n_shape, qn_dtype dtype, qn_array** out,
    qn_error** error) {
  qn_array* in_[3];
  in_[0] = key;
  in_[1] = loc;
  in_[2] = scale;
  qn_attr attr_[2];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[1].count = 0;
  attr_[1].v.i = dtype;
  return qn_op(rt, QN_OP_RANDOM_NORMAL, in_, 3, attr_, 2, out, 1, error);
}

/* True with probability p.
 * p may be NULL (0.5); shape NULL = empty. */
static inline qn_status qn_random_bernoulli(qn_runtime* rt, qn_array* key, qn_array* p, const
    int64_t* shape, uint32_t n_shape, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = key;
  in_[1] = p;
  qn_attr attr_[1];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  return qn_op(rt, QN_OP_RANDOM_BERNOULLI, in_, 2, attr_, 1, out, 1, error);
}

/* `num` new keys from one, shape (num, 2).
 * num usually 2. */
static inline qn_status qn_random_split(qn_runtime* rt, qn_array* key, int64_t num,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = key;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = num;
  return qn_op(rt, QN_OP_RANDOM_SPLIT, in_, 1, attr_, 1, out, 1, error);
}

/* Integers on [low, high), drawn as f32: beyond 2^24 not every one occurs.
 * shape NULL = empty; dtype 0 = i32. */
static inline qn_status qn_random_randint(qn_runtime* rt, qn_array* key, qn_array* low,
    qn_array* high, const int64_t* shape, uint32_t n_shape, qn_dtype dtype, qn_array** out,
    qn_error** error) {
  qn_array* in_[3];
  in_[0] = key;
  in_[1] = low;
  in_[2] = high;
  qn_attr attr_[2];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[1].count = 0;
  attr_[1].v.i = dtype;
  return qn_op(rt, QN_OP_RANDOM_RANDINT, in_, 3, attr_, 2, out, 1, error);
}

/* Indices (u32) along axis of logits, drawn with the probabilities softmax(logits): of the shape
 * of the other axes, or of `shape` to which they broadcast, or with num_samples >= 0 that many
 * on a new last axis.
 * axis usually -1; shape NULL = empty; num_samples usually -1. */
static inline qn_status qn_random_categorical(qn_runtime* rt, qn_array* key, qn_array*
    logits, int64_t axis, const int64_t* shape, uint32_t n_shape, int64_t num_samples, qn_array**
    out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = key;
  in_[1] = logits;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  attr_[1].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_shape;
  attr_[1].v.is = shape;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = num_samples;
  return qn_op(rt, QN_OP_RANDOM_CATEGORICAL, in_, 2, attr_, 3, out, 1, error);
}

/* Standard normal within [low, high].
 * shape NULL = empty; dtype 0 = f32. */
static inline qn_status qn_random_truncated_normal(qn_runtime* rt, qn_array* key, qn_array*
    low, qn_array* high, const int64_t* shape, uint32_t n_shape, qn_dtype dtype, qn_array** out,
    qn_error** error) {
  qn_array* in_[3];
  in_[0] = key;
  in_[1] = low;
  in_[2] = high;
  qn_attr attr_[2];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[1].count = 0;
  attr_[1].v.i = dtype;
  return qn_op(rt, QN_OP_RANDOM_TRUNCATED_NORMAL, in_, 3, attr_, 2, out, 1, error);
}

/* x with its slices along axis in random order. A permutation of 0 .. n-1 is
 * argsort(random_bits(key, (n,))).
 * axis usually 0. */
static inline qn_status qn_random_permutation(qn_runtime* rt, qn_array* key, qn_array* x,
    int64_t axis, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = key;
  in_[1] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = axis;
  return qn_op(rt, QN_OP_RANDOM_PERMUTATION, in_, 2, attr_, 1, out, 1, error);
}

/* Standard Gumbel: -log(-log(u)) of uniform u.
 * shape NULL = empty; dtype 0 = f32. */
static inline qn_status qn_random_gumbel(qn_runtime* rt, qn_array* key, const int64_t* shape,
    uint32_t n_shape, qn_dtype dtype, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = key;
  qn_attr attr_[2];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[1].count = 0;
  attr_[1].v.i = dtype;
  return qn_op(rt, QN_OP_RANDOM_GUMBEL, in_, 1, attr_, 2, out, 1, error);
}

/* Laplace with mean loc and scale `scale`.
 * loc may be NULL (0); scale may be NULL (1); shape NULL = empty; dtype 0 = f32. */
static inline qn_status qn_random_laplace(qn_runtime* rt, qn_array* key, qn_array* loc,
    qn_array* scale, const int64_t* shape, uint32_t n_shape, qn_dtype dtype, qn_array** out,
    qn_error** error) {
  qn_array* in_[3];
  in_[0] = key;
  in_[1] = loc;
  in_[2] = scale;
  qn_attr attr_[2];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  attr_[1].type = dtype ? QN_ATTR_DTYPE : QN_ATTR_DEFAULT;
  attr_[1].count = 0;
  attr_[1].v.i = dtype;
  return qn_op(rt, QN_OP_RANDOM_LAPLACE, in_, 3, attr_, 2, out, 1, error);
}

/* Normal vectors (f32) with mean (.., n) and covariance (.., n, n), symmetric and positive
 * semi-definite: one for each entry of `shape`, by default that of the leading axes. out has
 * `shape` broadcast with the leading axes, + (n,).
 * shape NULL = empty. */
static inline qn_status qn_random_multivariate_normal(qn_runtime* rt, qn_array* key,
    qn_array* mean, qn_array* cov, const int64_t* shape, uint32_t n_shape, qn_array** out,
    qn_error** error) {
  qn_array* in_[3];
  in_[0] = key;
  in_[1] = mean;
  in_[2] = cov;
  qn_attr attr_[1];
  attr_[0].type = shape ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_shape;
  attr_[0].v.is = shape;
  return qn_op(rt, QN_OP_RANDOM_MULTIVARIATE_NORMAL, in_, 3, attr_, 1, out, 1, error);
}

/* w (.., n) as integers of 1, 2, 3, 4, 5, 6 or 8 bits, packed without gaps into u32 words from
 * the lowest bit up (.., n * bits / 32), with a scale and a bias for each group of 32, 64 or 128
 * (.., n / group_size): w is near integer * scale + bias. The same numbers as MLX's.
 * group_size usually 64; bits usually 4; out has room for 3: packed, scales, biases. */
static inline qn_status qn_quantize(qn_runtime* rt, qn_array* w, int64_t group_size, int64_t
    bits, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = w;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = group_size;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = bits;
  return qn_op(rt, QN_OP_QUANTIZE, in_, 1, attr_, 2, out, 3, error);
}

/* integer * scale + bias for all integers of packed w, see quantize.
 * group_size usually 64; bits usually 4. */
static inline qn_status qn_dequantize(qn_runtime* rt, qn_array* w, qn_array* scales,
    qn_array* biases, int64_t group_size, int64_t bits, qn_array** out, qn_error** error) {
  qn_array* in_[3];
  in_[0] = w;
  in_[1] = scales;
  in_[2] = biases;
  qn_attr attr_[2];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = group_size;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = bits;
  return qn_op(rt, QN_OP_DEQUANTIZE, in_, 3, attr_, 2, out, 1, error);
}

/* x @ dequantize(w), or its transpose.
 * group_size usually 64; bits usually 4; transpose usually 1. */
static inline qn_status qn_quantized_matmul(qn_runtime* rt, qn_array* x, qn_array* w,
    qn_array* scales, qn_array* biases, int64_t group_size, int64_t bits, int64_t transpose,
    qn_array** out, qn_error** error) {
  qn_array* in_[4];
  in_[0] = x;
  in_[1] = w;
  in_[2] = scales;
  in_[3] = biases;
  qn_attr attr_[3];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = group_size;
  attr_[1].type = QN_ATTR_INT;
  attr_[1].count = 0;
  attr_[1].v.i = bits;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = transpose;
  return qn_op(rt, QN_OP_QUANTIZED_MATMUL, in_, 4, attr_, 3, out, 1, error);
}

/* Discrete Fourier transform over axes: out[k] = sum(x[j] * exp(-2 pi i j k / n)), with +i when
 * inverse.
 * n NULL = empty; axes NULL = -1; inverse usually 0; norm NULL = backward. */
static inline qn_status qn_fft(qn_runtime* rt, qn_array* x, const int64_t* n, uint32_t n_n,
    const int64_t* axes, uint32_t n_axes, int64_t inverse, const char* norm, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[4];
  attr_[0].type = n ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_n;
  attr_[0].v.is = n;
  attr_[1].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_axes;
  attr_[1].v.is = axes;
  attr_[2].type = QN_ATTR_INT;
  attr_[2].count = 0;
  attr_[2].v.i = inverse;
  attr_[3].type = norm ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[3].count = (uint32_t)(norm ? strlen(norm) : 0);
  attr_[3].v.s = norm;
  return qn_op(rt, QN_OP_FFT, in_, 1, attr_, 4, out, 1, error);
}

/* fft of a real array without the half that follows by symmetry: n / 2 + 1 numbers along the
 * last of axes.
 * n NULL = empty; axes NULL = -1; norm NULL = backward. */
static inline qn_status qn_rfft(qn_runtime* rt, qn_array* x, const int64_t* n, uint32_t n_n,
    const int64_t* axes, uint32_t n_axes, const char* norm, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = n ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_n;
  attr_[0].v.is = n;
  attr_[1].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_axes;
  attr_[1].v.is = axes;
  attr_[2].type = norm ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[2].count = (uint32_t)(norm ? strlen(norm) : 0);
  attr_[2].v.s = norm;
  return qn_op(rt, QN_OP_RFFT, in_, 1, attr_, 3, out, 1, error);
}

/* Inverse of rfft: real, of size n along the last of axes; by default 2 * (m - 1) for m numbers.
 * n NULL = empty; axes NULL = -1; norm NULL = backward. */
static inline qn_status qn_irfft(qn_runtime* rt, qn_array* x, const int64_t* n, uint32_t n_n,
    const int64_t* axes, uint32_t n_axes, const char* norm, qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[3];
  attr_[0].type = n ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[0].count = n_n;
  attr_[0].v.is = n;
  attr_[1].type = axes ? QN_ATTR_INTS : QN_ATTR_DEFAULT;
  attr_[1].count = n_axes;
  attr_[1].v.is = axes;
  attr_[2].type = norm ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[2].count = (uint32_t)(norm ? strlen(norm) : 0);
  attr_[2].v.s = norm;
  return qn_op(rt, QN_OP_IRFFT, in_, 1, attr_, 3, out, 1, error);
}

/* Triangular factor l of a symmetric positive definite x = l @ l.T, of which the lower triangle
 * is read; with `upper` the factor l.T.
 * upper usually 0. */
static inline qn_status qn_cholesky(qn_runtime* rt, qn_array* x, int64_t upper, qn_array**
    out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = upper;
  return qn_op(rt, QN_OP_CHOLESKY, in_, 1, attr_, 1, out, 1, error);
}

/* x = q @ r of (m, n): q (m, k) with orthonormal columns, r (k, n) upper triangular, k = min(m,
 * n).
 * out has room for 2: q, r. */
static inline qn_status qn_qr(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_QR, in_, 1, NULL, 0, out, 2, error);
}

/* x = u[:, :k] * s @ vt[:k] of (m, n): u (m, m) and vt (n, n) orthogonal, s (k,) descending, k =
 * min(m, n).
 * out has room for 3: u, s, vt. */
static inline qn_status qn_svd(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SVD, in_, 1, NULL, 0, out, 3, error);
}

/* Ascending eigenvalues, and eigenvectors as columns, of a symmetric x, of which the lower (uplo
 * L) or upper (U) triangle is read.
 * uplo NULL = L; out has room for 2: values, vectors. */
static inline qn_status qn_eigh(qn_runtime* rt, qn_array* x, const char* uplo, qn_array**
    out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = uplo ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[0].count = (uint32_t)(uplo ? strlen(uplo) : 0);
  attr_[0].v.s = uplo;
  return qn_op(rt, QN_OP_EIGH, in_, 1, attr_, 1, out, 2, error);
}

/* Eigenvalues, in no order, and eigenvectors of length 1 as columns, of a square x; both c64.
 * out has room for 2: values, vectors. */
static inline qn_status qn_eig(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_EIG, in_, 1, NULL, 0, out, 2, error);
}

/* x = l[p] @ u of (m, n): l (m, k) unit lower triangular, u (k, n) upper triangular, p (m,) u32,
 * k = min(m, n); partial pivoting.
 * out has room for 3: p, l, u. */
static inline qn_status qn_lu(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_LU, in_, 1, NULL, 0, out, 3, error);
}

/* Both factors of lu in one matrix, and for each step (u32) the row, from 0, that it was swapped
 * with.
 * out has room for 2: lu, pivots. */
static inline qn_status qn_lu_factor(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_LU_FACTOR, in_, 1, NULL, 0, out, 2, error);
}

/* Determinant. */
static inline qn_status qn_det(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_DET, in_, 1, NULL, 0, out, 1, error);
}

/* Sign and natural logarithm of the absolute value of the determinant; 0 and -inf when it is 0.
 * out has room for 2: sign, logabsdet. */
static inline qn_status qn_slogdet(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SLOGDET, in_, 1, NULL, 0, out, 2, error);
}

/* x with a @ x = b for matrices a (n, n) and b (n, k); kind full, lower or upper says which
 * triangle of a is read.
 * kind NULL = full. */
static inline qn_status qn_solve_system(qn_runtime* rt, qn_array* a, qn_array* b, const char*
    kind, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = a;
  in_[1] = b;
  qn_attr attr_[1];
  attr_[0].type = kind ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[0].count = (uint32_t)(kind ? strlen(kind) : 0);
  attr_[0].v.s = kind;
  return qn_op(rt, QN_OP_SOLVE_SYSTEM, in_, 2, attr_, 1, out, 1, error);
}

/* x with a @ x = b for a (.., n, n) and b (n,) or (.., n, k). */
static inline qn_status qn_solve(qn_runtime* rt, qn_array* a, qn_array* b, qn_array** out,
    qn_error** error) {
  qn_array* in_[2];
  in_[0] = a;
  in_[1] = b;
  return qn_op(rt, QN_OP_SOLVE, in_, 2, NULL, 0, out, 1, error);
}

/* solve for a triangular a; the other triangle is not read.
 * upper usually 0. */
static inline qn_status qn_solve_triangular(qn_runtime* rt, qn_array* a, qn_array* b, int64_t
    upper, qn_array** out, qn_error** error) {
  qn_array* in_[2];
  in_[0] = a;
  in_[1] = b;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = upper;
  return qn_op(rt, QN_OP_SOLVE_TRIANGULAR, in_, 2, attr_, 1, out, 1, error);
}

/* Inverse of a square x. */
static inline qn_status qn_inv(qn_runtime* rt, qn_array* x, qn_array** out, qn_error** error)
    {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_INV, in_, 1, NULL, 0, out, 1, error);
}

/* Inverse of a triangular x; the other triangle is not read.
 * upper usually 0. */
static inline qn_status qn_tri_inv(qn_runtime* rt, qn_array* x, int64_t upper, qn_array**
    out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = upper;
  return qn_op(rt, QN_OP_TRI_INV, in_, 1, attr_, 1, out, 1, error);
}

/* Inverse of the matrix whose cholesky factor is x.
 * upper usually 0. */
static inline qn_status qn_cholesky_inv(qn_runtime* rt, qn_array* x, int64_t upper,
    qn_array** out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = QN_ATTR_INT;
  attr_[0].count = 0;
  attr_[0].v.i = upper;
  return qn_op(rt, QN_OP_CHOLESKY_INV, in_, 1, attr_, 1, out, 1, error);
}

/* Moore-Penrose inverse of (m, n), by svd: singular values below max(m, n) * eps of the largest
 * count as 0. */
static inline qn_status qn_pinv(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_PINV, in_, 1, NULL, 0, out, 1, error);
}

/* The values of eig alone. */
static inline qn_status qn_eigvals(qn_runtime* rt, qn_array* x, qn_array** out, qn_error**
    error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_EIGVALS, in_, 1, NULL, 0, out, 1, error);
}

/* The values of eigh alone.
 * uplo NULL = L. */
static inline qn_status qn_eigvalsh(qn_runtime* rt, qn_array* x, const char* uplo, qn_array**
    out, qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  qn_attr attr_[1];
  attr_[0].type = uplo ? QN_ATTR_STR : QN_ATTR_DEFAULT;
  attr_[0].count = (uint32_t)(uplo ? strlen(uplo) : 0);
  attr_[0].v.s = uplo;
  return qn_op(rt, QN_OP_EIGVALSH, in_, 1, attr_, 1, out, 1, error);
}

/* The s of svd alone. */
static inline qn_status qn_singular_values(qn_runtime* rt, qn_array* x, qn_array** out,
    qn_error** error) {
  qn_array* in_[1];
  in_[0] = x;
  return qn_op(rt, QN_OP_SINGULAR_VALUES, in_, 1, NULL, 0, out, 1, error);
}

#if defined(__cplusplus)
}
#endif
#endif
