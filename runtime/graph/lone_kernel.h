// One kernel planned and run by itself, outside of any plan, on memory that the caller gives.
// Verify mode and tuning use it; it neither checks results nor keeps time.
#pragma once
#include <memory>

#include "runtime/core/buffer.h"
#include "runtime/graph/opdesc.h"

namespace quern {

class Allocator;
class Runtime;

// The bytes that an operand spans, from `low` bytes below element 0 on (low <= 0).
struct Span {
  std::int64_t low = 0;
  std::uint64_t bytes = 0;
};
Span span_of(const Meta& m, const Layout& l);

class LoneKernel {
 public:
  // Plans kernel `o` of the plugin and takes its workspace from `memory`. False (below) when the
  // plugin refuses. Throws RESOURCE_EXHAUSTED. Any thread; desc only during the call.
  LoneKernel(Runtime& rt, const std::shared_ptr<Allocator>& memory, PluginRef plugin, OpDesc& desc,
             const Offer& o);
  ~LoneKernel();
  LoneKernel(const LoneKernel&) = delete;
  LoneKernel& operator=(const LoneKernel&) = delete;
  explicit operator bool() const { return plan_ != nullptr; }

  // Runs all of it on this thread, tile after tile; loops that the kernel starts itself use
  // `executor`, null = the runtime's.
  qn_status run(const qn_buffer* in, const qn_buffer* out,
                const qn_executor* executor = nullptr) const;
  // Runs it as a plan's step would, on the runtime's threads.
  qn_status run_parallel(const qn_buffer* in, const qn_buffer* out) const;

  bool tiled() const { return threading_ == QN_THREADING_TILES; }
  std::uint32_t tiles() const { return n_tiles_; }

 private:
  struct Job;
  qn_run job(const qn_buffer* in, const qn_buffer* out, const qn_executor* executor) const;
  Runtime& rt_;
  PluginRef plugin_;
  qn_plan* plan_ = nullptr;
  std::uint32_t threading_, n_tiles_ = 1;
  std::uint64_t scratch_ = 0,
                workspace_ = 0;  // bytes: of a worker; of all, in front of the scratch
  std::unique_ptr<Buffer> memory_;
};

}  // namespace quern
