// Shape and gradient rules of gather, scatter and put_along_axis.
// The values of indices are not checked here: kernels count negative ones from the end and clamp.
#include "runtime/ops/convert.h"

namespace quern {
namespace {

// The index arrays from input `first` on, as the kernels want them: integers of 32 bits or more,
// broadcast to one shape, which is returned. Attribute 0 becomes axes from 0, each once.
Shape set_indices(Call& c, std::size_t first) {
  const Shape& x = c.in[0].shape();
  const std::size_t count = c.in.size() < first ? 0 : c.in.size() - first;
  Ints axes = c.attrs.is(0);
  if (c.in.size() < first || axes.size() != count)
    fail_invalid("[", c.name, "] axes ", to_string(axes), " with ", count,
                 " index arrays; expected an index array for each axis");
  for (std::int64_t& a : axes) a = normalize_axis(c.name, a, x.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (std::find(axes.begin() + i + 1, axes.end(), axes[i]) != axes.end())
      fail_invalid("[", c.name, "] axes ", to_string(c.attrs.is(0)), " name axis ", axes[i],
                   " twice; expected each axis of ", to_string(x), " at most once");
  }
  c.attrs[0] = std::move(axes);
  Shape places;
  bool alike = true;
  for (std::size_t i = first; i < c.in.size(); ++i) {
    const Array& a = c.in[i];
    if (!is_integer(a.dtype()))
      fail_invalid("[", c.name, "] indices of dtype ", name(a.dtype()), "; expected integers");
    alike = alike && a.dtype() == c.in[first].dtype();
    places = broadcast_shapes(c.name, places, a.shape());
  }
  for (std::size_t i = first; i < c.in.size(); ++i) {
    const DType t = c.in[i].dtype();
    c.in[i] = broadcast(cast(c.in[i], !alike            ? DType::i64
                                      : itemsize(t) < 4 ? DType::i32
                                                        : t),
                        places);
  }
  return places;
}

Shape joined(const Shape& places, IntSpan block) {
  Shape all = places;
  all.append(block.begin(), block.end());
  element_count(all);
  return all;
}

bool fits(IntSpan block, const Shape& x) {
  if (block.size() != x.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (block[i] < 0 || block[i] > x[i]) return false;
  return true;
}

// gather and scatter of `a` at the index arrays of `v`, which begin at input `first`.
Array gathered(const Vjp& v, const Array& a, std::size_t first, IntSpan block) {
  ArrayList xs{a};
  for (std::size_t i = first; i < v.n_in(); ++i) xs.push_back(v.in(i));
  return ops::gather(xs, v.attrs.is(0), ints(block));
}

Array scattered(const Vjp& v, const Array& a, const Array& updates, std::size_t first,
                const char* mode) {
  ArrayList xs{a, updates};
  for (std::size_t i = first; i < v.n_in(); ++i) xs.push_back(v.in(i));
  return ops::scatter(xs, v.attrs.is(0), mode);
}

// Exact where elements or updates are 0, up to second derivatives. An update that is not 0 gets the
// product divided by it. One that is 0 gets the product of those that are not, times that of the
// other zeros of its place: 1 when there is none, and itself when there is one; with more, the
// first two derivatives are 0.
void scatter_product(Vjp& v, IntSpan block) {
  const Array &x = v.in(0), &u = v.in(1), &g = v.cot();
  if (v.needs(0)) v.set(0, ops::multiply(g, scattered(v, ones_like(x), u, 2, "prod")));
  if (!v.needs(1)) return;
  const Array none = ops::equal(u, constant(u, 0)), nothing = constant(u, 0);
  const Array safe = ops::where(none, constant(u, 1), u);
  const Array at_zeros = ops::where(none, u, nothing);
  const Array rest = gathered(v, scattered(v, x, safe, 2, "prod"), 2, block);
  const Array count =
      gathered(v, scattered(v, zeros_like(x), cast(none, x.dtype()), 2, "add"), 2, block);
  const Array sum = gathered(v, scattered(v, zeros_like(x), at_zeros, 2, "add"), 2, block);
  const Array other =
      ops::where(ops::equal(count, constant(u, 1)), constant(u, 1),
                 ops::where(ops::equal(count, constant(u, 2)), ops::subtract(sum, u), nothing));
  const Array own = ops::where(none, ops::multiply(rest, other),
                               ops::divide(gathered(v, v.out(), 2, block), safe));
  v.set(1, ops::multiply(gathered(v, g, 2, block), own));
}

}  // namespace

namespace shape {

void gather(Call& c) {
  const Shape places = set_indices(c, 1);
  const Array& x = c.in[0];
  const Ints& block = c.attrs.is(1);
  if (!fits(block, x.shape()))
    fail_invalid("[gather] slice_sizes ", to_string(block), " for an array of shape ",
                 to_string(x.shape()), "; expected a size for each axis, none above the axis'");
  c.out.push_back({joined(places, block), x.dtype()});
}

void scatter(Call& c) {
  const Shape places = set_indices(c, 2);
  const Array &x = c.in[0], &u = c.in[1];
  const std::string_view mode = c.attrs.s(1);
  if (mode != "set" && mode != "add" && mode != "prod" && mode != "max" && mode != "min")
    fail_invalid("[scatter] mode \"", mode, "\"; expected set, add, prod, max or min");
  if (is_complex(x.dtype()) && mode != "set" && mode != "add")
    fail_invalid("[scatter] mode ", mode, " of dtype ", name(x.dtype()), "; expected a real dtype");
  const std::size_t lead = places.size();
  const Shape& from = u.shape();
  bool good = from.size() == lead + x.ndim();
  const IntSpan block = good ? IntSpan(from).last(x.ndim()) : IntSpan();
  good = good && fits(block, x.shape());
  for (std::size_t i = 0; good && i < lead; ++i) good = from[i] == places[i] || from[i] == 1;
  if (!good)
    fail_invalid("[scatter] updates of shape ", to_string(from), " for x of shape ",
                 to_string(x.shape()), " and indices of shape ", to_string(places),
                 "; expected the indices' shape and then a block no larger than x");
  const Shape to = joined(places, block);
  c.in[1] = broadcast(cast(u, x.dtype()), to);
  c.out.push_back({x.shape(), x.dtype()});
}

}  // namespace shape

namespace grad {

void gather(Vjp& v) {
  if (wants(v, 0)) v.set(0, scattered(v, zeros_like(v.in(0)), v.cot(), 1, "add"));
}

// As in MLX: every update of a `set` gets the gradient of its place, also one that was overwritten,
// and so does each of several equal extremes.
void scatter(Vjp& v) {
  const std::string_view mode = v.attrs.s(1);
  const Array &x = v.in(0), &u = v.in(1), &y = v.out(), &g = v.cot();
  const IntSpan block = IntSpan(u.shape()).last(x.ndim());
  if (mode == "prod") return scatter_product(v, block);
  if (mode == "max" || mode == "min") {
    if (v.needs(0)) v.set(0, ops::where(ops::equal(x, y), g, constant(g, 0)));
    if (v.needs(1))
      v.set(1, ops::where(ops::equal(u, gathered(v, y, 2, block)), gathered(v, g, 2, block),
                          constant(g, 0)));
    return;
  }
  if (v.needs(0)) v.set(0, mode == "add" ? g : scattered(v, g, zeros_like(u), 2, "set"));
  if (v.needs(1)) v.set(1, gathered(v, g, 2, block));
}

void put_along_axis(Vjp& v) {
  const std::int64_t axis = v.attrs.i(0);
  const Array& g = v.cot();
  if (v.needs(0)) v.set(0, ops::put_along_axis(g, v.in(1), constant(g, 0), axis));
  if (v.needs(2)) v.set(2, ops::take_along_axis(g, v.in(1), axis));
}

}  // namespace grad
}  // namespace quern
