// Offers and plans for convolution and its gradient by the input, by transformed tiles.
// Not here: the gradient by the weights (conv_weights.cpp), the loops (conv_ops.cpp).
#include <cmath>
#include <cstring>

#include "plugins/simd/conv_shape.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr const char* kName = "conv.points";
constexpr const char* kSharedName = "conv.points_shared";
constexpr std::uint32_t kPoints = 1, kShared = 3;

// Blocks of tiles, each from its input to its output; or, for few tiles, one block whose phases the
// workers share, so that each reads only a part of the weights.
struct ConvPlan : Plan {
  ConvShape shape{};
  const ConvOps* ops = nullptr;
  sdk::ConvChain chain;
  std::int64_t block = 1;   // tiles
  std::int64_t groups = 1;  // of a block
  std::uint32_t workers = 1;

  static const float* in(const qn_run& run, int k) {
    return static_cast<const float*>(run.in[k].data);
  }

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const ConvEpilogue e = chain.at(run);
    // All blocks of some groups, then the next, so that their weights stay in the cache.
    const std::int64_t blocks = (shape.tiles() + block - 1) / block;
    const std::int64_t lo = t % blocks * block, hi = std::min(lo + block, shape.tiles());
    const std::int64_t group = t / blocks * groups;
    const ConvBlock b{static_cast<float*>(scratch),
                      lo,
                      hi - lo,
                      group,
                      std::min(groups, shape.groups - group),
                      reinterpret_cast<ConvAhead*>(static_cast<float*>(scratch) +
                                                   block_floats(shape, block, groups))};
    ops->data(shape, b, in(run, 0), lo, hi);
    ops->products(shape, b, in(run, 1), 0, b.groups * shape.points());
    ops->outputs(shape, b, chain.steps.n ? &e : nullptr, static_cast<float*>(run.out[0].data), lo,
                 hi);
  }

  void run(const qn_run& run) const noexcept override {
    struct Job {
      const ConvPlan* plan;
      const qn_run* run;
      ConvEpilogue epilogue;
      ConvBlock block;
      std::uint32_t parts;
    } job{this,
          &run,
          chain.at(run),
          {static_cast<float*>(run.workspace), 0, shape.tiles(), 0, shape.groups, nullptr},
          1};
    const auto each = [&](std::int64_t n, qn_task_fn fn) {
      job.parts = static_cast<std::uint32_t>(std::min<std::int64_t>(n, workers * 2));
      run.executor->parallel_for(run.executor->self, fn, &job, job.parts, workers);
    };
    each(shape.tiles(), [](void* task, std::uint32_t k, std::uint32_t) noexcept {
      const Job& j = *static_cast<Job*>(task);
      const ConvShape& s = j.plan->shape;
      j.plan->ops->data(s, j.block, in(*j.run, 0), split(s.tiles(), j.parts, k),
                        split(s.tiles(), j.parts, k + 1));
    });
    each(shape.groups * shape.points(), [](void* task, std::uint32_t k, std::uint32_t) noexcept {
      const Job& j = *static_cast<Job*>(task);
      const ConvShape& s = j.plan->shape;
      const std::int64_t n = s.groups * s.points();
      j.plan->ops->products(s, j.block, in(*j.run, 1), split(n, j.parts, k),
                            split(n, j.parts, k + 1));
    });
    each(shape.tiles(), [](void* task, std::uint32_t k, std::uint32_t) noexcept {
      const Job& j = *static_cast<Job*>(task);
      const ConvShape& s = j.plan->shape;
      j.plan->ops->outputs(s, j.block, j.plan->chain.steps.n ? &j.epilogue : nullptr,
                           static_cast<float*>(j.run->out[0].data), split(s.tiles(), j.parts, k),
                           split(s.tiles(), j.parts, k + 1));
    });
  }
};

// Tiles of a block: a multiple of the products' rows while there are blocks enough to share out,
// else about the same for all.
std::int64_t block_size(const ConvShape& s, std::uint32_t workers) {
  const std::int64_t tiles = s.tiles(), most = block_tiles(s), w = std::max(workers, 1u);
  std::int64_t n = (tiles + most - 1) / most;
  if (n * group_blocks(s) >= 4 * w) return std::max(most, tiles >> 20);
  n = std::min((n + w - 1) / w * w, tiles);
  return (tiles + n - 1) / n;
}

// Products of blocks of `rows` tiles. Every block reads all weights, at the pace of the cache or
// the memory that holds them, of which the products hide a half; few rows do not make up for it.
// The first blocks, one a worker, find them far away.
double products_ns(const ConvShape& s, const ConvOps& ops, double rows, double workers) {
  const double bytes = static_cast<double>(s.weight_floats()) * 4;
  const double pace = bytes < 512e3 ? 60.0 : bytes < kFarBytes ? 18.0 : 5.5;
  const double blocks = static_cast<double>(s.tiles()) / rows, first = std::min(blocks, workers);
  const double reading =
      bytes * ((blocks - first) / pace + first / std::min(pace, bytes < 1.5e6 ? 15.0 : 9.0));
  const double work = product_ns(s, ops);
  return std::max(work, reading) + std::min(work, reading) / 2;
}

double blocks_ns(const ConvShape& s, const ConvOps& ops, std::uint32_t workers) {
  const std::int64_t rows = block_size(s, workers);
  const std::int64_t n = (s.tiles() + rows - 1) / rows * group_blocks(s);
  const double share =
      std::ceil(static_cast<double>(n) / std::max(workers, 1u)) / static_cast<double>(n);
  return (products_ns(s, ops, static_cast<double>(rows), std::max(workers, 1u)) + data_ns(s, ops) +
          output_ns(s, ops)) *
             share +
         2500;
}

bool shareable(const ConvShape& s, std::uint32_t workers) {
  return workers > 1 && s.tiles() < 24 * static_cast<std::int64_t>(workers);
}

double shared_ns(const ConvShape& s, const ConvOps& ops, std::uint32_t workers) {
  const double w = workers;
  const double tiles = std::min(w, static_cast<double>(s.tiles()));
  return products_ns(s, ops, static_cast<double>(s.tiles()), 1) / w +
         (data_ns(s, ops) + output_ns(s, ops)) / tiles + 6000;
}

}  // namespace

void query_conv(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  if (is_depthwise(op)) return query_depthwise(host, op, answer);
  query_direct(host, op, answer);
  ConvShape s;
  const char* why = nullptr;
  const ConvOps* ops = conv_shape(op, s, &why);
  if (!ops) return host.refuse(answer, kName, why);
  const bool nhwc = sdk::is_nhwc(op);
  const auto x = sdk::channels_last_strides(op.in[0], nhwc),
             y = sdk::channels_last_strides(op.out[0], nhwc);
  const std::string name = weights_name(op, s);
  const qn_layout out = sdk::with_strides(y.data());
  std::vector<qn_layout> in{sdk::with_strides(x.data()),
                            sdk::named(name, static_cast<std::uint64_t>(s.weight_floats()) * 4)};
  const sdk::ConvChain chain(op, sdk::is_nhwc(op), sdk::EpilogueSteps::all);
  const auto operands = chain.layouts(op, y, in);
  qn_candidate c = sdk::candidate(kName, kPoints, blocks_ns(s, *ops, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = chain.steps.taken;
  host.offer(answer, &c);
  if (!shareable(s, op.max_workers))
    return host.refuse(answer, kSharedName, "enough tiles to share them out");
  c.name = {kSharedName, std::strlen(kSharedName)};
  c.kernel_id = kShared;
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.est_ns = shared_ns(s, *ops, op.max_workers);
  c.workspace_max = static_cast<std::uint64_t>(block_floats(s, s.tiles(), s.groups)) * 4;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_conv(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info) {
  if (kernel_id == kDirectKernel) return plan_direct(op, info);
  if (kernel_id != kPoints && kernel_id != kShared)
    return is_depthwise(op) ? plan_depthwise(op, info) : nullptr;
  auto p = std::make_unique<ConvPlan>();
  const char* why = nullptr;
  p->ops = conv_shape(op, p->shape, &why);
  if (!p->ops) return nullptr;
  p->chain = sdk::ConvChain(op, sdk::is_nhwc(op), sdk::EpilogueSteps::all);
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  p->workers = op.max_workers;
  if (kernel_id == kShared) {
    info.workspace =
        static_cast<std::uint64_t>(block_floats(p->shape, p->shape.tiles(), p->shape.groups)) * 4;
    return p;
  }
  p->block = block_size(p->shape, op.max_workers);
  p->groups = block_groups(p->shape);
  info.n_tiles = static_cast<std::uint32_t>((p->shape.tiles() + p->block - 1) / p->block *
                                            group_blocks(p->shape));
  info.worker_scratch =
      static_cast<std::uint64_t>(block_floats(p->shape, p->block, p->groups)) * 4 +
      static_cast<std::uint64_t>(p->block) * sizeof(ConvAhead);
  return p;
}

}  // namespace quern::simd
