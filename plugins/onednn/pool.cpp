// Average pooling and its gradient, in blocked formats that the operand already has and in both
// dense memory orders. Makes up no blocked format itself; leaves max pooling, where oneDNN drops
// NaN, to others.
#include <algorithm>
#include <stdexcept>

#include "plugins/onednn/onednn.h"

namespace quern::onednn {

namespace {

enum Memory : std::uint32_t { kSame = 0, kLast = 1, kFirst = 2 };
constexpr const char* kMemoryName[] = {"blocked", "channels_last", "channels_first"};

struct PoolShape {
  bool last = true, grad = false;
  Dims x, y, kernel, stride, padding;
  Axes axes() const { return {last, 0}; }
  double bytes() const {
    double n = 0;
    for (const Dims* d : {&x, &y}) {
      double c = 4;
      for (const auto v : *d) c *= static_cast<double>(v);
      n += c;
    }
    return n;
  }
};

std::optional<PoolShape> shape_from(const qn_opdesc& op, const char** why) {
  const auto fail = [&](const char* text) {
    *why = text;
    return std::nullopt;
  };
  if (!all_f32(op)) return fail("only f32");
  if (op.program) return fail("takes no epilogue");
  PoolShape s;
  s.grad = op.op == QN_OP_AVG_POOL_GRAD;
  const unsigned at = s.grad ? 1 : 0;
  s.last = sdk::attr_str(op, at + 3) == "nhwc";
  s.x = shape_of(s.grad ? op.out[0] : op.in[0]);
  s.y = shape_of(s.grad ? op.in[0] : op.out[0]);
  if (s.x.size() < 3 || s.x.size() > 5) return fail("needs 1 to 3 spatial axes");
  for (const Dims* d : {&s.x, &s.y})
    for (const auto n : *d)
      if (n <= 0) return fail("an empty array");
  for (std::size_t i = 0; i + 2 < s.x.size(); ++i) {
    s.kernel.push_back(sdk::attr_ints(op, at)[i]);
    s.stride.push_back(sdk::attr_ints(op, at + 1)[i]);
    s.padding.push_back(sdk::attr_ints(op, at + 2)[i]);
    if (s.padding[i] < 0 || s.padding[i] >= s.kernel[i])
      return fail("padding not below the window");
  }
  return s;
}

constexpr auto kAlgorithm = dnnl::algorithm::pooling_avg_include_padding;
using F = dnnl::pooling_forward;
using B = dnnl::pooling_backward;

F::primitive_desc forward_desc(const PoolShape& s, const Md& x, const Md& y) {
  const auto kind = s.grad ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {F::desc(kind, kAlgorithm, x, y, s.stride, s.kernel, s.padding, s.padding), user_scratch(),
          cpu()};
}

B::primitive_desc backward_desc(const PoolShape& s, const Md& x, const Md& y,
                                const F::primitive_desc& hint) {
  return {B::desc(kAlgorithm, x, y, s.stride, s.kernel, s.padding, s.padding), user_scratch(),
          cpu(), hint};
}

struct Formats {
  Md x, y;
};

// The blocked format is the one the operand has now: x going forward, dy going back.
std::optional<Formats> formats(const qn_opdesc& op, const PoolShape& s, Memory m,
                               std::int64_t batch) {
  Dims xs = s.x, ys = s.y;
  xs[0] = ys[0] = batch;
  try {
    Formats f;
    if (m != kSame) {
      f.x = strided_md(xs, dense_strides(xs, m == kLast, s.last), s.axes());
      f.y = strided_md(ys, dense_strides(ys, m == kLast, s.last), s.axes());
    } else {
      bool found = false;
      for (std::uint32_t i = 0; i < op.n_op_in && !found; ++i) {
        if (!is_named(op.in[i].layout)) continue;
        Axes axes;
        const auto md = parse_name({op.in[i].layout.name.ptr, op.in[i].layout.name.len}, &axes);
        if (!md || axes.groups || axes.channels_last != s.last || !batch_outermost(*md)) continue;
        const Dims dims = md_dims(s.grad ? s.y : s.x, s.axes());
        if (md->dims() != dims) continue;
        // oneDNN chooses y's format to go with x's; the other way round the blocking is copied.
        const Md known = with_batch(*md, batch);
        Md other = any_md(md_dims(s.grad ? xs : ys, s.axes()));
        if (!s.grad) {
          f.x = known;
          f.y = forward_desc(s, known, other).dst_desc();
        } else {
          f.y = known;
          const auto& b = known.data.format_desc.blocking;
          other = known;
          const Dims xd = md_dims(xs, s.axes());
          dnnl_dim_t step = 1;
          for (int k = 0; k < b.inner_nblks; ++k) step *= b.inner_blks[k];
          for (int d = 2; d < other.data.ndims; ++d)
            other.data.dims[d] = other.data.padded_dims[d] = xd[d];
          auto& ob = other.data.format_desc.blocking;
          if (b.inner_nblks != 1 || b.inner_idxs[0] != 1) continue;
          for (int d = other.data.ndims - 1; d >= 2; --d) ob.strides[d] = step, step *= xd[d];
          ob.strides[1] = step;
          ob.strides[0] = step * (other.data.padded_dims[1] / b.inner_blks[0]);
          f.x = other;
        }
        found = true;
      }
      if (!found) return std::nullopt;
    }
    if (!batch_outermost(f.x) || !batch_outermost(f.y)) return std::nullopt;
    const auto fwd = forward_desc(s, f.x, f.y);
    if (unfit(fwd.impl_info_str())) return std::nullopt;
    if (s.grad && unfit(backward_desc(s, f.x, f.y, fwd).impl_info_str())) return std::nullopt;
    return f;
  } catch (const dnnl::error& e) {
    rethrow_shortage(e);
    return std::nullopt;
  }
}

double image_ns(const PoolShape& s) { return s.bytes() / 10.0 / static_cast<double>(s.x[0]); }

}  // namespace

void pool_query(const qn_host* host, const qn_opdesc& op, qn_answer* answer) {
  const char* why = nullptr;
  const auto s = shape_from(op, &why);
  const OneThread guard;
  for (const Memory m : {kSame, kLast, kFirst}) {
    const std::string name = std::string("pool.") + kMemoryName[m];
    if (!s) {
      host->refuse(answer, name.c_str(), why);
      continue;
    }
    const Tiling t = Tiling::of(s->x[0], image_ns(*s));
    const auto f = formats(op, *s, m, t.per_tile);
    if (!f) {
      host->refuse(answer, name.c_str(),
                   m == kSame ? "no operand has a blocked format"
                              : "oneDNN has no fast kernel for this layout");
      continue;
    }
    const auto x = layout_of(with_batch(f->x, s->x[0]), s->axes());
    const auto y = layout_of(with_batch(f->y, s->x[0]), s->axes());
    if (!x || !y) {
      host->refuse(answer, name.c_str(), "oneDNN's format can't be named");
      continue;
    }
    Offer o;
    o.name = name;
    o.kernel_id = m;
    o.in = {s->grad ? *y : *x};
    o.in_any.assign(1, false);
    o.out = s->grad ? *x : *y;
    const double work = s->bytes() * (m == kFirst ? 2 : 1);
    o.est_ns = cost_ns(0, 1, work, static_cast<double>(t.tiles), op.max_workers);
    o.give(host, answer);
  }
}

std::unique_ptr<Plan> pool_plan(const qn_opdesc& op, std::uint32_t kernel_id) {
  const char* why = "";
  const auto s = shape_from(op, &why);
  if (!s) throw std::runtime_error(why);
  const Tiling t = Tiling::of(s->x[0], image_ns(*s));
  const auto f = formats(op, *s, static_cast<Memory>(kernel_id), t.per_tile);
  if (!f) throw std::runtime_error("pool: the offered kernel can't be made again");
  auto plan = std::make_unique<TilePlan>();
  const std::int64_t xs = image_bytes(f->x) * t.per_tile, ys = image_bytes(f->y) * t.per_tile;
  const auto build = [&](std::int64_t batch) {
    const Md x = with_batch(f->x, batch), y = with_batch(f->y, batch);
    const auto pd = forward_desc(*s, x, y);
    if (!s->grad) {
      const std::vector<Slot> slots = {{DNNL_ARG_SRC, x, false}, {DNNL_ARG_DST, y, true}};
      return std::make_unique<Prim>(F(pd), pd.scratchpad_desc(), slots, 2 * op.max_workers);
    }
    const auto back = backward_desc(*s, x, y, pd);
    const std::vector<Slot> slots = {{DNNL_ARG_DIFF_DST, y, false}, {DNNL_ARG_DIFF_SRC, x, true}};
    return std::make_unique<Prim>(B(back), back.scratchpad_desc(), slots, 2 * op.max_workers);
  };
  plan->operands = {{Operand::In, 0, s->grad ? ys : xs}, {Operand::Out, 0, s->grad ? xs : ys}};
  plan->full = build(t.per_tile);
  if (t.rest) plan->rest = build(t.rest);
  plan->finish(static_cast<std::uint64_t>(t.tiles));
  return plan;
}

}  // namespace quern::onednn
