// Evaluation: collect, find or make the plan, run it, hand out the results.
// A kernel that fails is quarantined and the graph is planned again without it.
#include "runtime/graph/eval.h"

#include <algorithm>

#include "runtime/graph/collect.h"
#include "runtime/graph/links.h"
#include "runtime/graph/plan.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

constexpr int kMaxFaults = 16;

void adopt(ArrayRep& r, const ResultPlace& p, std::span<const Array> leaves,
           const std::vector<BufferRef>& outputs) {
  if (p.from_leaf) {
    const ArrayRep& leaf = *leaves[p.source].rep();
    r.buffer = leaf.buffer;
    r.offset = leaf.offset + p.offset;
  } else {
    r.buffer = outputs[p.source];
    r.offset = p.offset;
  }
  r.strides = p.strides;
}

// An open transform still needs the graph of r; it lets go when it ends.
bool keeps_graph(const ArrayRep& r) {
  const TraceSet* s = r.traces.get();
  if (!s) return false;
  Node* n = r.node.load(std::memory_order_relaxed);
  return std::any_of(s->traces.begin(), s->traces.end(),
                     [n](const TraceRef& t) { return t->keep(n); });
}

Error fault_error(const KernelFault& f) {
  return Error(f.status == QN_E_UNIMPLEMENTED ? QN_E_INTERNAL : f.status,
               str("[", f.op, "] kernel ", f.plugin, "/", f.kernel, " failed with ", f.status,
                   f.text.empty() ? "" : ": ", f.text));
}

void quarantine(Runtime& rt, const KernelFault& f) {
  const Error e = fault_error(f);
  rt.plugins().quarantine(f.plugin, f.kernel, f.op_id, e.what());
  rt.log(QN_LOG_WARNING, e.what());
}

}  // namespace

std::shared_ptr<Plan> plan_for(Runtime& rt, const Ir& ir, std::span<const Array> leaves,
                               GraphKey key, bool may_fold) {
  for (int tries = 0;; ++tries) {
    try {
      std::shared_ptr<Plan> plan = make_plan(rt, ir, leaves, may_fold);
      plan->key = std::move(key);
      plan->id = rt.plans().next_id++;
      return plan;
    } catch (const KernelFault& f) {
      quarantine(rt, f);
      if (tries == kMaxFaults) throw fault_error(f);
    }
  }
}

bool run_plan(Runtime& rt, Plan& plan, std::span<const Array> leaves,
              std::vector<BufferRef>& outputs, int tries) {
  try {
    plan.run(rt, leaves, outputs);
    return true;
  } catch (const KernelFault& f) {
    quarantine(rt, f);
    rt.plans().clear();
    if (tries >= kMaxFaults) throw fault_error(f);
    return false;
  }
}

void Runtime::eval(std::span<const Array> arrays) {
  // Released after the lock: dropping them may call back into the embedder.
  Collected c;
  std::vector<Node*> detached;
  struct Drop {
    std::vector<Node*>& nodes;
    ~Drop() {
      for (Node* n : nodes) quern::release(n);
    }
  } drop{detached};
  std::lock_guard lock(mutex_);
  plans_->evaluations.fetch_add(1, std::memory_order_relaxed);
  c = collect(arrays);
  if (c.nodes.empty()) return;
  bool may_fold = true;
  std::shared_ptr<Plan> plan = plans_->find(c.key, &may_fold);
  std::vector<BufferRef> outputs;
  bool known = plan != nullptr;
  for (int tries = 0;; ++tries, known = false) {
    if (!known) plan = plan_for(*this, c.ir(), c.leaves, c.key, may_fold);
    if (run_plan(*this, *plan, c.leaves, outputs, tries)) break;
  }
  if (!known) plans_->insert(plan);
  detached.reserve(c.held.size());
  for (std::size_t i = 0; i < c.held.size(); ++i) {
    ArrayRep& r = *c.held[i].array.rep();
    adopt(r, plan->results[i], c.leaves, outputs);
    r.evaluated.store(true, std::memory_order_release);
    if (keeps_graph(r)) continue;
    Node* n = r.node.exchange(nullptr, std::memory_order_acq_rel);
    {
      std::lock_guard link(link_mutex(n));
      n->out[r.slot] = nullptr;
    }
    detached.push_back(n);
  }
}

}  // namespace quern
