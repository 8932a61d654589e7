// Offer and plan of fft, rfft and irfft: passes over the axes, each by groups of lines or, for few
// long lines, by rounds of shorter ones. Not here: factors (fft_table.cpp), loops (fft_ops.cpp).
#include "plugins/simd/fft.h"

#include <cmath>

#include "plugins/simd/families.h"
#include "plugins/simd/fft_plan.h"

namespace quern::simd {
namespace {

// Up to kFftLanes parts of a cut line: lane l has numbers first + l + k * step.
struct Parts {
  std::int64_t base, first, count, step;
};

struct FftPlan : Plan {
  const FftOps* ops = nullptr;
  std::vector<FftPass> passes;
  std::int64_t floats = 0;                 // of scratch
  std::uint64_t spectrum = 0, turned = 0;  // floats of workspace: irfft's copy, a cut line
  std::uint32_t workers = 1;
  bool small = true;

  void tile(const qn_run&, std::uint32_t, void*) const noexcept override {}

  void run(const qn_run& r) const noexcept override {
    for (const FftPass& p : passes) {
      if (!p.cut) {
        // Groups in runs, so that a worker does not ask for each.
        const std::int64_t groups = (p.lines + p.task.group - 1) / p.task.group;
        const std::int64_t runs = std::min<std::int64_t>(groups, 16 * std::int64_t{workers});
        each(r, runs, [&](std::int64_t k, float* scratch) {
          const auto n = static_cast<std::uint32_t>(runs), i = static_cast<std::uint32_t>(k);
          for (std::int64_t g = split(groups, n, i); g < split(groups, n, i + 1); ++g)
            some_lines(r, p, g, scratch);
        });
        continue;
      }
      for (std::int64_t line = 0; line < p.lines; ++line) {
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
      std::int64_t floats;
    } job{f, static_cast<float*>(r.scratch), floats};
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

  float* place(const qn_run& r, FftPlace at) const {
    if (at == FftPlace::input) return static_cast<float*>(r.in[0].data);
    if (at == FftPlace::output) return static_cast<float*>(r.out[0].data);
    return static_cast<float*>(r.workspace);
  }

  void some_lines(const qn_run& r, const FftPass& p, std::int64_t g,
                  float* scratch) const noexcept {
    FftLines l;
    const std::int64_t first = g * p.task.group;
    l.count = std::min(p.lines - first, p.task.group);
    l.in_step = p.in_step;
    l.out_step = p.out_step;
    const std::int64_t in = p.task.from == FftForm::real ? 1 : 2;
    const std::int64_t out = p.task.to == FftForm::real ? 1 : 2;
    const float* x = place(r, p.from);
    float* y = place(r, p.to);
    if (p.brief) {
      const std::int64_t n = p.task.n;
      return ops->brief(p.task, x + 2 * first * n, y + 2 * first * n, l.count * n);
    }
    if (p.axes.size() < 2) {
      const Axis axis = p.axes.empty() ? Axis{1, 0, 0} : p.axes[0];
      for (std::int64_t k = 0; k < l.count; ++k) {
        l.in[k] = x + (first + k) * axis.in * in;
        l.out[k] = y + (first + k) * axis.out * out;
      }
      l.in_adjacent = axis.in == 1;
      l.out_adjacent = axis.out == 1;
    } else {
      Walk at(p.axes, first);
      l.in_adjacent = l.out_adjacent = true;
      for (std::int64_t k = 0; k < l.count; ++k, at.next()) {
        l.in[k] = x + at.in * in;
        l.out[k] = y + at.out * out;
        l.in_adjacent = l.in_adjacent && l.in[k] - l.in[0] == k * in;
        l.out_adjacent = l.out_adjacent && l.out[k] - l.out[0] == k * out;
      }
    }
    (p.task.table.across > 1 ? ops->along : ops->beside)(p.task, l, scratch);
  }

  // Columns of the line seen as a matrix (first, second), turned, to the workspace.
  void first_round(const qn_run& r, const FftPass& p, std::int64_t line, std::int64_t k,
                   float* scratch) const noexcept {
    const FftCut& c = p.parts;
    const std::int64_t row = 2 * ops->lanes, from = k * ops->lanes;
    const Parts in{Walk(p.axes, line).in, from, std::min(ops->lanes, c.second - from), c.second};
    gather(p, place(r, p.from), in, c.first, scratch);
    const float* rows = ops->transform(c.tables[0], scratch, scratch + floats / 2);
    ops->turn(rows, c.first, &c.line[static_cast<std::size_t>(2 * k * c.first)], c.lane.data(),
              static_cast<float*>(r.workspace) + spectrum + k * c.first * row);
  }

  // The rows of that matrix, lanes being adjacent ones.
  void second_round(const qn_run& r, const FftPass& p, std::int64_t line, std::int64_t k,
                    float* scratch) const noexcept {
    const FftCut& c = p.parts;
    const std::int64_t lanes = ops->lanes, row = 2 * lanes;
    const Parts out{Walk(p.axes, line).out, k * lanes, std::min(lanes, c.first - k * lanes),
                    c.first};
    const float* x = static_cast<const float*>(r.workspace) + spectrum + k * lanes * row;
    for (std::int64_t g = 0; g < c.groups; ++g)
      ops->fold(x + g * c.first * row, out.count, std::min(lanes, c.second - g * lanes),
                scratch + g * lanes * row);
    scatter(p, ops->transform(c.second_table(), scratch, scratch + floats / 2), out, c.second,
            place(r, p.to));
  }

  void gather(const FftPass& p, const float* x, const Parts& in, std::int64_t n,
              float* rows) const noexcept {
    const std::int64_t lanes = ops->lanes, row = 2 * lanes;
    const bool swap = p.task.swap;
    if (p.task.from == FftForm::complex && in.count == lanes && p.in_step == 1) {
      ops->load(x + 2 * (in.base + in.first), n, in.step, swap, rows);
      return;
    }
    const std::int64_t re = swap ? lanes : 0, im = lanes - re;
    for (std::int64_t k = 0; k < n; ++k) {
      for (std::int64_t l = 0; l < lanes; ++l) {
        float a = 0, b = 0;
        if (l < in.count) number(p, x, in.base, in.first + l + k * in.step, a, b);
        rows[k * row + re + l] = a;
        rows[k * row + im + l] = b;
      }
    }
  }

  static void number(const FftPass& p, const float* x, std::int64_t base, std::int64_t index,
                     float& re, float& im) {
    const std::int64_t n = p.task.n;
    switch (p.task.from) {
      case FftForm::real:
        re = x[base + index * p.in_step];
        return;
      case FftForm::complex:
        re = x[2 * (base + index * p.in_step)];
        im = x[2 * (base + index * p.in_step) + 1];
        return;
      case FftForm::half: {
        const bool mirror = index > n / 2;
        const float* at = x + 2 * (base + (mirror ? n - index : index) * p.in_step);
        re = at[0];
        im = index == 0 || 2 * index == n ? 0 : mirror ? -at[1] : at[1];
        return;
      }
    }
  }

  void scatter(const FftPass& p, const float* rows, const Parts& out, std::int64_t n,
               float* y) const noexcept {
    const std::int64_t lanes = ops->lanes, row = 2 * lanes;
    const bool swap = p.task.swap;
    const float scale = p.task.scale;
    const bool all = p.out_length == p.task.n;
    if (p.task.to == FftForm::complex && all && out.count == lanes && p.out_step == 1) {
      ops->store(rows, n, out.step, swap, scale, y + 2 * (out.base + out.first));
      return;
    }
    const std::int64_t re = swap ? lanes : 0, im = lanes - re;
    for (std::int64_t k = 0; k < n; ++k) {
      for (std::int64_t l = 0; l < out.count; ++l) {
        const std::int64_t index = out.first + l + k * out.step;
        // Of a spectrum whose rest follows by symmetry only the first numbers are kept.
        if (index >= p.out_length) continue;
        const std::int64_t at = out.base + index * p.out_step;
        if (p.task.to == FftForm::real) {
          y[at] = rows[k * row + re + l] * scale;
        } else {
          y[2 * at] = rows[k * row + re + l] * scale;
          y[2 * at + 1] = rows[k * row + im + l] * scale;
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

constexpr std::int64_t kAlongLongest = 32768;  // of a line whose neighbours share lanes

// A line is cut where it would not fit a worker's memory, or leave workers idle. contiguous: its
// numbers are neighbours.
bool wants_cut(std::int64_t n, std::int64_t lines, bool contiguous) {
  if (!fft_has_factors(n) || fft_cut(n) == 0 || n < kFftLongest) return false;
  return n > (contiguous && n % (2 * kFftLanes) == 0 ? kAlongLongest : kFftLongest) || lines < 2;
}

// Served at all: by factors, or by a convolution that fits.
bool fits(std::int64_t n, std::int64_t lines, bool contiguous) {
  if (!fft_has_factors(n)) return n <= kFftPrime;
  return n <= kFftLongest || wants_cut(n, lines, contiguous) ||
         (n <= kAlongLongest && n % (2 * kFftLanes) == 0);
}

bool is_contiguous(const qn_array_desc& a, std::int64_t axis) {
  for (auto i = static_cast<std::uint32_t>(axis) + 1; i < a.ndim; ++i)
    if (a.shape[i] != 1) return false;
  return true;
}

// The axis that is transformed first: rfft begins with the last one, which becomes shorter.
std::int64_t first_axis(const qn_opdesc& op, const Request& r) {
  return r.axes[op.op == QN_OP_RFFT ? r.count - 1 : 0];
}

// Lines of an array with these strides can be read without copying them first: their numbers are
// neighbours, or the lines are.
bool reads_well(const qn_array_desc& x, const std::int64_t* strides, std::int64_t axis) {
  if (strides[axis] == 1) return true;
  for (std::uint32_t a = x.ndim; a-- > 0;)
    if (a != static_cast<std::uint32_t>(axis) && x.shape[a] != 1)
      return strides[a] == 1 && x.shape[a] >= kFftLanes;
  return false;
}

}  // namespace

void query_fft(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  const Request r(op);
  const bool real = x.dtype == QN_F32 && op.op != QN_OP_IRFFT;
  if (!real && (x.dtype != QN_C64 || op.op == QN_OP_RFFT))
    return host.refuse(answer, "lines", "another dtype");
  if (sdk::element_count(y) == 0) return host.refuse(answer, "lines", "no elements");
  if (!fft_ops()) return host.refuse(answer, "lines", "a processor without vectors");
  double ns = 0;
  std::int64_t room = 0;  // floats of workspace
  for (unsigned i = 0; i < r.count; ++i) {
    const std::int64_t n = r.n[i];
    const std::int64_t size = std::max(sdk::element_count(x), sdk::element_count(y));
    const std::int64_t lines = std::max<std::int64_t>(1, size / std::max<std::int64_t>(1, n));
    const bool contiguous = is_contiguous(x, r.axes[i]);
    if (!fits(n, lines, contiguous))
      return host.refuse(answer, "lines", "a length that cannot be cut in two");
    ns += static_cast<double>(lines) * fft_ns(n);
    if (const std::int64_t cut = wants_cut(n, lines, contiguous) ? fft_cut(n) : 0)
      room = std::max(room, 2 * cut * (n / cut + kFftLanes));
  }
  if (op.op == QN_OP_IRFFT) room += 2 * sdk::element_count(x) + 16;
  const std::vector<std::int64_t> dense = sdk::dense_strides(x);
  qn_layout in = sdk::with_strides(dense.data());
  qn_candidate c = sdk::candidate("lines", 1, estimate_ns(0, ns, op.max_workers));
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = 1;
  c.in = &in;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = static_cast<std::uint64_t>(room) * sizeof(float);
  host.offer(answer, &c);
  if (x.layout.kind != QN_LAYOUT_STRIDED || !x.layout.strides || sdk::is_row_major(x)) return;
  if (!reads_well(x, x.layout.strides, first_axis(op, r))) return;
  in = sdk::with_strides(x.layout.strides);
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_fft(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  const Request r(op);
  auto p = std::make_unique<FftPlan>();
  p->ops = fft_ops();
  if (!p->ops) return nullptr;
  p->workers = op.max_workers;
  const std::int64_t lanes = p->ops->lanes;
  // irfft works on a copy of its half spectrum until the last axis.
  const bool copies = op.op == QN_OP_IRFFT && r.count > 1;
  if (copies) p->spectrum = static_cast<std::uint64_t>(2 * sdk::element_count(x) + 15) / 16 * 16;
  double ns = 0;
  FftPlace from = FftPlace::input;
  for (unsigned i = 0; i < r.count; ++i) {
    const bool last = i + 1 == r.count;
    // irfft ends with the axis that becomes longer.
    const unsigned k = op.op == QN_OP_RFFT ? r.count - 1 - i : i;
    const auto axis = static_cast<std::uint32_t>(r.axes[k]);
    const bool from_x = op.op == QN_OP_IRFFT || i == 0, to_y = op.op != QN_OP_IRFFT || last;
    FftPass pass;
    pass.from = from;
    pass.to = to_y ? FftPlace::output : FftPlace::workspace;
    const qn_array_desc &source = from_x ? x : y, &target = to_y ? y : x;
    const std::vector<std::int64_t> in = i == 0 ? element_strides(x) : sdk::dense_strides(source),
                                    out = sdk::dense_strides(target);
    pass.in_length = source.shape[axis];
    pass.out_length = target.shape[axis];
    pass.in_step = in[axis];
    pass.out_step = out[axis];
    for (std::uint32_t a = 0; a < target.ndim; ++a) {
      const std::int64_t n = target.shape[a];
      if (a == axis || n == 1) continue;
      pass.lines *= n;
      // Axes that are one in both arrays.
      if (!pass.axes.empty() && pass.axes.back().in == n * in[a] &&
          pass.axes.back().out == n * out[a])
        pass.axes.back() = {pass.axes.back().n * n, in[a], out[a]};
      else
        pass.axes.push_back({n, in[a], out[a]});
    }
    const std::int64_t n = r.n[k];
    const FftForm form_in = x.dtype == QN_F32 && i == 0    ? FftForm::real
                            : op.op == QN_OP_IRFFT && last ? FftForm::half
                                                           : FftForm::complex;
    const FftForm form_out = op.op == QN_OP_IRFFT && last    ? FftForm::real
                             : op.op == QN_OP_RFFT && i == 0 ? FftForm::half
                                                             : FftForm::complex;
    const bool contiguous = is_contiguous(x, axis);
    pass.cut = wants_cut(n, pass.lines, contiguous);
    if (pass.cut) {
      pass.task.n = n;
      pass.task.from = form_in;
      pass.task.to = form_out;
      pass.task.swap = r.inverse;
      pass.task.scale = static_cast<float>(r.scale(n));
      pass.parts = fft_cut_table(n, lanes);
      p->floats =
          std::max(p->floats, 4 * lanes * std::max(pass.parts.first, pass.parts.second + lanes));
      p->turned = std::max(
          p->turned, static_cast<std::uint64_t>(pass.parts.groups * pass.parts.first * 2 * lanes));
    } else {
      // Lines beside each other must fill the lanes before an axis ends.
      const Axis next = pass.axes.empty() ? Axis{1, 0, 0} : pass.axes.back();
      const bool neighbours = pass.in_step == 1 && pass.out_step == 1;
      const bool beside = next.n >= lanes && (next.in == 1 || pass.in_step == 1) &&
                          (next.out == 1 || pass.out_step == 1);
      const FftAccess access = neighbours ? FftAccess::along
                               : beside   ? FftAccess::beside
                                          : FftAccess::scattered;
      pass.task = fft_task(n, form_in, form_out, r.inverse, r.scale(n), pass.lines, access, lanes);
      const bool dense = pass.axes.empty() ||
                         (pass.axes.size() == 1 && pass.axes[0].in == n && pass.axes[0].out == n);
      pass.brief = neighbours && dense && form_in == FftForm::complex &&
                   form_out == FftForm::complex && n > 1 && n <= lanes && (n & (n - 1)) == 0;
      if (pass.brief) pass.task.group = lanes * lanes / n;
      p->floats = std::max(p->floats, fft_scratch(pass.task, lanes));
    }
    ns += static_cast<double>(pass.lines) * fft_ns(n);
    from = pass.to;
    p->passes.push_back(std::move(pass));
  }
  p->small = ns < 15000;
  // Workers' memories begin at whole cache lines.
  p->floats = (p->floats + 31) / 32 * 32;
  info.workspace = (p->spectrum + p->turned) * sizeof(float);
  info.worker_scratch = static_cast<std::uint64_t>(p->floats) * sizeof(float);
  return p;
}

}  // namespace quern::simd
