// The closer look at some problems of each kernel: bits, threads, aliasing, failing memory,
// requests that were never offered.
#include <algorithm>
#include <thread>

#include "runtime/cli/check/compare.h"
#include "runtime/cli/check/kernel_checks.h"
#include "runtime/cli/check/malloc_watch.h"
#include "runtime/cli/check/memory.h"
#include "runtime/cli/check/shield.h"

namespace quern_cli::check {

// The same bits whatever the workspace holds, wherever operands lie, in whatever order tiles run.
void KernelChecks::same_bits(const Ready& r, const Offer& o, const Plan& plan) {
  const Team one(1);
  Execution a(subject_, r.problem, plan, o, r.values, r.in, r.out, one, {});
  Execution b(subject_, r.problem, plan, o, r.values, r.in, r.out, one,
              {.at_end = false, .fill = 0, .backwards = true});
  a.go();
  b.go();
  if (!b.inspect(report_) || a.status() != QN_OK) return;
  judge(r, b, "run.result");
  for (std::size_t i = 0; i < r.out.size(); ++i)
    if (!r.out[i].named)  // padding of an opaque layout may hold anything
      report_.verify(a.output(i) == b.output(i), "run.repeatable",
                     "other bits with another workspace content, place or order of tiles");
}

void KernelChecks::threads(const Problem& p, uint32_t accuracy) {
  const bool strict = accuracy == QN_CLASS_STRICT;
  Case c{{}, {4, accuracy, 0}, strict ? "run.strict" : "run.threads"};
  for (const Meta& m : p.in) c.in.push_back(row_major(m.shape));
  Case alone = c;
  alone.asking.workers = 1;
  const Answers wide = ask(p, c), narrow = ask(p, alone);
  for (const Offer& o : wide.offers) {
    // A host must not take those in the strict class.
    if ((strict && !o.deterministic) || hopeless_.contains(o.name)) continue;
    const std::string key = o.name + (strict ? " strict" : " threads");
    if (++depth_[key] > 4) continue;
    Ready r;
    say(p, o.name, strict ? "strict, 4 workers" : "4 workers");
    if (!make_ready(p, c, o, r)) continue;
    const auto plan = make_plan(r, o, c.asking);
    if (!plan) continue;
    report_.stage("run", subject_text_);
    const Team four(4);
    Execution e(subject_, r.problem, *plan, o, r.values, r.in, r.out, four, {});
    e.go();
    judge(r, e, c.check);
    const auto twin = std::find_if(narrow.offers.begin(), narrow.offers.end(),
                                   [&](const Offer& n) { return n.signature() == o.signature(); });
    if (!o.deterministic || twin == narrow.offers.end() || e.status() != QN_OK) continue;
    Ready s;
    if (!make_ready(p, alone, *twin, s)) continue;
    const auto single = make_plan(s, *twin, alone.asking);
    if (!single || s.out.size() != r.out.size() || s.problem.key() != r.problem.key()) continue;
    report_.stage("run", subject_text_);
    const Team one(1);
    Execution f(subject_, s.problem, *single, *twin, s.values, s.in, s.out, one, {});
    f.go();
    if (f.status() != QN_OK) continue;
    for (std::size_t i = 0; i < r.out.size(); ++i)
      if (!r.out[i].named && !s.out[i].named)
        report_.verify(e.output(i) == f.output(i), "run.deterministic",
                       "claims to be deterministic, yet 4 workers give other bits than 1");
  }
}

void KernelChecks::in_place(const Ready& r, const Offer& o, const Plan& plan) {
  for (std::size_t i = 0; i < r.in.size() && i < 64; ++i) {
    if (!(o.inplace_mask >> i & 1)) continue;
    const Meta &from = r.problem.in[i], &to = r.problem.out[0];
    const bool alike = from.dtype == to.dtype && from.shape == to.shape &&
                       r.in[i].named == r.out[0].named && r.in[i].name == r.out[0].name &&
                       r.in[i].strides == r.out[0].strides;
    if (!alike) continue;
    say(r.problem, o.name, "in place");
    report_.stage("run", subject_text_);
    const Team one(1);
    Execution e(subject_, r.problem, plan, o, r.values, r.in, r.out, one,
                {.in_place = static_cast<int>(i)});
    e.go();
    judge(r, e, "run.inplace");
  }
}

// One plan, several runs at once.
void KernelChecks::concurrent(const Ready& r, const Offer& o, const Plan& plan) {
  constexpr int kThreads = 3;
  say(r.problem, o.name, "3 runs at once");
  report_.stage("run", subject_text_);
  const Team one(1);
  Execution alone(subject_, r.problem, plan, o, r.values, r.in, r.out, one, {});
  alone.go();
  if (alone.status() != QN_OK) return;
  std::vector<std::unique_ptr<Execution>> runs;
  for (int i = 0; i < kThreads; ++i)
    runs.push_back(std::make_unique<Execution>(subject_, r.problem, plan, o, r.values, r.in, r.out,
                                               one, Setup{}));
  std::vector<std::thread> threads;
  for (const auto& e : runs) threads.emplace_back([&e] { e->go(); });
  for (std::thread& t : threads) t.join();
  for (const auto& e : runs) {
    if (!e->inspect(report_)) return;
    for (std::size_t i = 0; i < r.out.size(); ++i)
      if (!r.out[i].named)
        report_.verify(e->output(i) == alone.output(i), "run.concurrent",
                       "several runs of one plan at once give other bits");
  }
}

// The k-th allocation of query and plan fails: first the host's, then the process's heap.
void KernelChecks::failing_allocations(const Problem& p, const Offer& o, const Ready& r) {
  constexpr uint64_t kMost = 24;
  say(p, o.name, "an allocation fails");
  report_.stage("memory", subject_text_);
  HostHeap& heap = const_cast<Subject&>(subject_).heap();
  Desc desc(r.problem, r.in, r.out, {});
  const uint64_t live = heap.live;
  for (const bool host : {true, false}) {
    if (!host && (!libraries_ || !heap_is_visible())) continue;
    for (uint64_t k = 1; k <= kMost; ++k) {
      qn_plan* plan = nullptr;
      qn_plan_info info{};
      info.hdr.struct_size = sizeof info;
      info.n_tiles = 1;
      qn_error_slot slot;
      slot.text.reserve(4096);
      uint64_t calls = 0;
      qn_status s;
      if (host) {
        heap.calls = 0;
        heap.fail_at = k;
        s = shielded(subject_.entry().plan, subject_.self(), desc.get(), o.kernel_id, &plan, &info,
                     &slot);
        calls = heap.calls;
        heap.fail_at = 0;
      } else {
        const HeapWatch watch(k);
        set_fault_libraries(libraries_);
        s = shielded(subject_.entry().plan, subject_.self(), desc.get(), o.kernel_id, &plan, &info,
                     &slot);
        set_fault_libraries(nullptr);
        calls = watch.allocations();
      }
      const bool good = s == QN_OK ? plan != nullptr : s != kThrew && !slot.text.empty();
      report_.verify(good, "plan.out_of_memory",
                     "allocation " + std::to_string(k) + " of plan failed, and plan gave " +
                         (s == kThrew ? "an exception" : qn_status_name(s)) +
                         (s == QN_OK ? " without a plan" : " without a text"));
      if (s == QN_OK && plan) subject_.entry().plan_free(subject_.self(), plan);
      if (calls < k) break;
    }
  }
  report_.verify(heap.live == live, "plan.leaks", "host memory of plans is not given back");
  report_.verify(!heap.mismatch, "plan.frees", "freed host memory with another address or size");
}

// What was never offered must be refused with a text.
void KernelChecks::bad_requests(const Ready& r) {
  say(r.problem, "", "kernel 4294967291, which was never offered");
  report_.stage("plan", subject_text_);
  Desc desc(r.problem, r.in, r.out, {});
  const Plan plan(subject_, desc.get(), 0xfffffffbu);
  if (!report_.verify(plan.status != QN_OK, "plan.refuses", "plan takes an unknown kernel number"))
    return;
  report_.verify(!plan.error.empty(), "error.text", "plan refused without a text");
}

}  // namespace quern_cli::check
