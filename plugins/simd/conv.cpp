// Offers and plans for convolution and its gradient by the input, by transformed tiles.
// Not here: the gradient by the weights (conv_weights.cpp), the loops (conv_ops.cpp).
#include "plugins/simd/conv_chain.h"
#include "plugins/simd/conv_shape.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr const char* kName = "conv.points";
constexpr std::uint32_t kPoints = 1;

struct ConvPlan : Plan {
  ConvShape shape{};
  const ConvOps* ops = nullptr;
  ConvChain chain;
  std::uint32_t blocks = 1;  // of the tiles

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const ConvEpilogue e = chain.at(run);
    const std::int64_t tiles = shape.tiles();
    ops->forward(shape, static_cast<const float*>(run.in[0].data),
                 static_cast<const float*>(run.in[1].data), static_cast<float*>(run.out[0].data),
                 chain.steps.n ? &e : nullptr, split(tiles, blocks, t), split(tiles, blocks, t + 1),
                 static_cast<float*>(scratch));
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

double forward_ns(const ConvShape& s, const ConvOps& ops, std::uint32_t workers) {
  const double work = product_ns(s, ops) + data_ns(s, ops) + output_ns(s, ops);
  const double w = std::max(1.0, std::min<double>(workers, blocks_of(s, workers)));
  // Every block reads all weights.
  const double weights = static_cast<double>(s.weight_floats()) * 4 / 120.0 *
                         static_cast<double>(blocks_of(s, workers));
  return (work + weights) / w + 2500;
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
  qn_candidate c = sdk::candidate(kName, kPoints, forward_ns(s, *ops, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = chain.steps.taken;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_conv(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info) {
  if (kernel_id != kPoints) return is_depthwise(op) ? plan_depthwise(op, info) : nullptr;
  auto p = std::make_unique<ConvPlan>();
  const char* why = nullptr;
  p->ops = conv_shape(op, p->shape, &why);
  if (!p->ops) return nullptr;
  p->chain = ConvChain(op, is_nhwc(op));
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  p->blocks = blocks_of(p->shape, op.max_workers);
  const std::int64_t most = (p->shape.tiles() + p->blocks - 1) / p->blocks;
  info.n_tiles = p->blocks;
  info.worker_scratch = static_cast<std::uint64_t>(block_floats(p->shape, most)) * 4;
  return p;
}

}  // namespace quern::simd
