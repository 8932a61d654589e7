// Which convolutions are served, how they are cut into patches, what they cost; the plans.
// It computes nothing itself.
#include "plugins/amx/conv.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "plugins/amx/plans.h"

namespace quern::amx {
namespace {

constexpr i64 kMaxElements = i64{1} << 40;
constexpr i64 kPatchBytes = 512 << 10;  // it stays in the second-level cache beside weights
constexpr const char* kName = "direct";

i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }

// Units of single lines, or of places in a row of the packed input: what takes fewer steps.
void choose_unit(ConvShape& s) {
  s.unit = 16;
  s.flat = true;
  const i64 each = ceil_div(s.tw, 16);
  if (s.units(s.th, s.tw) < s.th * each) return;
  s.flat = false;
  s.unit = s.tw % 16 == 0 || each > 8 ? std::min<i64>(16, s.tw) : ceil_div(s.tw, each);
}

// ns of one thread for a patch and a part of all panels.
double task_ns(const ConvShape& s) {
  const double panels = double(s.groups * s.panels()) / double(s.cuts);
  const double blocks = double(ceil_div(s.units(s.th, s.tw), 2)) * panels;
  const double full = s.parts == kTwo ? 74 : 37, least = s.parts == kTwo ? 44 : 26;
  const double step = std::max(least, full * double(s.unit) / 16) * (s.rows ? 1.2 : 1.0);
  // The weights come once for each task; few of them stay in the second-level cache.
  const double bytes = double(s.all_weight_bytes()) / double(s.cuts);
  const double multiply =
      std::max(blocks * double(s.steps()) * step, bytes / (bytes < 1e6 ? 60 : 18));
  const double packing = 0.15 * double(s.patch_bytes()) / double(s.parts) *
                         std::min(double(s.groups), std::ceil(panels));
  // Places of y that are far apart are slow to reach.
  const double y = 4 * double(s.th * s.tw) * double(s.o), near = y < 512e3 ? 0.03 : 0.1;
  return multiply + packing + blocks * 150 + y / double(s.cuts) * near + 300;
}

// ns of all tasks on so many threads, of which one is late now and then.
double all_ns(const ConvShape& s, double workers) {
  const double tasks = double(s.patches() * s.cuts), parallel = std::min(workers, tasks);
  return task_ns(s) * (std::ceil(tasks / parallel) + (parallel > 1 ? 0.3 : 0));
}

// Into how many parts the panels are cut: weights then come in parts, and each packs the patch.
void choose_cuts(ConvShape& s, double workers) {
  const i64 panels = s.groups * s.panels();
  ConvShape best = s;
  double least = 0;
  for (s.cuts = 1; s.cuts <= panels && (s.cuts == 1 || double(s.patches() * s.cuts) < 4 * workers);
       ++s.cuts) {
    const double ns = all_ns(s, workers);
    if (least > 0 && ns >= least) continue;
    least = ns;
    best = s;
  }
  s = best;
}

// Patches of whole rows where they fit. They depend on the problem alone (of what cannot be cut
// into parts a patch is computed otherwise): as if for four threads.
void choose_patch(ConvShape& s) {
  ConvShape best = s;
  double least = 0;
  const auto consider = [&] {
    choose_unit(s);
    if (least > 0 && s.patch_bytes() > kPatchBytes) return;
    choose_cuts(s, 4);
    const double ns = all_ns(s, 4);
    if (least > 0 && ns >= least) return;
    least = ns;
    best = s;
  };
  s.cuts = 1;
  s.tw = s.w.out;
  for (i64 n = s.h.out; n >= 1; n = n * 3 / 4) {
    s.th = ceil_div(s.h.out, n);
    consider();
  }
  s.th = 1;
  const bool fits = best.patch_bytes() <= kPatchBytes;
  for (i64 n = 2; s.w.out >= 32 * n && (s.h.out == 1 || !fits); n = n * 4 / 3 + 1) {
    s.tw = ceil_div(ceil_div(s.w.out, n), 16) * 16;
    consider();
  }
  s = best;
}

bool conv_type(qn_dtype t, std::uint32_t accuracy, ConvShape& s) {
  s.parts = t == QN_BF16 || (t == QN_F32 && accuracy == QN_CLASS_FAST) ? kOne : kTwo;
  s.type = t == QN_F32 ? Type::kF32 : t == QN_F16 ? Type::kF16 : Type::kBF16;
  return t == QN_F32 || t == QN_F16 || t == QN_BF16;
}

// Null when the op is served, else why not. For conv_input_grad the shape describes the convolution
// of dy that gives dx.
const char* conv_shape(const qn_opdesc& op, ConvShape& s) {
  s = {};
  const bool grad = op.op == QN_OP_CONV_INPUT_GRAD;
  const unsigned at = grad ? 1 : 0;  // the gradient begins with a shape
  if (op.accuracy < QN_CLASS_DEFAULT) return "products of parts are not of the strict class";
  const qn_array_desc &x = op.in[0], &w = op.in[1], &y = op.out[0];
  if (!conv_type(x.dtype, op.accuracy, s) || w.dtype != x.dtype) {
    return "dtype is not float32, float16 or bfloat16";
  }
  if (y.dtype != x.dtype && !op.program) return "dtype of the result";
  if (x.ndim != 3 && x.ndim != 4) return "only one or two spatial axes";
  for (const qn_array_desc* a : {&x, &w, &y}) {
    const i64 n = sdk::element_count(*a);
    if (n == 0 || n > kMaxElements) return "an empty or a huge array";
  }
  const bool nhwc = sdk::is_nhwc(op);
  const std::uint32_t spatial = x.ndim - 2, channel = nhwc ? x.ndim - 1 : 1;
  s.images = x.shape[0];
  s.groups = sdk::attr_int(op, at + 5);
  s.c = x.shape[channel], s.o = y.shape[channel];
  s.flip = (sdk::attr_int(op, at + 6) != 0) != grad;
  s.h = {1, 1, 1, 1, 1, 0};
  s.phases = 1;
  for (std::uint32_t k = 0; k < spatial; ++k) {
    ConvAxis& a = k + 1 == spatial ? s.w : s.h;
    const std::uint32_t axis = (nhwc ? 1 : 2) + k;
    a = {x.shape[axis],
         y.shape[axis],
         w.shape[axis],
         sdk::attr_ints(op, at)[k],
         sdk::attr_ints(op, at + 3)[k],
         sdk::attr_ints(op, at + 1)[k]};
    if (sdk::attr_ints(op, at + 4)[k] != 1) return "input_dilation is not served";
    if (a.stride < 1 || a.dilation < 1 || a.stride > 64 || a.dilation > 4096 || a.taps > 4096 ||
        a.padding > kMaxElements || a.padding < -kMaxElements) {
      return "strides, dilations or filters of thousands";
    }
    if (grad && a.stride > 1) {
      if (k + 1 != spatial || s.groups != 1 || a.dilation != 1 || a.out % a.stride != 0) {
        return "strides of the gradient: only along the last axis, which they divide, one group";
      }
      s.phases = a.stride, s.phase_padding = a.padding, s.phase_taps = a.taps;
      a = {a.in,
           a.out / s.phases,
           phase_taps(s.phases, s.phase_padding, s.phase_taps),
           1,
           1,
           -first_tap(s.phases, s.phase_padding, s.phase_taps)};
      s.o *= s.phases;
      s.flip = !s.flip;
    } else if (grad) {
      a.padding = a.dilation * (a.taps - 1) - a.padding;
    }
  }
  if (s.groups < 1 || s.c % s.groups || s.o % s.groups) return "uneven groups";
  s.cg = s.c / s.groups, s.og = s.o / s.groups;
  s.rows = s.groups == 1 && s.w.dilation == 1 && s.cg % 32 != 0;
  if ((s.cg < 4 && !s.rows) || s.og < 8) return "too few channels in a group";
  const auto same = [](const ConvAxis& a) {
    return a.taps == 1 && a.stride == 1 && a.padding == 0 && a.in == a.out;
  };
  if (same(s.h) && same(s.w)) {  // all pixels are one line
    s.w.in = s.w.out = s.images * s.h.out * s.w.out;
    s.images = s.h.in = s.h.out = 1;
  }
  choose_patch(s);
  choose_cuts(s, double(std::max(1u, op.max_workers)));
  if (s.patch_bytes() > (8 << 20) || s.steps() > (1 << 20)) return "filters too large";
  return nullptr;
}

std::string weights_name(const qn_opdesc& op, const ConvShape& s) {
  return "amx/w" + std::to_string(int(s.type)) + ":" + std::to_string(int(s.parts)) + ":" +
         (sdk::is_nhwc(op) ? "1" : "0") + ":" + (op.op == QN_OP_CONV_INPUT_GRAD ? "1" : "0") + ":" +
         (s.flip ? "1" : "0") + ":" + (s.rows ? "1" : "0") + ":" + std::to_string(s.groups) + ":" +
         std::to_string(s.phases) + ":" + std::to_string(s.phase_padding);
}

// True when the layout of `to` is packed weights of an array of that shape.
bool parse_weights(const qn_array_desc& from, const qn_layout& to, ConvShape& s,
                   sdk::WeightStrides& strides) {
  if (to.kind != QN_LAYOUT_NAMED || to.name.len >= 128 || (from.ndim != 3 && from.ndim != 4) ||
      from.layout.kind != QN_LAYOUT_STRIDED) {
    return false;
  }
  const std::string name(to.name.ptr, to.name.len);
  int type = 0, parts = 0, nhwc = 0, grad = 0, flip = 0, rows = 0, used = 0;
  long long groups = 0, phases = 0, padding = 0;
  if (std::sscanf(name.c_str(), "amx/w%d:%d:%d:%d:%d:%d:%lld:%lld:%lld%n", &type, &parts, &nhwc,
                  &grad, &flip, &rows, &groups, &phases, &padding, &used) != 9 ||
      phases < 1 || phases > 64 || padding > kMaxElements || padding < -kMaxElements ||
      std::size_t(used) != name.size()) {
    return false;
  }
  s = {};
  for (const std::uint32_t accuracy : {QN_CLASS_DEFAULT, QN_CLASS_FAST}) {
    if (!conv_type(from.dtype, accuracy, s)) return false;
    if (int(s.parts) == parts) break;
  }
  const i64 filters = from.shape[0], count = sdk::element_count(from);
  if (int(s.parts) != parts || int(s.type) != type || groups < 1 || filters % groups ||
      count == 0 || count > kMaxElements) {
    return false;
  }
  const std::uint32_t spatial = from.ndim - 2;
  s.h = {1, 1, 1, 1, 1, 0};
  for (std::uint32_t k = 0; k < spatial; ++k) {
    ConvAxis& a = k + 1 == spatial ? s.w : s.h;
    a = {1, 1, from.shape[(nhwc ? 1 : 2) + k], 1, 1, 0};
  }
  s.groups = groups;
  s.flip = flip != 0;
  s.rows = rows != 0;
  s.cg = from.shape[nhwc ? from.ndim - 1 : 1], s.og = filters / groups;
  if (grad) std::swap(s.cg, s.og);
  s.phases = phases;
  if (phases > 1) {
    if (!grad || groups != 1) return false;
    s.phase_padding = padding, s.phase_taps = s.w.taps;
    s.w.taps = phase_taps(phases, padding, s.w.taps);
    s.og *= phases;
  }
  s.c = s.cg * groups, s.o = s.og * groups;
  std::vector<i64> own = sdk::dense_strides(from);
  if (from.layout.strides) own.assign(from.layout.strides, from.layout.strides + from.ndim);
  strides = sdk::weight_strides(own.data(), from.ndim, nhwc != 0, grad != 0, filters / groups);
  return to.bytes == std::uint64_t(s.all_weight_bytes());
}

// A vector of outputs must not hold two phases: they share the operands of a channel.
sdk::ConvChain chain_of(const qn_opdesc& op, const ConvShape& s) {
  if (s.type != Type::kF32 || (s.phases > 1 && s.phase_filters() % 16 != 0)) return {};
  return {op, sdk::is_nhwc(op), sdk::EpilogueSteps::all};
}

double estimate(const ConvShape& s, std::uint32_t max_workers) {
  return all_ns(s, double(std::max(1u, max_workers))) + (max_workers > 1 ? 1500 : 300);
}

struct ConvPlan : Planned {
  ConvShape s;
  sdk::ConvChain chain;
  std::vector<std::int32_t> offsets;
  std::vector<std::uint8_t> valid;

  void tile(const qn_run& run, std::uint32_t index, void* scratch) const noexcept override {
    const i64 parts = s.cuts, panels = s.groups * s.panels(), part = index % parts;
    const sdk::ConvEpilogue e = chain.at(run);
    convolve(s, offsets.data(), valid.data(), index / parts, panels * part / parts,
             panels * (part + 1) / parts, run.in[0].data, run.in[1].data, run.out[0].data,
             chain.steps.n ? &e : nullptr, scratch);
  }
};

struct WeightsPlan : Planned {
  ConvShape s;
  sdk::WeightStrides strides{};

  void tile(const qn_run& run, std::uint32_t index, void*) const noexcept override {
    pack_weights(s, run.out[0].data, run.in[0].data, strides, index);
  }
};

}  // namespace

void query_conv(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  ConvShape s;
  if (const char* why = conv_shape(op, s)) return host.refuse(answer, kName, why);
  if (!available()) {
    return host.refuse(answer, kName, "the system does not lend AMX to this process");
  }
  const bool nhwc = sdk::is_nhwc(op);
  const auto x = sdk::channels_last_strides(op.in[0], nhwc),
             y = sdk::channels_last_strides(op.out[0], nhwc);
  const std::string name = weights_name(op, s);
  const qn_layout out = sdk::with_strides(y.data());
  std::vector<qn_layout> in{sdk::with_strides(x.data()),
                            sdk::named(name, std::uint64_t(s.all_weight_bytes()))};
  const sdk::ConvChain chain = chain_of(op, s);
  const auto operands = chain.layouts(op, y, in);
  qn_candidate c = sdk::candidate(kName, kConv, estimate(s, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = chain.steps.taken;
  host.offer(answer, &c);
}

std::unique_ptr<Planned> plan_conv(const qn_opdesc& op, qn_plan_info& info) {
  auto p = std::make_unique<ConvPlan>();
  ConvShape& s = p->s;
  if (conv_shape(op, s) || !available()) return nullptr;
  p->chain = chain_of(op, s);
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  const i64 taps_w = s.rows ? 1 : s.w.taps, across = s.rows ? s.w.taps * s.cg : s.cg;
  for (i64 piece = 0; piece < s.pieces(); ++piece) {
    for (i64 tap = 0; tap < s.h.taps * taps_w; ++tap) {
      const i64 row = s.line(tap / taps_w * s.h.dilation), column = tap % taps_w * s.w.dilation;
      p->offsets.push_back(static_cast<std::int32_t>(
          ((row * s.patch_w() + column) * s.pixel() + piece * kStep) * 2));
      p->valid.push_back(static_cast<std::uint8_t>(std::min(kStep, across - piece * kStep)));
    }
  }
  info.n_tiles = static_cast<std::uint32_t>(s.patches() * s.cuts);
  info.worker_scratch = std::uint64_t(s.groups_at_once() * s.patch_bytes()) + 64;
  return p;
}

bool query_weights(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  ConvShape s;
  sdk::WeightStrides strides;
  if (!parse_weights(op.in[0], op.out[0].layout, s, strides) || !available()) return false;
  const double one = 1.5 * double(s.steps() * kStep * kCols * s.panels() * s.groups);
  const double tiles = double(s.panels() * s.groups);
  const qn_candidate c =
      sdk::relayout_candidate(op, "pack_weights", kPackWeights,
                              500 + one / std::min(tiles, double(std::max(1u, op.max_workers))));
  host.offer(answer, &c);
  return true;
}

std::unique_ptr<Planned> plan_weights(const qn_opdesc& op, qn_plan_info& info) {
  auto p = std::make_unique<WeightsPlan>();
  if (!parse_weights(op.in[0], op.out[0].layout, p->s, p->strides) || !available()) return nullptr;
  info.n_tiles = static_cast<std::uint32_t>(p->s.panels() * p->s.groups);
  return p;
}

}  // namespace quern::amx
