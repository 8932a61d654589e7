// Offer and plan of fft, rfft and irfft: passes over the axes, each by lines side by side or, for
// few long lines, by rounds of shorter ones. Not here: factors (fft_table.cpp), loops
// (fft_ops.cpp), lengths with a factor above 13.
#include "plugins/simd/fft.h"

#include <cmath>

#include "plugins/simd/families.h"
#include "plugins/simd/fft_plan.h"

namespace quern::simd {
namespace {

// Up to kFftLanes lines of a pass, or parts of one line: lane l has elements first[l] + k * step.
struct Lines {
  std::int64_t base[kFftLanes], first[kFftLanes];
  std::int64_t count, step;
};

struct FftPlan : Plan {
  const FftOps* ops = nullptr;
  std::vector<FftPass> passes;
  std::int64_t longest = 1;                // rows of scratch
  std::uint64_t spectrum = 0, turned = 0;  // floats of workspace: irfft's copy, a cut line
  std::uint32_t workers = 1;
  bool small = true;

  void tile(const qn_run&, std::uint32_t, void*) const noexcept override {}

  void run(const qn_run& r) const noexcept override {
    for (const FftPass& p : passes) {
      if (!p.cut) {
        each(r, (p.outer * p.inner + ops->lanes - 1) / ops->lanes,
             [&](std::int64_t k, float* scratch) { whole(r, p, k, scratch); });
        continue;
      }
      for (std::int64_t line = 0; line < p.outer * p.inner; ++line) {
        each(r, p.parts.groups,
             [&](std::int64_t k, float* scratch) { first_round(r, p, line, k, scratch); });
        each(r, (p.parts.first + ops->lanes - 1) / ops->lanes,
             [&](std::int64_t k, float* scratch) { second_round(r, p, line, k, scratch); });
      }
    }
  }

  // f(k, scratch) for k below n, by all workers unless there is little to do.
  template <class F>
  void each(const qn_run& r, std::int64_t n, const F& f) const noexcept {
    struct Job {
      const F& f;
      float* scratch;
      std::size_t floats;
    } job{f, static_cast<float*>(r.scratch), scratch_floats()};
    if (small || n == 1) {
      for (std::int64_t k = 0; k < n; ++k) f(k, job.scratch);
      return;
    }
    const auto call = [](void* j, std::uint32_t k, std::uint32_t worker) noexcept {
      const Job& it = *static_cast<Job*>(j);
      it.f(k, it.scratch + worker * it.floats);
    };
    r.executor->parallel_for(r.executor->self, call, &job, static_cast<std::uint32_t>(n), workers);
  }

  std::size_t scratch_floats() const {
    return static_cast<std::size_t>(2 * longest * 2 * kFftLanes);
  }
  float* spare(float* scratch) const { return scratch + longest * 2 * ops->lanes; }

  float* place(const qn_run& r, FftArray::Place at) const {
    if (at == FftArray::input) return static_cast<float*>(r.in[0].data);
    if (at == FftArray::output) return static_cast<float*>(r.out[0].data);
    return static_cast<float*>(r.workspace);
  }

  // Where line `line` of a pass begins in an array with `length` numbers along the axis.
  static std::int64_t begin(const FftPass& p, std::int64_t length, std::int64_t line) {
    return line / p.inner * length * p.inner + line % p.inner;
  }

  void whole(const qn_run& r, const FftPass& p, std::int64_t k, float* scratch) const noexcept {
    Lines in{}, out{};
    const std::int64_t from = k * ops->lanes, to = std::min(p.outer * p.inner, from + ops->lanes);
    in.count = out.count = to - from, in.step = out.step = 1;
    for (std::int64_t l = from; l < to; ++l) {
      in.base[l - from] = begin(p, p.from.length, l);
      out.base[l - from] = begin(p, p.to.length, l);
    }
    gather(p, place(r, p.from.place), in, p.n, scratch);
    scatter(p, ops->transform(p.table, scratch, spare(scratch)), out, p.n, place(r, p.to.place));
  }

  // Columns of the line seen as a matrix (first, second), turned, to the workspace.
  void first_round(const qn_run& r, const FftPass& p, std::int64_t line, std::int64_t k,
                   float* scratch) const noexcept {
    const FftCut& c = p.parts;
    Lines in{};
    in.count = std::min(ops->lanes, c.second - k * ops->lanes), in.step = c.second;
    for (std::int64_t l = 0; l < in.count; ++l) {
      in.base[l] = begin(p, p.from.length, line);
      in.first[l] = k * ops->lanes + l;
    }
    gather(p, place(r, p.from.place), in, c.first, scratch);
    const float* rows = ops->transform(c.tables[0], scratch, spare(scratch));
    ops->turn(rows, c.first, &c.line[static_cast<std::size_t>(2 * k * c.first)], c.lane.data(),
              static_cast<float*>(r.workspace) + spectrum + k * c.first * 2 * ops->lanes);
  }

  // The rows of that matrix, lanes being adjacent ones.
  void second_round(const qn_run& r, const FftPass& p, std::int64_t line, std::int64_t k,
                    float* scratch) const noexcept {
    const FftCut& c = p.parts;
    const std::int64_t lanes = ops->lanes, row = 2 * lanes;
    Lines out{};
    out.count = std::min(lanes, c.first - k * lanes), out.step = c.first;
    for (std::int64_t l = 0; l < out.count; ++l) {
      out.base[l] = begin(p, p.to.length, line);
      out.first[l] = k * lanes + l;
    }
    const float* x = static_cast<const float*>(r.workspace) + spectrum + k * lanes * row;
    for (std::int64_t g = 0; g < c.groups; ++g) {
      const std::int64_t n = std::min(lanes, c.second - g * lanes);
      const float* from = x + g * c.first * row;
      float* to = scratch + g * lanes * row;
      for (std::int64_t e = 0; e < n; ++e) {
        for (std::int64_t l = 0; l < out.count; ++l) {
          to[e * row + l] = from[l * row + e];
          to[e * row + lanes + l] = from[l * row + lanes + e];
        }
        for (std::int64_t l = out.count; l < lanes; ++l)
          to[e * row + l] = to[e * row + lanes + l] = 0;
      }
    }
    scatter(p, ops->transform(c.second_table(), scratch, spare(scratch)), out, c.second,
            place(r, p.to.place));
  }

  // Lanes are neighbours in memory.
  static bool adjacent(const FftPass& p, const Lines& l, std::int64_t lanes) {
    const auto at = [&](std::int64_t k) { return l.base[k] + l.first[k] * p.inner; };
    return l.count == lanes && at(lanes - 1) - at(0) == lanes - 1 &&
           (lanes == 1 || at(1) - at(0) == 1);
  }

  void gather(const FftPass& p, const float* x, const Lines& in, std::int64_t n,
              float* rows) const noexcept {
    const std::int64_t lanes = ops->lanes, row = 2 * lanes;
    if (p.from.form == FftForm::complex && adjacent(p, in, lanes)) {
      ops->load(x + 2 * (in.base[0] + in.first[0] * p.inner), n, in.step * p.inner, p.swap, rows);
      return;
    }
    const std::int64_t re = p.swap ? lanes : 0, im = lanes - re;
    // Few rows at a time, which stay in the nearest cache while all lanes write to them.
    for (std::int64_t start = 0; start < n; start += 16) {
      const std::int64_t end = std::min(n, start + 16);
      for (std::int64_t l = 0; l < lanes; ++l) {
        for (std::int64_t k = start; k < end; ++k) {
          float a = 0, b = 0;
          if (l < in.count) number(p, x, in.base[l], in.first[l] + k * in.step, a, b);
          rows[k * row + re + l] = a;
          rows[k * row + im + l] = b;
        }
      }
    }
  }

  static void number(const FftPass& p, const float* x, std::int64_t base, std::int64_t index,
                     float& re, float& im) {
    switch (p.from.form) {
      case FftForm::real:
        re = x[base + index * p.inner];
        return;
      case FftForm::complex:
        re = x[2 * (base + index * p.inner)];
        im = x[2 * (base + index * p.inner) + 1];
        return;
      case FftForm::half: {
        const bool mirror = index > p.n / 2;
        const float* at = x + 2 * (base + (mirror ? p.n - index : index) * p.inner);
        re = at[0];
        im = index == 0 || 2 * index == p.n ? 0 : mirror ? -at[1] : at[1];
        return;
      }
    }
  }

  void scatter(const FftPass& p, const float* rows, const Lines& out, std::int64_t n,
               float* y) const noexcept {
    const std::int64_t lanes = ops->lanes, row = 2 * lanes;
    // Of a spectrum whose rest follows by symmetry only the first numbers are kept.
    const bool all = p.to.length == p.n;
    if (p.to.form == FftForm::complex && all && adjacent(p, out, lanes)) {
      ops->store(rows, n, out.step * p.inner, p.swap, p.scale,
                 y + 2 * (out.base[0] + out.first[0] * p.inner));
      return;
    }
    const std::int64_t re = p.swap ? lanes : 0, im = lanes - re;
    for (std::int64_t start = 0; start < n; start += 16) {
      const std::int64_t end = std::min(n, start + 16);
      for (std::int64_t l = 0; l < out.count; ++l) {
        for (std::int64_t k = start; k < end; ++k) {
          const std::int64_t index = out.first[l] + k * out.step;
          if (index >= p.to.length) continue;
          const std::int64_t at = out.base[l] + index * p.inner;
          if (p.to.form == FftForm::real) {
            y[at] = rows[k * row + re + l] * p.scale;
          } else {
            y[2 * at] = rows[k * row + re + l] * p.scale;
            y[2 * at + 1] = rows[k * row + im + l] * p.scale;
          }
        }
      }
    }
  }
};

// What is common to the three ops: sizes, axes, direction, norm.
struct Request {
  const std::int64_t *n, *axes;
  unsigned count;
  bool inverse;
  std::string_view norm;
  explicit Request(const qn_opdesc& op)
      : n(sdk::attr_ints(op, 0)),
        axes(sdk::attr_ints(op, 1)),
        count(sdk::attr_count(op, 1)),
        inverse(op.op == QN_OP_IRFFT || (op.op == QN_OP_FFT && sdk::attr_int(op, 2) != 0)),
        norm(sdk::attr_str(op, op.op == QN_OP_FFT ? 3 : 2)) {}

  double scale(std::int64_t size) const {
    const auto s = static_cast<double>(size);
    if (norm == "ortho") return 1 / std::sqrt(s);
    return (norm == "forward") == inverse ? 1 : 1 / s;
  }
};

// Few lines leave lanes empty: then a long line is cut.
bool wants_cut(std::int64_t n, std::int64_t lines) {
  return fft_cut(n) != 0 && (n > kFftLongest || (n >= 1024 && lines < kFftLanes / 2));
}

double pass_ns(std::int64_t n, std::int64_t lines) {
  const auto size = static_cast<double>(n);
  const double each = size * (1.6 + 0.35 * std::log2(size + 2));
  const bool cut = wants_cut(n, lines);
  const auto groups = static_cast<double>((lines + kFftLanes - 1) / kFftLanes);
  return cut ? static_cast<double>(lines) * each : groups * each * static_cast<double>(kFftLanes);
}

}  // namespace

void query_fft(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  const Request r(op);
  if (x.dtype != (op.op == QN_OP_RFFT ? QN_F32 : QN_C64))
    return host.refuse(answer, "lanes", "another dtype");
  if (sdk::element_count(y) == 0) return host.refuse(answer, "lanes", "no elements");
  double ns = 0;
  std::int64_t room = 0;  // floats of workspace
  for (unsigned i = 0; i < r.count; ++i) {
    const std::int64_t n = r.n[i];
    if (!fft_has_factors(n)) return host.refuse(answer, "lanes", "a length with a factor above 13");
    const std::int64_t size = std::max(sdk::element_count(x), sdk::element_count(y));
    const std::int64_t lines = std::max<std::int64_t>(1, size / std::max<std::int64_t>(1, n));
    if (n > kFftLongest && !wants_cut(n, lines))
      return host.refuse(answer, "lanes", "a length that cannot be cut in two");
    ns += pass_ns(n, lines);
    if (const std::int64_t cut = wants_cut(n, lines) ? fft_cut(n) : 0)
      room = std::max(room, 2 * cut * (n / cut + kFftLanes));
  }
  if (op.op == QN_OP_IRFFT) room += 2 * sdk::element_count(x) + 16;
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < x.ndim; ++i) order.push_back(i);
  const std::vector<std::int64_t> strides = strides_in_order(x, order);
  const qn_layout in = sdk::with_strides(strides.data());
  qn_candidate c = sdk::candidate("lanes", 1, estimate_ns(0, ns, op.max_workers));
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = 1;
  c.in = &in;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = static_cast<std::uint64_t>(room) * sizeof(float);
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_fft(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  const Request r(op);
  auto p = std::make_unique<FftPlan>();
  p->ops = &fft_ops();
  p->workers = op.max_workers;
  const std::int64_t lanes = p->ops->lanes;
  // irfft works on a copy of its half spectrum until the last axis.
  const bool copies = op.op == QN_OP_IRFFT && r.count > 1;
  if (copies) p->spectrum = static_cast<std::uint64_t>(2 * sdk::element_count(x) + 15) / 16 * 16;
  double ns = 0;
  FftArray from;
  from.form = op.op == QN_OP_RFFT ? FftForm::real : FftForm::complex;
  for (unsigned i = 0; i < r.count; ++i) {
    const bool last = i + 1 == r.count;
    // rfft begins with the last axis, which becomes the shorter one; irfft ends with it.
    const unsigned k = op.op == QN_OP_RFFT ? r.count - 1 - i : i;
    const auto axis = static_cast<std::uint32_t>(r.axes[k]);
    const bool from_x = op.op == QN_OP_IRFFT || i == 0, to_y = op.op != QN_OP_IRFFT || last;
    FftPass pass;
    pass.n = r.n[k];
    pass.swap = r.inverse;
    pass.scale = static_cast<float>(r.scale(pass.n));
    const qn_array_desc& target = to_y ? y : x;
    for (std::uint32_t a = 0; a < target.ndim; ++a)
      if (a != axis) (a < axis ? pass.outer : pass.inner) *= target.shape[a];
    pass.from = from;
    pass.from.length = (from_x ? x : y).shape[axis];
    pass.to.place = to_y ? FftArray::output : FftArray::workspace;
    pass.to.length = target.shape[axis];
    if (op.op == QN_OP_IRFFT && last) {
      pass.from.form = FftForm::half;
      pass.to.form = FftForm::real;
    }
    const std::int64_t lines = pass.outer * pass.inner;
    pass.cut = wants_cut(pass.n, lines);
    if (pass.cut) {
      pass.parts = fft_cut_table(pass.n, lanes);
      p->longest = std::max({p->longest, pass.parts.first, pass.parts.second + lanes});
      p->turned = std::max(
          p->turned, static_cast<std::uint64_t>(pass.parts.groups * pass.parts.first * 2 * lanes));
    } else {
      pass.table = fft_table(pass.n);
      p->longest = std::max(p->longest, pass.n);
    }
    ns += pass_ns(pass.n, lines);
    from = pass.to;
    p->passes.push_back(std::move(pass));
  }
  p->small = ns < 15000;
  info.workspace = (p->spectrum + p->turned) * sizeof(float);
  info.worker_scratch = p->scratch_floats() * sizeof(float);
  return p;
}

}  // namespace quern::simd
