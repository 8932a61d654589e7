// view and as_strided: the elements of x under another dtype, or picked by strides over its
// row-major order. Copies; never makes an alias.
#include "plugins/naive/indexing.h"

namespace quern::naive {
namespace {

// Several elements of x make one of y, or one several, along the last axis, in memory order.
qn_status run_view(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  if (x.itemsize == y.itemsize) {
    copy_strided(run.out[0].data, strides_of(y), run.in[0].data, strides_of(x), y.shape,
                 y.itemsize);
    return QN_OK;
  }
  const std::size_t last = x.ndim() - 1;
  const std::uint32_t piece = x.itemsize < y.itemsize ? x.itemsize : y.itemsize;
  const std::int64_t in_x = x.itemsize / piece, in_y = y.itemsize / piece;
  for_each<2>({x.shape.data(), last}, {strides_of(x), strides_of(y)}, [&](const auto& at) {
    for (std::int64_t k = 0; k < x.shape[last] * in_x; ++k) {
      auto* to = advance(run.out[0].data, at[1] + k / in_y * y.strides[last], y.itemsize);
      const auto* from = advance(run.in[0].data, at[0] + k / in_x * x.strides[last], x.itemsize);
      copy_item(advance(to, k % in_y, piece), advance(from, k % in_x, piece), piece);
    }
  });
  return QN_OK;
}

qn_status run_as_strided(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  Strides picked{};
  for (std::size_t i = 0; i < y.ndim(); ++i) picked[i] = p.ints(1)[i];
  for_each<2>(y.shape, {picked, strides_of(y)}, [&](const auto& at) {
    const std::int64_t from = element_offset(x, p.integer(2) + at[0]);
    copy_item(advance(run.out[0].data, at[1], y.itemsize),
              advance(run.in[0].data, from, x.itemsize), y.itemsize);
  });
  return QN_OK;
}

const Kernel kTable[] = {
    {QN_OP_VIEW, "view", accept_any, run_view},
    {QN_OP_AS_STRIDED, "as_strided", accept_any, run_as_strided},
};

}  // namespace

const KernelList reinterpret_kernels = kernel_list(kTable);

}  // namespace quern::naive
