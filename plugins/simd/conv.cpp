// Offers and plans for convolution and its gradient by the input, by transformed tiles.
// Not here: the gradient by the weights (conv_weights.cpp), the loops (conv_ops.cpp).
#include <cstring>

#include "plugins/simd/conv_chain.h"
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
  ConvChain chain;
  std::uint32_t blocks = 1, workers = 1;

  static const float* in(const qn_run& run, int k) {
    return static_cast<const float*>(run.in[k].data);
  }

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const ConvEpilogue e = chain.at(run);
    const std::int64_t lo = split(shape.tiles(), blocks, t),
                       hi = split(shape.tiles(), blocks, t + 1);
    const ConvBlock b{static_cast<float*>(scratch), lo, hi - lo};
    ops->data(shape, b, in(run, 0), lo, hi);
    ops->products(shape, b, in(run, 1), 0, shape.groups * shape.points());
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
    } job{this, &run, chain.at(run), {static_cast<float*>(run.workspace), 0, shape.tiles()}, 1};
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

std::uint32_t blocks_of(const ConvShape& s, std::uint32_t workers) {
  const std::int64_t tiles = s.tiles(), each = block_tiles(s);
  std::int64_t n = (tiles + each - 1) / each;
  const std::int64_t w = std::max<std::uint32_t>(workers, 1);
  if (n % w) n = (n + w - 1) / w * w;
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(n, 1, std::min<std::int64_t>(tiles, 1 << 20)));
}

// Products of blocks of `rows` tiles; weights that are met by few rows cost their way through the
// caches.
double products_ns(const ConvShape& s, const ConvOps& ops, double rows) {
  const double reads = static_cast<double>(s.tiles()) / rows;
  return std::max(product_ns(s, ops), static_cast<double>(s.weight_floats()) * 4 / 40.0 * reads);
}

double blocks_ns(const ConvShape& s, const ConvOps& ops, std::uint32_t workers) {
  const std::uint32_t n = blocks_of(s, workers);
  const double rows = static_cast<double>(s.tiles()) / n;
  return (products_ns(s, ops, rows) + data_ns(s, ops) + output_ns(s, ops)) /
             std::max(1u, std::min(workers, n)) +
         2500;
}

bool shareable(const ConvShape& s, std::uint32_t workers) {
  return workers > 1 && s.tiles() < 24 * static_cast<std::int64_t>(workers);
}

double shared_ns(const ConvShape& s, const ConvOps& ops, std::uint32_t workers) {
  const double w = workers;
  const double tiles = std::min(w, static_cast<double>(s.tiles()));
  return products_ns(s, ops, static_cast<double>(s.tiles())) / w +
         (data_ns(s, ops) + output_ns(s, ops)) / tiles + 6000;
}

}  // namespace

void query_conv(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  if (is_depthwise(op)) return query_depthwise(host, op, answer);
  ConvShape s;
  const char* why = nullptr;
  const ConvOps* ops = conv_shape(op, s, &why);
  if (!ops) return host.refuse(answer, kName, why);
  const bool nhwc = is_nhwc(op);
  const auto x = channels_last_strides(op.in[0], nhwc), y = channels_last_strides(op.out[0], nhwc);
  const std::string name = weights_name(op, s);
  const qn_layout out = sdk::with_strides(y.data());
  std::vector<qn_layout> in{sdk::with_strides(x.data()),
                            sdk::named(name, static_cast<std::uint64_t>(s.weight_floats()) * 4)};
  const ConvChain chain(op, is_nhwc(op));
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
  c.workspace_max = static_cast<std::uint64_t>(block_floats(s, s.tiles())) * 4;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_conv(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info) {
  if (kernel_id != kPoints && kernel_id != kShared)
    return is_depthwise(op) ? plan_depthwise(op, info) : nullptr;
  auto p = std::make_unique<ConvPlan>();
  const char* why = nullptr;
  p->ops = conv_shape(op, p->shape, &why);
  if (!p->ops) return nullptr;
  p->chain = ConvChain(op, is_nhwc(op));
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  p->workers = op.max_workers;
  if (kernel_id == kShared) {
    info.workspace = static_cast<std::uint64_t>(block_floats(p->shape, p->shape.tiles())) * 4;
    return p;
  }
  p->blocks = blocks_of(p->shape, op.max_workers);
  const std::int64_t most = (p->shape.tiles() + p->blocks - 1) / p->blocks;
  info.n_tiles = p->blocks;
  info.worker_scratch = static_cast<std::uint64_t>(block_floats(p->shape, most)) * 4;
  return p;
}

}  // namespace quern::simd
