// Plugins of one runtime: loading, asking them for candidates, quarantine.
// Which candidate is taken is decided elsewhere (rules.h, graph/passes/assign.cpp).
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "quern/kernel.h"
#include "quern/quern.h"
#include "runtime/core/shape.h"

namespace quern {

class Runtime;

// How one operand lies in memory, owned.
struct Layout {
  bool named = false;
  bool any = false;  // in an offer: any strides (input), row-major (output)
  Strides strides;   // not named, not any
  std::string name;  // named
  std::uint64_t bytes = 0;
};

class Plugin {
 public:
  Plugin(Runtime& runtime, const qn_kernel_plugin* entry, std::string path);
  ~Plugin();
  void open();  // throws Error
  void stop() {
    active_ = false;
  }  // serves no new plans; closed when the last plan and handle are gone
  const qn_kernel_plugin& entry() const { return *entry_; }
  const std::string& id() const { return id_; }
  const std::string& path() const { return path_; }
  // "simd@1.0.0+build": what measured times of its kernels hold for.
  const std::string& identity() const { return identity_; }
  void* self() const { return self_; }
  bool active() const { return active_; }

 private:
  const qn_kernel_plugin* entry_;
  std::string id_, path_, identity_;
  qn_host host_{};
  qn_allocator allocator_{};
  void* self_ = nullptr;
  bool opened_ = false;
  std::atomic<bool> active_{false};
};

using PluginRef = std::shared_ptr<Plugin>;

struct Offer {
  PluginRef plugin;
  std::string kernel;
  std::uint32_t kernel_id = 0;
  std::uint32_t threading = 0;
  std::vector<Layout> in, out;  // complete
  std::uint64_t inplace_mask = 0;
  double est_ns = 0;
  double measured_ns = 0;    // by tuning; 0 = not measured
  bool passed_over = false;  // others for the same question were measured, this one was not
  std::uint64_t workspace_max = 0;
  std::uint32_t epilogue_taken = 0;
  bool deterministic = false;  // the same bits for any number of threads

  // What selection compares, in nanoseconds: measured times before estimates.
  double cost() const {
    constexpr double kLast = 1e15;
    return measured_ns > 0 ? measured_ns : passed_over ? kLast + est_ns : est_ns;
  }
};

struct Refusal {
  std::string plugin, kernel, reason;
};

struct Answer {
  std::vector<Offer> offers;
  std::vector<Refusal> refusals;
};

// One plugin's candidates; none when its query fails. Keeps nothing; any thread. Throws
// RESOURCE_EXHAUSTED.
Answer ask(const PluginRef& plugin, const qn_opdesc& op);

class PluginHost {
 public:
  explicit PluginHost(Runtime& runtime) : runtime_(runtime) {}

  void add_builtin();
  // The plugins beside the library, in order of name; one that can't be loaded is only noted.
  void add_bundled();
  void add_directories(const char* colon_separated);
  PluginRef load(const std::string& path);                         // absolute; throws Error
  PluginRef add(const qn_kernel_plugin* entry, std::string path);  // throws Error
  void retire(const PluginRef& plugin);

  // Answers are remembered until plugins come or go or a kernel is quarantined: making one can cost
  // a plugin milliseconds, and a plan asks the same question under each layout policy.
  Answer query(const qn_opdesc& op);
  void forget_answers() { answers_.clear(); }
  // A kernel failed at an op: it is not offered for that op any more. Counts a fault each time.
  void quarantine(const std::string& plugin, const std::string& kernel, std::uint32_t op,
                  const std::string& reason);
  struct Quarantined {
    std::string plugin, kernel, reason;
    std::uint32_t op;
  };
  const std::vector<Quarantined>& quarantined() const { return quarantined_; }
  const std::vector<PluginRef>& all() const { return plugins_; }
  struct Refused {
    std::string path, reason;
  };
  const std::vector<Refused>& refused() const { return refused_; }
  struct Retired {
    std::string path, id;
  };
  const std::vector<Retired>& retired() const { return retired_; }
  std::uint64_t faults = 0;

 private:
  void add_directory(const std::string& dir);
  Runtime& runtime_;
  std::vector<PluginRef> plugins_;
  std::vector<Refused> refused_;
  std::vector<Retired> retired_;
  const Quarantined* find_quarantined(const std::string& plugin, const std::string& kernel,
                                      std::uint32_t op) const;
  std::vector<Quarantined> quarantined_;
  static constexpr std::size_t kMaxAnswers = 4096;
  std::unordered_map<std::string, Answer> answers_;
};

}  // namespace quern

// Where a plugin's error text lands, for one call.
struct qn_error_slot {
  std::string text;
};
