// The openblas plugin's table.
// It computes nothing itself.
#include <cblas.h>

#include <array>
#include <string_view>

#include "plugins/openblas/plans.h"

namespace quern::openblas {
namespace {

struct Self {
  const qn_host* host;
  Regions regions;
};

qn_status open_plugin(const qn_host* host, void** self, qn_error_slot* error) noexcept {
  return sdk::guarded(host, error, [&] {
    *self = new Self{host, {}};
    return QN_OK;
  });
}
void close_plugin(void* self) noexcept { delete static_cast<Self*>(self); }

qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  if (!sdk::sound(*op)) return QN_E_INVALID_ARGUMENT;
  return sdk::guarded(nullptr, nullptr, [&] {
    const qn_host& host = *static_cast<Self*>(self)->host;
    if (op->op == QN_OP_MATMUL)
      query_matmul(host, *op, answer);
    else
      query_linalg(host, *op, answer);
    return QN_OK;
  });
}

qn_status plan(void* self, const qn_opdesc* op, std::uint32_t kernel, qn_plan** out,
               qn_plan_info* info, qn_error_slot* error) noexcept {
  Self& s = *static_cast<Self*>(self);
  return sdk::guarded(s.host, error, [&] {
    std::unique_ptr<Planned> p;
    if (sdk::sound(*op) && kernel == 0) {
      p = op->op == QN_OP_MATMUL ? plan_matmul(s.regions, *op, *info)
                                 : plan_linalg(s.regions, *op, *info);
    }
    if (!p) {
      s.host->error(error, "[openblas] no kernel for this op as it was asked for");
      return QN_E_INVALID_ARGUMENT;
    }
    *out = reinterpret_cast<qn_plan*>(p.release());
    return QN_OK;
  });
}

const Planned& plan_of(const qn_plan* p) { return *reinterpret_cast<const Planned*>(p); }

qn_status run(const qn_plan* p, const qn_run* r) noexcept { return plan_of(p).run(*r); }
qn_status tile(const qn_plan* p, const qn_run* r, std::uint32_t i, std::uint32_t,
               void* scratch) noexcept {
  plan_of(p).tile(*r, i, scratch);
  return QN_OK;
}
void plan_free(void*, qn_plan* p) noexcept { delete reinterpret_cast<Planned*>(p); }

// The header's text without the blank at each of its ends.
constexpr auto version = [] {
  constexpr std::string_view text = OPENBLAS_VERSION;
  std::array<char, text.size() - 1> out{};
  text.substr(1, text.size() - 2).copy(out.data(), out.size());
  return out;
}();

constexpr qn_kernel_plugin table = {
    {sizeof(qn_kernel_plugin), 0},
    QN_KERNEL_ABI_MINOR,
    0,
    0,
    0,
    "openblas",
    version.data(),
    "Apache-2.0 AND BSD-3-Clause",
    "matrix products and linear algebra on serial OpenBLAS",
    open_plugin,
    close_plugin,
    query,
    plan,
    run,
    tile,
    plan_free,
};

}  // namespace
}  // namespace quern::openblas

extern "C" QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t) QN_NOEXCEPT {
  return &quern::openblas::table;
}
