// Replaying a plan, and the cache of plans.
#include <algorithm>
#include <cstring>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/graph/plan.h"
#include "runtime/graph/step_clock.h"
#include "runtime/graph/tuner.h"
#include "runtime/host/call.h"
#include "runtime/host/executor.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

// In so many runs in a row a group must change before its plan is given up.
constexpr std::uint32_t kMissesUntilUnfolded = 16;

struct TileTask {
  const qn_kernel_plugin* plugin;
  const qn_plan* plan;
  const qn_run* run;
  char* scratch;
  std::uint64_t worker_scratch;
  WorkerTime* times;  // one a worker, or null
  std::atomic<qn_status> status{QN_OK};
};

void run_tile(void* task, std::uint32_t index, std::uint32_t worker) noexcept {
  TileTask& t = *static_cast<TileTask*>(task);
  if (t.status.load(std::memory_order_relaxed) != QN_OK) return;
  const std::uint64_t start = t.times ? now_ns() : 0;
  const qn_status s = call_plugin(nullptr, t.plugin->tile, t.plan, t.run, index, worker,
                                  t.scratch + worker * t.worker_scratch);
  if (t.times) t.times[worker].add(start, now_ns());
  if (s != QN_OK) t.status.store(s, std::memory_order_relaxed);
}

// The runtime's executor as a kernel sees it that starts loops itself, while somebody asks for
// times: what its loops do counts for the workers that do it.
class TimedLoops {
 public:
  TimedLoops(Executor& executor, WorkerTime* times)
      : executor_(executor),
        times_(times),
        hooks_{{sizeof(qn_executor), 0}, this, concurrency, parallel_for} {}
  const qn_executor* hooks() const { return &hooks_; }

 private:
  struct Loop {
    qn_task_fn fn;
    void* task;
    WorkerTime* times;
  };
  static std::uint32_t concurrency(void* self) noexcept {
    return static_cast<TimedLoops*>(self)->executor_.workers();
  }
  static qn_status parallel_for(void* self, qn_task_fn fn, void* task, std::uint32_t n,
                                std::uint32_t most) noexcept {
    const TimedLoops& t = *static_cast<TimedLoops*>(self);
    Loop loop{fn, task, t.times_};
    return t.executor_.parallel_for(run, &loop, n, most);
  }
  static void run(void* self, std::uint32_t index, std::uint32_t worker) noexcept {
    const Loop& l = *static_cast<Loop*>(self);
    WorkerTime& time = l.times[worker];
    if (time.inside) return l.fn(l.task, index, worker);
    time.inside = true;
    const std::uint64_t start = now_ns();
    l.fn(l.task, index, worker);
    time.add(start, now_ns());
    time.inside = false;
  }
  Executor& executor_;
  WorkerTime* times_;
  qn_executor hooks_;
};

// Calls a step's kernel on given memory; clock null = untimed.
struct KernelCall {
  Runtime& rt;
  const Step& s;
  qn_error_slot& slot;
  StepClock* clock;
  qn_status operator()(const qn_buffer* in, const qn_buffer* out, void* workspace,
                       void* scratch) const {
    qn_run run{};
    run.hdr.struct_size = sizeof run;
    run.in = in;
    run.out = out;
    run.workspace = workspace;
    run.scratch = scratch;
    run.executor = rt.executor().hooks();
    run.error = &slot;
    if (!clock) return call(run, nullptr);
    clock->start = now_ns();
    const qn_status status = call(run, clock->per_worker());
    clock->end = now_ns();
    return status;
  }

 private:
  qn_status call(qn_run& run, WorkerTime* times) const {
    const qn_kernel_plugin& plugin = s.plugin->entry();
    if (s.threading == QN_THREADING_PARALLEL_FOR && times) {
      const TimedLoops loops(rt.executor(), times);
      run.executor = loops.hooks();
      const qn_status status = call_plugin(&slot, plugin.run, s.plan, &run);
      const bool none = std::all_of(times, times + rt.executor().workers(),
                                    [](const WorkerTime& t) { return t.tiles == 0; });
      if (none) times[0].add(clock->start, now_ns());
      return status;
    }
    if (s.threading != QN_THREADING_TILES) {
      const std::uint64_t start = times ? now_ns() : 0;
      const qn_status status = call_plugin(&slot, plugin.run, s.plan, &run);
      if (times) times[0].add(start, now_ns());
      return status;
    }
    TileTask t{&plugin, s.plan, &run, static_cast<char*>(run.scratch), s.worker_scratch, times};
    const qn_status status =
        rt.executor().parallel_for(run_tile, &t, s.n_tiles, rt.executor().workers());
    return status == QN_OK ? t.status.load() : status;
  }
};

KernelFault fault(const Step& s, const std::string& text, qn_status status) {
  return {s.plugin->id(), s.info.kernel, op_info(s.op).name, text, s.op, status};
}

// Throws unless the run worked. Memory that ran out is no fault of the kernel: it is not set aside.
void check_run(const Step& s, const std::string& text, qn_status status) {
  if (status == QN_OK) return;
  if (status == QN_E_RESOURCE_EXHAUSTED)
    throw Error(status, str("[", op_info(s.op).name, "] ", s.plugin->id(), "/", s.info.kernel, ": ",
                            text.empty() ? "out of memory" : text));
  throw fault(s, text, status);
}

struct Arena {
  Arena(Runtime& rt, std::uint64_t n)
      : rt(rt), bytes(n), p(n ? rt.allocator()->allocate(n, QN_TAG_WORKSPACE) : nullptr) {}
  ~Arena() {
    if (p) rt.allocator()->free(p, bytes, QN_TAG_WORKSPACE);
  }
  Runtime& rt;
  std::uint64_t bytes;
  void* p;
};

std::uint64_t hash_key(const GraphKey& key) {
  std::uint64_t h = 0x9E3779B97F4A7C15ull ^ key.size();
  for (std::uint64_t w : key) {
    h = (h ^ w) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 32;
  }
  return h;
}

}  // namespace

Plan::~Plan() {
  for (Step& s : steps)
    if (s.plan && s.plugin) call_plugin(s.plugin->entry().plan_free, s.plugin->self(), s.plan);
}

bool Plan::usable() const {
  return !stale() &&
         std::all_of(steps.begin(), steps.end(), [](const Step& s) { return s.plugin->active(); });
}

void Plan::run_step(Runtime& rt, Step& s, StepClock* clock) {
  in_.clear();
  out_.clear();
  for (const Place& p : s.in) in_.push_back({bases_[p.base] + p.bytes});
  for (const Place& p : s.out) out_.push_back({bases_[p.base] + p.bytes});
  const std::uint32_t every = rt.verify_every();
  if (every && !detail.empty() && s.info.runs % every == 0) return run_verified(rt, s, clock);
  qn_error_slot slot;
  const KernelCall call{rt, s, slot, clock};
  const qn_status status =
      call(in_.data(), out_.data(), bases_[s.workspace.base] + s.workspace.bytes,
           bases_[s.scratch.base] + s.scratch.bytes);
  check_run(s, slot.text, status);
}

void Plan::run_verified(Runtime& rt, Step& s, StepClock* clock) {
  const StepDetail& d = detail[static_cast<std::size_t>(&s - steps.data())];
  std::vector<const StepDetail*> sources;
  std::vector<const void*> data;
  for (const int k : d.source) {
    const auto n = static_cast<std::size_t>(k);
    sources.push_back(k < 0 ? nullptr : &detail[n]);
    data.push_back(k < 0 ? nullptr : bases_[steps[n].in[0].base] + steps[n].in[0].bytes);
  }
  qn_error_slot slot;
  KernelCall call{rt, s, slot, clock};
  const VerifiedRun v{
      rt, d, sources.data(), data.data(), in_, out_, s.worker_scratch * rt.executor().workers()};
  qn_status status = QN_OK;
  double error = 0;
  const std::string verdict = verify_step(
      v,
      [](void* self, const qn_buffer* in, const qn_buffer* out, void* workspace, void* scratch) {
        return (*static_cast<KernelCall*>(self))(in, out, workspace, scratch);
      },
      &call, &status, &error);
  s.info.max_error = std::max(s.info.max_error, error);
  ++s.info.verified;
  check_run(s, slot.text, status);
  if (!verdict.empty()) throw fault(s, verdict, QN_E_DATA_LOSS);
}

std::uint64_t Plan::find_kept(Runtime& rt, std::span<const Array> leaves) {
  bool all = true;
  at_hand_.resize(kept.size());
  fresh_.resize(kept.size());
  for (std::size_t k = 0; k < kept.size(); ++k) {
    KeptSteps& s = kept[k];
    at_hand_[k] = s.group.find(leaves);
    if (at_hand_[k]) continue;
    all = false;
    fresh_[k] = s.group.room(leaves, rt.allocator());
    if (folded && s.end - s.first > 1 && s.group.misses() >= kMissesUntilUnfolded)
      folded_in_vain_ = true;
  }
  return all ? arena_kept_bytes : arena_bytes;
}

void Plan::run(Runtime& rt, std::span<const Array> leaves, std::vector<BufferRef>& outputs) {
  PlanCache& cache = rt.plans();
  bases_.clear();
  for (const Array& a : leaves) bases_.push_back(static_cast<char*>(a.rep()->data()));
  outputs.clear();
  for (std::size_t k = 0; k < output_bytes.size(); ++k) {
    if (output_leaf[k] >= 0) {
      outputs.push_back(leaves[static_cast<std::size_t>(output_leaf[k])].rep()->buffer);
      outputs.back()->renew();
    } else {
      outputs.push_back(std::make_shared<Buffer>(rt.allocator(), output_bytes[k], QN_TAG_ARRAY));
    }
    bases_.push_back(static_cast<char*>(outputs.back()->data()));
  }
  struct Drop {
    std::vector<std::shared_ptr<Buffer>>& fresh;
    ~Drop() {
      for (auto& f : fresh) f.reset();
    }
  } drop{fresh_};
  const Arena arena(rt, kept.empty() ? arena_bytes : find_kept(rt, leaves));
  bases_.push_back(static_cast<char*>(arena.p));
  for (std::size_t k = 0; k < kept.size(); ++k)
    bases_.push_back(at_hand_[k] ? at_hand_[k]
                     : fresh_[k] ? static_cast<char*>(fresh_[k]->data())
                                 : static_cast<char*>(arena.p) + kept[k].at);

  rt.executor().expect(parallel_ns);
  const TraceSink trace = cache.trace;
  const bool timed = rt.profiling() || trace.fn;
  StepClock clock;
  std::size_t group = 0, skipped = 0;
  std::uint64_t relayouts_skipped = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (group < kept.size() && kept[group].first == i) {
      const KeptSteps& k = kept[group];
      if (at_hand_[group++]) {
        skipped += k.end - k.first;
        relayouts_skipped += k.n_relayouts;
        i = k.end - 1;
        continue;
      }
    }
    Step& s = steps[i];
    if (trace.fn) clock.workers.assign(rt.executor().workers(), {});
    run_step(rt, s, timed ? &clock : nullptr);
    if (timed) s.info.total_ns += clock.end - clock.start;
    if (trace.fn) clock.tell(trace, *this, s);
    ++s.info.runs;
    if (s.op == QN_OP_RELAYOUT) cache.relayouts_run.fetch_add(1, std::memory_order_relaxed);
  }
  for (std::size_t k = 0; k < kept.size(); ++k)
    if (fresh_[k]) kept[k].group.keep(leaves, std::move(fresh_[k]));
  cache.kernels_run.fetch_add(steps.size() - skipped, std::memory_order_relaxed);
  if (relayouts_skipped)
    cache.relayouts_cached.fetch_add(relayouts_skipped, std::memory_order_relaxed);
  if (runs_until_tuning != 0 && --runs_until_tuning == 0)
    if (Tuner* tuner = rt.tuner()) tuner->later(tuning);
}

std::shared_ptr<Plan> PlanCache::find(const GraphKey& key, bool* may_fold) {
  auto [b, e] = plans_.equal_range(hash_key(key));
  for (; b != e; ++b)
    if (b->second.plan->key == key) {
      if (b->second.plan->stale()) {
        *may_fold = b->second.plan->may_fold && !b->second.plan->folded_in_vain();
        plans_.erase(b);
        break;
      }
      b->second.used = ++clock_;
      hits.fetch_add(1, std::memory_order_relaxed);
      return b->second.plan;
    }
  misses.fetch_add(1, std::memory_order_relaxed);
  return nullptr;
}

void PlanCache::drop_oldest() {
  const auto oldest = std::min_element(
      plans_.begin(), plans_.end(), [](auto& a, auto& b) { return a.second.used < b.second.used; });
  n_steps_ -= oldest->second.plan->steps.size();
  plans_.erase(oldest);
}

void PlanCache::insert(std::shared_ptr<Plan> plan) {
  const std::size_t more = plan->steps.size();
  while (!plans_.empty() && (plans_.size() >= kMaxPlans || n_steps_ + more > kMaxSteps))
    drop_oldest();
  const std::uint64_t h = hash_key(plan->key);
  plans_.emplace(h, Entry{std::move(plan), ++clock_});
  n_steps_ += more;
}

void PlanCache::clear() {
  plans_.clear();
  n_steps_ = 0;
}

void PlanCache::watch(const std::shared_ptr<Plan>& plan) {
  std::erase_if(watched_, [](const std::weak_ptr<Plan>& w) { return w.expired(); });
  watched_.push_back(plan);
}

std::vector<std::shared_ptr<Plan>> PlanCache::all() const {
  std::vector<std::shared_ptr<Plan>> v;
  for (const auto& [h, e] : plans_) v.push_back(e.plan);
  for (const std::weak_ptr<Plan>& w : watched_)
    if (auto plan = w.lock()) v.push_back(std::move(plan));
  std::sort(v.begin(), v.end(), [](auto& a, auto& b) { return a->id < b->id; });
  return v;
}

}  // namespace quern
