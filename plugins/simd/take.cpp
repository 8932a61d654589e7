// take of slices that lie together: rows of a table by index (an embedding, a shuffled batch).
// Moves bytes of any dtype; take_along_axis and gather with several indices are naive's.
#include <cstring>

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

struct Slices {
  std::int64_t outer = 1, axis = 0, count = 0, bytes = 0;  // bytes of a slice
};

// False unless the problem is a plain take on arrays that hold something.
bool slices_of(const qn_opdesc& op, Slices& s) {
  const qn_array_desc &x = op.in[0], &indices = op.in[1];
  if (sdk::element_count(x) == 0) return false;
  const std::int64_t ndim = x.ndim;
  std::int64_t a = sdk::attr_int(op, 0);
  if (a < 0) a += ndim;
  if (a < 0 || a >= ndim) return false;
  std::int64_t inner = 1;
  for (std::int64_t k = 0; k < a; ++k) s.outer *= x.shape[k];
  for (std::int64_t k = a + 1; k < ndim; ++k) inner *= x.shape[k];
  s.axis = x.shape[a];
  s.count = sdk::element_count(indices);
  s.bytes = inner * static_cast<std::int64_t>(sdk::itemsize(x.dtype));
  return s.count > 0;
}

template <class I>
std::int64_t index_at(const void* indices, std::int64_t k, std::int64_t axis) {
  const I raw = static_cast<const I*>(indices)[k];
  if constexpr (std::is_unsigned_v<I>) {
    return raw < static_cast<std::uint64_t>(axis) ? static_cast<std::int64_t>(raw) : axis - 1;
  } else {
    const std::int64_t i = raw < 0 ? std::int64_t{raw} + axis : std::int64_t{raw};
    return std::clamp<std::int64_t>(i, 0, axis - 1);
  }
}

struct TakePlan : Plan {
  Slices s;
  qn_dtype dtype = QN_I32;
  std::uint32_t n_tiles = 1;

  template <class I>
  void copy(const qn_run& run, std::int64_t lo, std::int64_t hi) const noexcept {
    const char* x = static_cast<const char*>(run.in[0].data);
    char* y = static_cast<char*>(run.out[0].data);
    const auto from = [&](std::int64_t r) {
      return x +
             (r / s.count * s.axis + index_at<I>(run.in[1].data, r % s.count, s.axis)) * s.bytes;
    };
    constexpr std::int64_t kAhead =
        8;  // slices lie anywhere: their first lines are asked for early
    for (std::int64_t r = lo; r < hi; ++r) {
      if (r + kAhead < hi) __builtin_prefetch(from(r + kAhead));
      if (s.bytes == 4)
        std::memcpy(y + r * 4, from(r), 4);
      else
        std::memcpy(y + r * s.bytes, from(r), static_cast<std::size_t>(s.bytes));
    }
  }

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const std::int64_t rows = s.outer * s.count;
    const std::int64_t lo = split(rows, n_tiles, t), hi = split(rows, n_tiles, t + 1);
    switch (dtype) {
      case QN_I32:
        return copy<std::int32_t>(run, lo, hi);
      case QN_U32:
        return copy<std::uint32_t>(run, lo, hi);
      case QN_I64:
        return copy<std::int64_t>(run, lo, hi);
      default:
        return copy<std::uint64_t>(run, lo, hi);
    }
  }
};

double take_ns(const Slices& s) {
  return static_cast<double>(s.outer * s.count) * (3.0 + static_cast<double>(s.bytes) / 8.0);
}

}  // namespace

void query_take(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  Slices s;
  const qn_dtype t = op.in[1].dtype;
  if (t != QN_I32 && t != QN_U32 && t != QN_I64 && t != QN_U64)
    return host.refuse(answer, "take", "only indices of 32 or 64 bits");
  if (!slices_of(op, s)) return host.refuse(answer, "take", "no elements");
  std::vector<std::int64_t> strides[2];
  qn_layout in[2];
  for (std::uint32_t i = 0; i < 2; ++i) {
    std::vector<std::uint32_t> order;
    for (std::uint32_t a = 0; a < op.in[i].ndim; ++a) order.push_back(a);
    strides[i] = strides_in_order(op.in[i], order);
    in[i] = op.in[i].ndim ? sdk::with_strides(strides[i].data()) : sdk::any_strides();
  }
  qn_candidate c = sdk::candidate("take", 1, estimate_ns(0, take_ns(s), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = 2;
  c.in = in;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_take(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<TakePlan>();
  if (!slices_of(op, p->s)) return nullptr;
  p->dtype = op.in[1].dtype;
  info.n_tiles = p->n_tiles = free_tiles(take_ns(p->s), op.max_workers, p->s.outer * p->s.count);
  return p;
}

}  // namespace quern::simd
