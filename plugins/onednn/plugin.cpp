// The plugin's table: which family serves which op.
// Holds no kernel.
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "plugins/onednn/onednn.h"
#include "plugins/sdk/isa.hpp"

namespace quern::onednn {

namespace {

struct Self {
  const qn_host* host;
};

struct Family {
  std::uint32_t op;
  QueryFn query;
  PlanFn plan;
};

constexpr Family kFamilies[] = {
    {QN_OP_CONV, conv_query, conv_plan},
    {QN_OP_CONV_INPUT_GRAD, conv_query, conv_plan},
    {QN_OP_CONV_WEIGHT_GRAD, conv_weights_query, conv_weights_plan},
    {QN_OP_AVG_POOL, pool_query, pool_plan},
    {QN_OP_AVG_POOL_GRAD, pool_query, pool_plan},
    {QN_OP_MATMUL, matmul_query, matmul_plan},
    {QN_OP_SOFTMAX, rows_query, rows_plan},
    {QN_OP_LOG_SOFTMAX, rows_query, rows_plan},
    {QN_OP_LAYER_NORM, rows_query, rows_plan},
    {QN_OP_RELAYOUT, relayout_query, relayout_plan},
};

constexpr std::uint32_t kKernelIds = 16;  // every family numbers its kernels below this

const Family* family_of(std::uint32_t op) {
  for (const Family& f : kFamilies)
    if (f.op == op) return &f;
  return nullptr;
}

std::unique_ptr<Plan> made(const Family& f, const qn_opdesc& op, std::uint32_t kernel_id) {
  try {
    return f.plan(op, kernel_id);
  } catch (const dnnl::error& e) {
    rethrow_shortage(e);
    throw;
  }
}

// Comes too late, without harm, in a process that used oneDNN before. Its own variable wins.
void limit_isa() {
#if defined(__x86_64__)
  using dnnl::cpu_isa;
  if (std::getenv("ONEDNN_MAX_CPU_ISA") || std::getenv("DNNL_MAX_CPU_ISA")) return;
  if (!sdk::isa_allowed(QN_ISA_AVX2))
    dnnl::set_max_cpu_isa(cpu_isa::sse41);
  else if (!sdk::isa_allowed(QN_ISA_AVX512))
    dnnl::set_max_cpu_isa(cpu_isa::avx2);
  else if (!sdk::isa_allowed(QN_ISA_AVX512_VNNI))
    dnnl::set_max_cpu_isa(cpu_isa::avx512_core);
  else if (!sdk::isa_allowed(QN_ISA_AMX))
    dnnl::set_max_cpu_isa(cpu_isa::avx512_core_bf16);
#endif
}

qn_status open(const qn_host* host, void** self, qn_error_slot* slot) noexcept {
  return sdk::guarded(host, slot, [&] {
    const OneThread guard;
    expect_room();
    sdk::read_isa_limit(*host);
    limit_isa();
    cpu();
    *self = new Self{host};
    return QN_OK;
  });
}

void close(void* self) noexcept { delete static_cast<Self*>(self); }

qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  if (!sdk::sound(*op)) return QN_E_INVALID_ARGUMENT;
  const Family* f = family_of(op->op);
  if (!f) return QN_OK;
  try {
    expect_room();
    f->query(host, *op, answer);
  } catch (const std::bad_alloc&) {
    return QN_E_RESOURCE_EXHAUSTED;
  } catch (const std::exception& e) {
    host->refuse(answer, "onednn", e.what());
  }
  return QN_OK;
}

qn_status plan(void* self, const qn_opdesc* op, std::uint32_t kernel_id, qn_plan** out,
               qn_plan_info* info, qn_error_slot* slot) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  return sdk::guarded(host, slot, [&]() -> qn_status {
    const Family* f = family_of(op->op);
    if (!f || kernel_id >= kKernelIds || !sdk::sound(*op)) {
      host->error(slot, "[onednn] no such kernel for this op");
      return QN_E_INVALID_ARGUMENT;
    }
    const OneThread guard;
    expect_room();
    std::unique_ptr<Plan> p = made(*f, *op, kernel_id);
    p->host = host;
    info->workspace = p->info.workspace;
    info->worker_scratch = p->info.worker_scratch;
    info->n_tiles = p->info.n_tiles;
    *out = reinterpret_cast<qn_plan*>(p.release());
    return QN_OK;
  });
}

const Plan& plan_of(const qn_plan* p) { return *reinterpret_cast<const Plan*>(p); }

qn_status run(const qn_plan* p, const qn_run* r) noexcept { return plan_of(p).run(*r); }

qn_status tile(const qn_plan* p, const qn_run* r, std::uint32_t t, std::uint32_t worker,
               void* scratch) noexcept {
  return plan_of(p).tile(*r, t, worker, scratch);
}

void plan_free(void*, qn_plan* p) noexcept { delete reinterpret_cast<Plan*>(p); }

}  // namespace

}  // namespace quern::onednn

extern "C" QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t) noexcept {
  namespace q = quern::onednn;
  static const qn_kernel_plugin table = {
      {sizeof(qn_kernel_plugin), 0},
      QN_KERNEL_ABI_MINOR,
      0,
      0,
      0,
      "onednn",
      "1.0",
      "Apache-2.0",
      "convolution, pooling, products and normalisation by oneDNN",
      q::open,
      q::close,
      q::query,
      q::plan,
      q::run,
      q::tile,
      q::plan_free,
  };
  return &table;
}
