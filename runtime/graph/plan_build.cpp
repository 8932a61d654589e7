// From a graph to a plan: passes, the cheapest assignment, kernel plans, memory, the flat list of
// steps.
#include <algorithm>
#include <iterator>

#include "runtime/core/error.h"
#include "runtime/graph/assign.h"
#include "runtime/graph/node.h"
#include "runtime/graph/opdesc.h"
#include "runtime/graph/passes/memory.h"
#include "runtime/graph/plan.h"
#include "runtime/graph/select.h"
#include "runtime/graph/tuner.h"
#include "runtime/host/call.h"
#include "runtime/host/executor.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

constexpr std::uint64_t kMaxScratch = std::uint64_t{1} << 40;
constexpr std::uint32_t kMaxTiles = 1u << 24;
// A plan that runs so often is worth measuring for.
constexpr std::uint32_t kRunsUntilTuning = 8;

void prepare_kernel(Runtime& rt, const PlannedStep& p, Step& s, qn_plan_info& info) {
  OpDesc d(p.op, p.attrs, p.n_op_in, rt.executor().workers(), rt.accuracy());
  describe(p, d);
  info = {};
  info.hdr.struct_size = sizeof info;
  info.n_tiles = 1;
  qn_error_slot slot;
  qn_status status;
  status = call_plugin(&slot, s.plugin->entry().plan, s.plugin->self(), &d.get(), p.offer.kernel_id,
                       &s.plan, &info, &slot);
  if (status != QN_OK) {
    s.plan = nullptr;  // what a failing call leaves there is not a plan
  } else if (!s.plan) {
    status = QN_E_INTERNAL;
    slot.text = "plan returned no plan";
  } else if (info.workspace > p.offer.workspace_max) {
    status = QN_E_INTERNAL;
    slot.text = str("needs ", info.workspace, " bytes of workspace, its offer said at most ",
                    p.offer.workspace_max);
  } else if (info.worker_scratch > kMaxScratch || info.n_tiles > kMaxTiles) {
    status = QN_E_INTERNAL;
    slot.text = str("asks for ", info.n_tiles, " tiles and ", info.worker_scratch,
                    " bytes of scratch a worker");
  }
  if (status == QN_E_RESOURCE_EXHAUSTED)
    throw Error(status, str("[", op_info(p.op).name, "] ", s.plugin->id(), "/", p.offer.kernel,
                            ": ", slot.text.empty() ? "out of memory" : slot.text));
  if (status != QN_OK)
    throw KernelFault{s.plugin->id(), p.offer.kernel, op_info(p.op).name, slot.text, p.op, status};
}

StepDetail detail_of(const Assignment& a, std::size_t i, std::uint64_t workspace) {
  StepDetail d{a.steps[i], workspace, {}};
  for (const Operand& o : d.step.in) {
    d.source.push_back(-1);
    for (std::size_t k = 0; k < i && o.form.layout.named; ++k)
      if (a.steps[k].op == QN_OP_RELAYOUT && !a.steps[k].in[0].form.layout.named &&
          a.steps[k].out[0].form.storage == o.form.storage)
        d.source.back() = static_cast<int>(k);
  }
  return d;
}

}  // namespace

std::unique_ptr<Plan> make_plan(Runtime& rt, Ir ir, std::span<const Array> leaves, bool may_fold) {
  simplify(ir);
  const bool folded = may_fold && fold(rt, ir);
  split_phases(rt, ir);
  unfold(rt, ir);
  quantized_products(rt, ir);
  inner_products(rt, ir);
  widen(rt, ir);
  fuse(ir);
  find_kept(ir);
  Assignment a = assign(rt, ir, leaves, LayoutPolicy::ANY);
  const bool opaque = std::any_of(a.steps.begin(), a.steps.end(), [](const PlannedStep& s) {
    return std::any_of(s.out.begin(), s.out.end(),
                       [](const Operand& o) { return o.form.layout.named; });
  });
  if (opaque) {
    Assignment b = assign(rt, ir, leaves, LayoutPolicy::STRIDED_ONLY);
    if (b.est_ns < a.est_ns) std::swap(a, b);
    std::move(b.questions.begin(), b.questions.end(), std::back_inserter(a.questions));
  }
  if (Tuner* tuner = rt.tuner()) tuner->save();

  group_kept(a, rt.verify_every() != 0);

  auto plan = std::make_unique<Plan>();
  plan->may_fold = may_fold;
  plan->folded = folded;
  if (!a.questions.empty()) {
    plan->tuning = std::make_shared<TuningRequest>();
    plan->tuning->questions = std::move(a.questions);
    plan->runs_until_tuning = kRunsUntilTuning;
  }
  plan->n_leaf = static_cast<std::uint32_t>(leaves.size());
  plan->est_ns = a.est_ns;
  std::vector<Scratch> scratch;
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    PlannedStep& p = a.steps[i];
    plan->steps.emplace_back();
    Step& s = plan->steps.back();
    s.plugin = p.offer.plugin;
    s.op = p.op;
    s.threading = p.offer.threading;
    qn_plan_info info;
    prepare_kernel(rt, p, s, info);
    s.n_tiles = std::max(1u, info.n_tiles);
    s.worker_scratch = (info.worker_scratch + 63) / 64 * 64;
    s.info.op = title(p);
    s.info.shapes = operands_text(p, false);
    s.info.layouts = operands_text(p, true);
    s.info.plugin = s.plugin->id();
    s.info.kernel = p.offer.kernel;
    s.info.rejected = p.rejected;
    s.info.est_ns = p.offer.est_ns;
    s.info.measured_ns = p.offer.measured_ns;
    if (s.threading == QN_THREADING_TILES ? s.n_tiles > 1
                                          : s.threading == QN_THREADING_PARALLEL_FOR)
      plan->parallel_ns += p.offer.est_ns;
    s.info.workspace = info.workspace;
    if (rt.verify_every()) plan->detail.push_back(detail_of(a, i, info.workspace));
    scratch.push_back({static_cast<int>(i), info.workspace});
    scratch.push_back({static_cast<int>(i), s.worker_scratch * rt.executor().workers()});
  }
  const ArenaSize arena_size = place_memory(a, scratch, rt.verify_every() != 0);
  plan->arena_bytes = arena_size.bytes;
  plan->arena_kept_bytes = arena_size.kept_bytes;
  for (Group& g : a.groups) {
    const auto first = plan->steps.begin() + static_cast<std::ptrdiff_t>(g.first);
    const auto end = first + static_cast<std::ptrdiff_t>(g.n_steps);
    plan->kept.push_back({KeptGroup({g.key.begin(), g.key.end()},
                                    {g.leaves.begin(), g.leaves.end()}, g.bytes, leaves),
                          g.first, g.first + g.n_steps, g.at,
                          static_cast<std::uint64_t>(std::count_if(
                              first, end, [](const Step& s) { return s.op == QN_OP_RELAYOUT; }))});
  }

  // Bases: leaves, outputs, arena, groups of kept steps.
  std::vector<std::uint32_t> output_of(a.storages.size(), 0);
  for (std::size_t k = 0; k < a.storages.size(); ++k)
    if (a.storages[k].output) {
      output_of[k] = static_cast<std::uint32_t>(plan->output_bytes.size());
      plan->output_bytes.push_back(a.storages[k].bytes);
      plan->output_leaf.push_back(a.storages[k].taken_from);
    }
  const std::uint32_t arena = plan->n_leaf + static_cast<std::uint32_t>(plan->output_bytes.size());
  auto place = [&](const Operand& o, const Meta& m) {
    const auto k = static_cast<std::size_t>(o.form.storage);
    const Storage& st = a.storages[k];
    const std::int64_t bytes = o.form.offset * static_cast<std::int64_t>(itemsize(m.dtype));
    if (st.leaf >= 0) return Place{static_cast<std::uint32_t>(st.leaf), bytes};
    if (st.output) return Place{plan->n_leaf + output_of[k], bytes};
    const std::uint32_t base = arena + 1 + static_cast<std::uint32_t>(st.group);
    return Place{st.group < 0 ? arena : base, bytes + static_cast<std::int64_t>(st.at)};
  };
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    PlannedStep& p = a.steps[i];
    Step& s = plan->steps[i];
    for (std::size_t k = 0; k < p.in.size(); ++k) s.in.push_back(place(p.in[k], p.in_meta[k]));
    for (std::size_t k = 0; k < p.out.size(); ++k) s.out.push_back(place(p.out[k], p.out_meta[k]));
    s.workspace = {arena, static_cast<std::int64_t>(scratch[2 * i].at)};
    s.scratch = {arena, static_cast<std::int64_t>(scratch[2 * i + 1].at)};
  }
  for (const Form& f : a.results) {
    const auto k = static_cast<std::size_t>(f.storage);
    ResultPlace r;
    r.from_leaf = a.storages[k].leaf >= 0;
    r.source = r.from_leaf ? static_cast<std::uint32_t>(a.storages[k].leaf) : output_of[k];
    r.offset = f.offset;
    r.strides = f.layout.strides;
    plan->results.push_back(std::move(r));
  }
  return plan;
}

}  // namespace quern
