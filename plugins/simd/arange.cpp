// arange: evenly spaced values, each computed from its index, so that errors do not add up.
// Halves are made as f32 and rounded. Not here: integers that their dtype can't hold (naive).
#include <cmath>
#include <type_traits>

#include "plugins/simd/families.h"
#include "plugins/simd/map.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/arange.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// The compiler makes vectors of these loops; a chunk has fewer than 2^31 values, whose numbers fit
// 32 bits. Integers wrap around as unsigned ones, so only the last bits of start and step count.
template <class T>
void Integers(double start, double step, std::int64_t from, std::int64_t n, void* out) {
  using W = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  const auto by = static_cast<W>(static_cast<std::int64_t>(step));
  const W first = static_cast<W>(static_cast<std::int64_t>(start)) + static_cast<W>(from) * by;
  T* HWY_RESTRICT y = static_cast<T*>(out);
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(n); ++i)
    y[i] = static_cast<T>(first + static_cast<W>(i) * by);
}

template <class T>
void Floats(double start, double step, std::int64_t from, std::int64_t n, void* out) {
  const auto first = static_cast<double>(from);
  T* HWY_RESTRICT y = static_cast<T*>(out);
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(n); ++i)
    y[i] = static_cast<T>(start + (first + i) * step);
}

using ArangeFn = void (*)(double start, double step, std::int64_t from, std::int64_t n, void* out);

ArangeFn ArangeFor(qn_dtype dtype) {
  switch (dtype) {
    case QN_F32:
    case QN_F16:  // and then narrowed
    case QN_BF16:
      return Floats<float>;
    case QN_F64:
      return Floats<double>;
    default:
      break;
  }
  switch (sdk::itemsize(dtype)) {
    case 1:
      return Integers<std::uint8_t>;
    case 2:
      return Integers<std::uint16_t>;
    case 4:
      return Integers<std::uint32_t>;
    default:
      return Integers<std::uint64_t>;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(ArangeFor);

namespace {

constexpr std::int64_t kChunk = 1 << 14, kHalves = 512;

struct ArangePlan : Plan {
  double start = 0, step = 1;
  std::int64_t n = 0;
  std::uint32_t n_tiles = 1;
  std::int64_t size = 4;
  void (*fill)(double, double, std::int64_t, std::int64_t, void*) = nullptr;
  ConvertFn narrow = nullptr;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const std::int64_t chunks = (n + kChunk - 1) / kChunk;
    const std::int64_t lo = split(chunks, n_tiles, t) * kChunk,
                       hi = std::min(n, split(chunks, n_tiles, t + 1) * kChunk);
    auto* y = static_cast<char*>(run.out[0].data);
    float wide[kHalves];
    const std::int64_t most = narrow ? kHalves : kChunk;
    for (std::int64_t i = lo; i < hi; i += most) {
      const std::int64_t count = std::min(most, hi - i);
      fill(start, step, i, count, narrow ? static_cast<void*>(wide) : y + i * size);
      if (narrow) narrow(wide, y + i * size, static_cast<std::size_t>(count));
    }
  }
};

bool is_float(qn_dtype t) { return t == QN_F32 || t == QN_F64 || is_half(t); }

// Whole numbers all of which f64 and the conversion to the dtype hold: those of 32 bits for i32 and
// narrower ones (which take the last bits of an i32), those of f64 for the others.
bool are_whole(double start, double step, double last, qn_dtype dtype) {
  const bool wide = sdk::itemsize(dtype) == 8 || dtype == QN_U32;
  const double most = wide ? 0x1p53 : 0x1p31 - 1;
  return start == std::floor(start) && step == std::floor(step) && std::abs(step) <= most &&
         std::abs(start) <= most && std::abs(last) <= most;
}

bool arrange(const qn_opdesc& op, ArangePlan& plan) {
  const qn_array_desc& y = op.out[0];
  plan.n = y.ndim == 1 ? y.shape[0] : 0;
  plan.start = sdk::attr_float(op, 0);
  plan.step = sdk::attr_float(op, 2);
  const double last = plan.start + static_cast<double>(plan.n - 1) * plan.step;
  if (plan.n <= 0 || y.dtype == QN_BOOL || y.dtype == QN_C64 ||
      (!is_float(y.dtype) && !are_whole(plan.start, plan.step, last, y.dtype)))
    return false;
  plan.fill = HWY_DYNAMIC_DISPATCH(ArangeFor)(y.dtype);
  plan.size = sdk::itemsize(y.dtype);
  if (is_half(y.dtype)) plan.narrow = half_fns(y.dtype).narrow;
  return true;
}

double bytes_of(const qn_opdesc& op) {
  return static_cast<double>(sdk::element_count(op.out[0])) * sdk::itemsize(op.out[0].dtype);
}

}  // namespace

void query_arange(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  ArangePlan plan;
  if (!arrange(op, plan))
    return host.refuse(answer, "arange", "no elements, or numbers that the dtype can't hold");
  qn_candidate c = sdk::candidate(
      "arange", 1, estimate_ns(bytes_of(op), static_cast<double>(plan.n) * 0.3, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_arange(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto plan = std::make_unique<ArangePlan>();
  if (!arrange(op, *plan)) return nullptr;
  plan->n_tiles = free_tiles(std::max(bytes_of(op) / 20.0, static_cast<double>(plan->n) * 0.3),
                             op.max_workers, (plan->n + kChunk - 1) / kChunk);
  info.n_tiles = plan->n_tiles;
  return plan;
}

}  // namespace quern::simd
#endif
