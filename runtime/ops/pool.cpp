// Shape and gradient rules of pooling.
// Windows never count beyond size + 2 * padding: there is no rounding up.
#include <limits>

#include "runtime/ops/spatial.h"

namespace quern {
namespace {

// Checks and completes the attributes from number `at` on (kernel, stride, padding, layout) and
// returns the shape of the pooled x.
Shape pool_shape(Call& call, std::size_t at, IntSpan x) {
  AttrList& attrs = call.attrs;
  const SpatialAxes s = spatial_axes(call, "x", x, attrs.s(at + 3));
  spread(call, at, "kernel", s.count, 1);
  if (attrs.is(at + 1).empty()) attrs[at + 1] = Ints(attrs.is(at));
  spread(call, at + 1, "stride", s.count, 1);
  spread(call, at + 2, "padding", s.count, 0);
  Shape out(x.begin(), x.end());
  for (std::size_t i = 0; i < s.count; ++i) {
    const std::int64_t kernel = attrs.is(at)[i], padding = attrs.is(at + 2)[i];
    if (padding >= kernel)
      fail_invalid("[", call.name, "] padding ", to_string(attrs.is(at + 2)), " with kernel ",
                   to_string(attrs.is(at)), "; expected less padding than kernel on every axis");
    out[s.first + i] = window_count(call.name, i,
                                    {.size = x[s.first + i],
                                     .window = kernel,
                                     .stride = attrs.is(at + 1)[i],
                                     .low = padding,
                                     .high = padding});
  }
  element_count(out);
  return out;
}

void check_pooled(const Call& call, const char* what, const Array& y, const Shape& want,
                  IntSpan x) {
  if (y.shape() != want)
    fail_invalid("[", call.name, "] ", what, " of shape ", to_string(y.shape()), "; expected ",
                 to_string(want), ", that of x ", to_string(x), " pooled");
}

void check_real(const Call& call) {
  if (is_complex(call.in[0].dtype()))
    fail_invalid("[", call.name, "] complex input of dtype ", name(call.in[0].dtype()),
                 "; expected real numbers");
}

// For every window, the element of g where the window's first largest element of x is.
Array gather_at_maxima(const Array& g, const Array& x, const Array& y, const AttrList& attrs) {
  const Ints &kernel = attrs.is(0), &stride = attrs.is(1), &padding = attrs.is(2);
  const std::size_t first = attrs.s(3) == "nhwc" ? 1 : 2;
  Runtime& rt = x.runtime();
  const Array zero = scalar(rt, 0, g.dtype());
  Ints border(x.ndim(), 0);
  for (std::size_t i = 0; i < padding.size(); ++i) border[first + i] = padding[i];
  // NaN never equals a maximum, so padding is never chosen, not even where all of x is -inf.
  const Array nan = scalar(rt, std::numeric_limits<double>::quiet_NaN(), x.dtype());
  const Array xs = ops::pad(x, nan, border, border), gs = ops::pad(g, zero, border, border);

  Array found, sum;
  Ints offset(kernel.size(), 0);
  for (bool more = true; more;) {
    Ints start(x.ndim(), 0), stop = ints(y.shape()), step(x.ndim(), 1);
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      start[first + i] = offset[i];
      stop[first + i] = offset[i] + (y.shape()[first + i] - 1) * stride[i] + 1;
      step[first + i] = stride[i];
    }
    Array hit = ops::equal(ops::slice(xs, start, stop, step), y);
    Array here = ops::where(found ? ops::logical_and(hit, ops::logical_not(found)) : hit,
                            ops::slice(gs, start, stop, step), zero);
    sum = sum ? ops::add(sum, here) : std::move(here);
    found = found ? ops::logical_or(found, hit) : std::move(hit);
    more = false;
    for (std::size_t i = kernel.size(); i-- > 0 && !more;) {
      more = ++offset[i] < kernel[i];
      if (!more) offset[i] = 0;
    }
  }
  return sum;
}

}  // namespace

namespace shape {

void max_pool(Call& call) {
  check_real(call);
  call.out.push_back({pool_shape(call, 0, call.in[0].shape()), call.in[0].dtype()});
}

void max_pool_grad(Call& call) {
  check_real(call);
  const Shape& x = call.in[0].shape();
  const DType t = call.in[0].dtype();
  const Shape want = pool_shape(call, 0, x);
  check_pooled(call, "y", call.in[1], want, x);
  check_pooled(call, "dy", call.in[2], want, x);
  for (std::size_t i = 1; i < 3; ++i) call.in[i] = cast(call.in[i], t);
  call.out.push_back({x, t});
}

void avg_pool(Call& call) {
  const DType t = common_float(call, 1);
  call.in[0] = cast(call.in[0], t);
  call.out.push_back({pool_shape(call, 0, call.in[0].shape()), t});
}

void avg_pool_grad(Call& call) {
  const DType t = common_float(call, 1);
  Shape x(call.attrs.is(0).begin(), call.attrs.is(0).end());
  element_count(x);
  check_pooled(call, "dy", call.in[0], pool_shape(call, 1, x), x);
  call.in[0] = cast(call.in[0], t);
  call.out.push_back({std::move(x), t});
}

}  // namespace shape

namespace grad {

void max_pool(Vjp& v) {
  if (!v.needs(0)) return;
  v.set(0, ops::max_pool_grad(v.in(0), v.out(), v.cot(), v.attrs.is(0), v.attrs.is(1),
                              v.attrs.is(2), std::string(v.attrs.s(3))));
}

// Where the maxima are does not change with x but on a set of measure zero.
void max_pool_grad(Vjp& v) {
  for (std::size_t i = 0; i < 2; ++i)
    if (v.needs(i)) v.set(i, zeros_like(v.in(i)));
  if (v.needs(2)) v.set(2, gather_at_maxima(v.cot(), v.in(0), v.in(1), v.attrs));
}

void avg_pool(Vjp& v) {
  if (!v.needs(0)) return;
  v.set(0, ops::avg_pool_grad(v.cot(), ints(v.in(0).shape()), v.attrs.is(0), v.attrs.is(1),
                              v.attrs.is(2), std::string(v.attrs.s(3))));
}

void avg_pool_grad(Vjp& v) {
  if (!v.needs(0)) return;
  v.set(0, ops::avg_pool(v.cot(), v.attrs.is(1), v.attrs.is(2), v.attrs.is(3),
                         std::string(v.attrs.s(4))));
}

}  // namespace grad
}  // namespace quern
