// Composed ops over axes: stack, expand_dims, squeeze, flatten, split.
// No kernels and no gradients of their own: they follow from reshape, slice and concatenate.
#include "runtime/ops/convert.h"

namespace quern {
namespace {

// One mark per axis of an array of `ndim` axes named in `axes`.
SmallVector<char, 8> marked(const Call& call, const Ints& axes, std::size_t ndim) {
  SmallVector<char, 8> mark(ndim, 0);
  for (std::int64_t a : axes)
    if (mark[static_cast<std::size_t>(normalize_axis(call.name, a, ndim))]++)
      fail_invalid("[", call.name, "] axes ", to_string(axes),
                   " name an axis twice; expected each at most once");
  return mark;
}

Array inserted(const Call& call, const Array& x, const Ints& axes) {
  const std::size_t ndim = x.ndim() + axes.size();
  const auto mark = marked(call, axes, ndim);
  Ints to;
  std::size_t from = 0;
  for (std::size_t i = 0; i < ndim; ++i) to.push_back(mark[i] ? 1 : x.shape()[from++]);
  return reshaped(x, to);
}

}  // namespace

namespace composed {

void stack(Call& call, ArrayList& out) {
  const Shape& first = call.in[0].shape();
  ArrayList parts;
  for (const Array& x : call.in) {
    if (x.shape() != first)
      fail_invalid("[stack] shapes ", to_string(first), " and ", to_string(x.shape()),
                   "; expected equal ones");
    parts.push_back(inserted(call, x, Ints{call.attrs.i(0)}));
  }
  out.push_back(ops::concatenate(parts, call.attrs.i(0)));
}

void expand_dims(Call& call, ArrayList& out) {
  out.push_back(inserted(call, call.in[0], call.attrs.is(0)));
}

void squeeze(Call& call, ArrayList& out) {
  const Array& x = call.in[0];
  const Ints& axes = call.attrs.is(0);
  const auto mark = marked(call, axes, x.ndim());
  Shape to;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const std::int64_t n = x.shape()[i];
    if (mark[i] && n != 1)
      fail_invalid("[squeeze] axes ", to_string(axes), " of an array of shape ",
                   to_string(x.shape()), "; expected axes of size 1, axis ", i, " has ", n);
    if (axes.empty() ? n != 1 : !mark[i]) to.push_back(n);
  }
  out.push_back(reshaped(x, to));
}

void flatten(Call& call, ArrayList& out) {
  const Array& x = call.in[0];
  if (x.ndim() == 0) {
    out.push_back(ops::reshape(x, Ints{1}));
    return;
  }
  const auto first = static_cast<std::size_t>(normalize_axis(call.name, call.attrs.i(0), x.ndim()));
  const auto last = static_cast<std::size_t>(normalize_axis(call.name, call.attrs.i(1), x.ndim()));
  if (first > last)
    fail_invalid("[flatten] start_axis ", call.attrs.i(0), ", end_axis ", call.attrs.i(1),
                 " of an array of shape ", to_string(x.shape()),
                 "; expected start_axis not after end_axis");
  const Shape& s = x.shape();
  Shape to(s.begin(), s.begin() + first);
  to.push_back(element_count(IntSpan(s.begin() + first, s.begin() + last + 1)));
  to.append(s.begin() + last + 1, s.end());
  out.push_back(reshaped(x, to));
}

void split(Call& call, ArrayList& out) {
  const Array& x = call.in[0];
  const auto axis = static_cast<std::size_t>(normalize_axis(call.name, call.attrs.i(0), x.ndim()));
  const std::int64_t index = call.attrs.i(1), count = call.attrs.i(2), n = x.shape()[axis];
  if (count < 1 || n % count != 0 || index < 0 || index >= count)
    fail_invalid("[split] part ", index, " of ", count, " along axis ", axis,
                 " of an array of shape ", to_string(x.shape()), "; expected a count that divides ",
                 n, " and a part below it");
  Ints start(x.ndim(), 0), stop = ints(x.shape());
  start[axis] = n / count * index;
  stop[axis] = start[axis] + n / count;
  out.push_back(ops::slice(x, std::move(start), std::move(stop)));
}

}  // namespace composed
}  // namespace quern
