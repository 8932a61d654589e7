// Runtime: the object that owns memory, threads, plugins, selection rules and plans.
// Several live in one process without sharing anything.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "quern/quern.h"
#include "runtime/core/allocator.h"
#include "runtime/core/array.h"
#include "runtime/graph/node_pool.h"

namespace quern {

class Executor;
class PluginHost;
class Plugin;
class PlanCache;
class RuleSet;
class Tuner;

class Runtime {
 public:
  // config may be null. Throws Error. One reference.
  static Runtime* create(const qn_runtime_config* config);
  void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  const std::shared_ptr<Allocator>& allocator() const { return allocator_; }
  Executor& executor() { return *executor_; }
  PluginHost& plugins() { return *plugins_; }
  PlanCache& plans() { return *plans_; }
  std::uint32_t accuracy() const { return accuracy_; }
  void log(int level, const std::string& text) noexcept;

  // Selection rules; throws INVALID_ARGUMENT with the place of the mistake. Drops all plans.
  void set_kernels(std::string_view rules);
  const RuleSet& rules() const { return *rules_; }

  // Measured times for the choice of kernels (graph/tuner.h says how). Throws INVALID_ARGUMENT.
  // Drops all plans.
  void set_tuning(std::string_view spec);
  // Null when tuning is off. Under the runtime's lock.
  Tuner* tuner() const { return tuner_.get(); }

  // Computes arrays together. Throws Error.
  void eval(std::span<const Array> arrays);

  void fill_stats(qn_stats& s);
  void reset_peak();
  void clear_cache();
  void set_profiling(bool on) { profiling_ = on; }
  bool profiling() const { return profiling_; }
  // Every n-th run of a kernel is held against the naive one; 0 = none. Drops all plans.
  void set_verify(std::uint32_t every);
  std::uint32_t verify_every() const { return verify_every_; }

  // Plugins. path absolute. Throws Error.
  std::shared_ptr<Plugin> load_plugin(const std::string& path);
  std::shared_ptr<Plugin> register_plugin(const qn_kernel_plugin* entry);
  void retire_plugin(const std::shared_ptr<Plugin>& plugin);
  void report_plugins(qn_plugin_report_fn fn, void* self);
  void report_kernels(qn_kernel_report_fn fn, void* self);
  void report_tuning(qn_tuning_report_fn fn, void* self);
  void report_quarantined(qn_quarantine_report_fn fn, void* self);
  // What would run for this op: records it without evaluating, lists all candidates.
  void explain_op(std::uint32_t op, ArrayList in, AttrList attrs, qn_candidate_report_fn fn,
                  void* self);

  // Held while plans are made and run, and while plugins change.
  std::mutex& mutex() { return mutex_; }
  // Room for nodes and arrays. While some is out, the pool counts as one holder of the runtime.
  NodePool& nodes() { return nodes_; }

 private:
  Runtime();
  ~Runtime();
  std::atomic<std::uint32_t> refs_{1};
  std::mutex mutex_;
  NodePool nodes_;
  std::shared_ptr<Allocator> allocator_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<PluginHost> plugins_;
  std::unique_ptr<RuleSet> rules_;
  std::unique_ptr<PlanCache> plans_;
  std::unique_ptr<Tuner> tuner_;
  qn_log_fn log_ = nullptr;
  void* log_self_ = nullptr;
  std::uint32_t accuracy_ = 1;
  std::atomic<bool> profiling_{false};
  std::atomic<std::uint32_t> verify_every_{0};
};

}  // namespace quern
