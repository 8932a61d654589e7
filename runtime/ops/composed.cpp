// Composed ops over whole arrays: full, linspace, clip, mean, var, std.
// Bodies written with other ops, without rules of their own; the random ones are in random.cpp.
#include <algorithm>

#include "runtime/ops/support.h"

namespace quern::composed {
namespace {

// 16-bit floats are summed and averaged in f32 and rounded once, at the end.
DType wide(DType t) {
  const DType f = float_of(t);
  return f == DType::f16 || f == DType::bf16 ? DType::f32 : f;
}

std::int64_t count_along(const Array& x, IntSpan axes) {
  std::int64_t n = 1;
  for (std::int64_t a : axes) n *= x.dim(static_cast<int>(a));
  return n;
}

// sum(x) / n over axes that reduce_axes has made, in x's dtype.
Array average(const Array& x, const Ints& axes, bool keepdims, double n) {
  // With no axes there is one element, and an empty list would read as all axes.
  const Array total = axes.empty() ? x : ops::sum(x, axes, keepdims);
  return ops::divide(total, constant(total, n));
}

// The variance in the wide dtype; that of complex numbers is real.
Array variance(Call& c) {
  const std::int64_t ddof = c.attrs.i(2);
  if (ddof < 0) fail_invalid("[", c.name, "] ddof ", ddof, ", expected 0 or more");
  const Array x = cast(c.in[0], wide(c.in[0].dtype()));
  const Ints axes = reduce_axes(c.name, c.attrs.is(0), x.ndim());
  const std::int64_t n = count_along(x, axes);
  const Array mean = average(x, axes, true, static_cast<double>(n));
  const auto over = static_cast<double>(std::max<std::int64_t>(n - ddof, 0));
  const Array deviation = ops::subtract(x, mean);
  const Array size = is_complex(x.dtype()) ? ops::abs(deviation) : deviation;
  return average(ops::square(size), axes, c.attrs.b(1), over);
}

}  // namespace

void full(Call& c, ArrayList& out) { out.push_back(ops::broadcast_to(c.in[0], c.attrs.is(0))); }

void linspace(Call& c, ArrayList& out) {
  const double start = c.attrs.f(0);
  const double stop = c.attrs.f(1);
  const std::int64_t num = c.attrs.i(2);
  const DType dtype = c.attrs.dtype(3);
  if (num < 0) fail_invalid("[linspace] num ", num, ", expected 0 or more");
  const DType work = dtype == DType::f64 ? DType::f64 : DType::f32;
  auto number = [&](double v) { return scalar(c.runtime, v, work); };
  if (num == 1) {
    out.push_back(cast(ops::full(number(start), Ints{1}), dtype));
    return;
  }
  // Both ends come out exact: the weights there are 0 and 1.
  const Array index = ops::arange(c.runtime, 0, static_cast<double>(num), 1, work);
  const Array t = ops::divide(index, number(static_cast<double>(num - 1)));
  const Array left = ops::multiply(ops::subtract(number(1), t), number(start));
  out.push_back(cast(ops::add(left, ops::multiply(t, number(stop))), dtype));
}

void clip(Call& c, ArrayList& out) {
  out.push_back(ops::minimum(ops::maximum(c.in[0], c.in[1]), c.in[2]));
}

void mean(Call& c, ArrayList& out) {
  const DType t = float_of(c.in[0].dtype());
  const Array x = cast(c.in[0], wide(t));
  const Ints axes = reduce_axes(c.name, c.attrs.is(0), x.ndim());
  const auto n = static_cast<double>(count_along(x, axes));
  out.push_back(cast(average(x, axes, c.attrs.b(1), n), t));
}

void var(Call& c, ArrayList& out) {
  out.push_back(cast(variance(c), real_of(float_of(c.in[0].dtype()))));
}

void std(Call& c, ArrayList& out) {
  out.push_back(cast(ops::sqrt(variance(c)), real_of(float_of(c.in[0].dtype()))));
}

}  // namespace quern::composed
