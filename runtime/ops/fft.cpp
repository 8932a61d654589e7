// Shape and gradient rules of the Fourier transforms.
// Kernels see an input of the right size and dtype: cutting, padding and casting are recorded here.
#include <algorithm>

#include "runtime/ops/support.h"

namespace quern {
namespace {

// x cut, or padded with zeros at the end, to n elements along axis.
Array resized(const Array& x, std::size_t axis, std::int64_t n) {
  const std::int64_t have = x.shape()[axis];
  if (have == n) return x;
  Ints low(x.ndim(), 0), high(x.ndim(), 0);
  if (have < n) {
    high[axis] = n - have;
    return ops::pad(x, constant(x, 0), low, high);
  }
  Ints stop = ints(x.shape());
  stop[axis] = n;
  return ops::slice(x, low, stop);
}

// Attributes 0 and 1, n and axes, checked, complete and from the start; x cast and resized.
// `halved` says which operand has n / 2 + 1 numbers along the last of the axes.
enum class Halved { none, input, output };

void transform(Call& c, DType in, DType out, Halved halved) {
  Array x = c.in[0];
  const Ints given = c.attrs.is(1);
  if (given.empty()) fail_invalid("[", c.name, "] axes () are none, expected at least one axis");
  Ints axes;
  for (const std::int64_t a : given) axes.push_back(normalize_axis(c.name, a, x.ndim()));
  Ints sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    fail_invalid("[", c.name, "] axes ", to_string(given), " name one axis twice");
  Ints n = c.attrs.is(0);
  if (!n.empty() && n.size() != axes.size())
    fail_invalid("[", c.name, "] n ", to_string(n), " for axes ", to_string(given),
                 ", expected a size for each axis, or none");
  for (std::size_t i = n.size(); i < axes.size(); ++i) {
    const std::int64_t have = x.shape()[static_cast<std::size_t>(axes[i])];
    n.push_back(halved == Halved::input && i + 1 == axes.size() ? 2 * (have - 1) : have);
  }
  x = cast(x, in);
  Shape shape;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (n[i] < 1)
      fail_invalid("[", c.name, "] ", n[i], " elements along axis ", axes[i], " of shape ",
                   to_string(c.in[0].shape()), ", expected at least 1");
    const bool half = halved == Halved::input && i + 1 == axes.size();
    x = resized(x, static_cast<std::size_t>(axes[i]), half ? n[i] / 2 + 1 : n[i]);
  }
  shape = x.shape();
  const auto last = static_cast<std::size_t>(axes.back());
  if (halved == Halved::output) shape[last] = n.back() / 2 + 1;
  if (halved == Halved::input) shape[last] = n.back();
  element_count(shape);
  const std::size_t norm_at = c.attrs.size() - 1;
  const std::string_view norm = c.attrs.s(norm_at);
  if (norm != "backward" && norm != "ortho" && norm != "forward")
    fail_invalid("[", c.name, "] norm '", norm, "', expected backward, ortho or forward");
  c.in[0] = x;
  c.attrs[0] = std::move(n);
  c.attrs[1] = std::move(axes);
  c.out.push_back({std::move(shape), out});
}

// The norm under which the transform in the other direction has the same factor.
std::string mirrored(std::string_view norm) {
  return norm == "backward" ? "forward" : norm == "forward" ? "backward" : "ortho";
}

}  // namespace

namespace shape {

// Real numbers stay as they are: kernels make use of it.
void fft(Call& c) {
  const DType in = c.in[0].dtype() == DType::c64 ? DType::c64 : DType::f32;
  transform(c, in, DType::c64, Halved::none);
}

void rfft(Call& c) { transform(c, DType::f32, DType::c64, Halved::output); }

void irfft(Call& c) { transform(c, DType::c64, DType::f32, Halved::input); }

}  // namespace shape

namespace grad {

// The adjoint of a Fourier matrix is the one of the other direction.
void fft(Vjp& v) {
  if (!wants(v, 0)) return;
  const std::string norm = mirrored(v.attrs.s(3));
  const Array x = ops::fft(v.cot(), v.attrs.is(0), v.attrs.is(1), !v.attrs.b(2), norm);
  v.set(0, v.in(0).dtype() == DType::c64 ? x : ops::real(x));
}

// Zeros where the half was dropped; only the real part of x is free.
void rfft(Vjp& v) {
  if (!wants(v, 0)) return;
  const Ints &n = v.attrs.is(0), &axes = v.attrs.is(1);
  const Array full = resized(v.cot(), static_cast<std::size_t>(axes.back()), n.back());
  v.set(0, ops::real(ops::fft(full, n, axes, true, mirrored(v.attrs.s(2)))));
}

// What symmetry completes counts twice: all but the first number and, for even n, the middle one.
void irfft(Vjp& v) {
  if (!wants(v, 0)) return;
  const Ints &n = v.attrs.is(0), &axes = v.attrs.is(1);
  const Array half = ops::rfft(v.cot(), n, axes, mirrored(v.attrs.s(2)));
  const std::int64_t size = n.back(), width = size / 2 + 1;
  const Array k = ops::arange(half.runtime(), 0, static_cast<double>(width), 1, DType::f32);
  Array once = ops::equal(k, constant(k, 0));
  if (size % 2 == 0)
    once = ops::logical_or(once, ops::equal(k, constant(k, static_cast<double>(size / 2))));
  Ints along(half.ndim(), 1);
  along[static_cast<std::size_t>(axes.back())] = width;
  const Array weight = ops::where(once, constant(k, 1), constant(k, 2));
  v.set(0, ops::multiply(half, cast(ops::reshape(weight, along), DType::c64)));
}

}  // namespace grad
}  // namespace quern
