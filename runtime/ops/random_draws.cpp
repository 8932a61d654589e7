// Distributions made of uniform draws and other ops: integers, categorical, truncated normal,
// permutation, Gumbel, Laplace, multivariate normal. The order of steps is what gives MLX's values
// for a key.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "runtime/ops/convert.h"

namespace quern::composed {
namespace {

void check_float(const char* op, DType dtype) {
  if (!is_float(dtype))
    fail_invalid("[", op, "] dtype ", name(dtype), ": expected f16, bf16, f32 or f64");
}

Array drawn(const Array& key, const Array& low, const Array& high, Ints shape, DType dtype) {
  return ops::random_uniform(key, low, high, std::move(shape), dtype);
}

// -log(-log(u)) of uniform u on [0, 1).
Array gumbel(const Array& key, Ints shape, DType dtype) {
  const Array u = drawn(key, {}, {}, std::move(shape), dtype);
  return ops::negative(ops::log(ops::negative(ops::log(u))));
}

}  // namespace

// Drawn in f32, so beyond 2^24 not every integer of the range occurs.
void random_randint(Call& c, ArrayList& out) {
  const DType dtype = c.attrs.dtype(1), work = dtype == DType::boolean ? DType::i32 : dtype;
  if (!is_integer(work))
    fail_invalid("[random_randint] dtype ", name(dtype), ": expected an integer dtype or bool");
  const Array u = drawn(c.in[0], cast(c.in[1], DType::f32), cast(c.in[2], DType::f32),
                        c.attrs.is(0), DType::f32);
  const Array low = cast(c.in[1], work), end = cast(c.in[2], work);
  const Array last = ops::subtract(end, constant(end, 1));
  const Array v = ops::maximum(ops::minimum(cast(ops::floor(u), work), last), low);
  out.push_back(cast(v, dtype));
}

void random_gumbel(Call& c, ArrayList& out) {
  const DType dtype = c.attrs.dtype(1);
  check_float(c.name, dtype);
  out.push_back(gumbel(c.in[0], c.attrs.is(0), dtype));
}

void random_laplace(Call& c, ArrayList& out) {
  const DType dtype = c.attrs.dtype(1);
  check_float(c.name, dtype);
  const Array loc = cast(c.in[1], dtype), scale = cast(c.in[2], dtype);
  const Shape parameters = broadcast_shapes(c.name, loc.shape(), scale.shape());
  const Ints& asked = c.attrs.is(0);
  // (-1, 1): from the f32 next above -1.
  const Array low = scalar(c.runtime, -1 + 0x1p-24, DType::f32);
  const Array u = drawn(c.in[0], low, {}, asked.empty() ? ints(parameters) : asked, DType::f32);
  const Array z = ops::multiply(ops::sign(u), ops::log1p(ops::negative(ops::abs(u))));
  out.push_back(ops::add(ops::multiply(cast(z, dtype), scale), loc));
}

// z @ cov^(1/2) + mean, with the symmetric root u * sqrt(s) @ vt: it does not depend on the signs
// that svd chooses.
void random_multivariate_normal(Call& c, ArrayList& out) {
  const Array &given_mean = c.in[1], &given_cov = c.in[2];
  if (is_complex(given_mean.dtype()) || is_complex(given_cov.dtype()))
    fail_invalid("[random_multivariate_normal] mean ", name(given_mean.dtype()), " and cov ",
                 name(given_cov.dtype()), "; expected real dtypes");
  const Shape &ms = given_mean.shape(), &cs = given_cov.shape();
  if (ms.empty() || cs.size() < 2 || cs.back() != cs[cs.size() - 2] || cs.back() != ms.back())
    fail_invalid("[random_multivariate_normal] mean ", to_string(ms), " and cov ", to_string(cs),
                 "; expected shapes (.., n) and (.., n, n)");
  const Array mean = cast(given_mean, DType::f32);
  const Shape batch =
      broadcast_shapes(c.name, Shape(ms.begin(), ms.end() - 1), Shape(cs.begin(), cs.end() - 2));
  Ints shape = c.attrs.is(0).empty() ? ints(batch) : c.attrs.is(0);
  shape.push_back(1);
  shape.push_back(ms.back());
  const ArrayList parts = ops::svd(cast(given_cov, DType::f32));
  const Array root = ops::matmul(
      ops::multiply(parts[0], ops::sqrt(ops::expand_dims(parts[1], Ints{-2}))), parts[2]);
  const Array z = ops::random_normal(c.in[0], {}, {}, std::move(shape), DType::f32);
  out.push_back(ops::add(ops::squeeze(ops::matmul(z, root), Ints{-2}), mean));
}

// The inverse of the normal distribution function, between its values at the bounds.
void random_truncated_normal(Call& c, ArrayList& out) {
  const DType dtype = c.attrs.dtype(1);
  check_float(c.name, dtype);
  const Array low = cast(c.in[1], dtype), high = cast(c.in[2], dtype);
  const Ints& asked = c.attrs.is(0);
  const Array root = constant(low, std::numbers::sqrt2);
  const Array u = drawn(c.in[0], ops::erf(ops::divide(low, root)),
                        ops::erf(ops::divide(high, root)), asked, dtype);
  const Array z = ops::multiply(root, ops::erfinv(u));
  out.push_back(ops::maximum(ops::minimum(z, high), low));
}

void random_permutation(Call& c, ArrayList& out) {
  const Array& x = c.in[1];
  const int axis = normalize_axis(c.name, c.attrs.i(0), x.ndim());
  const Array order = ops::argsort(ops::random_bits(c.in[0], Ints{x.dim(axis)}, 4), 0);
  out.push_back(ops::take(x, order, axis));
}

namespace {

// Draws from one distribution (the logits, flat) by the inverse of its distribution function: the
// number of classes whose summed weights do not exceed a uniform number times the sum of all.
// Infinite logits act as the largest finite.
Array by_inverse(const Array& key, const Array& logits, Ints shape) {
  const auto n = static_cast<std::int64_t>(element_count(logits.shape()));
  const double most = std::numeric_limits<float>::max();
  Array x = cast(ops::reshape(logits, Ints{n}), DType::f32);
  x = ops::clip(x, constant(x, -most), constant(x, most));
  const Array summed = ops::cumsum(ops::exp(ops::subtract(x, ops::max(x, Ints{0}, true))), 0);
  const Array all = ops::reshape(ops::slice(summed, Ints{n - 1}, Ints{n}), Ints{});
  const Array u = drawn(key, {}, {}, std::move(shape), DType::f32);
  const Array found = ops::searchsorted(summed, ops::multiply(u, all), "right");
  return ops::minimum(found, constant(found, static_cast<double>(n - 1)));
}

}  // namespace

// Of one distribution an array of draws is made by_inverse. Otherwise the largest of logits +
// Gumbel noise falls on each class with its probability.
void random_categorical(Call& c, ArrayList& out) {
  const Array& logits = c.in[1];
  const std::int64_t samples = c.attrs.i(2);
  const int axis = normalize_axis(c.name, c.attrs.i(0), logits.ndim());
  const auto behind = static_cast<std::int64_t>(logits.ndim()) - 1 - axis;
  Ints shape = c.attrs.is(1);
  if (samples < -1 || (samples != -1 && !shape.empty()))
    fail_invalid("[random_categorical] num_samples ", samples, " and shape ", to_string(shape),
                 "; expected at most one of them, and a number of 0 or more");
  Shape kept = reduced_shape(logits.shape(), Ints{axis}, false);
  const bool one = logits.dim(axis) > 0 && element_count(kept) == 1;
  if (samples != -1) {
    shape = ints(one ? kept : logits.shape());
    shape.push_back(samples);
    if (one) return out.push_back(by_inverse(c.in[0], logits, std::move(shape)));
    const Array noisy =
        ops::add(ops::expand_dims(logits, Ints{-1}), gumbel(c.in[0], std::move(shape), DType::f32));
    out.push_back(ops::argmax(noisy, Ints{axis}));
    return;
  }
  if (shape.empty()) shape = ints(kept);
  if (broadcast_shapes(c.name, kept, shape) != Shape(shape.begin(), shape.end()))
    fail_invalid("[random_categorical] shape ", to_string(shape), " for logits of shape ",
                 to_string(logits.shape()), " along axis ", axis,
                 "; expected one to which the other axes broadcast");
  if (one && !shape.empty()) return out.push_back(by_inverse(c.in[0], logits, std::move(shape)));
  const auto place = static_cast<std::ptrdiff_t>(shape.size()) - behind;
  shape.insert(shape.begin() + place, logits.dim(axis));
  const Array noisy = ops::add(logits, gumbel(c.in[0], std::move(shape), DType::f32));
  out.push_back(ops::argmax(noisy, Ints{place}));
}

}  // namespace quern::composed
