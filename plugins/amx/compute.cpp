// Runs the plans: packing, loops over tiles, epilogue.
// It chooses nothing; the choices are in matmul.cpp.
#include <algorithm>

#include "plugins/amx/matmul.h"

namespace quern::amx {
namespace {

using sdk::Matmul;

using sdk::part;
using sdk::Range;
using sdk::unit_range;

// Operand `which` of a batch item, from element `at` on.
Source source(const Plan& p, const qn_run* run, unsigned which, i64 item, i64 at) {
  const Matmul& g = p.g;
  const i64 first = at + Matmul::offset(which == 0 ? g.a_batch : g.b_batch, g, item);
  const char* base = static_cast<const char*>(run->in[which].data) + first * p.size();
  return which == 0 ? Source{base, p.type, g.a_m, g.a_k} : Source{base, p.type, g.b_n, g.b_k};
}

// Columns of B in panels [first, last), over all of k; dst: where the first goes.
void pack_columns(const Plan& p, char* dst, const Source& b, i64 first, i64 last) {
  const Matmul& g = p.g;
  const i64 bytes = panel_bytes(p.depth, p.parts);
  for (i64 d = 0; d < p.depths(); ++d) {
    const i64 k0 = d * p.depth, kc = std::min(p.depth, g.K - k0);
    // Rows of B go in groups: a panel's slice of many rows touches a page a row.
    const i64 group = b.s_i == 1 ? 2 : steps_of(kc);
    for (i64 s = 0; s < steps_of(kc); s += group) {
      for (i64 q = first; q < last; ++q) {
        const i64 at = q * kCols * b.s_i + k0 * b.s_k;
        const Source from{static_cast<const char*>(b.data) + at * p.size(), p.type, b.s_i, b.s_k};
        pack_b(dst + (q - first) * p.column_bytes() + d * bytes, p.parts, from,
               std::min(kCols, g.N - q * kCols), kc, s, std::min(group, steps_of(kc) - s));
      }
    }
  }
}

// Rows [i, i + rows) and columns n of C; `sums` holds C where it is not f32.
void multiply_rows(const Plan& p, const qn_run* run, i64 item, i64 i, i64 rows, Range n,
                   const char* b_pack, char* a_pack, bool& packed, float* sums) {
  const Matmul& g = p.g;
  const i64 bytes = panel_bytes(p.depth, p.parts);
  char* c = static_cast<char*>(run->out[0].data) + (item * g.M * g.N + i * g.N) * p.size();
  float* to = sums ? sums : reinterpret_cast<float*>(c) + n.first;
  const i64 ldc = sums ? p.chunk() : g.N;
  for (i64 d = 0; d < p.depths(); ++d) {
    const i64 k0 = d * p.depth, kc = std::min(p.depth, g.K - k0);
    if (!packed || p.depths() > 1) {
      for (i64 r = 0; r < rows; r += kRows) {
        const Source a = source(p, run, 0, item, (i + r) * g.a_m + k0 * g.a_k);
        pack_a(a_pack + r / kRows * bytes, p.parts, a, std::min(kRows, rows - r), kc);
      }
      packed = true;
    }
    for (i64 j = n.first; j < n.last; j += kCols) {
      const char* b = b_pack + j / kCols * p.column_bytes() + d * bytes;
      for (i64 r = 0; r < rows; r += kRows) {
        multiply(p.parts, a_pack + r / kRows * bytes, b, kc, to + r * ldc + (j - n.first), ldc,
                 std::min(kRows, rows - r), std::min(kCols, n.last - j), d > 0);
      }
    }
  }
  for (i64 r = 0; sums && r < rows; ++r) {
    round_row(c + (r * g.N + n.first) * p.size(), p.type, sums + r * ldc, n.last - n.first);
  }
}

// Rows m and columns n (whole panels) of C from packed B. Scratch memory: packed rows of A, then
// sums.
void multiply_range(const Plan& p, const qn_run* run, i64 item, Range m, Range n,
                    const char* b_pack, char* scratch) {
  const i64 a_bytes = p.rows_at_once / kRows * panel_bytes(p.depth, p.parts);
  float* sums = p.type == Type::kF32 ? nullptr : reinterpret_cast<float*>(scratch + a_bytes);
  const i64 chunk = sums ? p.chunk() : n.last - n.first;
  for (i64 i = m.first; i < m.last; i += p.rows_at_once) {
    const i64 rows = std::min(p.rows_at_once, m.last - i);
    bool packed = false;
    for (i64 j = n.first; j < n.last; j += chunk) {
      multiply_rows(p, run, item, i, rows, {j, std::min(n.last, j + chunk)}, b_pack, scratch,
                    packed, sums);
    }
    if (p.g.epilogue.n == 0) continue;
    float* c = static_cast<float*>(run->out[0].data) + item * p.g.M * p.g.N;
    sdk::apply_epilogue<float>(p.g, run->in, item, c, i, i + rows, n.first, n.last, row_step);
  }
}

// The two loops of kShared, as tasks of the host's executor.
struct Task {
  const Plan* plan;
  const qn_run* run;
  i64 item;
  i64 pack_tiles;
  char* b_pack;
};

void pack_task(void* self, std::uint32_t index, std::uint32_t) noexcept {
  const Task& t = *static_cast<const Task*>(self);
  const Plan& p = *t.plan;
  const i64 first = part(p.panels(), index, t.pack_tiles);
  pack_columns(p, t.b_pack + first * p.column_bytes(), source(p, t.run, 1, t.item, 0), first,
               part(p.panels(), index + 1, t.pack_tiles));
}

void multiply_task(void* self, std::uint32_t index, std::uint32_t worker) noexcept {
  const Task& t = *static_cast<const Task*>(self);
  const Plan& p = *t.plan;
  const Tiles tiles;
  multiply_range(p, t.run, t.item, unit_range(p.g.M, kRows, index / p.tiles_n, p.tiles_m),
                 unit_range(p.g.N, kCols, index % p.tiles_n, p.tiles_n), t.b_pack,
                 static_cast<char*>(t.run->scratch) + worker * p.scratch);
}

}  // namespace

qn_status run_shared(const Plan& p, const qn_run* run) {
  const qn_executor& ex = *run->executor;
  Task t{&p, run, 0, std::min<i64>(p.panels(), 4 * i64(p.max_workers)),
         static_cast<char*>(run->workspace)};
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
  const Matmul& g = p.g;
  const i64 grid = p.tiles_m * p.tiles_n;
  const i64 b = tile / grid, m = tile % grid / p.tiles_n, n = tile % p.tiles_n;
  if (p.kernel == kPackB) {
    const Source from{run->in[0].data, p.type, g.b_n, g.b_k};
    const i64 first = part(p.panels(), n, p.tiles_n);
    return pack_columns(p, static_cast<char*>(run->out[0].data) + first * p.column_bytes(), from,
                        first, part(p.panels(), n + 1, p.tiles_n));
  }
  const Tiles tiles;
  char* mine = static_cast<char*>(scratch);
  const i64 last = part(g.batch, b + 1, p.tiles_batch);
  const Range rows = unit_range(g.M, kRows, m, p.tiles_m);
  const Range columns = unit_range(g.N, kCols, n, p.tiles_n);
  if (p.kernel == kPrepacked) {
    for (i64 item = part(g.batch, b, p.tiles_batch); item < last; ++item) {
      const char* packed = static_cast<const char*>(run->in[1].data);
      multiply_range(p, run, item, rows, columns, packed, mine);
    }
    return;
  }
  const i64 first = columns.first / kCols, end = (columns.last + kCols - 1) / kCols;
  char* rest = mine + (p.panels() + p.tiles_n - 1) / p.tiles_n * p.column_bytes();
  bool packed = false;
  for (i64 item = part(g.batch, b, p.tiles_batch); item < last; ++item) {
    if (!packed) pack_columns(p, mine, source(p, run, 1, item, 0), first, end);
    packed = g.b_is_shared();
    multiply_range(p, run, item, rows, columns, mine - first * p.column_bytes(), rest);
  }
}

}  // namespace quern::amx
