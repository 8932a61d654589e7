// Runs the plans: packing, loops over tiles, epilogue.
// It chooses nothing; the choices are in matmul.cpp.
#include <algorithm>

#include "plugins/amx/matmul.h"

namespace quern::amx {
namespace {

constexpr i64 kHiding = 4 * kRows;  // products that hide the coming of the next panel of B

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

// The work of a tile on one batch item: rows and columns (whole panels) of C.
struct Part {
  const Plan& p;
  const qn_run* run;
  i64 item;
  Range columns;
  const char* given;  // packed B, or null
  char* a_pack;
  char* b_pack;  // slots() panels
  float* sums;   // where C is not f32
  bool packed;   // all of B is in its slots

  i64 last_panel() const { return (columns.last + kCols - 1) / kCols; }

  // Where panel q of depth d is, or will be.
  char* slot(i64 q, i64 d) const {
    const i64 bytes = panel_bytes(p.depth, p.parts), first = columns.first / kCols;
    return b_pack + (p.resident() ? d * (last_panel() - first) + q - first : q % 2) * bytes;
  }

  Ahead panel(i64 q, i64 d) const {
    const i64 k0 = d * p.depth;
    const Source b = source(p, run, 1, item, q * kCols * p.g.b_n + k0 * p.g.b_k);
    return {.dst = slot(q, d),
            .from = b,
            .n = std::min(kCols, p.g.N - q * kCols),
            .k = std::min(p.depth, p.g.K - k0)};
  }

  // Rows [i, i + rows) and columns n of C at depth d, from packed rows of A.
  void panels(i64 d, i64 rows, Range n, float* c, i64 ldc) const {
    const i64 kc = std::min(p.depth, p.g.K - d * p.depth), last = (n.last + kCols - 1) / kCols;
    const bool packing = !given && !packed;
    for (i64 q = n.first / kCols; q < last; ++q) {
      const char* b =
          given ? given + q * p.column_bytes() + d * panel_bytes(p.depth, p.parts) : slot(q, d);
      if (packing && q == n.first / kCols) {
        const Ahead one = panel(q, d);
        pack_b(one.dst, p.parts, one.from, one.n, one.k, 0, steps_of(one.k));
      }
      const bool more = packing && q + 1 < last;
      Ahead next = panel(more ? q + 1 : q, d);
      multiply(p.parts, a_pack, rows, b, kc, c + q * kCols - n.first, ldc,
               std::min(kCols, n.last - q * kCols), d > 0, more ? &next : nullptr,
               given && q + 1 < last && rows >= kHiding ? b + p.column_bytes() : nullptr);
    }
  }

  // Rows [i, i + rows) of C.
  void block(i64 i, i64 rows) {
    const Matmul& g = p.g;
    char* c = static_cast<char*>(run->out[0].data) + (item * g.M * g.N + i * g.N) * p.size();
    const i64 chunk = sums ? p.chunk() : columns.last - columns.first;
    for (i64 j = columns.first; j < columns.last; j += chunk) {
      const Range n{j, std::min(columns.last, j + chunk)};
      for (i64 d = 0; d < p.depths(); ++d) {
        const i64 k0 = d * p.depth, kc = std::min(p.depth, g.K - k0);
        for (i64 r = 0; r < rows && (j == columns.first || p.depths() > 1); r += kRows) {
          const Source a = source(p, run, 0, item, (i + r) * g.a_m + k0 * g.a_k);
          pack_a(a_pack + r / kRows * panel_bytes(kc, p.parts), p.parts, a,
                 std::min(kRows, rows - r), kc);
        }
        panels(d, rows, n, sums ? sums : reinterpret_cast<float*>(c) + j, sums ? chunk : g.N);
      }
      for (i64 r = 0; sums && r < rows; ++r) {
        round_row(c + (r * g.N + n.first) * p.size(), p.type, sums + r * chunk, n.last - n.first);
      }
    }
    packed = p.resident();
    float* all = static_cast<float*>(run->out[0].data) + item * g.M * g.N;
    sdk::apply_epilogue<float>(g, run->in, item, all, i, i + rows, columns.first, columns.last,
                               row_step);
  }
};

// The two loops of kShared, as tasks of the host's executor.
struct Task {
  const Plan* plan;
  const qn_run* run;
  i64 item;
  i64 pack_tiles;
};

void pack_task(void* self, std::uint32_t index, std::uint32_t) noexcept {
  const Task& t = *static_cast<const Task*>(self);
  const Plan& p = *t.plan;
  const i64 first = part(p.panels(), index, t.pack_tiles);
  pack_columns(p, static_cast<char*>(t.run->workspace) + first * p.column_bytes(),
               source(p, t.run, 1, t.item, 0), first, part(p.panels(), index + 1, t.pack_tiles));
}

// The tile of the grid, over some batch items.
void multiply_tile(const Plan& p, const qn_run* run, i64 index, i64 item, i64 last,
                   const void* packed, void* scratch) {
  const Tiles tiles;
  const Range rows = unit_range(p.g.M, kRows, index / p.tiles_n, p.tiles_m);
  char* const b_pack = static_cast<char*>(scratch) + p.a_bytes();
  Part work{p,
            run,
            item,
            unit_range(p.g.N, kCols, index % p.tiles_n, p.tiles_n),
            static_cast<const char*>(packed),
            static_cast<char*>(scratch),
            b_pack,
            p.type == Type::kF32 ? nullptr : reinterpret_cast<float*>(b_pack + p.slot_bytes()),
            false};
  for (; work.item < last; ++work.item) {
    work.packed = work.packed && p.g.b_is_shared();
    for (i64 i = rows.first; i < rows.last; i += p.rows_at_once) {
      work.block(i, std::min(p.rows_at_once, rows.last - i));
    }
  }
}

void multiply_task(void* self, std::uint32_t index, std::uint32_t worker) noexcept {
  const Task& t = *static_cast<const Task*>(self);
  multiply_tile(*t.plan, t.run, index, t.item, t.item + 1, t.run->workspace,
                static_cast<char*>(t.run->scratch) + worker * t.plan->scratch);
}

}  // namespace

qn_status run_shared(const Plan& p, const qn_run* run) {
  const qn_executor& ex = *run->executor;
  Task t{&p, run, 0, std::min<i64>(p.panels(), 4 * i64(p.max_workers))};
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
  if (p.kernel == kPackB) {
    const Source from{run->in[0].data, p.type, g.b_n, g.b_k};
    const i64 first = part(p.panels(), tile, p.tiles_n);
    return pack_columns(p, static_cast<char*>(run->out[0].data) + first * p.column_bytes(), from,
                        first, part(p.panels(), tile + 1, p.tiles_n));
  }
  const i64 grid = p.tiles_m * p.tiles_n, b = tile / grid;
  multiply_tile(p, run, tile % grid, part(g.batch, b, p.tiles_batch),
                part(g.batch, b + 1, p.tiles_batch),
                p.kernel == kPrepacked ? run->in[1].data : nullptr, scratch);
}

}  // namespace quern::amx
