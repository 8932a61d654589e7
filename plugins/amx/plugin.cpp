// The amx plugin's table.
// It computes nothing itself.
#include "plugins/amx/matmul.h"

namespace quern::amx {
namespace {

struct Self {
  const qn_host* host;
};

const Plan& plan_of(const qn_plan* p) { return *reinterpret_cast<const Plan*>(p); }

qn_status open_plugin(const qn_host* host, void** self, qn_error_slot* error) noexcept {
  return sdk::guarded(host, error, [&] {
    *self = new Self{host};
    return QN_OK;
  });
}
void close_plugin(void* self) noexcept { delete static_cast<Self*>(self); }

qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  if (!sdk::sound(*op)) return QN_E_INVALID_ARGUMENT;
  return sdk::guarded(nullptr, nullptr, [&] {
    if (op->op == QN_OP_MATMUL) query_matmul(*host, *op, answer);
    if (op->op == QN_OP_RELAYOUT) query_relayout(*host, *op, answer);
    return QN_OK;
  });
}

qn_status plan(void* self, const qn_opdesc* op, std::uint32_t kernel, qn_plan** out,
               qn_plan_info* info, qn_error_slot* error) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  return sdk::guarded(host, error, [&] {
    const bool relayout = op->op == QN_OP_RELAYOUT && kernel == kPackB;
    if (!sdk::sound(*op) || !(relayout || (op->op == QN_OP_MATMUL && kernel < kPackB))) {
      host->error(error, "[amx] no such kernel for this op");
      return QN_E_INVALID_ARGUMENT;
    }
    if (relayout) return plan_relayout(*host, *op, out, info, error);
    return plan_matmul(*host, *op, static_cast<Kernel>(kernel), out, info, error);
  });
}

qn_status run(const qn_plan* p, const qn_run* r) noexcept { return run_shared(plan_of(p), r); }

qn_status tile(const qn_plan* p, const qn_run* r, std::uint32_t i, std::uint32_t,
               void* scratch) noexcept {
  run_tile(plan_of(p), r, i, scratch);
  return QN_OK;
}

void plan_free(void*, qn_plan* p) noexcept { delete reinterpret_cast<Plan*>(p); }

constexpr qn_kernel_plugin table = {
    {sizeof(qn_kernel_plugin), 0},
    QN_KERNEL_ABI_MINOR,
    0,
    0,
    0,
    "amx",
    "1.0.0",
    "Apache-2.0",
    "our own matrix products on the matrix unit of the CPU (AMX)",
    open_plugin,
    close_plugin,
    query,
    plan,
    run,
    tile,
    plan_free,
};

}  // namespace
}  // namespace quern::amx

extern "C" QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t) QN_NOEXCEPT {
  return &quern::amx::table;
}
