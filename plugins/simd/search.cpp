// searchsorted on dense arrays. Not here: the search (search_ops.cpp).
#include "plugins/simd/search.h"

#include <cmath>

#include "plugins/simd/cut.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

double search_ns(const qn_opdesc& op) {
  const auto n = static_cast<double>(sdk::element_count(op.in[0]));
  const double wide = sdk::itemsize(op.in[0].dtype) == 8 ? 2 : 1;
  return static_cast<double>(sdk::element_count(op.in[1])) * wide * 0.6 * (1 + std::log2(n + 1));
}

struct SearchPlan : Plan {
  SearchFn search = nullptr;
  std::int64_t n = 0, n_values = 0, itemsize = 4;
  bool right = false;
  std::uint32_t n_tiles = 1;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const std::int64_t lo = split(n_values, n_tiles, t), hi = split(n_values, n_tiles, t + 1);
    search(run.in[0].data, n, static_cast<const char*>(run.in[1].data) + lo * itemsize, hi - lo,
           right, static_cast<std::uint32_t*>(run.out[0].data) + lo);
  }
};

}  // namespace

void query_search(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_dtype t = op.in[0].dtype;
  if (!search_fn(t) || op.in[1].dtype != t || sdk::element_count(op.in[0]) >= INT32_MAX)
    return host.refuse(answer, "search", "narrow elements, or too many for 32-bit offsets");
  const std::vector<std::int64_t> sorted = sdk::dense_strides(op.in[0]),
                                  values = sdk::dense_strides(op.in[1]);
  const qn_layout in[] = {sdk::with_strides(sorted.data()), sdk::with_strides(values.data())};
  qn_candidate c = sdk::candidate("search", 1, estimate_ns(0, search_ns(op), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = 2;
  c.in = in;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_search(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<SearchPlan>();
  p->search = search_fn(op.in[0].dtype);
  if (!p->search) return nullptr;
  p->n = sdk::element_count(op.in[0]);
  p->n_values = sdk::element_count(op.in[1]);
  p->itemsize = sdk::itemsize(op.in[0].dtype);
  p->right = sdk::attr_str(op, 0) == "right";
  p->n_tiles = free_tiles(search_ns(op), op.max_workers, p->n_values);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
