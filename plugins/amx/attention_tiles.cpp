// The loops of attention for x86-64 with AMX: block after block of keys, with a running maximum and
// sum for each query (Milakov and Gimelshein 2018). Scores lie turned, a row for each key, so that
// a vector holds queries. Compiled for CPUs that have the unit (plugin.cmake): it uses no inline
// function of another header, whose code could then be shared with other files.
#include <immintrin.h>

#include <cstring>

#include "plugins/amx/attention.h"

namespace quern::amx {
namespace {

#include "plugins/amx/vector-inl.h"

constexpr float kHidden = -3.40282347e38f;  // the lowest number
constexpr i64 kWide = kQueries;             // between rows in scratch, whose columns are queries

// The mask onto scores of keys first .. first + n.
void add_mask(const AttentionTile& t, i64 first_key, i64 n, float* s) {
  const __m512 hidden = _mm512_set1_ps(kHidden);
  const i64 from = first_key * t.mask_step;
  const auto* bytes = static_cast<const std::uint8_t*>(t.mask) + from;
  const auto number = [&](i64 at, __mmask16 mask) __attribute__((always_inline)) {
    return load(t.mask_type, t.mask, from + at, mask);
  };
  const bool nothing =
      !t.truth && t.mask_row == 0 && t.mask_step == 0 && _mm512_cvtss_f32(number(0, 1)) == 0;
  for (i64 c = 0; c < t.queries && !nothing; c += 16) {
    const i64 rows = least(16, t.queries - c);
    for (i64 j = 0; j < n; j += 16) {
      const i64 keys = least(16, n - j);
      __m512 m[16];  // a row for each query, then for each key
      for (i64 r = 0; r < 16; ++r) {
        const i64 at = (c + least(r, rows - 1)) * t.mask_row + j * t.mask_step;
        if (t.mask_step == 1) {
          m[r] = t.truth ? _mm512_cvtepi32_ps(
                               _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first(keys), bytes + at)))
                         : number(at, first(keys));
        } else {
          alignas(64) float row[16] = {};
          for (i64 k = 0; k < keys; ++k) {
            const i64 i = at + k * t.mask_step;
            row[k] = t.truth ? static_cast<float>(bytes[i]) : _mm512_cvtss_f32(number(i, 1));
          }
          m[r] = _mm512_load_ps(row);
        }
      }
      transpose(m);
      for (i64 k = 0; k < keys; ++k) {
        float* at = s + (j + k) * kWide + c;
        const __m512 v = _mm512_loadu_ps(at);
        const __mmask16 hides = _mm512_cmp_ps_mask(m[k], _mm512_setzero_ps(), _CMP_EQ_OQ);
        _mm512_storeu_ps(at,
                         t.truth ? _mm512_mask_mov_ps(v, hides, hidden) : _mm512_add_ps(v, m[k]));
      }
    }
  }
  for (i64 j = most(0, t.visible + 1 - first_key); j < n; ++j) {
    const i64 before = least(t.queries, first_key + j - t.visible);
    for (i64 c = 0; c < before; c += 16) {
      _mm512_mask_storeu_ps(s + j * kWide + c, first(before - c), hidden);
    }
  }
}

// Scores s of n keys to exp(s - maximum); the maximum so far and the sum so far follow, and what
// was summed up in `sums` under the old maximum is scaled down. A NaN makes all of its query NaN.
void weigh(float* s, i64 n, i64 columns, float* sums, i64 out, float* top, float* total) {
  const __m512 none = _mm512_set1_ps(-__builtin_inff());
  for (i64 c = 0; c < columns; c += 16) {
    const __m512 before = _mm512_loadu_ps(top + c);
    __m512 high[2] = {before, before};
    for (i64 j = 0; j < n; ++j) {
      high[j % 2] = _mm512_max_ps(_mm512_loadu_ps(s + j * kWide + c), high[j % 2]);
    }
    const __m512 now = _mm512_max_ps(high[0], high[1]);
    // Nothing but -inf seen yet: -inf - -inf is no number.
    const __mmask16 empty = _mm512_cmp_ps_mask(now, none, _CMP_EQ_OQ);
    const __m512 minus = _mm512_mask_mov_ps(now, empty, _mm512_setzero_ps());
    const __m512 shrink = exp_nonpositive(_mm512_sub_ps(before, minus));
    __m512 sum[2] = {_mm512_mul_ps(_mm512_loadu_ps(total + c), shrink), _mm512_setzero_ps()};
    for (i64 j = 0; j < n; ++j) {
      const __m512 p = exp_nonpositive(_mm512_sub_ps(_mm512_loadu_ps(s + j * kWide + c), minus));
      sum[j % 2] = _mm512_add_ps(sum[j % 2], p);
      _mm512_storeu_ps(s + j * kWide + c, p);
    }
    _mm512_storeu_ps(top + c, now);
    _mm512_storeu_ps(total + c, _mm512_add_ps(sum[0], sum[1]));
    const __mmask16 same = _mm512_cmp_ps_mask(shrink, _mm512_set1_ps(1.0f), _CMP_EQ_OQ);
    if (same == 0xffff) continue;
    for (i64 e = 0; e < out; ++e) {
      float* at = sums + e * kWide + c;
      _mm512_storeu_ps(at, _mm512_mul_ps(_mm512_loadu_ps(at), shrink));
    }
  }
}

}  // namespace

void pack_keys(const AttentionShape& s, const void* k, const void* v, i64 block, void* packed) {
  char* to = static_cast<char*>(packed) + block * (s.key_bytes() + s.value_bytes());
  const i64 first_key = block * kKeys, n = least(kKeys, s.keys - first_key);
  const i64 size = s.type == Type::kF32 ? 4 : 2;
  const char* key = static_cast<const char*>(k) + first_key * s.width * size;
  for (i64 r = 0; r < n; r += kRows, to += panel_bytes(s.width, s.parts)) {
    pack_a(to, s.parts, {key + r * s.width * size, s.type, s.width, 1}, least(kRows, n - r),
           s.width);
  }
  to = static_cast<char*>(packed) + block * (s.key_bytes() + s.value_bytes()) + s.key_bytes();
  const char* value = static_cast<const char*>(v) + first_key * s.out_width * size;
  for (i64 e = 0; e < s.out_width; e += kRows, to += panel_bytes(kKeys, kTwo)) {
    pack_a(to, kTwo, {value + e * size, s.type, 1, s.out_width}, least(kRows, s.out_width - e), n);
  }
}

void attend(const AttentionShape& s, const AttentionTile& t) {
  const Tiles tiles;
  const i64 columns = (t.queries + 15) / 16 * 16, out = (s.out_width + kRows - 1) / kRows * kRows;
  const i64 panels = (t.queries + kCols - 1) / kCols;
  const i64 q_bytes = panel_bytes(s.width, s.parts), size = s.type == Type::kF32 ? 4 : 2;
  char* queries = static_cast<char*>(t.scratch);
  char* weights = queries + kQueries / kCols * q_bytes;
  float* scores = reinterpret_cast<float*>(weights + kQueries / kCols * panel_bytes(kKeys, kTwo));
  float* sums = scores + kKeys * kWide;
  float* top = sums + out * kWide;
  float* total = top + kWide;
  for (i64 p = 0; p < panels; ++p) {
    const char* q = static_cast<const char*>(t.q) + p * kCols * s.width * size;
    pack_b(queries + p * q_bytes, s.parts, {q, s.type, s.width, 1},
           least(kCols, t.queries - p * kCols), s.width, 0, steps_of(s.width));
  }
  std::memset(scores, 0, std::size_t(4 * kWide * (kKeys + out)));
  for (i64 c = 0; c < columns; ++c) top[c] = -__builtin_inff(), total[c] = 0;
  // Beyond the last key that the last query sees there is nothing to do, unless a query sees none,
  // as a mask may bring about: then all keys count alike.
  const i64 keys = t.visible < 0 || t.truth ? s.keys : least(s.keys, t.visible + t.queries);
  const __m512 scale = _mm512_set1_ps(t.scale);
  for (i64 first_key = 0; first_key < keys; first_key += kKeys) {
    // A panel has the depth it was packed with: that of all keys of the block.
    const i64 n = least(kKeys, keys - first_key), depth = least(kKeys, s.keys - first_key);
    const char* packed =
        static_cast<const char*>(t.packed) + first_key / kKeys * (s.key_bytes() + s.value_bytes());
    for (i64 r = 0; r < n; r += kRows) {
      for (i64 p = 0; p < panels; ++p) {
        multiply(s.parts, packed + r / kRows * q_bytes, least(kRows, depth - r),
                 queries + p * q_bytes, s.width, scores + r * kWide + p * kCols, kWide,
                 least(kCols, columns - p * kCols), false, nullptr, nullptr);
      }
    }
    for (i64 j = 0; j < n; ++j) {
      for (i64 c = 0; c < columns; c += 16) {
        float* at = scores + j * kWide + c;
        _mm512_storeu_ps(at, _mm512_mul_ps(_mm512_loadu_ps(at), scale));
      }
    }
    add_mask(t, first_key, n, scores);
    weigh(scores, n, columns, sums, s.out_width, top, total);
    // Keys that none of the queries sees have no weight.
    std::memset(scores + n * kWide, 0, std::size_t(4 * kWide * (depth - n)));
    for (i64 p = 0; p < panels; ++p) {
      char* to = weights + p * panel_bytes(kKeys, kTwo);
      pack_b(to, kTwo, {scores + p * kCols, Type::kF32, 1, kWide},
             least(kCols, t.queries - p * kCols), depth, 0, steps_of(depth));
      for (i64 e = 0; e < s.out_width; e += kRows) {
        multiply(kTwo, packed + s.key_bytes() + e / kRows * panel_bytes(kKeys, kTwo), kRows, to,
                 depth, sums + e * kWide + p * kCols, kWide, least(kCols, columns - p * kCols),
                 true, nullptr, nullptr);
      }
    }
  }
  for (i64 c = 0; c < columns; c += 16) {
    const __m512 by = _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_loadu_ps(total + c));
    for (i64 e = 0; e < s.out_width; e += 16) {
      __m512 r[16];
      for (i64 i = 0; i < 16; ++i) {
        r[i] = _mm512_mul_ps(_mm512_loadu_ps(sums + (e + i) * kWide + c), by);
      }
      transpose(r);
      for (i64 i = 0; i < least(16, t.queries - c); ++i) {
        store(s.type, t.y, (c + i) * s.out_width + e, first(s.out_width - e), r[i]);
      }
    }
  }
}

}  // namespace quern::amx
