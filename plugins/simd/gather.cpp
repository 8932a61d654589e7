// take, take_along_axis and gather: elements, rows or blocks of an array at given indices, written
// one behind the other. Moves bytes of any dtype and layout. Empty arrays are naive's.
#include <cstring>

#include "plugins/simd/families.h"
#include "plugins/simd/places.h"

namespace quern::simd {
namespace {

struct GatherPlan : Plan {
  Places p;
  std::uint32_t size = 4;
  std::int64_t chunk = kRun, chunks = 1, outer = 1, n_places = 1;
  std::uint32_t n_tiles = 1;

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

  // Pieces are ordered by places, then by outer, so that offsets serve all of the latter.
  template <class T>
  void typed(const qn_run& run, std::uint32_t t) const noexcept {
    const T* x = static_cast<const T*>(run.in[0].data);
    T* y = static_cast<T*>(run.out[0].data);
    const std::int64_t hi = split(chunks * outer, n_tiles, t + 1);
    for (std::int64_t u = split(chunks * outer, n_tiles, t); u < hi;) {
      const std::int64_t c = u / outer, o = u % outer, count = std::min(outer - o, hi - u);
      each_run(p, run.in, c * chunk, std::min(n_places, (c + 1) * chunk),
               [&](const std::int64_t* off, std::int64_t n, std::int64_t list, std::int64_t step) {
                 PlaceWalk at(p.outer, p.outer.n, o);
                 for (std::int64_t k = 0; k < count; ++k, at.next())
                   move(x + at.array, off, n, y + at.list + list, step);
               });
      u += count;
    }
  }

  template <class T>
  void move(const T* x, const std::int64_t* off, std::int64_t n, T* y, std::int64_t step) const {
    const PlaceAxes& inner = p.inner;
    if (inner.n == 0) {
      if (step == 1)
        for (std::int64_t j = 0; j < n; ++j) y[j] = x[off[j]];
      else
        for (std::int64_t j = 0; j < n; ++j) y[j * step] = x[off[j]];
      return;
    }
    const PlaceAxis& last = inner.axis[inner.n - 1];
    if (inner.n == 1 && last.array == 1 && last.list == 1) return blocks(x, off, n, y, step);
    const std::int64_t lines = inner.count() / last.n;
    for (std::int64_t j = 0; j < n; ++j) {
      PlaceWalk at(inner, inner.n - 1, 0);
      for (std::int64_t l = 0; l < lines; ++l, at.next())
        line(x + off[j] + at.array, last.array, y + j * step + at.list, last.list, last.n);
    }
  }

  template <class T>
  static void line(const T* x, std::int64_t from, T* y, std::int64_t to, std::int64_t n) {
    if (from == 1 && to == 1 && n * std::int64_t{sizeof(T)} >= 64)
      std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
    else
      for (std::int64_t i = 0; i < n; ++i) y[i * to] = x[i * from];
  }

  template <class T>
  void blocks(const T* x, const std::int64_t* off, std::int64_t n, T* y, std::int64_t step) const {
    const std::int64_t bytes = p.inner.axis[0].n * std::int64_t{sizeof(T)};
    switch (bytes) {
      case 4:
        return copies<T, 4>(x, off, n, y, step);
      case 8:
        return copies<T, 8>(x, off, n, y, step);
      case 16:
        return copies<T, 16>(x, off, n, y, step);
      case 32:
        return copies<T, 32>(x, off, n, y, step);
      case 64:
        return copies<T, 64>(x, off, n, y, step);
      default:
        break;
    }
    if (bytes < 64) {
      for (std::int64_t j = 0; j < n; ++j) line(x + off[j], 1, y + j * step, 1, p.inner.axis[0].n);
      return;
    }
    constexpr std::int64_t kAhead =
        8;  // blocks lie anywhere: their first lines are asked for early
    for (std::int64_t j = 0; j < n; ++j) {
      if (j + kAhead < n) __builtin_prefetch(x + off[j + kAhead]);
      std::memcpy(y + j * step, x + off[j], static_cast<std::size_t>(bytes));
    }
  }

  template <class T, std::size_t kBytes>
  static void copies(const T* x, const std::int64_t* off, std::int64_t n, T* y, std::int64_t step) {
    for (std::int64_t j = 0; j < n; ++j) std::memcpy(y + j * step, x + off[j], kBytes);
  }
};

const char* name_of(const qn_opdesc& op) {
  return op.op == QN_OP_TAKE ? "take" : op.op == QN_OP_GATHER ? "gather" : "take_along_axis";
}

bool places_of(const qn_opdesc& op, Places& p) {
  const std::vector<std::int64_t> x = element_strides(op.in[0]);
  if (op.op == QN_OP_TAKE) return p.by_take(op, x.data(), op.out[0]);
  if (op.op == QN_OP_GATHER) return p.by_blocks(op, 1, x.data(), op.out[0]);
  return p.by_axis(op, x.data(), op.out[0]);
}

double gather_ns(const qn_opdesc& op, const Places& p) {
  const double n = static_cast<double>(sdk::element_count(op.out[0]));
  const double block = static_cast<double>(p.inner.count());
  const bool whole = p.inner.n == 0 || (p.inner.n == 1 && p.inner.axis[0].array == 1);
  const double places = static_cast<double>(p.places.count()) * p.n_index * 0.6;
  return places + n / block * (p.inner.n ? 3.0 : 0.6) +
         (whole ? n * sdk::itemsize(op.in[0].dtype) / 8.0 : n * 1.5);
}

}  // namespace

void query_gather(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  Places p;
  const char* name = name_of(op);
  if (sdk::element_count(op.in[0]) == 0 || sdk::element_count(op.out[0]) == 0)
    return host.refuse(answer, name, "no elements");
  if (!places_of(op, p))
    return host.refuse(answer, name, "only indices of 32 or 64 bits, and no more than 8 of them");
  p.merge();
  qn_candidate c = sdk::candidate(name, 1, estimate_ns(0, gather_ns(op, p), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_gather(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto plan = std::make_unique<GatherPlan>();
  Places& p = plan->p;
  if (!places_of(op, p)) return nullptr;
  p.merge();
  plan->size = sdk::itemsize(op.in[0].dtype);
  plan->outer = p.outer.count();
  plan->n_places = p.places.count();
  constexpr std::int64_t kPieceBytes = 1 << 15;
  plan->chunk = std::clamp<std::int64_t>(kPieceBytes / (p.inner.count() * plan->size), 1, kRun);
  plan->chunks = (plan->n_places + plan->chunk - 1) / plan->chunk;
  plan->n_tiles = free_tiles(gather_ns(op, p), op.max_workers, plan->chunks * plan->outer);
  info.n_tiles = plan->n_tiles;
  return plan;
}

}  // namespace quern::simd
