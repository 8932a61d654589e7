// relayout between strided layouts: copies of contiguous runs, blocked transposes, strided gathers.
// Not here: opaque layouts; this plugin's own is made in conv_points.cpp.
#include <cstring>

#include "plugins/simd/families.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets
#include "plugins/simd/walk.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/relayout.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// out[j * out_stride + k] = in[j + k * in_stride] for 4-byte elements, j < nj, k < nk.
void Transpose4(const std::uint32_t* in, std::int64_t in_stride, std::uint32_t* out,
                std::int64_t out_stride, std::int64_t nj, std::int64_t nk) {
  constexpr std::int64_t kBlock = 16;  // a cache line of 4-byte elements each way
  for (std::int64_t k0 = 0; k0 < nk; k0 += kBlock) {
    const std::int64_t k1 = std::min(nk, k0 + kBlock);
    for (std::int64_t j0 = 0; j0 < nj; j0 += kBlock) {
      const std::int64_t j1 = std::min(nj, j0 + kBlock);
      std::int64_t k = k0;
#if HWY_TARGET != HWY_SCALAR
      const hn::CappedTag<std::uint32_t, 4> d;
      const hn::Repartition<std::uint64_t, decltype(d)> d2;
      for (; k + 4 <= k1; k += 4) {
        std::int64_t j = j0;
        for (; j + 4 <= j1; j += 4) {
          const std::uint32_t* p = in + j + k * in_stride;
          const auto r0 = hn::LoadU(d, p), r1 = hn::LoadU(d, p + in_stride);
          const auto r2 = hn::LoadU(d, p + 2 * in_stride), r3 = hn::LoadU(d, p + 3 * in_stride);
          const auto a = hn::BitCast(d2, hn::InterleaveLower(d, r0, r1)),
                     b = hn::BitCast(d2, hn::InterleaveLower(d, r2, r3));
          const auto c = hn::BitCast(d2, hn::InterleaveUpper(d, r0, r1)),
                     e = hn::BitCast(d2, hn::InterleaveUpper(d, r2, r3));
          std::uint32_t* q = out + j * out_stride + k;
          hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d2, a, b)), d, q);
          hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d2, a, b)), d, q + out_stride);
          hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d2, c, e)), d, q + 2 * out_stride);
          hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d2, c, e)), d, q + 3 * out_stride);
        }
        for (; j < j1; ++j)
          for (std::int64_t i = k; i < k + 4; ++i) out[j * out_stride + i] = in[j + i * in_stride];
      }
#endif
      for (; k < k1; ++k)
        for (std::int64_t j = j0; j < j1; ++j) out[j * out_stride + k] = in[j + k * in_stride];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(Transpose4);

namespace {

using TransposeFn = void (*)(const std::uint32_t*, std::int64_t, std::uint32_t*, std::int64_t,
                             std::int64_t, std::int64_t);

template <class T>
void gather_run(const T* in, std::int64_t step, T* out, std::int64_t out_step, std::int64_t n) {
  if (step == 1 && out_step == 1) {
    std::memcpy(out, in, static_cast<std::size_t>(n) * sizeof(T));
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i * out_step] = in[i * step];
  }
}

struct RelayoutPlan : Plan {
  std::vector<Axis> outer;
  Axis inner{1, 1, 1};   // the fastest axis of the output
  Axis across{1, 0, 0};  // when transposing: the fastest axis of the input
  bool transpose = false;
  unsigned size = 4;
  std::int64_t chunk = 1, chunks = 1;  // of across when transposing, else of inner
  std::int64_t units = 0;
  std::uint32_t n_tiles = 1;
  TransposeFn block = nullptr;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    switch (size) {
      case 1:
        return typed<std::uint8_t>(run, t);
      case 2:
        return typed<std::uint16_t>(run, t);
      case 4:
        return typed<std::uint32_t>(run, t);
      default:
        return typed<std::uint64_t>(run, t);
    }
  }

  template <class T>
  void typed(const qn_run& run, std::uint32_t t) const noexcept {
    const T* x = static_cast<const T*>(run.in[0].data);
    T* y = static_cast<T*>(run.out[0].data);
    const std::int64_t hi = split(units, n_tiles, t + 1);
    std::int64_t u = split(units, n_tiles, t);
    Walk at(outer, u / chunks);
    for (; u < hi; ++u) {
      const std::int64_t c = u % chunks * chunk;
      if (transpose) {
        transposed(x + at.in + c * across.in, y + at.out + c * across.out,
                   std::min(chunk, across.n - c));
      } else {
        gather_run(x + at.in + c * inner.in, inner.in, y + at.out + c * inner.out, inner.out,
                   std::min(chunk, inner.n - c));
      }
      if (u % chunks == chunks - 1) at.next();
    }
  }

  template <class T>
  void transposed(const T* x, T* y, std::int64_t rows) const noexcept {
    if constexpr (sizeof(T) == 4) {
      block(x, inner.in, y, across.out, rows, inner.n);
    } else {
      for (std::int64_t k0 = 0; k0 < inner.n; k0 += 16)
        for (std::int64_t j = 0; j < rows; ++j)
          for (std::int64_t k = k0; k < std::min(inner.n, k0 + 16); ++k)
            y[j * across.out + k] = x[j + k * inner.in];
    }
  }
};

bool arrange(const qn_opdesc& op, RelayoutPlan& p) {
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  if (x.layout.kind != QN_LAYOUT_STRIDED || y.layout.kind != QN_LAYOUT_STRIDED ||
      x.ndim > kMaxWalkAxes)
    return false;
  p.size = sdk::itemsize(x.dtype);
  if (p.size != 1 && p.size != 2 && p.size != 4 && p.size != 8) return false;
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < x.ndim; ++i) order.push_back(i);
  const std::vector<std::int64_t> dense = strides_in_order(x, order);
  const std::int64_t* in = x.layout.strides ? x.layout.strides : dense.data();
  const std::int64_t* out = y.layout.strides ? y.layout.strides : dense.data();
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return out[a] > out[b]; });
  std::vector<Axis> all;
  for (std::uint32_t i : order) {
    const Axis a{x.shape[i], in[i], out[i]};
    if (a.n == 1) continue;
    if (!all.empty() && all.back().in == a.in * a.n && all.back().out == a.out * a.n) {
      all.back().n *= a.n;
      all.back().in = a.in;
      all.back().out = a.out;
    } else {
      all.push_back(a);
    }
  }
  if (!all.empty()) {
    p.inner = all.back();
    all.pop_back();
  }
  if (p.inner.out == 1 && p.inner.in != 1) {
    for (std::size_t k = 0; k < all.size(); ++k) {
      if (all[k].in != 1 || all[k].n < 4) continue;
      p.across = all[k];
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(k));
      p.transpose = true;
      break;
    }
  }
  p.outer = all;
  p.chunk = p.transpose ? 64 : 16384;
  const std::int64_t n = p.transpose ? p.across.n : p.inner.n;
  p.chunks = std::max<std::int64_t>((n + p.chunk - 1) / p.chunk, 1);
  p.units = sdk::element_count(x) == 0 ? 0 : count(p.outer) * p.chunks;
  return true;
}

double relayout_ns(const RelayoutPlan& p, double n) {
  if (p.transpose) return n * 0.25;
  const double runs = static_cast<double>(p.units) * 4.0;
  return p.inner.in == 1 && p.inner.out == 1 ? runs : runs + n * 1.2;
}

}  // namespace

void query_relayout(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  RelayoutPlan p;
  if (sdk::element_count(op.in[0]) == 0) return host.refuse(answer, "relayout", "an empty array");
  if (offer_points(host, op, answer)) return;
  if (!arrange(op, p)) return host.refuse(answer, "relayout", "only strided layouts");
  const double n = static_cast<double>(sdk::element_count(op.in[0]));
  const qn_candidate c = sdk::relayout_candidate(
      op, "relayout", 1, estimate_ns(n * p.size * 2, relayout_ns(p, n), op.max_workers));
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_relayout(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  if (op.out[0].layout.kind == QN_LAYOUT_NAMED) return plan_points(op, info);
  auto p = std::make_unique<RelayoutPlan>();
  if (!arrange(op, *p)) return nullptr;
  p->block = HWY_DYNAMIC_DISPATCH(Transpose4);
  const double n = static_cast<double>(sdk::element_count(op.in[0]));
  p->n_tiles =
      free_tiles(std::max(n * p->size / 10.0, relayout_ns(*p, n)), op.max_workers, p->units);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
#endif
