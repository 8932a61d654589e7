// Fusion: element-wise ops of one shape become one program (`map`); a map that only follows a
// contraction or the gradient of a max pooling becomes its epilogue. Whether a kernel takes the
// epilogue is settled when kernels are chosen.
#include <algorithm>

#include "runtime/graph/ir.h"

namespace quern {
namespace {

constexpr std::size_t kMaxInstructions = 64;
constexpr std::size_t kMaxInputs = 24;

bool elementwise(const IrOp& op) { return op_info(op.op).kind == OpKind::ELEMENTWISE; }

bool takes_epilogue(std::uint32_t op) {
  return op == QN_OP_MATMUL || op == QN_OP_CONV || op == QN_OP_CONV_INPUT_GRAD ||
         op == QN_OP_MAX_POOL_GRAD || op == QN_OP_GROUP_NORM;
}

struct Users {
  std::vector<std::vector<int>> of;  // value -> ops that read it
  explicit Users(const Ir& ir) : of(ir.values.size()) {
    for (std::size_t i = 0; i < ir.ops.size(); ++i)
      for (int v : ir.ops[i].in) {
        auto& u = of[static_cast<std::size_t>(v)];
        if (u.empty() || u.back() != static_cast<int>(i)) u.push_back(static_cast<int>(i));
      }
  }
};

// Cluster numbers: an element-wise op joins the cluster that holds all its readers, if shapes
// agree. So every value that leaves a cluster early is only held by the caller, and no cycle can
// arise.
std::vector<int> cluster(const Ir& ir, const Users& users) {
  std::vector<int> id(ir.ops.size(), -1);
  std::vector<std::size_t> size(ir.ops.size(), 0);
  for (std::size_t i = ir.ops.size(); i-- > 0;) {
    const IrOp& op = ir.ops[i];
    if (!elementwise(op)) continue;
    const auto out = static_cast<std::size_t>(op.out[0]);
    int join = -1;
    for (int u : users.of[out]) {
      const int c = id[static_cast<std::size_t>(u)];
      const bool fits =
          c >= 0 && (join < 0 || join == c) &&
          ir.values[static_cast<std::size_t>(ir.ops[static_cast<std::size_t>(c)].out[0])].shape ==
              ir.values[out].shape;
      if (!fits) {
        join = -2;
        break;
      }
      join = c;
    }
    if (join < 0 || size[static_cast<std::size_t>(join)] >= kMaxInstructions)
      join = static_cast<int>(i);
    id[i] = join;
    ++size[static_cast<std::size_t>(join)];
  }
  return id;
}

// Where the results of two contractions meet in a cluster, as a residual connection with a
// convolution of its own does, what is done to the earlier one before they meet becomes a cluster
// by itself, to be the epilogue of that one: a kernel's epilogue follows one chain.
class Branches {
 public:
  Branches(const Ir& ir, const Users& users, const std::vector<int>& op_of_value,
           std::vector<int>& id)
      : ir_(ir), users_(users), op_of_value_(op_of_value), id_(id) {}

  // `members` of one cluster, in order.
  void split(const std::vector<int>& members) {
    std::vector<int> roots;  // values, the last made at the end
    for (int m : members)
      for (int v : op(m).in)
        if (is_root(v, members.back()) && std::find(roots.begin(), roots.end(), v) == roots.end())
          roots.push_back(v);
    std::sort(roots.begin(), roots.end(), [&](int a, int b) { return maker(a) < maker(b); });
    for (std::size_t i = 0; i + 1 < roots.size(); ++i) split_off(members, roots[i], roots);
  }

 private:
  const IrOp& op(int i) const { return ir_.ops[static_cast<std::size_t>(i)]; }
  int maker(int v) const { return op_of_value_[static_cast<std::size_t>(v)]; }
  int& id(int i) { return id_[static_cast<std::size_t>(i)]; }

  bool is_root(int v, int last) const {
    const IrValue& value = ir_.values[static_cast<std::size_t>(v)];
    return maker(v) >= 0 && takes_epilogue(op(maker(v)).op) && !value.held &&
           value.shape == ir_.values[static_cast<std::size_t>(op(last).out[0])].shape;
  }

  // The members that depend on `root` and on nothing else that the cluster or another root makes.
  void split_off(const std::vector<int>& members, int root, const std::vector<int>& roots) {
    std::vector<int> own;
    const auto is_own = [&](int i) { return std::find(own.begin(), own.end(), i) != own.end(); };
    for (int m : members) {
      bool any = false, all = true;
      for (int v : op(m).in) {
        const bool inside = v == root || (maker(v) >= 0 && is_own(maker(v)));
        const bool foreign = (maker(v) >= 0 && id(maker(v)) == members.back()) ||
                             std::find(roots.begin(), roots.end(), v) != roots.end();
        any = any || inside;
        all = all && (inside || !foreign);
      }
      if (any && all) own.push_back(m);
    }
    if (own.empty() || is_own(members.back())) return;
    int exits = 0;
    const auto leaves = [&](int v) {
      const auto& readers = users_.of[static_cast<std::size_t>(v)];
      return ir_.values[static_cast<std::size_t>(v)].held ||
             !std::all_of(readers.begin(), readers.end(), is_own);
    };
    for (int m : own) exits += leaves(op(m).out[0]) ? 1 : 0;
    if (exits != 1 || leaves(root) || !leaves(op(own.back()).out[0])) return;
    for (int m : own) id(m) = own.back();
  }

  const Ir& ir_;
  const Users& users_;
  const std::vector<int>& op_of_value_;
  std::vector<int>& id_;
};

// The map op made of the members (in order); its place is that of the last one.
IrOp make_map(const Ir& ir, const Users& users, const std::vector<int>& members) {
  IrOp map;
  map.op = QN_OP_MAP;
  std::vector<std::pair<int, int>> number;  // value -> program value
  auto inside = [&](int v) {
    return std::any_of(members.begin(), members.end(),
                       [&](int m) { return ir.ops[static_cast<std::size_t>(m)].out[0] == v; });
  };
  auto find = [&](int v) {
    for (auto& [value, n] : number)
      if (value == v) return n;
    return -1;
  };
  for (int m : members)
    for (int v : ir.ops[static_cast<std::size_t>(m)].in)
      if (!inside(v) && find(v) < 0) {
        number.emplace_back(v, static_cast<int>(map.in.size()));
        map.in.push_back(v);
        map.program.in_dtype.push_back(to_abi(ir.values[static_cast<std::size_t>(v)].dtype));
      }
  map.n_op_in = map.in.size();
  const int n_in = static_cast<int>(map.in.size());
  for (int m : members) {
    const IrOp& op = ir.ops[static_cast<std::size_t>(m)];
    const int out = op.out[0];
    qn_inst inst{};
    inst.op = op.op;
    inst.dtype = to_abi(ir.values[static_cast<std::size_t>(out)].dtype);
    inst.a = find(op.in[0]);
    inst.b = op.in.size() > 1 ? find(op.in[1]) : -1;
    inst.c = op.in.size() > 2 ? find(op.in[2]) : -1;
    const int n = n_in + static_cast<int>(map.program.inst.size());
    map.program.inst.push_back(inst);
    number.emplace_back(out, n);
    const auto& readers = users.of[static_cast<std::size_t>(out)];
    const bool leaves = ir.values[static_cast<std::size_t>(out)].held ||
                        std::any_of(readers.begin(), readers.end(), [&](int u) {
                          return std::find(members.begin(), members.end(), u) == members.end();
                        });
    if (leaves) {
      map.out.push_back(out);
      map.program.out.push_back(static_cast<std::uint32_t>(n));
    }
  }
  return map;
}

// root -> map: the map's program becomes root's epilogue when nothing else reads root's result.
bool attach(const Ir& ir, const Users& users, const std::vector<int>& op_of_value, IrOp& map,
            std::vector<char>& gone) {
  if (map.out.size() != 1) return false;
  // The last one made comes first: what it meets is there by then.
  std::vector<std::size_t> order(map.in.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return op_of_value[static_cast<std::size_t>(map.in[a])] >
           op_of_value[static_cast<std::size_t>(map.in[b])];
  });
  for (const std::size_t k : order) {
    const auto v = static_cast<std::size_t>(map.in[k]);
    const int p = op_of_value[v];
    if (p < 0 || gone[static_cast<std::size_t>(p)]) continue;
    const IrOp& root = ir.ops[static_cast<std::size_t>(p)];
    if (!takes_epilogue(root.op) || root.out.size() != 1 || ir.values[v].held) continue;
    if (ir.values[v].shape != ir.values[static_cast<std::size_t>(map.out[0])].shape) continue;
    const int cluster_size = static_cast<int>(map.program.inst.size());
    // Every reader must be in this map; instructions hold all of them.
    int reads = 0;
    for (int u : users.of[v])
      reads += elementwise(ir.ops[static_cast<std::size_t>(u)]) ? 1 : cluster_size + 1;
    int inside = 0;
    for (const qn_inst& i : map.program.inst)
      inside +=
          (i.a == static_cast<int>(k) || i.b == static_cast<int>(k) || i.c == static_cast<int>(k))
              ? 1
              : 0;
    if (reads != inside) continue;
    IrOp f;
    f.op = root.op;
    f.attrs = root.attrs;
    f.in = root.in;
    f.n_op_in = root.in.size();
    f.root_dtype = ir.values[v].dtype;
    f.out = map.out;
    std::vector<std::int32_t> renumber(map.in.size() + map.program.inst.size());
    const auto n_in = static_cast<std::int32_t>(map.in.size());
    renumber[k] = 0;
    f.program.in_dtype.push_back(map.program.in_dtype[k]);
    std::int32_t next = 1;
    for (std::size_t j = 0; j < map.in.size(); ++j)
      if (j != k) {
        renumber[j] = next++;
        f.in.push_back(map.in[j]);
        f.program.in_dtype.push_back(map.program.in_dtype[j]);
      }
    for (std::size_t j = 0; j < map.program.inst.size(); ++j)
      renumber[static_cast<std::size_t>(n_in) + j] = n_in + static_cast<std::int32_t>(j);
    for (qn_inst i : map.program.inst) {
      if (i.a >= 0) i.a = renumber[static_cast<std::size_t>(i.a)];
      if (i.b >= 0) i.b = renumber[static_cast<std::size_t>(i.b)];
      if (i.c >= 0) i.c = renumber[static_cast<std::size_t>(i.c)];
      f.program.inst.push_back(i);
    }
    f.program.out = map.program.out;
    map = std::move(f);
    gone[static_cast<std::size_t>(p)] = 1;
    return true;
  }
  return false;
}

}  // namespace

void fuse(Ir& ir) {
  const Users users(ir);
  std::vector<int> id = cluster(ir, users);
  std::vector<int> op_of_value(ir.values.size(), -1);
  for (std::size_t i = 0; i < ir.ops.size(); ++i)
    for (int v : ir.ops[i].out) op_of_value[static_cast<std::size_t>(v)] = static_cast<int>(i);
  const auto members_of = [&] {
    std::vector<std::vector<int>> members(ir.ops.size());
    for (std::size_t i = 0; i < ir.ops.size(); ++i)
      if (id[i] >= 0) members[static_cast<std::size_t>(id[i])].push_back(static_cast<int>(i));
    return members;
  };
  const bool contracts = std::any_of(ir.ops.begin(), ir.ops.end(),
                                     [](const IrOp& op) { return takes_epilogue(op.op); });
  Branches branches(ir, users, op_of_value, id);
  if (contracts)
    for (const auto& cluster : members_of())
      if (cluster.size() > 1) branches.split(cluster);
  const std::vector<std::vector<int>> members = members_of();
  std::vector<char> gone(ir.ops.size(), 0);
  std::vector<IrOp> fused(ir.ops.size());
  for (std::size_t i = 0; i < ir.ops.size(); ++i) {
    if (id[i] < 0) continue;
    if (id[i] != static_cast<int>(i)) {
      gone[i] = 1;
      continue;
    }
    fused[i] = make_map(ir, users, members[i]);
    if (fused[i].in.size() <= kMaxInputs) attach(ir, users, op_of_value, fused[i], gone);
  }
  std::vector<IrOp> out;
  for (std::size_t i = 0; i < ir.ops.size(); ++i) {
    if (gone[i]) continue;
    if (id[i] >= 0) {
      out.push_back(std::move(fused[i]));
    } else {
      ir.ops[i].n_op_in = ir.ops[i].in.size();
      out.push_back(std::move(ir.ops[i]));
    }
  }
  ir.ops = std::move(out);
}

}  // namespace quern
