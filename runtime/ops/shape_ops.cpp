// Shape and gradient rules of the ops that rearrange, cut and join arrays.
// Indexing by arrays is in index.cpp; expand_dims, squeeze, stack, ... are in composed_shape.cpp.
#include <limits>

#include "runtime/ops/convert.h"

namespace quern {
namespace {

void check_entries(const Call& call, const char* what, std::size_t got, std::size_t ndim) {
  if (got != ndim)
    fail_invalid("[", call.name, "] ", what, " has ", got, " entries for an array of shape ",
                 to_string(call.in[0].shape()), "; expected ", ndim);
}

// Puts start, stop, step (attributes 0 to 2) into canonical form and returns the shape of the
// slice. start = first index read, step != 0 (1 for a single element), stop = start + count * step,
// less the axis' size when that is negative: giving the attributes to the rule again must mean the
// same slice.
Shape normalize_slice(Call& call) {
  const Shape& size = call.in[0].shape();
  Ints start = call.attrs.is(0), stop = call.attrs.is(1), step = call.attrs.is(2);
  if (step.empty()) step.resize(size.size(), 1);
  check_entries(call, "start", start.size(), size.size());
  check_entries(call, "stop", stop.size(), size.size());
  check_entries(call, "step", step.size(), size.size());
  Shape out;
  for (std::size_t i = 0; i < size.size(); ++i) {
    const std::int64_t n = size[i];
    // The one value whose negation does not exist; no array has so many elements.
    std::int64_t by = std::max(step[i], -std::numeric_limits<std::int64_t>::max());
    if (by == 0)
      fail_invalid("[", call.name, "] step ", to_string(step), " is zero along axis ", i,
                   "; expected a step other than 0");
    auto bound = [n, by](std::int64_t v) {
      if (v < 0) v += n;
      if (v < 0) return by < 0 ? std::int64_t{-1} : std::int64_t{0};
      if (v >= n) return by < 0 ? n - 1 : n;
      return v;
    };
    std::int64_t from = bound(start[i]);
    const std::int64_t to = bound(stop[i]);
    std::int64_t count = 0;
    if (by > 0 && from < to) count = (to - from - 1) / by + 1;
    if (by < 0 && to < from) count = (from - to - 1) / -by + 1;
    if (count == 0) from = 0;
    if (count <= 1) by = 1;
    start[i] = from;
    step[i] = by;
    stop[i] = from + count * by;
    if (stop[i] < 0) stop[i] -= n;
    out.push_back(count);
  }
  call.attrs[0] = std::move(start);
  call.attrs[1] = std::move(stop);
  call.attrs[2] = std::move(step);
  return out;
}

// Where each element of the padded axis comes from, for the modes that repeat x.
std::vector<std::int64_t> pad_sources(std::string_view mode, std::int64_t n, std::int64_t low,
                                      std::int64_t high) {
  std::vector<std::int64_t> from(static_cast<std::size_t>(n + low + high));
  const std::int64_t mirror = mode == "reflect" ? 0 : 1;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(from.size()); ++i) {
    std::int64_t k = i - low;
    if (mode == "edge") {
      k = std::clamp<std::int64_t>(k, 0, n - 1);
    } else if (k < 0) {
      k = -k - mirror;
    } else if (k >= n) {
      k = 2 * (n - 1) - k + mirror;
    }
    from[static_cast<std::size_t>(i)] = k;
  }
  return from;
}

}  // namespace

namespace shape {

void depends(Call& call) { call.out.push_back({call.in[0].shape(), call.in[0].dtype()}); }

void reshape(Call& call) {
  const Array& x = call.in[0];
  Shape to(call.attrs.is(0).begin(), call.attrs.is(0).end());
  const std::string asked = to_string(to);
  std::int64_t* free = nullptr;
  for (std::int64_t& n : to) {
    if (n >= 0) continue;
    if (n != -1 || free)
      fail_invalid("[reshape] shape ", asked, " for an array of shape ", to_string(x.shape()),
                   "; expected sizes >= 0 and at most one -1");
    free = &n;
  }
  const std::int64_t total = element_count(x.shape());
  if (free) {
    *free = 1;
    const std::int64_t rest = element_count(to);
    if (rest == 0 || total % rest != 0)
      fail_invalid("[reshape] cannot infer -1 in ", asked, " for an array of shape ",
                   to_string(x.shape()), "; expected the other sizes to divide ", total);
    *free = total / rest;
  }
  if (element_count(to) != total)
    fail_invalid("[reshape] shape ", asked, " for an array of shape ", to_string(x.shape()),
                 "; expected ", total, " elements");
  call.attrs[0] = ints(to);
  call.out.push_back({std::move(to), x.dtype()});
}

void transpose(Call& call) {
  const Array& x = call.in[0];
  Ints axes = call.attrs.is(0);
  if (axes.empty())
    for (std::size_t i = x.ndim(); i-- > 0;) axes.push_back(static_cast<std::int64_t>(i));
  check_entries(call, "axes", axes.size(), x.ndim());
  SmallVector<char, 8> seen(x.ndim(), 0);
  Shape out;
  for (std::int64_t& a : axes) {
    a = normalize_axis(call.name, a, x.ndim());
    if (seen[static_cast<std::size_t>(a)]++)
      fail_invalid("[transpose] axes ", to_string(call.attrs.is(0)), " name axis ", a,
                   " twice; expected each axis of ", to_string(x.shape()), " once");
    out.push_back(x.shape()[static_cast<std::size_t>(a)]);
  }
  call.attrs[0] = std::move(axes);
  call.out.push_back({std::move(out), x.dtype()});
}

void broadcast_to(Call& call) {
  const Array& x = call.in[0];
  Shape to(call.attrs.is(0).begin(), call.attrs.is(0).end());
  bool fits = x.ndim() <= to.size();
  for (std::size_t i = 0; fits && i < x.ndim(); ++i) {
    const std::int64_t n = x.shape()[i];
    fits = n == 1 || n == to[to.size() - x.ndim() + i];
  }
  if (!fits)
    fail_invalid("[broadcast_to] an array of shape ", to_string(x.shape()),
                 " does not broadcast to ", to_string(to),
                 "; expected equal sizes or 1, aligned on the right");
  element_count(to);
  call.out.push_back({std::move(to), x.dtype()});
}

void slice(Call& call) {
  Shape out = normalize_slice(call);
  call.out.push_back({std::move(out), call.in[0].dtype()});
}

void slice_update(Call& call) {
  const Array& x = call.in[0];
  const Shape part = normalize_slice(call);
  if (broadcast_shapes(call.name, call.in[1].shape(), part) != part)
    fail_invalid("[slice_update] update of shape ", to_string(call.in[1].shape()),
                 "; expected one that broadcasts to the slice's shape ", to_string(part));
  call.in[1] = broadcast(cast(call.in[1], x.dtype()), part);
  call.out.push_back({x.shape(), x.dtype()});
}

void concatenate(Call& call) {
  Shape out = call.in[0].shape();
  const int axis = normalize_axis(call.name, call.attrs.i(0), out.size());
  const auto at = static_cast<std::size_t>(axis);
  DType t = call.in[0].dtype();
  for (std::size_t k = 1; k < call.in.size(); ++k) {
    const Array& x = call.in[k];
    bool fits = x.ndim() == out.size();
    for (std::size_t i = 0; fits && i < out.size(); ++i) fits = i == at || x.shape()[i] == out[i];
    if (!fits)
      fail_invalid("[concatenate] shapes ", to_string(call.in[0].shape()), " and ",
                   to_string(x.shape()), " along axis ", axis,
                   "; expected all other axes to be equal");
    if (__builtin_add_overflow(out[at], x.shape()[at], &out[at]))
      fail_invalid("[concatenate] the result is too large along axis ", axis);
    t = promote(t, x.dtype());
  }
  element_count(out);
  for (Array& x : call.in) x = cast(x, t);
  call.attrs[0] = std::int64_t{axis};
  call.out.push_back({std::move(out), t});
}

void pad(Call& call) {
  const Array& x = call.in[0];
  Ints low = call.attrs.is(0), high = call.attrs.is(1);
  const std::string_view mode = call.attrs.s(2);
  if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "symmetric")
    fail_invalid("[pad] mode \"", mode, "\"; expected constant, edge, reflect or symmetric");
  if (low.size() == 1) low.resize(x.ndim(), low[0]);
  if (high.size() == 1) high.resize(x.ndim(), high[0]);
  check_entries(call, "low", low.size(), x.ndim());
  check_entries(call, "high", high.size(), x.ndim());
  if (call.in[1].size() != 1)
    fail_invalid("[pad] value of shape ", to_string(call.in[1].shape()), "; expected a scalar");
  Shape out;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const std::int64_t n = x.shape()[i], most = std::max(low[i], high[i]);
    if (low[i] < 0 || high[i] < 0)
      fail_invalid("[pad] low ", to_string(low), ", high ", to_string(high),
                   "; expected no negative entry");
    const bool reach = mode == "constant" || most == 0 || (mode == "edge" && n > 0) ||
                       (mode == "reflect" && most < n) || (mode == "symmetric" && most <= n);
    if (!reach)
      fail_invalid("[pad] low ", to_string(low), ", high ", to_string(high), " in mode ", mode,
                   " for an array of shape ", to_string(x.shape()), "; axis ", i,
                   " is too short to take the padding from");
    std::int64_t total = 0;
    if (__builtin_add_overflow(n, low[i], &total) || __builtin_add_overflow(total, high[i], &total))
      fail_invalid("[pad] low ", to_string(low), ", high ", to_string(high), "; axis ", i,
                   " gets too large");
    out.push_back(total);
  }
  element_count(out);
  call.in[1] = reshaped(cast(call.in[1], x.dtype()), Shape{});
  call.attrs[0] = std::move(low);
  call.attrs[1] = std::move(high);
  call.out.push_back({std::move(out), x.dtype()});
}

}  // namespace shape

namespace grad {

void depends(Vjp& v) {
  if (v.needs(0)) v.set(0, v.cot());
}

void reshape(Vjp& v) {
  if (v.needs(0)) v.set(0, reshaped(v.cot(), v.in(0).shape()));
}

void transpose(Vjp& v) {
  if (!v.needs(0)) return;
  const Ints& axes = v.attrs.is(0);
  Ints back(axes.size(), 0);
  for (std::size_t i = 0; i < axes.size(); ++i)
    back[static_cast<std::size_t>(axes[i])] = static_cast<std::int64_t>(i);
  v.set(0, ops::transpose(v.cot(), std::move(back)));
}

void broadcast_to(Vjp& v) {
  if (v.needs(0)) v.set(0, sum_to(v.cot(), v.in(0).shape()));
}

void slice(Vjp& v) {
  if (!v.needs(0)) return;
  v.set(0, ops::slice_update(zeros_like(v.in(0)), v.cot(), v.attrs.is(0), v.attrs.is(1),
                             v.attrs.is(2)));
}

void slice_update(Vjp& v) {
  const Ints &start = v.attrs.is(0), &stop = v.attrs.is(1), &step = v.attrs.is(2);
  const Array& g = v.cot();
  if (v.needs(0))
    v.set(0, ops::slice_update(g, scalar(g.runtime(), 0, g.dtype()), start, stop, step));
  if (v.needs(1)) v.set(1, ops::slice(g, start, stop, step));
}

void concatenate(Vjp& v) {
  const auto axis = static_cast<std::size_t>(v.attrs.i(0));
  Ints start(v.cot().ndim(), 0), stop = ints(v.cot().shape());
  for (std::size_t k = 0; k < v.n_in(); ++k) {
    stop[axis] = start[axis] + v.in(k).shape()[axis];
    if (v.needs(k)) v.set(k, ops::slice(v.cot(), start, stop));
    start[axis] = stop[axis];
  }
}

void pad(Vjp& v) {
  const Ints &low = v.attrs.is(0), &high = v.attrs.is(1);
  const std::string_view mode = v.attrs.s(2);
  const Shape& size = v.in(0).shape();
  Array g = v.cot();
  const Array zero = scalar(g.runtime(), 0, g.dtype());
  if (mode == "constant") {
    Ints stop = low;
    for (std::size_t i = 0; i < stop.size(); ++i) stop[i] += size[i];
    if (v.needs(0)) v.set(0, ops::slice(g, low, stop));
    if (v.needs(1)) v.set(1, ops::sum(ops::slice_update(g, zero, low, stop)));
    return;
  }
  if (v.needs(1)) v.set(1, zero);
  if (!v.needs(0)) return;
  // The padding of one axis is a take along it; this is the transpose, axis after axis.
  for (std::size_t i = 0; i < size.size(); ++i) {
    if (low[i] == 0 && high[i] == 0) continue;
    Ints to = ints(g.shape());
    to[i] = size[i];
    const Array from = from_ints(g.runtime(), pad_sources(mode, size[i], low[i], high[i]));
    g = ops::scatter_add(ops::full(zero, std::move(to)), from, g, static_cast<std::int64_t>(i));
  }
  v.set(0, std::move(g));
}

}  // namespace grad
}  // namespace quern
