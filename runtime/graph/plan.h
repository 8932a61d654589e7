// Plan: an immutable, prepared execution - a flat list of kernel calls with their places in memory.
// Made by make_plan (passes), replayed by run under the runtime's lock.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "quern/trace.h"
#include "runtime/core/buffer.h"
#include "runtime/graph/ir.h"
#include "runtime/graph/kept.h"
#include "runtime/graph/question.h"
#include "runtime/graph/verify.h"
#include "runtime/host/plugin_host.h"

namespace quern {

class Runtime;
struct StepClock;

// Where an operand lies: bases_[base] + bytes.
struct Place {
  std::uint32_t base = 0;
  std::int64_t bytes = 0;
};

// What the report tells of a step.
struct StepInfo {
  std::string op, shapes, layouts, plugin, kernel, rejected;
  double est_ns = 0, measured_ns = 0;
  std::uint64_t workspace = 0;
  std::uint64_t runs = 0, total_ns = 0;  // under the runtime's lock
  std::uint64_t verified = 0;            // runs held against naive, and their largest error
  double max_error = 0;
};

struct Step {
  PluginRef plugin;
  qn_plan* plan = nullptr;
  std::uint32_t op = 0;
  std::uint32_t threading = 0;
  std::uint32_t n_tiles = 1;
  std::uint64_t worker_scratch = 0;
  std::vector<Place> in, out;
  Place workspace, scratch;
  StepInfo info;
};

// Steps in a row that are skipped while their results are at hand.
struct KeptSteps {
  KeptGroup group;
  std::size_t first, end;
  std::uint64_t at;  // where the results lie in the arena when they are not kept
  std::uint64_t n_relayouts;
};

// A value handed to the caller.
struct ResultPlace {
  bool from_leaf = false;
  std::uint32_t source = 0;  // leaf number or output number
  std::int64_t offset = 0;   // elements; for a leaf, on top of the leaf's own
  Strides strides;
};

class Plan {
 public:
  Plan() = default;
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  std::vector<Step> steps;
  std::vector<StepDetail> detail;           // one a step in verify mode, else empty
  std::vector<std::uint64_t> output_bytes;  // one buffer each, made new at every run
  std::vector<int> output_leaf;             // but where this is a leaf, which gives its own
  std::vector<ResultPlace> results;
  std::uint32_t n_leaf = 0;
  std::vector<KeptSteps> kept;  // in order; each has a base behind the arena's
  std::uint64_t arena_bytes = 0;
  std::uint64_t arena_kept_bytes = 0;    // when all that is kept is at hand
  bool may_fold = true, folded = false;  // fold (ir.h) was to change the graph, and did
  std::uint64_t id = 0;
  double est_ns = 0;
  double parallel_ns = 0;  // of it, in steps that several threads share
  GraphKey key;
  // What tuning in the background is to measure once the plan has run a few times; null = nothing.
  std::shared_ptr<TuningRequest> tuning;
  std::uint32_t runs_until_tuning = 0;

  // False once a plugin it uses is retired, or tuning knows better kernels.
  bool usable() const;
  bool stale() const {
    return folded_in_vain() || (tuning && tuning->stale.load(std::memory_order_relaxed));
  }
  // What is folded changes from run to run: the graph is better planned as it was recorded.
  bool folded_in_vain() const { return folded_in_vain_; }
  // leaves: buffers with data; outputs receives output_bytes.size() buffers. A kernel's failure is
  // thrown as KernelFault.
  void run(Runtime& rt, std::span<const Array> leaves, std::vector<BufferRef>& outputs);

 private:
  // clock null = nobody asks for times.
  void run_step(Runtime& rt, Step& s, StepClock* clock);
  void run_verified(Runtime& rt, Step& s, StepClock* clock);
  // Finds what is kept, or makes room for it; the size that the arena must have.
  std::uint64_t find_kept(Runtime& rt, std::span<const Array> leaves);
  bool folded_in_vain_ = false;
  std::vector<char*> at_hand_;                  // during a run, one a group: null = it must run
  std::vector<std::shared_ptr<Buffer>> fresh_;  // the same: null = not to be kept
  std::vector<char*> bases_;
  std::vector<qn_buffer> in_, out_;
};

// A kernel failed at run time; the caller quarantines it and plans again.
struct KernelFault {
  std::string plugin, kernel, op, text;
  std::uint32_t op_id;
  qn_status status;
};

// Passes, selection and memory. leaves give dtype, shape and strides. Throws Error.
std::unique_ptr<Plan> make_plan(Runtime& rt, Ir ir, std::span<const Array> leaves, bool may_fold);

// Who is told of every kernel that runs; fn null = nobody.
struct TraceSink {
  qn_trace_fn fn = nullptr;
  void* self = nullptr;
};

// Plans by the exact key of the graph that they serve; least recently used ones go first.
class PlanCache {
 public:
  // Null when there is none or it is stale; *may_fold is for the next one.
  std::shared_ptr<Plan> find(const GraphKey& key, bool* may_fold);
  void insert(std::shared_ptr<Plan> plan);
  void clear();
  // A plan that somebody else keeps, as compiled functions do, is among all() while it lives.
  void watch(const std::shared_ptr<Plan>& plan);
  std::vector<std::shared_ptr<Plan>> all() const;
  std::atomic<std::uint64_t> hits{0}, misses{0}, evaluations{0}, kernels_run{0}, relayouts_run{0},
      relayouts_cached{0};
  std::uint64_t next_id = 1;
  TraceSink trace;  // under the runtime's lock

 private:
  static constexpr std::size_t kMaxPlans = 512;
  static constexpr std::size_t kMaxSteps = 1 << 15;  // of all plans; some 2 KB each
  struct Entry {
    std::shared_ptr<Plan> plan;
    std::uint64_t used;
  };
  void drop_oldest();
  std::unordered_multimap<std::uint64_t, Entry> plans_;
  std::size_t n_steps_ = 0;  // of plans_
  std::vector<std::weak_ptr<Plan>> watched_;
  std::uint64_t clock_ = 0;
};

}  // namespace quern
