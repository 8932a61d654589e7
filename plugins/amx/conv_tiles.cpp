// The loops of convolution for x86-64 with AMX. Compiled for CPUs that have it (plugin.cmake): it
// uses no inline function of another header, whose code could then be shared with other files.
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "plugins/amx/conv.h"

namespace quern::amx {
namespace {

#include "plugins/amx/vector-inl.h"

// What of a row of the patch lies in the image: pixels begin .. end of the patch's.
struct Inside {
  i64 begin, end;
};

Inside inside(i64 from, i64 width, i64 in, i64 step) {
  const i64 begin = least((most(-from, 0) + step - 1) / step, width);
  return {begin, most(least((in - from + step - 1) / step, width), begin)};
}

// Calls put(to, x, y) for runs of 32 values of a row's pixels inside the image; `row` is where the
// row of x begins, `from` the pixel of it at which the patch does.
template <class Put>
inline void row_runs(const ConvShape& s, const void* x, i64 row, i64 from, Inside in, i64 group,
                     i64 groups, char* to, const Put& put) {
  const auto run = [&](i64 at, i64 count, char* d) __attribute__((always_inline)) {
    if (count >= 32) {
      put(d, load(s.type, x, at, 0xffff), load(s.type, x, at + 16, 0xffff));
    } else {
      put(d, load(s.type, x, at, first(count)), load(s.type, x, at + 16, first(count - 16)));
    }
  };
  const i64 step = s.w.step() * s.c, pixel = s.pixel() * 2;
  const i64 at = row + from * s.c + in.begin * step + group * s.cg;
  char* d = to + in.begin * pixel;
  if (s.groups == 1 && s.pixel() == s.c &&
      step == s.c) {  // all channels of all pixels lie together
    const i64 count = (in.end - in.begin) * s.c;
    for (i64 i = 0; i < count; i += 32) run(at + i, count - i, d + i * 2);
    return;
  }
  const i64 apart = s.patch_bytes();
  for (i64 i = in.begin; i < in.end; ++i, d += pixel) {
    const i64 here = at + (i - in.begin) * step;
    for (i64 g = 0; g < groups; ++g) {
      for (i64 c = 0; c < s.cg; c += 32) {
        run(here + g * s.cg + c, s.cg - c, d + g * apart + c * 2);
      }
    }
  }
}

// The input under a patch. True when it has values that cannot be cut.
template <int parts>
bool pack_patch(const ConvShape& s, const void* x, i64 image, i64 ih, i64 iw, i64 group, i64 groups,
                char* to) {
  const i64 part = s.part_bytes(), pixel = s.pixel() * 2, line = s.patch_w() * pixel;
  const auto zero = [&](char* at, i64 bytes) {
    for (i64 g = 0; g < groups; ++g) {
      for (int p = 0; p < parts; ++p) {
        std::memset(at + g * s.patch_bytes() + p * part, 0, std::size_t(bytes));
      }
    }
  };
  __m512i largest = _mm512_setzero_si512();
  bool exact = false;
  const i64 apart = s.h.apart(), together = s.patch_h() / apart;
  // Lines in the order in which they lie: a run may be written beyond the end of its own.
  for (i64 r = 0; r < s.patch_h(); ++r, to += line) {
    const i64 from = ih + (r % together * apart + r / together) * s.h.step();
    if (from < 0 || from >= s.h.in) {
      zero(to, line);
      continue;
    }
    const Inside in = inside(iw, s.patch_w(), s.w.in, s.w.step());
    const i64 row = (image * s.h.in + from) * s.w.in * s.c;
    row_runs(s, x, row, iw, in, group, groups, to, [&](char* d, __m512 u, __m512 v) {
      store_parts<parts, kRun>(d, part, u, v, largest);
    });
    if (parts > 1 && too_large(largest)) {
      row_runs(s, x, row, iw, in, group, groups, to, [&](char* d, __m512 u, __m512 v) {
        store_parts_exactly<parts, kRun>(d, part, u, v);
      });
      largest = _mm512_setzero_si512();
      exact = true;
    }
    // The last run may have written beyond its pixel: what follows is written after it.
    zero(to, in.begin * pixel);
    zero(to + in.end * pixel, line - in.end * pixel);
  }
  zero(to, 64);  // read, times zeros
  return exact;
}

// One step: its tiles of A from two units, those of B from the panel.
#define QUERN_LOAD_A(p)                           \
  _tile_loadd(4, a0 + offset[t] + (p)*part, row); \
  _tile_loadd(5, a1 + offset[t] + (p)*part, row)
#define QUERN_LOAD_B(p)                  \
  _tile_loadd(6, b + (p)*2 * kTile, 64); \
  _tile_loadd(7, b + (p)*2 * kTile + kTile, 64)

// c: the sums of both units, [2][16][kCols]. between(t) is called after step t: the vector units
// are idle otherwise.
template <int parts, class Between>
inline void block(const char* a0, const char* a1, i64 row, i64 part, const std::int32_t* offset,
                  i64 steps, const char* b, float* c, const Between& between) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (i64 t = 0; t < steps; ++t, b += parts * 2 * kTile) {
    if constexpr (parts == 2) {
      QUERN_LOAD_A(1);
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
      QUERN_LOAD_A(0);
      QUERN_MULTIPLY();
      QUERN_LOAD_B(1);
      QUERN_MULTIPLY();
    } else {
      QUERN_LOAD_A(0);
      QUERN_LOAD_B(0);
      QUERN_MULTIPLY();
    }
    between(t);
  }
  _tile_stored(0, c, kCols * 4);
  _tile_stored(1, c + 16, kCols * 4);
  _tile_stored(2, c + 16 * kCols, kCols * 4);
  _tile_stored(3, c + 16 * kCols + 16, kCols * 4);
}

inline float part_value(const char* at) {
  std::uint16_t half;
  std::memcpy(&half, at, 2);
  const std::uint32_t w = std::uint32_t(half) << 16;
  float v;
  std::memcpy(&v, &w, 4);
  return v;
}

// The same in f32, of one unit, for inputs or weights that cannot be cut.
template <int parts>
void block_exactly(const ConvShape& s, const char* a, const std::int32_t* offset,
                   const std::uint8_t* valid, const char* b, float* c) {
  const i64 row = s.w.apart() * s.pixel() * 2, part = s.part_bytes();
  for (i64 i = 0; i < s.unit; ++i) {
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (i64 t = 0; t < s.steps(); ++t) {
      for (i64 k = 0; k < valid[t]; ++k) {
        float v = 0;
        for (int p = 0; p < parts; ++p) {
          v += part_value(a + i * row + offset[t] + k * 2 + p * part);
        }
        alignas(64) float w[kCols];
        for (i64 o = 0; o < kCols; ++o) {
          w[o] = 0;
          const char* at =
              b + (t * parts * 2 + o / 16) * kTile + k / 2 * 64 + o % 16 * 4 + k % 2 * 2;
          for (int p = 0; p < parts; ++p) w[o] += part_value(at + p * 2 * kTile);
        }
        sum[0] = _mm512_fmadd_ps(_mm512_set1_ps(v), _mm512_load_ps(w), sum[0]);
        sum[1] = _mm512_fmadd_ps(_mm512_set1_ps(v), _mm512_load_ps(w + 16), sum[1]);
      }
    }
    _mm512_store_ps(c + i * kCols, sum[0]);
    _mm512_store_ps(c + i * kCols + 16, sum[1]);
  }
}

// r, but NaN where v is; the instructions behind r give their second operand for NaN.
inline __m512 kept(__m512 v, __m512 r) {
  return _mm512_mask_mov_ps(r, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), v);
}

inline __m512 silu(__m512 v) {
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 e = exp_nonpositive(_mm512_or_ps(v, _mm512_set1_ps(-0.0f)));
  const __mmask16 below = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ);
  const __m512 sigmoid = _mm512_div_ps(_mm512_mask_mov_ps(one, below, e), _mm512_add_ps(one, e));
  return _mm512_mul_ps(v, sigmoid);
}

// The epilogue of a panel: operands that are the same for all pixels are loaded once. What networks
// have most, a bias, then a residual, then bounds, is done without a look at each step.
struct Steps {
  const sdk::ConvEpilogue* e;
  __m512 operand[sdk::Epilogue::max_steps][2];
  bool plain = false;
  __m512 bias[2], low, high;
  const float* residual = nullptr;

  // Sets `plain` and what it means.
  void see() {
    std::uint32_t k = 0;
    const std::uint32_t n = e->steps->n;
    const auto adds = [&](bool full) {
      return k < n && e->steps->step[k].kind == sdk::EpilogueStep::add && e->full[k] == full;
    };
    // Adding -0 changes nothing.
    bias[0] = bias[1] = _mm512_set1_ps(-0.0f);
    if (adds(false)) bias[0] = operand[k][0], bias[1] = operand[k][1], ++k;
    if (adds(true)) residual = e->operand[k++];
    float least = -std::numeric_limits<float>::infinity(), most = -least;
    for (; k < n; ++k) {
      const auto kind = e->steps->step[k].kind;
      const bool lower = kind == sdk::EpilogueStep::maximum, relu = kind == sdk::EpilogueStep::relu;
      if (!relu && ((!lower && kind != sdk::EpilogueStep::minimum) || e->full[k] || e->channel[k]))
        return;
      const float by = relu ? 0.0f : _mm512_cvtss_f32(operand[k][0]);
      if (lower || relu)
        least = std::max(least, by);
      else
        most = std::min(most, by);
      // Otherwise, or with a NaN, the order counts.
      if (!(by == by) || !(least <= most)) return;
    }
    low = _mm512_set1_ps(least), high = _mm512_set1_ps(most);
    plain = true;
  }

  // channel: first of the panel's `count` in a pixel, as operands have them.
  void begin(const sdk::ConvEpilogue* epilogue, const i64 channel[2], i64 count) {
    e = epilogue;
    for (std::uint32_t k = 0; e && k < e->steps->n; ++k) {
      const float* p = e->operand[k];
      for (i64 j = 0; j < 2; ++j) {
        operand[k][j] = !p           ? _mm512_set1_ps(static_cast<float>(e->steps->step[k].imm))
                        : e->full[k] ? _mm512_setzero_ps()
                        : e->channel[k]
                            ? _mm512_maskz_loadu_ps(first(count - j * 16), p + channel[j])
                            : _mm512_set1_ps(*p);
      }
    }
    if (e) see();
  }

  // Vector j of a pixel, which goes to y[at].
  __m512 operator()(__m512 v, i64 j, i64 at, __mmask16 mask) const {
    if (plain) {
      v = _mm512_add_ps(v, bias[j]);
      if (residual) v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, residual + at));
      return kept(v, _mm512_min_ps(_mm512_max_ps(v, low), high));
    }
    for (std::uint32_t k = 0; k < e->steps->n; ++k) {
      const __m512 x = e->full[k] ? _mm512_maskz_loadu_ps(mask, e->operand[k] + at) : operand[k][j];
      switch (e->steps->step[k].kind) {
        case sdk::EpilogueStep::add:
          v = _mm512_add_ps(v, x);
          break;
        case sdk::EpilogueStep::subtract:
          v = _mm512_sub_ps(v, x);
          break;
        case sdk::EpilogueStep::multiply:
          v = _mm512_mul_ps(v, x);
          break;
        case sdk::EpilogueStep::relu:  // NaN stays
          v = _mm512_mask_mov_ps(v, _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ),
                                 _mm512_setzero_ps());
          break;
        case sdk::EpilogueStep::maximum:
          v = kept(v, _mm512_max_ps(v, x));
          break;
        case sdk::EpilogueStep::minimum:
          v = kept(v, _mm512_min_ps(v, x));
          break;
        case sdk::EpilogueStep::silu:
          v = silu(v);
          break;
      }
    }
    return v;
  }
};

constexpr i64 kStreamed = 1 << 20;  // values of y
constexpr i64 kHiding = 4;          // blocks

// Sums of two units on their way to y: rows of c that are finished a few at a time.
struct Finishing {
  const float* c;
  i64 pixel[2];   // of y, where the units begin
  i64 column[2];  // the same in the line of places
  i64 count[2];   // places of the units
  i64 done, rows;
};

template <int parts>
void convolve_parts(const ConvShape& s, const std::int32_t* offsets, const std::uint8_t* valid,
                    i64 patch, i64 first_panel, i64 last_panel, const void* x, const char* weights,
                    void* y, const sdk::ConvEpilogue* e, char* packed) {
  const i64 across = s.patches_w(), image = patch / (s.patches_h() * across);
  const i64 oh0 = patch / across % s.patches_h() * s.th, ow0 = patch % across * s.tw;
  const i64 rows = least(s.th, s.h.out - oh0), width = least(s.tw, s.w.out - ow0);
  const i64 each = (width + s.unit - 1) / s.unit, units = s.units(rows, width);
  const i64 pitch = s.pitch(), places = (rows - 1) * pitch + width;
  const i64 ih = oh0 * s.h.stride - s.h.padding, iw = ow0 * s.w.stride - s.w.padding;
  const i64 pixel = s.w.apart() * s.pixel() * 2, line = s.patch_w() * s.pixel() * 2;
  const i64 part = s.part_bytes(), steps = s.steps();
  alignas(64) float sums[2][2 * 16 * kCols];
  bool exact_input = false;
  i64 packed_from = 0, packed_to = 0;  // groups
  for (i64 panel = first_panel; panel < last_panel; ++panel) {
    const i64 group = panel / s.panels(), o = panel % s.panels() * kCols;
    if (panel == first_panel || (o == 0 && group == packed_to)) {
      packed_from = group;
      packed_to = least(group + s.groups_at_once(), (last_panel - 1) / s.panels() + 1);
      exact_input = pack_patch<parts>(s, x, image, ih, iw, group, packed_to - packed_from, packed);
    }
    const char* input = packed + (group - packed_from) * s.patch_bytes();
    const char* b = weights + panel * s.weight_bytes();
    std::uint32_t flag;
    std::memcpy(&flag, b + s.weight_bytes() - 64, sizeof flag);
    const bool exact = parts > 1 && (exact_input || flag != 0);
    const i64 channel = group * s.og + o, count = least(kCols, s.og - o);
    // Large outputs go past the caches: nothing here reads them again.
    const bool stream = s.type == Type::kF32 && s.o % 16 == 0 && count % 16 == 0 &&
                        reinterpret_cast<std::uintptr_t>(y) % 64 == 0 &&
                        s.images * s.h.out * s.w.out * s.o > kStreamed;
    const i64 filters = s.phases > 1 ? s.phase_filters() : s.o;
    const i64 operands[2] = {channel % filters, (channel + 16) % filters};
    Steps steps_after;
    steps_after.begin(e, operands, count);
    const bool whole = count == kCols && s.type == Type::kF32;
    Finishing f = {};
    const auto finish_rows = [&](i64 n) __attribute__((always_inline)) {
      for (const i64 end = least(f.done + n, f.rows); f.done < end; ++f.done) {
        const i64 which = f.done >= f.count[0], i = f.done - which * f.count[0];
        const float* from = f.c + (which * 16 + i) * kCols;
        i64 here = f.pixel[which] + i, column = f.column[which] + i;
        for (; column >= pitch; column -= pitch) here += s.w.out - pitch;
        if (column >= width) continue;
        const i64 at = here * s.o + channel;
        for (i64 j = 0; j < 2; ++j) {
          if (j * 16 >= count) break;
          const __mmask16 mask = whole ? __mmask16(0xffff) : first(count - j * 16);
          __m512 r = _mm512_load_ps(from + j * 16);
          if (e) r = steps_after(r, j, at + j * 16, mask);
          if (stream) {
            _mm512_stream_ps(static_cast<float*>(y) + at + j * 16, r);
          } else if (whole) {
            _mm512_storeu_ps(static_cast<float*>(y) + at + j * 16, r);
          } else {
            store(s.type, y, at + j * 16, mask, r);
          }
        }
      }
    };
    const i64 at_once = (2 * s.unit + steps - 1) / steps;
    // The next panel of weights is asked for meanwhile, where there are enough blocks to hide it.
    const i64 blocks = (units + 1) / 2;
    const char* ahead = b + s.weight_bytes();
    const char* const ahead_end =
        blocks >= kHiding && panel + 1 < last_panel ? ahead + s.weight_bytes() : ahead;
    const i64 ahead_lines = (s.weight_bytes() / 64 + blocks * steps - 1) / (blocks * steps);
    i64 turn = 0;
    for (i64 u = 0; u < units; u += 2, turn ^= 1) {
      const i64 unit[2] = {u, least(u + 1, units - 1)};
      const char* a[2];
      Finishing next = {sums[turn], {}, {}, {}, 0, 0};
      for (i64 q = 0; q < 2; ++q) {
        const i64 place = unit[q] * s.unit;
        const i64 r = s.flat ? place / pitch : unit[q] / each;
        const i64 column = s.flat ? place % pitch : unit[q] % each * s.unit;
        a[q] = input + r * line + column * pixel;
        next.pixel[q] = (image * s.h.out + oh0 + r) * s.w.out + ow0 + column;
        next.column[q] = column;
        next.count[q] = least(s.unit, s.flat ? places - place : width - column);
      }
      next.rows = next.count[0] + (unit[1] > u ? next.count[1] : 0);
      if (exact) {
        block_exactly<parts>(s, a[0], offsets, valid, b, sums[turn]);
        block_exactly<parts>(s, a[1], offsets, valid, b, sums[turn] + 16 * kCols);
      } else {
        block<parts>(
            a[0], a[1], pixel, part, offsets, steps, b,
            sums[turn], [&](i64) __attribute__((always_inline)) {
              if (ahead < ahead_end) {
                for (i64 i = 0; i < ahead_lines; ++i) __builtin_prefetch(ahead + i * 64, 0, 2);
                ahead += ahead_lines * 64;
              }
              finish_rows(at_once);
            });
      }
      finish_rows(f.rows);
      f = next;
    }
    finish_rows(f.rows);
    if (stream) _mm_sfence();
  }
}

}  // namespace

void convolve(const ConvShape& s, const std::int32_t* offsets, const std::uint8_t* valid, i64 patch,
              i64 first, i64 last, const void* x, const void* weights, void* y,
              const sdk::ConvEpilogue* epilogue, void* scratch) {
  const Tiles tiles(s.unit);
  const char* w = static_cast<const char*>(weights);
  char* packed = static_cast<char*>(scratch);
  if (s.parts == kOne) {
    return convolve_parts<1>(s, offsets, valid, patch, first, last, x, w, y, epilogue, packed);
  }
  convolve_parts<2>(s, offsets, valid, patch, first, last, x, w, y, epilogue, packed);
}

}  // namespace quern::amx
