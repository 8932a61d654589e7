// compile: trace once for each combination of shapes and dtypes, then replay that graph's plan.
// Inside another transform the graph is recorded again, so that it can be differentiated.
#include <algorithm>
#include <mutex>

#include "runtime/graph/collect.h"
#include "runtime/graph/eval.h"
#include "runtime/host/runtime.h"
#include "runtime/transforms/subgraph.h"

namespace quern {
namespace {

// Where a leaf of the plan or an output of the function comes from.
struct Source {
  enum Kind : std::uint8_t { INPUT, CONSTANT, RESULT } kind;
  std::size_t index;
};

class Replayed final : public Function {
 public:
  Replayed(Runtime& rt, Subgraph g)
      : Function(rt, static_cast<std::uint32_t>(g.inputs.size()),
                 static_cast<std::uint32_t>(g.outputs.size())),
        g_(std::move(g)) {}

  bool fits(std::span<const Array> in) const {
    for (std::size_t i = 0; i < in.size(); ++i)
      if (g_.inputs[i].dtype() != in[i].dtype() || g_.inputs[i].shape() != in[i].shape())
        return false;
    return true;
  }

  // A graph that reads arrays of an open transform is of no use after it.
  bool lasting() const { return std::none_of(g_.captured.begin(), g_.captured.end(), is_traced); }

  // in fits.
  ArrayList run(std::span<const Array> in) {
    if (std::any_of(in.begin(), in.end(), is_traced) || !lasting()) return record_again(g_, in);
    const auto pending = [](const Array& a) {
      return !a.rep()->evaluated.load(std::memory_order_acquire);
    };
    if (std::any_of(in.begin(), in.end(), pending)) runtime().eval(in);
    if (!constants_ready_.load(std::memory_order_acquire)) {
      runtime().eval(g_.captured);
      constants_ready_.store(true, std::memory_order_release);
    }
    return replay(in);
  }

 private:
  ArrayList invoke(std::span<const Array> in) override {
    if (!fits(in)) {
      std::string want, got;
      for (std::size_t i = 0; i < in.size(); ++i) {
        const char* comma = i ? ", " : "";
        want += str(comma, name(g_.inputs[i].dtype()), to_string(g_.inputs[i].shape()));
        got += str(comma, name(in[i].dtype()), to_string(in[i].shape()));
      }
      fail_invalid("[fn] called with ", got, "; expected ", want,
                   ", the shapes and dtypes it was traced with");
    }
    return run(in);
  }

  // A plan is made for the strides of its leaves.
  struct Variant {
    std::vector<Strides> strides;
    std::shared_ptr<Plan> plan;
    bool may_fold = true;
  };

  struct Prepared {
    Ir ir;
    std::vector<Source> leaves, outputs;
    std::vector<Array> constants;
  };

  Prepared prepare() const {
    const Collected c = collect_function(g_.outputs);
    Prepared p;
    p.ir = c.ir();
    auto input = [&](const Array& a) {
      const auto at = std::find_if(g_.inputs.begin(), g_.inputs.end(),
                                   [&](const Array& i) { return i.rep() == a.rep(); });
      return static_cast<std::size_t>(at - g_.inputs.begin());
    };
    for (const Array& l : c.leaves) {
      const std::size_t i = input(l);
      const bool constant = i == g_.inputs.size();
      p.leaves.push_back(constant ? Source{Source::CONSTANT, p.constants.size()}
                                  : Source{Source::INPUT, i});
      if (constant) p.constants.push_back(l);
    }
    for (const Array& o : g_.outputs) {
      const auto held = std::find_if(c.held.begin(), c.held.end(), [&](const Collected::Held& h) {
        return h.array.rep() == o.rep();
      });
      const std::size_t i = input(o);
      if (held != c.held.end())
        p.outputs.push_back({Source::RESULT, static_cast<std::size_t>(held - c.held.begin())});
      else if (i < g_.inputs.size())
        p.outputs.push_back({Source::INPUT, i});
      else
        p.outputs.push_back({Source::CONSTANT, 0});
    }
    return p;
  }

  Variant& variant(std::span<const Array> leaves) {
    for (Variant& v : variants_) {
      bool same = true;
      for (std::size_t k = 0; same && k < leaves.size(); ++k)
        same = v.strides[k] == leaves[k].rep()->strides;
      if (same) return v;
    }
    Variant v;
    for (const Array& l : leaves) v.strides.push_back(l.rep()->strides);
    if (variants_.size() == kMaxVariants) variants_.erase(variants_.begin());
    variants_.push_back(std::move(v));
    return variants_.back();
  }

  ArrayList replay(std::span<const Array> in) {
    ArrayList leaves;
    std::vector<BufferRef> buffers;
    std::lock_guard lock(runtime().mutex());
    if (!prepared_) prepared_ = std::make_unique<Prepared>(prepare());
    const Prepared& p = *prepared_;
    leaves.reserve(p.leaves.size());
    for (const Source& s : p.leaves)
      leaves.push_back(s.kind == Source::INPUT ? in[s.index] : p.constants[s.index]);
    std::shared_ptr<Plan> plan;
    if (!p.ir.ops.empty()) {
      Variant& v = variant(leaves);
      if (v.plan && !v.plan->usable()) {
        if (v.plan->folded_in_vain()) v.may_fold = false;
        v.plan = nullptr;
      }
      for (int tries = 0;; ++tries) {
        PlanCache& plans = runtime().plans();
        if (tries == 0) {
          plans.evaluations.fetch_add(1, std::memory_order_relaxed);
          (v.plan ? plans.hits : plans.misses).fetch_add(1, std::memory_order_relaxed);
        }
        if (!v.plan) {
          v.plan = plan_for(runtime(), p.ir, leaves, {}, v.may_fold);
          plans.watch(v.plan);
        }
        if (run_plan(runtime(), *v.plan, leaves, buffers, tries)) break;
        v.plan = nullptr;
      }
      plan = v.plan;
    }
    ArrayList out;
    out.reserve(p.outputs.size());
    for (std::size_t i = 0; i < p.outputs.size(); ++i) {
      const Array& o = g_.outputs[i];
      switch (p.outputs[i].kind) {
        case Source::INPUT:
          out.push_back(in[p.outputs[i].index]);
          break;
        case Source::CONSTANT:
          out.push_back(o);
          break;
        case Source::RESULT: {
          const ResultPlace& r = plan->results[p.outputs[i].index];
          const ArrayRep* leaf = r.from_leaf ? leaves[r.source].rep() : nullptr;
          out.push_back(make_leaf(runtime(), o.dtype(), o.shape(), r.strides,
                                  leaf ? leaf->buffer : buffers[r.source],
                                  leaf ? leaf->offset + r.offset : r.offset));
        }
      }
    }
    return out;
  }

  static constexpr std::size_t kMaxVariants = 8;
  Subgraph g_;
  std::atomic<bool> constants_ready_{false};
  // Under the runtime's lock.
  std::unique_ptr<Prepared> prepared_;
  std::vector<Variant> variants_;
};

class Compiled final : public Function {
 public:
  explicit Compiled(FunctionRef f)
      : Function(f->runtime(), f->n_in(), f->n_out()), f_(std::move(f)) {}

 private:
  ArrayList invoke(std::span<const Array> in) override {
    if (const auto known = find(in)) return known->run(in);
    // Traced without the lock: f may call this function again, and so may other threads.
    std::vector<Meta> metas;
    for (const Array& a : in) metas.push_back({a.shape(), a.dtype()});
    std::shared_ptr<Replayed> fresh;
    {
      const Tracing t = Tracing::of_placeholders(runtime(), metas);
      fresh = std::make_shared<Replayed>(runtime(), cut(t, f_->call(t.inputs())));
    }
    if (fresh->lasting()) {
      std::lock_guard lock(mutex_);
      if (entries_.size() == kMaxEntries) entries_.erase(entries_.begin());
      entries_.push_back(fresh);
    }
    return fresh->run(in);
  }

  std::shared_ptr<Replayed> find(std::span<const Array> in) {
    std::lock_guard lock(mutex_);
    for (const auto& e : entries_)
      if (e->fits(in)) return e;
    return nullptr;
  }

  static constexpr std::size_t kMaxEntries = 32;
  FunctionRef f_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Replayed>> entries_;
};

}  // namespace

FunctionRef replayed(Runtime& rt, Subgraph g) {
  return std::make_shared<Replayed>(rt, std::move(g));
}

FunctionRef compile(FunctionRef f) { return std::make_shared<Compiled>(std::move(f)); }

}  // namespace quern
