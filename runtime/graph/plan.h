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
  // A relayout of leaf `pack_leaf`: kept on the leaf's buffer under `pack_key` and then skipped.
  int pack_leaf = -1;
  std::uint32_t pack_base = 0;
  std::uint64_t pack_bytes = 0;
  std::string pack_key;
  StepInfo info;
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
  std::vector<ResultPlace> results;
  std::uint32_t n_leaf = 0, n_pack = 0;
  std::vector<Place> pack_home;  // where the n-th packed operand lies when it is not cached
  std::uint64_t arena_bytes = 0;
  std::uint64_t id = 0;
  double est_ns = 0;
  GraphKey key;
  // What tuning in the background is to measure once the plan has run a few times; null = nothing.
  std::shared_ptr<TuningRequest> tuning;
  std::uint32_t runs_until_tuning = 0;

  // False once a plugin it uses is retired, or tuning knows better kernels.
  bool usable() const;
  bool stale() const { return tuning && tuning->stale.load(std::memory_order_relaxed); }
  // leaves: buffers with data; outputs receives output_bytes.size() buffers. A kernel's failure is
  // thrown as KernelFault.
  void run(Runtime& rt, std::span<const Array> leaves, std::vector<BufferRef>& outputs);

 private:
  // clock null = nobody asks for times.
  void run_step(Runtime& rt, Step& s, StepClock* clock);
  void run_verified(Runtime& rt, Step& s, StepClock* clock);
  std::uint32_t arena_base() const {
    return n_leaf + static_cast<std::uint32_t>(output_bytes.size());
  }
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
std::unique_ptr<Plan> make_plan(Runtime& rt, Ir ir, std::span<const Array> leaves);

// Who is told of every kernel that runs; fn null = nobody.
struct TraceSink {
  qn_trace_fn fn = nullptr;
  void* self = nullptr;
};

// Plans by the exact key of the graph that they serve; least recently used ones go first.
class PlanCache {
 public:
  std::shared_ptr<Plan> find(const GraphKey& key);
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
  struct Entry {
    std::shared_ptr<Plan> plan;
    std::uint64_t used;
  };
  std::unordered_multimap<std::uint64_t, Entry> plans_;
  std::vector<std::weak_ptr<Plan>> watched_;
  std::uint64_t clock_ = 0;
};

}  // namespace quern
