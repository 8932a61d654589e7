// Gradient of a convolution by its weights, by transformed tiles: shards of the tiles sum up at the
// points, then the shards are added and turned back. The number of shards depends on the shape
// alone, so the bits don't depend on threads. Not here: the loops (conv_ops.cpp).
#include <cmath>

#include "plugins/simd/conv_shape.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr const char* kName = "conv_weight_grad.points";

// To write, read and add a shard's sums.
double shard_ns(const ConvShape& s) { return static_cast<double>(s.weight_floats()) * 4 / 8.0; }

// Larger than forward: all sums are read and written once a block.
std::int64_t sum_tiles(const ConvShape& s) { return block_tiles(s) * 2; }

double work_ns(const ConvShape& s, const ConvOps& ops) {
  const double blocks = static_cast<double>(s.tiles()) / static_cast<double>(sum_tiles(s));
  return product_ns(s, ops) + data_ns(s, ops) + output_ns(s, ops) * 1.5 +
         blocks * shard_ns(s) * 0.6;
}

// Few, since their sums pass through memory; an even number, for machines have even numbers of
// cores.
std::int64_t shards_of(const ConvShape& s, const ConvOps& ops) {
  const double work = work_ns(s, ops);
  auto n = static_cast<std::int64_t>(work / (20e3 + 5 * shard_ns(s))) / group_blocks(s);
  n = n < 2 ? (work > 100e3 && group_blocks(s) < 4 ? 2 : 1) : n / 2 * 2;
  if (s.nested) n = std::max(n, (s.tiles() + kMostSum - 1) / kMostSum);
  return std::clamp<std::int64_t>(n, 1, std::min(kMostShards, s.tiles()));
}

struct ConvWeightsPlan : Plan {
  ConvShape shape{};
  const ConvOps* ops = nullptr;
  WeightStrides strides{};
  std::int64_t shards = 1, block = 1;
  std::int64_t groups = 1, group_blocks = 1;  // groups of a block, and how many such
  std::uint64_t scratch_bytes = 0;
  std::uint32_t workers = 1, pieces = 1;  // pieces: of a group's channels, when turning back

  struct Job {
    const ConvWeightsPlan* plan;
    const qn_run* run;
  };

  static void sum(void* task, std::uint32_t k, std::uint32_t worker) noexcept {
    const auto& [p, r] = *static_cast<Job*>(task);
    const std::int64_t tiles = p->shape.tiles(), group = k % p->group_blocks * p->groups;
    const auto n = static_cast<std::uint32_t>(p->shards),
               shard = k / static_cast<std::uint32_t>(p->group_blocks);
    const std::int64_t lo = split(tiles, n, shard), hi = split(tiles, n, shard + 1);
    float* du = static_cast<float*>(r->workspace) + shard * p->shape.weight_floats();
    auto* scratch =
        reinterpret_cast<float*>(static_cast<char*>(r->scratch) + worker * p->scratch_bytes);
    for (std::int64_t t = lo; t < hi; t += p->block)
      p->ops->weight_grad(p->shape,
                          {scratch, t, std::min(hi - t, p->block), group,
                           std::min(p->groups, p->shape.groups - group), nullptr},
                          static_cast<const float*>(r->in[0].data),
                          static_cast<const float*>(r->in[1].data), du, t == lo);
  }

  static void finish(void* task, std::uint32_t k, std::uint32_t) noexcept {
    const auto& [p, r] = *static_cast<Job*>(task);
    const std::int64_t group = k / p->pieces, depth = p->shape.depth_padded();
    const std::uint32_t i = k % p->pieces;
    p->ops->weight_finish(p->shape,
                          static_cast<const float*>(r->workspace) + group * p->shape.group_floats(),
                          p->shards, p->shape.weight_floats(),
                          static_cast<float*>(r->out[0].data) + group * p->strides.group,
                          p->strides, split(depth, p->pieces, i), split(depth, p->pieces, i + 1));
  }

  void tile(const qn_run&, std::uint32_t, void*) const noexcept override {}

  void run(const qn_run& r) const noexcept override {
    Job job{this, &r};
    const auto each = [&](qn_task_fn fn, std::int64_t n) {
      if (n > 1 && workers > 1)
        r.executor->parallel_for(r.executor->self, fn, &job, static_cast<std::uint32_t>(n),
                                 workers);
      else
        for (std::int64_t i = 0; i < n; ++i) fn(&job, static_cast<std::uint32_t>(i), 0);
    };
    each(sum, shards * group_blocks);
    each(finish, shape.groups * pieces);
  }
};

}  // namespace

void query_conv_weights(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  ConvShape s;
  const char* why = nullptr;
  const ConvOps* ops = conv_shape(op, s, &why);
  if (!ops) return host.refuse(answer, kName, why);
  if (op.program) return host.refuse(answer, kName, "takes no epilogue");
  const bool nhwc = sdk::is_nhwc(op);
  const auto x = sdk::channels_last_strides(op.in[0], nhwc),
             y = sdk::channels_last_strides(op.in[1], nhwc);
  const qn_layout in[2] = {sdk::with_strides(x.data()), sdk::with_strides(y.data())};
  const std::int64_t shards = shards_of(s, *ops);
  const auto units = static_cast<double>(shards * group_blocks(s));
  const double w = std::max(1.0, std::min<double>(op.max_workers, units));
  const double rounds = std::ceil(units / w) / units;
  qn_candidate c = sdk::candidate(
      kName, 1,
      work_ns(s, *ops) * rounds +
          static_cast<double>(shards) * shard_ns(s) / std::max(1u, op.max_workers) + 5000);
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = 2;
  c.in = in;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = static_cast<std::uint64_t>(shards * s.weight_floats()) * 4;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_conv_weights(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<ConvWeightsPlan>();
  const char* why = nullptr;
  p->ops = conv_shape(op, p->shape, &why);
  if (!p->ops || op.program) return nullptr;
  const ConvShape& s = p->shape;
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < op.out[0].ndim; ++i) order.push_back(i);
  const auto rows = strides_in_order(op.out[0], order);
  p->strides = sdk::weight_strides(rows.data(), op.out[0].ndim, sdk::is_nhwc(op), false, s.og);
  p->shards = shards_of(s, *p->ops);
  p->groups = block_groups(s);
  p->group_blocks = group_blocks(s);
  p->block = std::min(sum_tiles(s), (s.tiles() + p->shards - 1) / p->shards);
  p->workers = op.max_workers;
  p->pieces =
      static_cast<std::uint32_t>(std::min<std::int64_t>(s.depth_padded(), s.groups > 1 ? 1 : 16));
  p->scratch_bytes =
      (static_cast<std::uint64_t>(block_floats(s, p->block, p->groups)) * 4 + 63) / 64 * 64;
  info.worker_scratch = p->scratch_bytes;
  info.workspace = static_cast<std::uint64_t>(p->shards * s.weight_floats()) * 4;
  return p;
}

}  // namespace quern::simd
