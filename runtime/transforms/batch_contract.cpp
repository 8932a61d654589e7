// Batching rules of contractions, pools and norms: the batch becomes rows, images or groups.
#include "runtime/ops/convert.h"
#include "runtime/transforms/batch.h"

namespace quern {
namespace {

// (batch, first, rest..) merged to (batch * first, rest..), and the way back.
Array merged(const Array& x) {
  return with_shape(x, x.dim(0) * x.dim(1), IntSpan(x.shape()).subspan(2));
}
Array split(const Array& x, std::int64_t batch) {
  Shape to;
  to.push_back(batch);
  to.append(x.shape().begin(), x.shape().end());
  to[1] /= batch;
  return reshaped(x, to);
}

Array matmul(const Batch& b) {
  std::size_t rank = std::max(b.shape(0).size(), b.shape(1).size());
  ArrayList in = b.in;
  if (!b.mapped[1] && b.shape(1).size() == 2) {
    // One product of more rows.
    const std::int64_t k = in[0].dim(-1);
    if (k > 0) in[0] = reshaped(in[0], Shape{in[0].size() / k, k});
  } else {
    for (std::size_t i = 0; i < 2; ++i) {
      if (!b.mapped[i]) continue;
      Shape rest(rank - b.shape(i).size(), 1);
      rest.append(b.shape(i).begin(), b.shape(i).end());
      in[i] = with_shape(in[i], b.size, rest);
    }
  }
  return with_shape(ops::matmul(in[0], in[1]), b.size, b.out_shape());
}

// conv, conv_input_grad and conv_weight_grad: which axis of an operand holds channels.
struct Channels {
  std::size_t layout, groups;  // attribute numbers
  std::int64_t axis;
  explicit Channels(const Batch& b) {
    const bool plain = b.n.op == QN_OP_CONV;
    layout = plain ? 7 : 8;
    groups = plain ? 5 : 6;
    axis = b.n.attrs.s(layout) == "nhwc" ? static_cast<std::int64_t>(b.shape(0).size()) - 1 : 1;
  }
  // (batch, N, .., C) to (N, .., batch * C) and back.
  Array into(const Array& x) const {
    const Array m = moved_axis(x, 0, axis);
    Shape to(m.shape().begin(), m.shape().end());
    const auto k = static_cast<std::size_t>(axis);
    to[k] *= to[k + 1];
    to.erase(to.begin() + axis + 1);
    return reshaped(m, to);
  }
  Array out_of(const Array& y, std::int64_t batch) const {
    Shape to(y.shape().begin(), y.shape().end());
    const auto k = static_cast<std::size_t>(axis);
    to[k] /= batch;
    to.insert(to.begin() + axis, batch);
    return moved_axis(reshaped(y, to), axis, 0);
  }
};

Array conv(const Batch& b) {
  const Channels c(b);
  AttrList a = b.n.attrs;
  if (!b.mapped[1]) return split(b.again({merged(b.in[0]), b.in[1]}, std::move(a)), b.size);
  const Array w = merged(b.in[1]);
  if (!b.mapped[0] && a.i(c.groups) == 1)  // more filters over the same images
    return c.out_of(b.again({b.in[0], w}, std::move(a)), b.size);
  a[c.groups] = a.i(c.groups) * b.size;
  return c.out_of(b.again({c.into(b.with_batch(0)), w}, std::move(a)), b.size);
}

Array conv_input_grad(const Batch& b) {
  const Channels c(b);
  AttrList a = b.n.attrs;
  Ints x = a.is(0);
  if (!b.mapped[1]) {
    x[0] *= b.size;
    a[0] = std::move(x);
    return split(b.again({merged(b.in[0]), b.in[1]}, std::move(a)), b.size);
  }
  x[static_cast<std::size_t>(c.axis)] *= b.size;
  a[0] = std::move(x);
  a[c.groups] = a.i(c.groups) * b.size;
  return c.out_of(b.again({c.into(b.with_batch(0)), merged(b.in[1])}, std::move(a)), b.size);
}

Array conv_weight_grad(const Batch& b) {
  const Channels c(b);
  AttrList a = b.n.attrs;
  Ints w = a.is(0);
  w[0] *= b.size;
  a[0] = std::move(w);
  a[c.groups] = a.i(c.groups) * b.size;
  return split(b.again({c.into(b.with_batch(0)), c.into(b.with_batch(1))}, std::move(a)), b.size);
}

// The batch becomes images.
Array pool(const Batch& b) {
  AttrList a = b.n.attrs;
  if (b.n.op == QN_OP_AVG_POOL_GRAD) {
    Ints x = a.is(0);
    x[0] *= b.size;
    a[0] = std::move(x);
  }
  ArrayList in;
  for (std::size_t i = 0; i < b.in.size(); ++i) in.push_back(merged(b.with_batch(i)));
  return split(b.again(std::move(in), std::move(a)), b.size);
}

Array layer_norm(const Batch& b) {
  const Array x = b.with_batch(0);
  if (!b.mapped[1] && !b.mapped[2]) return b.again({x, b.in[1], b.in[2]}, b.n.attrs);
  // A scale or shift for each example comes afterwards.
  auto number = [&](double v) { return scalar(x.runtime(), v, x.dtype()); };
  auto spread = [&](std::size_t i) {
    if (!b.mapped[i]) return b.in[i];
    Shape rest(x.ndim() - 1 - b.shape(i).size(), 1);
    rest.append(b.shape(i).begin(), b.shape(i).end());
    return with_shape(b.in[i], b.size, rest);
  };
  const Array unit = b.again({x, number(1), number(0)}, b.n.attrs);
  return ops::add(ops::multiply(unit, spread(1)), spread(2));
}

}  // namespace

BatchRule contraction_rule(std::uint32_t op) {
  switch (op) {
    case QN_OP_MATMUL:
      return matmul;
    case QN_OP_CONV:
      return conv;
    case QN_OP_CONV_INPUT_GRAD:
      return conv_input_grad;
    case QN_OP_CONV_WEIGHT_GRAD:
      return conv_weight_grad;
    case QN_OP_MAX_POOL:
    case QN_OP_MAX_POOL_GRAD:
    case QN_OP_AVG_POOL:
    case QN_OP_AVG_POOL_GRAD:
      return pool;
    case QN_OP_LAYER_NORM:
      return layer_norm;
    default:
      return nullptr;
  }
}

}  // namespace quern
