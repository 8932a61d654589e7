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

// B for a tile: packed by others, or in place and packed here, a panel at a time.
struct Right {
  const float* packed;  // null: in place
  const float* b;
  float* panel;  // room for one
  bool kept;     // it holds the only panel, and there is only one step of k
};

// What is read next: the panel of B at column j and row k0.
Ahead ahead_of(const Plan& p, const Kernels& k, const Right& r, i64 j, i64 k0, i64 kc) {
  const Matmul& g = p.g;
  if (r.packed) {
    const i64 block = 4 * kc, in_turn = std::max<i64>(1, k.nr / 16);
    return {r.packed + j * g.K + k0 * k.nr, in_turn * block, block, kc, 16};
  }
  const float* b = r.b + j * g.b_n + k0 * g.b_k;
  if (g.b_n == 1) return {b, g.b_k, 16, kc / 4 * g.b_k, 4 * g.b_k};
  const i64 block = 4 * g.b_n, in_turn = std::max<i64>(1, k.nr / 16);
  return {b, in_turn * block, block, g.b_n, 16};
}

// Rows m and columns n (whole panels) of C; a_pack holds the rows' panels of one k step where A
// cannot be read in place.
void multiply(const Plan& p, const qn_run* run, i64 item, Range m, Range n, Right& right,
              float* a_pack) {
  const Kernels& k = kernels();
  const Matmul& g = p.g;
  if (m.first >= m.last || n.first >= n.last) return;
  const float* a = input(p, run, 0, item) + m.first * g.a_m;
  float* c = output(p, run, item) + m.first * g.N;
  const i64 depth = p.depth(), rows = m.last - m.first;
  i64 k0 = 0;
  do {
    const i64 kc = std::min(depth, g.K - k0);
    for (i64 i = 0; i < rows && !p.a_in_place(); i += k.mr) {
      k.pack(a_pack + i * kc, k.mr, a + i * g.a_m + k0 * g.a_k, g.a_m, g.a_k,
             std::min(k.mr, rows - i), kc);
    }
    for (i64 j = n.first; j < n.last; j += k.nr) {
      const i64 columns = std::min(k.nr, n.last - j);
      const bool more = j + k.nr < n.last, again = !more && k0 + kc < g.K;
      // Behind the last panel follows that of the next tile, which this worker is likely to take.
      const bool beyond = !more && !again && right.packed && j + k.nr < g.N;
      const Ahead ahead = ahead_of(p, k, right,
                                   more || beyond ? j + k.nr
                                   : again        ? n.first
                                                  : j,
                                   beyond  ? 0
                                   : again ? k0 + kc
                                           : k0,
                                   beyond ? std::min(depth, g.K) : kc);
      const float* b = right.packed ? right.packed + j * g.K + k0 * k.nr : right.panel;
      if (!right.packed && !right.kept) {
        k.pack(right.panel, k.nr, right.b + j * g.b_n + k0 * g.b_k, g.b_n, g.b_k, columns, kc);
        right.kept = g.b_is_shared() && n.last - n.first <= k.nr && kc == g.K;
      }
      if (p.a_in_place()) {
        k.unpacked(rows, columns, kc, a + k0, g.a_m, b, ahead, c + j, g.N, k0 > 0);
      } else {
        k.packed(rows, columns, kc, a_pack, b, ahead, c + j, g.N, k0 > 0);
      }
      // Some panels at a time, while they are in the cache.
      if (k0 + kc >= g.K && (!more || (j - n.first) / k.nr % 4 == 3)) {
        finish(p, run, item, m, {n.first + (j - n.first) / (4 * k.nr) * 4 * k.nr, j + columns});
      }
    }
    k0 += kc;
  } while (k0 < g.K);
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

// The loop of kInner, as tasks of the host's executor.
struct Task {
  const Plan* plan;
  const qn_run* run;
  float* sums;  // of pieces
};

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
      t.sums[i] = sum;
      continue;
    }
    *output(p, t.run, item) = sum;
    finish(p, t.run, item, {0, 1}, {0, 1});
  }
}

}  // namespace

qn_status run_inner(const Plan& p, const qn_run* run) {
  Task t{&p, run, static_cast<float*>(run->workspace)};
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
    for (i64 i = 0; i < pieces; ++i) sum += t.sums[item * pieces + i];
    *output(p, run, item) = float(sum);
    finish(p, run, item, {0, 1}, {0, 1});
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
  if (p.kernel == kDirect || p.kernel == kDots) return tile_in_place(p, run, b, m, n, mine);
  if (p.kernel == kPackB) {
    float* dst = static_cast<float*>(run->out[0].data);
    return pack_panels(k, dst, static_cast<const float*>(run->in[0].data), g.b_n, g.b_k, g.N, g.K,
                       part(panels, n, p.tiles_n), part(panels, n + 1, p.tiles_n));
  }
  Right right{nullptr, nullptr, mine, false};
  if (p.kernel == kPrepacked) right.packed = static_cast<const float*>(run->in[1].data);
  float* a_pack = right.packed ? mine : mine + k.nr * p.depth();
  const Range rows = unit_range(g.M, k.mr, m, p.tiles_m);
  const i64 last = part(g.batch, b + 1, p.tiles_batch);
  for (i64 item = part(g.batch, b, p.tiles_batch); item < last; ++item) {
    right.b = input(p, run, 1, item);
    for (i64 i = rows.first; i < rows.last; i += kRowsAtOnce) {
      multiply(p, run, item, {i, std::min(rows.last, i + kRowsAtOnce)},
               unit_range(g.N, k.nr, n, p.tiles_n), right, a_pack);
    }
  }
}

}  // namespace quern::tbb
