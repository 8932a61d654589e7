// Shape rules and gradients of sort, argsort, argpartition, searchsorted, and the composed ops on
// top of them: partition, topk, median.
#include <cstdint>

#include "runtime/ops/convert.h"

namespace quern {
namespace {

// Attribute `place` becomes an axis from 0; its size must be countable in 32 bits.
std::size_t set_axis(Call& c, std::size_t place) {
  const Array& x = c.in[0];
  if (is_complex(x.dtype()))
    fail_invalid("[", c.name, "] dtype ", name(x.dtype()), ": expected a real dtype");
  const int axis = normalize_axis(c.name, c.attrs.i(place), x.ndim());
  c.attrs[place] = std::int64_t{axis};
  const std::int64_t n = x.dim(axis);
  if (n > UINT32_MAX)
    fail_invalid("[", c.name, "] axis ", axis, " of shape ", to_string(x.shape()), " has ", n,
                 " elements, expected fewer than 2^32");
  return static_cast<std::size_t>(axis);
}

// x[start:stop] along one axis.
Array part(const Array& x, std::size_t axis, std::int64_t start, std::int64_t stop) {
  Ints from(x.ndim(), 0), to = ints(x.shape());
  from[axis] = start;
  to[axis] = stop;
  return ops::slice(x, std::move(from), std::move(to));
}

}  // namespace

namespace shape {

void sort(Call& c) {
  set_axis(c, 0);
  c.out.push_back({c.in[0].shape(), c.in[0].dtype()});
}

void argsort(Call& c) {
  set_axis(c, 0);
  c.out.push_back({c.in[0].shape(), DType::u32});
}

void argpartition(Call& c) {
  const std::size_t axis = set_axis(c, 1);
  const Shape& x = c.in[0].shape();
  const std::int64_t n = x[axis], kth = c.attrs.i(0);
  if (kth < -n || kth >= n)
    fail_invalid("[", c.name, "] kth ", kth, " along axis ", axis, " of shape ", to_string(x),
                 "; expected one from ", -n, " to ", n - 1);
  c.attrs[0] = kth < 0 ? kth + n : kth;
  c.out.push_back({x, DType::u32});
}

void searchsorted(Call& c) {
  const Shape& line = c.in[0].shape();
  if (line.size() != 1)
    fail_invalid("[searchsorted] sorted of shape ", to_string(line), ", expected one axis");
  if (line[0] > UINT32_MAX)
    fail_invalid("[searchsorted] sorted has ", line[0], " elements, expected fewer than 2^32");
  const std::string_view side = c.attrs.s(0);
  if (side != "left" && side != "right")
    fail_invalid("[searchsorted] side \"", side, "\", expected left or right");
  const DType t = promote(c.in[0].dtype(), c.in[1].dtype());
  if (is_complex(t)) fail_invalid("[searchsorted] dtype ", name(t), ": expected a real dtype");
  for (Array& a : c.in) a = cast(a, t);
  c.out.push_back({c.in[1].shape(), DType::u32});
}

}  // namespace shape

namespace grad {

void sort(Vjp& v) {
  if (!wants(v, 0)) return;
  const std::int64_t axis = v.attrs.i(0);
  v.set(0, ops::scatter_add_along_axis(zeros_like(v.in(0)), ops::argsort(v.in(0), axis), v.cot(),
                                       axis));
}

}  // namespace grad

namespace composed {

void partition(Call& c, ArrayList& out) {
  const std::int64_t kth = c.attrs.i(0), axis = c.attrs.i(1);
  out.push_back(ops::take_along_axis(c.in[0], ops::argpartition(c.in[0], kth, axis), axis));
}

void topk(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const int axis = normalize_axis(c.name, c.attrs.i(1), x.ndim());
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t k = c.attrs.i(0), n = x.shape()[at];
  if (k < 0 || k > n)
    fail_invalid("[topk] k ", k, " along axis ", axis, " of shape ", to_string(x.shape()),
                 "; expected one from 0 to ", n);
  if (k == 0 || k == n) {
    out.push_back(part(x, at, 0, k));
    return;
  }
  const Array order = ops::argpartition(x, n - k, axis);
  out.push_back(ops::take_along_axis(x, part(order, at, n - k, n), axis));
}

void median(Call& c, ArrayList& out) {
  const DType t = float_of(c.in[0].dtype());
  if (is_complex(t)) fail_invalid("[median] dtype ", name(t), ": expected a real dtype");
  const Array& x = c.in[0];
  const Ints axes = reduce_axes(c.name, c.attrs.is(0), x.ndim());
  // The reduced axes last, merged into one.
  Ints order, kept;
  std::int64_t n = 1;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const auto a = static_cast<std::int64_t>(i);
    if (std::find(axes.begin(), axes.end(), a) == axes.end()) {
      order.push_back(a);
      kept.push_back(x.shape()[i]);
    } else {
      n *= x.shape()[i];
    }
  }
  if (n == 0)
    fail_invalid("[median] no elements over axes ", to_string(axes), " of shape ",
                 to_string(x.shape()), ", expected at least 1");
  order.append(axes.begin(), axes.end());
  kept.push_back(n);
  const Array lines = reshaped(x.ndim() > 1 ? ops::transpose(x, std::move(order)) : x, kept);
  const Array sorted = ops::sort(lines, -1);
  const std::size_t last = kept.size() - 1;
  Array middle = cast(part(sorted, last, (n - 1) / 2, (n - 1) / 2 + 1), t);
  if (n % 2 == 0) {
    const Array next = cast(part(sorted, last, n / 2, n / 2 + 1), t);
    middle = ops::multiply(ops::add(middle, next), constant(middle, 0.5));
  }
  out.push_back(reshaped(middle, reduced_shape(x.shape(), axes, c.attrs.b(1))));
}

}  // namespace composed
}  // namespace quern
