// The walk over the ops in order: ask, filter by rules, add the relayouts' price, take the
// cheapest. Greedy in one walk; whole-graph alternatives come from walking again under another
// policy.
#include "runtime/graph/assign.h"

#include <algorithm>
#include <iomanip>
#include <limits>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/graph/opdesc.h"
#include "runtime/graph/passes/epilogue.h"
#include "runtime/graph/select.h"
#include "runtime/graph/tuner.h"
#include "runtime/graph/view.h"
#include "runtime/host/executor.h"
#include "runtime/host/query_key.h"
#include "runtime/host/rules.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

double relayout_ns(std::uint64_t bytes) { return 1500.0 + static_cast<double>(bytes) * 0.15; }

// The share of a relayout's price that counts where its result is kept: weights stay the same over
// many evaluations, and where they do not, kernels that take them as they are pack them as well.
constexpr double kKeptShare = 0.1;

bool same_strides(IntSpan shape, IntSpan a, IntSpan b) {
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] > 1 && a[i] != b[i]) return false;
  return true;
}

bool meets(const Layout& want, const Layout& have, IntSpan shape) {
  if (want.named != have.named) return false;
  if (want.named) return want.name == have.name;
  return want.any || same_strides(shape, want.strides, have.strides);
}

class Walk {
 public:
  Walk(Runtime& rt, const Ir& ir, std::span<const Array> leaves, LayoutPolicy policy)
      : rt_(rt), ir_(ir), leaves_(leaves), policy_(policy), forms_(ir.values.size()) {
    for (std::size_t v = 0; v < ir.values.size(); ++v) {
      const int leaf = ir.values[v].leaf;
      if (leaf < 0) continue;
      Storage s;
      s.leaf = leaf;
      s.spare = ir.values[v].spare;
      const ArrayRep& r = *leaves[static_cast<std::size_t>(leaf)].rep();
      s.bytes = static_cast<std::uint64_t>(leaves[static_cast<std::size_t>(leaf)].size()) *
                itemsize(r.dtype);
      Form f;
      f.layout.strides = r.strides;
      f.storage = add(s);
      forms_[v].push_back(f);
    }
  }

  Assignment finish() {
    for (const IrOp& op : ir_.ops) place(op);
    for (int v : ir_.results) {
      const Form& f = any_strided(v);
      plan_.results.push_back(f);
      Storage& s = plan_.storages[static_cast<std::size_t>(f.storage)];
      s.output = s.leaf < 0;
    }
    return std::move(plan_);
  }

  // Measures nothing.
  Explained explain_last() {
    asks_for_times_ = false;
    for (std::size_t i = 0; i + 1 < ir_.ops.size(); ++i) place(ir_.ops[i]);
    Explained e;
    if (ir_.ops.empty()) return e;
    const IrOp& op = ir_.ops.back();
    if (op_info(op.op).kind == OpKind::VIEW) return e;
    e.answer = ask(op);
    e.chosen = choose(op, e.answer);
    return e;
  }

 private:
  const IrValue& value(int v) const { return ir_.values[static_cast<std::size_t>(v)]; }
  Meta meta(int v) const {
    return v < static_cast<int>(ir_.values.size())
               ? Meta{value(v).shape, value(v).dtype}
               : temps_[static_cast<std::size_t>(v) - ir_.values.size()];
  }
  bool kept(int v) const { return v < static_cast<int>(ir_.values.size()) && value(v).kept; }
  // A leaf, or made of leaves and kept while these do not change.
  bool constant(const Form& f) const {
    const Storage& s = plan_.storages[static_cast<std::size_t>(f.storage)];
    return s.leaf >= 0 || s.kept;
  }
  std::vector<Form>& forms(int v) { return forms_[static_cast<std::size_t>(v)]; }

  int add(const Storage& s) {
    plan_.storages.push_back(s);
    return static_cast<int>(plan_.storages.size()) - 1;
  }

  int new_storage(const Meta& m, const Layout& l) {
    Storage s;
    s.bytes =
        l.named ? l.bytes : static_cast<std::uint64_t>(element_count(m.shape)) * itemsize(m.dtype);
    return add(s);
  }

  void place(const IrOp& op) {
    if (op_info(op.op).kind == OpKind::VIEW && place_view(op)) return;
    Answer answer = ask(op);
    const int best = choose(op, answer);
    if (best < 0) {
      std::string why;
      for (const Refusal& r : answer.refusals)
        why += "\n  " + r.plugin + "/" + r.kernel + ": " + r.reason;
      throw Error(QN_E_UNIMPLEMENTED, str("[", describe_op(op), "] no kernel can serve ",
                                          describe_operands(op), why.empty() ? "" : ":", why));
    }
    emit(op, answer, answer.offers[static_cast<std::size_t>(best)]);
  }

  std::string describe_op(const IrOp& op) const {
    return op_names(op.op, op.attrs, op.program).front();
  }
  std::string describe_operands(const IrOp& op) const {
    std::string s;
    for (int v : op.in)
      s += str(s.empty() ? "" : ", ", name(meta(v).dtype), to_string(meta(v).shape));
    return s;
  }

  bool place_view(const IrOp& op) {
    const Form base = any_strided(op.in[0]);
    const Meta m = meta(op.in[0]);
    ViewOf view;
    Form f = base;
    if (!view_strides(op.op, op.attrs, m.shape, base.layout.strides, value(op.out[0]).shape, view))
      return false;
    f.layout.strides = view.strides;
    f.offset = base.offset + view.offset;
    forms(op.out[0]).push_back(f);
    return true;
  }

  // In the strict class the choice of kernels, and with it every bit, must not depend on the number
  // of threads: estimates are asked for one.
  std::uint32_t asked_workers() const {
    return rt_.accuracy() == QN_CLASS_STRICT ? 1 : rt_.executor().workers();
  }

  OpDesc describe(const IrOp& op) {
    OpDesc d(op.op, op.attrs, op.n_op_in ? op.n_op_in : op.in.size(), asked_workers(),
             rt_.accuracy());
    std::uint64_t constants = 0;
    for (std::size_t i = 0; i < op.in.size(); ++i) {
      const Form& f = forms(op.in[i]).front();
      d.add_input(meta(op.in[i]), f.layout);
      if (i < 64 && constant(f)) constants |= std::uint64_t{1} << i;
    }
    Layout row_major;
    row_major.any = true;
    for (int v : op.out) d.add_output(meta(v), row_major);
    if (op.has_program()) d.set_program(op.program);
    d.set_const_mask(constants);
    return d;
  }

  Answer ask(const IrOp& op) {
    OpDesc d = describe(op);
    Answer a = rt_.plugins().query(d.get());
    for (Offer& o : a.offers)
      for (std::size_t i = 0; i < o.out.size(); ++i)
        if (o.out[i].any) {
          o.out[i].any = false;
          o.out[i].strides = dense_strides(meta(op.out[i]).shape);
        }
    std::erase_if(a.offers, [&](const Offer& o) {
      const char* why = cut_fault(op, o);
      if (!why && rt_.accuracy() == QN_CLASS_STRICT && !o.deterministic)
        why = "not deterministic, and the strict class is asked for";
      if (why) a.refusals.push_back({o.plugin->id(), o.kernel, why});
      return why != nullptr;
    });
    tune(d, a, [&](Question& q) {
      for (const Offer& o : a.offers) q.candidates.push_back({"", trial(op, o), beyond(op, o), 0});
    });
    return a;
  }

  // Puts measured times into the answer, where there are any or they are to be had now. fill(q)
  // writes the candidates.
  template <typename F>
  void tune(OpDesc& d, Answer& a, F&& fill) {
    Tuner* tuner = rt_.tuner();
    if (!tuner || a.offers.size() < 2) return;
    const std::string digest = query_digest(d.get());
    if (tuner->apply(digest, a.offers) || !asks_for_times_) return;
    const bool strict = rt_.accuracy() == QN_CLASS_STRICT;
    const bool now = tuner->mode() == TuningMode::MEASURE;
    const bool later = tuner->mode() == TuningMode::BACKGROUND && !strict;
    if (!now && !later) return;
    Question q;
    q.digest = digest;
    fill(q);
    for (std::size_t i = 0; i < a.offers.size(); ++i) {
      Question::Candidate& c = q.candidates[i];
      c.name = candidate_name(a.offers, i);
      c.price = c.beyond + a.offers[i].est_ns;
      if (c.price < q.candidates[q.chosen].price) q.chosen = i;
    }
    const PlannedStep& first = q.candidates.front().step;
    q.title = str(title(first), " ", operands_text(first, false));
    if (now) {
      tuner->measure(q);
      tuner->apply(digest, a.offers);
    } else if (std::none_of(plan_.questions.begin(), plan_.questions.end(),
                            [&](const Question& k) { return k.digest == digest; })) {
      plan_.questions.push_back(std::move(q));
    }
  }

  // The step that an offer would be, its operands as it wants them.
  PlannedStep trial(const IrOp& op, const Offer& offer) {
    PlannedStep s;
    s.op = op.op;
    s.attrs = op.attrs;
    s.n_op_in = op.n_op_in ? op.n_op_in : op.in.size();
    s.offer = offer;
    for (std::size_t i = 0; i < op.in.size(); ++i) {
      const Meta m = meta(op.in[i]);
      Form f;
      f.layout = offer.in[i];
      if (f.layout.any) {
        f.layout = forms(op.in[i]).front().layout;
        if (f.layout.named) f.layout = dense_layout(m);
      }
      s.offer.in[i] = f.layout;
      s.in.push_back({op.in[i], f});
      s.in_meta.push_back(m);
    }
    Meta root = meta(op.out[0]);
    const bool split = take_epilogue(op, s, &root);
    for (std::size_t i = 0; i < (split ? 1 : op.out.size()); ++i) {
      Form f;
      f.layout = offer.out[i];
      s.out.push_back({op.out[i], f});
      s.out_meta.push_back(split ? root : meta(op.out[i]));
    }
    return s;
  }

  static Layout dense_layout(const Meta& m) {
    Layout l;
    l.strides = dense_strides(m.shape);
    return l;
  }

  // What taking the offer costs besides its own run.
  double beyond(const IrOp& op, const Offer& o) {
    double ns = 0;
    for (std::size_t i = 0; i < o.in.size() && i < op.in.size(); ++i) {
      const Meta m = meta(op.in[i]);
      const auto& have = forms(op.in[i]);
      if (std::any_of(have.begin(), have.end(),
                      [&](const Form& f) { return meets(o.in[i], f.layout, m.shape); }))
        continue;
      const std::uint64_t bytes =
          static_cast<std::uint64_t>(element_count(m.shape)) * itemsize(m.dtype);
      // The first operand is by custom the data, which changes.
      const bool kept = i > 0 && o.in[i].named && constant(have.front());
      ns += relayout_ns(bytes) * (kept                                         ? kKeptShare
                                  : have.front().layout.named && o.in[i].named ? 1.5
                                                                               : 1.0);
    }
    if (op.has_program() && op.op != QN_OP_MAP && o.epilogue_taken < op.program.inst.size()) {
      const Meta m = meta(op.out[0]);
      ns += 2000.0 + static_cast<double>(element_count(m.shape)) * 0.4;
    }
    for (std::size_t i = 0; i < op.out.size(); ++i)
      if (o.out[i].named && value(op.out[i]).held)
        ns += relayout_ns(static_cast<std::uint64_t>(element_count(meta(op.out[i]).shape)) * 4);
    return ns;
  }

  bool allowed(const Offer& o) const {
    if (policy_ == LayoutPolicy::ANY) return true;
    // Opaque forms of constants stay allowed: they are made once.
    return std::none_of(o.out.begin(), o.out.end(), [](const Layout& l) { return l.named; });
  }

  int choose(const IrOp& op, const Answer& a) {
    std::vector<double> prices, estimates;
    for (const Offer& o : a.offers) {
      const double more = beyond(op, o);
      prices.push_back(o.cost() + more);
      estimates.push_back(o.est_ns + more);
    }
    const Rule* rule =
        rt_.rules().match(op_names(op.op, op.attrs, op.program),
                          op_traits(op, meta(op.in.empty() ? op.out[0] : op.in[0]).dtype));
    auto least = [&](const std::vector<double>& of, auto&& fits) {
      int best = -1;
      for (std::size_t i = 0; i < a.offers.size(); ++i)
        if (fits(a.offers[i]) && (best < 0 || of[i] < of[static_cast<std::size_t>(best)]))
          best = static_cast<int>(i);
      return best;
    };
    // Where times are close, the kernel stays that estimates would take.
    auto cheapest = [&](auto&& fits) {
      const int best = least(prices, fits);
      if (best < 0 || a.offers[static_cast<std::size_t>(best)].measured_ns <= 0) return best;
      const int usual =
          least(estimates, [&](const Offer& o) { return o.measured_ns > 0 && fits(o); });
      const bool worth = prices[static_cast<std::size_t>(best)] <
                         kWorthChanging * prices[static_cast<std::size_t>(usual)];
      return worth ? best : usual;
    };
    if (rule)
      for (const std::string& choice : rule->choices) {
        const int k = cheapest([&](const Offer& o) {
          return allowed(o) && names_kernel(choice, o.plugin->id(), o.kernel);
        });
        if (k >= 0) return k;
        const int any = cheapest(
            [&](const Offer& o) { return names_kernel(choice, o.plugin->id(), o.kernel); });
        if (any >= 0) return any;
      }
    const int k = cheapest([&](const Offer& o) { return allowed(o); });
    return k >= 0 ? k : cheapest([](const Offer&) { return true; });
  }

  // A form of v that meets `want`, made by a relayout when there is none.
  Form form_meeting(int v, const Layout& want) {
    const Meta m = meta(v);
    for (const Form& f : forms(v))
      if (meets(want, f.layout, m.shape)) return f;
    Layout to = want;
    if (to.any) {
      to.any = false;
      to.strides = dense_strides(m.shape);
    }
    return relayout(v, to);
  }

  Form any_strided(int v) {
    Layout want;
    want.any = true;
    return form_meeting(v, want);
  }

  Form relayout(int v, const Layout& to) {
    const Meta m = meta(v);
    Offer best;
    std::string rejected;
    Form source;
    double best_ns = std::numeric_limits<double>::infinity();
    const std::vector<Form> sources = forms(v);
    for (const Form& from : sources) {
      OpDesc d(QN_OP_RELAYOUT, {}, 1, asked_workers(), rt_.accuracy());
      d.add_input(m, from.layout);
      d.add_output(m, to);
      Answer a = rt_.plugins().query(d.get());
      tune(d, a, [&](Question& q) {
        for (const Offer& o : a.offers)
          q.candidates.push_back({"", relayout_step(v, from, to, o), 0, 0});
      });
      const Rule* rule = rt_.rules().match({"relayout"}, {});
      for (int pass = rule ? 0 : 1;
           pass < 2 && !(best_ns < std::numeric_limits<double>::infinity()); ++pass)
        for (Offer& o : a.offers) {
          const bool named = rule && std::any_of(rule->choices.begin(), rule->choices.end(),
                                                 [&](const std::string& c) {
                                                   return names_kernel(c, o.plugin->id(), o.kernel);
                                                 });
          if (pass == 0 && !named) continue;
          if (o.cost() < best_ns) {
            best_ns = o.cost();
            best = o;
            source = from;
          }
        }
      for (const Refusal& r : a.refusals)
        rejected += str(rejected.empty() ? "" : "; ", r.plugin, '/', r.kernel, ": ", r.reason);
    }
    if (!best.plugin) {
      // Foreign opaque layouts, and strides that a plugin can't read, meet through row-major.
      Layout dense;
      dense.strides = dense_strides(m.shape);
      const bool tried = std::any_of(sources.begin(), sources.end(), [&](const Form& f) {
        return meets(dense, f.layout, m.shape);
      });
      if (to.named && !tried) {
        relayout(v, dense);
        return relayout(v, to);
      }
      throw Error(QN_E_UNIMPLEMENTED,
                  str("[relayout] no kernel turns ", layout_text(sources.front().layout), " into ",
                      layout_text(to), " for ", name(m.dtype), to_string(m.shape),
                      rejected.empty() ? "" : ": ", rejected));
    }
    PlannedStep s = relayout_step(v, source, to, best);
    Form& f = s.out[0].form;
    f.storage = new_storage(m, to);
    s.kept = constant(source);
    plan_.storages[static_cast<std::size_t>(f.storage)].kept = s.kept;
    s.rejected = rejected;
    plan_.est_ns += s.kept ? 0 : s.offer.cost();
    forms(v).push_back(f);
    plan_.steps.push_back(std::move(s));
    return forms(v).back();
  }

  PlannedStep relayout_step(int v, const Form& from, const Layout& to, const Offer& offer) {
    PlannedStep s;
    s.op = QN_OP_RELAYOUT;
    s.n_op_in = 1;
    s.in.push_back({v, from});
    Form f;
    f.layout = to;
    s.out.push_back({v, f});
    s.in_meta.push_back(meta(v));
    s.out_meta.push_back(meta(v));
    s.offer = offer;
    s.offer.in = {from.layout};
    s.offer.out = {to};
    return s;
  }

  void emit(const IrOp& op, const Answer& answer, const Offer& offer) {
    PlannedStep s;
    s.op = op.op;
    s.attrs = op.attrs;
    s.n_op_in = op.n_op_in ? op.n_op_in : op.in.size();
    for (std::size_t i = 0; i < op.in.size(); ++i) {
      s.in.push_back({op.in[i], form_meeting(op.in[i], offer.in[i])});
      s.in_meta.push_back(meta(op.in[i]));
    }
    s.offer = offer;
    for (std::size_t i = 0; i < s.in.size(); ++i) s.offer.in[i] = s.in[i].form.layout;
    for (const Refusal& r : answer.refusals)
      s.rejected += str(s.rejected.empty() ? "" : "; ", r.plugin, '/', r.kernel, ": ", r.reason);
    for (const Offer& o : answer.offers)
      if (o.plugin != offer.plugin || o.kernel != offer.kernel)
        s.rejected += str(s.rejected.empty() ? "" : "; ", o.plugin->id(), '/', o.kernel, ": ",
                          passed_over(o));
    s.kept = kept(op.out[0]);
    plan_.est_ns += s.kept ? 0 : offer.cost();
    Meta root_meta = meta(op.out[0]);
    const bool split = take_epilogue(op, s, &root_meta);
    int root = -1;
    if (split) {
      temps_.push_back(root_meta);
      forms_.emplace_back();
      root = static_cast<int>(forms_.size()) - 1;
      add_output(s, root, offer.out[0]);
    } else {
      for (std::size_t i = 0; i < op.out.size(); ++i) add_output(s, op.out[i], offer.out[i]);
    }
    plan_.steps.push_back(std::move(s));
    if (split) place(rest_of_epilogue(op, offer.epilogue_taken, root, root_meta.dtype));
  }

  static std::string passed_over(const Offer& o) {
    if (o.measured_ns <= 0) return "costlier or not in the rule";
    return str("measured ", std::fixed, std::setprecision(1), o.measured_ns / 1000, " us");
  }

  void add_output(PlannedStep& s, int v, const Layout& l) {
    Form f;
    f.layout = l;
    f.storage = new_storage(meta(v), l);
    plan_.storages[static_cast<std::size_t>(f.storage)].kept = s.kept;
    forms(v).push_back(f);
    s.out.push_back({v, f});
    s.out_meta.push_back(meta(v));
  }

  Runtime& rt_;
  const Ir& ir_;
  std::span<const Array> leaves_;
  LayoutPolicy policy_;
  std::vector<std::vector<Form>> forms_;
  std::vector<Meta> temps_;
  Assignment plan_;
  bool asks_for_times_ = true;
};

}  // namespace

Assignment assign(Runtime& rt, const Ir& ir, std::span<const Array> leaves, LayoutPolicy policy) {
  return Walk(rt, ir, leaves, policy).finish();
}

Explained explain(Runtime& rt, const Ir& ir, std::span<const Array> leaves) {
  return Walk(rt, ir, leaves, LayoutPolicy::ANY).explain_last();
}

}  // namespace quern
