// The tbb plugin's table.
// It computes nothing itself.
#include "plugins/sdk/complex_matmul.hpp"
#include "plugins/sdk/isa.hpp"
#include "plugins/tbb/plan.h"

namespace quern::tbb {
namespace {

struct Self {
  const qn_host* host;
};

const sdk::Planned& plan_of(const qn_plan* p) { return *reinterpret_cast<const sdk::Planned*>(p); }

qn_status open_plugin(const qn_host* host, void** self, qn_error_slot* error) noexcept {
  return sdk::guarded(host, error, [&] {
    sdk::read_isa_limit(*host);
    *self = new Self{host};
    return QN_OK;
  });
}
void close_plugin(void* self) noexcept { delete static_cast<Self*>(self); }

qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  if (!sdk::sound(*op)) return QN_E_INVALID_ARGUMENT;
  return sdk::guarded(nullptr, nullptr, [&] {
    if (op->op == QN_OP_MATMUL && !sdk::offer_complex(*host, *op, answer, query_matmul))
      query_matmul(*host, *op, answer);
    if (op->op == QN_OP_RELAYOUT) query_relayout(*host, *op, answer);
    return QN_OK;
  });
}

qn_status plan(void* self, const qn_opdesc* op, std::uint32_t kernel, qn_plan** out,
               qn_plan_info* info, qn_error_slot* error) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  return sdk::guarded(host, error, [&] {
    std::unique_ptr<sdk::Planned> p;
    if (sdk::sound(*op) && op->op == QN_OP_RELAYOUT && kernel == kPackB)
      p = plan_relayout(*op, *info);
    if (sdk::sound(*op) && op->op == QN_OP_MATMUL) {
      p = kernel < sdk::kComplexKernels ? plan_matmul(*op, kernel, *info)
                                        : sdk::plan_complex(*op, kernel, *info, plan_matmul);
    }
    if (!p) {
      host->error(error, "[tbb] no kernel for this op as it was asked for");
      return QN_E_INVALID_ARGUMENT;
    }
    *out = reinterpret_cast<qn_plan*>(p.release());
    return QN_OK;
  });
}

qn_status run(const qn_plan* p, const qn_run* r) noexcept { return plan_of(p).run(*r); }

qn_status tile(const qn_plan* p, const qn_run* r, std::uint32_t i, std::uint32_t,
               void* scratch) noexcept {
  plan_of(p).tile(*r, i, scratch);
  return QN_OK;
}

void plan_free(void*, qn_plan* p) noexcept { delete reinterpret_cast<sdk::Planned*>(p); }

constexpr qn_kernel_plugin table = {
    {sizeof(qn_kernel_plugin), 0},
    QN_KERNEL_ABI_MINOR,
    0,
    0,
    0,
    "tbb",
    "1.0.0",
    "Apache-2.0",
    "our own matrix product, tiled over the host's workers",
    open_plugin,
    close_plugin,
    query,
    plan,
    run,
    tile,
    plan_free,
};

}  // namespace
}  // namespace quern::tbb

extern "C" QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t) QN_NOEXCEPT {
  return &quern::tbb::table;
}
