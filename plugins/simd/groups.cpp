// Offers and plans for group_norm: each item, or each of a few parts of a large one, is measured,
// then written. Not here: the loops (groups_ops.cpp), norms of rows (rows.cpp).
#include "plugins/simd/groups.h"

#include <cmath>

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr const char* kName = "groups";

struct GroupPlan : Plan {
  std::int64_t items = 0, positions = 0, c = 0, groups = 1;
  bool interleaved = false;
  double eps = 0;
  sdk::ConvChain chain;
  ChannelSteps steps;
  std::uint32_t parts = 1;  // of an item
  std::uint32_t units = 1, workers = 1;
  std::uint64_t scratch_bytes = 0;
  const GroupOps* ops = nullptr;

  struct Job {
    const GroupPlan* plan;
    const qn_run* run;
  };

  // For one part of an item: means of its channels, then sums of squared distances from these.
  double* moments(const qn_run& r, std::int64_t item, std::int64_t part) const noexcept {
    return static_cast<double*>(r.workspace) + (item * parts + part) * 2 * c;
  }
  std::int64_t size(std::int64_t part) const noexcept {
    const auto k = static_cast<std::uint32_t>(part);
    return split(positions, parts, k + 1) - split(positions, parts, k);
  }
  std::int64_t first(std::int64_t item, std::int64_t part) const noexcept {
    return (item * positions + split(positions, parts, static_cast<std::uint32_t>(part))) * c;
  }

  // Sums of distances from a number near the mean: the variance loses no more than two bits when it
  // is near; when it was not, the part is measured again from its mean.
  void measure(const qn_run& r, std::int64_t item, std::int64_t part, float* pivot) const noexcept {
    const float* x = static_cast<const float*>(r.in[0].data) + first(item, part);
    const std::int64_t n = size(part), some = std::min<std::int64_t>(n, 8);
    double *mean = moments(r, item, part), *squares = mean + c;
    const auto count = static_cast<double>(n);
    for (std::int64_t k = 0; k < c; ++k) pivot[k] = x[k];
    for (std::int64_t i = 1; i < some; ++i)
      for (std::int64_t k = 0; k < c; ++k) pivot[k] += x[i * c + k];
    for (std::int64_t k = 0; k < c; ++k) pivot[k] /= static_cast<float>(some);
    for (int attempt = 0; attempt < 2; ++attempt) {
      ops->measure(x, n, c, pivot, mean, squares);
      bool near = true;
      for (std::int64_t k = 0; k < c; ++k) {
        const double off = mean[k] / count;
        mean[k] = static_cast<double>(pivot[k]) + off;
        squares[k] = std::max(squares[k] - off * off * count, 0.0);
        near = near && off * off * count <= 3 * squares[k];
      }
      if (near) break;
      for (std::int64_t k = 0; k < c; ++k) pivot[k] = static_cast<float>(mean[k]);
    }
  }

  // Means and scales of an item's channels from the moments of its parts.
  void join(const qn_run& r, std::int64_t item, float* mean, float* scale) const noexcept {
    const std::int64_t of_group = c / groups;
    const auto n = static_cast<double>(positions * of_group);
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t lo = interleaved ? g : g * of_group, step = interleaved ? groups : 1;
      const auto each = [&](auto f) {
        for (std::int64_t part = 0; part < parts; ++part) {
          const double* m = moments(r, item, part);
          const auto weight = static_cast<double>(size(part));
          for (std::int64_t i = 0, k = lo; i < of_group; ++i, k += step) f(weight, m[k], m[c + k]);
        }
      };
      double total = 0, squares = 0;
      each([&](double weight, double m, double) { total += weight * m; });
      const double centre = total / n;
      each([&](double weight, double m, double s) {
        squares += s + weight * (m - centre) * (m - centre);
      });
      const auto inverse = static_cast<float>(1 / std::sqrt(squares / n + eps));
      for (std::int64_t i = 0, k = lo; i < of_group; ++i, k += step)
        mean[k] = static_cast<float>(centre), scale[k] = inverse;
    }
  }

  void write(const qn_run& r, std::int64_t item, std::int64_t part, float* room) const noexcept {
    float *mean = room, *scale = room + c, *shift = room + 2 * c;
    join(r, item, mean, scale);
    std::fill_n(shift, c, 0.0f);
    const Bounds bounds = steps.apply(chain.at(r), 0, c, scale, shift);
    const sdk::ConvEpilogue rest = steps.rest.at(r);
    ops->finish(static_cast<const float*>(r.in[0].data), static_cast<float*>(r.out[0].data),
                first(item, part), size(part), c,
                {mean, scale, shift, bounds, steps.rest.steps.n ? &rest : nullptr});
  }

  float* room(const qn_run& r, std::uint32_t worker) const noexcept {
    return reinterpret_cast<float*>(static_cast<char*>(r.scratch) + worker * scratch_bytes);
  }

  static void whole_items(void* task, std::uint32_t k, std::uint32_t worker) noexcept {
    const auto& [p, r] = *static_cast<Job*>(task);
    for (std::int64_t i = split(p->items, p->units, k); i < split(p->items, p->units, k + 1); ++i) {
      p->measure(*r, i, 0, p->room(*r, worker));
      p->write(*r, i, 0, p->room(*r, worker));
    }
  }
  static void measure_part(void* task, std::uint32_t k, std::uint32_t worker) noexcept {
    const auto& [p, r] = *static_cast<Job*>(task);
    p->measure(*r, k / p->parts, k % p->parts, p->room(*r, worker));
  }
  static void write_part(void* task, std::uint32_t k, std::uint32_t worker) noexcept {
    const auto& [p, r] = *static_cast<Job*>(task);
    p->write(*r, k / p->parts, k % p->parts, p->room(*r, worker));
  }

  void tile(const qn_run&, std::uint32_t, void*) const noexcept override {}

  void run(const qn_run& r) const noexcept override {
    Job job{this, &r};
    const auto each = [&](qn_task_fn fn) {
      if (units > 1 && workers > 1)
        r.executor->parallel_for(r.executor->self, fn, &job, units, workers);
      else
        for (std::uint32_t k = 0; k < units; ++k) fn(&job, k, 0);
    };
    if (parts == 1) return each(whole_items);
    each(measure_part);
    each(write_part);
  }
};

struct Sizes {
  std::int64_t items, positions, c;
};

Sizes sizes_of(const qn_array_desc& x) {
  const std::int64_t c = x.shape[x.ndim - 1], items = x.shape[0];
  return {items, sdk::element_count(x) / (items * c), c};
}

double work_ns(const Sizes& s) {
  return static_cast<double>(s.items) * (100 + static_cast<double>(s.c) * 8) +
         static_cast<double>(s.items * s.positions * s.c) * 0.12;
}

// Parts of an item, of 256 KB at least, where there are few items.
std::uint32_t parts_of(const Sizes& s) {
  constexpr std::int64_t kPart = 64 << 10, kEnough = 32;
  const std::int64_t most = std::max<std::int64_t>(kEnough / s.items, 1);
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(s.positions * s.c / kPart, 1, std::min(most, s.positions)));
}

std::uint64_t moment_bytes(const Sizes& s) {
  return static_cast<std::uint64_t>(s.items * parts_of(s) * s.c) * 2 * sizeof(double);
}

}  // namespace

void query_groups(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  if (x.dtype != QN_F32) return host.refuse(answer, kName, "only f32");
  const std::int64_t groups = sdk::attr_int(op, 0);
  if (x.ndim < 2 || groups < 1 || sdk::element_count(x) == 0 || x.shape[x.ndim - 1] % groups != 0)
    return host.refuse(answer, kName, "no elements, or uneven groups");
  const Sizes s = sizes_of(x);
  const std::vector<std::int64_t> rows = sdk::dense_strides(x);
  std::vector<qn_layout> in{sdk::with_strides(rows.data())};
  const sdk::ConvChain chain(op, true, sdk::EpilogueSteps::all);
  const auto operands = chain.layouts(op, rows, in);
  const double bytes = static_cast<double>(sdk::element_count(x)) * 8;
  qn_candidate c = sdk::candidate(kName, 1, estimate_ns(bytes, work_ns(s), op.max_workers));
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = in.data();
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = chain.steps.taken;
  c.inplace_mask = 1;
  c.workspace_max = moment_bytes(s);
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_groups(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<GroupPlan>();
  p->chain = sdk::ConvChain(op, true, sdk::EpilogueSteps::all);
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  p->steps = ChannelSteps(p->chain);
  const Sizes s = sizes_of(op.in[0]);
  p->items = s.items, p->positions = s.positions, p->c = s.c;
  p->groups = sdk::attr_int(op, 0), p->interleaved = sdk::attr_int(op, 1) != 0;
  p->eps = sdk::attr_float(op, 2);
  p->parts = parts_of(s);
  p->units = p->parts > 1 ? static_cast<std::uint32_t>(s.items) * p->parts
                          : fixed_tiles(work_ns(s), s.items);
  p->workers = work_ns(s) < 15000 ? 1 : op.max_workers;
  p->ops = &group_ops();
  p->scratch_bytes = (static_cast<std::uint64_t>(s.c) * 3 * 4 + 63) / 64 * 64;
  info.worker_scratch = p->scratch_bytes;
  info.workspace = moment_bytes(s);
  return p;
}

}  // namespace quern::simd
