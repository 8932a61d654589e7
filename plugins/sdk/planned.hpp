// The interface behind a qn_plan of plugins that keep several kinds of plans.
#pragma once
#include <memory>

#include "plugins/sdk/quern_plugin.hpp"

namespace quern::sdk {

// Immutable; tile() and run() are called by many threads at once.
struct Planned {
  virtual ~Planned() = default;
  virtual void tile(const qn_run&, std::uint32_t /*index*/, void* /*scratch*/) const noexcept {}
  virtual qn_status run(const qn_run&) const noexcept { return QN_E_UNIMPLEMENTED; }
};

}  // namespace quern::sdk
