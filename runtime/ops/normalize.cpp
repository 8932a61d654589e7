// Shape and gradient rules of softmax, log_softmax, layer_norm and group_norm.
// Losses built on them are in losses.cpp.
#include "runtime/ops/convert.h"

namespace quern {
namespace shape {

void normalize_float(Call& call) {
  const DType t = common_float(call, 1);
  call.attrs[0] = reduce_axes(call.name, call.attrs.is(0), call.in[0].ndim());
  call.in[0] = cast(call.in[0], t);
  call.out.push_back({call.in[0].shape(), t});
}

// The result has the dtype of x: weights of another precision do not change it.
void layer_norm(Call& call) {
  const DType t = common_float(call, 1);
  const Shape x = call.in[0].shape();
  if (x.empty()) fail_invalid("[layer_norm] x of shape (); expected at least one axis");
  for (std::size_t i = 1; i < 3; ++i) {
    const Shape& p = call.in[i].shape();
    if (!p.empty() && (p.size() > 1 || p[0] != x.back()))
      fail_invalid("[layer_norm] ", i == 1 ? "w" : "b", " of shape ", to_string(p),
                   " for x of shape ", to_string(x), "; expected a scalar or (", x.back(), ",)");
  }
  for (Array& a : call.in) a = cast(a, t);
  call.out.push_back({x, t});
}

void group_norm(Call& call) {
  const Shape x = call.in[0].shape();
  const std::int64_t groups = call.attrs.i(0);
  if (x.size() < 2 || groups < 1 || x.back() % groups != 0)
    fail_invalid("[group_norm] x of shape ", to_string(x), " in ", groups,
                 " groups; expected at least two axes, the last one divisible by the groups");
  const DType t = common_float(call, 1);
  call.in[0] = cast(call.in[0], t);
  call.out.push_back({x, t});
}

}  // namespace shape

namespace grad {

void softmax(Vjp& v) {
  if (!v.needs(0)) return;
  const Array &y = v.out(), &g = v.cot();
  v.set(0, ops::multiply(y, ops::subtract(g, ops::sum(ops::multiply(g, y), v.attrs.is(0), true))));
}

void log_softmax(Vjp& v) {
  if (!v.needs(0)) return;
  const Array &y = v.out(), &g = v.cot();
  v.set(0, ops::subtract(g, ops::multiply(ops::exp(y), ops::sum(g, v.attrs.is(0), true))));
}

// Halves are widened: the sums below cancel, and would leave little of 8 or 11 bits.
void layer_norm(Vjp& v) {
  const DType t = v.in(0).dtype(), wide = itemsize(t) < 4 ? DType::f32 : t;
  const Array g = cast(v.cot(), wide);
  if (v.needs(2)) v.set(2, cast(sum_to(g, v.in(2).shape()), t));
  if (!v.needs(0) && !v.needs(1)) return;
  const Ints last{-1};
  const Array x = cast(v.in(0), wide);
  const Array d = ops::subtract(x, ops::mean(x, last, true));
  const Array variance = ops::mean(ops::square(d), last, true);
  const Array r = ops::rsqrt(ops::add(variance, scalar(x.runtime(), v.attrs.f(0), wide)));
  const Array unit = ops::multiply(d, r);
  if (v.needs(1)) v.set(1, cast(sum_to(ops::multiply(g, unit), v.in(1).shape()), t));
  if (!v.needs(0)) return;
  const Array gw = ops::multiply(g, cast(v.in(1), wide));
  const Array along = ops::multiply(unit, ops::mean(ops::multiply(gw, unit), last, true));
  const Array flat = ops::subtract(gw, ops::mean(gw, last, true));
  v.set(0, cast(ops::multiply(r, ops::subtract(flat, along)), t));
}

// Over (item, position, group, channel of it), or with the last two exchanged.
void group_norm(Vjp& v) {
  if (!v.needs(0)) return;
  const Array& in = v.in(0);
  const DType t = in.dtype(), wide = itemsize(t) < 4 ? DType::f32 : t;
  const Shape& shape = in.shape();
  const std::int64_t groups = v.attrs.i(0), size = shape.back() / groups;
  std::int64_t positions = 1;
  for (std::size_t k = 1; k + 1 < shape.size(); ++k) positions *= shape[k];
  const bool interleaved = v.attrs.i(1) != 0;
  const Ints cut{shape[0], positions, interleaved ? size : groups, interleaved ? groups : size};
  const Ints axes{1, interleaved ? 2 : 3};
  const Array x = cast(ops::reshape(in, cut), wide), g = cast(ops::reshape(v.cot(), cut), wide);
  const Array d = ops::subtract(x, ops::mean(x, axes, true));
  const Array variance = ops::mean(ops::square(d), axes, true);
  const Array r = ops::rsqrt(ops::add(variance, scalar(in.runtime(), v.attrs.f(2), wide)));
  const Array unit = ops::multiply(d, r);
  const Array along = ops::multiply(unit, ops::mean(ops::multiply(g, unit), axes, true));
  const Array dx =
      ops::multiply(r, ops::subtract(ops::subtract(g, ops::mean(g, axes, true)), along));
  v.set(0, cast(ops::reshape(dx, ints(shape)), t));
}

}  // namespace grad
}  // namespace quern
