// Keeping and letting go of the graph while transforms are open, and joining sets of traces.
#include "runtime/graph/trace.h"

#include <algorithm>

#include "runtime/graph/links.h"
#include "runtime/graph/node.h"

namespace quern {
namespace {

// The results of n that have their value and that no other transform needs give up their graph.
void detach(Node* n) noexcept {
  for (std::size_t k = 0; k < n->out_meta.size(); ++k) {
    ArrayRep* r = nullptr;
    {
      std::lock_guard lock(link_mutex(n));
      r = n->out[k];
      if (!r || !try_retain(r)) continue;
    }
    const Array held(r);
    if (!r->evaluated.load(std::memory_order_acquire)) continue;
    if (const TraceSet* s = r->traces.get()) {
      try {
        if (std::any_of(s->traces.begin(), s->traces.end(),
                        [n](const TraceRef& t) { return t->keep(n); }))
          continue;
      } catch (...) {
        continue;  // out of memory: the graph stays as long as the array
      }
    }
    Node* mine = r->node.exchange(nullptr, std::memory_order_acq_rel);
    if (!mine) continue;
    {
      std::lock_guard lock(link_mutex(n));
      n->out[k] = nullptr;
    }
    release(mine);
  }
}

}  // namespace

bool Trace::keep(Node* n) {
  std::lock_guard lock(mutex_);
  if (!open()) return false;
  kept_.push_back(n);
  retain(n);
  return true;
}

void Trace::close() noexcept {
  std::vector<Node*> kept;
  {
    std::lock_guard lock(mutex_);
    open_.store(false, std::memory_order_release);
    kept.swap(kept_);
  }
  for (Node* n : kept) {
    detach(n);
    release(n);
  }
}

bool TraceSet::open() const {
  return std::any_of(traces.begin(), traces.end(), [](const TraceRef& t) { return t->open(); });
}

bool TraceSet::has(const Trace* t) const {
  return std::any_of(traces.begin(), traces.end(), [t](const TraceRef& o) { return o.get() == t; });
}

TraceSetRef joined(std::span<const Array> in, const TraceRef& with) {
  const TraceSet* first = nullptr;
  bool more = with != nullptr;
  for (const Array& a : in) {
    const TraceSet* s = a.rep()->traces.get();
    if (!s || s == first) continue;
    if (!first && s->open())
      first = s;
    else if (first)
      more = true;
  }
  if (!first && !more) return {};
  auto share = [&](const TraceSet* s) {
    for (const Array& a : in)
      if (a.rep()->traces.get() == s) return a.rep()->traces;
    return TraceSetRef();
  };
  if (!more) return first ? share(first) : TraceSetRef();

  SmallVector<TraceRef, 2> all;
  auto add = [&](const TraceRef& t) {
    if (t->open() && std::find(all.begin(), all.end(), t) == all.end()) all.push_back(t);
  };
  for (const Array& a : in)
    if (const TraceSet* s = a.rep()->traces.get())
      for (const TraceRef& t : s->traces) add(t);
  if (with) add(with);
  if (all.empty()) return {};
  for (const Array& a : in) {
    const TraceSet* s = a.rep()->traces.get();
    if (s &&
        std::all_of(all.begin(), all.end(), [s](const TraceRef& t) { return s->has(t.get()); }))
      return a.rep()->traces;
  }
  auto set = std::make_unique<TraceSet>();
  set->traces = std::move(all);
  return TraceSetRef(set.release());
}

bool is_traced(const Array& a) { return a.rep()->traces.open(); }

bool depends_on(const Array& a, const Trace& t) {
  const TraceSet* s = a.rep()->traces.get();
  return s && s->has(&t);
}

}  // namespace quern
