// sort, argsort and argpartition along an axis that lies dense in memory, on Highway's vectorised
// quicksort. Numbers are turned into integers of the same order, argsort's with the index in the
// low half, which makes it stable. Not here: sort of 8-bit dtypes, processors other than x86 (there
// the sorter keeps a buffer that threads would share).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "plugins/simd/families.h"

#if QUERN_SIMD_VQSORT && defined(__x86_64__)
#include "hwy/contrib/sort/vqsort.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kMaxLine = 0xffffffff;  // indices are 32 bits wide

// What a dtype of `Bytes` bytes is sorted as: Key the integer, Pair the key above an index.
template <std::size_t Bytes>
struct Widths;
template <>
struct Widths<1> {
  using Key = std::int8_t;
  using Pair = std::uint64_t;
};
template <>
struct Widths<2> {
  using Key = std::int16_t;
  using Pair = std::uint64_t;
};
template <>
struct Widths<4> {
  using Key = std::int32_t;
  using Pair = std::uint64_t;
};
template <>
struct Widths<8> {
  using Key = std::int64_t;
  using Pair = hwy::uint128_t;
};

// A dtype as its bits: how they become a signed integer of the same order, and back.
template <std::size_t Bytes, bool Float, bool Unsigned>
struct Order {
  using Key = typename Widths<Bytes>::Key;
  using Bits = std::make_unsigned_t<Key>;
  static constexpr int kTop = static_cast<int>(Bytes) * 8 - 1;
  static constexpr Bits kRest = static_cast<Bits>(~(Bits{1} << kTop));

  static Key flip(Bits b) {  // its own inverse
    if (Float) return static_cast<Key>(b >> kTop ? b ^ kRest : b);
    return static_cast<Key>(Unsigned ? b ^ static_cast<Bits>(Bits{1} << kTop) : b);
  }
  // NaN becomes the largest key; -0 comes right before 0.
  static Key key(Bits b, Bits infinity) {
    if (Float && (b & kRest) > infinity) return static_cast<Key>(kRest);
    return flip(b);
  }
  static Bits back(Key k) { return static_cast<Bits>(flip(static_cast<Bits>(k))); }
};

// Bits above those of infinity are NaN.
std::uint64_t infinity_bits(qn_dtype t) {
  switch (t) {
    case QN_F16:
      return 0x7c00;
    case QN_BF16:
      return 0x7f80;
    case QN_F32:
      return 0x7f800000;
    default:
      return 0x7ff0000000000000;
  }
}

template <typename Key>
void pack(Key key, std::uint32_t index, std::uint64_t& pair) {
  const auto top = static_cast<std::uint32_t>(std::int32_t{key}) ^ 0x80000000u;
  pair = std::uint64_t{top} << 32 | index;
}
void pack(std::int64_t key, std::uint32_t index, hwy::uint128_t& pair) {
  pair.hi = static_cast<std::uint64_t>(key) ^ 0x8000000000000000u;
  pair.lo = index;
}
std::uint32_t index_of(std::uint64_t pair) { return static_cast<std::uint32_t>(pair); }
std::uint32_t index_of(const hwy::uint128_t& pair) { return static_cast<std::uint32_t>(pair.lo); }

// One line of a plan.
struct Line {
  const void* x;
  void* y;
  std::int64_t n, kth;
  std::uint64_t infinity;
  void* scratch;
  const hwy::Sorter& sorter;
};

template <typename O>
void sort_line(const Line& l) {
  using Key = typename O::Key;
  if constexpr (sizeof(Key) > 1) {
    const auto* x = static_cast<const typename O::Bits*>(l.x);
    auto* y = static_cast<Key*>(l.y);
    const auto infinity = static_cast<typename O::Bits>(l.infinity);
    for (std::int64_t i = 0; i < l.n; ++i) y[i] = O::key(x[i], infinity);
    l.sorter(y, static_cast<std::size_t>(l.n), hwy::SortAscending());
    for (std::int64_t i = 0; i < l.n; ++i) y[i] = static_cast<Key>(O::back(y[i]));
  }
}

template <typename O, bool Whole>
void order_line(const Line& l) {
  using Pair = typename Widths<sizeof(typename O::Key)>::Pair;
  const auto* x = static_cast<const typename O::Bits*>(l.x);
  const auto infinity = static_cast<typename O::Bits>(l.infinity);
  auto* pairs = static_cast<Pair*>(l.scratch);
  for (std::int64_t i = 0; i < l.n; ++i) {
    typename O::Bits b = x[i];
    if (infinity && b == static_cast<typename O::Bits>(~O::kRest)) b = 0;  // -0 equals 0
    pack(O::key(b, infinity), static_cast<std::uint32_t>(i), pairs[i]);
  }
  if (Whole)
    l.sorter(pairs, static_cast<std::size_t>(l.n), hwy::SortAscending());
  else
    std::nth_element(pairs, pairs + l.kth, pairs + l.n);
  auto* y = static_cast<std::uint32_t*>(l.y);
  for (std::int64_t i = 0; i < l.n; ++i) y[i] = index_of(pairs[i]);
}

using LineFn = void (*)(const Line&);

template <std::size_t Bytes, bool Float, bool Unsigned>
LineFn line_of(std::uint32_t op) {
  using O = Order<Bytes, Float, Unsigned>;
  if (op == QN_OP_SORT && Bytes == 1) return nullptr;
  if (op == QN_OP_SORT) return sort_line<O>;
  if (op == QN_OP_ARGSORT) return order_line<O, true>;
  return order_line<O, false>;
}

// NULL when the dtype is not served.
LineFn line_function(std::uint32_t op, qn_dtype t) {
  switch (t) {
    case QN_F16:
    case QN_BF16:
      return line_of<2, true, false>(op);
    case QN_F32:
      return line_of<4, true, false>(op);
    case QN_F64:
      return line_of<8, true, false>(op);
    case QN_I8:
      return line_of<1, false, false>(op);
    case QN_I16:
      return line_of<2, false, false>(op);
    case QN_I32:
      return line_of<4, false, false>(op);
    case QN_I64:
      return line_of<8, false, false>(op);
    case QN_U8:
      return line_of<1, false, true>(op);
    case QN_U16:
      return line_of<2, false, true>(op);
    case QN_U32:
      return line_of<4, false, true>(op);
    case QN_U64:
      return line_of<8, false, true>(op);
    default:
      return nullptr;
  }
}

std::uint32_t axis_of(const qn_opdesc& op) {
  return static_cast<std::uint32_t>(sdk::attr_int(op, op.op == QN_OP_ARGPARTITION ? 1 : 0));
}

double line_ns(const qn_opdesc& op, std::int64_t n) {
  const double each = op.op == QN_OP_ARGPARTITION ? 12 : std::log2(static_cast<double>(n) + 2);
  const double wide = op.op == QN_OP_SORT ? 1 : 2;
  return 60 + static_cast<double>(n) * each * wide * sdk::itemsize(op.in[0].dtype) / 4;
}

struct SortPlan : Plan {
  LineFn line = nullptr;
  std::int64_t lines = 0, n = 0, kth = 0;
  std::uint64_t infinity = 0;
  std::uint32_t n_tiles = 1, in_bytes = 0, out_bytes = 0;
  hwy::Sorter sorter;

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const auto* x = static_cast<const char*>(run.in[0].data);
    auto* y = static_cast<char*>(run.out[0].data);
    for (std::int64_t r = split(lines, n_tiles, t); r < split(lines, n_tiles, t + 1); ++r)
      line({x + r * n * in_bytes, y + r * n * out_bytes, n, kth, infinity, scratch, sorter});
  }
};

}  // namespace

void query_sort(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  const std::uint32_t axis = axis_of(op);
  const std::int64_t n = x.shape[axis], count = sdk::element_count(x);
  if (!line_function(op.op, x.dtype))
    return host.refuse(answer, "vqsort", "neither 8-bit sort nor bool nor complex");
  if (count == 0 || n > kMaxLine)
    return host.refuse(answer, "vqsort", "no elements, or an axis beyond 32-bit indices");
  // The sorted axis lies innermost, in the input as in the output.
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < x.ndim; ++i)
    if (i != axis) order.push_back(i);
  order.push_back(axis);
  const std::vector<std::int64_t> strides = strides_in_order(x, order);
  const qn_layout lines = sdk::with_strides(strides.data());
  const double ns = static_cast<double>(count / n) * line_ns(op, n);
  qn_candidate c = sdk::candidate("vqsort", 1, estimate_ns(0, ns, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = c.n_out = 1;
  c.in = c.out = &lines;
  c.confidence = QN_CONFIDENCE_MODEL;
  if (op.op == QN_OP_SORT) c.inplace_mask = 1;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_sort(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<SortPlan>();
  const qn_array_desc& x = op.in[0];
  p->line = line_function(op.op, x.dtype);
  p->n = x.shape[axis_of(op)];
  p->lines = sdk::element_count(x) / p->n;
  if (op.op == QN_OP_ARGPARTITION) p->kth = sdk::attr_int(op, 0);
  if ((x.dtype & 0xffu) == 2u || (x.dtype & 0xffu) == 4u) p->infinity = infinity_bits(x.dtype);
  p->in_bytes = sdk::itemsize(x.dtype);
  p->out_bytes = op.op == QN_OP_SORT ? p->in_bytes : 4;
  if (op.op != QN_OP_SORT)
    info.worker_scratch =
        (static_cast<std::uint64_t>(p->n) * (p->in_bytes == 8 ? 16 : 8) + 63) / 64 * 64;
  p->n_tiles =
      free_tiles(static_cast<double>(p->lines) * line_ns(op, p->n), op.max_workers, p->lines);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd

#else

namespace quern::simd {

void query_sort(const qn_host& host, const qn_opdesc&, qn_answer* answer) {
  host.refuse(answer, "vqsort", "built without Highway's sort, or not for x86");
}

std::unique_ptr<Plan> plan_sort(const qn_opdesc&, std::uint32_t, qn_plan_info&) { return nullptr; }

}  // namespace quern::simd

#endif
