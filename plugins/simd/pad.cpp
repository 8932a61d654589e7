// pad in all its modes, by copies of contiguous runs. x may lie in any dense order; the result lies
// in the same. Not here: a padding that a kernel takes in as it reads.
#include <cstring>

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

enum class Mode { constant, edge, reflect, symmetric };

bool mode_of(std::string_view s, Mode& mode) {
  if (s == "constant") return mode = Mode::constant, true;
  if (s == "edge") return mode = Mode::edge, true;
  if (s == "reflect") return mode = Mode::reflect, true;
  if (s == "symmetric") return mode = Mode::symmetric, true;
  return false;
}

// Where position j, possibly outside [0, n), comes from; -1 = the constant.
std::int64_t source(std::int64_t j, std::int64_t n, Mode mode) {
  if (j >= 0 && j < n) return j;
  if (mode == Mode::constant) return -1;
  if (mode == Mode::edge) return j < 0 ? 0 : n - 1;
  if (n == 1) return 0;
  const std::int64_t period = mode == Mode::reflect ? 2 * (n - 1) : 2 * n;
  j = (j % period + period) % period;
  if (j < n) return j;
  return mode == Mode::reflect ? period - j : period - 1 - j;
}

struct PaddedAxis {
  std::int64_t n, low, out;  // elements of x, in front of them, of the result
};

// A line is what lies inside the last padded axis: it is copied whole.
struct PadPlan : Plan {
  Mode mode = Mode::constant;
  std::vector<PaddedAxis> outer;
  PaddedAxis axis{1, 0, 1};
  std::int64_t line = 1;  // elements
  std::int64_t lines = 1;
  std::size_t size = 4;
  std::uint32_t n_tiles = 1;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const auto* x = static_cast<const char*>(run.in[0].data);
    auto* y = static_cast<char*>(run.out[0].data);
    const std::size_t bytes = static_cast<std::size_t>(line) * size;
    const std::int64_t end = split(lines, n_tiles, t + 1);
    for (std::int64_t at = split(lines, n_tiles, t); at < end;) {
      const std::int64_t from = at % axis.out, to = std::min(axis.out, from + end - at);
      const std::int64_t block = outer_source(at / axis.out);
      char* out = y + static_cast<std::size_t>(at) * bytes;
      at += to - from;
      if (block < 0) {
        fill(out, run.in[1].data, (to - from) * line);
        continue;
      }
      const char* in = x + static_cast<std::size_t>(block * axis.n) * bytes;
      for (std::int64_t i = from; i < to;) {
        const std::int64_t j = i - axis.low;
        std::int64_t n = 1;
        if (j >= 0 && j < axis.n) {
          n = std::min(axis.n - j, to - i);
          copy(out, in + static_cast<std::size_t>(j) * bytes, static_cast<std::size_t>(n) * bytes);
        } else if (const std::int64_t k = source(j, axis.n, mode); k >= 0) {
          copy(out, in + static_cast<std::size_t>(k) * bytes, bytes);
        } else {
          n = std::min(j < 0 ? -j : to - i, to - i);
          fill(out, run.in[1].data, n * line);
        }
        out += static_cast<std::size_t>(n) * bytes;
        i += n;
      }
    }
  }

  // The block of x for a position along all axes before the last padded one; -1 = the constant.
  std::int64_t outer_source(std::int64_t at) const {
    std::int64_t block = 0, step = 1;
    for (std::size_t k = outer.size(); k-- > 0; at /= outer[k].out, step *= outer[k].n) {
      const std::int64_t j = source(at % outer[k].out - outer[k].low, outer[k].n, mode);
      if (j < 0) return -1;
      block += j * step;
    }
    return block;
  }

  static void copy(char* to, const char* from, std::size_t bytes) {
    if (bytes == 4)
      std::memcpy(to, from, 4);
    else if (bytes == 8)
      std::memcpy(to, from, 8);
    else
      std::memcpy(to, from, bytes);
  }

  void fill(char* to, const void* value, std::int64_t n) const {
    switch (size) {
      case 1:
        return fill_with<std::uint8_t>(to, value, n);
      case 2:
        return fill_with<std::uint16_t>(to, value, n);
      case 4:
        return fill_with<std::uint32_t>(to, value, n);
      default:
        return fill_with<std::uint64_t>(to, value, n);
    }
  }

  template <class T>
  static void fill_with(char* to, const void* value, std::int64_t n) {
    T v;
    std::memcpy(&v, value, sizeof v);
    std::fill_n(reinterpret_cast<T*>(to), n, v);
  }
};

double bytes_of(const qn_opdesc& op) {
  return static_cast<double>(sdk::element_count(op.in[0]) + sdk::element_count(op.out[0])) *
         sdk::itemsize(op.in[0].dtype);
}

// Short lines cost a call each.
double pad_ns(const qn_opdesc& op, const std::vector<std::uint32_t>& order) {
  const std::int64_t *low = sdk::attr_ints(op, 0), *high = sdk::attr_ints(op, 1);
  double borders = 0, before = 1;
  for (const std::uint32_t a : order) {
    borders += before * static_cast<double>(low[a] + high[a] + (low[a] + high[a] > 0 ? 2 : 0));
    before *= static_cast<double>(op.out[0].shape[a]);
  }
  return borders * 6 + bytes_of(op) / 20;
}

void offer_in(const qn_host& host, const qn_opdesc& op, qn_answer* answer, const char* name,
              const std::vector<std::uint32_t>& order) {
  const std::vector<std::int64_t> x = strides_in_order(op.in[0], order),
                                  y = strides_in_order(op.out[0], order);
  const qn_layout in[] = {sdk::with_strides(x.data()), sdk::any_strides()};
  const qn_layout out = sdk::with_strides(y.data());
  qn_candidate c =
      sdk::candidate(name, 1, estimate_ns(bytes_of(op), pad_ns(op, order), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = 2;
  c.n_out = 1;
  c.in = in;
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

}  // namespace

void query_pad(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  const std::uint32_t size = sdk::itemsize(x.dtype);
  Mode mode;
  if (x.dtype != op.in[1].dtype || (size != 1 && size != 2 && size != 4 && size != 8))
    return host.refuse(answer, "pad", "dtypes that differ or of 16 bytes");
  if (sdk::element_count(x) == 0 || sdk::element_count(op.in[1]) != 1 || x.ndim == 0)
    return host.refuse(answer, "pad", "no elements, no axes, or a value that is no single one");
  if (!mode_of(sdk::attr_str(op, 2), mode)) return host.refuse(answer, "pad", "unknown mode");
  std::vector<std::uint32_t> rows, order;
  for (std::uint32_t i = 0; i < x.ndim; ++i) rows.push_back(i);
  offer_in(host, op, answer, "pad", rows);
  if (x.layout.kind == QN_LAYOUT_STRIDED && x.layout.strides && dense_order(x, order) &&
      !same_strides(x, x.layout.strides, strides_in_order(x, rows).data()))
    offer_in(host, op, answer, "pad.ordered", order);
}

std::unique_ptr<Plan> plan_pad(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  const qn_array_desc& x = op.in[0];
  auto p = std::make_unique<PadPlan>();
  std::vector<std::uint32_t> order;
  if (!mode_of(sdk::attr_str(op, 2), p->mode) || !dense_order(op.out[0], order)) return nullptr;
  const std::int64_t* low = sdk::attr_ints(op, 0);
  p->size = sdk::itemsize(x.dtype);
  for (const std::uint32_t a : order) {
    const PaddedAxis axis{x.shape[a], low[a], op.out[0].shape[a]};
    // Axes that are not padded are part of a line, or of the axis before them.
    if (axis.out == axis.n) {
      p->line *= axis.n;
      continue;
    }
    if (p->line > 1) {
      p->outer.push_back({p->line, 0, p->line});
      p->line = 1;
    }
    p->outer.push_back(axis);
  }
  if (!p->outer.empty()) {
    p->axis = p->outer.back();
    p->outer.pop_back();
  }
  p->lines = p->axis.out;
  for (const PaddedAxis& a : p->outer) p->lines *= a.out;
  p->n_tiles = free_tiles(pad_ns(op, order), op.max_workers, p->lines);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
