// Reverse-mode differentiation: walk the graph backwards, add up with public ops.
// Because gradients are ordinary ops, differentiating twice needs nothing more.
#include "runtime/transforms/vjp.h"

#include "runtime/core/error.h"
#include "runtime/graph/links.h"
#include "runtime/ops/api.gen.h"
#include "runtime/transforms/cotangents.h"
#include "runtime/transforms/custom.h"

namespace quern {
namespace {

bool flows(const Array& a, Flow flow) { return flow == Flow::all || differentiable(a); }

// Nodes on a path from the inputs named by argnums. An op whose gradient is zero ends a path.
class Paths {
 public:
  Paths(const Walked& w, const ArrayList& inputs, std::span<const std::uint32_t> argnums, Flow flow)
      : w_(w), flow_(flow), on_path_(w.order.size(), 0) {
    for (std::uint32_t a : argnums)
      if (const auto k = w.find(inputs[a]); k >= 0) on_path_[static_cast<std::size_t>(k)] = 1;
    for (std::size_t i = 0; i < w.order.size(); ++i) {
      const Node& n = *w.order[i];
      if (!n.custom && op_info(n.op).grad == grad::zero) continue;
      for (const Array& in : n.in) on_path_[i] |= has(in) ? 1 : 0;
    }
  }
  bool node(std::size_t i) const { return on_path_[i] != 0; }
  bool has(const Array& a) const {
    if (!flows(a, flow_)) return false;
    const auto k = w_.find(a);
    return k >= 0 && on_path_[static_cast<std::size_t>(k)];
  }

 private:
  const Walked& w_;
  Flow flow_;
  std::vector<char> on_path_;
};

void check_gradient(const Array& g, const Array& to) {
  if (g.shape() != to.shape() || g.dtype() != to.dtype())
    fail_invalid("[custom_gradient] vjp gave a gradient of ", name(g.dtype()), to_string(g.shape()),
                 " for an input of ", name(to.dtype()), to_string(to.shape()));
}

// The numbers of the inputs of an op that are indices.
std::pair<std::size_t, std::size_t> indices_of(const Node& n) {
  switch (n.op) {
    case QN_OP_TAKE:
    case QN_OP_TAKE_ALONG_AXIS:
    case QN_OP_SCATTER_ADD:
    case QN_OP_SCATTER_ADD_ALONG_AXIS:
    case QN_OP_PUT_ALONG_AXIS:
      return {1, 2};
    case QN_OP_GATHER:
      return {1, n.in.size()};
    case QN_OP_SCATTER:
      return {2, n.in.size()};
    default:
      return {0, 0};
  }
}

void refuse_indices(const Node& n, std::span<const bool> needs) {
  const auto [first, end] = indices_of(n);
  for (std::size_t k = first; k < end; ++k)
    if (needs[k])
      fail_invalid("[", op_info(n.op).name,
                   "] Cannot calculate VJP with respect to indices. Use stop_gradient on indices "
                   "to stop gradients from being computed.");
}

ArrayList pull_back_custom(const Node& n, const ArrayList& out, const ArrayList& cot,
                           std::span<const bool> needs) {
  ArrayList result(n.in.size());
  const auto n_in = static_cast<std::size_t>(n.attrs.i(0));
  if (!n.custom->vjp) {
    if (n.custom->jvp)
      throw Error(QN_E_UNIMPLEMENTED,
                  "[custom_gradient] the function has a jvp but no vjp; give it one");
    for (std::size_t k = 0; k < cot.size(); ++k)
      if (needs[n_in + k]) result[n_in + k] = cot[k];
    return result;
  }
  ArrayList args;
  args.append(n.in.begin(), n.in.begin() + n_in);
  args.append(out.begin(), out.end());
  args.append(cot.begin(), cot.end());
  ArrayList g = n.custom->vjp->call(args);
  for (std::size_t i = 0; i < n_in; ++i)
    if (needs[i] && differentiable(n.in[i])) {
      check_gradient(g[i], n.in[i]);
      result[i] = std::move(g[i]);
    }
  return result;
}

}  // namespace

bool differentiable(const Array& a) { return is_float(a.dtype()) || is_complex(a.dtype()); }

ArrayList results_of(Node& n) {
  ArrayList out(n.out.size());
  bool all = true;
  for (std::size_t k = 0; k < n.out.size(); ++k) {
    std::lock_guard lock(link_mutex(&n));
    ArrayRep* r = n.out[k];
    if (r && try_retain(r))
      out[k] = Array(r);
    else
      all = false;
  }
  if (all) return out;
  // The planner merges this with the first computation when both run together.
  const ArrayList anew = append_node(n.in[0].runtime(), n.op, n.in, n.attrs, n.out_meta, n.custom);
  for (std::size_t k = 0; k < out.size(); ++k)
    if (!out[k]) out[k] = anew[k];
  return out;
}

ArrayList pull_back_node(const Node& n, const ArrayList& out, const ArrayList& cot,
                         std::span<const bool> needs) {
  if (n.custom) return pull_back_custom(n, out, cot, needs);
  Vjp v(n.in, out, n.attrs, cot, needs);
  op_info(n.op).grad(v);
  return v.result();
}

void check_argnums(const char* op, std::span<const std::uint32_t> argnums,
                   std::span<const Array> in, Flow flow) {
  for (std::uint32_t a : argnums) {
    if (a >= in.size())
      fail_invalid("[", op, "] argument number ", a, " is out of range: there are ", in.size(),
                   " inputs");
    if (!flows(in[a], flow))
      fail_invalid("[", op, "] argument ", a, " has dtype ", name(in[a].dtype()),
                   ", derivatives need a floating dtype");
  }
}

ArrayList pull_back(const Tracing& t, std::span<const Array> outputs,
                    std::span<const Array> cotangents, std::span<const std::uint32_t> argnums,
                    Flow flow) {
  check_argnums("vjp", argnums, t.inputs(), flow);
  Cotangents cot;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Array &o = outputs[i], &c = cotangents[i];
    if (c.shape() != o.shape() || c.dtype() != o.dtype())
      fail_invalid("[vjp] cotangent ", i, " is ", name(c.dtype()), to_string(c.shape()),
                   ", expected ", name(o.dtype()), to_string(o.shape()));
    if (flows(o, flow)) cot.add(o, c);
  }
  const Walked w = walk(outputs, t.trace());
  const Paths paths(w, t.inputs(), argnums, flow);
  for (std::size_t i = w.order.size(); i-- > 0;) {
    Node& n = *w.order[i];
    if (!paths.node(i)) continue;
    SmallVector<bool, 8> needs;
    bool any = false;
    for (const Array& in : n.in) {
      needs.push_back(paths.has(in));
      any |= needs.back();
    }
    if (!any) continue;  // an input of the trace
    SmallVector<const Array*, 2> reached;
    any = false;
    for (const ArrayRep* r : n.out) {
      reached.push_back(cot.find(r));
      any |= reached.back() != nullptr;
    }
    if (!any) continue;
    if (n.op == QN_OP_SLICE && !n.custom) {
      cot.add_slice(n.in[0], *reached[0], n.attrs);
      continue;
    }
    if (flow == Flow::all) refuse_indices(n, needs);
    const ArrayList out = results_of(n);
    ArrayList g;
    for (std::size_t k = 0; k < out.size(); ++k)
      g.push_back(reached[k] ? *reached[k] : zeros_like(out[k]));
    ArrayList back = pull_back_node(n, out, g, needs);
    for (std::size_t k = 0; k < n.in.size(); ++k)
      if (needs[k] && back[k]) cot.add(n.in[k], std::move(back[k]));
  }
  ArrayList result;
  for (std::uint32_t a : argnums) {
    const Array* g = cot.find(t.inputs()[a].rep());
    result.push_back(g ? *g : zeros_like(t.inputs()[a]));
  }
  return result;
}

}  // namespace quern
