// Reverse-mode differentiation: trace, walk the graph backwards, add up with public ops.
// Because gradients are ordinary ops, differentiating twice needs nothing more.
#include <unordered_map>
#include <unordered_set>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/host/runtime.h"
#include "runtime/ops/api.gen.h"
#include "runtime/transforms/function.h"

namespace quern {
namespace {

// The inputs behind fresh identity nodes marked as traced, so that evaluation inside f keeps the
// graph.
struct Trace {
  ArrayList inputs;
  std::uint32_t level;

  explicit Trace(std::span<const Array> in) {
    level = 1;
    for (const Array& a : in)
      level = std::max(level, a.rep()->traced.load(std::memory_order_relaxed) + 1);
    for (const Array& a : in) {
      // Marked first on a private alias: an identity of an evaluated array would not get a node.
      inputs.push_back(traced_identity(a));
    }
  }

  Array traced_identity(const Array& a) const {
    auto node = std::make_unique<Node>();
    node->op = QN_OP_IDENTITY;
    node->in.push_back(a);
    node->out_meta.push_back({a.shape(), a.dtype()});
    auto rep = std::make_unique<ArrayRep>();
    rep->dtype = a.dtype();
    rep->shape = a.shape();
    rep->runtime = &a.runtime();
    rep->traced.store(level);
    node->out.push_back(rep.get());
    a.runtime().retain();
    rep->node.store(node.release());
    return Array(rep.release());
  }
};

struct Walked {
  std::vector<Node*> order;  // topological; kept alive by the outputs
  std::unordered_map<Node*, std::size_t> index;
};

// Nodes between the traced inputs and the outputs, found by their trace level.
Walked walk(std::span<const Array> outputs, std::uint32_t level) {
  Walked w;
  struct Frame {
    Node* n;
    std::size_t next;
  };
  std::vector<Frame> stack;
  std::unordered_set<Node*> seen;
  auto visit = [&](const Array& a) {
    if (a.rep()->traced.load(std::memory_order_relaxed) < level) return;
    Node* n = a.rep()->node.load(std::memory_order_acquire);
    if (n && seen.insert(n).second) stack.push_back({n, 0});
  };
  for (const Array& o : outputs) {
    visit(o);
    while (!stack.empty()) {
      Frame& f = stack.back();
      if (f.next == f.n->in.size()) {
        w.index[f.n] = w.order.size();
        w.order.push_back(f.n);
        stack.pop_back();
        continue;
      }
      visit(f.n->in[f.next++]);
    }
  }
  return w;
}

struct Cotangents {
  std::unordered_map<const ArrayRep*, Array> of;
  void add(const Array& to, Array g) {
    auto [it, fresh] = of.try_emplace(to.rep(), g);
    if (!fresh) it->second = ops::add(it->second, g);
  }
};

bool differentiable(DType t) { return is_float(t) || is_complex(t); }

ArrayList pull_back(const Walked& w, const ArrayList& traced,
                    std::span<const std::uint32_t> argnums, std::span<const Array> outputs,
                    std::span<const Array> cotangents) {
  // Which nodes lie on a path from a wanted input.
  std::vector<char> wanted(w.order.size(), 0);
  std::unordered_set<const ArrayRep*> sources;
  for (std::uint32_t a : argnums) sources.insert(traced[a].rep());
  auto depends = [&](const Array& a) {
    if (sources.contains(a.rep())) return true;
    Node* n = a.rep()->node.load(std::memory_order_acquire);
    auto it = n ? w.index.find(n) : w.index.end();
    return it != w.index.end() && wanted[it->second] != 0;
  };
  for (std::size_t i = 0; i < w.order.size(); ++i)
    for (const Array& in : w.order[i]->in)
      if (differentiable(in.dtype()) && depends(in)) wanted[i] = 1;

  Cotangents cot;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (differentiable(outputs[i].dtype())) cot.add(outputs[i], cotangents[i]);
  for (std::size_t i = w.order.size(); i-- > 0;) {
    if (!wanted[i]) continue;
    const Node& n = *w.order[i];
    ArrayList out, g;
    bool any = false;
    for (ArrayRep* r : n.out) {
      auto it = r ? cot.of.find(r) : cot.of.end();
      any |= it != cot.of.end();
    }
    if (!any) continue;
    for (std::size_t k = 0; k < n.out.size(); ++k) {
      ArrayRep* r = n.out[k];
      if (!r)
        throw Error(QN_E_UNIMPLEMENTED,
                    str("[", op_info(n.op).name, "] an output needed by its gradient is gone"));
      r->refs.fetch_add(1, std::memory_order_relaxed);
      out.push_back(Array(r));
      auto it = cot.of.find(r);
      g.push_back(it != cot.of.end() ? it->second : zeros_like(out.back()));
    }
    SmallVector<bool, 8> needs;
    for (const Array& in : n.in) needs.push_back(differentiable(in.dtype()) && depends(in));
    Vjp v(n.in, out, n.attrs, g, needs);
    op_info(n.op).grad(v);
    for (std::size_t k = 0; k < n.in.size(); ++k)
      if (needs[k] && v.result()[k]) cot.add(n.in[k], v.result()[k]);
  }
  ArrayList result;
  for (std::uint32_t a : argnums) {
    auto it = cot.of.find(traced[a].rep());
    result.push_back(it != cot.of.end() ? it->second : zeros_like(traced[a]));
  }
  return result;
}

// After the transform nothing of this level is traced any more: evaluation may let go of the graph.
void untrace(const Walked& w, const ArrayList& traced, const ArrayList& results,
             std::uint32_t level) {
  auto lower = [&](ArrayRep* r) {
    if (r && r->traced.load(std::memory_order_relaxed) >= level)
      r->traced.store(level - 1, std::memory_order_relaxed);
  };
  for (Node* n : w.order)
    for (ArrayRep* r : n->out) lower(r);
  for (const Array& a : traced) lower(a.rep());
  const Walked rest = walk(results, level);
  for (Node* n : rest.order)
    for (ArrayRep* r : n->out) lower(r);
}

void check_argnums(std::span<const std::uint32_t> argnums, std::uint32_t n_in) {
  for (std::uint32_t a : argnums)
    if (a >= n_in)
      fail_invalid("[vjp] argument number ", a, " is out of range: the function has ", n_in,
                   " inputs");
}

class Gradient final : public Function {
 public:
  // value: cotangents are 1 for a scalar output 0, else they follow the inputs.
  Gradient(FunctionRef f, std::span<const std::uint32_t> argnums, bool value)
      : Function(f->runtime(), f->n_in() + (value ? 0 : f->n_out()),
                 f->n_out() + static_cast<std::uint32_t>(argnums.size())),
        f_(std::move(f)),
        argnums_(argnums.begin(), argnums.end()),
        value_(value) {}

 private:
  ArrayList invoke(std::span<const Array> in) override {
    const std::span<const Array> primals = in.first(f_->n_in());
    for (std::uint32_t a : argnums_)
      if (!differentiable(primals[a].dtype()))
        fail_invalid("[vjp] argument ", a, " has dtype ", name(primals[a].dtype()),
                     ", gradients need a floating dtype");
    const Trace trace(primals);
    ArrayList out = f_->call(trace.inputs);
    ArrayList cotangents;
    std::span<const Array> seeds = out;
    if (value_) {
      if (out[0].size() != 1)
        fail_invalid("[value_and_grad] output 0 has shape ", to_string(out[0].shape()),
                     ", expected a scalar");
      if (!differentiable(out[0].dtype()))
        fail_invalid("[value_and_grad] output 0 has dtype ", name(out[0].dtype()),
                     ", expected a floating one");
      cotangents.push_back(ones_like(out[0]));
      seeds = seeds.first(1);
    } else {
      for (std::size_t i = 0; i < out.size(); ++i) {
        const Array& c = in[f_->n_in() + i];
        if (c.shape() != out[i].shape() || c.dtype() != out[i].dtype())
          fail_invalid("[vjp] cotangent ", i, " is ", name(c.dtype()), to_string(c.shape()),
                       ", expected ", name(out[i].dtype()), to_string(out[i].shape()));
        cotangents.push_back(c);
      }
    }
    const Walked w = walk(seeds, trace.level);
    ArrayList result = out;
    const ArrayList grads = pull_back(w, trace.inputs, argnums_, seeds, cotangents);
    for (const Array& g : grads) result.push_back(g);
    untrace(w, trace.inputs, result, trace.level);
    return result;
  }

  FunctionRef f_;
  std::vector<std::uint32_t> argnums_;
  bool value_;
};

}  // namespace

FunctionRef vjp(FunctionRef f, std::span<const std::uint32_t> argnums) {
  check_argnums(argnums, f->n_in());
  return std::make_shared<Gradient>(std::move(f), argnums, false);
}

FunctionRef value_and_grad(FunctionRef f, std::span<const std::uint32_t> argnums) {
  check_argnums(argnums, f->n_in());
  if (f->n_out() == 0) fail_invalid("[value_and_grad] the function has no output");
  return std::make_shared<Gradient>(std::move(f), argnums, true);
}

}  // namespace quern
