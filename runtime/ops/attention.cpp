// Shape and gradient rules of rms_norm and scaled_dot_product_attention, and the composed rope.
// layer_norm and softmax are in normalize.cpp.
#include <cmath>
#include <limits>

#include "runtime/ops/convert.h"

namespace quern {
namespace {

DType wide_of(DType t) { return itemsize(t) < 4 ? DType::f32 : t; }

// The last two axes exchanged.
Array turned(const Array& x) {
  Ints axes;
  for (std::size_t i = 0; i < x.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  std::swap(axes[axes.size() - 2], axes[axes.size() - 1]);
  return ops::transpose(x, std::move(axes));
}

// Query heads grouped by the key head they share: (B, N, T, D) as (B, groups, N / groups, T, D).
Array grouped(const Array& x, std::int64_t groups) {
  Ints s = ints(x.shape());
  s[1] /= groups;
  s.insert(s.begin() + 1, groups);
  return ops::reshape(x, std::move(s));
}

}  // namespace

namespace shape {

// The dtype is the promoted one of x and w; without w that of x.
void rms_norm(Call& c) {
  const Shape x = c.in[0].shape(), w = c.in[1].shape();
  if (x.empty()) fail_invalid("[rms_norm] x of shape (); expected at least one axis");
  if (!w.empty() && (w.size() > 1 || w[0] != x.back()))
    fail_invalid("[rms_norm] w of shape ", to_string(w), " for x of shape ", to_string(x),
                 "; expected a scalar or (", x.back(), ",)");
  const DType t = common_float(c, w.empty() ? 1 : 2);
  for (Array& a : c.in) a = cast(a, t);
  c.out.push_back({x, t});
}

void attention(Call& c) {
  const Shape q = c.in[0].shape(), k = c.in[1].shape(), v = c.in[2].shape();
  const bool fits = q.size() == 4 && k.size() == 4 && v.size() == 4 && q[0] == k[0] &&
                    k[0] == v[0] && k[1] == v[1] && k[2] == v[2] && q[3] == k[3] &&
                    (k[1] == 0 ? q[1] == 0 : q[1] % k[1] == 0);
  if (!fits)
    fail_invalid("[", c.name, "] q ", to_string(q), ", k ", to_string(k), ", v ", to_string(v),
                 "; expected (B, N, Tq, D), (B, M, Tk, D), (B, M, Tk, E) with M dividing N");
  const DType t = common_float(c, 3);
  if (!is_float(c.in[0].dtype()) || !is_float(c.in[1].dtype()) || !is_float(c.in[2].dtype()))
    fail_invalid("[", c.name, "] dtypes ", name(c.in[0].dtype()), ", ", name(c.in[1].dtype()), ", ",
                 name(c.in[2].dtype()), "; expected floating ones");
  for (std::size_t i = 0; i < 3; ++i) c.in[i] = cast(c.in[i], t);
  const Shape scores{q[0], q[1], q[2], k[2]};
  const Array& mask = c.in[3];
  if (mask.ndim() > 4 || broadcast_shapes(c.name, mask.shape(), scores) != scores)
    fail_invalid("[", c.name, "] mask of shape ", to_string(mask.shape()),
                 "; expected one that broadcasts to ", to_string(scores));
  if (is_complex(mask.dtype()))
    fail_invalid("[", c.name, "] mask of dtype ", name(mask.dtype()), "; expected bool or real");
  if (mask.dtype() != DType::boolean) c.in[3] = cast(mask, t);
  element_count(scores);
  c.out.push_back({Shape{q[0], q[1], q[2], v[3]}, t});
}

}  // namespace shape

namespace grad {

// Halves are widened, as in layer_norm.
void rms_norm(Vjp& v) {
  const DType t = v.in(0).dtype(), wide = wide_of(t);
  const Ints last{-1};
  const Array x = cast(v.in(0), wide), g = cast(v.cot(), wide);
  const Array r = ops::rsqrt(
      ops::add(ops::mean(ops::square(x), last, true), scalar(x.runtime(), v.attrs.f(0), wide)));
  const Array unit = ops::multiply(x, r);
  if (v.needs(1)) v.set(1, cast(sum_to(ops::multiply(g, unit), v.in(1).shape()), t));
  if (!v.needs(0)) return;
  const Array gw = ops::multiply(g, cast(v.in(1), wide));
  const Array along = ops::multiply(unit, ops::mean(ops::multiply(gw, unit), last, true));
  v.set(0, cast(ops::multiply(r, ops::subtract(gw, along)), t));
}

// The probabilities are computed again rather than kept.
void attention(Vjp& v) {
  const DType t = v.in(0).dtype(), wide = wide_of(t);
  const std::int64_t groups = v.in(1).dim(1);
  if (v.out().size() == 0 || v.in(1).size() == 0) return;
  const Array q = grouped(cast(v.in(0), wide), groups), g = grouped(cast(v.cot(), wide), groups);
  const Array k = ops::expand_dims(cast(v.in(1), wide), Ints{2}),
              value = ops::expand_dims(cast(v.in(2), wide), Ints{2});
  const Array scale = scalar(q.runtime(), v.attrs.f(0), wide);
  Array scores = ops::matmul(ops::multiply(q, scale), turned(k));
  const std::int64_t queries = v.in(0).dim(2), keys = v.in(1).dim(2);
  const Shape full{v.in(0).dim(0), v.in(0).dim(1), queries, keys};
  const Array& mask = v.in(3);
  const Array spread = grouped(broadcast(mask, full), groups);
  const bool truth = mask.dtype() == DType::boolean, causal = v.attrs.b(1);
  Array seen;  // none: every query sees every key
  if (truth) seen = spread;
  if (!truth) scores = ops::add(scores, cast(spread, wide));
  if (causal) {
    const Array before = ops::tri(q.runtime(), queries, keys, keys - queries, DType::boolean);
    seen = truth ? ops::logical_and(seen, before) : before;
  }
  // As in the kernels: lower than any score, and finite.
  const Array hidden = constant(scores, std::numeric_limits<float>::lowest());
  if (seen) scores = ops::where(seen, scores, hidden);
  const Array p = ops::softmax(scores, Ints{-1});
  if (v.needs(2)) v.set(2, cast(ops::sum(ops::matmul(turned(p), g), Ints{2}), t));
  const Array dp = ops::matmul(g, turned(value));
  const Array inner = ops::sum(ops::multiply(dp, p), Ints{-1}, true);
  Array ds = ops::multiply(p, ops::subtract(dp, inner));
  if (seen) ds = ops::where(seen, ds, constant(ds, 0));
  if (v.needs(0))
    v.set(0, reshaped(cast(ops::multiply(ops::matmul(ds, k), scale), t), v.in(0).shape()));
  if (v.needs(1))
    v.set(1, cast(ops::multiply(ops::sum(ops::matmul(turned(ds), q), Ints{2}), scale), t));
  if (v.needs(3)) v.set(3, cast(sum_to(ops::reshape(ds, ints(full)), mask.shape()), t));
}

}  // namespace grad

namespace composed {

// Angles are position * scale / base^(2 i / dims), or over freqs[i]; in f32 at least.
void rope(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const Shape& s = x.shape();
  const std::int64_t dims = c.attrs.i(0), half = dims / 2;
  if (x.ndim() < 3 || !is_float(x.dtype()))
    fail_invalid("[rope] x of shape ", to_string(s), " and dtype ", name(x.dtype()),
                 "; expected at least 3 axes and a floating dtype");
  if (dims < 2 || dims % 2 != 0 || dims > s.back())
    fail_invalid("[rope] dims ", dims, " for x of shape ", to_string(s),
                 "; expected an even number from 2 to ", s.back());
  const DType wide = wide_of(x.dtype());
  const Array offset = cast(c.in[1], wide);
  const Shape& o = offset.shape();
  if (o.size() > 1 || (o.size() == 1 && o[0] != 1 && o[0] != s[0]))
    fail_invalid("[rope] offset of shape ", to_string(o), " for x of shape ", to_string(s),
                 "; expected a scalar or (", s[0], ",)");
  const Array& freqs = c.in[2];
  Array rate;
  if (freqs.ndim() == 0) {
    if (!(c.attrs.f(2) > 0) || !std::isfinite(c.attrs.f(2)))
      fail_invalid("[rope] base ", c.attrs.f(2), "; expected a finite number above 0");
    // In f64: an error of the rate grows with the position. Of attributes alone: all layers of a
    // model share it.
    const auto n = static_cast<double>(half);
    const double step = -std::log(c.attrs.f(2)) / n;  // 0 for a base of 1: then all rates are 1
    const double end = step == 0 ? n : (n - 0.5) * step;
    Array i = ops::arange(x.runtime(), 0, end, step == 0 ? 1 : step, DType::f64);
    if (step == 0) i = ops::subtract(i, i);
    rate = cast(ops::exp(i), wide);
  } else {
    if (freqs.ndim() != 1 || freqs.dim(0) != half)
      fail_invalid("[rope] freqs of shape ", to_string(freqs.shape()), "; expected (", half, ",)");
    rate = ops::reciprocal(cast(freqs, wide));
  }
  // Angles (B or 1, 1.., T, half).
  Ints per_batch(x.ndim(), 1);
  per_batch[0] = o.empty() ? 1 : o[0];
  Ints along(2, 1);
  along[0] = s[s.size() - 2];
  Array position = ops::arange(x.runtime(), 0, static_cast<double>(along[0]), 1, wide);
  position = ops::add(ops::reshape(position, std::move(along)), ops::reshape(offset, per_batch));
  if (c.attrs.f(3) != 1) position = ops::multiply(position, constant(position, c.attrs.f(3)));
  const Array angle = ops::multiply(position, rate);
  const Array cosine = ops::cos(angle), sine = ops::sin(angle);

  const bool pairs = c.attrs.b(1);
  const auto part = [&](std::int64_t from, std::int64_t to, std::int64_t by) {
    Ints start(s.size(), 0), stop = ints(s), step(s.size(), 1);
    start[s.size() - 1] = from, stop[s.size() - 1] = to, step[s.size() - 1] = by;
    return ops::slice(x, std::move(start), std::move(stop), std::move(step));
  };
  const Array a = cast(pairs ? part(0, dims, 2) : part(0, half, 1), wide);
  const Array b = cast(pairs ? part(1, dims, 2) : part(half, dims, 1), wide);
  const Array first = ops::subtract(ops::multiply(a, cosine), ops::multiply(b, sine));
  const Array second = ops::add(ops::multiply(a, sine), ops::multiply(b, cosine));
  ArrayList parts;
  if (pairs) {
    Ints merged = ints(s);
    merged.back() = dims;
    parts.push_back(ops::reshape(ops::stack({first, second}, -1), std::move(merged)));
  } else {
    parts.push_back(first);
    parts.push_back(second);
  }
  for (Array& p : parts) p = cast(p, x.dtype());
  if (dims < s.back()) parts.push_back(part(dims, s.back(), 1));
  out.push_back(parts.size() == 1 ? parts[0] : ops::concatenate(parts, -1));
}

}  // namespace composed
}  // namespace quern
