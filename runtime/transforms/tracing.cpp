// Making traced inputs, and the walk from outputs back to them.
#include "runtime/transforms/tracing.h"

#include "runtime/host/runtime.h"

namespace quern {

Tracing Tracing::of_values(std::span<const Array> in) {
  Tracing t;
  TraceSetRef last;
  const TraceSet* behind = nullptr;
  for (const Array& a : in) {
    // Inputs that depend on the same outer transforms share one set.
    const TraceSet* outer = a.rep()->traces.get();
    if (!last.get() || outer != behind) last = joined({&a, 1}, t.trace_);
    behind = outer;
    t.inputs_.push_back(make_alias(a, last));
  }
  return t;
}

Tracing Tracing::of_placeholders(Runtime& rt, std::span<const Meta> in) {
  Tracing t;
  t.has_values_ = false;
  const TraceSetRef set = joined({}, t.trace_);
  for (const Meta& m : in) t.inputs_.push_back(make_placeholder(rt, m.dtype, m.shape, set));
  return t;
}

std::ptrdiff_t Walked::find(const Array& a) const {
  const auto it = index.find(a.rep()->node.load(std::memory_order_acquire));
  return it == index.end() ? -1 : static_cast<std::ptrdiff_t>(it->second);
}

Walked walk(std::span<const Array> outputs, const Trace& trace) {
  Walked w;
  struct Frame {
    Node* n;
    std::size_t next;
  };
  std::vector<Frame> stack;
  constexpr std::size_t kOpen = static_cast<std::size_t>(-1);
  auto visit = [&](const Array& a) {
    if (!depends_on(a, trace)) return;
    Node* n = a.rep()->node.load(std::memory_order_acquire);
    if (n && w.index.try_emplace(n, kOpen).second) stack.push_back({n, 0});
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

}  // namespace quern
