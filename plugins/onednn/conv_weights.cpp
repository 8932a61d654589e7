// Gradient of a convolution by its weights: shards of the batch make partial sums, which are then
// added in a fixed order. The number of shards depends on the shape alone, so the bits don't depend
// on threads.
#include <algorithm>

#include "plugins/onednn/conv.h"

namespace quern::onednn {

namespace {

constexpr std::int64_t kMaxShards = 16;

struct Shards {
  std::int64_t count, per, rest;
};

Shards shards_of(const ConvShape& s) {
  const double dw = ConvShape::element_count(s.w);
  // A shard must pay for writing and adding its own partial gradient.
  const double ns = s.image_ns(), least = 30e3 + dw * 4 * 2 / 10.0;
  auto k = static_cast<std::int64_t>(static_cast<double>(s.n) * ns / least);
  k = std::clamp<std::int64_t>(k, 1, std::min(s.n, kMaxShards));
  Shards r{k, (s.n + k - 1) / k, 0};
  r.count = (s.n + r.per - 1) / r.per;
  r.rest = s.n % r.per;
  return r;
}

using W = dnnl::convolution_backward_weights;

W::primitive_desc weights_desc(const ConvShape& s, const ConvMds& m) {
  using F = dnnl::convolution_forward;
  const auto alg = dnnl::algorithm::convolution_direct;
  const F::primitive_desc hint(F::desc(dnnl::prop_kind::forward_training, alg, m.x, m.w, m.y,
                                       s.stride, s.dilation, s.low, s.high),
                               user_scratch(), cpu());
  return {W::desc(alg, m.x, m.w, m.y, s.stride, s.dilation, s.low, s.high), user_scratch(), cpu(),
          hint};
}

struct Resolved {
  ConvMds md;
  W::primitive_desc pd;
};

std::optional<Resolved> resolve(const ConvShape& s, Variant v, std::int64_t batch) {
  try {
    const auto pd = weights_desc(s, s.request(v, batch));
    Resolved r{{pd.src_desc(), pd.diff_weights_desc(), pd.diff_dst_desc()}, pd};
    if (unfit(pd.impl_info_str()) || !batch_outermost(r.md.x) || !batch_outermost(r.md.y))
      return std::nullopt;
    return r;
  } catch (const dnnl::error& e) {
    rethrow_shortage(e);
    return std::nullopt;
  }
}

// Room for one partial gradient in any of oneDNN's formats: what plan() finds may not be what
// query() found.
std::uint64_t part_bound(const ConvShape& s, const Md& found) {
  const auto up = [](std::int64_t n) { return static_cast<double>((n + 15) / 16 * 16); };
  const std::int64_t o = s.w[0] / s.groups, c = s.w[s.last ? s.w.size() - 1 : 1];
  const double k = ConvShape::element_count(s.w) / static_cast<double>(s.w[0] * c);
  const double most = 4.0 * up(o) * up(c) * k * static_cast<double>(s.groups);
  const bool depthwise = s.groups > 1 && o == 1 && c == 1;  // blocks the groups instead
  return round64(std::max<std::uint64_t>(
      found.get_size(), static_cast<std::uint64_t>(depthwise ? 4.0 * up(s.groups) * k : most)));
}

Md plain_weights(const ConvShape& s) {
  return strided_md(s.w, dense_strides(s.w, s.last, s.last), s.w_axes());
}

struct WeightsPlan final : Plan {
  std::unique_ptr<Prim> full, rest, reorder;
  std::int64_t shards = 1, x_step = 0, y_step = 0;
  std::uint64_t part_bytes = 0, prim_scratch = 0;
  bool direct = false;  // one shard that writes the output itself

  struct Job {
    const WeightsPlan* plan;
    const qn_run* run;
    std::atomic<qn_status> status{QN_OK};
    char* part(std::int64_t i) const {
      return static_cast<char*>(run->workspace) + static_cast<std::uint64_t>(i) * plan->part_bytes;
    }
  };

  static void shard(void* task, std::uint32_t i, std::uint32_t worker) noexcept {
    Job& j = *static_cast<Job*>(task);
    const WeightsPlan& p = *j.plan;
    const OneThread guard;
    const auto at = static_cast<std::int64_t>(i);
    void* ptrs[] = {static_cast<char*>(j.run->in[0].data) + at * p.x_step,
                    static_cast<char*>(j.run->in[1].data) + at * p.y_step,
                    p.direct ? j.run->out[0].data : j.part(at)};
    const Prim& prim = p.rest && at + 1 == p.shards ? *p.rest : *p.full;
    const qn_status st =
        prim.execute(ptrs, static_cast<char*>(j.run->scratch) + worker * p.prim_scratch, worker);
    if (st != QN_OK) j.status = st;
  }

  static constexpr std::int64_t kSumChunk = 16384;
  static void add(void* task, std::uint32_t i, std::uint32_t) noexcept {
    Job& j = *static_cast<Job*>(task);
    const auto n = static_cast<std::int64_t>(j.plan->part_bytes / 4);
    const std::int64_t from = i * kSumChunk, to = std::min(n, from + kSumChunk);
    auto* sum = reinterpret_cast<float*>(j.part(0));
    for (std::int64_t k = 1; k < j.plan->shards; ++k) {
      const auto* part = reinterpret_cast<const float*>(j.part(k));
      for (std::int64_t e = from; e < to; ++e) sum[e] += part[e];
    }
  }

  qn_status run(const qn_run& r) const override {
    Job job{this, &r};
    const qn_executor* ex = r.executor;
    const std::uint32_t workers = max_workers;
    const auto each = [&](qn_task_fn fn, std::int64_t n) -> qn_status {
      if (n > 1 && workers > 1 && ex)
        return ex->parallel_for(ex->self, fn, &job, static_cast<std::uint32_t>(n), workers);
      for (std::int64_t i = 0; i < n; ++i) fn(&job, static_cast<std::uint32_t>(i), 0);
      return QN_OK;
    };
    qn_status st = each(shard, shards);
    if (st == QN_OK && shards > 1)
      st = each(add, (static_cast<std::int64_t>(part_bytes / 4) + kSumChunk - 1) / kSumChunk);
    if (st != QN_OK) return st;
    if (!direct && job.status == QN_OK) {
      const OneThread guard;
      void* ptrs[] = {job.part(0), r.out[0].data};
      job.status = reorder->execute(ptrs, r.scratch, 0);
    }
    return explain(r, job.status);
  }

  std::uint32_t max_workers = 1;
};

}  // namespace

void conv_weights_query(const qn_host* host, const qn_opdesc& op, qn_answer* answer) {
  const char* why = nullptr;
  const auto s = ConvShape::of(op, &why);
  const OneThread guard;
  for (const Variant v : {kBlocked, kLast, kFirst}) {
    const std::string name = std::string("conv_weight_grad.") + variant_name(v);
    if (!s || op.program) {
      host->refuse(answer, name.c_str(), s ? "takes no epilogue" : why);
      continue;
    }
    const Shards k = shards_of(*s);
    const auto r = resolve(*s, v, k.per);
    if (!r) {
      host->refuse(answer, name.c_str(), "oneDNN has no fast kernel for this layout");
      continue;
    }
    const auto x = layout_of(with_batch(r->md.x, s->n), s->axes());
    const auto y = layout_of(with_batch(r->md.y, s->n), s->axes());
    if (!x || !y) {
      host->refuse(answer, name.c_str(), "oneDNN's format can't be named");
      continue;
    }
    Offer o;
    o.name = name;
    o.kernel_id = v;
    o.threading = QN_THREADING_PARALLEL_FOR;
    o.in = {*x, *y};
    o.in_any = {false, false};
    o.out.strides = dense_strides(s->w, s->last, s->last);
    const double dw = 4.0 * ConvShape::element_count(s->w);
    const double bytes = 4.0 * (ConvShape::element_count(s->x) + ConvShape::element_count(s->y));
    const auto count = static_cast<double>(k.count);
    o.est_ns = cost_ns(s->kernel_ns(r->pd.impl_info_str(), false) * (v == kBlocked ? 1.5 : 1.25) *
                           static_cast<double>(s->n),
                       1, bytes, count, op.max_workers) +
               dw * (count / std::min<double>(count, op.max_workers) + 1) / 15.0 + 2000;
    o.workspace = part_bound(*s, r->md.w) * static_cast<std::uint64_t>(k.count);
    o.give(host, answer);
  }
}

std::unique_ptr<Plan> conv_weights_plan(const qn_opdesc& op, std::uint32_t kernel_id) {
  const char* why = "";
  const auto s = ConvShape::of(op, &why);
  if (!s) throw std::runtime_error(why);
  const Shards k = shards_of(*s);
  const auto r = resolve(*s, static_cast<Variant>(kernel_id), k.per);
  if (!r) throw std::runtime_error("conv_weight_grad: the offered kernel can't be made again");
  const Md x = given_md(op.in[0], s->axes(), with_batch(r->md.x, s->n));
  const Md y = given_md(op.in[1], s->axes(), with_batch(r->md.y, s->n));
  const auto desc = [&](std::int64_t n, const Md& w) {
    return weights_desc(*s, {with_batch(x, n), w, with_batch(y, n)});
  };
  const W::primitive_desc whole = desc(k.per, any_md(md_dims(s->w, s->w_axes())));
  const Md w = whole.diff_weights_desc();
  if (w.get_size() > part_bound(*s, r->md.w))
    throw std::runtime_error("conv_weight_grad: workspace");
  auto plan = std::make_unique<WeightsPlan>();
  const auto build = [&](const W::primitive_desc& pd) {
    const std::vector<Slot> slots = {{DNNL_ARG_SRC, pd.src_desc(), false},
                                     {DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), false},
                                     {DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), true}};
    return std::make_unique<Prim>(W(pd), pd.scratchpad_desc(), slots, 2 * op.max_workers);
  };
  plan->max_workers = op.max_workers;
  plan->full = build(whole);
  if (k.rest) plan->rest = build(desc(k.rest, w));
  plan->shards = k.count;
  plan->x_step = image_bytes(x) * k.per;
  plan->y_step = image_bytes(y) * k.per;
  const Md out = plain_weights(*s);
  plan->direct = k.count == 1 && w == out;
  plan->part_bytes = round64(w.get_size());
  plan->info.workspace = plan->direct ? 0 : plan->part_bytes * static_cast<std::uint64_t>(k.count);
  std::uint64_t scratch = plan->full->scratch_bytes();
  if (plan->rest) scratch = std::max(scratch, plan->rest->scratch_bytes());
  if (!plan->direct) {
    const dnnl::reorder::primitive_desc pd(cpu(), w, cpu(), out, user_scratch());
    plan->reorder = std::make_unique<Prim>(
        dnnl::reorder(pd), pd.scratchpad_desc(),
        std::vector<Slot>{{DNNL_ARG_FROM, w, false}, {DNNL_ARG_TO, out, true}}, 4u);
    scratch = std::max(scratch, plan->reorder->scratch_bytes());
  }
  plan->prim_scratch = plan->info.worker_scratch = round64(scratch);
  return plan;
}

}  // namespace quern::onednn
