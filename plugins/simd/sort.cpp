// sort, argsort (on Highway's vectorised quicksort) and argpartition (select_ops.cpp) along an axis
// that lies dense in memory. Numbers are turned into integers of the same order, argsort's with the
// index in the low half, which makes it stable; bytes are counted, short lines compared all with
// all. Not here: processors other than x86 (there the sorter keeps a buffer that threads would
// share).
#include "plugins/simd/sort.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "plugins/simd/families.h"
#include "plugins/simd/select.h"

#if QUERN_SIMD_VQSORT && defined(__x86_64__)
#include "hwy/contrib/sort/vqsort.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kMaxLine = 0xffffffff;  // indices are 32 bits wide

// What a key of `Bytes` bytes is sorted as with an index below it.
template <std::size_t Bytes>
struct Widths;
template <>
struct Widths<1> {
  using Pair = std::uint64_t;
};
template <>
struct Widths<2> {
  using Pair = std::uint64_t;
};
template <>
struct Widths<4> {
  using Pair = std::uint64_t;
};
template <>
struct Widths<8> {
  using Pair = hwy::uint128_t;
};

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
  const SelectOps& select;
};

// How many of the n <= N keys come before each, equal ones in the order they have: its place. Of
// integers no narrower than 4 bytes, whose comparisons fill vectors.
template <int N, typename Key>
void places(const Key* keys, std::int64_t n, std::uint32_t* place) {
  Key k[N];
  for (int j = 0; j < N; ++j) k[j] = j < n ? keys[j] : std::numeric_limits<Key>::max();
  for (int i = 0; i < n; ++i) {
    Key before = 0;
    for (int j = 0; j < N; ++j)
      before += static_cast<Key>((k[j] < k[i]) | ((k[j] == k[i]) & (j < i)));
    place[i] = static_cast<std::uint32_t>(before);
  }
}

constexpr std::int64_t kShortLine = 16;  // up to here comparing all with all is quickest

// f(i, place of element i) for a short line.
template <typename O, typename F>
void each_place(const Line& l, bool zeros_equal, const F& f) {
  using Key = std::conditional_t<sizeof(typename O::Key) == 8, std::int64_t, std::int32_t>;
  const auto* x = static_cast<const typename O::Bits*>(l.x);
  const auto infinity = static_cast<typename O::Bits>(l.infinity);
  Key keys[kShortLine];
  std::uint32_t place[kShortLine];
  for (std::int64_t i = 0; i < l.n; ++i)
    keys[i] = O::key(zeros_equal ? unsigned_zero<O>(x[i], infinity) : x[i], infinity);
  if (l.n <= 8)
    places<8>(keys, l.n, place);
  else
    places<kShortLine>(keys, l.n, place);
  for (std::int64_t i = 0; i < l.n; ++i) f(i, place[i]);
}

// Bytes are counted.
template <typename O>
void sort_bytes(const Line& l) {
  const auto* x = static_cast<const std::uint8_t*>(l.x);
  auto* y = static_cast<std::uint8_t*>(l.y);
  std::int64_t counts[256] = {};
  for (std::int64_t i = 0; i < l.n; ++i) ++counts[static_cast<std::uint8_t>(O::key(x[i], 0) + 128)];
  for (int v = 0; v < 256; ++v) {
    std::memset(y, O::back(static_cast<typename O::Key>(v - 128)),
                static_cast<std::size_t>(counts[v]));
    y += counts[v];
  }
}

template <typename O>
void sort_line(const Line& l) {
  using Key = typename O::Key;
  auto* y = static_cast<Key*>(l.y);
  if (l.n <= kShortLine) {
    Key old[kShortLine];  // y may be x
    std::memcpy(old, l.x, static_cast<std::size_t>(l.n) * sizeof(Key));
    each_place<O>(l, false, [&](std::int64_t i, std::uint32_t at) { y[at] = old[i]; });
    return;
  }
  if constexpr (sizeof(Key) == 1) {
    sort_bytes<O>(l);
  } else {
    const auto* x = static_cast<const typename O::Bits*>(l.x);
    const auto infinity = static_cast<typename O::Bits>(l.infinity);
    for (std::int64_t i = 0; i < l.n; ++i) y[i] = O::key(x[i], infinity);
    l.sorter(y, static_cast<std::size_t>(l.n), hwy::SortAscending());
    for (std::int64_t i = 0; i < l.n; ++i) y[i] = static_cast<Key>(O::back(y[i]));
  }
}

template <typename O>
void order_line(const Line& l) {
  using Pair = typename Widths<sizeof(typename O::Key)>::Pair;
  auto* y = static_cast<std::uint32_t*>(l.y);
  if (l.n <= kShortLine) {
    each_place<O>(l, true,
                  [&](std::int64_t i, std::uint32_t at) { y[at] = static_cast<std::uint32_t>(i); });
    return;
  }
  const auto* x = static_cast<const typename O::Bits*>(l.x);
  const auto infinity = static_cast<typename O::Bits>(l.infinity);
  auto* pairs = static_cast<Pair*>(l.scratch);
  for (std::int64_t i = 0; i < l.n; ++i)
    pack(O::key(unsigned_zero<O>(x[i], infinity), infinity), static_cast<std::uint32_t>(i),
         pairs[i]);
  l.sorter(pairs, static_cast<std::size_t>(l.n), hwy::SortAscending());
  for (std::int64_t i = 0; i < l.n; ++i) y[i] = index_of(pairs[i]);
}

template <typename O>
void part_line(const Line& l) {
  using Key = std::conditional_t<sizeof(typename O::Key) == 8, std::int64_t, std::int32_t>;
  const auto* x = static_cast<const typename O::Bits*>(l.x);
  const auto infinity = static_cast<typename O::Bits>(l.infinity);
  auto* keys = static_cast<Key*>(l.scratch);
  Key *copy = keys + l.n, *room = copy + l.n + kSelectPad;
  if constexpr (sizeof(typename O::Key) == 4 && O::kFloat)
    l.select.keys_of_f32(x, l.n, keys, copy);
  else
    for (std::int64_t i = 0; i < l.n; ++i)
      copy[i] = keys[i] = O::key(unsigned_zero<O>(x[i], infinity), infinity);
  auto* y = static_cast<std::uint32_t*>(l.y);
  if constexpr (sizeof(Key) == 8)
    l.select.around64(keys, l.n, l.select.kth64(copy, l.n, l.kth, room), y);
  else
    l.select.around32(keys, l.n, l.select.kth32(copy, l.n, l.kth, room), y);
}

using LineFn = void (*)(const Line&);

template <std::size_t Bytes, bool Float, bool Unsigned>
LineFn line_of(std::uint32_t op) {
  using O = Order<Bytes, Float, Unsigned>;
  if (op == QN_OP_SORT) return sort_line<O>;
  if (op == QN_OP_ARGSORT) return order_line<O>;
  return part_line<O>;
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
    case QN_BOOL:
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
  const unsigned size = sdk::itemsize(op.in[0].dtype);
  const auto length = static_cast<double>(n);
  if (op.op != QN_OP_ARGPARTITION && n <= kShortLine) return 10 + 3 * length;
  if (op.op == QN_OP_SORT && size == 1) return 200 + length;
  const double each = op.op == QN_OP_ARGPARTITION ? 1.2 : std::log2(length + 2);
  const double wide = op.op == QN_OP_SORT ? 1 : 2;
  return 60 + length * each * wide * size / 4;
}

struct SortPlan : Plan {
  LineFn line = nullptr;
  std::int64_t lines = 0, n = 0, kth = 0;
  std::uint64_t infinity = 0;
  std::uint32_t n_tiles = 1, in_bytes = 0, out_bytes = 0;
  hwy::Sorter sorter;
  SelectOps select = select_ops();

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const auto* x = static_cast<const char*>(run.in[0].data);
    auto* y = static_cast<char*>(run.out[0].data);
    for (std::int64_t r = split(lines, n_tiles, t); r < split(lines, n_tiles, t + 1); ++r)
      line(
          {x + r * n * in_bytes, y + r * n * out_bytes, n, kth, infinity, scratch, sorter, select});
  }
};

}  // namespace

void query_sort(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  const std::uint32_t axis = axis_of(op);
  const std::int64_t n = x.shape[axis], count = sdk::element_count(x);
  if (!has_vectors())
    return host.refuse(answer, "vqsort", "this CPU has no SSE4, or QUERN_MAX_ISA leaves it out");
  if (!line_function(op.op, x.dtype)) return host.refuse(answer, "vqsort", "no complex numbers");
  if (count == 0 || n > (op.op == QN_OP_ARGPARTITION ? INT32_MAX : kMaxLine))
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
  const bool together = sorts_together(op, count / n, n);
  c.threading = together ? QN_THREADING_PARALLEL_FOR : QN_THREADING_TILES;
  if (together) c.workspace_max = together_bytes(op, n);
  c.n_in = c.n_out = 1;
  c.in = c.out = &lines;
  c.confidence = QN_CONFIDENCE_MODEL;
  if (op.op == QN_OP_SORT) c.inplace_mask = 1;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_sort(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  const qn_array_desc& x = op.in[0];
  const std::int64_t length = x.shape[axis_of(op)], count = sdk::element_count(x);
  if (sorts_together(op, count / length, length))
    return plan_together(op, count / length, length, info);
  auto p = std::make_unique<SortPlan>();
  p->line = line_function(op.op, x.dtype);
  p->n = length;
  p->lines = count / length;
  if (op.op == QN_OP_ARGPARTITION) p->kth = sdk::attr_int(op, 0);
  if ((x.dtype & 0xffu) == 2u || (x.dtype & 0xffu) == 4u) p->infinity = infinity_bits(x.dtype);
  p->in_bytes = sdk::itemsize(x.dtype);
  p->out_bytes = op.op == QN_OP_SORT ? p->in_bytes : 4;
  const std::int64_t wide = p->in_bytes == 8 ? 2 : 1;
  std::int64_t room = 0;
  if (op.op == QN_OP_ARGSORT) room = p->n * 8 * wide;
  if (op.op == QN_OP_ARGPARTITION) room = (3 * p->n + 2 * kSelectPad) * 4 * wide;
  info.worker_scratch = static_cast<std::uint64_t>((room + 63) / 64 * 64);
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
