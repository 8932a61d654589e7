// Packing and block products for x86-64 with AMX. Compiled for CPUs that have it (plugin.cmake): it
// uses no inline function of another header, whose code could then be shared with other files.
#include "plugins/amx/tiles.h"

#include <immintrin.h>

#include <cstring>

#include "plugins/sdk/epilogue_row.hpp"

namespace quern::amx {
namespace {

// Above these magnitudes rounding to bfloat16 overflows: the largest f32 that rounds to a finite
// one is below 0x7f7f8000.
constexpr int kTooLarge = 0x7f7f8000;

inline i64 least(i64 a, i64 b) { return a < b ? a : b; }

inline __m512i bits(__m512 v) { return _mm512_castps_si512(v); }
inline __m512 value(__m512i v) { return _mm512_castsi512_ps(v); }

// Words of one row of a tile: the low half of word j is x[j], the high half y[j], both as bfloat16.
inline __m512i pairs(__m512 x, __m512 y) {
  alignas(64) static constexpr std::uint16_t order[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(y, x));
  return _mm512_permutexvar_epi16(_mm512_load_si512(order), both);
}
inline __m512 low(__m512i pairs) { return value(_mm512_slli_epi32(pairs, 16)); }
inline __m512 high(__m512i pairs) {
  return value(_mm512_and_si512(pairs, _mm512_set1_epi32(int(0xffff0000u))));
}

// Row j of a step's tiles, for each part: x and y are 16 values each of k and k + 16.
template <int parts>
inline void store_parts(char* row, __m512 x, __m512 y, __m512i& largest) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  largest = _mm512_max_epi32(largest, _mm512_and_si512(bits(x), magnitude));
  largest = _mm512_max_epi32(largest, _mm512_and_si512(bits(y), magnitude));
  for (int p = 0; p < parts; ++p) {
    const __m512i w = pairs(x, y);
    _mm512_storeu_si512(row + p * 2 * kTile, w);
    if (p + 1 == parts) break;
    x = _mm512_sub_ps(x, low(w));
    y = _mm512_sub_ps(y, high(w));
  }
}

// The same where values cannot be rounded: cut off bits instead, and what is not finite has no
// rest. The parts still sum to the value.
template <int parts>
void store_parts_exactly(char* row, __m512 x, __m512 y) {
  const auto top = [](__m512 v) {
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    __m512i t = _mm512_and_si512(bits(v), _mm512_set1_epi32(int(0xffff0000u)));
    t = _mm512_mask_or_epi32(t, nan, t, _mm512_set1_epi32(0x00400000));
    return t;
  };
  const auto rest = [](__m512 v, __m512i t) {
    const __m512i magnitude = _mm512_and_si512(bits(v), _mm512_set1_epi32(0x7fffffff));
    const __mmask16 finite = _mm512_cmplt_epi32_mask(magnitude, _mm512_set1_epi32(0x7f800000));
    return _mm512_maskz_sub_ps(finite, v, value(t));
  };
  for (int p = 0; p < parts; ++p) {
    const __m512i tx = top(x), ty = top(y);
    _mm512_storeu_si512(row + p * 2 * kTile, _mm512_or_si512(_mm512_srli_epi32(tx, 16), ty));
    x = rest(x, tx);
    y = rest(y, ty);
  }
}

inline __mmask16 first(i64 n) {
  return n >= 16 ? __mmask16(0xffff) : n <= 0 ? __mmask16(0) : __mmask16((1u << n) - 1u);
}

inline __m512 widen(__m256i v) { return value(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)); }

inline __m512 load(const Source& s, i64 at, __mmask16 mask) {
  if (s.type == Type::kF32) {
    return _mm512_maskz_loadu_ps(mask, static_cast<const float*>(s.data) + at);
  }
  const __m256i half =
      _mm256_maskz_loadu_epi16(mask, static_cast<const std::uint16_t*>(s.data) + at);
  return s.type == Type::kF16 ? _mm512_cvtph_ps(half) : widen(half);
}

inline void transpose(__m512 r[16]) {
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  const auto pd = [](__m512 v) { return _mm512_castps_pd(v); };
  const auto ps = [](__m512d v) { return _mm512_castpd_ps(v); };
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = ps(_mm512_unpacklo_pd(pd(t[i]), pd(t[i + 2])));
    r[i + 1] = ps(_mm512_unpackhi_pd(pd(t[i]), pd(t[i + 2])));
    r[i + 2] = ps(_mm512_unpacklo_pd(pd(t[i + 1]), pd(t[i + 3])));
    r[i + 3] = ps(_mm512_unpackhi_pd(pd(t[i + 1]), pd(t[i + 3])));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// 16 rows of 16 values: row r is at s_r, value v of a row at s_v; beyond rows and values 0.
inline void fetch(__m512 out[16], const Source& s, i64 at, i64 s_r, i64 s_v, i64 rows, i64 values) {
  if (s_v == 1) {
    const __mmask16 mask = first(values);
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) {
      out[r] = r < rows ? load(s, at + r * s_r, mask) : _mm512_setzero_ps();
    }
  } else if (s_r == 1) {
    const __mmask16 mask = first(rows);
#pragma GCC unroll 16
    for (int v = 0; v < 16; ++v) {
      out[v] = v < values ? load(s, at + v * s_v, mask) : _mm512_setzero_ps();
    }
    transpose(out);
  } else {
    alignas(64) float block[16][16] = {};
    for (i64 r = 0; r < least(rows, 16); ++r) {
      for (i64 v = 0; v < least(values, 16); ++v) {
        block[r][v] = _mm512_cvtss_f32(load(s, at + r * s_r + v * s_v, 1));
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
    fetch(x, s, at, s.s_k, s.s_i, left, n - t * 16);
    fetch(y, s, at + 16 * s.s_k, s.s_k, s.s_i, left - 16, n - t * 16);
  } else {
    fetch(x, s, at, s.s_i, s.s_k, n - t * 16, left);
    fetch(y, s, at + 16 * s.s_k, s.s_i, s.s_k, n - t * 16, left - 16);
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
  all([&](char* row, __m512 x, __m512 y) { store_parts<parts>(row, x, y, largest); });
  char* flag = dst + panel_bytes(k, Parts(parts)) - 64;
  std::uint32_t exact = parts > 1 && _mm512_reduce_max_epi32(largest) >= kTooLarge;
  if (exact) all([](char* row, __m512 x, __m512 y) { store_parts_exactly<parts>(row, x, y); });
  if (first > 0 && !exact) return;
  std::memcpy(flag, &exact, sizeof exact);
}

struct alignas(64) Config {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Tiles 0 to 3 hold C (two by two), 4 and 5 two tiles of A, 6 and 7 of B.
#define QUERN_LOAD_A(part)                  \
  _tile_loadd(4, a + (part)*2 * kTile, 64); \
  _tile_loadd(5, a + (part)*2 * kTile + kTile, 64)
#define QUERN_LOAD_B(part)                  \
  _tile_loadd(6, b + (part)*2 * kTile, 64); \
  _tile_loadd(7, b + (part)*2 * kTile + kTile, 64)
#define QUERN_MULTIPLY()   \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(1, 4, 7); \
  _tile_dpbf16ps(2, 5, 6); \
  _tile_dpbf16ps(3, 5, 7)

template <int parts>
inline void block(const char* a, const char* b, i64 steps, float* c, i64 ldc, bool add) {
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
    } else if constexpr (parts == 2) {
      QUERN_LOAD_A(1);
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
      QUERN_LOAD_A(0);
      QUERN_MULTIPLY();
      QUERN_LOAD_B(1);
      QUERN_MULTIPLY();
    } else {
      // Small products first; each changes one operand of the one before.
      QUERN_LOAD_A(2);
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
      QUERN_LOAD_A(1);
      QUERN_MULTIPLY();
      QUERN_LOAD_B(1);
      QUERN_MULTIPLY();
      QUERN_LOAD_A(0);
      QUERN_MULTIPLY();
      QUERN_LOAD_B(2);
      QUERN_MULTIPLY();
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
    }
    a += parts * 2 * kTile;
    b += parts * 2 * kTile;
  }
  _tile_stored(0, c, row);
  _tile_stored(1, c + 16, row);
  _tile_stored(2, c + 16 * ldc, row);
  _tile_stored(3, c + 16 * ldc + 16, row);
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

// To bfloat16, to nearest, ties to even; numbers below 2^-126 too.
inline __m256i rounded(__m512 v) {
  const __m512i b = bits(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(1));
  __m512i r = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  r = _mm512_mask_or_epi32(r, nan, b, _mm512_set1_epi32(0x00400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
}

template <int parts>
void multiply_parts(const char* a, const char* b, i64 k, float* c, i64 ldc, i64 m, i64 n,
                    bool add) {
  if (parts > 1 && (flagged(a, k, Parts(parts)) || flagged(b, k, Parts(parts)))) {
    return block_exactly<parts>(a, b, k, c, ldc, m, n, add);
  }
  if (m == kRows && n == kCols) return block<parts>(a, b, steps_of(k), c, ldc, add);
  alignas(64) float whole[kRows * kCols];
  block<parts>(a, b, steps_of(k), whole, kCols, false);
  for (i64 i = 0; i < m; ++i) {
    for (i64 t = 0; t < 2; ++t) {
      float* at = c + i * ldc + t * 16;
      const __mmask16 mask = first(n - t * 16);
      __m512 v = _mm512_load_ps(whole + i * kCols + t * 16);
      if (add) v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, at));
      _mm512_mask_storeu_ps(at, mask, v);
    }
  }
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

Tiles::Tiles() {
  static constexpr Config config;
  _tile_loadconfig(&config);
}
Tiles::~Tiles() { _tile_release(); }

void multiply(Parts parts, const void* a, const void* b, i64 k, float* c, i64 ldc, i64 m, i64 n,
              bool add) {
  const char* ap = static_cast<const char*>(a);
  const char* bp = static_cast<const char*>(b);
  if (parts == kOne) return multiply_parts<1>(ap, bp, k, c, ldc, m, n, add);
  if (parts == kTwo) return multiply_parts<2>(ap, bp, k, c, ldc, m, n, add);
  multiply_parts<3>(ap, bp, k, c, ldc, m, n, add);
}

void round_row(void* dst, Type to, const float* src, i64 n) {
  std::uint16_t* out = static_cast<std::uint16_t*>(dst);
  for (i64 i = 0; i < n; i += 16) {
    const __mmask16 mask = first(n - i);
    const __m512 v = _mm512_maskz_loadu_ps(mask, src + i);
    const __m256i half = to == Type::kF16
                             ? _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
                             : rounded(v);
    _mm256_mask_storeu_epi16(out + i, mask, half);
  }
}

void row_step(sdk::EpilogueStep::Kind kind, float* c, i64 n, const float* p, i64 s_n) {
  sdk::epilogue_row<float, 64, Config>(kind, c, n, p, s_n);
}

}  // namespace quern::amx
