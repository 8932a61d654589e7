// The plain runs of a kernel: dense operands and strided ones, against the reference.
// Threads, aliasing and failures are in kernel_depth.cpp.
#include "runtime/cli/check/kernel_checks.h"

#include <algorithm>
#include <set>

#include "runtime/cli/check/decomposition.h"
#include "runtime/cli/check/partition.h"
#include "runtime/cli/check/reference.h"
#include "runtime/cli/check/shield.h"

namespace quern_cli::check {
namespace {

constexpr int kDeep = 6;                // problems a kernel that are looked at in depth
constexpr int64_t kStridedMax = 20000;  // elements

std::vector<Layout> dense(const std::vector<Meta>& v) {
  std::vector<Layout> l;
  for (const Meta& m : v) l.push_back(row_major(m.shape));
  return l;
}

// True when strides number each element of the shape once, without gaps.
bool fills(const Shape& shape, const Shape& strides) {
  int64_t n = 1, last = 0;
  std::vector<std::pair<int64_t, int64_t>> axes;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    n *= shape[d];
    if (shape[d] > 1) axes.emplace_back(strides[d], shape[d]);
  }
  if (n == 0) return true;
  std::sort(axes.begin(), axes.end());
  for (const auto& [stride, size] : axes) {
    if (stride != last + 1) return false;
    last += stride * (size - 1);
  }
  return true;
}

bool same(const Offer& a, const Offer& b) {
  return a.signature() == b.signature() && a.kernel_id == b.kernel_id &&
         a.threading == b.threading && a.epilogue_taken == b.epilogue_taken &&
         a.inplace_mask == b.inplace_mask;
}

// The host's transpositions, reversals and gaps.
Layout form(const Shape& shape, int kind) {
  Layout l = row_major(shape);
  int64_t step = 1;
  switch (kind) {
    case 0:  // transposed
      for (std::size_t d = 0; d < shape.size(); ++d) {
        l.strides[d] = step;
        step *= shape[d];
      }
      break;
    case 1:  // reversed
      for (int64_t& s : l.strides) s = -s;
      break;
    default:  // gapped
      step = 2;
      for (std::size_t d = shape.size(); d-- > 0; step *= shape[d] + 1) l.strides[d] = step;
  }
  return l;
}

}  // namespace

void KernelChecks::say(const Problem& p, const std::string& kernel, const char* how) {
  static std::set<std::string> kept;  // the fault handler may print it at any time
  subject_text_ = p.text() + (kernel.empty() ? "" : " by " + kernel) + (*how ? ", " : "") + how;
  const std::string& stays = *kept.insert(subject_text_).first;
  set_fault_subject(stays.c_str());
}

Answers KernelChecks::ask(const Problem& p, const Case& c) {
  say(p, "", "");
  report_.stage("query", subject_text_);
  const std::vector<Layout> out = p.op == QN_OP_RELAYOUT ? c.in : std::vector<Layout>(p.out.size());
  Desc desc(p, c.in, out, c.asking);
  Answers a = subject_.query(desc.get());
  report_.verify(a.status != kThrew, "query.throws", "an exception left query");
  report_.verify(a.status == QN_OK || a.status == kThrew, "query.status",
                 std::string("query failed with ") + qn_status_name(a.status));
  const Answers again = subject_.query(desc.get());
  report_.verify(
      std::equal(a.offers.begin(), a.offers.end(), again.offers.begin(), again.offers.end(),
                 [](const Offer& x, const Offer& y) { return same(x, y); }),
      "offer.stable", "asked twice, it answers differently");
  std::set<std::string> names;
  for (const Offer& o : a.offers) {
    report_.verify(o.fault.empty(), "offer.valid", o.name + ": " + o.fault);
    report_.verify(names.insert(o.signature()).second, "offer.names",
                   "the same offer is made twice: " + o.name);
    const bool callable = o.threading == QN_THREADING_TILES ? subject_.entry().tile != nullptr
                                                            : subject_.entry().run != nullptr;
    report_.verify(callable, "offer.valid",
                   o.name + ": the function for its threading class is NULL");
  }
  std::erase_if(a.offers, [&](const Offer& o) {
    return !o.fault.empty() ||
           (o.threading == QN_THREADING_TILES ? !subject_.entry().tile : !subject_.entry().run);
  });
  return a;
}

bool KernelChecks::make_ready(const Problem& p, const Case& c, const Offer& o, Ready& r) {
  r.problem = p;
  r.values = p.values;
  r.in = o.in;
  r.out = o.out;
  if (p.has_epilogue() && o.epilogue_taken < p.program.inst.size()) {
    Problem& q = r.problem;
    const std::size_t k = o.epilogue_taken, n_in = p.program.in_dtype.size();
    q.out[0].dtype = k ? p.program.inst[k - 1].dtype : p.program.in_dtype[0];
    q.program.inst.resize(k);
    q.program.out = {static_cast<uint32_t>(n_in + k - 1)};
    if (k == 0) {
      q.program = {};
      for (auto* v : {&q.in}) v->resize(p.n_op_in);
      q.values.resize(p.n_op_in);
      r.values.resize(p.n_op_in);
      r.in.resize(p.n_op_in);
    }
    if (!compute_want(q)) return false;
  }
  for (std::size_t i = 0; i < r.in.size(); ++i) {
    if (r.in[i].any) r.in[i] = c.in[i];
    if (!r.in[i].named) continue;
    const auto packed =
        relayout(subject_, r.problem.in[i], row_major(r.problem.in[i].shape), r.in[i], r.values[i]);
    if (!report_.verify(packed && packed->size() == r.in[i].bytes, "layout.relayout",
                        o.name + " wants input " + std::to_string(i) + " as " + r.in[i].name +
                            ", which no relayout of this plugin makes from row-major"))
      return false;
    r.values[i] = *packed;
  }
  for (std::size_t i = 0; i < r.out.size(); ++i) {
    if (r.out[i].any) r.out[i] = row_major(p.out[i].shape);
    if (r.out[i].named) continue;
    if (!report_.verify(fills(p.out[i].shape, r.out[i].strides), "offer.layout",
                        o.name + " gives output " + std::to_string(i) +
                            " with strides that leave gaps or overlap"))
      return false;
  }
  return true;
}

std::unique_ptr<Plan> KernelChecks::make_plan(const Ready& r, const Offer& o, Asking asking) {
  report_.stage("plan", subject_text_);
  Desc desc(r.problem, r.in, r.out, asking);
  auto plan = std::make_unique<Plan>(subject_, desc.get(), o.kernel_id);
  report_.verify(plan->status != kThrew, "plan.throws", "an exception left plan");
  const bool made = plan->status == QN_OK && plan->plan;
  if (plan->status != kThrew)
    report_.verify(made, "plan.status",
                   std::string("offered, but plan gives ") + qn_status_name(plan->status) +
                       (plan->error.empty() ? "" : ": " + plan->error));
  if (!made) {
    if (plan->status != QN_OK && plan->status != kThrew)
      report_.verify(!plan->error.empty(), "error.text", "plan failed without a text");
    return nullptr;
  }
  report_.verify(plan->info.workspace <= o.workspace_max, "plan.workspace",
                 "needs " + std::to_string(plan->info.workspace) +
                     " bytes of workspace, its offer said at most " +
                     std::to_string(o.workspace_max));
  const bool sound = plan->info.workspace < (uint64_t{1} << 32) &&
                     plan->info.worker_scratch < (uint64_t{1} << 32) &&
                     plan->info.n_tiles < (1u << 24);
  report_.verify(sound, "plan.valid", "absurd workspace, scratch or number of tiles");
  if (o.threading == QN_THREADING_TILES)
    report_.verify(plan->info.n_tiles > 0 || r.problem.out[0].count() == 0, "plan.valid",
                   "a tiled kernel with no tiles");
  return sound ? std::move(plan) : nullptr;
}

void KernelChecks::judge(const Ready& r, const Execution& e, const char* check) {
  if (!e.inspect(report_)) return;
  const double floor = floor_of(r.problem);
  std::vector<Bytes> all;
  for (std::size_t i = 0; i < r.problem.out.size(); ++i) {
    Bytes got = e.output(i);
    const Meta& m = r.problem.out[i];
    if (r.out[i].named) {
      const auto dense_bytes = relayout(subject_, m, r.out[i], row_major(m.shape), got);
      if (!report_.verify(
              dense_bytes.has_value(), "layout.relayout",
              "gives " + r.out[i].name + ", which no relayout of this plugin makes row-major"))
        return;
      got = *dense_bytes;
    }
    all.push_back(std::move(got));
  }
  report_.count("runs compared", 1);
  std::size_t which = 0;
  if (const auto d = judge_decomposition(r.problem, all, which)) {
    report_.verify(d->good, check, "output " + std::to_string(which) + ": " + d->text);
    return;
  }
  if (const auto d = judge_partition(r.problem, all)) {
    report_.verify(d->good, check, "output 0: " + d->text);
    return;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Difference d =
        compare(all[i], r.problem.want[i], r.problem.out[i].dtype, tolerance_of(r.problem), floor);
    report_.verify(d.good, check, "output " + std::to_string(i) + " " + d.text);
  }
}

void KernelChecks::basic(const Problem& p, const Case& c, bool timed) {
  const Answers a = ask(p, c);
  for (const Offer& o : a.offers) {
    if (hopeless_.contains(o.name)) continue;
    Ready r;
    say(p, o.name, c.check);
    if (!make_ready(p, c, o, r)) continue;
    const auto plan = make_plan(r, o, c.asking);
    if (!plan) continue;
    report_.stage("run", subject_text_);
    const Team one(1);
    Execution e(subject_, r.problem, *plan, o, r.values, r.in, r.out, one, {});
    e.go();
    judge(r, e, c.check);
    if (e.allocations() && advised_.insert(o.name).second)
      report_.advise("run.allocates", o.name + " makes " + std::to_string(e.allocations()) +
                                          " small allocations in a run");
    if (!timed) continue;
    double best = e.ns();
    for (int i = 0; i < 2 && e.status() == QN_OK; ++i) {
      Execution again(subject_, r.problem, *plan, o, r.values, r.in, r.out, one, {.fill = 0});
      again.go();
      best = std::min(best, again.ns());
    }
    report_.timing(o.name, o.est_ns, best);
    if (!report_.verify(best < 200 * o.est_ns + 2e7, "run.slow",
                        "took " + std::to_string(best / 1e6) + " ms, its estimate is " +
                            std::to_string(o.est_ns / 1e6) + " ms")) {
      hopeless_.insert(o.name);
      continue;
    }
    if (depth_[o.name] >= kDeep) continue;
    ++depth_[o.name];
    same_bits(r, o, *plan);
    in_place(r, o, *plan);
    concurrent(r, o, *plan);
    if (depth_[o.name] <= 2) failing_allocations(p, o, r);
    if (depth_[o.name] == 1) bad_requests(r);
  }
}

void KernelChecks::strided(const Problem& p) {
  for (int kind = 0; kind < 3; ++kind) {
    Case c{{}, {}, "run.strides"};
    for (const Meta& m : p.in) c.in.push_back(form(m.shape, kind));
    basic(p, c, false);
  }
}

void KernelChecks::repeated(const Problem& p) {
  Problem q = p;
  Case c{dense(p.in), {}, "run.strides"};
  bool any = false;
  for (std::size_t i = 0; i < q.in.size(); ++i) {
    const Shape& s = q.in[i].shape;
    if (s.empty() || s[0] < 2 || q.in[i].count() == 0) continue;
    c.in[i].strides[0] = 0;
    q.values[i] = gather(p.values[i].data(), q.in[i], c.in[i].strides);
    any = true;
  }
  if (any && compute_want(q)) basic(q, c, false);
}

void KernelChecks::check(const Problem& p) {
  if (!tame(p)) return;
  int64_t elements = 0;
  for (const Meta& m : p.in) elements += m.count();
  report_.count("problems", 1);
  basic(p, {dense(p.in), {}, "run.result"}, true);
  if (elements <= kStridedMax) {
    strided(p);
    repeated(p);
  }
  Case constants{dense(p.in), {}, "run.result"};
  for (std::size_t i = 1; i < p.in.size() && i < 64; ++i)
    constants.asking.const_mask |= uint64_t{1} << i;
  const Answers a = ask(p, constants);
  const bool opaque = std::any_of(a.offers.begin(), a.offers.end(), [](const Offer& o) {
    return std::any_of(o.in.begin(), o.in.end(), [](const Layout& l) { return l.named; });
  });
  if (opaque) basic(p, constants, false);
  if (!a.offers.empty()) {
    threads(p, QN_CLASS_DEFAULT);
    threads(p, QN_CLASS_STRICT);
  }
}

void KernelChecks::check_relayout(const Problem& p) {
  report_.count("problems", 1);
  const Layout plain = row_major(p.in[0].shape);
  std::vector<Layout> layouts{plain, form(p.in[0].shape, 0), form(p.in[0].shape, 1)};
  for (std::size_t from = 0; from < layouts.size(); ++from)
    for (std::size_t to = 0; to < 2; ++to) {
      const std::vector<Layout> in{layouts[from]}, out{layouts[to]};
      Desc desc(p, in, out, {});
      say(p, "", "");
      report_.stage("query", subject_text_);
      const Answers a = subject_.query(desc.get());
      for (const Offer& o : a.offers) {
        say(p, o.name, from || to ? "strided" : "");
        if (!report_.verify(o.fault.empty(), "offer.valid", o.name + ": " + o.fault)) continue;
        Ready r{p, in, out, p.values};
        const auto plan = make_plan(r, o, {});
        if (!plan) continue;
        report_.stage("run", subject_text_);
        const Team one(1);
        Execution e(subject_, p, *plan, o, r.values, r.in, r.out, one, {});
        e.go();
        judge(r, e, from || to ? "run.strides" : "run.result");
        if (++depth_[o.name] <= kDeep) {
          same_bits(r, o, *plan);
          concurrent(r, o, *plan);
        }
      }
    }
}

}  // namespace quern_cli::check
