// Packing of the weights of convolution for x86-64 with AMX. Compiled for CPUs that have it
// (plugin.cmake): it uses no inline function of another header, whose code could then be shared
// with other files.
#include <immintrin.h>

#include <cstring>

#include "plugins/amx/conv.h"

namespace quern::amx {
namespace {

#include "plugins/amx/vector-inl.h"

// Where tap (h, v) of filter o of a group lies; false where a phase has none.
inline bool weight_place(const ConvShape& s, const sdk::WeightStrides& strides, i64 h, i64 v, i64 o,
                         i64& at) {
  i64 filter = o;
  if (s.phases > 1) {
    const i64 phase = o / s.phase_filters();
    const i64 first = first_tap(s.phases, s.phase_padding, s.phase_taps);
    filter = o % s.phase_filters();
    v = phase + s.phase_padding - s.phases * (first + v);
    if (v < 0 || v >= s.phase_taps) return false;
    if (s.flip) v = s.phase_taps - 1 - v;
  } else if (s.flip) {
    v = s.w.taps - 1 - v;
  }
  if (s.flip != (s.phases > 1)) h = s.h.taps - 1 - h;
  at = h * strides.h + v * strides.w + filter * strides.o;
  return true;
}

template <int parts>
void pack_weights_parts(const ConvShape& s, char* dst, const void* w,
                        const sdk::WeightStrides& strides, i64 panel) {
  const i64 group = panel / s.panels(), o0 = panel % s.panels() * kCols;
  const i64 base = group * strides.group, count = least(kCols, s.og - o0);
  const i64 taps_w = s.rows ? 1 : s.w.taps, across = s.rows ? s.w.taps * s.cg : s.cg;
  bool exact = false;
  char* tiles = dst;
  for (i64 piece = 0; piece < s.pieces(); ++piece) {
    for (i64 tap = 0; tap < s.h.taps * taps_w; ++tap, tiles += parts * 2 * kTile) {
      alignas(64) float block[kStep][kCols] = {};
      const i64 ks = least(kStep, across - piece * kStep);
      if (s.phases == 1 && (strides.c == 1 || strides.o == 1) &&
          (!s.rows || (!s.flip && strides.w == s.cg * strides.c))) {
        // Runs of k, or of filters.
        i64 at = 0;
        weight_place(s, strides, tap / taps_w, s.rows ? 0 : tap % taps_w, o0, at);
        at += base + piece * kStep * strides.c;
        for (i64 k = 0; k < ks; k += 16) {
          for (i64 o = 0; o < count; o += 16) {
            __m512 r[16];
            const i64 from = at + k * strides.c + o * strides.o;
            if (strides.o == 1) {
              for (i64 q = 0; q < 16; ++q) {
                r[q] = k + q < ks ? load(s.type, w, from + q * strides.c, first(count - o))
                                  : _mm512_setzero_ps();
              }
            } else {
              for (i64 q = 0; q < 16; ++q) {
                r[q] = o + q < count ? load(s.type, w, from + q * strides.o, first(ks - k))
                                     : _mm512_setzero_ps();
              }
              transpose(r);
            }
            for (i64 q = 0; q < 16; ++q) _mm512_store_ps(&block[k + q][o], r[q]);
          }
        }
      } else {
        for (i64 k = 0; k < ks; ++k) {
          const i64 flat = piece * kStep + k;
          const i64 c = s.rows ? flat % s.cg : flat;
          const i64 h = tap / taps_w, v = s.rows ? flat / s.cg : tap % taps_w;
          for (i64 o = 0; o < count; ++o) {
            i64 at = 0;
            if (!weight_place(s, strides, h, v, o0 + o, at)) continue;
            block[k][o] = _mm512_cvtss_f32(load(s.type, w, base + at + c * strides.c, 1));
          }
        }
      }
      const auto rows = [&](const auto& put) {
        for (i64 t = 0; t < 2; ++t) {
          for (i64 j = 0; j < 16; ++j) {
            put(tiles + t * kTile + j * 64, _mm512_load_ps(block[2 * j] + t * 16),
                _mm512_load_ps(block[2 * j + 1] + t * 16));
          }
        }
      };
      __m512i largest = _mm512_setzero_si512();
      rows([&](char* to, __m512 a, __m512 b) {
        store_parts<parts, kTurns>(to, 2 * kTile, a, b, largest);
      });
      if (parts > 1 && too_large(largest)) {
        exact = true;
        rows([&](char* to, __m512 a, __m512 b) {
          store_parts_exactly<parts, kTurns>(to, 2 * kTile, a, b);
        });
      }
    }
  }
  std::memset(tiles, 0, 64);
  const std::uint32_t flag = exact;
  std::memcpy(tiles, &flag, sizeof flag);
}

}  // namespace

void pack_weights(const ConvShape& s, void* dst, const void* w, const sdk::WeightStrides& strides,
                  i64 panel) {
  char* to = static_cast<char*>(dst) + panel * s.weight_bytes();
  if (s.parts == kOne) return pack_weights_parts<1>(s, to, w, strides, panel);
  pack_weights_parts<2>(s, to, w, strides, panel);
}

}  // namespace quern::amx
