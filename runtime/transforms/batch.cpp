// Batching rules of element-wise ops, views, reductions and indexing, and the choice of a rule.
// Contractions are in batch_contract.cpp.
#include "runtime/transforms/batch.h"

#include <algorithm>

#include "runtime/ops/convert.h"

namespace quern {

Array moved_axis(const Array& x, std::int64_t from, std::int64_t to) {
  if (from == to) return x;
  Ints axes;
  for (std::size_t i = 0; i < x.ndim(); ++i)
    if (static_cast<std::int64_t>(i) != from) axes.push_back(static_cast<std::int64_t>(i));
  axes.insert(axes.begin() + to, from);
  return ops::transpose(x, std::move(axes));
}

Array with_shape(const Array& x, std::int64_t first, IntSpan rest) {
  Shape to;
  to.push_back(first);
  to.append(rest.begin(), rest.end());
  return reshaped(x, to);
}

Array Batch::with_batch(std::size_t i) const {
  if (mapped[i]) return in[i];
  Shape to;
  to.push_back(size);
  to.append(shape(i).begin(), shape(i).end());
  return ops::broadcast_to(in[i], ints(to));
}

Array Batch::again(ArrayList inputs, AttrList attrs) const {
  ArrayList out;
  record(&in[0].runtime(), n.op, std::move(inputs), std::move(attrs), out);
  return std::move(out[0]);
}

namespace {

Ints led_by(std::int64_t first, const Ints& rest) {
  Ints v;
  v.push_back(first);
  v.append(rest.begin(), rest.end());
  return v;
}

// Inputs of fewer axes get theirs between the batch and the others, where broadcasting puts them.
Array elementwise(const Batch& b) {
  const std::size_t rank = b.out_shape().size();
  ArrayList in = b.in;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!b.mapped[i]) continue;
    Shape rest(rank - b.shape(i).size(), 1);
    rest.append(b.shape(i).begin(), b.shape(i).end());
    in[i] = with_shape(in[i], b.size, rest);
  }
  return b.again(std::move(in), b.n.attrs);
}

// Shapes and positions get an entry for the batch.
Array reindexed(const Batch& b) {
  AttrList a = b.n.attrs;
  ArrayList in = b.in;
  in[0] = b.with_batch(0);
  switch (b.n.op) {
    case QN_OP_RESHAPE:
      a[0] = led_by(b.size, a.is(0));
      break;
    case QN_OP_TRANSPOSE: {
      Ints axes{0};
      for (std::int64_t k : a.is(0)) axes.push_back(k + 1);
      a[0] = std::move(axes);
      break;
    }
    case QN_OP_BROADCAST_TO: {
      Shape rest(a.is(0).size() - b.shape(0).size(), 1);
      rest.append(b.shape(0).begin(), b.shape(0).end());
      in[0] = with_shape(in[0], b.size, rest);
      a[0] = led_by(b.size, a.is(0));
      break;
    }
    case QN_OP_SLICE:
    case QN_OP_SLICE_UPDATE:
      a[0] = led_by(0, a.is(0));
      a[1] = led_by(b.size, a.is(1));
      a[2] = led_by(1, a.is(2));
      if (b.n.op == QN_OP_SLICE_UPDATE) in[1] = b.with_batch(1);
      break;
    default:
      break;
  }
  return b.again(std::move(in), std::move(a));
}

std::ptrdiff_t attr_named(const OpInfo& op, std::string_view name) {
  for (std::size_t k = 0; k < op.attrs.size(); ++k)
    if (op.attrs[k].name == name) return static_cast<std::ptrdiff_t>(k);
  return -1;
}

// One input and a list of axes: works along them, wherever the others are. Null = no rule.
Array over_axes(const Batch& b) {
  const auto k = static_cast<std::size_t>(attr_named(b.op, "axes"));
  AttrList a = b.n.attrs;
  const Ints& axes = a.is(k);
  const bool index = b.n.op == QN_OP_ARGMAX || b.n.op == QN_OP_ARGMIN;
  if ((axes.empty() && b.shape(0).empty()) || (index && axes.size() > 1)) {
    // One number, for which an empty list would mean the batch, or a place in the flattened
    // example.
    a[k] = Ints{1};
    const Array flat = with_shape(b.in[0], b.size, Shape{element_count(b.shape(0))});
    return with_shape(b.again({flat}, std::move(a)), b.size, b.out_shape());
  }
  if (axes.empty()) return {};
  Ints shifted;
  for (std::int64_t v : axes) shifted.push_back(v < 0 ? v : v + 1);
  a[k] = std::move(shifted);
  return b.again({b.in[0]}, std::move(a));
}

// One input and one axis: works on the lines along it, wherever the others are.
Array along_axis(const Batch& b) {
  const auto k = static_cast<std::size_t>(attr_named(b.op, "axis"));
  AttrList a = b.n.attrs;
  if (a.i(k) >= 0) a[k] = a.i(k) + 1;
  return b.again({b.in[0]}, std::move(a));
}

Array concatenate(const Batch& b) {
  ArrayList in;
  for (std::size_t i = 0; i < b.in.size(); ++i) in.push_back(b.with_batch(i));
  AttrList a = b.n.attrs;
  a[0] = a.i(0) + 1;
  return b.again(std::move(in), std::move(a));
}

Array pad(const Batch& b) {
  AttrList a = b.n.attrs;
  a[0] = led_by(0, a.is(0));
  a[1] = led_by(0, a.is(1));
  const Array x = b.with_batch(0);
  if (!b.mapped[1]) return b.again({x, b.in[1]}, std::move(a));
  // A value for each example: padded with zeros, then chosen where the border is.
  const Array zero = scalar(x.runtime(), 0, x.dtype());
  const Array no = scalar(x.runtime(), 0, DType::boolean);
  const Array yes = scalar(x.runtime(), 1, DType::boolean);
  const Array border = b.again({ops::broadcast_to(no, ints(x.shape())), yes}, a);
  const Array value = with_shape(b.in[1], b.size, Shape(x.ndim() - 1, 1));
  return ops::where(border, value, b.again({x, zero}, std::move(a)));
}

// Row numbers of (batch, axis) merged into one, for indices (batch, ..) into an axis of n.
Array flat_indices(const Batch& b, std::int64_t n) {
  Runtime& rt = b.in[1].runtime();
  auto number = [&](std::int64_t v) { return scalar(rt, static_cast<double>(v), DType::i64); };
  Array i = cast(b.in[1], DType::i64);
  i = ops::where(ops::less(i, number(0)), ops::add(i, number(n)), i);
  i = ops::clip(i, number(0), number(n - 1));
  const Array first =
      ops::multiply(ops::arange(rt, 0, static_cast<double>(b.size), 1, DType::i64), number(n));
  return ops::add(i, with_shape(first, b.size, Shape(i.ndim() - 1, 1)));
}

// (batch, axis, rest..) merged to (batch * axis, rest..).
Array rows_of(const Array& x, std::int64_t axis) {
  const Array m = moved_axis(x, axis + 1, 1);
  return with_shape(m, m.dim(0) * m.dim(1), IntSpan(m.shape()).subspan(2));
}

// Axes from (batch, index axes, before, after) to (batch, before, index axes, after), or back.
Array index_axes(const Array& x, std::int64_t n_index, std::int64_t axis, bool back) {
  Ints order{0};
  auto push = [&](std::int64_t from, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) order.push_back(from + i);
  };
  push(back ? 1 + axis : 1 + n_index, back ? n_index : axis);
  push(1, back ? axis : n_index);
  push(1 + n_index + axis, static_cast<std::int64_t>(x.ndim()) - 1 - n_index - axis);
  return ops::transpose(x, std::move(order));
}

Array take(const Batch& b) {
  const std::int64_t axis = b.n.attrs.i(0);
  if (!b.mapped[1]) return ops::take(b.in[0], b.in[1], axis + 1);
  if (!b.mapped[0]) return moved_axis(ops::take(b.in[0], b.in[1], axis), axis, 0);
  const std::int64_t n = b.shape(0)[static_cast<std::size_t>(axis)];
  const Array found = ops::take(rows_of(b.in[0], axis), flat_indices(b, n), 0);
  return index_axes(found, static_cast<std::int64_t>(b.shape(1).size()), axis, false);
}

Array scatter_add(const Batch& b) {
  const std::int64_t axis = b.n.attrs.i(0);
  const Array x = b.with_batch(0), u = b.with_batch(2);
  if (!b.mapped[1]) return ops::scatter_add(x, b.in[1], u, axis + 1);
  const std::int64_t n = b.shape(0)[static_cast<std::size_t>(axis)];
  const Array moved = moved_axis(x, axis + 1, 1);
  const Array updates = index_axes(u, static_cast<std::int64_t>(b.shape(1).size()), axis, true);
  const Array sum = ops::scatter_add(rows_of(x, axis), flat_indices(b, n), updates, 0);
  return moved_axis(reshaped(sum, moved.shape()), 1, axis + 1);
}

// All inputs have as many axes as the first, and the axis is counted from 0.
Array all_along_axis(const Batch& b) {
  ArrayList in;
  for (std::size_t i = 0; i < b.in.size(); ++i) in.push_back(b.with_batch(i));
  AttrList a = b.n.attrs;
  a[0] = a.i(0) + 1;
  return b.again(std::move(in), std::move(a));
}

BatchRule rule_of(const OpInfo& op) {
  switch (op.id) {
    case QN_OP_IDENTITY:
    case QN_OP_DEPENDS:
    case QN_OP_RESHAPE:
    case QN_OP_TRANSPOSE:
    case QN_OP_BROADCAST_TO:
    case QN_OP_SLICE:
    case QN_OP_SLICE_UPDATE:
      return reindexed;
    case QN_OP_CONCATENATE:
      return concatenate;
    case QN_OP_PAD:
      return pad;
    case QN_OP_TAKE:
      return take;
    case QN_OP_SCATTER_ADD:
      return scatter_add;
    case QN_OP_TAKE_ALONG_AXIS:
    case QN_OP_SCATTER_ADD_ALONG_AXIS:
      return all_along_axis;
    default:
      break;
  }
  if (const BatchRule r = contraction_rule(op.id)) return r;
  if (op.kind == OpKind::ELEMENTWISE) return elementwise;
  if (op.inputs.size() != 1 || op.variadic || op.n_out != 1) return nullptr;
  if (attr_named(op, "axes") >= 0) return over_axes;
  if (attr_named(op, "axis") >= 0) return along_axis;
  return nullptr;
}

// Example i of x, which has the batch as axis 0.
Array example(const Array& x, std::int64_t i) {
  Ints start(x.ndim(), 0), stop = ints(x.shape());
  start[0] = i;
  stop[0] = i + 1;
  return reshaped(ops::slice(x, std::move(start), std::move(stop)), IntSpan(x.shape()).subspan(1));
}

ArrayList one_by_one(const Batch& b) {
  std::vector<ArrayList> parts(b.n.out_meta.size());
  for (std::int64_t i = 0; i < b.size; ++i) {
    ArrayList in = b.in;
    for (std::size_t k = 0; k < in.size(); ++k)
      if (b.mapped[k]) in[k] = example(in[k], i);
    Runtime& rt = in[0].runtime();
    const ArrayList out = append_node(rt, b.n.op, std::move(in), b.n.attrs, b.n.out_meta);
    for (std::size_t k = 0; k < out.size(); ++k)
      parts[k].push_back(with_shape(out[k], 1, out[k].shape()));
  }
  ArrayList result;
  for (const ArrayList& p : parts) result.push_back(ops::concatenate(p, 0));
  return result;
}

}  // namespace

ArrayList batch_node(const Batch& b) {
  if (const BatchRule rule = rule_of(b.op)) {
    Array out = rule(b);
    const Shape s = out ? out.shape() : Shape();
    if (s.size() == b.out_shape().size() + 1 && s[0] == b.size &&
        std::equal(s.begin() + 1, s.end(), b.out_shape().begin()))
      return {std::move(out)};
  }
  return one_by_one(b);
}

}  // namespace quern
