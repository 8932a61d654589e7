// A plugin opened by this tool's own host: what it offers, refuses and says.
// Judges nothing; the *_checks.cpp files do.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/cli/check/problem.h"

// Where error text lands, for one call.
struct qn_error_slot {
  std::string text;
};

namespace quern_cli::check {

struct Offer {
  std::string name;
  uint32_t kernel_id = 0, threading = 0, confidence = 0, deterministic = 0, epilogue_taken = 0;
  std::vector<Layout> in, out;  // one an operand
  uint64_t inplace_mask = 0, workspace_max = 0;
  double est_ns = 0;
  std::string fault;  // why a host must turn it down; "" = well formed
  std::string signature()
      const;  // its name with its layouts: one kernel may be offered with several
};

struct Answers {
  qn_status status = QN_OK;
  std::vector<Offer> offers;
  std::vector<std::string> refusals;  // "name: reason"
};

// The allocator given to the plugin: counts, and lets the k-th call fail. [any]
struct HostHeap {
  std::mutex mutex;
  uint64_t calls = 0, fail_at = 0, live = 0;
  bool mismatch = false;  // freed what was not allocated, or with another size
  std::vector<std::pair<void*, uint64_t>> blocks;
};

// dlopens path and calls its entry. Throws LibraryError with the reason.
const qn_kernel_plugin* load_entry(const std::string& path, uint32_t host_minor);

class Subject {
 public:
  // open() is called at once; throws LibraryError when it fails.
  explicit Subject(const qn_kernel_plugin* entry);
  ~Subject();
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  const qn_kernel_plugin& entry() const { return *entry_; }
  void* self() const { return self_; }
  HostHeap& heap() { return heap_; }
  Answers query(const qn_opdesc* op) const;

 private:
  const qn_kernel_plugin* entry_;
  HostHeap heap_;
  qn_allocator allocator_{};
  qn_host host_{};
  void* self_ = nullptr;
};

// The host struct for a Subject or a test of open(); `allocator` must outlive it.
qn_host make_host(const qn_allocator* allocator);
qn_allocator make_allocator(HostHeap*);

// A prepared kernel. Freed with the object.
class Plan {
 public:
  Plan(const Subject&, qn_opdesc* op, uint32_t kernel_id);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  qn_status status = QN_OK;
  std::string error;
  qn_plan* plan = nullptr;
  qn_plan_info info{};

 private:
  const Subject& subject_;
};

}  // namespace quern_cli::check
