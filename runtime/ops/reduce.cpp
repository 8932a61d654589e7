// Shape rules and gradients of the reductions over axes.
// mean, var and std are composed of these, see composed.cpp.
#include <algorithm>

#include "runtime/ops/support.h"

namespace quern {

Ints reduce_axes(const char* op, IntSpan axes, std::size_t ndim) {
  Ints out;
  if (axes.empty()) {
    for (std::size_t i = 0; i < ndim; ++i) out.push_back(static_cast<std::int64_t>(i));
    return out;
  }
  for (std::int64_t a : axes) out.push_back(normalize_axis(op, a, ndim));
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end()) {
    fail_invalid("[", op, "] axes ", to_string(axes), " name one axis twice");
  }
  return out;
}

Shape reduced_shape(IntSpan shape, IntSpan axes, bool keepdims) {
  Shape out;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool reduced =
        std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end();
    if (!reduced) out.push_back(shape[i]);
    if (reduced && keepdims) out.push_back(1);
  }
  return out;
}

namespace shape {
namespace {

// Every reduction: axes (attribute 0) normalised, input cast, result described.
void reduce(Call& c, DType in, DType out) {
  const Shape& x = c.in[0].shape();
  const Ints axes = reduce_axes(c.name, c.attrs.is(0), x.size());
  c.attrs[0] = axes;
  c.out.push_back({reduced_shape(x, axes, c.attrs.b(1)), out});
  c.in[0] = cast(c.in[0], in);
}

// For reductions that have no value for no elements; runs after reduce().
void refuse_empty(const Call& c) {
  const Shape& x = c.in[0].shape();
  for (std::int64_t a : c.attrs.is(0)) {
    if (x[static_cast<std::size_t>(a)] == 0) {
      fail_invalid("[", c.name, "] axis ", a, " of shape ", to_string(x),
                   " has no elements, expected at least 1");
    }
  }
}

}  // namespace

void reduce_sum(Call& c) {
  DType t = c.in[0].dtype();
  if (t == DType::u8 || t == DType::u16) t = DType::u32;
  if (t == DType::boolean || t == DType::i8 || t == DType::i16) t = DType::i32;
  reduce(c, t, t);
}

void reduce_same(Call& c) {
  reduce(c, c.in[0].dtype(), c.in[0].dtype());
  refuse_empty(c);
}

void reduce_bool(Call& c) { reduce(c, DType::boolean, DType::boolean); }

void reduce_index(Call& c) {
  const std::size_t ndim = c.in[0].ndim();
  const Ints given = c.attrs.is(0);
  reduce(c, c.in[0].dtype(), DType::u32);
  const std::size_t n = c.attrs.is(0).size();
  if (n > 1 && n != ndim) {
    fail_invalid("[", c.name, "] axes ", to_string(given), " of an array with ", ndim,
                 " axes: expected one axis or all");
  }
  refuse_empty(c);
}

void reduce_float(Call& c) {
  if (is_complex(c.in[0].dtype())) {
    fail_invalid("[", c.name, "] dtype ", name(c.in[0].dtype()), ": expected a real dtype");
  }
  const DType t = float_of(c.in[0].dtype());
  reduce(c, t, t);
  refuse_empty(c);
}

}  // namespace shape

namespace grad {
namespace {

// A result or cotangent of a reduction, with the reduced axes back as size 1.
Array kept(const Vjp& v, const Array& a) {
  const Shape shape = reduced_shape(v.in(0).shape(), v.attrs.is(0), true);
  return a.shape() == shape ? a : ops::reshape(a, ints(shape));
}

void extremum(Vjp& v) {
  if (!wants(v, 0)) return;
  const Array& x = v.in(0);
  if (v.attrs.is(0).empty()) {  // 0-d
    v.set(0, v.cot());
    return;
  }
  const Array hit = cast(ops::equal(x, kept(v, v.out())), x.dtype());
  const Array share = ops::divide(kept(v, v.cot()), ops::sum(hit, v.attrs.is(0), true));
  v.set(0, ops::multiply(hit, share));
}

// g times the product of all other elements along the last axis, whose size is a power of two.
// Halves are multiplied up, then each takes the other's product back down: exact with zeros among
// the elements, linear work, and differentiable again.
Array times_others(const Array& x, const Array& g) {
  ArrayList levels;
  levels.push_back(x);
  while (levels.back().dim(-1) > 1) {
    const Array top = levels.back();
    levels.push_back(ops::multiply(ops::split(top, 0, 2, -1), ops::split(top, 1, 2, -1)));
  }
  Array down = g;
  for (std::size_t i = levels.size() - 1; i-- > 0;) {
    const Array low = ops::split(levels[i], 0, 2, -1);
    const Array high = ops::split(levels[i], 1, 2, -1);
    down = ops::concatenate({ops::multiply(down, high), ops::multiply(down, low)}, -1);
  }
  return down;
}

}  // namespace

void sum(Vjp& v) {
  if (wants(v, 0)) v.set(0, ops::broadcast_to(kept(v, v.cot()), ints(v.in(0).shape())));
}

void max(Vjp& v) { extremum(v); }

void min(Vjp& v) { extremum(v); }

void logsumexp(Vjp& v) {
  if (!wants(v, 0)) return;
  const Array weight = ops::exp(ops::subtract(v.in(0), kept(v, v.out())));
  v.set(0, ops::multiply(kept(v, v.cot()), weight));
}

void prod(Vjp& v) {
  if (!wants(v, 0)) return;
  const Array& x = v.in(0);
  const Ints& axes = v.attrs.is(0);
  if (x.size() == 0) return;
  // Reduced axes last and merged into one of size n.
  Ints order;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const auto a = static_cast<std::int64_t>(i);
    if (std::find(axes.begin(), axes.end(), a) == axes.end()) order.push_back(a);
  }
  order.append(axes.begin(), axes.end());
  std::int64_t n = 1;
  for (std::int64_t a : axes) n *= x.dim(static_cast<int>(a));
  const std::int64_t rows = x.size() / n;
  std::int64_t width = 1;
  while (width < n) width *= 2;

  const Array moved = conj(x.ndim() > 1 ? ops::transpose(x, order) : x);
  Array flat = ops::reshape(moved, Ints{rows, n});
  if (width != n) flat = ops::pad(flat, constant(x, 1), Ints{0, 0}, Ints{0, width - n});
  Array g = times_others(flat, ops::reshape(v.cot(), Ints{rows, 1}));
  if (width != n) g = ops::slice(g, Ints{0, 0}, Ints{rows, n});

  g = ops::reshape(g, ints(moved.shape()));
  if (x.ndim() > 1) {
    Ints back(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
    }
    g = ops::transpose(g, back);
  }
  v.set(0, g);
}

}  // namespace grad
}  // namespace quern
