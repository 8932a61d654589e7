// Offers and plans for convolution and its gradient by the input, by transformed tiles.
// Not here: the gradient by the weights (conv_weights.cpp), the loops (conv_ops.cpp).
#include "plugins/simd/conv_shape.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr const char* kName = "conv.points";

struct ConvPlan : Plan {
  ConvShape shape{};
  const ConvOps* ops = nullptr;
  sdk::Epilogue epilogue;
  std::int64_t channel_step[sdk::Epilogue::max_steps] = {};
  bool full[sdk::Epilogue::max_steps] = {};
  std::uint32_t blocks = 1;  // of a group's tiles

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    ConvEpilogue e{&epilogue, {}, {}, {}};
    for (std::uint32_t k = 0; k < epilogue.n; ++k) {
      const std::int32_t i = epilogue.step[k].input;
      e.operand[k] = i < 0 ? nullptr : static_cast<const float*>(run.in[i].data);
      e.channel_step[k] = channel_step[k];
      e.full[k] = full[k];
    }
    const std::int64_t tiles = shape.tiles();
    ops->forward(shape, static_cast<const float*>(run.in[0].data),
                 static_cast<const float*>(run.in[1].data), static_cast<float*>(run.out[0].data),
                 epilogue.n ? &e : nullptr, t / blocks, split(tiles, blocks, t % blocks),
                 split(tiles, blocks, t % blocks + 1), static_cast<float*>(scratch));
  }
};

enum class Operand : std::uint8_t { kOther, kScalar, kChannel, kFull };

Operand classify(const qn_array_desc& in, const qn_array_desc& out, std::uint32_t channel) {
  if (in.ndim > out.ndim) return Operand::kOther;
  const std::uint32_t lead = out.ndim - in.ndim;
  bool scalar = true, one = lead <= channel, full = in.ndim == out.ndim;
  for (std::uint32_t i = 0; i < in.ndim; ++i) {
    const std::int64_t want = out.shape[lead + i];
    scalar = scalar && in.shape[i] == 1;
    full = full && in.shape[i] == want;
    one = one && in.shape[i] == (lead + i == channel ? want : 1);
  }
  return scalar ? Operand::kScalar
         : one  ? Operand::kChannel
         : full ? Operand::kFull
                : Operand::kOther;
}

// The longest chain of steps whose operands are single values, one a channel, or lie like y.
sdk::Epilogue chain_of(const qn_opdesc& op, std::uint32_t channel) {
  if (!op.program) return {};
  sdk::Epilogue e = sdk::match_epilogue(op, QN_F32);
  for (std::uint32_t k = 0; k < e.n; ++k)
    if (e.step[k].input >= 0 &&
        classify(op.in[e.step[k].input], op.out[0], channel) == Operand::kOther)
      return {};
  return e;
}

std::uint32_t channel_axis(const qn_opdesc& op) { return is_nhwc(op) ? op.out[0].ndim - 1 : 1; }

std::uint32_t blocks_of(const ConvShape& s, std::uint32_t workers) {
  const std::int64_t tiles = s.tiles(), each = block_tiles(s);
  std::int64_t n = (tiles + each - 1) / each;
  const std::int64_t w = std::max<std::uint32_t>(workers, 1);
  if (n * s.groups % w) n = (n + w - 1) / w * w;
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(n, 1, std::min<std::int64_t>(tiles, 1 << 20)));
}

double forward_ns(const ConvShape& s, const ConvOps& ops, std::uint32_t workers) {
  const double work = product_ns(s, ops) + data_ns(s, ops) + output_ns(s, ops);
  const double units = static_cast<double>(blocks_of(s, workers)) * static_cast<double>(s.groups);
  const double w = std::max(1.0, std::min<double>(workers, units));
  // Every block reads all weights.
  const double weights = static_cast<double>(s.weight_floats()) * 4 / 25.0 *
                         static_cast<double>(blocks_of(s, workers));
  return (work + weights) / w + 2500;
}

}  // namespace

void query_conv(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
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
  const sdk::Epilogue e = chain_of(op, channel_axis(op));
  std::vector<std::vector<std::int64_t>> dense;
  dense.reserve(op.n_in);
  for (std::uint32_t i = op.n_op_in; i < op.n_in; ++i) {
    in.push_back(sdk::any_strides());
    bool used = false;
    for (std::uint32_t k = 0; k < e.n; ++k)
      used = used || e.step[k].input == static_cast<std::int32_t>(i);
    if (!used || op.in[i].ndim == 0) continue;
    const bool full = classify(op.in[i], op.out[0], channel_axis(op)) == Operand::kFull;
    dense.push_back(full ? y : channels_last_strides(op.in[i], true));
    in.back() = sdk::with_strides(dense.back().data());
  }
  qn_candidate c = sdk::candidate(kName, 1, forward_ns(s, *ops, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = e.taken;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_conv(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<ConvPlan>();
  const char* why = nullptr;
  p->ops = conv_shape(op, p->shape, &why);
  if (!p->ops) return nullptr;
  p->epilogue = chain_of(op, channel_axis(op));
  if (op.program && p->epilogue.taken != op.program->n_inst) return nullptr;
  for (std::uint32_t k = 0; k < p->epilogue.n; ++k) {
    const std::int32_t i = p->epilogue.step[k].input;
    if (i < 0) continue;
    const Operand kind = classify(op.in[i], op.out[0], channel_axis(op));
    p->channel_step[k] = kind == Operand::kChannel;
    p->full[k] = kind == Operand::kFull;
  }
  p->blocks = blocks_of(p->shape, op.max_workers);
  const std::int64_t most = (p->shape.tiles() + p->blocks - 1) / p->blocks;
  info.n_tiles = p->blocks * static_cast<std::uint32_t>(p->shape.groups);
  info.worker_scratch = static_cast<std::uint64_t>(block_floats(p->shape, most)) * 4;
  return p;
}

}  // namespace quern::simd
