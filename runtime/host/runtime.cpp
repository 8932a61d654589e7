// The runtime's life and its small services. Evaluation is in graph/eval.cpp, reports in
// report.cpp.
#include "runtime/host/runtime.h"

#include <sys/auxv.h>

#include <cstdlib>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/graph/plan.h"
#include "runtime/graph/tuner.h"
#include "runtime/host/executor.h"
#include "runtime/host/machine.h"
#include "runtime/host/plugin_host.h"
#include "runtime/host/rules.h"

namespace quern {

Runtime* Runtime::create(const qn_runtime_config* given) {
  qn_runtime_config config{};
  if (given) config = *given;
  if (config.n_threads > 4096)
    fail_invalid("[runtime] n_threads is ", config.n_threads, ", at most 4096");
  if (config.plugin_policy > QN_PLUGINS_PATH)
    fail_invalid("[runtime] plugin_policy is ", config.plugin_policy, ", expected 0 to ",
                 QN_PLUGINS_PATH);
  if (config.accuracy > 2)
    fail_invalid("[runtime] accuracy is ", config.accuracy, ", expected 0 to 2");
  max_isa();  // complains of a name that is none
  struct Deleter {
    void operator()(Runtime* r) const { delete r; }
  };
  std::unique_ptr<Runtime, Deleter> rt(new Runtime);
  rt->log_ = config.log;
  rt->log_self_ = config.log_self;
  rt->accuracy_ = config.accuracy == 1   ? QN_CLASS_STRICT
                  : config.accuracy == 2 ? QN_CLASS_FAST
                                         : QN_CLASS_DEFAULT;
  const char* rules = config.kernels ? config.kernels : std::getenv("QUERN_KERNELS");
  rt->rules_ = std::make_unique<RuleSet>(rules ? rules : "");
  rt->allocator_ = std::make_shared<Allocator>(config.allocator, config.memory_limit);
  rt->executor_ = std::make_unique<Executor>(config.executor, config.n_threads);
  rt->plans_ = std::make_unique<PlanCache>();
  rt->plugins_ = std::make_unique<PluginHost>(*rt);
  rt->plugins_->add_builtin();
  if (config.plugin_policy != QN_PLUGINS_BUILTIN) rt->plugins_->add_bundled();
  if (config.plugin_policy == QN_PLUGINS_PATH)
    rt->plugins_->add_directories(std::getenv("QUERN_PLUGIN_PATH"));
  // It names a file to be written: not the environment's say in a setuid program.
  const char* told = getauxval(AT_SECURE) ? nullptr : std::getenv("QUERN_TUNING");
  if (config.tuning) told = config.tuning;
  rt->tuner_ = Tuner::create(*rt, told ? told : "");
  return rt.release();
}

Runtime::Runtime() : nodes_(sizeof(Node), sizeof(ArrayRep)) {}

Runtime::~Runtime() {
  tuner_.reset();  // its thread uses all the rest
  if (plans_) plans_->clear();
}

void Runtime::release() noexcept {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void Runtime::log(int level, const std::string& text) noexcept {
  if (log_) log_(log_self_, level, text.data(), text.size());
}

void Runtime::set_kernels(std::string_view rules) {
  auto parsed = std::make_unique<RuleSet>(rules);
  std::lock_guard lock(mutex_);
  rules_ = std::move(parsed);
  plans_->clear();
}

void Runtime::set_tuning(std::string_view spec) {
  std::lock_guard lock(mutex_);
  Tuner::check(spec);
  plans_->clear();
  tuner_.reset();  // writes its file before the next one reads
  tuner_ = Tuner::create(*this, spec);
}

void Runtime::fill_stats(qn_stats& s) {
  const Allocator::Counters c = allocator_->counters();
  s.bytes_active = c.active;
  s.bytes_cached = c.cached;
  s.bytes_peak = c.peak;
  s.bytes_limit = c.limit;
  s.allocations = c.allocations;
  s.evaluations = plans_->evaluations;
  s.plan_hits = plans_->hits;
  s.plan_misses = plans_->misses;
  s.kernels_run = plans_->kernels_run;
  s.relayouts_run = plans_->relayouts_run;
  s.relayouts_cached = plans_->relayouts_cached;
  s.nodes_recorded = nodes_.nodes_taken();
  std::lock_guard lock(mutex_);
  s.plans = plans_->all().size();
  s.faults = plugins_->faults;
}

void Runtime::set_verify(std::uint32_t every) {
  std::lock_guard lock(mutex_);
  verify_every_ = every;
  plans_->clear();
}

void Runtime::reset_peak() { allocator_->reset_peak(); }

void Runtime::clear_cache() {
  std::lock_guard lock(mutex_);
  plans_->clear();
  plugins_->forget_answers();
  nodes_.trim();
  allocator_->clear_cache();
}

std::shared_ptr<Plugin> Runtime::load_plugin(const std::string& path) {
  std::lock_guard lock(mutex_);
  auto p = plugins_->load(path);
  plans_->clear();
  return p;
}

std::shared_ptr<Plugin> Runtime::register_plugin(const qn_kernel_plugin* entry) {
  std::lock_guard lock(mutex_);
  auto p = plugins_->add(entry, "");
  plans_->clear();
  return p;
}

void Runtime::retire_plugin(const std::shared_ptr<Plugin>& plugin) {
  std::lock_guard lock(mutex_);
  if (!plugin->active())
    throw Error(QN_E_FAILED_PRECONDITION, str("[plugin] '", plugin->id(), "' is already retired"));
  plans_->clear();
  if (tuner_) tuner_->forget(*plugin);
  plugins_->retire(plugin);
}

}  // namespace quern
