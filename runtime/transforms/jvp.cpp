// Forward-mode differentiation. Linear ops apply themselves to the tangents; the rule of every
// other op is the transpose of its gradient: that is linear in the cotangent, so differentiating it
// with respect to the cotangent gives the derivative in the forward direction.
#include "runtime/transforms/jvp.h"

#include "runtime/core/error.h"
#include "runtime/ops/api.gen.h"
#include "runtime/transforms/custom.h"
#include "runtime/transforms/vjp.h"

namespace quern {
namespace {

using Tangents = SmallVector<Array, 4>;  // one an input or output; null = zero

// Inputs in which an op is linear, as bits: all together (then it applies to tangents as it does to
// values), or each for itself (then it is a sum over them). Ops that are not here are transposed.
struct Linear {
  std::uint32_t together = 0, each = 0;
};
constexpr std::uint32_t kAll = ~0u;

Linear linearity(std::uint32_t op) {
  switch (op) {
    case QN_OP_NEGATIVE:
    case QN_OP_ASTYPE:
    case QN_OP_COPY:
    case QN_OP_IDENTITY:
    case QN_OP_DEPENDS:
    case QN_OP_RESHAPE:
    case QN_OP_TRANSPOSE:
    case QN_OP_BROADCAST_TO:
    case QN_OP_SLICE:
    case QN_OP_SUM:
    case QN_OP_AVG_POOL:
    case QN_OP_AVG_POOL_GRAD:
    case QN_OP_TAKE:
    case QN_OP_TAKE_ALONG_AXIS:
      return {.together = 1};
    case QN_OP_CONCATENATE:
      return {.together = kAll};
    case QN_OP_SLICE_UPDATE:
    case QN_OP_PAD:
      return {.together = 0b11};
    case QN_OP_SCATTER_ADD:
    case QN_OP_SCATTER_ADD_ALONG_AXIS:
      return {.together = 0b101};
    case QN_OP_WHERE:
      return {.together = 0b110};
    case QN_OP_MULTIPLY:
    case QN_OP_MATMUL:
    case QN_OP_CONV:
    case QN_OP_CONV_INPUT_GRAD:
    case QN_OP_CONV_WEIGHT_GRAD:
      return {.each = 0b11};
    default:
      return {};
  }
}

bool in_mask(std::uint32_t mask, std::size_t i) {
  return mask == kAll || (i < 32 && mask >> i & 1);
}

Array apply_same(const Node& n, ArrayList in) {
  Runtime& rt = in[0].runtime();
  return std::move(append_node(rt, n.op, std::move(in), n.attrs, n.out_meta)[0]);
}

// The op on tangents in place of the inputs it is linear in.
Array apply_together(const Node& n, const Tangents& dx, std::uint32_t mask) {
  ArrayList in = n.in;
  for (std::size_t i = 0; i < in.size(); ++i)
    if (in_mask(mask, i) && differentiable(in[i])) in[i] = dx[i] ? dx[i] : zeros_like(in[i]);
  return apply_same(n, std::move(in));
}

Array apply_each(const Node& n, const Tangents& dx, std::uint32_t mask) {
  Array sum;
  for (std::size_t i = 0; i < n.in.size(); ++i) {
    if (!in_mask(mask, i) || !dx[i]) continue;
    ArrayList in = n.in;
    in[i] = dx[i];
    const Array part = apply_same(n, std::move(in));
    sum = sum ? ops::add(sum, part) : part;
  }
  return sum;
}

Tangents transpose_gradient(Node& n, const Tangents& dx) {
  const ArrayList out = results_of(n);
  Tangents dy(out.size());
  std::vector<std::uint32_t> argnums;
  for (std::size_t k = 0; k < out.size(); ++k)
    if (differentiable(out[k])) argnums.push_back(static_cast<std::uint32_t>(k));
  if (argnums.empty()) return dy;
  const Tracing u = Tracing::of_placeholders(out[0].runtime(), n.out_meta);
  SmallVector<bool, 8> needs;
  for (const Array& d : dx) needs.push_back(static_cast<bool>(d));
  const ArrayList g = pull_back_node(n, out, u.inputs(), needs);
  ArrayList reached, seeds;
  for (std::size_t i = 0; i < g.size(); ++i)
    if (needs[i] && g[i] && depends_on(g[i], u.trace())) {
      reached.push_back(g[i]);
      seeds.push_back(dx[i]);
    }
  if (reached.empty()) return dy;
  const ArrayList back = pull_back(u, reached, seeds, argnums);
  for (std::size_t k = 0; k < argnums.size(); ++k) dy[argnums[k]] = back[k];
  return dy;
}

Tangents push_custom(Node& n, const Tangents& dx) {
  const auto n_in = static_cast<std::size_t>(n.attrs.i(0));
  if (!n.custom->jvp && n.custom->vjp) return transpose_gradient(n, dx);
  Tangents dy(n.out.size());
  if (!n.custom->jvp) {
    for (std::size_t k = 0; k < dy.size(); ++k) dy[k] = dx[n_in + k];
    return dy;
  }
  ArrayList args = n.in;
  for (std::size_t i = 0; i < n_in; ++i) args.push_back(dx[i] ? dx[i] : zeros_like(n.in[i]));
  ArrayList d = n.custom->jvp->call(args);
  for (std::size_t k = 0; k < dy.size(); ++k) {
    const Meta& m = n.out_meta[k];
    if (d[k].shape() != m.shape || d[k].dtype() != m.dtype)
      fail_invalid("[custom_gradient] jvp gave a tangent of ", name(d[k].dtype()),
                   to_string(d[k].shape()), " for a value of ", name(m.dtype), to_string(m.shape));
    if (differentiable(d[k])) dy[k] = std::move(d[k]);
  }
  return dy;
}

Tangents push_node(Node& n, const Tangents& dx) {
  if (n.custom) return push_custom(n, dx);
  const DType t = n.out_meta[0].dtype;
  if (n.out.size() == 1 && !is_float(t) && !is_complex(t)) return Tangents(1);
  const Linear linear = linearity(n.op);
  const std::uint32_t mask = linear.together | linear.each;
  bool all_linear = mask != 0;
  for (std::size_t i = 0; i < dx.size(); ++i) all_linear &= !dx[i] || in_mask(mask, i);
  if (!all_linear) return transpose_gradient(n, dx);
  Tangents dy;
  dy.push_back(linear.together ? apply_together(n, dx, mask) : apply_each(n, dx, mask));
  return dy;
}

}  // namespace

ArrayList push_forward(const Tracing& t, std::span<const Array> outputs,
                       std::span<const Array> tangents, std::span<const std::uint32_t> argnums) {
  check_argnums("jvp", argnums, t.inputs());
  std::unordered_map<const ArrayRep*, Array> known;
  for (std::size_t k = 0; k < argnums.size(); ++k) {
    const Array &x = t.inputs()[argnums[k]], &d = tangents[k];
    if (d.shape() != x.shape() || d.dtype() != x.dtype())
      fail_invalid("[jvp] tangent ", k, " is ", name(d.dtype()), to_string(d.shape()),
                   ", expected ", name(x.dtype()), to_string(x.shape()));
    known.insert_or_assign(x.rep(), d);
  }
  auto tangent = [&](const ArrayRep* r) {
    const auto it = known.find(r);
    return it == known.end() ? Array() : it->second;
  };
  for (Node* n : walk(outputs, t.trace()).order) {
    Tangents dx;
    bool any = false;
    for (const Array& in : n->in) {
      dx.push_back(tangent(in.rep()));
      any |= static_cast<bool>(dx.back());
    }
    if (!any) continue;
    const Tangents dy = push_node(*n, dx);
    for (std::size_t k = 0; k < dy.size(); ++k)
      if (dy[k] && n->out[k]) known.insert_or_assign(n->out[k], dy[k]);
  }
  ArrayList result;
  for (const Array& o : outputs) {
    const Array d = tangent(o.rep());
    result.push_back(d ? d : zeros_like(o));
  }
  return result;
}

}  // namespace quern
