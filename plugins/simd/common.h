// What all kernel families of the simd plugin share: the plan interface, the family table, cost
// helpers. Not here: anything that uses Highway, which is compiled once for each instruction set.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "plugins/sdk/conv.hpp"
#include "plugins/sdk/quern_plugin.hpp"

namespace quern::simd {

// One planned op. Immutable; tile() and run() are called by many threads at once.
struct Plan {
  virtual ~Plan() = default;
  virtual void tile(const qn_run& run, std::uint32_t tile, void* scratch) const noexcept = 0;
  // For the few kernels that need a second phase after the parallel one (PARALLEL_FOR).
  virtual void run(const qn_run&) const noexcept {}
};

using QueryFn = void (*)(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
using PlanFn = std::unique_ptr<Plan> (*)(const qn_opdesc& op, std::uint32_t kernel_id,
                                         qn_plan_info& info);

// A family serves some ops; query offers or refuses, plan builds what tile() needs.
struct Family {
  QueryFn query;
  PlanFn plan;
};
// Settles the instruction set, so that later dispatches are a table look-up.
void choose_target();

// NULL when no kernel here serves the op.
const Family* find_family(std::uint32_t op);

// Nanoseconds to move bytes through memory and spend compute_ns of one core, on the workers that
// pay off.
inline double estimate_ns(double bytes, double compute_ns, std::uint32_t workers) {
  const double one = std::max(bytes / 20.0, compute_ns) + 300;
  if (one < 6000) return one;
  return one / std::max<std::uint32_t>(workers, 1) + 1500;
}

// How many tiles to cut element-wise work into; only for ops whose result does not depend on it.
inline std::uint32_t free_tiles(double one_core_ns, std::uint32_t workers, std::int64_t pieces) {
  if (one_core_ns < 6000 || pieces <= 1 || workers <= 1) return 1;
  return static_cast<std::uint32_t>(std::min<std::int64_t>(pieces, std::int64_t{workers} * 4));
}

// Tiles for pieces of about equal work: enough for any thread count, independent of it.
inline std::uint32_t fixed_tiles(double one_core_ns, std::int64_t pieces) {
  const auto want = static_cast<std::int64_t>(one_core_ns / 10000.0) + 1;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(std::min(want, pieces), 1, 64));
}

inline std::int64_t split(std::int64_t n, std::uint32_t parts, std::uint32_t k) {
  return n / parts * k + std::min<std::int64_t>(n % parts, k);
}

// Axis order of a dense permuted layout, slowest axis first; false when it is not dense.
bool dense_order(const qn_array_desc& a, std::vector<std::uint32_t>& order);
using sdk::strides_in_order;
// Strides in elements; row-major where the layout gives none.
std::vector<std::int64_t> element_strides(const qn_array_desc& a);
bool same_strides(const qn_array_desc& shape, const std::int64_t* a, const std::int64_t* b);

}  // namespace quern::simd
