// Packing and block products for x86-64 with AMX. Compiled for CPUs that have it (plugin.cmake): it
// uses no inline function of another header, whose code could then be shared with other files.
#include "plugins/amx/tiles.h"

#include <immintrin.h>

#include <cstring>

#include "plugins/sdk/row_steps.hpp"

namespace quern::amx {
namespace {

#include "plugins/amx/vector-inl.h"

// 16 rows of 16 values: row r is at s_r, value v of a row at s_v; beyond rows and values 0. ahead:
// ask for what lies 32 values further on, in the next panel of B.
template <bool ahead>
inline void fetch(__m512 out[16], const Source& s, i64 at, i64 s_r, i64 s_v, i64 rows, i64 values) {
  const i64 size = s.type == Type::kF32 ? 4 : 2;
  const char* later = static_cast<const char*>(s.data) + (at + kCols * s_v) * size;
  if (s_v == 1) {
    const __mmask16 mask = first(values);
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) {
      if (ahead) __builtin_prefetch(later + r * s_r * size, 0, 2);
      out[r] = r < rows ? load(s.type, s.data, at + r * s_r, mask) : _mm512_setzero_ps();
    }
  } else if (s_r == 1) {
    const __mmask16 mask = first(rows);
#pragma GCC unroll 16
    for (int v = 0; v < 16; ++v) {
      if (ahead) __builtin_prefetch(later + v * s_v * size, 0, 2);
      out[v] = v < values ? load(s.type, s.data, at + v * s_v, mask) : _mm512_setzero_ps();
    }
    transpose(out);
  } else {
    alignas(64) float block[16][16] = {};
    for (i64 r = 0; r < least(rows, 16); ++r) {
      for (i64 v = 0; v < least(values, 16); ++v) {
        block[r][v] = _mm512_cvtss_f32(load(s.type, s.data, at + r * s_r + v * s_v, 1));
      }
    }
    for (int r = 0; r < 16; ++r) out[r] = _mm512_load_ps(block[r]);
  }
}

// Calls put(row, x, y) for every row of the tiles of a step: x are its 16 values of k, y those of
// k + 16. Row j of a tile of B holds k = j and k = j + 16 of 16 columns.
template <bool is_b, class Put>
inline void step_rows(const Source& s, i64 n, i64 k, i64 step, i64 t, char* tile, const Put& put) {
  __m512 x[16], y[16];
  const i64 at = t * 16 * s.s_i + step * kStep * s.s_k, left = k - step * kStep;
  if constexpr (is_b) {
    fetch<true>(x, s, at, s.s_k, s.s_i, left, n - t * 16);
    fetch<true>(y, s, at + 16 * s.s_k, s.s_k, s.s_i, left - 16, n - t * 16);
  } else {
    fetch<false>(x, s, at, s.s_i, s.s_k, n - t * 16, left);
    fetch<false>(y, s, at + 16 * s.s_k, s.s_i, s.s_k, n - t * 16, left - 16);
  }
#pragma GCC unroll 16
  for (int r = 0; r < 16; ++r) put(tile + r * 64, x[r], y[r]);
}

template <int parts, bool is_b>
void pack(char* dst, const Source& s, i64 n, i64 k, i64 first, i64 count) {
  const auto all = [&](const auto& put) {
    for (i64 step = first; step < first + count; ++step) {
      for (i64 t = 0; t < 2; ++t) {
        step_rows<is_b>(s, n, k, step, t, dst + (step * parts * 2 + t) * kTile, put);
      }
    }
  };
  __m512i largest = _mm512_setzero_si512();
  all([&](char* row, __m512 x, __m512 y) {
    store_parts<parts, kTurns>(row, 2 * kTile, x, y, largest);
  });
  char* flag = dst + panel_bytes(k, Parts(parts)) - 64;
  std::uint32_t exact = parts > 1 && too_large(largest);
  if (exact)
    all([](char* row, __m512 x, __m512 y) {
      store_parts_exactly<parts, kTurns>(row, 2 * kTile, x, y);
    });
  if (first > 0 && !exact) return;
  std::memcpy(flag, &exact, sizeof exact);
}

#define QUERN_LOAD_A(part)                  \
  _tile_loadd(4, a + (part)*2 * kTile, 64); \
  _tile_loadd(5, a + (part)*2 * kTile + kTile, 64)
#define QUERN_LOAD_B(part)                  \
  _tile_loadd(6, b + (part)*2 * kTile, 64); \
  _tile_loadd(7, b + (part)*2 * kTile + kTile, 64)
// between() is called after each product of parts: the vector units are idle otherwise.
template <int parts, class Between>
inline void block(const char* a, const char* b, i64 steps, float* c, i64 ldc, bool add,
                  const Between& between) {
  const i64 row = ldc * 4;
  if (add) {
    _tile_loadd(0, c, row);
    _tile_loadd(1, c + 16, row);
    _tile_loadd(2, c + 16 * ldc, row);
    _tile_loadd(3, c + 16 * ldc + 16, row);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (i64 s = 0; s < steps; ++s) {
    if constexpr (parts == 1) {
      QUERN_LOAD_A(0);
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
      between();
    } else if constexpr (parts == 2) {
      QUERN_LOAD_A(1);
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
      between();
      QUERN_LOAD_A(0);
      QUERN_MULTIPLY();
      between();
      QUERN_LOAD_B(1);
      QUERN_MULTIPLY();
      between();
    } else {
      // Small products first; each changes one operand of the one before.
      QUERN_LOAD_A(2);
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
      between();
      QUERN_LOAD_A(1);
      QUERN_MULTIPLY();
      between();
      QUERN_LOAD_B(1);
      QUERN_MULTIPLY();
      between();
      QUERN_LOAD_A(0);
      QUERN_MULTIPLY();
      between();
      QUERN_LOAD_B(2);
      QUERN_MULTIPLY();
      between();
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
      between();
    }
    a += parts * 2 * kTile;
    b += parts * 2 * kTile;
  }
  _tile_stored(0, c, row);
  _tile_stored(1, c + 16, row);
  _tile_stored(2, c + 16 * ldc, row);
  _tile_stored(3, c + 16 * ldc + 16, row);
}

// The same of 16 rows of A into c, two sums [2][16][kCols] of every other product: one would wait
// for itself.
#define QUERN_MULTIPLY_HALF(part, c0, c1)   \
  _tile_loadd(4, a + (part)*2 * kTile, 64); \
  _tile_dpbf16ps(c0, 4, 6);                 \
  _tile_dpbf16ps(c1, 4, 7);                 \
  between()
template <int parts, class Between>
inline void half_block(const char* a, const char* b, i64 steps, float* c, const Between& between) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (i64 s = 0; s < steps; ++s, a += parts * 2 * kTile, b += parts * 2 * kTile) {
    QUERN_LOAD_B(0);
    if constexpr (parts == 3) {
      QUERN_MULTIPLY_HALF(2, 0, 1);
      QUERN_MULTIPLY_HALF(1, 2, 3);
      QUERN_MULTIPLY_HALF(0, 0, 1);
      QUERN_LOAD_B(1);
      QUERN_MULTIPLY_HALF(1, 2, 3);
      QUERN_MULTIPLY_HALF(0, 0, 1);
      QUERN_LOAD_B(2);
      QUERN_MULTIPLY_HALF(0, 2, 3);
    } else if constexpr (parts == 2) {
      QUERN_MULTIPLY_HALF(1, 0, 1);
      QUERN_MULTIPLY_HALF(0, 2, 3);
      QUERN_LOAD_B(1);
      QUERN_MULTIPLY_HALF(0, 0, 1);
    } else {
      QUERN_MULTIPLY_HALF(0, 0, 1);
    }
  }
  _tile_stored(0, c, kCols * 4);
  _tile_stored(1, c + 16, kCols * 4);
  _tile_stored(2, c + 16 * kCols, kCols * 4);
  _tile_stored(3, c + 16 * kCols + 16, kCols * 4);
}

// The values of row r (of a tile's 16) and k, from their parts.
template <int parts>
float restored(const char* panel, i64 i, i64 k, bool is_b) {
  const i64 j = k % kStep, tile = (k / kStep) * parts * 2 + i / 16;
  const i64 row = is_b ? j % 16 : i % 16, word = is_b ? i % 16 : j % 16;
  float sum = 0;
  for (int p = 0; p < parts; ++p) {
    std::uint16_t half;
    std::memcpy(&half, panel + (tile + p * 2) * kTile + row * 64 + word * 4 + (j / 16) * 2, 2);
    const std::uint32_t w = std::uint32_t(half) << 16;
    float part;
    std::memcpy(&part, &w, 4);
    sum += part;
  }
  return sum;
}

// The product in f32, for panels with values that cannot be cut.
template <int parts>
void block_exactly(const char* a, const char* b, i64 k, float* c, i64 ldc, i64 m, i64 n, bool add) {
  for (i64 i = 0; i < m; ++i) {
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (i64 q = 0; q < k; ++q) {
      alignas(64) float row[32];
      for (i64 j = 0; j < 32; ++j) row[j] = restored<parts>(b, j, q, true);
      const __m512 x = _mm512_set1_ps(restored<parts>(a, i, q, false));
      sum[0] = _mm512_fmadd_ps(x, _mm512_load_ps(row), sum[0]);
      sum[1] = _mm512_fmadd_ps(x, _mm512_load_ps(row + 16), sum[1]);
    }
    for (i64 t = 0; t < 2; ++t) {
      float* at = c + i * ldc + t * 16;
      const __mmask16 mask = first(n - t * 16);
      if (add) sum[t] = _mm512_add_ps(sum[t], _mm512_maskz_loadu_ps(mask, at));
      _mm512_mask_storeu_ps(at, mask, sum[t]);
    }
  }
}

bool flagged(const char* panel, i64 k, Parts parts) {
  std::uint32_t flag;
  std::memcpy(&flag, panel + panel_bytes(k, parts) - 64, sizeof flag);
  return flag != 0;
}

// One of the pieces in which a panel is packed: a step's 16 columns are fetched in two of them and
// cut in four. Pieces are short so that the products around them are at work meanwhile.
template <int parts>
[[gnu::noinline]] void pack_piece(Ahead& w) {
  const i64 piece = w.done % kPieces, t = w.done / kPieces % 2, step = w.done / kPieces / 2;
  const auto cut = [&](i64 begin, i64 end, const auto& put) __attribute__((always_inline)) {
    char* const to = w.dst + (step * parts * 2 + t) * kTile;
    for (i64 r = begin; r < end; ++r) {
      put(to + r * 64, _mm512_load_ps(w.fetched[0][r]), _mm512_load_ps(w.fetched[1][r]));
    }
  };
  if (piece < 2) {
    __m512 rows[16];
    const i64 k = step * kStep + piece * 16;
    fetch<true>(rows, w.from, t * 16 * w.from.s_i + k * w.from.s_k, w.from.s_k, w.from.s_i, w.k - k,
                w.n - t * 16);
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) _mm512_store_ps(w.fetched[piece][r], rows[r]);
  } else {
    const i64 r = (piece - 2) * 4;
    __m512i largest = _mm512_setzero_si512();
    cut(
        r, r + 4, [&](char* row, __m512 x, __m512 y) __attribute__((always_inline)) {
          store_parts<parts, kTurns>(row, 2 * kTile, x, y, largest);
        });
    if (parts > 1 && too_large(largest)) {
      w.exact = true;
      cut(
          r, r + 4, [](char* row, __m512 x, __m512 y) __attribute__((always_inline)) {
            store_parts_exactly<parts, kTurns>(row, 2 * kTile, x, y);
          });
    }
  }
  if (++w.done < w.total) return;
  const std::uint32_t flag = w.exact;
  std::memcpy(w.dst + panel_bytes(w.k, Parts(parts)) - 64, &flag, sizeof flag);
}

template <int parts>
void multiply_parts(const char* a, i64 m, const char* b, i64 k, float* c, i64 ldc, i64 n, bool add,
                    Ahead* ahead, const char* next) {
  const i64 steps = steps_of(k), bytes = panel_bytes(k, Parts(parts));
  const i64 turns = (m + kRows - 1) / kRows * steps * (parts == 3 ? 6 : parts == 2 ? 3 : 1);
  i64 credit = 0;
  const i64 lines = (bytes / 64 + turns - 1) / turns;
  const char* const next_end = next ? next + bytes : nullptr;
  const auto between = [&]() __attribute__((always_inline)) {
    if (next < next_end) {
      for (i64 i = 0; i < lines; ++i) __builtin_prefetch(next + i * 64, 0, 2);
      next += lines * 64;
    }
    if (!ahead) return;
    for (credit += ahead->total; credit >= turns; credit -= turns) pack_piece<parts>(*ahead);
  };
  const bool b_flagged = parts > 1 && flagged(b, k, Parts(parts));
  for (i64 i = 0; i < m; i += kRows, a += panel_bytes(k, Parts(parts)), c += kRows * ldc) {
    const i64 rows = least(kRows, m - i);
    if (parts > 1 && (b_flagged || flagged(a, k, Parts(parts)))) {
      block_exactly<parts>(a, b, k, c, ldc, rows, n, add);
    } else if (rows == kRows && n == kCols) {
      block<parts>(a, b, steps, c, ldc, add, between);
    } else {
      alignas(64) float whole[kRows * kCols];
      const bool half = rows <= 16;
      if (half) {
        half_block<parts>(a, b, steps, whole, between);
      } else {
        block<parts>(a, b, steps, whole, kCols, false, between);
      }
      for (i64 r = 0; r < rows; ++r) {
        for (i64 t = 0; t < 2; ++t) {
          float* at = c + r * ldc + t * 16;
          const __mmask16 mask = first(n - t * 16);
          __m512 v = _mm512_load_ps(whole + r * kCols + t * 16);
          if (half) v = _mm512_add_ps(v, _mm512_load_ps(whole + (16 + r) * kCols + t * 16));
          if (add) v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, at));
          _mm512_mask_storeu_ps(at, mask, v);
        }
      }
    }
  }
  while (ahead && ahead->done < ahead->total) pack_piece<parts>(*ahead);
}

}  // namespace

void pack_a(void* dst, Parts parts, const Source& from, i64 n, i64 k) {
  char* out = static_cast<char*>(dst);
  if (parts == kOne) return pack<1, false>(out, from, n, k, 0, steps_of(k));
  if (parts == kTwo) return pack<2, false>(out, from, n, k, 0, steps_of(k));
  pack<3, false>(out, from, n, k, 0, steps_of(k));
}
void pack_b(void* dst, Parts parts, const Source& from, i64 n, i64 k, i64 first, i64 count) {
  char* out = static_cast<char*>(dst);
  if (parts == kOne) return pack<1, true>(out, from, n, k, first, count);
  if (parts == kTwo) return pack<2, true>(out, from, n, k, first, count);
  pack<3, true>(out, from, n, k, first, count);
}

Tiles::Tiles(i64 rows) {
  Config config;
  for (int t = 0; t < 6; ++t) config.rows[t] = static_cast<std::uint8_t>(rows);
  // GCC 12 takes the instruction to read the first 8 bytes only.
  __asm__ volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
}
Tiles::~Tiles() { _tile_release(); }

void multiply(Parts parts, const void* a, i64 m, const void* b, i64 k, float* c, i64 ldc, i64 n,
              bool add, Ahead* ahead, const void* next) {
  const char* ap = static_cast<const char*>(a);
  const char* bp = static_cast<const char*>(b);
  const char* np = static_cast<const char*>(next);
  if (parts == kOne) return multiply_parts<1>(ap, m, bp, k, c, ldc, n, add, ahead, np);
  if (parts == kTwo) return multiply_parts<2>(ap, m, bp, k, c, ldc, n, add, ahead, np);
  multiply_parts<3>(ap, m, bp, k, c, ldc, n, add, ahead, np);
}

void round_row(void* dst, Type to, const float* src, i64 n) {
  for (i64 i = 0; i < n; i += 16) {
    const __mmask16 mask = first(n - i);
    store(to, dst, i, mask, _mm512_maskz_loadu_ps(mask, src + i));
  }
}

void row_step(sdk::RowStep::Kind kind, float* to, i64 n, const float* a, i64 s_a, const float* b,
              i64 s_b) {
  sdk::row_step<float, 64, Config>(kind, to, n, a, s_a, b, s_b);
}

}  // namespace quern::amx
