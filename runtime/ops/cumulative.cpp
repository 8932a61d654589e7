// Shape rules and gradients of the running totals: cumsum, cumprod, cummax, cummin, logcumsumexp.
// Reductions to one value are in reduce.cpp.
#include "runtime/ops/support.h"

namespace quern {
namespace {

void set_axis(Call& c) {
  c.attrs[0] = std::int64_t{normalize_axis(c.name, c.attrs.i(0), c.in[0].ndim())};
}

void refuse_complex(const Call& c) {
  if (is_complex(c.in[0].dtype()))
    fail_invalid("[", c.name, "] dtype ", name(c.in[0].dtype()), ": expected a real dtype");
}

void describe(Call& c, DType t) {
  set_axis(c);
  c.in[0] = cast(c.in[0], t);
  c.out.push_back({c.in[0].shape(), t});
}

// x[start:stop] along one axis.
Array part(const Array& x, std::size_t axis, std::int64_t start, std::int64_t stop) {
  Ints from(x.ndim(), 0), to = ints(x.shape());
  from[axis] = start;
  to[axis] = stop;
  return ops::slice(x, std::move(from), std::move(to));
}

Array flipped(const Array& x, std::size_t axis) {
  Ints from(x.ndim(), 0), to = ints(x.shape()), step(x.ndim(), 1);
  from[axis] = -1;
  to[axis] = -x.shape()[axis] - 1;
  step[axis] = -1;
  return ops::slice(x, std::move(from), std::move(to), std::move(step));
}

// out[j] = x[j + by], and 0 behind the end.
Array advanced(const Array& x, std::size_t axis, std::int64_t by) {
  Ints low(x.ndim(), 0), high(x.ndim(), 0);
  high[axis] = by;
  return ops::pad(part(x, axis, by, x.shape()[axis]), constant(x, 0), std::move(low),
                  std::move(high));
}

// s[j] = b[j] + a[j] * s[j + 1], with nothing behind the end: in log2(n) steps that double the
// reach. No division, so zeros in `a` are exact.
Array recurrence(Array a, Array b, std::size_t axis) {
  const std::int64_t n = b.shape()[axis];
  for (std::int64_t reach = 1; reach < n; reach *= 2) {
    b = ops::add(b, ops::multiply(a, advanced(b, axis, reach)));
    if (2 * reach < n) a = ops::multiply(a, advanced(a, axis, reach));
  }
  return b;
}

// One running total seen from its gradient, turned so that it runs forward.
struct Running {
  std::size_t axis;
  bool reverse, inclusive;
  Array x, g;

  explicit Running(const Vjp& v)
      : axis(static_cast<std::size_t>(v.attrs.i(0))),
        reverse(v.attrs.b(1)),
        inclusive(v.attrs.b(2)),
        x(turned(v.in(0))),
        g(turned(v.cot())) {}
  Array turned(const Array& a) const { return reverse ? flipped(a, axis) : a; }
  std::int64_t size() const { return x.shape()[axis]; }
  std::int64_t attr_axis() const { return static_cast<std::int64_t>(axis); }
  // The cotangent as if every total included its own element.
  Array inclusive_g() const { return inclusive ? g : advanced(g, axis, 1); }
};

// x - y, and 0 where both are the same infinity.
Array difference(const Array& x, const Array& y) {
  return ops::where(ops::equal(x, y), constant(x, 0), ops::subtract(x, y));
}

// `extreme` is cummax or cummin: each total's cotangent goes to the latest element equal to it.
template <typename F>
void cumulative_extreme(Vjp& v, F extreme) {
  if (!wants(v, 0) || v.in(0).size() == 0) return;
  const Running r(v);
  const DType index = r.size() > INT32_MAX ? DType::i64 : DType::i32;
  Ints along(r.x.ndim(), 1);
  along[r.axis] = r.size();
  const Array place = ops::reshape(
      ops::arange(r.x.runtime(), 0, static_cast<double>(r.size()), 1, index), std::move(along));
  const Array hit =
      ops::logical_or(ops::equal(r.x, extreme(r.x, r.attr_axis(), false, true)), ops::isnan(r.x));
  const Array from =
      ops::cummax(ops::where(hit, place, constant(place, -1)), r.attr_axis(), false, r.inclusive);
  const Array g = ops::where(ops::less(from, constant(from, 0)), constant(r.g, 0), r.g);
  const Array clamped = ops::maximum(from, constant(from, 0));
  v.set(0, r.turned(ops::scatter_add_along_axis(zeros_like(r.x), clamped, g, r.attr_axis())));
}

}  // namespace

namespace shape {

void cumulative_sum(Call& c) {
  const DType t = c.in[0].dtype();
  describe(c, t == DType::boolean ? DType::i32 : t);
}

void cumulative(Call& c) { describe(c, c.in[0].dtype()); }

void cumulative_ordered(Call& c) {
  refuse_complex(c);
  describe(c, c.in[0].dtype());
}

void cumulative_float(Call& c) {
  refuse_complex(c);
  describe(c, float_of(c.in[0].dtype()));
}

}  // namespace shape

namespace grad {

void cumsum(Vjp& v) {
  if (wants(v, 0)) v.set(0, ops::cumsum(v.cot(), v.attrs.i(0), !v.attrs.b(1), v.attrs.b(2)));
}

// d out[i] / d x[j] = product before j * product from j + 1 to i.
void cumprod(Vjp& v) {
  if (!wants(v, 0) || v.in(0).size() == 0) return;
  const Running r(v);
  const Array x = conj(r.x);
  const Array behind = recurrence(advanced(x, r.axis, 1), r.inclusive_g(), r.axis);
  const Array before = ops::cumprod(x, r.attr_axis(), false, false);
  v.set(0, r.turned(ops::multiply(before, behind)));
}

void cummax(Vjp& v) {
  cumulative_extreme(v, [](const Array& x, std::int64_t axis, bool reverse, bool inclusive) {
    return ops::cummax(x, axis, reverse, inclusive);
  });
}

void cummin(Vjp& v) {
  cumulative_extreme(v, [](const Array& x, std::int64_t axis, bool reverse, bool inclusive) {
    return ops::cummin(x, axis, reverse, inclusive);
  });
}

// d out[i] / d x[j] = exp(x[j] - out[i]), split at out[j] so that no exponent is above 0.
void logcumsumexp(Vjp& v) {
  if (!wants(v, 0) || v.in(0).size() == 0) return;
  const Running r(v);
  const Array y = ops::logcumsumexp(r.x, r.attr_axis(), false, true);
  const Array fall =
      ops::exp(difference(part(y, r.axis, 0, r.size() - 1), part(y, r.axis, 1, r.size())));
  Ints low(r.x.ndim(), 0), high(r.x.ndim(), 0);
  high[r.axis] = 1;
  const Array weight = ops::pad(fall, constant(fall, 0), std::move(low), std::move(high));
  const Array behind = recurrence(weight, r.inclusive_g(), r.axis);
  v.set(0, r.turned(ops::multiply(ops::exp(difference(r.x, y)), behind)));
}

}  // namespace grad
}  // namespace quern
