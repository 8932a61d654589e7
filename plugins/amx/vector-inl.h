// Vector helpers of the files that are compiled for the matrix unit: cutting values into parts,
// loads of any type. No include guard: each including file opens its own anonymous namespace around
// it.

// Above these magnitudes rounding to bfloat16 overflows: the largest f32 that rounds to a finite
// one is below 0x7f7f8000.
constexpr int kTooLarge = 0x7f7f8000;

inline i64 least(i64 a, i64 b) { return a < b ? a : b; }
inline i64 most(i64 a, i64 b) { return a < b ? b : a; }

inline __m512i bits(__m512 v) { return _mm512_castps_si512(v); }
inline __m512 value(__m512i v) { return _mm512_castsi512_ps(v); }
inline __m512 widen(__m256i v) { return value(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)); }

// 32 bfloat16 from two vectors: one after the other, or in turn (word j holds x[j] and y[j]).
enum Order { kRun, kTurns };

template <Order order>
inline __m512i join(__m512 x, __m512 y) {
  const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(y, x));
  if (order == kRun) return both;
  alignas(64) static constexpr std::uint16_t turns[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(turns), both);
}
template <Order order>
inline __m512 x_of(__m512i joined) {
  if (order == kRun) return widen(_mm512_castsi512_si256(joined));
  return value(_mm512_slli_epi32(joined, 16));
}
template <Order order>
inline __m512 y_of(__m512i joined) {
  if (order == kRun) return widen(_mm512_extracti64x4_epi64(joined, 1));
  return value(_mm512_and_si512(joined, _mm512_set1_epi32(int(0xffff0000u))));
}

// The parts of x and y, joined, `part_bytes` from one another. largest: of the magnitudes so far.
template <int parts, Order order>
inline void store_parts(char* to, i64 part_bytes, __m512 x, __m512 y, __m512i& largest) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  largest = _mm512_max_epi32(largest, _mm512_and_si512(bits(x), magnitude));
  largest = _mm512_max_epi32(largest, _mm512_and_si512(bits(y), magnitude));
  for (int p = 0; p < parts; ++p) {
    const __m512i w = join<order>(x, y);
    _mm512_storeu_si512(to + p * part_bytes, w);
    if (p + 1 == parts) break;
    x = _mm512_sub_ps(x, x_of<order>(w));
    y = _mm512_sub_ps(y, y_of<order>(w));
  }
}

inline bool too_large(__m512i largest) { return _mm512_reduce_max_epi32(largest) >= kTooLarge; }

// The first 16 bits of each value; what is not a number stays that.
inline __m512i top(__m512 v) {
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i t = _mm512_and_si512(bits(v), _mm512_set1_epi32(int(0xffff0000u)));
  return _mm512_mask_or_epi32(t, nan, t, _mm512_set1_epi32(0x00400000));
}
inline __m512 rest(__m512 v, __m512i t) {
  const __m512i magnitude = _mm512_and_si512(bits(v), _mm512_set1_epi32(0x7fffffff));
  const __mmask16 finite = _mm512_cmplt_epi32_mask(magnitude, _mm512_set1_epi32(0x7f800000));
  return _mm512_maskz_sub_ps(finite, v, value(t));
}

// The same where values cannot be rounded: cut off bits instead, and what is not finite has no
// rest. Three parts still sum to the value.
template <int parts, Order order>
void store_parts_exactly(char* to, i64 part_bytes, __m512 x, __m512 y) {
  for (int p = 0; p < parts; ++p) {
    const __m512i tx = top(x), ty = top(y);
    if (order == kRun) {
      char* at = to + p * part_bytes;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(at),
                          _mm512_cvtepi32_epi16(_mm512_srli_epi32(tx, 16)));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + 32),
                          _mm512_cvtepi32_epi16(_mm512_srli_epi32(ty, 16)));
    } else {
      _mm512_storeu_si512(to + p * part_bytes, _mm512_or_si512(_mm512_srli_epi32(tx, 16), ty));
    }
    x = rest(x, tx);
    y = rest(y, ty);
  }
}

inline __mmask16 first(i64 n) {
  return n >= 16 ? __mmask16(0xffff) : n <= 0 ? __mmask16(0) : __mmask16((1u << n) - 1u);
}

inline __m512 load(Type type, const void* data, i64 at, __mmask16 mask) {
  if (type == Type::kF32) return _mm512_maskz_loadu_ps(mask, static_cast<const float*>(data) + at);
  const __m256i half = _mm256_maskz_loadu_epi16(mask, static_cast<const std::uint16_t*>(data) + at);
  return type == Type::kF16 ? _mm512_cvtph_ps(half) : widen(half);
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

inline void store(Type type, void* data, i64 at, __mmask16 mask, __m512 v) {
  if (type == Type::kF32) {
    _mm512_mask_storeu_ps(static_cast<float*>(data) + at, mask, v);
    return;
  }
  const __m256i half = type == Type::kF16
                           ? _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
                           : rounded(v);
  _mm256_mask_storeu_epi16(static_cast<std::uint16_t*>(data) + at, mask, half);
}

// e to the power x for x <= 0, to some 1 ulp: 2^n times the Taylor series of degree 7 on
// |r| <= ln 2 / 2, which is 6e-9 off. NaN stays.
inline __m512 exp_nonpositive(__m512 x) {
  x = _mm512_max_ps(_mm512_set1_ps(-104.0f), x);
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.0f / 5040);
  constexpr float series[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
#pragma GCC unroll 8
  for (int i = 0; i < 7; ++i) {
    const float c = series[i];
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
  }
  return _mm512_scalef_ps(p, n);
}

// The transpose of 16 x 16 values.
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

// Tiles 0 to 3 hold C (two by two), 4 and 5 two tiles of A, 6 and 7 of B.
struct alignas(64) Config {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

#define QUERN_MULTIPLY()   \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(1, 4, 7); \
  _tile_dpbf16ps(2, 5, 6); \
  _tile_dpbf16ps(3, 5, 7)
