// What ran and what would run, told through callbacks.
#include "runtime/core/error.h"
#include "runtime/graph/assign.h"
#include "runtime/graph/collect.h"
#include "runtime/graph/plan.h"
#include "runtime/graph/select.h"
#include "runtime/graph/tuner.h"
#include "runtime/host/plugin_host.h"
#include "runtime/host/runtime.h"

namespace quern {

void Runtime::report_plugins(qn_plugin_report_fn fn, void* self) {
  struct Row {
    PluginRef plugin;
    std::string id, path, status;
  };
  std::vector<Row> rows;
  {
    std::lock_guard lock(mutex_);
    for (const PluginRef& p : plugins_->all()) rows.push_back({p, p->id(), p->path(), "active"});
    for (const auto& r : plugins_->refused()) rows.push_back({nullptr, "", r.path, r.reason});
    for (const auto& r : plugins_->retired()) rows.push_back({nullptr, r.id, r.path, "retired"});
  }
  for (const Row& row : rows) {
    qn_plugin_report r{};
    r.hdr.struct_size = sizeof r;
    auto text = [](const char* s) { return s ? s : ""; };
    r.id = row.id.c_str();
    r.version = row.plugin ? text(row.plugin->entry().version) : "";
    r.license = row.plugin ? text(row.plugin->entry().license) : "";
    r.description = row.plugin ? text(row.plugin->entry().description) : "";
    r.path = row.path.c_str();
    r.status = row.status.c_str();
    fn(self, &r);
  }
}

void Runtime::report_kernels(qn_kernel_report_fn fn, void* self) {
  struct Row {
    StepInfo info;
    std::uint64_t plan;
  };
  std::vector<Row> rows;
  {
    std::lock_guard lock(mutex_);
    for (const auto& plan : plans_->all())
      for (const Step& s : plan->steps) rows.push_back({s.info, plan->id});
  }
  for (const Row& row : rows) {
    qn_kernel_report r{};
    r.hdr.struct_size = sizeof r;
    r.op = row.info.op.c_str();
    r.shapes = row.info.shapes.c_str();
    r.layouts = row.info.layouts.c_str();
    r.plugin = row.info.plugin.c_str();
    r.kernel = row.info.kernel.c_str();
    r.rejected = row.info.rejected.c_str();
    r.runs = row.info.runs;
    r.total_ns = row.info.total_ns;
    r.est_ns = row.info.est_ns;
    r.workspace = row.info.workspace;
    r.plan = row.plan;
    r.measured_ns = row.info.measured_ns;
    r.verified = row.info.verified;
    r.max_error = row.info.max_error;
    fn(self, &r);
  }
}

void Runtime::report_tuning(qn_tuning_report_fn fn, void* self) {
  Tuner::State s{"off", "", "", 0, 0, 0, 0};
  {
    std::lock_guard lock(mutex_);
    if (tuner_) s = tuner_->state();
  }
  qn_tuning_report r{};
  r.hdr.struct_size = sizeof r;
  r.mode = s.mode;
  r.file = s.file.c_str();
  r.problem = s.problem.c_str();
  r.questions = s.questions;
  r.candidates_run = s.candidates_run;
  r.spent_ns = s.spent_ns;
  r.plans_waiting = s.waiting;
  fn(self, &r);
}

void Runtime::report_quarantined(qn_quarantine_report_fn fn, void* self) {
  std::vector<PluginHost::Quarantined> rows;
  {
    std::lock_guard lock(mutex_);
    rows = plugins_->quarantined();
  }
  for (const auto& row : rows) {
    qn_quarantine_report r{};
    r.hdr.struct_size = sizeof r;
    r.plugin = row.plugin.c_str();
    r.kernel = row.kernel.c_str();
    r.op = op_info(row.op).name;
    r.reason = row.reason.c_str();
    fn(self, &r);
  }
}

void Runtime::explain_op(std::uint32_t op, ArrayList in, AttrList attrs, qn_candidate_report_fn fn,
                         void* self) {
  ArrayList out;
  record(this, op, std::move(in), std::move(attrs), out);
  Explained e;
  std::vector<Meta> out_meta;
  {
    std::lock_guard lock(mutex_);
    const Collected c = collect_function(out);
    Ir ir = c.ir();
    simplify(ir);
    fuse(ir);
    e = explain(*this, ir, c.leaves);
  }
  auto joined = [](const Offer& o) {
    std::string s;
    for (std::size_t i = 0; i < o.in.size(); ++i) s += (i ? ", " : "") + layout_text(o.in[i]);
    s += " -> ";
    for (std::size_t i = 0; i < o.out.size(); ++i) s += (i ? ", " : "") + layout_text(o.out[i]);
    return s;
  };
  for (std::size_t i = 0; i < e.answer.offers.size(); ++i) {
    const Offer& o = e.answer.offers[i];
    const std::string layouts = joined(o);
    qn_candidate_report r{};
    r.hdr.struct_size = sizeof r;
    r.plugin = o.plugin->entry().id;
    r.kernel = o.kernel.c_str();
    r.layouts = layouts.c_str();
    r.reason = "";
    r.est_ns = o.est_ns;
    r.workspace = o.workspace_max;
    r.measured_ns = o.measured_ns;
    r.chosen = static_cast<int>(i) == e.chosen;
    fn(self, &r);
  }
  for (const Refusal& f : e.answer.refusals) {
    qn_candidate_report r{};
    r.hdr.struct_size = sizeof r;
    r.plugin = f.plugin.c_str();
    r.kernel = f.kernel.c_str();
    r.layouts = "";
    r.reason = f.reason.c_str();
    fn(self, &r);
  }
}

}  // namespace quern
