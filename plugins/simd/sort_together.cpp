// sort and argsort of few, long lines by several threads: a sample gives the limits of as many
// buckets as keep them busy, every thread deals its share of the line out into the buckets, and
// each bucket is sorted alone. The result is the same for any limits. Not here: many lines
// (sort.cpp).
#include <limits>

#include "plugins/simd/select.h"
#include "plugins/simd/sort.h"

#if QUERN_SIMD_VQSORT && defined(__x86_64__)
#include "hwy/contrib/sort/vqsort.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kLong = 65536;
constexpr std::int64_t kSample = 512;
constexpr std::int64_t kMostBuckets = 32;
constexpr std::int64_t kPiece = 2048;  // keys that are dealt out while they are in a small cache

bool is_real_float(qn_dtype t) { return (t & 0xffu) == 2u || (t & 0xffu) == 4u; }

// Key is what is sorted: the dtype's own key, or, to sort indices, that above the index.
template <typename O, bool kIndices>
struct TogetherPlan : Plan {
  using Bits = typename O::Bits;
  using Key = std::conditional_t<kIndices, std::int64_t, typename O::Key>;
  std::int64_t lines = 0, n = 0, buckets = 2, shares = 2;
  Bits infinity = 0;
  std::uint32_t workers = 2;
  SelectOps select = select_ops();
  hwy::Sorter sorter;

  void tile(const qn_run&, std::uint32_t, void*) const noexcept override {}

  // What one line's loops share. at: where each share's keys of each bucket go.
  struct Job {
    const TogetherPlan* plan;
    const Bits* x;
    void* y;
    Key *keys, *dealt;
    std::int64_t at[kMostBuckets][kMostBuckets + 1];
    std::int64_t start[kMostBuckets + 1];
    Key low[kMostBuckets + 1];
  };

  void run(const qn_run& r) const noexcept override {
    Job job;
    job.plan = this;
    for (std::int64_t k = 0; k < lines; ++k) {
      job.x = static_cast<const Bits*>(r.in[0].data) + k * n;
      job.keys = static_cast<Key*>(r.workspace);
      if constexpr (kIndices) {
        job.y = static_cast<std::uint32_t*>(r.out[0].data) + k * n;
        job.dealt = job.keys + n;
      } else {
        job.y = static_cast<Bits*>(r.out[0].data) + k * n;
        job.dealt = static_cast<Key*>(job.y);
      }
      set_limits(job);
      each(r, job, shares, [](Job& j, std::int64_t share) { j.plan->count(j, share); });
      std::int64_t at = 0;
      for (std::int64_t b = 0; b < buckets; ++b) {
        job.start[b] = at;
        for (std::int64_t s = 0; s < shares; ++s) {
          const std::int64_t size = job.at[s][b];
          job.at[s][b] = at;
          at += size;
        }
      }
      job.start[buckets] = at;
      each(r, job, shares, [](Job& j, std::int64_t share) { j.plan->deal(j, share); });
      each(r, job, buckets, [](Job& j, std::int64_t bucket) { j.plan->sort(j, bucket); });
    }
  }

  template <typename F>
  void each(const qn_run& r, Job& job, std::int64_t count, F) const noexcept {
    const auto call = [](void* j, std::uint32_t k, std::uint32_t) noexcept {
      F()(*static_cast<Job*>(j), k);
    };
    r.executor->parallel_for(r.executor->self, call, &job, static_cast<std::uint32_t>(count),
                             workers);
  }

  Key key(Bits b, std::int64_t i) const noexcept {
    if constexpr (kIndices)
      return static_cast<Key>(O::key(unsigned_zero<O>(b, infinity), infinity)) * (Key{1} << 32) + i;
    else
      return O::key(b, infinity);
  }

  void set_limits(Job& job) const noexcept {
    Key sample[kSample];
    for (std::int64_t k = 0; k < kSample; ++k) {
      const std::int64_t i = n / kSample * k + k * 7 % 64;
      sample[k] = key(job.x[i], i);
    }
    sorter(sample, static_cast<std::size_t>(kSample), hwy::SortAscending());
    job.low[0] = std::numeric_limits<Key>::lowest();
    for (std::int64_t b = 1; b < buckets; ++b) job.low[b] = sample[b * kSample / buckets];
    job.low[buckets] = std::numeric_limits<Key>::max();
  }

  std::int64_t share_start(std::int64_t s) const noexcept {
    return split(n, static_cast<std::uint32_t>(shares), static_cast<std::uint32_t>(s));
  }

  void count(Job& job, std::int64_t share) const noexcept {
    const std::int64_t lo = share_start(share), hi = share_start(share + 1);
    std::int64_t below[kMostBuckets + 1] = {};
    for (std::int64_t i = lo; i < hi; i += kPiece) {
      const std::int64_t m = std::min(kPiece, hi - i);
      for (std::int64_t k = i; k < i + m; ++k) job.keys[k] = key(job.x[k], k);
      for (std::int64_t b = 1; b < buckets; ++b)
        below[b] += count_below(job.keys + i, m, job.low[b]);
    }
    below[buckets] = hi - lo;
    for (std::int64_t b = 0; b < buckets; ++b) job.at[share][b] = below[b + 1] - below[b];
  }

  void deal(Job& job, std::int64_t share) const noexcept {
    const std::int64_t lo = share_start(share), hi = share_start(share + 1);
    for (std::int64_t i = lo; i < hi; i += kPiece) {
      const std::int64_t m = std::min(kPiece, hi - i);
      for (std::int64_t b = 0; b < buckets; ++b) {
        // Equal limits leave the first of their buckets empty.
        if (b > 0 && b + 1 < buckets && job.low[b] == job.low[b + 1]) continue;
        if (b == 0 && job.low[1] == job.low[0]) continue;
        const Key high = b + 1 == buckets ? job.low[buckets] : static_cast<Key>(job.low[b + 1] - 1);
        job.at[share][b] +=
            copy_between(job.keys + i, m, job.low[b], high, job.dealt + job.at[share][b]);
      }
    }
  }

  void sort(Job& job, std::int64_t bucket) const noexcept {
    Key* keys = job.dealt + job.start[bucket];
    const std::int64_t size = job.start[bucket + 1] - job.start[bucket];
    sorter(keys, static_cast<std::size_t>(size), hwy::SortAscending());
    if constexpr (kIndices) {
      auto* y = static_cast<std::uint32_t*>(job.y) + job.start[bucket];
      for (std::int64_t i = 0; i < size; ++i) y[i] = static_cast<std::uint32_t>(keys[i]);
    } else {
      for (std::int64_t i = 0; i < size; ++i) keys[i] = static_cast<Key>(O::back(keys[i]));
    }
  }

  std::int64_t count_below(const Key* keys, std::int64_t m, Key limit) const noexcept {
    if constexpr (sizeof(Key) == 4)
      return select.below32(keys, m, limit);
    else
      return select.below64(keys, m, limit);
  }
  std::int64_t copy_between(const Key* keys, std::int64_t m, Key low, Key high,
                            Key* y) const noexcept {
    if constexpr (sizeof(Key) == 4)
      return select.copy32(keys, m, low, high, y);
    else
      return select.copy64(keys, m, low, high, y);
  }
};

template <typename O, bool kIndices>
std::unique_ptr<Plan> make(const qn_opdesc& op, std::int64_t lines, std::int64_t n) {
  auto p = std::make_unique<TogetherPlan<O, kIndices>>();
  p->lines = lines;
  p->n = n;
  p->workers = op.max_workers;
  p->shares = std::min<std::int64_t>(op.max_workers * 2, kMostBuckets);
  p->buckets = p->shares;
  if (is_real_float(op.in[0].dtype))
    p->infinity = static_cast<typename O::Bits>(infinity_bits(op.in[0].dtype));
  return p;
}

template <std::size_t Bytes, bool Float, bool Unsigned>
std::unique_ptr<Plan> make_of(const qn_opdesc& op, std::int64_t lines, std::int64_t n) {
  using O = Order<Bytes, Float, Unsigned>;
  if constexpr (Bytes >= 4)
    if (op.op == QN_OP_SORT) return make<O, false>(op, lines, n);
  if constexpr (Bytes <= 4)
    if (op.op == QN_OP_ARGSORT) return make<O, true>(op, lines, n);
  return nullptr;
}

}  // namespace

bool sorts_together(const qn_opdesc& op, std::int64_t lines, std::int64_t n) {
  const unsigned size = sdk::itemsize(op.in[0].dtype);
  const bool width = op.op == QN_OP_SORT ? size >= 4 : op.op == QN_OP_ARGSORT && size <= 4;
  return width && n >= kLong && op.max_workers > 1 && lines < op.max_workers * 2;
}

std::uint64_t together_bytes(const qn_opdesc& op, std::int64_t n) {
  const std::uint64_t each = op.op == QN_OP_ARGSORT ? 16 : sdk::itemsize(op.in[0].dtype);
  return static_cast<std::uint64_t>(n) * each;
}

std::unique_ptr<Plan> plan_together(const qn_opdesc& op, std::int64_t lines, std::int64_t n,
                                    qn_plan_info& info) {
  info.workspace = together_bytes(op, n);
  switch (op.in[0].dtype) {
    case QN_F16:
    case QN_BF16:
      return make_of<2, true, false>(op, lines, n);
    case QN_F32:
      return make_of<4, true, false>(op, lines, n);
    case QN_F64:
      return make_of<8, true, false>(op, lines, n);
    case QN_I8:
      return make_of<1, false, false>(op, lines, n);
    case QN_I16:
      return make_of<2, false, false>(op, lines, n);
    case QN_I32:
      return make_of<4, false, false>(op, lines, n);
    case QN_I64:
      return make_of<8, false, false>(op, lines, n);
    case QN_U8:
    case QN_BOOL:
      return make_of<1, false, true>(op, lines, n);
    case QN_U16:
      return make_of<2, false, true>(op, lines, n);
    case QN_U32:
      return make_of<4, false, true>(op, lines, n);
    case QN_U64:
      return make_of<8, false, true>(op, lines, n);
    default:
      return nullptr;
  }
}

}  // namespace quern::simd

#endif
