// What all kernels of the plugin share: the interface of a plan, and which ops have one.
#pragma once
#include <memory>

#include "plugins/openblas/inside.h"
#include "plugins/sdk/quern_plugin.hpp"

namespace quern::openblas {

// Immutable; tile() and run() are called by many threads at once.
struct Planned {
  virtual ~Planned() = default;
  virtual void tile(const qn_run&, std::uint32_t) const noexcept {}
  virtual qn_status run(const qn_run&) const noexcept { return QN_E_UNIMPLEMENTED; }
};

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
// True for an op of linear algebra, whether or not it is served.
bool query_linalg(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
// Null when the op is not served; for matmul with strides that were not offered, too.
std::unique_ptr<Planned> plan_matmul(Regions& regions, const qn_opdesc& op, qn_plan_info& info);
std::unique_ptr<Planned> plan_linalg(Regions& regions, const qn_opdesc& op, qn_plan_info& info);

}  // namespace quern::openblas
