// Liveness and offset assignment: largest first, each at the lowest place free during its life.
#include "runtime/graph/passes/memory.h"

#include <algorithm>

namespace quern {
namespace {

constexpr std::uint64_t kAlign = 64;

std::uint64_t aligned(std::uint64_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

bool same_layout(const Layout& a, const Layout& b) {
  return a.named == b.named && (a.named ? a.name == b.name : a.strides == b.strides);
}

void find_lives(Assignment& a, bool sources_stay) {
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    auto touch = [&](const Operand& o) {
      Storage& s = a.storages[static_cast<std::size_t>(o.form.storage)];
      if (s.first < 0) s.first = static_cast<int>(i);
      s.last = static_cast<int>(i);
    };
    for (const Operand& o : a.steps[i].in) touch(o);
    for (const Operand& o : a.steps[i].out) touch(o);
  }
  if (!sources_stay) return;
  for (std::size_t i = a.steps.size(); i-- > 0;) {
    const PlannedStep& s = a.steps[i];
    if (s.op != QN_OP_RELAYOUT || !s.out[0].form.layout.named) continue;
    Storage& from = a.storages[static_cast<std::size_t>(s.in[0].form.storage)];
    from.last =
        std::max(from.last, a.storages[static_cast<std::size_t>(s.out[0].form.storage)].last);
  }
}

bool in_arena(const Storage& s) { return s.leaf < 0 && !s.output && s.group < 0; }

// Output 0 of a step may lie on an input that dies there; if the caller gets it, on a spare leaf.
void reuse_in_place(Assignment& a) {
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    PlannedStep& step = a.steps[i];
    if (step.out.empty() || !step.offer.inplace_mask) continue;
    const int out = step.out[0].form.storage;
    Storage& o = a.storages[static_cast<std::size_t>(out)];
    if ((!in_arena(o) && !o.output) || o.kept || o.first != static_cast<int>(i)) continue;
    for (std::size_t k = 0; k < step.in.size() && k < 64; ++k) {
      if (!(step.offer.inplace_mask >> k & 1)) continue;
      const Form& f = step.in[k].form;
      Storage& s = a.storages[static_cast<std::size_t>(f.storage)];
      if (!(o.output ? s.spare : in_arena(s)) || s.kept || s.last != static_cast<int>(i) ||
          s.bytes != o.bytes || f.offset != 0)
        continue;
      if (step.in_meta[k].dtype != step.out_meta[0].dtype ||
          step.in_meta[k].shape != step.out_meta[0].shape)
        continue;
      if (!same_layout(f.layout, step.out[0].form.layout)) continue;
      const bool read_otherwise =
          std::any_of(step.in.begin(), step.in.end(), [&](const Operand& other) {
            return other.form.storage == f.storage &&
                   (other.form.offset != 0 || !same_layout(other.form.layout, f.layout));
          });
      if (read_otherwise) continue;
      if (o.output) {
        o.taken_from = s.leaf;
        break;
      }
      int root = f.storage;
      while (a.storages[static_cast<std::size_t>(root)].same_as >= 0)
        root = a.storages[static_cast<std::size_t>(root)].same_as;
      o.same_as = root;
      Storage& r = a.storages[static_cast<std::size_t>(root)];
      r.last = std::max(r.last, o.last);
      break;
    }
  }
}

struct Item {
  std::uint64_t bytes;
  int first, last;
  std::uint64_t* at;
  bool kept;  // not needed once kept values are at hand: placed behind the others
};

}  // namespace

ArenaSize place_memory(Assignment& a, std::vector<Scratch>& scratch, bool sources_stay) {
  find_lives(a, sources_stay);
  reuse_in_place(a);
  std::vector<Item> items;
  for (Storage& s : a.storages)
    if (in_arena(s) && s.same_as < 0 && s.first >= 0)
      items.push_back(
          {aligned(std::max<std::uint64_t>(s.bytes, 1)), s.first, s.last, &s.at, s.kept});
  for (Scratch& s : scratch)
    if (s.bytes)
      items.push_back({aligned(s.bytes), s.step, s.step, &s.at,
                       a.steps[static_cast<std::size_t>(s.step)].kept});
  for (Group& g : a.groups)
    if (g.bytes)
      items.push_back({aligned(g.bytes), static_cast<int>(g.first), g.last, &g.at, true});
  std::stable_sort(items.begin(), items.end(), [](const Item& x, const Item& y) {
    return x.kept != y.kept ? y.kept : x.bytes > y.bytes;
  });
  std::vector<const Item*> placed;
  ArenaSize size;
  for (const Item& it : items) {
    std::vector<const Item*> near;
    for (const Item* p : placed)
      if (p->first <= it.last && it.first <= p->last) near.push_back(p);
    std::sort(near.begin(), near.end(),
              [](const Item* x, const Item* y) { return *x->at < *y->at; });
    std::uint64_t at = 0;
    for (const Item* p : near) {
      if (at + it.bytes <= *p->at) break;
      at = std::max(at, *p->at + p->bytes);
    }
    *it.at = at;
    size.bytes = std::max(size.bytes, at + it.bytes);
    if (!it.kept) size.kept_bytes = size.bytes;
    placed.push_back(&it);
  }
  for (Storage& s : a.storages)
    if (s.same_as >= 0) s.at = a.storages[static_cast<std::size_t>(s.same_as)].at;
  return size;
}

}  // namespace quern
