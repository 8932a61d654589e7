// Depth-first collection without recursion, and the key: every word that decides what a plan does.
#include "runtime/graph/collect.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "runtime/graph/links.h"

namespace quern {
namespace {

std::uint32_t next_epoch() {
  static std::atomic<std::uint32_t> epoch{0};
  std::uint32_t e = epoch.fetch_add(1, std::memory_order_relaxed) + 1;
  return e ? e : epoch.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool is_leaf(const ArrayRep& r) {
  return r.evaluated.load(std::memory_order_acquire) || is_placeholder(r);
}

struct Frame {
  Node* node;
  std::size_t next;
};

}  // namespace

void add_text(std::string_view text, GraphKey& key) {
  key.push_back(text.size());
  for (std::size_t i = 0; i < text.size(); i += 8) {
    std::uint64_t w = 0;
    std::memcpy(&w, text.data() + i, std::min<std::size_t>(8, text.size() - i));
    key.push_back(w);
  }
}

void add_attrs(const AttrList& attrs, GraphKey& key) {
  for (const Attr& a : attrs) {
    key.push_back(a.index());
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, double>) {
            std::uint64_t w;
            std::memcpy(&w, &v, sizeof w);
            key.push_back(w);
          } else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, DType>) {
            key.push_back(static_cast<std::uint64_t>(v));
          } else if constexpr (std::is_same_v<T, std::string>) {
            add_text(v, key);
          } else {
            key.push_back(v.size());
            for (auto x : v) {
              std::uint64_t w;
              std::memcpy(&w, &x, sizeof w);
              key.push_back(w);
            }
          }
        },
        a);
  }
}

namespace {

// Nodes and leaves under `wanted`, and the part of the key that does not depend on what is held.
Collected gather(std::span<const Array> wanted, std::uint32_t epoch, bool placeholders) {
  Collected c;
  SmallVector<Frame, 16> stack;
  auto visit_node = [&](Node* n) {
    if (n->mark == epoch) return;
    if (n->op == QN_OP_PLACEHOLDER && !placeholders)
      throw Error(QN_E_FAILED_PRECONDITION,
                  "[eval] the array depends on an input of a function that is being traced, which "
                  "has a shape and a dtype but no value; evaluate it outside of that function");
    n->mark = epoch;
    stack.push_back({n, 0});
  };
  for (const Array& w : wanted) {
    if (w.rep()->evaluated.load(std::memory_order_acquire)) continue;
    if (placeholders && is_placeholder(*w.rep())) continue;
    visit_node(w.rep()->node.load(std::memory_order_relaxed));
    while (!stack.empty()) {
      Frame& f = stack.back();
      if (f.next == f.node->in.size()) {
        f.node->index = static_cast<std::uint32_t>(c.nodes.size());
        c.nodes.push_back(f.node);
        stack.pop_back();
        continue;
      }
      const Array& in = f.node->in[f.next++];
      ArrayRep* r = in.rep();
      if (r->evaluated.load(std::memory_order_acquire) || (placeholders && is_placeholder(*r))) {
        if (r->mark != epoch) {
          r->mark = epoch;
          r->uses = 0;
          r->index = static_cast<std::uint32_t>(c.leaves.size());
          c.leaves.push_back(in);
        }
        ++r->uses;
        continue;
      }
      if (r->mark != epoch) {
        r->mark = epoch;
        r->uses = 0;
      }
      ++r->uses;
      visit_node(r->node.load(std::memory_order_relaxed));
    }
  }

  auto& key = c.key;
  for (const Node* n : c.nodes) {
    key.push_back(n->op | static_cast<std::uint64_t>(n->in.size()) << 32);
    add_attrs(n->attrs, key);
    for (const Array& in : n->in) {
      const ArrayRep& r = *in.rep();
      if (is_leaf(r))
        key.push_back(std::uint64_t{r.index} << 1 | 1);
      else
        key.push_back((std::uint64_t{r.node.load(std::memory_order_relaxed)->index} << 8 | r.slot)
                      << 1);
    }
  }
  key.push_back(~std::uint64_t{0});
  for (const Array& l : c.leaves) {
    const ArrayRep& r = *l.rep();
    key.push_back(static_cast<std::uint64_t>(r.dtype) | static_cast<std::uint64_t>(r.shape.size())
                                                            << 8);
    for (std::int64_t v : r.shape) key.push_back(static_cast<std::uint64_t>(v));
    for (std::int64_t v : r.strides) key.push_back(static_cast<std::uint64_t>(v));
  }
  key.push_back(~std::uint64_t{0});
  return c;
}

// May the update `n` be written into the memory of what it updates? Only where it is the one
// reader: then an evaluation that failed half way and is tried again finds all that it reads as it
// was, but for the slice that it replaces.
bool takes_memory(const Node& n) {
  if (n.op != QN_OP_SLICE_UPDATE) return false;
  const ArrayRep& r = *n.in[0].rep();
  if (!is_leaf(r) || is_placeholder(r) || r.uses != 1 || r.traces.get() || r.offset != 0)
    return false;
  // The references of the node and of the list of leaves.
  if (r.refs.load(std::memory_order_acquire) != 2 || r.buffer.use_count() != 1) return false;
  return r.buffer->owned() &&
         r.buffer->bytes() == static_cast<std::uint64_t>(n.in[0].size()) * itemsize(r.dtype);
}

}  // namespace

Collected collect_function(std::span<const Array> wanted) {
  Collected c = gather(wanted, next_epoch(), true);
  for (const Array& w : wanted)
    if (!is_leaf(*w.rep()))
      c.held.push_back({w, w.rep()->node.load(std::memory_order_relaxed)->index});
  return c;
}

Collected collect(std::span<const Array> wanted) {
  const std::uint32_t epoch = next_epoch();
  Collected c = gather(wanted, epoch, false);
  auto& key = c.key;
  for (Node* n : c.nodes) {
    for (ArrayRep* const& place : n->out) {
      Array a;  // let go of without the lock, which that may need
      {
        std::lock_guard lock(link_mutex(n));
        if (!place || !try_retain(place)) continue;
        a = Array(place);
      }
      const ArrayRep& r = *a.rep();
      const std::uint32_t inside = r.mark == epoch ? r.uses : 0;
      // One reference is ours; more than the graph's own means that someone else can see it.
      if (r.refs.load(std::memory_order_acquire) <= inside + 1) continue;
      key.push_back(std::uint64_t{n->index} << 8 | r.slot);
      c.held.push_back({std::move(a), n->index});
    }
  }
  // An open transform keeps what it depends on, with its inputs.
  const bool traced = std::any_of(c.held.begin(), c.held.end(), [](const Collected::Held& h) {
    return h.array.rep()->traces.get() != nullptr;
  });
  for (const Node* n : c.nodes) {
    if (traced || !takes_memory(*n)) continue;
    if (c.spare.empty()) key.push_back(~std::uint64_t{0});
    c.spare.push_back(n->in[0].rep()->index);
    key.push_back(c.spare.back());
  }
  return c;
}

Ir Collected::ir() const {
  Ir g;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    IrValue v;
    v.shape = leaves[i].shape();
    v.dtype = leaves[i].dtype();
    v.leaf = static_cast<int>(i);
    g.values.push_back(std::move(v));
  }
  for (const std::uint32_t i : spare) g.values[i].spare = true;
  std::vector<int> first(nodes.size());
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const Node& n = *nodes[k];
    IrOp op;
    op.op = n.op;
    op.attrs = n.attrs;
    for (const Array& in : n.in) {
      const ArrayRep& r = *in.rep();
      if (is_leaf(r))
        op.in.push_back(static_cast<int>(r.index));
      else
        op.in.push_back(first[r.node.load(std::memory_order_relaxed)->index] +
                        static_cast<int>(r.slot));
    }
    op.n_op_in = op.in.size();
    first[k] = static_cast<int>(g.values.size());
    for (const Meta& m : n.out_meta) {
      op.out.push_back(static_cast<int>(g.values.size()));
      IrValue v;
      v.shape = m.shape;
      v.dtype = m.dtype;
      g.values.push_back(std::move(v));
    }
    g.ops.push_back(std::move(op));
  }
  for (const Held& h : held)
    g.results.push_back(first[h.node] + static_cast<int>(h.array.rep()->slot));
  return g;
}

}  // namespace quern
