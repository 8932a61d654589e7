// Cutting a recorded function out of its trace, and recording it again.
#include "runtime/transforms/subgraph.h"

#include <unordered_set>

#include "runtime/host/runtime.h"

namespace quern {
namespace {

using Substitution = std::unordered_map<const ArrayRep*, Array>;

ArrayList again(Runtime& rt, std::span<const Array> from, std::span<const Array> to,
                const std::vector<Node*>& order, std::span<const Array> outputs) {
  Substitution now;
  for (std::size_t i = 0; i < from.size(); ++i) now.insert_or_assign(from[i].rep(), to[i]);
  auto of = [&](const Array& a) {
    const auto it = now.find(a.rep());
    return it == now.end() ? a : it->second;
  };
  for (const Node* n : order) {
    if (n->out.size() == 1 && now.contains(n->out[0])) continue;  // an input
    ArrayList in;
    for (const Array& a : n->in) in.push_back(of(a));
    const ArrayList out = append_node(rt, n->op, std::move(in), n->attrs, n->out_meta, n->custom);
    for (std::size_t k = 0; k < out.size(); ++k)
      if (n->out[k]) now.insert_or_assign(n->out[k], out[k]);
  }
  ArrayList result;
  for (const Array& o : outputs) result.push_back(of(o));
  return result;
}

}  // namespace

Subgraph cut(const Tracing& t, std::span<const Array> outputs) {
  Subgraph g;
  const Walked w = walk(outputs, t.trace());
  std::unordered_set<const ArrayRep*> known;
  for (const Array& a : t.inputs()) known.insert(a.rep());
  auto capture = [&](const Array& a) {
    if (!depends_on(a, t.trace()) && known.insert(a.rep()).second) g.captured.push_back(a);
  };
  for (const Node* n : w.order)
    if (n->out.size() != 1 || !known.contains(n->out[0]))
      for (const Array& a : n->in) capture(a);
  for (const Array& o : outputs) capture(o);
  if (t.has_values()) {
    std::vector<Meta> metas;
    for (const Array& a : t.inputs()) metas.push_back({a.shape(), a.dtype()});
    if (t.inputs().empty()) {
      g.outputs.append(outputs.begin(), outputs.end());
      return g;
    }
    const Tracing copy = Tracing::of_placeholders(t.inputs()[0].runtime(), metas);
    g.inputs = copy.inputs();
    g.outputs = again(g.inputs[0].runtime(), t.inputs(), g.inputs, w.order, outputs);
    g.order = walk(g.outputs, copy.trace()).order;
  } else {
    g.inputs = t.inputs();
    g.outputs.append(outputs.begin(), outputs.end());
    g.order = w.order;
  }
  std::erase_if(g.order, [](const Node* n) { return n->op == QN_OP_PLACEHOLDER; });
  return g;
}

ArrayList record_again(const Subgraph& g, std::span<const Array> in) {
  if (g.outputs.empty()) return {};
  return again(g.outputs[0].runtime(), g.inputs, in, g.order, g.outputs);
}

}  // namespace quern
