// Groups of kept steps: each prepares operands out of leaves alone, and is run as a whole or not at
// all. It settles which steps, in which order and where their results lie; whether the leaves have
// changed is asked at run time (kept.h).
#include <algorithm>
#include <numeric>

#include "runtime/graph/collect.h"
#include "runtime/graph/passes/memory.h"

namespace quern {
namespace {

constexpr std::uint64_t kAlign = 64;

class Grouping {
 public:
  explicit Grouping(Assignment& a) : a_(a), maker_(a.storages.size(), -1), root_(a.steps.size()) {}

  void run(bool plain_only) {
    join();
    drop(plain_only);
    reorder();
    settle();
  }

 private:
  Storage& storage(const Operand& o) {
    return a_.storages[static_cast<std::size_t>(o.form.storage)];
  }
  int& maker(const Operand& o) { return maker_[static_cast<std::size_t>(o.form.storage)]; }
  std::size_t find(std::size_t i) {
    while (root_[i] != i) i = root_[i] = root_[root_[i]];
    return i;
  }

  // Kept steps of which one reads the other are of one group.
  void join() {
    std::iota(root_.begin(), root_.end(), std::size_t{0});
    for (std::size_t i = 0; i < a_.steps.size(); ++i) {
      PlannedStep& s = a_.steps[i];
      for (const Operand& o : s.out) s.kept = s.kept && !storage(o).output;
      for (const Operand& o : s.in) s.kept = s.kept && (storage(o).leaf >= 0 || maker(o) >= 0);
      if (!s.kept) continue;
      for (const Operand& o : s.in)
        if (maker(o) >= 0) root_[find(i)] = find(static_cast<std::size_t>(maker(o)));
      for (const Operand& o : s.out) maker(o) = static_cast<int>(i);
    }
  }

  void drop(bool plain_only) {
    std::vector<char> reads_leaf(a_.steps.size(), 0), plain(a_.steps.size(), 1);
    for (std::size_t i = 0; i < a_.steps.size(); ++i) {
      const PlannedStep& s = a_.steps[i];
      if (!s.kept) continue;
      for (const Operand& o : s.in)
        (storage(o).leaf >= 0 ? reads_leaf[find(i)] = 1 : plain[find(i)] = 0);
      if (s.op != QN_OP_RELAYOUT) plain[find(i)] = 0;
    }
    for (std::size_t i = 0; i < a_.steps.size(); ++i)
      a_.steps[i].kept = a_.steps[i].kept && reads_leaf[find(i)] && (!plain_only || plain[find(i)]);
    for (Storage& s : a_.storages) s.kept = false;
    for (const PlannedStep& s : a_.steps)
      for (const Operand& o : s.out) storage(o).kept = s.kept;
  }

  // Each group comes in front of its first reader; without one it goes.
  void reorder() {
    std::vector<std::vector<std::size_t>> members(a_.steps.size());
    for (std::size_t i = 0; i < a_.steps.size(); ++i)
      if (a_.steps[i].kept) members[find(i)].push_back(i);
    std::vector<PlannedStep> order;
    for (std::size_t i = 0; i < a_.steps.size(); ++i) {
      if (a_.steps[i].kept) continue;
      for (const Operand& o : a_.steps[i].in) {
        if (!storage(o).kept) continue;
        auto& group = members[find(static_cast<std::size_t>(maker(o)))];
        if (group.empty()) continue;
        a_.groups.emplace_back();
        a_.groups.back().first = order.size();
        a_.groups.back().n_steps = group.size();
        for (const std::size_t m : group) order.push_back(std::move(a_.steps[m]));
        group.clear();
      }
      order.push_back(std::move(a_.steps[i]));
    }
    a_.steps = std::move(order);
  }

  // Of each group the places of what other steps read, its leaves and its key.
  void settle() {
    std::vector<int> group(a_.steps.size(), -1);
    for (std::size_t n = 0; n < a_.groups.size(); ++n)
      for (std::size_t i = 0; i < a_.groups[n].n_steps; ++i) {
        const std::size_t step = a_.groups[n].first + i;
        group[step] = static_cast<int>(n);
        for (const Operand& o : a_.steps[step].out) maker(o) = static_cast<int>(step);
      }
    for (std::size_t i = 0; i < a_.steps.size(); ++i)
      for (const Operand& o : a_.steps[i].in) {
        Storage& s = storage(o);
        if (a_.steps[i].kept || !s.kept) continue;
        const int n = group[static_cast<std::size_t>(maker(o))];
        Group& g = a_.groups[static_cast<std::size_t>(n)];
        g.last = static_cast<int>(i);
        if (s.group >= 0) continue;
        s.group = n;
        s.at = g.bytes;
        g.bytes += (std::max<std::uint64_t>(s.bytes, 1) + kAlign - 1) / kAlign * kAlign;
      }
    for (Group& g : a_.groups)
      for (std::size_t i = g.first; i < g.first + g.n_steps; ++i) add(g, a_.steps[i]);
  }

  void add(Group& g, const PlannedStep& s) {
    g.key.push_back(s.op | std::uint64_t{s.in.size()} << 32);
    add_attrs(s.attrs, g.key);
    for (const qn_inst& inst : s.program.inst) {
      g.key.push_back(inst.op | std::uint64_t{inst.dtype} << 32);
      for (const std::int32_t v : {inst.a, inst.b, inst.c})
        g.key.push_back(static_cast<std::uint32_t>(v));
    }
    for (const std::uint32_t v : s.program.out) g.key.push_back(v);
    for (std::size_t k = 0; k < s.in.size(); ++k) add(g, s.in[k], s.in_meta[k]);
    for (std::size_t k = 0; k < s.out.size(); ++k) add(g, s.out[k], s.out_meta[k]);
  }

  void add(Group& g, const Operand& o, const Meta& m) {
    const Storage& s = storage(o);
    if (s.leaf >= 0) {
      auto known = std::find(g.leaves.begin(), g.leaves.end(), s.leaf);
      if (known == g.leaves.end()) known = g.leaves.insert(known, s.leaf);
      g.key.push_back(static_cast<std::uint64_t>(known - g.leaves.begin()) << 1 | 1);
    } else {
      g.key.push_back((static_cast<std::uint64_t>(maker(o)) - g.first) << 1);
      g.key.push_back(s.group >= 0 ? s.at : ~std::uint64_t{0});
    }
    g.key.push_back(static_cast<std::uint64_t>(o.form.offset));
    g.key.push_back(static_cast<std::uint64_t>(m.dtype) | std::uint64_t{m.shape.size()} << 32);
    for (const std::int64_t v : m.shape) g.key.push_back(static_cast<std::uint64_t>(v));
    const Layout& l = o.form.layout;
    if (l.named) return add_text(l.name, g.key);
    for (const std::int64_t v : l.strides) g.key.push_back(static_cast<std::uint64_t>(v));
  }

  Assignment& a_;
  std::vector<int> maker_;         // of each storage the kept step that writes it, or -1
  std::vector<std::size_t> root_;  // of each step another of its group
};

}  // namespace

void group_kept(Assignment& a, bool plain_only) { Grouping(a).run(plain_only); }

}  // namespace quern
