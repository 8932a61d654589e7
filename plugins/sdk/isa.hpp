// The instruction sets that a plugin's kernels may use: the host's word (QN_EXT_MAX_ISA).
// Whether the processor has them is asked elsewhere.
#pragma once
#include <atomic>
#include <cstdint>

#include "quern/kernel.h"

namespace quern::sdk {
namespace detail {
inline std::atomic<std::uint32_t> isa_limit{QN_ISA_AMX};
}

// For open(). A host without this service sets no limit.
inline void read_isa_limit(const qn_host& host) {
  if (const void* limit = host.extension(host.self, QN_EXT_MAX_ISA))
    detail::isa_limit.store(*static_cast<const std::uint32_t*>(limit), std::memory_order_relaxed);
}

// isa: QN_ISA_*.
inline bool isa_allowed(std::uint32_t isa) {
  return isa <= detail::isa_limit.load(std::memory_order_relaxed);
}

}  // namespace quern::sdk
