// Runs the plans: packing, loops over tiles, epilogue.
// It chooses nothing; the choices are in plan.cpp.
#include <algorithm>

#include "plugins/tbb/plan.h"

namespace quern::tbb {
namespace {

using sdk::Matmul;

using sdk::part;
using sdk::Range;
using sdk::unit_range;

const float* input(const Plan& p, const qn_run* run, unsigned which, i64 item) {
  const float* base = static_cast<const float*>(run->in[which ^ unsigned(p.swapped)].data);
  return base + Matmul::offset(which == 0 ? p.g.a_batch : p.g.b_batch, p.g, item);
}

float* output(const Plan& p, const qn_run* run, i64 item) {
  return static_cast<float*>(run->out[0].data) + item * p.g.M * p.g.N;
}

// Panel q of B holds columns q * nr .. for all of k, one row of nr values after another.
void pack_panels(const Kernels& k, float* dst, const float* b, i64 s_n, i64 s_k, i64 N, i64 K,
                 i64 first, i64 last) {
  // Rows of B go in groups: a panel's slice of many rows touches a page a row.
  const i64 group = s_n == 1 ? 64 : K;
  for (i64 k0 = 0; k0 < K; k0 += group) {
    for (i64 q = first; q < last; ++q) {
      k.pack(dst + q * k.nr * K + k0 * k.nr, k.nr, b + q * k.nr * s_n + k0 * s_k, s_n, s_k,
             std::min(k.nr, N - q * k.nr), std::min(group, K - k0));
    }
  }
}

void finish(const Plan& p, const qn_run* run, i64 item, Range m, Range n) {
  sdk::apply_epilogue<float>(p.g, run->in, item, output(p, run, item), m.first, m.last, n.first,
                             n.last, kernels().row_step);
}

// Rows m and columns n (whole panels) of C from packed B; a_pack holds the rows' panels of one k
// step.
void multiply(const Plan& p, const qn_run* run, i64 item, Range m, Range n, const float* b_pack,
              float* a_pack) {
  const Kernels& k = kernels();
  const Matmul& g = p.g;
  if (m.first >= m.last || n.first >= n.last) return;
  const float* a = input(p, run, 0, item);
  float* c = output(p, run, item);
  const i64 steps = std::max<i64>(1, (g.K + kDepth - 1) / kDepth),
            depth = (g.K + steps - 1) / steps;
  i64 k0 = 0;
  do {
    const i64 kc = std::min(depth, g.K - k0);
    for (i64 i = m.first, at = 0; i < m.last; i += k.mr, ++at) {
      k.pack(a_pack + at * k.mr * kc, k.mr, a + i * g.a_m + k0 * g.a_k, g.a_m, g.a_k,
             std::min(k.mr, m.last - i), kc);
    }
    for (i64 j = n.first; j < n.last; j += k.nr) {
      const float* b = b_pack + j * g.K + k0 * k.nr;
      const float* next = j + k.nr < n.last ? b + k.nr * g.K
                          : k0 + kc < g.K   ? b_pack + n.first * g.K + (k0 + kc) * k.nr
                                            : b;
      k.packed(m.last - m.first, std::min(k.nr, n.last - j), kc, a_pack, b, next,
               c + m.first * g.N + j, g.N, k0 > 0);
    }
    k0 += kc;
  } while (k0 < g.K);
  finish(p, run, item, m, n);
}

void tile_in_place(const Plan& p, const qn_run* run, i64 batch_part, i64 m_part, i64 n_part,
                   float* scratch) {
  const Kernels& k = kernels();
  const Matmul& g = p.g;
  const Range m = unit_range(g.M, 1, m_part, p.tiles_m);
  const Range n = unit_range(g.N, 4 * k.lanes, n_part, p.tiles_n);
  const i64 rows = m.last - m.first, columns = n.last - n.first;
  if (rows <= 0 || columns <= 0) return;
  const i64 last = part(g.batch, batch_part + 1, p.tiles_batch);
  for (i64 item = part(g.batch, batch_part, p.tiles_batch); item < last; ++item) {
    const float* a = input(p, run, 0, item) + m.first * g.a_m;
    const float* b = input(p, run, 1, item) + n.first * g.b_n;
    float* c = output(p, run, item) + m.first * g.N + n.first;
    if (p.kernel == kDirect) {
      k.direct(rows, columns, g.K, a, g.a_m, g.a_k, b, g.b_k, c, g.N);
    } else if (p.kernel == kTurned) {
      for (i64 j = 0; j < columns; j += k.nr) {
        const i64 some = std::min(k.nr, columns - j);
        k.pack(scratch, k.nr, b + j * g.b_n, g.b_n, g.b_k, some, g.K);
        k.direct(rows, some, g.K, a, g.a_m, g.a_k, scratch, k.nr, c + j, g.N);
      }
    } else {
      i64 a_m = g.a_m;
      if (g.a_k != 1) {
        for (i64 i = 0; i < rows; ++i) {
          for (i64 q = 0; q < g.K; ++q) scratch[i * g.K + q] = a[i * g.a_m + q * g.a_k];
        }
        a = scratch;
        a_m = g.K;
      }
      k.dots(rows, columns, g.K, a, a_m, b, g.b_n, c, g.N);
    }
    finish(p, run, item, m, n);
  }
}

// The loops of kShared and kInner, as tasks of the host's executor.
struct Task {
  const Plan* plan;
  const qn_run* run;
  i64 item;
  i64 pack_tiles;
  float* b_pack;

  float* scratch(std::uint32_t worker) const {
    return reinterpret_cast<float*>(static_cast<char*>(run->scratch) + worker * plan->scratch);
  }
};

void pack_task(void* self, std::uint32_t index, std::uint32_t) noexcept {
  const Task& t = *static_cast<const Task*>(self);
  const Kernels& k = kernels();
  const Matmul& g = t.plan->g;
  const i64 panels = (g.N + k.nr - 1) / k.nr;
  pack_panels(k, t.b_pack, input(*t.plan, t.run, 1, t.item), g.b_n, g.b_k, g.N, g.K,
              part(panels, index, t.pack_tiles), part(panels, index + 1, t.pack_tiles));
}

void multiply_task(void* self, std::uint32_t index, std::uint32_t worker) noexcept {
  const Task& t = *static_cast<const Task*>(self);
  const Plan& p = *t.plan;
  const Kernels& k = kernels();
  multiply(p, t.run, t.item, unit_range(p.g.M, k.mr, index / p.tiles_n, p.tiles_m),
           unit_range(p.g.N, k.nr, index % p.tiles_n, p.tiles_n), t.b_pack, t.scratch(worker));
}

// Dot products in order, and pieces of long ones.
void inner_task(void* self, std::uint32_t index, std::uint32_t) noexcept {
  const Task& t = *static_cast<const Task*>(self);
  const Plan& p = *t.plan;
  const Kernels& k = kernels();
  const i64 pieces = p.pieces(), all = p.g.batch * pieces;
  for (i64 i = part(all, index, p.tiles_m); i < part(all, index + 1, p.tiles_m); ++i) {
    const i64 item = i / pieces, from = i % pieces * kPiece;
    const i64 some = std::min(kPiece, p.g.K - from);
    const float sum =
        some > 0 ? k.inner(some, input(p, t.run, 0, item) + from, input(p, t.run, 1, item) + from)
                 : 0;
    if (pieces > 1) {
      t.b_pack[i] = sum;
      continue;
    }
    *output(p, t.run, item) = sum;
    finish(p, t.run, item, {0, 1}, {0, 1});
  }
}

}  // namespace

qn_status run_inner(const Plan& p, const qn_run* run) {
  Task t{&p, run, 0, 0, static_cast<float*>(run->workspace)};
  if (p.tiles_m == 1) {
    inner_task(&t, 0, 0);
  } else {
    const qn_status s = run->executor->parallel_for(run->executor->self, inner_task, &t,
                                                    std::uint32_t(p.tiles_m), p.max_workers);
    if (s != QN_OK) return s;
  }
  const i64 pieces = p.pieces();
  for (i64 item = 0; pieces > 1 && item < p.g.batch; ++item) {
    double sum = 0;
    for (i64 i = 0; i < pieces; ++i) sum += t.b_pack[item * pieces + i];
    *output(p, run, item) = float(sum);
    finish(p, run, item, {0, 1}, {0, 1});
  }
  return QN_OK;
}

qn_status run_shared(const Plan& p, const qn_run* run) {
  const qn_executor& ex = *run->executor;
  const i64 panels = (p.g.N + kernels().nr - 1) / kernels().nr;
  Task t{&p, run, 0, std::min<i64>(panels, 4 * i64(p.max_workers)),
         static_cast<float*>(run->workspace)};
  const bool packed_once = p.g.b_is_shared();
  for (; t.item < p.g.batch; ++t.item) {
    if (t.item == 0 || !packed_once) {
      const qn_status s =
          ex.parallel_for(ex.self, pack_task, &t, std::uint32_t(t.pack_tiles), p.max_workers);
      if (s != QN_OK) return s;
    }
    const qn_status s = ex.parallel_for(ex.self, multiply_task, &t,
                                        std::uint32_t(p.tiles_m * p.tiles_n), p.max_workers);
    if (s != QN_OK) return s;
  }
  return QN_OK;
}

void run_tile(const Plan& p, const qn_run* run, i64 tile, void* scratch) {
  const Kernels& k = kernels();
  const Matmul& g = p.g;
  float* mine = static_cast<float*>(scratch);
  const i64 grid = p.tiles_m * p.tiles_n;
  const i64 b = tile / grid, m = tile % grid / p.tiles_n, n = tile % p.tiles_n;
  const i64 panels = (g.N + k.nr - 1) / k.nr;
  if (p.kernel == kDirect || p.kernel == kTurned || p.kernel == kDots)
    return tile_in_place(p, run, b, m, n, mine);
  if (p.kernel == kPackB) {
    float* dst = static_cast<float*>(run->out[0].data);
    return pack_panels(k, dst, static_cast<const float*>(run->in[0].data), g.b_n, g.b_k, g.N, g.K,
                       part(panels, n, p.tiles_n), part(panels, n + 1, p.tiles_n));
  }
  const i64 last = part(g.batch, b + 1, p.tiles_batch);
  bool packed = false;
  for (i64 item = part(g.batch, b, p.tiles_batch); item < last; ++item) {
    if (p.kernel == kPrepacked) {
      multiply(p, run, item, unit_range(g.M, k.mr, m, p.tiles_m),
               unit_range(g.N, k.nr, n, p.tiles_n), static_cast<const float*>(run->in[1].data),
               mine);
      continue;
    }
    if (!packed) {
      pack_panels(k, mine, input(p, run, 1, item), g.b_n, g.b_k, g.N, g.K, 0, panels);
      packed = g.b_is_shared();
    }
    // All of k's rows at a time would not fit the cache; C is taken a block of rows after another.
    float* a_pack = mine + panels * k.nr * g.K;
    const i64 rows = row_panels_at_once(k) * k.mr;
    for (i64 i = 0; i < g.M; i += rows) {
      multiply(p, run, item, {i, std::min(g.M, i + rows)}, {0, g.N}, mine, a_pack);
    }
  }
}

}  // namespace quern::tbb
