// The amx plugin's table.
// It computes nothing itself.
#include "plugins/amx/plans.h"
#include "plugins/amx/tiles.h"
#include "plugins/sdk/complex_matmul.hpp"
#include "plugins/sdk/isa.hpp"

namespace quern::amx {
namespace {

struct Self {
  const qn_host* host;
};

const Planned& plan_of(const qn_plan* p) { return *reinterpret_cast<const Planned*>(p); }

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
    const bool conv = op->op == QN_OP_CONV || op->op == QN_OP_CONV_INPUT_GRAD;
    const bool attention = op->op == QN_OP_SCALED_DOT_PRODUCT_ATTENTION;
    if (!present()) {
      if (conv || attention || op->op == QN_OP_MATMUL) {
        host->refuse(answer, "tiles", "this CPU has no AMX, or QUERN_MAX_ISA leaves it out");
      }
      return QN_OK;
    }
    if (op->op == QN_OP_MATMUL && !sdk::offer_complex(*host, *op, answer, query_matmul))
      query_matmul(*host, *op, answer);
    if (conv) query_conv(*host, *op, answer);
    if (attention) query_attention(*host, *op, answer);
    if (op->op == QN_OP_RELAYOUT && !query_pack_b(*host, *op, answer)) {
      query_weights(*host, *op, answer);
    }
    return QN_OK;
  });
}

qn_status plan(void* self, const qn_opdesc* op, std::uint32_t kernel, qn_plan** out,
               qn_plan_info* info, qn_error_slot* error) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  return sdk::guarded(host, error, [&] {
    std::unique_ptr<Planned> p;
    if (sdk::sound(*op) && present()) {
      if (op->op == QN_OP_MATMUL && kernel <= kPrepacked)
        p = plan_matmul(*op, Kernel(kernel), *info);
      if (op->op == QN_OP_MATMUL && kernel >= sdk::kComplexKernels) {
        p = sdk::plan_complex(*op, kernel, *info,
                              [](const qn_opdesc& real, std::uint32_t k, qn_plan_info& i) {
                                return k <= kPrepacked ? plan_matmul(real, Kernel(k), i) : nullptr;
                              });
      }
      if ((op->op == QN_OP_CONV || op->op == QN_OP_CONV_INPUT_GRAD) && kernel == kConv) {
        p = plan_conv(*op, *info);
      }
      if (op->op == QN_OP_SCALED_DOT_PRODUCT_ATTENTION && kernel == kAttention) {
        p = plan_attention(*op, *info);
      }
      if (op->op == QN_OP_RELAYOUT && kernel == kPackB) p = plan_pack_b(*op, *info);
      if (op->op == QN_OP_RELAYOUT && kernel == kPackWeights) p = plan_weights(*op, *info);
    }
    if (!p) {
      host->error(error, "[amx] no such kernel for this op");
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

void plan_free(void*, qn_plan* p) noexcept { delete reinterpret_cast<Planned*>(p); }

constexpr qn_kernel_plugin table = {
    {sizeof(qn_kernel_plugin), 0},
    QN_KERNEL_ABI_MINOR,
    0,
    0,
    0,
    "amx",
    "1.0.0",
    "Apache-2.0",
    "our own products, convolutions and attention on the matrix unit of the CPU (AMX)",
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
