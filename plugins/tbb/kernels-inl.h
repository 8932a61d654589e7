// Register-blocked kernels over GCC vectors, compiled once for each instruction set.
// The including file defines QUERN_VB (vector bytes), QUERN_MR x QUERN_NV (rows and vectors of a
// block whose operands are read in place), QUERN_PM x QUERN_PN (those of packed ones), struct Tail,
// and the target. No include guard: each including file opens its own anonymous namespace around
// it.

typedef float Vec __attribute__((vector_size(QUERN_VB)));
typedef float Mem __attribute__((vector_size(QUERN_VB), aligned(4), may_alias));
typedef float Vec4 __attribute__((vector_size(16)));
typedef float Mem4 __attribute__((vector_size(16), aligned(4), may_alias));
constexpr int kLanes = QUERN_VB / 4;
constexpr int kMr = QUERN_MR;
constexpr int kNv = QUERN_NV;
constexpr int kPm = QUERN_PM;
constexpr int kPn = QUERN_PN;
constexpr int kNr = kPn * kLanes;

inline Vec load(const float* p) { return *reinterpret_cast<const Mem*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Mem*>(p) = v; }
inline Vec splat(float x) { return x - Vec{}; }

// Who packs what: Packed has both in panels, Panel only B, Full and Edge read operands in place;
// Edge has a last vector of `tail` lanes.
enum Mode { Packed, Panel, Full, Edge };

// C[MR x NV vectors] = or += A B over k. `tail`: lanes of the last vector that exist in C. Packed
// and Panel ask for a line of memory every 4 steps, `line` floats after the last one, and after a
// quarter of them `quarter` floats after the start: what a later block reads.
template <int MR, int NV, Mode mode>
inline void block(i64 k, const float* a, i64 a_m, i64 a_k, const float* b, i64 b_k, float* c,
                  i64 ldc, i64 tail, bool add, const float* ahead, i64 quarter, i64 line) {
  Vec acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < NV; ++j) acc[i][j] = Vec{};
  }
  const Tail edge(tail);
  // One base a three rows: x86 addresses base + {0, 1, 2} * stride.
  constexpr int bases = (MR + 2) / 3;
  const float* row[bases];
#pragma GCC unroll 16
  for (int i = 0; i < bases; ++i) row[i] = a + 3 * i * a_m;
  if constexpr (mode == Packed || mode == Panel) {
    // Rows of C are far apart: nothing else fetches them before they are needed.
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < NV; ++j) __builtin_prefetch(c + i * ldc + j * kLanes, 1);
    }
    const auto step = [&]() __attribute__((always_inline)) {
      Vec bv[NV];
#pragma GCC unroll 16
      for (int j = 0; j < NV; ++j) bv[j] = load(b + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const Vec av = splat(mode == Packed ? a[i] : row[i / 3][i % 3 * a_m]);
#pragma GCC unroll 16
        for (int j = 0; j < NV; ++j) acc[i][j] += av * bv[j];
      }
      if (mode == Packed) a += kPm;
#pragma GCC unroll 16
      for (int i = 0; mode == Panel && i < bases; ++i) ++row[i];
      b += kNr;
    };
    i64 p = 0;
    for (i64 part = 1; part <= 4; ++part, ahead += quarter) {
      const float* at = ahead;
      for (const i64 end = part * k / 4; p + 4 <= end; p += 4) {
        __builtin_prefetch(at, 0, 2);
        at += line;
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) step();
      }
    }
    for (; p < k; ++p) step();
  } else {
    for (i64 p = 0; p < k; ++p) {
      Vec bv[NV];
#pragma GCC unroll 16
      for (int j = 0; j < NV; ++j) {
        bv[j] = mode == Edge && j == NV - 1 ? edge.load(b + j * kLanes) : load(b + j * kLanes);
      }
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const Vec av = splat(row[i / 3][i % 3 * a_m]);
#pragma GCC unroll 16
        for (int j = 0; j < NV; ++j) acc[i][j] += av * bv[j];
      }
#pragma GCC unroll 16
      for (int i = 0; i < bases; ++i) row[i] += a_k;
      b += b_k;
    }
  }
  const bool masked = mode != Full && tail < kLanes;
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    float* at = c + i * ldc;
#pragma GCC unroll 16
    for (int j = 0; j < NV; ++j) {
      if (j == NV - 1 && masked) {
        if (add) acc[i][j] += edge.load(at + j * kLanes);
        edge.store(at + j * kLanes, acc[i][j]);
      } else {
        if (add) acc[i][j] += load(at + j * kLanes);
        store(at + j * kLanes, acc[i][j]);
      }
    }
  }
}

using Block = void (*)(i64, const float*, i64, i64, const float*, i64, float*, i64, i64, bool,
                       const float*, i64, i64);

// Entry i serves i + 1 rows.
template <int NV, Mode mode, int... I>
constexpr auto block_table(std::integer_sequence<int, I...>) {
  return std::array<Block, sizeof...(I)>{&block<I + 1, NV, mode>...};
}
template <int NV, Mode mode, int Rows>
inline constexpr auto blocks = block_table<NV, mode>(std::make_integer_sequence<int, Rows>{});

template <Mode mode>
Block narrow_block(i64 rows, i64 vectors) {
  return vectors == 1 ? blocks<1, mode, kMr>[rows - 1] : blocks<2, mode, kMr>[rows - 1];
}
static_assert(kNv == 2 && (kPn == 2 || kPn == 3));

template <Mode mode>
Block panel_block(i64 rows, i64 vectors) {
  if (vectors == kPn) return blocks<kPn, mode, kPm>[rows - 1];
  return vectors == 1 ? blocks<1, mode, kPm>[rows - 1] : blocks<2, mode, kPm>[rows - 1];
}

template <Mode mode>
void panel(i64 m, i64 n, i64 kc, const float* a, i64 a_m, const float* b, const Ahead& ahead,
           float* c, i64 ldc, bool add) {
  const i64 vectors = (n + kLanes - 1) / kLanes;
  const i64 tail = n - (vectors - 1) * kLanes;
  constexpr i64 in_turn = std::max(1, kNr / 16);
  for (i64 i = 0; i < m; i += kPm) {
    const i64 rows = std::min<i64>(kPm, m - i);
    const i64 turn = std::min<i64>(i / kPm, kNr / 4 - 1);
    const float* at = ahead.at + turn / in_turn * ahead.outer + turn % in_turn * ahead.inner;
    panel_block<mode>(rows, vectors)(kc, a, a_m, 1, b, kNr, c, ldc, tail, add, at, ahead.quarter,
                                     ahead.line);
    a += mode == Packed ? kPm * kc : kPm * a_m;
    c += kPm * ldc;
  }
}

void packed(i64 m, i64 n, i64 kc, const float* a, const float* b, const Ahead& ahead, float* c,
            i64 ldc, bool add) {
  panel<Packed>(m, n, kc, a, 0, b, ahead, c, ldc, add);
}

void unpacked(i64 m, i64 n, i64 kc, const float* a, i64 a_m, const float* b, const Ahead& ahead,
              float* c, i64 ldc, bool add) {
  panel<Panel>(m, n, kc, a, a_m, b, ahead, c, ldc, add);
}

// Rows are cut evenly, so that no block is much smaller than the others.
template <class F>
inline void row_blocks(i64 m, i64 most, F&& f) {
  const i64 parts = (m + most - 1) / most;
  for (i64 i = 0, at = 0; i < parts; ++i) {
    const i64 rows = (m - at + parts - i - 1) / (parts - i);
    f(at, rows);
    at += rows;
  }
}

void direct(i64 m, i64 n, i64 k, const float* a, i64 a_m, i64 a_k, const float* b, i64 b_k,
            float* c, i64 ldc) {
  i64 j = 0;
  const auto strip = [&](i64 vectors, i64 most, auto pick, i64 tail) {
    row_blocks(m, most, [&](i64 at, i64 rows) {
      pick(rows)(k, a + at * a_m, a_m, a_k, b + j, b_k, c + at * ldc + j, ldc, tail, false, nullptr,
                 0, 0);
    });
    j += (vectors - 1) * kLanes + tail;
  };
  // Few rows leave registers free for long runs along a row of B.
  if (m <= kMr / 7 + 1) {
    while (n - j >= 8 * kLanes) {
      strip(
          8, m, [](i64 r) { return blocks<8, Full, kMr / 7 + 1>[r - 1]; }, kLanes);
    }
  }
  if (m <= kMr / 2 - 1) {
    while (n - j >= 4 * kLanes) {
      strip(
          4, m, [](i64 r) { return blocks<4, Full, kMr / 2 - 1>[r - 1]; }, kLanes);
    }
  }
  while (n - j >= 2 * kLanes) {
    strip(
        2, kMr, [](i64 r) { return narrow_block<Full>(r, 2); }, kLanes);
  }
  if (j == n) return;
  const i64 vectors = (n - j + kLanes - 1) / kLanes;
  const i64 tail = n - j - (vectors - 1) * kLanes;
  if (tail == kLanes) {
    strip(
        vectors, kMr, [&](i64 r) { return narrow_block<Full>(r, vectors); }, tail);
  } else {
    strip(
        vectors, kMr, [&](i64 r) { return narrow_block<Edge>(r, vectors); }, tail);
  }
}

// Lane i of the result is lanes i, i + 4, i + 8 .. of v.
inline Vec4 quarter(Vec v) {
  Vec4 part[kLanes / 4];
  __builtin_memcpy(part, &v, sizeof part);
  if constexpr (kLanes == 16) return (part[0] + part[2]) + (part[1] + part[3]);
  if constexpr (kLanes == 8) return part[0] + part[1];
  return part[0];
}

inline float total(Vec v) {
  const Vec4 q = quarter(v);
  return (q[0] + q[2]) + (q[1] + q[3]);
}

// The totals of four vectors, each summed as total() does.
inline Vec4 total4(Vec a, Vec b, Vec c, Vec d) {
  const Vec4 qa = quarter(a), qb = quarter(b), qc = quarter(c), qd = quarter(d);
  const Vec4 ab =
      __builtin_shufflevector(qa, qb, 0, 1, 4, 5) + __builtin_shufflevector(qa, qb, 2, 3, 6, 7);
  const Vec4 cd =
      __builtin_shufflevector(qc, qd, 0, 1, 4, 5) + __builtin_shufflevector(qc, qd, 2, 3, 6, 7);
  return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}

// M rows of A against R rows of W. Every dot product sums in the same order whatever M and R.
template <int M, int R>
inline void dot_block(i64 k, const float* a, i64 a_m, const float* w, i64 w_n, float* c, i64 ldc) {
  Vec acc[M][R];
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < R; ++j) acc[i][j] = Vec{};
  }
  i64 p = 0;
  for (; p + kLanes <= k; p += kLanes) {
    Vec wv[R];
#pragma GCC unroll 16
    for (int j = 0; j < R; ++j) wv[j] = load(w + j * w_n + p);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      const Vec av = load(a + i * a_m + p);
#pragma GCC unroll 16
      for (int j = 0; j < R; ++j) acc[i][j] += av * wv[j];
    }
  }
  if (p < k) {
    const Tail edge(k - p);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      const Vec av = edge.load(a + i * a_m + p);
#pragma GCC unroll 16
      for (int j = 0; j < R; ++j) acc[i][j] += av * edge.load(w + j * w_n + p);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j + 4 <= R; j += 4) {
      *reinterpret_cast<Mem4*>(c + i * ldc + j) =
          total4(acc[i][j], acc[i][j + 1], acc[i][j + 2], acc[i][j + 3]);
    }
#pragma GCC unroll 16
    for (int j = R / 4 * 4; j < R; ++j) c[i * ldc + j] = total(acc[i][j]);
  }
}

template <int M, int R>
void dot_rows(i64 n, i64 k, const float* a, i64 a_m, const float* w, i64 w_n, float* c, i64 ldc) {
  i64 j = 0;
  for (; j + R <= n; j += R) dot_block<M, R>(k, a, a_m, w + j * w_n, w_n, c + j, ldc);
  for (; j < n; ++j) dot_block<M, 1>(k, a, a_m, w + j * w_n, w_n, c + j, ldc);
}

void dots(i64 m, i64 n, i64 k, const float* a, i64 a_m, const float* w, i64 w_n, float* c,
          i64 ldc) {
  // W in slices that stay in the first-level cache while all rows of A pass over it.
  const i64 slice = m <= 4 ? n : std::max<i64>(4, 4096 / std::max<i64>(1, k) / 4 * 4);
  for (i64 j = 0; j < n; j += slice) {
    const i64 count = std::min(slice, n - j);
    row_blocks(m, 4, [&](i64 at, i64 rows) {
      const float* ar = a + at * a_m;
      const float* wr = w + j * w_n;
      float* cr = c + at * ldc + j;
      switch (rows) {
        case 1:
          dot_rows<1, 8>(count, k, ar, a_m, wr, w_n, cr, ldc);
          break;
        case 2:
          dot_rows<2, 4>(count, k, ar, a_m, wr, w_n, cr, ldc);
          break;
        case 3:
          dot_rows<3, 4>(count, k, ar, a_m, wr, w_n, cr, ldc);
          break;
        default:
          dot_rows<4, 4>(count, k, ar, a_m, wr, w_n, cr, ldc);
          break;
      }
    });
  }
}

// The dot product of k numbers: eight vectors of sums, so that no addition waits for the last one.
float inner(i64 k, const float* a, const float* b) {
  Vec acc[8] = {};
  i64 p = 0;
  for (; p + 8 * kLanes <= k; p += 8 * kLanes) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) acc[j] += load(a + p + j * kLanes) * load(b + p + j * kLanes);
  }
  for (; p + kLanes <= k; p += kLanes) acc[0] += load(a + p) * load(b + p);
  if (p < k) {
    const Tail edge(k - p);
    acc[1] += edge.load(a + p) * edge.load(b + p);
  }
#pragma GCC unroll 3
  for (int half = 4; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) acc[j] += acc[j + half];
  }
  float sum = 0;
  for (int l = 0; l < kLanes; ++l) sum += acc[0][l];
  return sum;
}

// Stage `half` of a transposition: v[i] and v[i + half] exchange their halves of 2 half lanes.
template <int half, int... J>
inline void exchange(Vec& x, Vec& y, std::integer_sequence<int, J...>) {
  const Vec a = x, b = y;
  x = __builtin_shufflevector(a, b, (J & half ? J - half + kLanes : J)...);
  y = __builtin_shufflevector(a, b, (J & half ? J + kLanes : J + half)...);
}

template <int half>
inline void exchange_all(Vec* v) {
  if constexpr (half < kLanes) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if (!(i & half)) {
        exchange<half>(v[i], v[i + half], std::make_integer_sequence<int, kLanes>{});
      }
    }
    exchange_all<2 * half>(v);
  }
}

// dst[k * width + i] = src[i * s_i + k] for n <= kLanes lines of kc numbers; 0 from n to kLanes.
void turn(float* dst, i64 width, const float* src, i64 s_i, i64 n, i64 kc) {
  Vec v[kLanes];
  i64 k = 0;
  for (; n == kLanes && k + kLanes <= kc; k += kLanes) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) v[i] = load(src + i * s_i + k);
    exchange_all<1>(v);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) store(dst + (k + i) * width, v[i]);
  }
  for (; k < kc; k += kLanes) {
    const i64 some = std::min<i64>(kLanes, kc - k);
    const Tail edge(some);
    for (int i = 0; i < kLanes; ++i) v[i] = i < n ? edge.load(src + i * s_i + k) : Vec{};
    exchange_all<1>(v);
    for (int i = 0; i < some; ++i) store(dst + (k + i) * width, v[i]);
  }
}

void pack(float* dst, i64 width, const float* src, i64 s_i, i64 s_k, i64 n, i64 kc) {
  if (s_i == 1 && n == kNr && width == kNr) {
    for (i64 k = 0; k < kc; ++k) {
#pragma GCC unroll 16
      for (int j = 0; j < kPn; ++j) {
        store(dst + k * kNr + j * kLanes, load(src + k * s_k + j * kLanes));
      }
    }
    return;
  }
  if (s_k == 1 && width == kNr) {
    for (i64 i = 0; i < kNr; i += kLanes) {
      turn(dst + i, width, src + i * s_i, s_i, std::clamp<i64>(n - i, 0, kLanes), kc);
    }
    return;
  }
  if (s_i == 1 && n == kPm && width == kPm) {
    for (i64 k = 0; k < kc; ++k) __builtin_memcpy(dst + k * kPm, src + k * s_k, 4 * kPm);
    return;
  }
  for (i64 k = 0; k < kc; ++k) {
    for (i64 i = 0; i < n; ++i) dst[k * width + i] = src[i * s_i + k * s_k];
  }
  // Whole vectors of B are read; of A only the rows that exist.
  if (width == kNr && n < width) {
    for (i64 k = 0; k < kc; ++k) std::fill(dst + k * width + n, dst + (k + 1) * width, 0.0f);
  }
}

constexpr auto row_step = &sdk::row_step<float, QUERN_VB, Tail>;
