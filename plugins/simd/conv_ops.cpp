// The loops of transformed convolution: tiles to points, a product of small matrices at each point,
// and back. Vectors run over channels.
// Not here: the transforms along one axis (transform-inl.h), the products (product-inl.h).
#include <algorithm>
#include <cstring>

#include "plugins/simd/conv.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/conv_ops.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/conv_epilogue-inl.h"
#include "plugins/simd/product-inl.h"
#include "plugins/simd/transform-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls f(tag, first, count) for channels 0 .. n padded to a multiple of 4; count: how many exist.
template <class F>
HWY_INLINE void EachChunk(std::int64_t n, F&& f) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto lanes4 = static_cast<std::int64_t>(hn::Lanes(d4));
  const std::int64_t padded = (n + 3) / 4 * 4;
  std::int64_t at = 0;
  for (; at + lanes <= padded; at += lanes) f(d, at, n - at);
  for (; at < padded; at += lanes4) f(d4, at, n - at);
}

// Where a tile lies: the image, and the first output along each axis.
struct TilePlace {
  std::int64_t image, y, x;
  std::int64_t tx, px, ty, py;  // tile and phase of the dilation along each axis
  TilePlace(const ConvShape& s, std::int64_t t) {
    const ConvAxis &h = s.axis[0], &w = s.axis[1];
    const auto take = [&t](std::int64_t n) {
      const std::int64_t k = t % n;
      t /= n;
      return k;
    };
    tx = take(w.tiles), px = take(w.dilation);
    ty = take(h.tiles), py = take(h.dilation);
    image = t;
    settle(s);
  }
  void next(const ConvShape& s) {
    const ConvAxis &h = s.axis[0], &w = s.axis[1];
    if (++tx == w.tiles) tx = 0, ++px;
    if (px == w.dilation) px = 0, ++ty;
    if (ty == h.tiles) ty = 0, ++py;
    if (py == h.dilation) py = 0, ++image;
    settle(s);
  }

 private:
  void settle(const ConvShape& s) {
    const ConvAxis &h = s.axis[0], &w = s.axis[1];
    y = py + h.dilation * h.m * ty;
    x = px + w.dilation * w.m * (s.nested ? h.m : 1) * tx;
  }
};

// Problems of runs nested in a polynomial of runs have their own number of points.
template <int NW>
constexpr bool kNested = NW == 7;

// The taps of a chunk of the filter: tap (i, j) of the tile lies at row y + i, column
// x + i * skew + j, where the filter has it.
struct ChunkTaps {
  std::int64_t y, x, skew, rows, columns, left;
  bool flip;
  std::int64_t last_y, last_x;
  ChunkTaps(const ConvShape& s, std::int64_t q) {
    const ConvAxis &h = s.axis[0], &w = s.axis[1];
    skew = s.skew(), flip = s.flip;
    y = s.nested ? 0 : q / w.chunks * h.r;
    x = s.nested ? q * h.r * w.r : q % w.chunks * w.r;
    rows = s.nested ? h.r : std::min<std::int64_t>(h.r, h.taps - y);
    columns = w.r, left = w.taps - x;
    last_y = h.taps - 1, last_x = w.taps - 1;
  }
  bool has(int i, int j) const { return i < rows && j < columns && i * skew + j < left; }
  // Where the weights hold the tap.
  std::int64_t place(int i, int j, const WeightStrides& s) const {
    const std::int64_t py = skew ? 0 : y + i, px = x + i * skew + j;
    return (flip ? last_y - py : py) * s.h + (flip ? last_x - px : px) * s.w;
  }
};

// A tile of a channels-last image with zeros around it, rows and columns `dh` and `dw` apart; each
// row begins `skew` columns after the one before.
struct TileView {
  const float* image;  // at the first channel wanted
  std::int64_t h, w, c;
  std::int64_t y, x, dh, dw, skew;  // the tile's first element
};

template <class D, int NH, int NW>
HWY_INLINE void DataTile(D d, const TileView& t, std::int64_t count, float* v, std::int64_t step) {
  using V = hn::Vec<D>;
  constexpr std::size_t kMax = HWY_MAX_BYTES / 4;
  HWY_ALIGN float rows[NH * NW * kMax];
  const std::size_t lanes = hn::Lanes(d);
  const bool inside = t.x >= 0 &&
                      t.x + (kNested<NW> ? (NH - 1) * t.skew : 0) + (NW - 1) * t.dw < t.w &&
                      count >= static_cast<std::int64_t>(lanes);
  for (int i = 0; i < NH; ++i) {
    const std::int64_t y = t.y + i * t.dh, x0 = kNested<NW> ? t.x + i * t.skew : t.x;
    V in[NW], out[NW];
    if (y < 0 || y >= t.h) {
      for (int j = 0; j < NW; ++j) out[j] = hn::Zero(d);
    } else {
      const float* row = t.image + y * t.w * t.c;
      if (inside) {
        for (int j = 0; j < NW; ++j) in[j] = hn::LoadU(d, row + (x0 + j * t.dw) * t.c);
      } else {
        for (int j = 0; j < NW; ++j) {
          const std::int64_t x = x0 + j * t.dw;
          in[j] = x < 0 || x >= t.w ? hn::Zero(d) : LoadSome(d, row + x * t.c, count);
        }
      }
      Transform<NW>::Data(d, in, out);
    }
    for (int j = 0; j < NW; ++j) {
      if (NH == 1)
        hn::StoreU(out[j], d, v + j * step);
      else
        hn::Store(out[j], d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
    }
  }
  if (NH == 1) return;
  for (int j = 0; j < NW; ++j) {
    V in[NH], out[NH];
    for (int i = 0; i < NH; ++i)
      in[i] = hn::Load(d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
    Transform<NH>::Data(d, in, out);
    for (int i = 0; i < NH; ++i) hn::StoreU(out[i], d, v + (i * NW + j) * step);
  }
}

// Notes what the block after this one reads of a nested problem, but for the ends of its tiles.
void LookAhead(const ConvShape& s, const ConvBlock& b, const float* x) {
  const ConvAxis &h = s.axis[0], &w = s.axis[1];
  const std::int64_t first = b.first + b.tiles, known = std::min(b.tiles, s.tiles() - first);
  TilePlace at(s, first);
  for (std::int64_t t = 0; t < b.tiles; ++t, at.next(s)) {
    if (t >= known) {
      b.ahead[t] = {};
      continue;
    }
    const std::int64_t column = std::clamp<std::int64_t>(at.x - w.padding, 0, w.in - 1);
    const std::int64_t left = (w.in - column + w.dilation - 1) / w.dilation;
    b.ahead[t] = {x + (at.image * w.in + column) * s.c + b.group * s.cg,
                  std::min<std::int64_t>(h.m * w.m, left)};
  }
}

// Fetches that little by little, for more than a dozen requests at once wait for one another.
struct Fetcher {
  const ConvBlock& b;
  std::int64_t wide, step, part;  // floats of a column, to the next column; columns of a part
  std::int64_t tile = 0, column = 0;

  Fetcher(const ConvShape& s, const ConvBlock& block, std::int64_t parts) : b(block) {
    wide = b.groups * s.cg, step = s.axis[1].dilation * s.c;
    part = (b.tiles * s.axis[0].m * s.axis[1].m + parts - 1) / parts;
  }
  // Inline: GCC drops calls of a function that only prefetches.
  HWY_INLINE void next() {
    constexpr std::int64_t kLine = 16;  // floats
    for (std::int64_t i = 0; i < part && tile < b.tiles; ++i) {
      const ConvAhead& a = b.ahead[tile];
      if (column < a.columns)
        for (std::int64_t c = 0; c < wide; c += kLine) hwy::Prefetch(a.at + column * step + c);
      if (++column >= a.columns) column = 0, ++tile;
    }
  }
};

// Whether outputs go past the caches: when they would not stay there, and a vector fills a line.
HWY_INLINE bool PastCaches(const ConvShape& s, const float* y) {
  constexpr std::int64_t kLine = 16, kStay = std::int64_t{1} << 20;  // floats
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())) >= kLine &&
         s.images * s.axis[0].out * s.axis[1].out * s.o >= kStay && s.og % kLine == 0 &&
         reinterpret_cast<std::uintptr_t>(y) % (kLine * 4) == 0;
}

template <int NH, int NW>
void Data(const ConvShape& s, const ConvBlock& b, const float* x, std::int64_t lo,
          std::int64_t hi) {
  const std::int64_t step = point_step(b.tiles, s.depth_padded());
  const ConvAxis &h = s.axis[0], &w = s.axis[1];
  if (kNested<NW> && b.ahead) LookAhead(s, b, x);
  TilePlace at(s, lo);
  for (std::int64_t t = lo; t < hi; ++t, at.next(s)) {
    const float* image = x + at.image * h.in * w.in * s.c;
    for (std::int64_t q = 0; q < h.chunks * w.chunks; ++q) {
      const ChunkTaps taps(s, q);
      const std::int64_t y0 = at.y - h.padding + h.dilation * taps.y;
      const std::int64_t x0 = at.x - w.padding + w.dilation * taps.x;
      for (std::int64_t g = 0; g < b.groups; ++g) {
        float* row =
            b.memory + g * NH * NW * step + (t - b.first) * s.depth_padded() + q * s.c_padded();
        EachChunk(s.cg, [&](auto d, std::int64_t c, std::int64_t count) HWY_ATTR {
          const TileView view{image + (b.group + g) * s.cg + c,
                              h.in,
                              w.in,
                              s.c,
                              y0,
                              x0,
                              kNested<NW> ? 0 : h.dilation,
                              w.dilation,
                              kNested<NW> ? w.r * w.dilation : 0};
          DataTile<decltype(d), NH, NW>(d, view, count, row + c, step);
        });
      }
    }
  }
}

template <class D, int NH, int NW>
HWY_INLINE void OutputTile(D d, const ConvShape& s, const float* m, std::int64_t step,
                           const TilePlace& at, std::int64_t channel, std::int64_t count,
                           const ConvEpilogue* e, float* y, bool past) {
  using V = hn::Vec<D>;
  constexpr std::size_t kMax = HWY_MAX_BYTES / 4;
  const ConvAxis &h = s.axis[0], &w = s.axis[1];
  HWY_ALIGN float rows[kMaxTaps * NW * kMax];
  const std::size_t lanes = hn::Lanes(d);
  for (int j = 0; j < NW; ++j) {
    V in[NH], out[kMaxTaps];
    for (int i = 0; i < NH; ++i) in[i] = hn::LoadU(d, m + (i * NW + j) * step);
    Transform<NH>::ToOutputs(d, in, h.m, out);
    HWY_UNROLL(5)
    for (int i = 0; i < kMaxTaps; ++i) {
      if (i >= h.m) break;
      hn::Store(out[i], d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
    }
  }
  for (int i = 0; i < h.m; ++i) {
    const std::int64_t oy = kNested<NW> ? 0 : at.y + i * h.dilation;
    const std::int64_t x0 = kNested<NW> ? at.x + i * w.r * w.dilation : at.x;
    if (oy >= h.out) break;
    V in[NW], out[kMaxTaps];
    for (int j = 0; j < NW; ++j)
      in[j] = hn::Load(d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
    Transform<NW>::ToOutputs(d, in, w.m, out);
    const std::int64_t row = (at.image * h.out + oy) * w.out;
    HWY_UNROLL(5)
    for (int j = 0; j < kMaxTaps; ++j) {
      const std::int64_t ox = x0 + j * w.dilation;
      if (j >= w.m || ox >= w.out) break;
      const std::int64_t place = (row + ox) * s.o + channel;
      const V v = e ? Finish(d, out[j], *e, channel, place, count) : out[j];
      if (kNested<NW> && past && count >= static_cast<std::int64_t>(lanes))
        hn::Stream(v, d, y + place);
      else
        StoreSome(v, d, y + place, count);
    }
  }
}

// Where the second half of a block begins.
HWY_INLINE float* SecondHalf(const ConvShape& s, const ConvBlock& b) {
  return b.memory + b.groups * s.points() * point_step(b.tiles, s.depth_padded());
}

void Products(const ConvShape& s, const ConvBlock& b, const float* u, std::int64_t lo,
              std::int64_t hi) {
  const std::int64_t depth = s.depth_padded(), wide = s.o_padded();
  const std::int64_t v_step = point_step(b.tiles, depth), m_step = point_step(b.tiles, wide);
  float* m = SecondHalf(s, b);
  u += b.group * s.group_floats();
  Fetcher fetcher(s, b, hi - lo);
  const bool fetch = s.nested && b.ahead;
  for (std::int64_t k = lo; k < hi; ++k) {
    if (fetch) fetcher.next();
    for (std::int64_t o = 0; o < wide; o += kPanel) {
      const std::int64_t columns = std::min(kPanel, wide - o);
      Multiply({b.memory + k * v_step, depth, 1, u + (k * wide + o) * depth, columns,
                m + k * m_step + o, wide, b.tiles, columns, s.depth(), true});
    }
  }
}

template <int NH, int NW>
void Outputs(const ConvShape& s, const ConvBlock& b, const ConvEpilogue* e, float* y,
             std::int64_t lo, std::int64_t hi) {
  const std::int64_t step = point_step(b.tiles, s.o_padded());
  const bool past = kNested<NW> && PastCaches(s, y);
  TilePlace at(s, lo);
  for (std::int64_t t = lo; t < hi; ++t, at.next(s)) {
    for (std::int64_t g = 0; g < b.groups; ++g) {
      const float* row = SecondHalf(s, b) + g * NH * NW * step + (t - b.first) * s.o_padded();
      const std::int64_t first = (b.group + g) * s.og;
      EachChunk(s.og, [&](auto d, std::int64_t o, std::int64_t count) HWY_ATTR {
        OutputTile<decltype(d), NH, NW>(d, s, row + o, step, at, first + o, count, e, y, past);
      });
    }
  }
  if (past) hwy::FlushStream();
}

// A tile of the output's gradient, to points, unscaled.
template <class D, int NH, int NW>
HWY_INLINE void OutputGradTile(D d, const ConvShape& s, const float* dy, const TilePlace& at,
                               std::int64_t count, float* v, std::int64_t step) {
  using V = hn::Vec<D>;
  constexpr std::size_t kMax = HWY_MAX_BYTES / 4;
  const ConvAxis &h = s.axis[0], &w = s.axis[1];
  HWY_ALIGN float rows[kMaxTaps * NW * kMax];
  const std::size_t lanes = hn::Lanes(d);
  for (int i = 0; i < h.m; ++i) {
    const std::int64_t y = kNested<NW> ? 0 : at.y + i * h.dilation;
    V in[kMaxTaps], out[NW];
    for (int j = 0; j < kMaxTaps; ++j) {
      const std::int64_t x = at.x + ((kNested<NW> ? i * w.r : 0) + j) * w.dilation;
      in[j] = j < w.m && y < h.out && x < w.out
                  ? LoadSome(d, dy + ((at.image * h.out + y) * w.out + x) * s.o, count)
                  : hn::Zero(d);
    }
    Transform<NW>::ToPoints(d, in, w.m, out);
    for (int j = 0; j < NW; ++j)
      hn::Store(out[j], d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
  }
  for (int j = 0; j < NW; ++j) {
    V in[kMaxTaps], out[NH];
    for (int i = 0; i < kMaxTaps; ++i)
      in[i] =
          i < h.m ? hn::Load(d, rows + static_cast<std::size_t>(i * NW + j) * lanes) : hn::Zero(d);
    Transform<NH>::ToPoints(d, in, h.m, out);
    for (int i = 0; i < NH; ++i) hn::StoreU(out[i], d, v + (i * NW + j) * step);
  }
}

template <int NH, int NW>
void WeightGrad(const ConvShape& s, const ConvBlock& b, const float* x, const float* dy, float* du,
                bool first) {
  const std::int64_t tiles = b.tiles, depth = s.depth_padded(), wide = s.o_padded();
  const std::int64_t v_step = point_step(tiles, depth), g_step = point_step(tiles, wide);
  float *v = b.memory, *points = SecondHalf(s, b);
  Data<NH, NW>(s, b, x, b.first, b.first + tiles);
  TilePlace at(s, b.first);
  for (std::int64_t t = 0; t < tiles; ++t, at.next(s)) {
    for (std::int64_t g = 0; g < b.groups; ++g) {
      float* row = points + g * NH * NW * g_step + t * wide;
      const float* from = dy + (b.group + g) * s.og;
      EachChunk(s.og, [&](auto d, std::int64_t o, std::int64_t count) HWY_ATTR {
        OutputGradTile<decltype(d), NH, NW>(d, s, from + o, at, count, row + o, g_step);
      });
    }
  }
  du += b.group * s.group_floats();
  for (std::int64_t k = 0; k < b.groups * NH * NW; ++k)
    Multiply({v + k * v_step, 1, depth, points + k * g_step, wide, du + k * depth * wide, wide,
              s.depth(), wide, tiles, first});
}

template <int NH, int NW>
void WeightFinish(const ConvShape& s, const float* du, std::int64_t parts, std::int64_t part_step,
                  float* dw, WeightStrides to, std::int64_t lo, std::int64_t hi) {
  const ConvAxis &h = s.axis[0], &w = s.axis[1];
  const std::int64_t depth = s.depth_padded(), wide = s.o_padded();
  // Channels in the inner loop: neighbours share the cache lines of the filters.
  EachChunk(s.og, [&](auto d, std::int64_t o, std::int64_t count) HWY_ATTR {
    using D = decltype(d);
    using V = hn::Vec<D>;
    constexpr std::size_t kMax = HWY_MAX_BYTES / 4;
    HWY_ALIGN float rows[kMaxTaps * NW * kMax];
    const std::size_t lanes = hn::Lanes(d);
    count = std::min(count, static_cast<std::int64_t>(lanes));
    for (std::int64_t k = lo; k < hi; ++k) {
      const std::int64_t c = k % s.c_padded();
      if (c >= s.cg) continue;
      const ChunkTaps taps(s, k / s.c_padded());
      for (int j = 0; j < NW; ++j) {
        V in[NH], out[kMaxTaps];
        for (int i = 0; i < NH; ++i) {
          const float* p = du + ((i * NW + j) * depth + k) * wide + o;
          V sum = hn::LoadU(d, p);
          for (std::int64_t part = 1; part < parts; ++part)
            sum = hn::Add(sum, hn::LoadU(d, p + part * part_step));
          in[i] = hn::Mul(sum, hn::Set(d, Transform<NH>::kScale[i] * Transform<NW>::kScale[j]));
        }
        Transform<NH>::ToOutputs(d, in, h.r, out);
        for (int i = 0; i < h.r; ++i)
          hn::Store(out[i], d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
      }
      for (int i = 0; taps.has(i, 0); ++i) {
        V in[NW], out[kMaxTaps];
        for (int j = 0; j < NW; ++j)
          in[j] = hn::Load(d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
        Transform<NW>::ToOutputs(d, in, w.r, out);
        for (int j = 0; taps.has(i, j); ++j) {
          HWY_ALIGN float part[kMax];
          hn::Store(out[j], d, part);
          float* p = dw + taps.place(i, j, to) + c * to.c + o * to.o;
          for (std::int64_t l = 0; l < count; ++l) p[l * to.o] = part[l];
        }
      }
    }
  });
}

// Lanes p[0], p[step], ..; those from `count` on repeat the last.
template <class D>
HWY_INLINE hn::Vec<D> LoadStrided(D d, const float* p, std::int64_t step, std::int64_t count) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (step == 1 && count == lanes) return hn::LoadU(d, p);
#if HWY_TARGET <= HWY_AVX2
  constexpr std::int64_t kReach = std::int64_t{1} << 26;
  if (step > -kReach && step < kReach) {
    const hn::RebindToSigned<D> di;
    const auto last = hn::Set(di, static_cast<std::int32_t>(count - 1));
    const auto at =
        hn::Mul(hn::Min(hn::Iota(di, 0), last), hn::Set(di, static_cast<std::int32_t>(step)));
    return hn::GatherIndex(d, p, at);
  }
#endif
  HWY_ALIGN float part[HWY_MAX_BYTES / 4];
  for (std::int64_t l = 0; l < lanes; ++l) part[l] = p[std::min(l, count - 1) * step];
  return hn::Load(d, part);
}

template <int NH, int NW>
void Weights(const ConvShape& s, const float* weights, WeightStrides from, float* u,
             std::int64_t lo, std::int64_t hi) {
  const ConvAxis &h = s.axis[0], &w = s.axis[1];
  const std::int64_t depth = s.depth_padded(), wide = s.o_padded();
  EachChunk(s.og, [&](auto d, std::int64_t o, std::int64_t count) HWY_ATTR {
    using D = decltype(d);
    using V = hn::Vec<D>;
    constexpr std::size_t kMax = HWY_MAX_BYTES / 4;
    HWY_ALIGN float rows[kMaxTaps * NW * kMax];
    const std::size_t lanes = hn::Lanes(d);
    count = std::min(count, static_cast<std::int64_t>(lanes));
    for (std::int64_t k = lo; k < hi; ++k) {
      const std::int64_t c = k % s.c_padded(), step = depth * wide;
      float* point = u + weight_place(s, k, o);
      if (c >= s.cg) {
        for (int i = 0; i < NH * NW; ++i) hn::StoreU(hn::Zero(d), d, point + i * step);
        continue;
      }
      const ChunkTaps taps(s, k / s.c_padded());
      for (int i = 0; i < h.r; ++i) {
        V in[kMaxTaps], out[NW];
        for (int j = 0; j < kMaxTaps; ++j) {
          in[j] = hn::Zero(d);
          if (taps.has(i, j))
            in[j] = LoadStrided(d, weights + taps.place(i, j, from) + c * from.c + o * from.o,
                                from.o, count);
        }
        Transform<NW>::ToPoints(d, in, w.r, out);
        for (int j = 0; j < NW; ++j)
          hn::Store(out[j], d, rows + static_cast<std::size_t>(i * NW + j) * lanes);
      }
      for (int j = 0; j < NW; ++j) {
        V in[kMaxTaps], out[NH];
        for (int i = 0; i < kMaxTaps; ++i)
          in[i] = i < h.r ? hn::Load(d, rows + static_cast<std::size_t>(i * NW + j) * lanes)
                          : hn::Zero(d);
        Transform<NH>::ToPoints(d, in, h.r, out);
        for (int i = 0; i < NH; ++i) {
          const V scale = hn::Set(d, Transform<NH>::kScale[i] * Transform<NW>::kScale[j]);
          hn::StoreU(hn::Mul(out[i], scale), d, point + (i * NW + j) * step);
        }
      }
    }
  });
}

template <int NH, int NW>
const ConvOps* Table() {
  static const ConvOps ops{static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())),
                           Data<NH, NW>,
                           Products,
                           Outputs<NH, NW>,
                           WeightGrad<NH, NW>,
                           WeightFinish<NH, NW>,
                           Weights<NH, NW>};
  return &ops;
}

const ConvOps* GetConvOps(int nh, int nw) {
  if (nh == 8 && nw == 8) return Table<8, 8>();
  if (nh == 6 && nw == 6) return Table<6, 6>();
  if (nh == 1 && nw == 8) return Table<1, 8>();
  if (nh == 1 && nw == 6) return Table<1, 6>();
  if (nh == 6 && nw == 7) return Table<6, 7>();
  return nullptr;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetConvOps);

const ConvOps* conv_ops(const ConvShape& s) {
  return HWY_DYNAMIC_DISPATCH(GetConvOps)(s.axis[0].n, s.axis[1].n);
}

}  // namespace quern::simd
#endif
