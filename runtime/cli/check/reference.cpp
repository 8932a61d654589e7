// The naive plugin under this tool's host, and the recorder plugin.
// The recorder is registered with a runtime of its own; that runtime runs one thread.
#include "runtime/cli/check/reference.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "runtime/cli/check/values.h"

namespace quern_cli::check {
namespace {

struct Recording {
  std::vector<Problem> runs, wishes;
  std::set<std::string> seen;
  const qn_host* host = nullptr;
};

Recording& recording() {
  static Recording r;
  return r;
}

struct RecordedPlan {
  Problem problem;
  std::vector<Layout> in, out;
  qn_plan* plan;
};

qn_status record_open(const qn_host* host, void** self, qn_error_slot*) noexcept {
  recording().host = host;
  *self = &recording();
  return QN_OK;
}
void record_close(void*) noexcept {}

qn_status record_query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  auto& r = *static_cast<Recording*>(self);
  try {
    if (op->program && op->op != QN_OP_MAP) r.wishes.push_back(copy_problem(*op));
    const Answers naive_says = naive().query(op);
    if (naive_says.offers.empty()) return QN_OK;
    const Offer& o = naive_says.offers.front();
    qn_candidate c{};
    c.hdr.struct_size = sizeof c;
    c.name = {"record", 6};
    c.kernel_id = o.kernel_id;
    c.workspace_max = o.workspace_max;
    c.deterministic = 1;
    if (op->op == QN_OP_RELAYOUT) {
      c.n_in = c.n_out = 1;
      c.in = &op->in[0].layout;
      c.out = &op->out[0].layout;
    }
    return r.host->offer(answer, &c);
  } catch (...) {
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

qn_status record_plan(void*, const qn_opdesc* op, uint32_t kernel, qn_plan** out,
                      qn_plan_info* info, qn_error_slot* slot) noexcept {
  try {
    auto p = std::make_unique<RecordedPlan>();
    p->problem = copy_problem(*op);
    auto layouts = [](const qn_array_desc* a, uint32_t n) {
      std::vector<Layout> v;
      for (uint32_t i = 0; i < n; ++i) {
        const Layout l = copy_layout(a[i].layout, a[i].ndim);
        v.push_back(l.any ? row_major(Shape(a[i].shape, a[i].shape + a[i].ndim)) : l);
      }
      return v;
    };
    p->in = layouts(op->in, op->n_in);
    p->out = layouts(op->out, op->n_out);
    const qn_status s = naive().entry().plan(naive().self(), op, kernel, &p->plan, info, slot);
    if (s != QN_OK) return s;
    *out = reinterpret_cast<qn_plan*>(p.release());
    return QN_OK;
  } catch (...) {
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

qn_status record_run(const qn_plan* plan, const qn_run* run) noexcept {
  const auto& p = *reinterpret_cast<const RecordedPlan*>(plan);
  try {
    Problem problem = p.problem;
    for (std::size_t i = 0; i < problem.in.size(); ++i)
      problem.values.push_back(gather(static_cast<const unsigned char*>(run->in[i].data),
                                      problem.in[i], p.in[i].strides));
    if (const qn_status s = naive().entry().run(p.plan, run); s != QN_OK) return s;
    for (std::size_t i = 0; i < problem.out.size(); ++i)
      problem.want.push_back(gather(static_cast<const unsigned char*>(run->out[i].data),
                                    problem.out[i], p.out[i].strides));
    recording().runs.push_back(std::move(problem));
    return QN_OK;
  } catch (...) {
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

void record_free(void*, qn_plan* plan) noexcept {
  auto* p = reinterpret_cast<RecordedPlan*>(plan);
  naive().entry().plan_free(naive().self(), p->plan);
  delete p;
}

const qn_kernel_plugin kRecorder = {
    {sizeof(qn_kernel_plugin), 0},
    QN_KERNEL_ABI_MINOR,
    0,
    0,
    0,
    "recorder",
    "1",
    "Apache-2.0",
    "notes every problem of `quern check`",
    record_open,
    record_close,
    record_query,
    record_plan,
    record_run,
    nullptr,
    record_free,
};

// One naive kernel on dense operands.
bool run_naive(Problem& p) {
  std::vector<Layout> in, out;
  for (const Meta& m : p.in) in.push_back(row_major(m.shape));
  for (const Meta& m : p.out) out.push_back(row_major(m.shape));
  Desc desc(p, in, out, {});
  const Answers a = naive().query(desc.get());
  if (a.offers.empty()) return false;
  const Plan plan(naive(), desc.get(), a.offers.front().kernel_id);
  if (plan.status != QN_OK) return false;
  p.want.clear();
  std::vector<qn_buffer> from, to;
  for (Bytes& b : p.values) from.push_back({b.data()});
  for (const Meta& m : p.out) to.push_back({p.want.emplace_back(m.bytes()).data()});
  Bytes workspace(plan.info.workspace + 64);
  qn_error_slot slot;
  qn_run run{};
  run.hdr.struct_size = sizeof run;
  run.in = from.data();
  run.out = to.data();
  run.workspace = workspace.data();
  run.error = &slot;
  return naive().entry().run(plan.plan, &run) == QN_OK;
}

bool same_op(const Problem& run, const Problem& wish) {
  if (run.op != wish.op || run.has_epilogue() || run.in.size() != wish.n_op_in) return false;
  Problem bare = wish;
  bare.in.resize(wish.n_op_in);
  bare.program = {};
  bare.out[0].dtype = run.out[0].dtype;
  return bare.key() == run.key();
}

}  // namespace

const Subject& naive() {
  static const Subject subject([] {
    Dl_info info;
    if (!dladdr(reinterpret_cast<const void*>(&qn_abi_version), &info) || !info.dli_fname)
      throw LibraryError("can't find libquern");
    const auto lib = std::filesystem::canonical(info.dli_fname);
    return load_entry((lib.parent_path() / "quern" / "naive.so").string(), QN_KERNEL_ABI_MINOR);
  }());
  return subject;
}

bool compute_want(Problem& p) {
  if (!p.has_epilogue()) return run_naive(p);
  Problem root;
  root.op = p.op;
  root.n_op_in = p.n_op_in;
  root.attrs = p.attrs;
  root.in.assign(p.in.begin(), p.in.begin() + p.n_op_in);
  root.values.assign(p.values.begin(), p.values.begin() + p.n_op_in);
  root.out = {{p.program.in_dtype[0], p.out[0].shape}};
  if (!run_naive(root)) return false;
  Problem map;
  map.op = QN_OP_MAP;
  map.in = root.out;
  map.values = root.want;
  for (std::size_t i = p.n_op_in; i < p.in.size(); ++i) {
    // An epilogue's inputs broadcast by NumPy's rules, a map's by strides.
    const Meta full{p.in[i].dtype, p.out[0].shape};
    const Meta& m = p.in[i];
    Shape strides(full.shape.size(), 0);
    const Shape own = row_major(m.shape).strides;
    for (std::size_t d = 0; d < m.shape.size(); ++d)
      if (m.shape[d] != 1) strides[full.shape.size() - m.shape.size() + d] = own[d];
    map.in.push_back(full);
    map.values.push_back(gather(p.values[i].data(), full, strides));
  }
  map.n_op_in = static_cast<uint32_t>(map.in.size());
  map.out = p.out;
  map.program = p.program;
  if (!run_naive(map)) return false;
  p.want = map.want;
  return true;
}

Recorder::Recorder() {
  naive();
  qn_runtime_config config{};
  config.hdr.struct_size = sizeof config;
  config.plugin_policy = QN_PLUGINS_BUILTIN;
  config.n_threads = 1;
  config.kernels = "*=recorder";
  qn_runtime* rt = nullptr;
  call(qn_runtime_create, static_cast<const qn_runtime_config*>(&config), &rt);
  runtime_.reset(rt);
  call(qn_plugin_register, rt, &kRecorder, static_cast<qn_plugin**>(nullptr));
}

std::vector<Problem> Recorder::take() {
  Recording& r = recording();
  std::vector<Problem> found;
  for (Problem& wish : r.wishes) {
    if (r.seen.contains(wish.key())) continue;
    const auto run = std::find_if(r.runs.begin(), r.runs.end(),
                                  [&](const Problem& p) { return same_op(p, wish); });
    if (run == r.runs.end()) continue;
    r.seen.insert(wish.key());
    wish.values = run->values;
    for (std::size_t i = wish.n_op_in; i < wish.in.size(); ++i)
      wish.values.push_back(random_values(wish.in[i], 99 + i, -2, 2));
    if (compute_want(wish)) found.push_back(std::move(wish));
  }
  for (Problem& p : r.runs)
    if (r.seen.insert(p.key()).second) found.push_back(std::move(p));
  r.runs.clear();
  r.wishes.clear();
  return found;
}

}  // namespace quern_cli::check
