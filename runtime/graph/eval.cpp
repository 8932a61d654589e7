// Evaluation: collect, find or make the plan, run it, hand out the results.
// A kernel that fails is quarantined and the graph is planned again without it.
#include "runtime/graph/eval.h"

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

Error fault_error(const KernelFault& f) {
  return Error(f.status == QN_E_UNIMPLEMENTED ? QN_E_INTERNAL : f.status,
               str("[", f.op, "] kernel ", f.plugin, "/", f.kernel, " failed with ", f.status,
                   f.text.empty() ? "" : ": ", f.text));
}

}  // namespace

std::shared_ptr<Plan> plan_for(Runtime& rt, const Collected& c) {
  for (int tries = 0;; ++tries) {
    try {
      std::shared_ptr<Plan> plan = make_plan(rt, c.ir(), c.leaves);
      plan->key = c.key;
      plan->id = rt.plans().next_id++;
      return plan;
    } catch (const KernelFault& f) {
      rt.plugins().quarantine(f.plugin, f.kernel, f.op_id);
      rt.log(QN_LOG_WARNING, fault_error(f).what());
      if (tries == kMaxFaults) throw fault_error(f);
    }
  }
}

// Runs `plan` (null = looked up and made as needed) and returns the buffers; on return plan is the
// one that ran.
std::shared_ptr<Plan> run_plan(Runtime& rt, const Collected& c, std::shared_ptr<Plan> plan,
                               std::span<const Array> leaves, std::vector<BufferRef>& outputs) {
  for (int tries = 0;; ++tries) {
    if (!plan) plan = plan_for(rt, c);
    try {
      plan->run(rt, leaves, outputs);
      return plan;
    } catch (const KernelFault& f) {
      rt.plugins().quarantine(f.plugin, f.kernel, f.op_id);
      rt.log(QN_LOG_WARNING, fault_error(f).what());
      rt.plans().clear();
      plan = nullptr;
      if (tries == kMaxFaults) throw fault_error(f);
    }
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
  std::shared_ptr<Plan> plan = plans_->find(c.key);
  const bool known = plan != nullptr;
  std::vector<BufferRef> outputs;
  std::shared_ptr<Plan> ran = run_plan(*this, c, plan, c.leaves, outputs);
  if (!known || ran != plan) plans_->insert(ran);
  detached.reserve(c.held.size());
  for (std::size_t i = 0; i < c.held.size(); ++i) {
    ArrayRep& r = *c.held[i].array.rep();
    adopt(r, ran->results[i], c.leaves, outputs);
    r.evaluated.store(true, std::memory_order_release);
    if (r.traced.load(std::memory_order_relaxed)) continue;  // a transform still needs the graph
    Node* n = r.node.exchange(nullptr, std::memory_order_acq_rel);
    {
      std::lock_guard link(link_mutex(n));
      n->out[r.slot] = nullptr;
    }
    detached.push_back(n);
  }
}

}  // namespace quern
