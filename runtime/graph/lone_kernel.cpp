// Planning, workspace and calls of a kernel that stands alone.
#include "runtime/graph/lone_kernel.h"

#include <algorithm>
#include <atomic>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/host/call.h"
#include "runtime/host/executor.h"
#include "runtime/host/runtime.h"

namespace quern {

Span span_of(const Meta& m, const Layout& l) {
  if (l.named) return {0, l.bytes};
  std::int64_t low = 0, high = 1;
  for (std::size_t i = 0; i < m.shape.size(); ++i) {
    if (m.shape[i] == 0) return {};
    (l.strides[i] < 0 ? low : high) += l.strides[i] * (m.shape[i] - 1);
  }
  const auto item = static_cast<std::int64_t>(itemsize(m.dtype));
  return {low * item, static_cast<std::uint64_t>((high - low) * item)};
}

struct LoneKernel::Job {
  const LoneKernel& kernel;
  const qn_run& run;
  std::atomic<qn_status> status{QN_OK};
};

LoneKernel::LoneKernel(Runtime& rt, const std::shared_ptr<Allocator>& memory, PluginRef plugin,
                       OpDesc& desc, const Offer& o)
    : rt_(rt), plugin_(std::move(plugin)), threading_(o.threading) {
  qn_plan_info info{};
  info.hdr.struct_size = sizeof info;
  info.n_tiles = 1;
  qn_error_slot slot;
  const qn_status s = call_plugin(&slot, plugin_->entry().plan, plugin_->self(), &desc.get(),
                                  o.kernel_id, &plan_, &info, &slot);
  if (s != QN_OK) plan_ = nullptr;  // what a failing call leaves there is not a plan
  if (s == QN_E_RESOURCE_EXHAUSTED) throw Error(s, "out of memory");
  if (!plan_) return;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;  // bytes of scratch a worker
  if (info.workspace > o.workspace_max || info.worker_scratch > kMost) {
    call_plugin(plugin_->entry().plan_free, plugin_->self(), plan_);
    plan_ = nullptr;
    return;
  }
  n_tiles_ = std::max(1u, info.n_tiles);
  scratch_ = (info.worker_scratch + 63) / 64 * 64;
  workspace_ = (info.workspace + 63) / 64 * 64;
  try {
    memory_ = std::make_unique<Buffer>(memory, workspace_ + scratch_ * rt.executor().workers(),
                                       QN_TAG_WORKSPACE);
  } catch (...) {
    call_plugin(plugin_->entry().plan_free, plugin_->self(), plan_);
    throw;
  }
}

LoneKernel::~LoneKernel() {
  if (plan_) call_plugin(plugin_->entry().plan_free, plugin_->self(), plan_);
}

qn_run LoneKernel::job(const qn_buffer* in, const qn_buffer* out,
                       const qn_executor* executor) const {
  qn_run run{};
  run.hdr.struct_size = sizeof run;
  run.in = in;
  run.out = out;
  run.workspace = memory_->data();
  run.scratch = static_cast<char*>(memory_->data()) + workspace_;
  run.executor = executor ? executor : rt_.executor().hooks();
  return run;
}

qn_status LoneKernel::run(const qn_buffer* in, const qn_buffer* out,
                          const qn_executor* executor) const {
  qn_error_slot slot;
  qn_run r = job(in, out, executor);
  r.error = &slot;
  if (!tiled()) return call_plugin(&slot, plugin_->entry().run, plan_, &r);
  qn_status s = QN_OK;
  for (std::uint32_t i = 0; i < n_tiles_ && s == QN_OK; ++i)
    s = call_plugin(&slot, plugin_->entry().tile, plan_, &r, i, 0u, r.scratch);
  return s;
}

qn_status LoneKernel::run_parallel(const qn_buffer* in, const qn_buffer* out) const {
  if (!tiled()) return run(in, out);
  qn_error_slot slot;
  qn_run r = job(in, out, nullptr);
  r.error = &slot;
  Job j{*this, r};
  rt_.executor().expect(1e9);  // it is to be measured with all threads at work
  const qn_status s = rt_.executor().parallel_for(
      [](void* self, std::uint32_t tile, std::uint32_t worker) noexcept {
        Job& job = *static_cast<Job*>(self);
        const LoneKernel& k = job.kernel;
        const qn_status status =
            call_plugin(nullptr, k.plugin_->entry().tile, k.plan_, &job.run, tile, worker,
                        static_cast<char*>(job.run.scratch) + worker * k.scratch_);
        if (status != QN_OK) job.status.store(status, std::memory_order_relaxed);
      },
      &j, n_tiles_, rt_.executor().workers());
  return s == QN_OK ? j.status.load() : s;
}

}  // namespace quern
