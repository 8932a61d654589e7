// Composed ops by position: eye, tri, tril, triu, diagonal, diag, roll, repeat, tile.
// No kernels and no gradients of their own: they follow from where, gather, slices and reshape.
#include <cstdint>

#include "runtime/ops/convert.h"

namespace quern {
namespace {

void check_matrix(const Call& c, std::int64_t n, std::int64_t m) {
  if (n < 0 || m < 0)
    fail_invalid("[", c.name, "] n ", n, ", m ", m, "; expected no negative size");
  element_count(Shape{n, m});
}

// The length of an axis that is repeated; an empty array elsewhere does not bound it.
std::int64_t times(const char* op, std::int64_t length, std::int64_t repeats) {
  std::int64_t n = 0;
  if (__builtin_mul_overflow(length, repeats, &n))
    fail_invalid("[", op, "] an axis of ", length, " repeated ", repeats,
                 " times; expected fewer than 2^63 in all");
  return n;
}

struct Grid {
  Array row, column;  // (n, 1): row number + k, and (m,): column number
};

Grid grid(Runtime& rt, std::int64_t n, std::int64_t m, std::int64_t k) {
  k = std::clamp(k, -n, m);  // beyond that nothing changes
  const DType t = n < 1 << 30 && m < 1 << 30 ? DType::i32 : DType::i64;
  const Array i = ops::arange(rt, static_cast<double>(k), static_cast<double>(n + k), 1, t);
  return {ops::reshape(i, Ints{n, 1}), ops::arange(rt, 0, static_cast<double>(m), 1, t)};
}

// Elements of diagonal k of an n by m matrix.
std::int64_t diagonal_length(std::int64_t n, std::int64_t m, std::int64_t k) {
  k = std::clamp(k, -n, m);
  const std::int64_t up = std::max<std::int64_t>(k, 0), down = std::max<std::int64_t>(-k, 0);
  return std::max<std::int64_t>(0, std::min(n - down, m - up));
}

// An n by m matrix of zeros but for diagonal k, which holds the element or elements of `values`: a
// slice of the flattened matrix, whose step is a row and one more.
Array with_diagonal(const Array& values, std::int64_t n, std::int64_t m, std::int64_t k) {
  const Array zeros = ops::full(constant(values, 0), Ints{times("eye", n, m)});
  const std::int64_t length = diagonal_length(n, m, k);
  if (length == 0) return ops::reshape(zeros, Ints{n, m});
  const std::int64_t start = k < 0 ? -k * m : k;
  const Array flat = ops::slice_update(zeros, values, Ints{start},
                                       Ints{start + (length - 1) * (m + 1) + 1}, Ints{m + 1});
  return ops::reshape(flat, Ints{n, m});
}

Array lower(Runtime& rt, std::int64_t n, std::int64_t m, std::int64_t k) {
  const Grid g = grid(rt, n, m, k);
  return ops::greater_equal(g.row, g.column);
}

// The mask of the last two axes of x.
Array lower_of(const Call& c, std::int64_t k) {
  const Array& x = c.in[0];
  if (x.ndim() < 2)
    fail_invalid("[", c.name, "] array of shape ", to_string(x.shape()),
                 "; expected at least two axes");
  return lower(c.runtime, x.dim(-2), x.dim(-1), k);
}

std::int64_t saturating_sub(std::int64_t a, std::int64_t b) {
  std::int64_t d = 0;
  return __builtin_sub_overflow(a, b, &d) ? (a < 0 ? INT64_MIN : INT64_MAX) : d;
}

Array rolled(const Array& x, std::size_t axis, std::int64_t shift) {
  const std::int64_t n = x.shape()[axis];
  if (n == 0 || shift % n == 0) return x;
  const std::int64_t cut = n - (shift % n + n) % n;  // the part that comes last
  Ints start(x.ndim(), 0), stop = ints(x.shape());
  start[axis] = cut;
  const Array front = ops::slice(x, start, stop);
  start[axis] = 0;
  stop[axis] = cut;
  return ops::concatenate({front, ops::slice(x, std::move(start), std::move(stop))},
                          static_cast<std::int64_t>(axis));
}

}  // namespace

namespace composed {

void eye(Call& c, ArrayList& out) {
  const std::int64_t n = c.attrs.i(0), m = c.attrs.i(1) == -1 ? n : c.attrs.i(1);
  check_matrix(c, n, m);
  out.push_back(with_diagonal(scalar(c.runtime, 1, c.attrs.dtype(3)), n, m, c.attrs.i(2)));
}

void tri(Call& c, ArrayList& out) {
  const std::int64_t n = c.attrs.i(0), m = c.attrs.i(1) == -1 ? n : c.attrs.i(1);
  check_matrix(c, n, m);
  out.push_back(ops::astype(lower(c.runtime, n, m, c.attrs.i(2)), c.attrs.dtype(3)));
}

void tril(Call& c, ArrayList& out) {
  out.push_back(ops::where(lower_of(c, c.attrs.i(0)), c.in[0], constant(c.in[0], 0)));
}

void triu(Call& c, ArrayList& out) {
  const Array below = lower_of(c, saturating_sub(c.attrs.i(0), 1));
  out.push_back(ops::where(below, constant(c.in[0], 0), c.in[0]));
}

void diagonal(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  if (x.ndim() < 2)
    fail_invalid("[", c.name, "] array of shape ", to_string(x.shape()),
                 "; expected at least two axes");
  const int row = normalize_axis(c.name, c.attrs.i(1), x.ndim()),
            column = normalize_axis(c.name, c.attrs.i(2), x.ndim());
  if (row == column)
    fail_invalid("[", c.name, "] axis1 and axis2 are both ", row, "; expected different axes");
  const std::int64_t n = x.dim(row), m = x.dim(column), k = std::clamp(c.attrs.i(0), -n, m);
  const std::int64_t count = diagonal_length(n, m, k);
  Ints block = ints(x.shape()), rest, order;
  block[static_cast<std::size_t>(row)] = block[static_cast<std::size_t>(column)] = 1;
  const auto from = [&](std::int64_t first) {
    return ops::arange(c.runtime, static_cast<double>(first), static_cast<double>(first + count), 1,
                       DType::i64);
  };
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const auto a = static_cast<int>(i);
    if (a != row && a != column) rest.push_back(x.shape()[i]);
  }
  if (count == 0) {
    rest.push_back(0);
    out.push_back(ops::full(constant(x, 0), std::move(rest)));
    return;
  }
  const Array found =
      ops::gather({x, from(std::max<std::int64_t>(-k, 0)), from(std::max<std::int64_t>(k, 0))},
                  Ints{row, column}, std::move(block));
  for (std::size_t i = 0; i < rest.size(); ++i) order.push_back(static_cast<std::int64_t>(i + 1));
  order.push_back(0);
  rest.insert(rest.begin(), count);
  out.push_back(ops::transpose(ops::reshape(found, std::move(rest)), std::move(order)));
}

void diag(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const std::int64_t k = c.attrs.i(0);
  if (x.ndim() == 2) {
    out.push_back(ops::diagonal(x, k, 0, 1));
    return;
  }
  std::int64_t n = 0;
  if (x.ndim() != 1 || k == INT64_MIN || __builtin_add_overflow(x.dim(0), k < 0 ? -k : k, &n))
    fail_invalid("[diag] array of shape ", to_string(x.shape()), ", k ", k,
                 "; expected one or two axes");
  element_count(Shape{n, n});
  out.push_back(with_diagonal(x, n, n, k));
}

void roll(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const Ints &shifts = c.attrs.is(0), &axes = c.attrs.is(1);
  if (shifts.empty() || (!axes.empty() && shifts.size() != 1 && shifts.size() != axes.size()))
    fail_invalid("[roll] shifts ", to_string(shifts), " for axes ", to_string(axes),
                 "; expected one shift, or one for each axis");
  if (axes.empty()) {
    const std::int64_t n = x.size();
    std::int64_t by = 0;
    for (std::int64_t s : shifts) by = n == 0 ? 0 : (by + s % n) % n;
    out.push_back(reshaped(rolled(reshaped(x, Shape{n}), 0, by), x.shape()));
    return;
  }
  Array y = x;
  for (std::size_t i = 0; i < axes.size(); ++i)
    y = rolled(y, static_cast<std::size_t>(normalize_axis(c.name, axes[i], x.ndim())),
               shifts[shifts.size() == 1 ? 0 : i]);
  out.push_back(y);
}

void repeat(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const std::int64_t repeats = c.attrs.i(0);
  const auto axis = static_cast<std::size_t>(normalize_axis(c.name, c.attrs.i(1), x.ndim()));
  if (repeats < 0) fail_invalid("[repeat] repeats ", repeats, ", expected 0 or more");
  Ints wide = ints(x.shape()), merged = wide;
  wide.insert(wide.begin() + axis + 1, 1);
  const Array apart = ops::reshape(x, wide);
  wide[axis + 1] = repeats;
  element_count(wide);
  merged[axis] = times(c.name, merged[axis], repeats);
  out.push_back(ops::reshape(ops::broadcast_to(apart, std::move(wide)), std::move(merged)));
}

void tile(Call& c, ArrayList& out) {
  Ints reps = c.attrs.is(0), shape = ints(c.in[0].shape());
  for (std::int64_t r : reps)
    if (r < 0) fail_invalid("[tile] reps ", to_string(reps), "; expected none negative");
  while (reps.size() < shape.size()) reps.insert(reps.begin(), 1);
  while (shape.size() < reps.size()) shape.insert(shape.begin(), 1);
  Ints apart, wide, merged;
  for (std::size_t i = 0; i < reps.size(); ++i) {
    apart.push_back(1);
    apart.push_back(shape[i]);
    wide.push_back(reps[i]);
    wide.push_back(shape[i]);
  }
  element_count(wide);
  for (std::size_t i = 0; i < reps.size(); ++i) merged.push_back(times(c.name, reps[i], shape[i]));
  out.push_back(
      ops::reshape(ops::broadcast_to(ops::reshape(c.in[0], std::move(apart)), std::move(wide)),
                   std::move(merged)));
}

}  // namespace composed
}  // namespace quern
