// Ops that give the elements of an array in row-major order and do nothing else: a lone `copy`, a
// reshape that no view can be, as_strided.
// Not here: conversions (map), changes of layout for other kernels (relayout.cpp).
#include "plugins/simd/families.h"
#include "plugins/simd/strided_copy.h"

namespace quern::simd {
namespace {

struct CopyPlan : Plan {
  StridedCopy copy;
  std::int64_t offset = 0;  // bytes
  std::uint32_t n_tiles = 1;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    copy.run(static_cast<const char*>(run.in[0].data) + offset, run.out[0].data,
             split(copy.units(), n_tiles, t), split(copy.units(), n_tiles, t + 1));
  }
};

// Elements of `shape` by strides in x to row-major memory.
bool arrange(const qn_array_desc& shape, const std::int64_t* in, StridedCopy& copy) {
  if (shape.ndim > kMaxWalkAxes) return false;
  const std::vector<std::int64_t> out = sdk::dense_strides(shape);
  Axis axes[kMaxWalkAxes];
  for (std::uint32_t k = 0; k < shape.ndim; ++k) axes[k] = {shape.shape[k], in[k], out[k]};
  return copy.arrange(axes, shape.ndim, sdk::itemsize(shape.dtype));
}

// All that strides reach from `offset` on lies within `count` elements.
bool inside(const qn_array_desc& y, const std::int64_t* strides, std::int64_t offset,
            std::int64_t count) {
  __int128 low = offset, high = offset;
  for (std::uint32_t k = 0; k < y.ndim; ++k) {
    const __int128 reach = static_cast<__int128>(y.shape[k] - 1) * strides[k];
    (reach < 0 ? low : high) += reach;
  }
  return low >= 0 && high < count;
}

// as_strided's strides are those of a row-major x, whatever x has.
bool arrange(const qn_opdesc& op, StridedCopy& copy, std::int64_t& offset) {
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  const std::int64_t n = sdk::element_count(x);
  if (x.dtype != y.dtype || n == 0 || sdk::element_count(y) == 0) return false;
  if (op.op != QN_OP_AS_STRIDED)
    return n == sdk::element_count(y) && arrange(x, element_strides(x).data(), copy);
  offset = sdk::attr_int(op, 2);
  if (sdk::attr_count(op, 1) != y.ndim || !inside(y, sdk::attr_ints(op, 1), offset, n))
    return false;
  offset *= sdk::itemsize(x.dtype);
  return arrange(y, sdk::attr_ints(op, 1), copy);
}

double bytes_of(const qn_opdesc& op) {
  return 2.0 * static_cast<double>(sdk::element_count(op.out[0])) * sdk::itemsize(op.out[0].dtype);
}

const char* name_of(const qn_opdesc& op) {
  return op.op == QN_OP_RESHAPE ? "reshape" : op.op == QN_OP_AS_STRIDED ? "as_strided" : "copy";
}

}  // namespace

bool is_copy(const qn_opdesc& op) {
  if (op.op != QN_OP_MAP || !op.program || op.n_in != 1 || op.n_out != 1) return false;
  const qn_program& p = *op.program;
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  return p.n_in == 1 && p.n_inst == 1 && p.n_out == 1 && p.out[0] == 1 && p.inst[0].a == 0 &&
         p.inst[0].op == QN_OP_COPY && x.dtype == y.dtype && x.ndim == y.ndim &&
         std::equal(x.shape, x.shape + x.ndim, y.shape);
}

void query_copy(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  StridedCopy copy;
  std::int64_t offset = 0;
  if (!arrange(op, copy, offset))
    return host.refuse(answer, name_of(op), "no elements, or more axes than it serves");
  const std::vector<std::int64_t> dense = sdk::dense_strides(op.in[0]);
  const qn_layout in =
      op.op == QN_OP_AS_STRIDED ? sdk::with_strides(dense.data()) : sdk::any_strides();
  qn_candidate c = sdk::candidate(name_of(op), kCopyKernel,
                                  estimate_ns(bytes_of(op), copy.compute_ns(), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = 1;
  c.in = &in;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_copy(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<CopyPlan>();
  if (op.op == QN_OP_AS_STRIDED && !sdk::is_row_major(op.in[0])) return nullptr;
  if (!arrange(op, p->copy, p->offset)) return nullptr;
  p->n_tiles = free_tiles(std::max(bytes_of(op) / 20.0, p->copy.compute_ns()), op.max_workers,
                          p->copy.units());
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
