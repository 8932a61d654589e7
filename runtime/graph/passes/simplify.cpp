// Simplification: ops that change nothing become aliases, equal ops are merged, unused ones
// dropped. It never changes values beyond that: no algebra on floating point.
#include <unordered_map>

#include "runtime/graph/ir.h"

namespace quern {
namespace {

bool is_alias(const Ir& ir, const IrOp& op) {
  const IrValue& x = ir.values[static_cast<std::size_t>(op.in[0])];
  const IrValue& y = ir.values[static_cast<std::size_t>(op.out[0])];
  switch (op.op) {
    case QN_OP_IDENTITY:
    case QN_OP_STOP_GRADIENT:
      return true;
    case QN_OP_ASTYPE:
      return x.dtype == y.dtype;
    case QN_OP_RESHAPE:
    case QN_OP_BROADCAST_TO:
      return x.shape == y.shape;
    default:
      return false;
  }
}

std::string key_of(const IrOp& op) {
  std::string k;
  auto add = [&](std::int64_t v) { k.append(reinterpret_cast<const char*>(&v), sizeof v); };
  add(op.op);
  for (int v : op.in) add(v);
  add(-1);
  for (const Attr& a : op.attrs) {
    add(static_cast<std::int64_t>(a.index()));
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, double>) {
            std::int64_t bits;
            __builtin_memcpy(&bits, &v, sizeof bits);
            add(bits);
          } else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, DType>) {
            add(static_cast<std::int64_t>(v));
          } else {
            add(static_cast<std::int64_t>(v.size()));
            k.append(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(v[0]));
          }
        },
        a);
  }
  return k;
}

}  // namespace

void simplify(Ir& ir) {
  std::vector<int> same(ir.values.size());
  for (std::size_t i = 0; i < same.size(); ++i) same[i] = static_cast<int>(i);
  std::unordered_map<std::string, std::size_t> seen;
  std::vector<IrOp> kept;
  for (IrOp& op : ir.ops) {
    for (int& v : op.in) v = same[static_cast<std::size_t>(v)];
    if (op.op == QN_OP_CUSTOM) {  // stands for the values behind its inputs
      const auto n_in = static_cast<std::size_t>(op.attrs.i(0));
      for (std::size_t i = 0; i < op.out.size(); ++i)
        same[static_cast<std::size_t>(op.out[i])] = op.in[n_in + i];
      continue;
    }
    if (op.in.size() == 1 && is_alias(ir, op)) {
      same[static_cast<std::size_t>(op.out[0])] = op.in[0];
      continue;
    }
    auto [it, fresh] = seen.try_emplace(key_of(op), kept.size());
    if (!fresh) {
      for (std::size_t i = 0; i < op.out.size(); ++i)
        same[static_cast<std::size_t>(op.out[i])] = kept[it->second].out[i];
      continue;
    }
    kept.push_back(std::move(op));
  }
  for (int& v : ir.results) v = same[static_cast<std::size_t>(v)];
  for (IrValue& v : ir.values) v.held = false;
  for (int v : ir.results) ir.values[static_cast<std::size_t>(v)].held = true;

  std::vector<char> used(ir.values.size(), 0);
  for (int v : ir.results) used[static_cast<std::size_t>(v)] = 1;
  std::vector<IrOp> live;
  for (std::size_t i = kept.size(); i-- > 0;) {
    bool any = false;
    for (int v : kept[i].out) any |= used[static_cast<std::size_t>(v)] != 0;
    if (!any) continue;
    for (int v : kept[i].in) used[static_cast<std::size_t>(v)] = 1;
    live.push_back(std::move(kept[i]));
  }
  ir.ops.assign(std::make_move_iterator(live.rbegin()), std::make_move_iterator(live.rend()));
}

}  // namespace quern
